"""Where a fund stands by its approved rows, and what a report would pay: the rule, called with what is stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet, Sum

from investments.offerings import services as offerings
from investments.offerings.models import Fund
from investments.offerings.queries import rule_terms
from investments.offerings.rule import Action, PeriodResult, Report, Standing, judge
from investments.revenue.models import Period, RevenueReport

from .models import Allocation, Distribution


def accepted_reports(fund: Fund, *, before: int | None = None) -> dict[int, list[RevenueReport]]:
    """The accepted reports by period number, oldest version first; of periods before a number, if one is given."""
    found: dict[int, list[RevenueReport]] = {}
    reports = RevenueReport.objects.filter(period__fund=fund, state=RevenueReport.State.ACCEPTED)
    if before is not None:
        reports = reports.filter(period__number__lt=before)
    for report in reports.select_related("period").order_by("period__number", "version"):
        found.setdefault(report.period.number, []).append(report)
    return found


def counted_figures(reports: dict[int, list[RevenueReport]], grace: int) -> dict[int, int]:
    """Revenue by period as it stands now (yen): the newest accepted version of every period after grace that was
    reported or deferred. Whether it reaches the floor, the rule judges."""
    return {
        number: versions[-1].revenue
        for number, versions in reports.items()
        if number > grace and versions[0].action != RevenueReport.Action.WAIVE
    }


def distributed_per_unit(fund: Fund) -> int:
    """Approved yen per unit so far, arrears and write-offs included (domain.md section 5)."""
    approved = fund.distributions.filter(state=Distribution.State.APPROVED)
    return approved.aggregate(sum=Sum("per_unit"))["sum"] or 0


def standing(fund: Fund, *, before: int) -> Standing:
    """Where the fund stands before the report of period number `before`, by what was accepted and approved."""
    terms = offerings.current_terms(fund)
    return Standing(
        figures=counted_figures(accepted_reports(fund, before=before), terms.grace_periods),
        paid_per_unit=distributed_per_unit(fund),
        periods_done=before - 1,
        wound_up=fund.state == Fund.State.WOUND_UP,
    )


def preview(period: Period, *, revenue: int, action: str = Action.REPORT) -> PeriodResult:
    """What a report of this revenue (yen) would pay per unit, by the rule that pays; nothing is stored.

    Raises RuleError naming the field.
    """
    fund = period.fund
    terms = rule_terms(offerings.current_terms(fund))
    report = Report(period=period.number, revenue=revenue, action=Action(action))
    return judge(terms, standing(fund, before=period.number), report)[1]


def of_fund(fund: Fund) -> QuerySet[Distribution]:
    """The approved distributions of a fund in the order of its periods."""
    return (
        fund.distributions.filter(state=Distribution.State.APPROVED)
        .select_related("period", "report", "terms")
        .order_by("period__number", "supplement")
    )


def allocations_of(holding_ids: Iterable[int]) -> QuerySet[Allocation]:
    """The lines of these holdings in approved distributions, by period."""
    return (
        Allocation.objects.filter(holding_id__in=list(holding_ids), distribution__state=Distribution.State.APPROVED)
        .select_related("distribution__period", "distribution__terms", "distribution__fund")
        .order_by("distribution__period__number", "distribution__supplement")
    )


def explanation(distribution: Distribution, allocation: Allocation | None = None) -> dict[str, Any]:
    """The stored facts from which a payment is explained, all in yen: what counted, what it earned, what was paid
    before; `earned_exactly` is the entitlement before its one floor, as (yen, ten-thousandths of a yen)."""
    terms = rule_terms(distribution.terms)
    total, units = distribution.cumulative_revenue, terms.units_offered
    beyond = total * terms.scaled_before - terms.principal_total * 10_000
    if beyond <= 0:
        exact = total * terms.scaled_before // units
    else:
        exact = terms.investment * 10_000 + beyond * terms.scaled_after // (terms.scaled_before * units)
    number = distribution.period.number
    plan = distribution.terms.plan_revenue or []
    return {
        "number": number,
        "plan": int(plan[number - 1]) if number <= len(plan) else None,
        "revenue": distribution.figures.get(str(number), 0),
        "counted": distribution.counted_revenue,
        "cumulative": total,
        "rate": distribution.terms.rate_before_recoup,
        "rate_after": distribution.terms.rate_after_recoup,
        "recouped": beyond > 0,
        "units_offered": units,
        "earned_exactly": divmod(exact, 10_000),
        "earned": distribution.entitlement_per_unit,
        "paid_before": distribution.paid_before,
        "per_unit": distribution.per_unit,
        "carried": distribution.carried_per_unit,
        "reason": distribution.reason,
        "units": allocation.units if allocation else None,
        "gross": allocation.gross if allocation else None,
        "principal": allocation.principal if allocation else None,
        "profit": allocation.profit if allocation else None,
        "tax": allocation.tax if allocation else None,
        "net": allocation.net if allocation else None,
    }
