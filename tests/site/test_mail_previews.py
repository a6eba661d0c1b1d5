"""Previews of mails for staff: every kind has one, made by what sends the real one; nothing stays of it."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import allauth
import pytest
from allauth.core import context as allauth_context
from django.apps import apps
from django.conf import settings
from django.core import mail
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from microfund.kernel.accounts.roles import ROLES
from microfund.kernel.notices import choices, kinds
from microfund.kernel.notices import services as notices
from microfund.kernel.notices.compose import Mail
from microfund.kernel.notices.models import Notice
from tests import make
from tests.site.staff import console, make_staff

pytestmark = pytest.mark.django_db

#: A variable that is missing, a value that is none, half a translation, HTML as text.
UNFINISHED = re.compile(r"\{[{%]|%\(|\bNone\b|&amp;|&lt;|\[missing")


def preview(own: kinds.Sample, language: str) -> Mail:
    with allauth_context.request_context(RequestFactory().get("/")):
        return kinds.preview(own, language)


def _rows() -> dict[str, int]:
    """How many rows each table has that a sample could touch."""
    models = [model for model in apps.get_models() if model._meta.managed and not model._meta.proxy]
    return {model._meta.label: model._default_manager.count() for model in models}


@pytest.mark.parametrize("own", kinds.samples(), ids=lambda own: own.name)
def test_a_preview_is_the_whole_mail_in_both_languages_and_leaves_nothing(own: kinds.Sample, settings: Any) -> None:
    engine = settings.TEMPLATES[0]
    options = {**engine["OPTIONS"], "string_if_invalid": "[missing %s]"}
    settings.TEMPLATES = [{**engine, "OPTIONS": options}]
    before = _rows()
    for language in ("en", "ja"):
        made = preview(own, language)
        assert made.subject and made.preheader and made.language in (language, "en")
        assert not UNFINISHED.search(f"{made.subject}\n{made.preheader}\n{made.text}"), made.text
        assert f'lang="{made.language}"' in made.html and made.preheader in unescape(made.html)
        assert "[missing" not in made.html
        assert settings.SITE_URL in made.text and settings.OPERATOR["email"] in made.html
    assert _rows() == before and not mail.outbox


def test_every_mail_of_the_site_has_a_sample() -> None:
    declared = {own.kind for own in kinds.samples()}
    folder = settings.BASE_DIR / "templates/email"
    own = {path.name.removesuffix(".subject.txt") for path in folder.glob("*.subject.txt")} - {"letter"}
    package = Path(allauth.__file__).parent / "templates"
    theirs = {
        str(path.relative_to(package)).removesuffix("_subject.txt")
        for app in ("account", "mfa")
        for path in (package / app / "email").glob("*_subject.txt")
    }
    assert own | theirs | {kind.kind for kind in choices.optional_kinds()} <= declared
    assert len(declared) > 60


def test_a_mail_without_a_sample_cannot_be_queued() -> None:
    with pytest.raises(LookupError, match="no sample of the mail 'surprise'"):
        notices.queue(
            "surprise", key="1", to="a@example.com", language="en", at=timezone.now(), context={}, template="letter"
        )


def test_who_is_sent_a_mail_gets_what_the_preview_shows() -> None:
    own = kinds.sample("contact_message")
    shown = preview(own, "en")
    with allauth_context.request_context(RequestFactory().get("/")):
        own.make("en")
    sent = Notice.objects.get(kind="contact_message")
    assert (sent.subject, sent.text, sent.html) == (shown.subject, shown.text, shown.html)


@pytest.mark.parametrize("role", ROLES)
def test_staff_of_every_group_look_at_the_mails(role: str) -> None:
    client = console(make_staff(role))
    page = client.get(reverse("admin:mail_previews")).content.decode()
    assert all(reverse("admin:mail_preview", args=[own.name]) in page for own in kinds.samples())
    shown = client.get(reverse("admin:mail_preview", args=["order_paid"]))
    assert shown.status_code == 200 and "frame-src 'self'" in shown["Content-Security-Policy"]
    page = shown.content.decode()
    assert "<iframe sandbox" in page and "伊藤 遥" in page and "Haruka Ito" in page


def test_the_html_of_a_mail_stands_in_a_sandbox_of_its_own() -> None:
    client = console(make_staff("support"))
    answer = client.get(reverse("admin:mail_preview_html", args=["letter_arrived", "ja"]))
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'") and "frame-ancestors 'self'" in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN" and answer["Content-Language"] == "ja"
    assert client.get(reverse("admin:mail_preview_html", args=["letter_arrived", "fr"])).status_code == 404
    assert client.get(reverse("admin:mail_preview", args=["no-such"])).status_code == 404


def test_a_stranger_and_staff_without_a_group_see_no_preview(client: Any) -> None:
    url = reverse("admin:mail_preview", args=["order_paid"])
    assert client.get(url).status_code == 302
    client.force_login(make.make_user())
    assert client.get(url).status_code == 302
    groupless = make_staff("support")
    groupless.groups.clear()
    client.force_login(groupless)
    assert client.get(url).status_code == 403
    assert client.get(reverse("admin:mail_previews")).status_code == 403
