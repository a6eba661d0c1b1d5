from datetime import date, datetime

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class ScheduleConfig(AppConfig):
    name = "microfund.kernel.schedule"
    label = "schedule"
    verbose_name = _("Schedule")

    def ready(self) -> None:
        from microfund.kernel.audit import services as audit
        from microfund.kernel.notices import services as notices
        from microfund.kernel.outbox import services as outbox

        from .services import register
        from .travel import wake

        def dispatch(*, on: date, at: datetime) -> dict[str, int]:
            return outbox.dispatch()

        def send(*, on: date, at: datetime) -> dict[str, int]:
            return notices.send_due()

        def seal(*, on: date, at: datetime) -> dict[str, int]:
            return {"sealed": audit.seal()}

        # Last of all: they carry what the other sweeps have written.
        register("outbox.dispatch", dispatch, cadence="minute", order=90)
        register("notices.send", send, cadence="minute", order=91)
        register("audit.seal", seal, cadence="minute", order=92)
        if settings.TIME_TRAVEL:
            register("schedule.travel", wake, cadence="minute", order=93)
