"""Figures that need more than one app: who supports a fund, and what all funds together have done so far."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Count, Sum

from businesses import queries as businesses
from investments.models import Fund, Order

#: An order counts from the moment it is paid.
SUPPORTING = (Order.State.PAID, Order.State.CONFIRMED)
TOTALS_SECONDS = 60


def supporters_of(fund: Fund) -> int:
    """How many different investors have paid for units of a fund."""
    return Order.objects.filter(fund=fund, state__in=SUPPORTING).aggregate(people=Count("investor", distinct=True))[
        "people"
    ]


@dataclass(frozen=True, slots=True)
class Totals:
    """All funds together: yen paid without fees, the donated part of it, people, and jobs at the businesses now."""

    raised: int
    donated: int
    supporters: int
    jobs: int


def totals() -> Totals:
    """The counters of the first page. They read every order, so they are at most a minute old."""
    return cache.get_or_set("site.totals", _totals, TOTALS_SECONDS)


def _totals() -> Totals:
    paid = Order.objects.filter(state__in=SUPPORTING).aggregate(
        invested=Sum("investment", default=0),
        donated=Sum("donation", default=0),
        people=Count("investor", distinct=True),
    )
    return Totals(
        raised=paid["invested"] + paid["donated"],
        donated=paid["donated"],
        supporters=paid["people"],
        jobs=businesses.published().aggregate(jobs=Sum("staff_now", default=0))["jobs"],
    )
