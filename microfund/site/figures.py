"""Figures that need more than one app: who supports a fund, and what all funds together have done so far."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Count, Max, QuerySet, Sum
from django.db.models.functions import Least

from businesses import queries as businesses
from businesses.models import Business
from investments.models import Fund, Order, Payout

#: An order counts from the moment it is paid.
SUPPORTING = (Order.State.PAID, Order.State.CONFIRMED)
TOTALS_SECONDS = 60
FEW_WORDS = 5


def supporters_of(fund: Fund) -> int:
    """How many different investors have paid for units of a fund."""
    return Order.objects.filter(fund=fund, state__in=SUPPORTING).aggregate(people=Count("investor", distinct=True))[
        "people"
    ]


def named_supporters(fund: Fund) -> QuerySet[Order, str]:
    """The names of those who paid for units of a fund and show theirs, who came last first; each once."""
    shown = Order.objects.filter(
        fund=fund, state__in=SUPPORTING, supporter_name_shown=True, frozen_at=None, investor__closed_at=None
    )
    newest = shown.values("investor", "investor__name").annotate(last=Max("applied_at"))
    return newest.order_by("-last", "investor").values_list("investor__name", flat=True)


def supporter_words(business: Business) -> list[Order]:
    """The newest messages that supporters wrote to the business when they bought; with the name of who shows it."""
    written = Order.objects.filter(fund__business=business, state__in=SUPPORTING, frozen_at=None)
    return list(
        written.exclude(supporter_message="").select_related("investor").order_by("-applied_at", "-pk")[:FEW_WORDS]
    )


@dataclass(frozen=True, slots=True)
class Totals:
    """All funds together: yen paid without fees, the donated part of it, what came back to investors before tax (yen),
    people, and jobs kept: of those who worked at the businesses before, as many as work there now."""

    raised: int
    donated: int
    repaid: int
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
        repaid=Payout.objects.filter(state=Payout.State.PAID).aggregate(sum=Sum("gross", default=0))["sum"],
        supporters=paid["people"],
        jobs=businesses.published().aggregate(jobs=Sum(Least("staff_before", "staff_now"), default=0))["jobs"],
    )
