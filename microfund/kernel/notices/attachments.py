"""What mails of a kind carry besides their words, such as a date for a calendar: made when the mail is sent, of what
stands then, so that nothing of it is kept twice."""

from __future__ import annotations

from collections.abc import Callable

from .models import Notice

#: Name, content, kind of file; None where there is nothing to carry (any more).
Attachment = tuple[str, bytes, str]
_makers: dict[str, Callable[[Notice], Attachment | None]] = {}


def register(kind: str, make: Callable[[Notice], Attachment | None]) -> None:
    """Say how the attachment of a kind is made; called once when an app is ready."""
    _makers[kind] = make


def of(notice: Notice) -> Attachment | None:
    """What a mail carries."""
    make = _makers.get(notice.kind)
    return make(notice) if make is not None else None
