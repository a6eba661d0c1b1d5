"""The simulator page's numbers: a fund's planned sales, scaled, through the same rule that pays (pages.md 1.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from investments.offerings.rule import (
    Allocation,
    Report,
    RuleError,
    RuleTerms,
    allocate_units,
    recoup_revenue,
    redemption_percent,
    run,
)

#: What the page clips ``?sales_pct=`` to.
MOST_PERCENT = 300


@dataclass(frozen=True, slots=True)
class ProjectedPeriod:
    """One row of the simulator's table. ``revenue`` and its sum are yen of the fund; ``allocation`` is of all units."""

    period: int
    revenue: int
    counted_revenue: int
    cumulative_revenue: int
    per_unit: int
    cumulative_per_unit: int
    carried_per_unit: int
    allocation: Allocation
    cumulative_gross: int


@dataclass(frozen=True, slots=True)
class Projection:
    """What ``units`` get back if sales come in at ``percent`` of plan. Yen.

    ``invested`` is the invested half of these units; ``shortfall`` what of it never comes back; ``recoup_period`` the
    first period by which all of it has, or ``None``; ``recoup_revenue`` the whole revenue at which that happens.
    """

    percent: int
    units: int
    invested: int
    periods: tuple[ProjectedPeriod, ...]
    totals: Allocation
    per_unit: int
    shortfall: int
    recoup_period: int | None
    recoup_revenue: int
    redemption_percent: str


def project(
    terms: RuleTerms,
    plan_sales: Sequence[int],
    percent: int,
    units: int,
    withholding_rate: Decimal = Decimal(0),
) -> Projection:
    """Every period reported at ``percent`` of ``plan_sales`` (yen a period, floored), for ``units`` units.

    Tax is 0 unless today's withholding rate is passed. Raises ``RuleError`` if the plan does not cover the term, or on
    a negative or fractional figure; the page clips ``percent`` to ``MOST_PERCENT``.
    """
    if len(plan_sales) != terms.periods:
        raise RuleError("plan_sales", _("must list %(periods)s values, one a period") % {"periods": terms.periods})
    for path, value, least in (("percent", percent, 0), ("units", units, 1)):
        if type(value) is not int or value < least:
            raise RuleError(path, _("must be a whole number of at least %(least)s") % {"least": least})
    reports = [Report(number, sales * percent // 100) for number, sales in enumerate(plan_sales, start=1)]
    totals, rows, recoup_period = Allocation(), [], None
    for report, result in zip(reports, run(terms, reports), strict=True):
        line = allocate_units(result.per_unit, units, result.principal_before, terms.investment, withholding_rate)
        totals += line
        if recoup_period is None and result.paid_per_unit >= terms.investment:
            recoup_period = result.period
        rows.append(
            ProjectedPeriod(
                period=result.period,
                revenue=report.revenue,
                counted_revenue=result.counted_revenue,
                cumulative_revenue=result.cumulative_revenue,
                per_unit=result.per_unit,
                cumulative_per_unit=result.paid_per_unit,
                carried_per_unit=result.carried_per_unit,
                allocation=line,
                cumulative_gross=totals.gross,
            )
        )
    paid = rows[-1].cumulative_per_unit
    return Projection(
        percent=percent,
        units=units,
        invested=terms.investment * units,
        periods=tuple(rows),
        totals=totals,
        per_unit=paid,
        shortfall=max(0, terms.investment - paid) * units,
        recoup_period=recoup_period,
        recoup_revenue=recoup_revenue(terms),
        redemption_percent=redemption_percent(paid, terms.investment),
    )
