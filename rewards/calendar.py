"""When an offer comes: pure dates, computed from the term's anchor (domain.md section 10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from investments.models import Fund, Period, Terms
from investments.revenue.services import period_rows

from .models import Offer, month_day

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Opening:
    """One cycle as planned: its number, its record date, and the days of claiming and sending."""

    number: int
    record_on: date
    opens_on: date
    closes_on: date
    dispatch_by: date


def periods_of(fund: Fund, terms: Terms) -> list[Period]:
    """The periods of a fund: its rows, or before the term begins what they will be (prefetched or one query)."""
    return sorted(fund.periods.all(), key=lambda row: row.number) or period_rows(fund, terms, fund.policy)


def openings(offer: Offer, periods: Sequence[Period]) -> list[Opening]:
    """Every cycle of an offer over the term, in order; none before `offer.starts_on`."""
    return [
        _opening(offer, number, opens_on)
        for number, opens_on in _days(offer, periods)
        if offer.starts_on is None or opens_on >= offer.starts_on
    ]


def _opening(offer: Offer, number: int, opens_on: date) -> Opening:
    """One cycle by its first day. A season that has a last day ends claims and sending on it."""
    closes_on = opens_on + timedelta(days=offer.claim_days - 1)
    if offer.cycle == Offer.Cycle.SEASON and offer.season_until_month is not None:
        dispatch_by = offer.season_end(opens_on)
    else:
        dispatch_by = closes_on + timedelta(days=offer.dispatch_days)
    return Opening(number, opens_on - _DAY, opens_on, min(closes_on, dispatch_by), dispatch_by)


def _days(offer: Offer, periods: Sequence[Period]) -> Iterator[tuple[int, date]]:
    """The number and the first day of every cycle, before `starts_on` is asked."""
    if not periods or offer.cycle == Offer.Cycle.NONE:
        return
    if offer.cycle == Offer.Cycle.SEASON:
        first, last = periods[0].starts_on, periods[-1].ends_on
        for year in range(first.year, last.year + 1):
            day = month_day(year, offer.season_month, offer.season_day)
            if first < day <= last:
                yield year, day
        return
    for period in periods:
        behind = period.number - offer.from_period
        once = offer.cycle == Offer.Cycle.ONCE
        if behind == 0 or (behind > 0 and not once and behind % offer.every == 0):
            yield period.number, period.ends_on + _DAY
