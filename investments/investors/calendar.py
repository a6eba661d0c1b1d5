"""The secret address of a person's calendar: made, made anew, turned off, found (pages.md I11)."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Any

from django.db import transaction

from microfund.kernel.audit import services as audit

from .models import CalendarAddress

#: Bytes of chance in a token.
TOKEN_BYTES = 32
_LONGEST = 64


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def address_of(user: Any) -> CalendarAddress | None:
    """The user's calendar address, if there is one."""
    return CalendarAddress.objects.filter(user_id=user.pk).first()


def make_address(user: Any, *, at: datetime) -> CalendarAddress:
    """A new secret address; an older one stops working in the same transaction. Leaves an audit row."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with transaction.atomic():
        address, made = CalendarAddress.objects.update_or_create(
            user=user, defaults={"token": token, "token_hash": _hash(token), "made_at": at}
        )
        audit.record(
            action=f"investments.CalendarAddress.{'made' if made else 'reset'}", subject=address, at=at, actor=user
        )
    return address


def drop_address(user: Any, *, at: datetime) -> bool:
    """Turn the user's calendar off; whether there was one. Leaves an audit row."""
    with transaction.atomic():
        address = CalendarAddress.objects.select_for_update().filter(user_id=user.pk).first()
        if address is None:
            return False
        audit.record(action="investments.CalendarAddress.dropped", subject=address, at=at, actor=user)
        address.delete()
    return True


def find(token: str) -> CalendarAddress | None:
    """The address with this token, with its user; None for an unknown or former token and for a closed account."""
    if not token.isascii() or len(token) > _LONGEST:
        return None
    return CalendarAddress.objects.select_related("user").filter(token_hash=_hash(token), user__is_active=True).first()
