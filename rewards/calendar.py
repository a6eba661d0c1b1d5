"""When an offer comes: pure dates, computed from the term's anchor (domain.md section 10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from investments.models import Fund, Period, Terms
from investments.revenue.services import period_rows

from .models import Cycle, Offer
from .season_models import month_day

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Opening:
    """One cycle as planned: its number, its record date, and the days of claiming and sending; `dispatch_from` where
    claims open before parcels are sent."""

    number: int
    record_on: date
    opens_on: date
    closes_on: date
    dispatch_from: date | None
    dispatch_by: date


def periods_of(fund: Fund, terms: Terms) -> list[Period]:
    """The periods of a fund: its rows, or before the term begins what they will be (prefetched or one query)."""
    return sorted(fund.periods.all(), key=lambda row: row.number) or period_rows(fund, terms, fund.policy)


def openings(offer: Offer, periods: Sequence[Period]) -> list[Opening]:
    """Every cycle of an offer over the term, in order; none before `offer.starts_on`."""
    found = [_opening(offer, number, first, periods[0].starts_on + _DAY) for number, first in _days(offer, periods)]
    return [row for row in found if offer.starts_on is None or row.opens_on >= offer.starts_on]


def to_come(offer: Offer, periods: Sequence[Period]) -> list[Opening]:
    """The cycles that have not opened, whether by this version of the offer or by one that it replaces: a season whose
    days are changed is not given twice. One query, and one for each earlier version."""
    counted = Offer.objects.filter(pk__in=lineage(offer))
    counted = (
        counted.filter(cycle=offer.cycle) if offer.cycle == Offer.Cycle.SEASON else counted.exclude(cycle="season")
    )
    opened = set(Cycle.objects.filter(offer__in=counted).values_list("number", flat=True))
    return [row for row in openings(offer, periods) if row.number not in opened]


def lineage(offer: Offer) -> list[int]:
    """The ids of an offer and of the versions that it replaces, the newest first."""
    found = [offer.pk]
    while offer.replaces is not None:
        offer = offer.replaces
        found.append(offer.pk)
    return found


def newest(offer: Offer) -> Offer:
    """The version that stands now: the offer itself, or the last of those that replace it."""
    while following := Offer.objects.filter(replaces=offer).first():
        offer = following
    return offer


def _opening(offer: Offer, number: int, first: date, earliest: date) -> Opening:
    """One cycle by its first day. A season that has a last day ends claims and sending on it; claims that would open
    before the day after the term's first have as many days from then on."""
    opens_on, closes_on = first, first + timedelta(days=offer.claim_days - 1)
    if offer.cycle == Offer.Cycle.SEASON and offer.season_until_month is not None:
        dispatch_by = offer.season_end(first)
        if window := offer.claims_of(first):
            opens_on = max(window[0], earliest)
            closes_on = window[1] + (opens_on - window[0])
    else:
        dispatch_by = closes_on + timedelta(days=offer.dispatch_days)
    sent_later = first if first > opens_on else None
    return Opening(number, opens_on - _DAY, opens_on, min(closes_on, dispatch_by), sent_later, dispatch_by)


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
