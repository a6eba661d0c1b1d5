"""Reads around orders."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Length

from investments.offerings.models import Fund, FundCounter
from investments.offerings.queries import BYTES
from investments.policy import services as policy
from microfund.kernel import clock

from .models import Acceptance, Order


def order_of(user: Any, reference: str) -> Order:
    """The user's own order: made by them, or theirs since they accepted it as a gift. Raises Order.DoesNotExist for an
    unknown one and for another person's alike."""
    return Order.objects.select_related(
        "fund__business", "fund__policy", "fund__counter", "terms", "investor__user", "payer__user", "gift"
    ).get(Q(payer__user_id=user.pk) | Q(investor__user_id=user.pk), reference=reference)


def order_of_form(token: str, investor: Any) -> Order | None:
    """The order that this investor made by sending a form with this token; None for one that was not sent yet, that is
    another person's, or that is no token."""
    try:
        return Order.objects.filter(form_token=UUID(token), payer=investor).first() if investor else None
    except ValueError:
        return None


def orders_of(investor: Any) -> QuerySet[Order]:
    """The orders that the investor made or accepted as gifts, newest first."""
    return (
        Order.objects.filter(Q(investor=investor) | Q(payer=investor))
        .select_related("fund__business")
        .order_by("-applied_at", "-pk")
    )


def accepted(orders: Iterable[Order], investor: Any = None) -> list[Acceptance]:
    """What this investor, or else each order's own, accepted with these orders: the documents with their sizes (`size`,
    `pdf_size`) but not their bytes. `pdf_size` is None for a document from before PDFs were made.
    """
    found = list(
        Acceptance.objects.filter(order__in=orders, investor=investor or F("order__investor"))
        .select_related("document__fund__business", "document__terms")
        .defer(*(f"document__{name}" for name in BYTES))
        .annotate(size=Length("document__html"), pdf_size=Length("document__pdf"))
        .order_by("order_id", "pk")
    )
    for row in found:
        row.document.size = row.size
        row.document.pdf_size = row.pdf_size
    return found


def supports(user: Any, business: Any) -> bool:
    """Whether the account has paid for or holds units of a fund of the business."""
    if not user.is_authenticated:
        return False
    return Order.objects.filter(
        investor__user_id=user.pk,
        fund__business=business,
        state__in=[Order.State.PAID, Order.State.CONFIRMED],
    ).exists()


def transfer_deadline(profile: Any, at: datetime) -> datetime:
    """Until when a transfer must be booked: the end of the last bank day allowed (exclusive instant)."""
    day = clock.add_bank_days(clock.today_in(profile.zone, at), profile.bank_transfer_days)
    return clock.start_of_day(day + timedelta(days=1), profile.zone)


def ends_at(method: str, profile: Any, at: datetime) -> datetime:
    """When a payment begun now by this method is over at the latest (section 4.3).

    A konbini slip lives until the end of the n-th calendar day after the one on which it was made, which is at the
    latest when its page ends; the units then wait one hour more.
    """
    if method == policy.CARD:
        return at + timedelta(minutes=profile.reservation_minutes)
    if method == policy.KONBINI:
        made_on = clock.today_in(profile.zone, at + timedelta(minutes=profile.reservation_minutes))
        return clock.start_of_day(made_on + timedelta(days=profile.konbini_days + 1), profile.zone) + timedelta(hours=1)
    return transfer_deadline(profile, at)


def method_allowed(method: str, profile: Any, *, closes_at: datetime, total: int, at: datetime) -> bool:
    """Whether a way to pay is allowed by the policy, large enough, and over before the fund closes (section 4.3)."""
    return (
        method in profile.payment_methods
        and ends_at(method, profile, at) <= closes_at
        and not (method == policy.KONBINI and total > profile.konbini_maximum)
    )


def methods_for(fund: Fund, *, total: int, at: datetime) -> list[str]:
    """The ways to pay that are allowed now for an order of `total` yen, in the order to show them."""
    profile = fund.policy
    if profile is None:
        return []
    closes_at = FundCounter.objects.only("closes_at").get(pk=fund.pk).closes_at
    return [
        method for method in policy.METHODS if method_allowed(method, profile, closes_at=closes_at, total=total, at=at)
    ]
