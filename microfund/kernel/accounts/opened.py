"""What of the things that came into an account its owner has opened (pages.md I1)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from .models import Opened


def mark(user: Any, what: str, *, at: datetime) -> None:
    """Its owner opens something; the same again is nothing."""
    Opened.objects.get_or_create(user=user, what=what, defaults={"at": at})


def opened(user: Any, things: Iterable[str]) -> set[str]:
    """Which of these a person has opened; one query, none for nothing."""
    wanted = list(things)
    return set(Opened.objects.filter(user=user, what__in=wanted).values_list("what", flat=True)) if wanted else set()
