"""Reads of businesses: what the public may see, who may look at a draft, and their pictures."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet

from microfund.kernel.accounts.roles import ROLES, has_role

from .models import Business, Membership, Picture


def published() -> QuerySet[Business]:
    """Businesses that the public may see."""
    return Business.objects.filter(state=Business.State.PUBLISHED)


def with_page_data(businesses: QuerySet[Business]) -> QuerySet[Business]:
    """The disaster and all pictures, in order, ready in two queries."""
    return businesses.select_related("disaster").prefetch_related("pictures")


def hero_pictures(path: str = "pictures") -> Prefetch:
    """The main picture of each business as a list `heroes` of none or one; `path` leads to `pictures`."""
    first = Picture.objects.filter(role=Picture.Role.HERO).order_by("business", "position", "pk").distinct("business")
    return Prefetch(path, first, to_attr="heroes")


def may_preview(user: Any, business: Business) -> bool:
    """Whether `user` may see the page before it is published: its members, and staff in any group."""
    if not user.is_authenticated:
        return False
    return has_role(user, *ROLES) or Membership.objects.filter(user=user, business=business).exists()
