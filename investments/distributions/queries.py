"""Where a fund stands by its approved rows, and what a report would pay: the rule, called with what is stored."""

from __future__ import annotations

from django.db.models import Sum

from investments.offerings import services as offerings
from investments.offerings.models import Fund
from investments.offerings.queries import rule_terms
from investments.offerings.rule import Action, PeriodResult, Report, Standing, judge
from investments.revenue.models import Period, RevenueReport, effective_action

from .models import Distribution


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
    reported or deferred, by its report or a moratorium. Whether it reaches the floor, the rule judges."""
    return {
        number: versions[-1].revenue
        for number, versions in reports.items()
        if number > grace and effective_action(versions[0].period, versions[0].action) != RevenueReport.Action.WAIVE
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
    report = Report(period=period.number, revenue=revenue, action=Action(effective_action(period, action)))
    return judge(terms, standing(fund, before=period.number), report)[1]
