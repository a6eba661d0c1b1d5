"""Reads of followers: who is written to, and what somebody follows."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, QuerySet

from businesses.models import Business

from .models import Follow


def live() -> QuerySet[Follow]:
    """Followers who are written to: confirmed, not ended, of an account that can still log in."""
    return Follow.objects.filter(
        Q(user__isnull=True) | Q(user__is_active=True), confirmed_at__isnull=False, ended_at__isnull=True
    )


def follow_of(user: Any, business: Business) -> Follow | None:
    """How the account follows the business; None when it does not."""
    if not user.is_authenticated:
        return None
    return live().filter(user=user, business=business).first()


def followed_by(user: Any) -> QuerySet[Follow]:
    """Everything the account follows, by the name of the business."""
    return live().filter(user=user).select_related("business").order_by("business__name_en", "pk")


def cadences(business: Business) -> dict[str, int]:
    """How many follow a business, by how often they are written to."""
    found = live().filter(business=business).values_list("cadence").annotate(Count("pk"))
    return dict.fromkeys(Follow.Cadence.values, 0) | dict(found)


def count(business: Business) -> int:
    """How many follow a business."""
    return live().filter(business=business).count()
