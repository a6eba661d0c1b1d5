"""Addresses that logins had before: remembered when allauth changes one, asked for when something grave is mailed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from .models import FormerAddress

#: For so long a change of account is also told to the address before.
DAYS = 30


def remember(sender: Any, user: Any, from_email_address: Any = None, **kwargs: Any) -> None:
    """Receiver of allauth's `email_changed`: keep the address that was replaced."""
    if from_email_address is not None:
        FormerAddress.objects.create(user=user, email=from_email_address.email)


def addresses_to_warn(user: Any, *, at: datetime) -> list[str]:
    """The login's address, then those that it had within the last DAYS days, each once."""
    former = FormerAddress.objects.filter(user=user, replaced_at__gte=at - timedelta(days=DAYS)).order_by("pk")
    return list(dict.fromkeys([user.email, *(row.email.lower() for row in former)]))
