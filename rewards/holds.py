"""Which rewards may not leave the house now: a payment of their holding is disputed, or their holder has died and they
are the heirs' (domain.md sections 4.9 and 11)."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from investments.models import Order


def disputed(of: str = "") -> Q:
    """Entitlements of holdings of which a payment is disputed, for a filter of theirs or, with `of` ("entitlement__"),
    of what belongs to one."""
    orders = Order.objects.filter(
        investor=OuterRef(f"{of}holding__investor"), fund=OuterRef(f"{of}holding__fund"), frozen_at__isnull=False
    )
    return Q(Exists(orders), **{f"{of}holding__frozen_at__isnull": False})


def stopped(of: str = "") -> Q:
    """Entitlements that are stopped. What somebody who died has passed on, and what is packed for them, goes where they
    wanted it (rewards/heirs.py)."""
    waits = Q(**{f"{of}holding__frozen_at__isnull": False}) & ~Q(**{f"{of}state__in": ("passed_on", "packing")})
    return disputed(of) | waits
