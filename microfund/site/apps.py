from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _

from microfund.celery import app as celery_app

__all__ = ["SiteConfig", "StaffAdminConfig", "celery_app"]


class SiteConfig(AppConfig):
    name = "microfund.site"
    label = "site"
    verbose_name = _("Site")

    def ready(self) -> None:
        from microfund.kernel.schedule import travel
        from microfund.kernel.schedule.services import register

        from . import crew, mail_samples
        from .checks import time_stands_still
        from .field_words import name_fields
        from .verification import verify_due

        name_fields()
        mail_samples.register()

        # After everything else of the day, the sealing included.
        register("site.verify", verify_due, cadence="day", order=99, thorough=True)
        checks.register(time_stands_still)
        if settings.TIME_TRAVEL:
            travel.register_crew(crew.act)
            travel.register_follower(crew.provider_follows)


class StaffAdminConfig(AdminConfig):
    default_site = "microfund.site.admin_site.StaffAdminSite"
