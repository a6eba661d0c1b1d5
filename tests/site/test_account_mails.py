"""Mails about the account itself (E1 to E4): every one of allauth's is ours, plain, in the reader's language."""

import re
from pathlib import Path
from typing import Any

import allauth
import pytest
from allauth.account.adapter import get_adapter
from allauth.core import context as allauth_context
from django.conf import settings
from django.core import mail
from django.template.loader import get_template
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone, translation

from tests import make

pytestmark = pytest.mark.django_db

FOLDER = Path(allauth.__file__).parent / "templates"
#: Every mail of the apps that are installed, by its prefix; base templates left out.
PREFIXES = sorted(
    str(path.relative_to(FOLDER)).removesuffix("_subject.txt")
    for app in ("account", "mfa")
    for path in (FOLDER / app / "email").glob("*_subject.txt")
)
CONTEXT = {
    "code": "123-456",
    "activate_url": "http://127.0.0.1:8000/activate/",
    "password_reset_url": "http://127.0.0.1:8000/reset/",
    "signup_url": "http://127.0.0.1:8000/signup/",
    "from_email": "old@example.com",
    "to_email": "new@example.com",
    "deleted_email": "old@example.com",
    "ip": "192.0.2.7",
    "user_agent": "Browser & Sons <1>",
    "timestamp": timezone.now(),
}


def send(prefix: str, email: str = "somebody@example.com", **context: Any) -> Any:
    with allauth_context.request_context(RequestFactory().get("/")):
        get_adapter().send_mail(prefix, email, {**CONTEXT, **context})
    return mail.outbox[-1]


def test_the_installed_apps_have_mails() -> None:
    assert len(PREFIXES) >= 18


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_mail_is_ours_and_plain(prefix: str, language: str) -> None:
    for part in ("subject", "message"):
        origin = Path(get_template(f"{prefix}_{part}.txt").origin.name)
        assert origin.is_relative_to(settings.BASE_DIR / "templates"), origin
    user = make.make_user(language=language)
    sent = send(prefix, user.email, user=user)
    assert sent.subject and "\n" not in sent.subject and sent.to == [user.email]
    assert not re.search(r"\{[{%]|%\(|\bNone\b|&amp;|&lt;|example\.com!", sent.subject + sent.body)
    assert settings.OPERATOR[f"name_{language}"] in sent.body and settings.OPERATOR["email"] in sent.body
    if language == "en":
        words = [word for word in sent.subject.split()[1:] if word != "I"]
        assert all(word[0].islower() for word in words if word.isalpha()), f"{sent.subject} is not a plain sentence"
        assert "Hello from" not in sent.body and "Thank you for using" not in sent.body


@pytest.mark.parametrize(
    ("prefix", "shown"),
    [
        ("account/email/email_confirmation_signup", "123-456"),
        ("account/email/login_code", "123-456"),
        ("account/email/password_reset_key", "http://127.0.0.1:8000/reset/"),
        ("account/email/account_already_exists", "http://127.0.0.1:8000/reset/"),
        ("account/email/unknown_account", "http://127.0.0.1:8000/signup/"),
        ("account/email/email_changed", "old@example.com to new@example.com"),
        ("mfa/email/totp_activated", "192.0.2.7"),
        ("mfa/email/webauthn_removed", "Browser & Sons <1>"),
    ],
)
def test_a_mail_says_what_it_is_for(prefix: str, shown: str) -> None:
    assert shown in send(prefix).body


def test_a_notification_goes_out_in_the_language_of_the_account_not_of_the_page() -> None:
    user = make.make_user(language="ja")
    with translation.override("en"):
        assert settings.OPERATOR["name_ja"] in send("account/email/password_changed", user.email).body
    with translation.override("ja"):
        assert settings.OPERATOR["name_ja"] in send("account/email/unknown_account", "nobody@example.com").body
    with translation.override("en"):
        assert settings.OPERATOR["name_en"] in send("account/email/unknown_account", "nobody@example.com").body


def test_choosing_a_new_password_mails_a_link_and_then_that_it_was_changed(client: Client) -> None:
    user = make.make_user()
    client.post(reverse("account_reset_password"), {"email": user.email})
    link = re.search(r"http://\S+", mail.outbox[-1].body.split("--")[0])
    assert link and mail.outbox[-1].subject == "Choose a new password"
    page = client.get(link[0], follow=True)
    client.post(page.request["PATH_INFO"], {"password1": "Another-oar-1971", "password2": "Another-oar-1971"})
    assert mail.outbox[-1].subject == "Your password was changed"
    assert "If this was not you" in mail.outbox[-1].body
    assert len(mail.outbox) == 2
