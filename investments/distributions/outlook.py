"""What funds would pay with and without a moratorium, by the rule that pays: at plan, and at what was reported
(domain.md section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Count, Sum

from investments.offerings import services as offerings
from investments.offerings.models import Fund
from investments.offerings.queries import rule_terms
from investments.offerings.rule import Action, Report, judge
from investments.revenue.models import ACTIONS, DISTRIBUTED, UNDECIDED, Period, RevenueReport, effective_action
from investments.revenue.reports import planned_revenue

from .queries import standing


@dataclass(frozen=True, slots=True)
class Effect:
    """Yen per unit, before tax: not paid by the covered periods, paid more by later ones, never paid over the whole
    term, and what all periods that are not decided yet still pay."""

    withheld: int
    later: int
    never: int
    still: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """One fund: the numbers of the periods that would be covered, holders and units now, what it means for a unit at
    plan, and at the reported figures of those periods (None where none is reported). What it means for a holder is that
    times their units. `skipped`: why a period that ends in the range is not covered, by number."""

    fund: Fund
    periods: Sequence[int]
    holders: int
    units: int
    plan: Effect
    reported: Effect | None
    skipped: Mapping[int, str]


def covered(fund: Fund, *, action: str, from_on: Any, until_on: Any) -> tuple[list[Period], dict[int, str]]:
    """The undecided periods of a fund that end in a range, and those in it that cannot be covered, by number:
    "decided", "last" (the last period cannot be deferred), "covered" (by another moratorium)."""
    periods = list(fund.periods.filter(ends_on__range=(from_on, until_on)).order_by("number"))
    last = fund.periods.count()
    skipped: dict[int, str] = {}
    for period in periods:
        if period.state not in UNDECIDED:
            skipped[period.number] = "decided"
        elif period.moratorium_id is not None:
            skipped[period.number] = "covered"
        elif action == RevenueReport.Action.DEFER and period.number == last:
            skipped[period.number] = "last"
    return [period for period in periods if period.number not in skipped], skipped


def outlook(fund: Fund, *, action: str, from_on: Any, until_on: Any) -> Outlook:
    """What a moratorium would mean for one fund. Nothing is stored."""
    periods, skipped = covered(fund, action=action, from_on=from_on, until_on=until_on)
    held = fund.holdings.filter(units__gt=0).aggregate(held=Sum("units", default=0), holders=Count("pk"))
    numbers = {period.number: action for period in periods}
    known = RevenueReport.objects.filter(
        period__in=periods, state__in=[RevenueReport.State.SUBMITTED, RevenueReport.State.ACCEPTED]
    )
    return Outlook(
        fund=fund,
        periods=sorted(numbers),
        holders=held["holders"],
        units=held["held"],
        plan=_effect(fund, numbers, reported=False),
        reported=_effect(fund, numbers, reported=True) if known.exists() else None,
        skipped=skipped,
    )


def _effect(fund: Fund, relief: Mapping[int, str], *, reported: bool) -> Effect:
    if not relief:
        return Effect(0, 0, 0, 0)
    without, then = _paid(fund, {}, reported=reported), _paid(fund, relief, reported=reported)
    withheld = sum(without[number] - then[number] for number in relief)
    later = sum(then[number] - without[number] for number in then if number not in relief)
    # Fractions that would have made a whole yen with the covered periods may take one from the later ones.
    return Effect(withheld, max(0, later), withheld - later, sum(then.values()))


def _paid(fund: Fund, relief: Mapping[int, str], *, reported: bool) -> dict[int, int]:
    """Yen per unit by undecided period, through the rule: at plan, or at what was reported where it was."""
    terms = offerings.current_terms(fund)
    own_terms = rule_terms(terms)
    undecided = list(fund.periods.exclude(state__in=DISTRIBUTED).order_by("number"))
    reports: dict[int, RevenueReport] = {}
    if reported:
        found = RevenueReport.objects.filter(
            period__in=undecided, state__in=[RevenueReport.State.SUBMITTED, RevenueReport.State.ACCEPTED]
        )
        reports = {report.period_id: report for report in found.order_by("version")}
    now = replace(standing(fund, before=undecided[0].number), wound_up=False)
    paid = {}
    for period in undecided:
        report = reports.get(period.pk)
        asked = effective_action(period, report.action if report else RevenueReport.Action.REPORT.value)
        action = max(asked, relief.get(period.number, asked), key=ACTIONS.index)
        revenue = report.revenue if report else planned_revenue(terms, period.number) or 0
        now, result = judge(own_terms, now, Report(period=period.number, revenue=revenue, action=Action(action)))
        paid[period.number] = result.per_unit
    return paid
