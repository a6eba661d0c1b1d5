"""allauth's hooks: the language a person signs up in, and mails that name the site."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _

from microfund.kernel import crypto, limits
from microfund.kernel.notices import compose

from . import places, tries


class AccountAdapter(DefaultAccountAdapter):
    """Keeps the language of sign-up for later mails; mails go out in the reader's language."""

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        user.language = translation.get_language() or "en"
        return super().save_user(request, user, form, commit)

    def post_login(self, request: HttpRequest, user: Any, *, signup: bool, **kwargs: Any) -> HttpResponse:
        """Log-in is over: a browser that this account has not seen is told about by mail."""
        response: HttpResponse = super().post_login(request, user, signup=signup, **kwargs)
        places.arrived(request, response, user, signup=signup)
        return response

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse too many failed tries, and say from when on one may try again."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as error:
            key = self._get_login_attempts_cache_key(request, **credentials)
            raise _too_many(error, tries.again_at(request, action="login_failed", key=key)) from None

    def validation_error(self, code: str, *args: Any) -> ValidationError:
        """allauth's own; of too many tries (codes, second factors) with the time at which they are surely over."""
        error: ValidationError = super().validation_error(code, *args)
        return _too_many(error, tries.again_at_last())

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send one of allauth's mails in the reader's language, as text and HTML. These carry codes and links that let
        people in, so they are no notices, which staff can read."""
        mail = self.compose(template_prefix, email, context)
        if compose.collect(template_prefix, mail):
            return
        message = EmailMultiAlternatives(
            mail.subject, mail.text, self.get_from_email(), [email], headers={"Content-Language": mail.language}
        )
        message.attach_alternative(mail.html, "text/html")
        message.send()

    def compose(self, template_prefix: str, email: str, context: dict[str, Any]) -> compose.Mail:
        """One of allauth's mails, put together from its text."""
        language = self._language(email, context.get("user"))
        with translation.override(language):
            named = {
                "site_url": settings.SITE_URL,
                "operator_name": settings.OPERATOR["name_ja" if language == "ja" else "name_en"],
                "operator_email": settings.OPERATOR["email"],
            }
            message = self.render_mail(template_prefix, email, {"email": email, **named, **context})
            return compose.of_text(message.subject, str(message.body), language=language)

    def _language(self, email: str, user: Any) -> str:
        """Of the account, or of the page for an address without one."""
        account = user or get_user_model().objects.filter(email__iexact=email).only("language").first()
        return getattr(account, "language", None) or translation.get_language() or "en"


def _too_many(error: ValidationError, at: datetime) -> ValidationError:
    """The same error, which says from when on it is over if it is one of too many tries."""
    if error.code != "too_many_login_attempts":
        return error
    text = _("Too many failed tries. You can try again from %(time)s, Japan time.") % {"time": limits.words(at)}
    return ValidationError(text, code=error.code)


class MFAAdapter(DefaultMFAAdapter):
    """Secrets of second factors are encrypted at rest like other secrets."""

    def encrypt(self, text: str) -> str:
        return crypto.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return crypto.decrypt(encrypted_text)
