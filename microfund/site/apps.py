from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _

from microfund.celery import app as celery_app

__all__ = ["SiteConfig", "StaffAdminConfig", "celery_app"]


class SiteConfig(AppConfig):
    name = "microfund.site"
    label = "site"
    verbose_name = _("Site")

    def ready(self) -> None:
        from microfund.kernel.schedule.services import register

        from . import mail_samples
        from .field_words import name_fields
        from .verification import verify_due

        name_fields()
        mail_samples.register()

        # After everything else of the day, the sealing included.
        register("site.verify", verify_due, cadence="day", order=99)


class StaffAdminConfig(AdminConfig):
    default_site = "microfund.site.admin_site.StaffAdminSite"
