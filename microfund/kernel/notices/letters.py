"""Mails that are put together in Python: a Letter, set by the templates `email/letter`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.formats import date_format

from microfund.kernel import clock

from . import services as notices


@dataclass(frozen=True)
class MailPicture:
    """A picture in a mail: its address within it (`cid:`, attachments.py), what it shows, its size in pixels."""

    url: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True)
class Letter:
    """A mail in words: paragraphs, somebody's words under `quoted`, rows of facts, the page that holds it all, and a
    `picture` above where there is one."""

    subject: str
    paragraphs: Sequence[str]
    button: str
    url: str
    facts: Sequence[tuple[str, str]] = field(default=())
    quoted: str = ""
    quote: str = ""
    picture: MailPicture | None = None


def is_news(at: datetime) -> bool:
    """Whether something is recent enough to be mailed about: to be told of old things now would only frighten."""
    return clock.now() - at <= timedelta(days=settings.MAIL_NOTHING_OLDER_DAYS)


def is_over(at: datetime) -> bool:
    """Whether a moment has passed by the time that a mail about it is written."""
    return clock.now() >= at


def day(on: date) -> str:
    """A date as the active language writes it."""
    return date_format(on, "DATE_FORMAT")


def send(
    kind: str, letter: Letter, *, key: str, at: datetime, user: Any = None, to: str = "", name: str = "", lang: str = ""
) -> None:
    """Queue a letter to a user, or to an address in a language; once for each key."""
    notices.queue(
        kind,
        key=key,
        to=to or user.email,
        language=lang or user.language,
        at=at,
        user=user,
        template="letter",
        context={"letter": letter, "name": name},
    )


def to_user(kind: str, user: Any, letter: Callable[[], Letter], *, key: str, at: datetime, name: str = "") -> None:
    """One mail to a user, in their language. `letter` is called while it is active."""
    with translation.override(user.language):
        send(kind, letter(), key=key, at=at, user=user, name=name)
