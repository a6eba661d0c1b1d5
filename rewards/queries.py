"""Reads of what funds promise in kind, what a person may claim, and what a business has to send."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q, QuerySet, Sum

from businesses.models import Business
from investments.models import Fund, Holding
from investments.offerings.queries import newest_terms, terms_of

from . import calendar
from .handlers import quantity_of
from .models import TO_PACK, Compensation, Cycle, Entitlement, Offer, Parcel, Voucher

#: Where an entitlement stands for whom it belongs to.
WAITING, UNDER_WAY, OVER = ("claimable", "returned"), (*TO_PACK, "packing", "shipped"), (
    "delivered", "substituted", "declined", "expired", "carried", "withdrawn", "moved", "compensated",
)  # fmt: skip

#: Names that the page of a business shows.
NAMES = 500


def offers_of(fund: Fund) -> list[Offer]:
    """The promised rewards of a fund as they stand, those for the fewest units first."""
    return list(Offer.objects.filter(fund=fund, ended_at__isnull=True, waiting=False))


def passed_on(fund: Fund) -> int:
    """How many items holders of a fund have passed on to schools and food banks that were sent there."""
    sent = Entitlement.objects.filter(cycle__offer__fund=fund, parcel__donee__isnull=False)
    sent = sent.filter(state__in=[Entitlement.State.SHIPPED, Entitlement.State.DELIVERED])
    return sent.aggregate(items=Sum("quantity", default=0))["items"]


def named(fund: Fund) -> list[str]:
    """The names under which holders of a fund wished to be thanked, in the order of asking."""
    claimed = Parcel.objects.filter(
        entitlement__cycle__offer__fund=fund,
        entitlement__cycle__offer__kind=Offer.Kind.ACKNOWLEDGEMENT,
        entitlement__state=Entitlement.State.DELIVERED,
    )
    return list(claimed.exclude(card="").order_by("claimed_at", "pk").values_list("card", flat=True)[:NAMES])


def entitlements_of(investor: Any) -> QuerySet[Entitlement]:
    """A person's entitlements, the newest cycle first, with what a page of them needs; one query."""
    return (
        Entitlement.objects.filter(holding__investor=investor)
        .select_related("cycle__offer__fund__business", "holding", "parcel__donee", "voucher")
        .order_by("-cycle__opens_on", "-pk")
    )


@dataclass(frozen=True, slots=True)
class RewardCounts:
    """How many rewards of a holding wait for their holder, are on their way, and have arrived."""

    waiting: int = 0
    under_way: int = 0
    received: int = 0


def reward_counts(holdings: Sequence[int]) -> dict[int, RewardCounts]:
    """The rewards of holdings (ids), each item counted; one query."""
    items = Sum("quantity", filter=Q(state__in=WAITING), default=0)
    sent = Sum("quantity", filter=Q(state__in=UNDER_WAY), default=0)
    arrived = Sum("quantity", filter=Q(state=Entitlement.State.DELIVERED), default=0)
    found = Entitlement.objects.filter(holding__in=holdings).values("holding_id").order_by()
    return {
        row["holding_id"]: RewardCounts(row["waiting"], row["under_way"], row["received"])
        for row in found.annotate(waiting=items, under_way=sent, received=arrived)
    }


def vouchers_of(investor: Any) -> QuerySet[Voucher]:
    """The vouchers of what a person takes in kind, or is paid of a deceased's, the newest first; one query."""
    mine = Q(line__allocation__holding__investor=investor) | Q(line__allocation__holding__paid_to=investor)
    related = ("business", "line__distribution__period", "line__distribution__fund", "line__came_back")
    return Voucher.objects.filter(mine).select_related(*related).order_by("-pk")


@dataclass(frozen=True, slots=True)
class Coming:
    """A reward that is not open yet: its offer, the holding, how many items by the units of today, and its dates."""

    offer: Offer
    holding: Holding
    quantity: int
    opening: calendar.Opening


def coming(investor: Any, *, on: date) -> list[Coming]:
    """What a person can expect within the next two years, soonest first: a forecast by the units of today."""
    found = []
    holdings = (
        Holding.objects.filter(investor=investor, units__gt=0)
        .exclude(fund__state__in=["failed", "wound_up", "settled"])
        .select_related("fund__business", "fund__policy")
        .prefetch_related(newest_terms(path="fund__terms"), "fund__periods")
    )
    offers: dict[int, list[Offer]] = {}
    for offer in Offer.objects.filter(fund__holdings__in=holdings, ended_at__isnull=True, waiting=False).distinct():
        offers.setdefault(offer.fund_id, []).append(offer)
    for holding in holdings:
        own = offers.get(holding.fund_id, [])
        terms = terms_of(holding.fund) if own else None
        if terms is None:
            continue
        periods = calendar.periods_of(holding.fund, terms)
        for offer in own:
            quantity = quantity_of(offer, holding.units)
            for opening in calendar.to_come(offer, periods) if offer.replaces_id else calendar.openings(offer, periods):
                if quantity and on < opening.opens_on and (opening.opens_on - on).days <= 730:
                    found.append(Coming(offer, holding, quantity, opening))
    return sorted(found, key=lambda row: (row.opening.opens_on, row.offer.pk))


def cycles_of(business: Business) -> QuerySet[Cycle]:
    """The cycles of a business, the newest first."""
    found = Cycle.objects.filter(offer__fund__business=business).select_related("offer__fund__business")
    return found.order_by("-opens_on", "-pk")


def complaints_of(business: Business) -> QuerySet[Parcel]:
    """Parcels of which a holder says that something is wrong and which the business has not answered, oldest first."""
    found = Parcel.objects.filter(entitlement__cycle__offer__fund__business=business).exclude(complaint="")
    return found.select_related("entitlement__cycle__offer").order_by("complained_at", "pk")


def owed_by(businesses: Iterable[Business] | QuerySet[Business]) -> QuerySet[Compensation]:
    """What businesses owe instead of rewards and have not paid in, what is due first first."""
    found = Compensation.objects.filter(state=Compensation.State.APPROVED)
    found = found.filter(entitlement__holding__fund__business__in=businesses)
    return found.select_related("entitlement__cycle__offer__fund__business").order_by("due_on", "pk")


def compensation_of(row: Entitlement) -> Compensation | None:
    """What is paid instead of an entitlement, once it is decided."""
    return row.compensations.filter(state__in=["approved", "funded", "paid", "lost"]).first()


def days_to_wish(cycle: Cycle) -> Sequence[date]:
    """The days on which a parcel may be wished for: weekly, from the week after the claims end, or from the first day
    of a season that begins later."""
    first = max(cycle.closes_on.toordinal() + 7, cycle.wish_from.toordinal())
    return [date.fromordinal(day) for day in range(first, cycle.dispatch_by.toordinal() + 1, 7)]
