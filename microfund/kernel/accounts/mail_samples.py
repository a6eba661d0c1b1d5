"""The mails about a login (pages.md 2.6, E1 to E5), which allauth writes: when each is sent, and a sample of it."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import uuid4

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from microfund.kernel import clock
from microfund.kernel.notices import kinds

from . import factors
from .models import User

TO_USER = _("whoever logs in with the address")
ADDRESS = "haruka.ito@example.com"
#: The mails by the name of their templates: the code of pages.md, and when it goes out.
KINDS: dict[str, tuple[str, Any]] = {
    "account/email/email_confirmation_signup": ("E1", _("Somebody signs up: a code confirms the address")),
    "account/email/email_confirmation": ("E1", _("An address is added or changed: a code confirms it")),
    "account/email/account_already_exists": ("E1", _("Somebody signs up with an address that has an account")),
    "account/email/unknown_account": ("E1", _("Somebody asks for a new password with an unknown address")),
    "account/email/login_code": ("E1", _("Somebody logs in with a code instead of the password")),
    "account/email/password_reset_key": ("E2", _("Somebody has forgotten the password: a link")),
    "account/email/password_reset_code": ("E2", _("Somebody has forgotten the password: a code")),
    "account/email/password_reset": ("E2", _("A new password was chosen by the mailed link")),
    "account/email/password_changed": ("E2", _("The password was changed")),
    "account/email/password_set": ("E2", _("An account without a password got one")),
    "mfa/email/totp_activated": ("E3", _("An authenticator app was set up")),
    "mfa/email/totp_deactivated": ("E3", _("The authenticator app was removed")),
    "mfa/email/webauthn_added": ("E3", _("A passkey or security key was added")),
    "mfa/email/webauthn_removed": ("E3", _("A passkey or security key was removed")),
    "mfa/email/recovery_codes_generated": ("E3", _("New recovery codes were made")),
    "account/email/new_sign_in": ("E4", _("Somebody logs in from a browser that their account has not seen")),
    "account/email/email_confirm": ("E4", _("An address was confirmed")),
    "account/email/email_changed": ("E4", _("The address of the account was changed")),
    "account/email/email_deleted": ("E4", _("An address was removed from the account")),
}


def _context(language: str) -> dict[str, Any]:
    """What allauth hands to its templates, made up."""
    return {
        "user": User(email=ADDRESS, language=language),
        "code": "K7P-9QX",
        "activate_url": f"{settings.SITE_URL}/accounts/confirm-email/sample/",
        "password_reset_url": f"{settings.SITE_URL}/accounts/password/reset/key/sample/",
        "signup_url": f"{settings.SITE_URL}/accounts/signup/",
        "from_email": "haruka@example.com",
        "to_email": ADDRESS,
        "deleted_email": "haruka@example.com",
        "timestamp": clock.now(),
        "ip": "192.0.2.7",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    }


def _make(prefix: str, language: str) -> None:
    get_adapter().send_mail(prefix, ADDRESS, _context(language))


def _factors_taken(language: str) -> None:
    user = User.objects.create_user(f"{uuid4().hex[:8]}@sample.invalid", language=language)
    factors.tell(user, at=clock.now())


def register() -> None:
    """Declare all; called once when the app is ready."""
    taken = _("Staff take away the second factor of somebody who has lost it")
    kinds.declare("factors_taken", "E3", taken, TO_USER, _factors_taken)
    for prefix, (code, when) in KINDS.items():
        kinds.declare(prefix, code, when, TO_USER, partial(_make, prefix), name=prefix.rpartition("/")[2])
