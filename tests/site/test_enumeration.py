"""Nobody learns who has an account: what is answered is the same for every address, and so is the work behind it.

Time is not measured but what takes it is counted: password hashes (a third of a second each on the site), mails sent or
written while the visitor waits, statements. A statement takes less than a millisecond, far below the noise of a network
and of other people's requests; still their numbers are held together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from businesses.following import services as following
from businesses.models import Follow
from microfund.kernel.accounts.models import User
from microfund.kernel.notices.models import Notice
from tests import make
from tests.copies import counted_queries

pytestmark = pytest.mark.django_db

KNOWN, UNKNOWN = "haruka@example.com", "nobody@example.com"
WRONG = "Not-the-oar-1970"


@dataclass
class Work:
    """What one request was answered, and what was done for it meanwhile."""

    status: int
    led_to: str
    said: str
    hashes: int
    mails: int
    notices: int
    statements: int = field(compare=False)


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were hashed."""
    made: list[str] = []
    sound = MD5PasswordHasher.encode

    def counted(self: Any, password: str, salt: str) -> str:
        made.append(password)
        return sound(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    return made


@pytest.fixture
def ask(hashes: list[str]) -> Callable[..., Work]:
    """Send a form as a new visitor, and follow where it leads."""

    def sent(path: str, data: dict[str, str]) -> Work:
        cache.clear()
        browser = Client()
        browser.get(path)
        mail.outbox.clear()
        hashes.clear()
        notices = Notice.objects.count()
        with counted_queries() as statements:
            answer = browser.post(path, data)
        work = Work(
            answer.status_code,
            answer.headers.get("Location", ""),
            "",
            len(hashes),
            len(mail.outbox),
            Notice.objects.count() - notices,
            len(statements),
        )
        page = browser.get(work.led_to) if work.led_to else answer
        work.said = _without_what_was_typed(page.content.decode(), *data.values())
        return work

    return sent


def _without_what_was_typed(html: str, *typed: str) -> str:
    html = re.sub(r'(name="csrfmiddlewaretoken" value=")[^"]+', r"\1", html)
    for value in typed:
        html = re.sub(re.escape(value), "…", html, flags=re.IGNORECASE) if value else html
    return html


def alike(one: Work, other: Work, *, statements: int) -> bool:
    """Whether nobody could tell these apart; `statements` is how many more one of them may have sent."""
    return one == other and abs(one.statements - other.statements) <= statements


#: Page, form ("" stands for the address), hashes, mails, and by how many statements an account differs from none.
#: Signing up with a new address writes it down. That is a few milliseconds once: when it is asked again it is known.
ENTRANCES = [
    ("account_login", {"login": "", "password": WRONG}, 1, 0, 1),
    ("account_signup", {"email": "", "password1": "Quiet-harbour-1971"}, 1, 1, 8),
    ("account_reset_password", {"email": ""}, 0, 1, 0),
    ("account_request_login_code", {"email": ""}, 0, 1, 1),
]


@pytest.mark.parametrize(("page", "form", "hashed", "mailed", "statements"), ENTRANCES)
@pytest.mark.parametrize("prefix", ["", "/ja"])
def test_an_account_cannot_be_told_from_none(
    page: str,
    form: dict[str, str],
    hashed: int,
    mailed: int,
    statements: int,
    prefix: str,
    ask: Callable[..., Work],
) -> None:
    make.make_user(email=KNOWN)
    path = prefix + reverse(page)
    works = [ask(path, {name: value or email for name, value in form.items()}) for email in (KNOWN, UNKNOWN)]
    assert alike(*works, statements=statements), works
    assert (works[0].hashes, works[0].mails, works[0].notices) == (hashed, mailed, 0)


@pytest.mark.parametrize(("page", "form"), [entrance[:2] for entrance in ENTRANCES])
def test_accounts_of_every_kind_are_alike(page: str, form: dict[str, str], ask: Callable[..., Work]) -> None:
    """Without a password of its own, with its address not yet verified, closed by staff, or written in capitals."""
    make.make_user(email=KNOWN)
    bare, unverified, inactive = (make.make_user(email=f"{kind}@example.com") for kind in ("bare", "new", "off"))
    bare.set_unusable_password()
    bare.save(update_fields=["password"])
    unverified.emailaddress_set.update(verified=False)
    User.objects.filter(pk=inactive.pk).update(is_active=False)
    typed = [KNOWN, bare.email, unverified.email, inactive.email, KNOWN.upper()]
    works = [ask(reverse(page), {name: value or email for name, value in form.items()}) for email in typed]
    for email, work in zip(typed, works, strict=True):
        assert alike(work, works[0], statements=2), email


def test_the_count_notices_a_form_that_hashes_for_new_addresses_alone(ask: Callable[..., Work], settings: Any) -> None:
    """Negative control: allauth's own form."""
    settings.ACCOUNT_FORMS = {}
    make.make_user(email=KNOWN)
    works = [ask(reverse("account_signup"), {"email": email, "password1": WRONG}) for email in (KNOWN, UNKNOWN)]
    assert not alike(*works, statements=8)
    assert [work.hashes for work in works] == [0, 1]


def test_following_by_mail_does_not_tell_who_has_an_account_or_follows(ask: Callable[..., Work]) -> None:
    business = make.make_business()
    at = timezone.now() - timedelta(hours=1)
    by_account = make.make_user(email=KNOWN)
    following.follow_by_account(business, by_account, cadence="weekly", language="en", at=at)
    for email in ("asked@example.com", "follows@example.com", "ended@example.com"):
        following.ask_by_email([business], email, cadence="weekly", language="en", at=at)
    Follow.objects.filter(email__in=["follows@example.com", "ended@example.com"]).update(confirmed_at=at)
    Follow.objects.filter(email="ended@example.com").update(ended_at=at)
    paths = {
        reverse("businesses:follow", args=[business.slug]): {},
        reverse("follow_several"): {"businesses": business.slug},
    }
    typed = [UNKNOWN, KNOWN, "asked@example.com", "follows@example.com", "ended@example.com"]
    for path, fields in paths.items():
        works = [ask(path, {"email": email, "cadence": "weekly", **fields}) for email in typed]
        for email, work in zip(typed, works, strict=True):
            assert alike(work, works[0], statements=0), (email, work.statements, works[0].statements)
        assert (works[0].status, works[0].hashes, works[0].mails) == (302, 0, 0)


def test_a_message_to_the_operator_does_not_tell_who_has_an_account(ask: Callable[..., Work]) -> None:
    make.make_user(email=KNOWN)
    form = {"topic": "order", "message": "Where is the parcel that was promised?"}
    works = [ask(reverse("contact"), {**form, "email": email}) for email in (KNOWN, UNKNOWN)]
    assert alike(*works, statements=0), works
    assert (works[0].status, works[0].hashes, works[0].mails, works[0].notices) == (302, 0, 0, 1)
