"""Figures that need more than one app: who supports a fund, and what all funds together have done so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db.models import Count, Max, QuerySet, Sum
from django.db.models.functions import Least

from businesses import queries as businesses
from businesses.models import Business
from investments.investors.prefectures import NAMES
from investments.models import Fund, Order, Payout

#: An order counts from the moment it is paid.
SUPPORTING = (Order.State.PAID, Order.State.CONFIRMED)
TOTALS_SECONDS = 60
FEW_WORDS = 5
#: Of how many supporters a prefecture has at least, before it is named: fewer might be known by it.
FEWEST_OF_PREFECTURE = 3


@dataclass(frozen=True, slots=True)
class Supporters:
    """How many different investors, persons and companies, have paid for units of a fund, and where they live now."""

    people: int
    by_prefecture: tuple[tuple[str, int], ...]

    def named(self, most: int = len(NAMES)) -> list[tuple[str, int]]:
        """The `most` prefectures with most supporters, and "" for everybody elsewhere; nothing when none is named.

        A prefecture with fewer than FEWEST_OF_PREFECTURE is never named; nor is a closed account's.
        """
        counts = dict(self.by_prefecture)
        named = [(name, counts[name]) for name in NAMES if counts.get(name, 0) >= FEWEST_OF_PREFECTURE]
        named = sorted(named, key=lambda row: -row[1])[:most]
        elsewhere = self.people - sum(n for _name, n in named)
        return [*named, *([("", elsewhere)] if elsewhere else [])] if named else []


def supporters_of(fund: Fund) -> Supporters:
    """Who has paid for units of a fund, counted. Units that were taken back, or given back, count no more."""
    paid = Order.objects.filter(fund=fund, state__in=SUPPORTING).values("investor__prefecture")
    counted = paid.annotate(people=Count("investor", distinct=True)).values_list("investor__prefecture", "people")
    rows = tuple(counted.order_by("investor__prefecture"))
    return Supporters(people=sum(people for _name, people in rows), by_prefecture=rows)


def named_supporters(fund: Fund) -> QuerySet[Order, Any]:
    """Key and name of those who paid for units of a fund and show theirs, who came last first; each once."""
    shown = Order.objects.filter(
        fund=fund, state__in=SUPPORTING, supporter_name_shown=True, frozen_at=None, investor__closed_at=None
    )
    newest = shown.values("investor", "investor__name").annotate(last=Max("applied_at"))
    return newest.order_by("-last", "investor").values_list("investor", "investor__name")


def supporter_words(business: Business) -> list[Order]:
    """The newest messages that supporters wrote to the business when they bought; with the name of who shows it."""
    written = _messages().filter(fund__business=business)
    return list(written.select_related("investor").order_by("-applied_at", "-pk")[:FEW_WORDS])


def shown_messages(fund: Fund, investors: Iterable[int]) -> dict[int, list[str]]:
    """What these investors wrote when they bought units of a fund and showed their name, by investor, newest first."""
    shown = _messages().filter(fund=fund, investor__in=investors, supporter_name_shown=True)
    found: dict[int, list[str]] = {}
    for investor, message in shown.order_by("-applied_at", "-pk").values_list("investor", "supporter_message"):
        found.setdefault(investor, []).append(message)
    return found


def _messages() -> QuerySet[Order]:
    paid = Order.objects.filter(state__in=SUPPORTING, frozen_at=None, message_hidden_at=None)
    return paid.exclude(supporter_message="")


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
