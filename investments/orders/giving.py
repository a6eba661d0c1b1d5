"""An order that is meant for another person, until they accept it: the gift's row and what it holds back (pages.md,
gifts)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from .models import AWAITS_RECEIVER, Gift, Order

#: Bytes of chance in a token.
TOKEN_BYTES = 24
LONGEST_TOKEN = 64


@dataclass(frozen=True, slots=True)
class Wish:
    """Whom units are for: a name, an e-mail address (empty: the giver hands over the card), a few words, and the
    language in which they are written to."""

    name: str
    email: str
    message: str
    language: str


def new_token() -> dict[str, str]:
    """A fresh secret as the columns of a gift; the one before leads nowhere any more."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return {"token": token, "token_hash": hash_of(token)}


def hash_of(token: str) -> str:
    """The form in which a token is looked up."""
    return hashlib.sha256(token.encode()).hexdigest()


def give(order: Order, wish: Wish, *, at: datetime) -> Gift:
    """Write whom an order is for, once: the same form again changes nothing. Runs in the caller's transaction."""
    gift, _made = Gift.objects.get_or_create(
        order=order,
        defaults={
            "receiver_name": wish.name,
            "receiver_email": wish.email,
            "message": wish.message,
            "language": wish.language,
            "created_at": at,
            **new_token(),
        },
    )
    return gift


def awaits_receiver(order: Order) -> bool:
    """Whether the order is a gift that nobody has accepted and the giver has not kept. Who decides on the answer holds
    the order's row, as everybody does who moves a gift."""
    return Gift.objects.filter(order_id=order.pk, state__in=AWAITS_RECEIVER).exists()
