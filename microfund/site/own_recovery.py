"""How the businesses that a person supports recover: the sales of each reported period against those before the
disaster (pages.md I1; the recovery index, 100 = a period as it was before)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from businesses.models import Business
from investments.models import Period, RevenueReport

#: The drawing: bars stand on the bottom line, the height of 100 is marked.
WIDTH, HEIGHT, EVEN = 120, 40, 20
HIGHEST = 200
#: Twelve months, in percent.
YEAR_IN_PERCENT = 1_200


@dataclass(frozen=True, slots=True)
class Bar:
    """One period: where its bar stands and how high it is."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Recovery:
    """A business with the index of its newest reported period, and the bars of all of them."""

    business: Business
    reference: str
    number: int
    index: int
    bars: tuple[Bar, ...]
    width: int = WIDTH
    height: int = HEIGHT
    even_y: int = HEIGHT - EVEN


def _months(period: Period) -> int:
    """How many months a period covers."""
    first, last = period.starts_on, period.ends_on
    return max(1, 12 * (last.year - first.year) + last.month - first.month + (1 if last.day >= first.day - 1 else 0))


def index(period: Period, revenue: int, business: Business) -> int | None:
    """Sales of a period in percent of those of as many months before the disaster; None where none were known."""
    before = business.revenue_before * _months(period)
    return (YEAR_IN_PERCENT * revenue + before // 2) // before if before else None


def recoveries(holdings: Iterable[Any]) -> list[Recovery]:
    """The businesses of these holdings that have reported, in the same order, each once; one query."""
    by_fund = {holding.fund_id: holding for holding in holdings}
    reports = (
        RevenueReport.objects.filter(period__fund__in=by_fund, state=RevenueReport.State.ACCEPTED)
        .select_related("period")
        .order_by("period__fund", "period__number", "-version")
        .distinct("period__fund", "period__number")
    )
    found: dict[int, list[tuple[int, int]]] = {}
    for report in reports:
        share = index(report.period, report.revenue, by_fund[report.period.fund_id].fund.business)
        if share is not None:
            found.setdefault(report.period.fund_id, []).append((report.period.number, share))
    made = []
    for fund, holding in by_fund.items():
        if shares := found.get(fund):
            number, newest = shares[-1]
            made.append(Recovery(holding.fund.business, holding.reference, number, newest, _bars(shares)))
    return made


def _bars(shares: list[tuple[int, int]]) -> tuple[Bar, ...]:
    slot = WIDTH // len(shares)
    bars = []
    for place, (_number, share) in enumerate(shares):
        height = max(1, EVEN * min(share, HIGHEST) // 100)
        bars.append(Bar(place * slot, HEIGHT - height, max(2, slot - 3), height))
    return tuple(bars)
