from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "microfund.kernel.accounts"
    label = "accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        from allauth.account.signals import email_changed

        from . import mail_samples
        from .former import remember
        from .roles import ensure_groups

        mail_samples.register()
        email_changed.connect(remember, dispatch_uid="former-addresses")

        post_migrate.connect(lambda **kwargs: ensure_groups(), sender=self, weak=False, dispatch_uid="staff-groups")
