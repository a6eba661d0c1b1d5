"""What a fund has reported and paid, period by period, as everybody may see it (pages.md P8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from investments.offerings.models import Fund, Terms
from investments.revenue.models import REPORT_ACCEPTED, Period, RevenueReport
from investments.revenue.reports import planned_revenue

from .models import Distribution
from .queries import accepted_reports


@dataclass(frozen=True, slots=True)
class Result:
    """One period. Revenue in yen of the whole fund without consumption tax, None until its report is accepted;
    `reported` is what was accepted first where a restatement replaced it. `distributions` are the approved ones: the
    period's own, and supplements after the last."""

    period: Period
    plan: int | None
    revenue: int | None
    reported: int | None
    report: RevenueReport | None
    distributions: Sequence[Distribution]
    report_late: bool
    payment_late: bool

    @property
    def per_unit(self) -> int | None:
        """Yen per unit that the period paid or is to pay; None until it is decided."""
        return sum(own.per_unit for own in self.distributions) if self.distributions else None

    @property
    def written_off(self) -> int:
        """Yen per unit of it that will not be paid."""
        return sum(own.written_off_per_unit for own in self.distributions)

    @property
    def cash_per_unit(self) -> int | None:
        """Yen per unit that reach the holders: what was decided less what was written off."""
        return None if self.per_unit is None else self.per_unit - self.written_off


def results_of(fund: Fund, terms: Terms, *, on: date, periods: Sequence[Period] | None = None) -> list[Result]:
    """Every period in order, as of a business date; three queries however many there are, two where the `periods` are
    known. Empty before the term."""
    reports = accepted_reports(fund)
    decided: dict[int, list[Distribution]] = {}
    approved = fund.distributions.filter(state=Distribution.State.APPROVED)
    for own in approved.select_related("period", "terms", "report").order_by("supplement"):
        own.fund = fund
        decided.setdefault(own.period_id, []).append(own)
    found = []
    if periods is None:
        periods = list(fund.periods.select_related("moratorium").order_by("number"))
    for period in periods:
        versions = reports.get(period.number, [])
        own_distributions = decided.get(period.pk, [])
        first, newest = (versions[0], versions[-1]) if versions else (None, None)
        found.append(
            Result(
                period=period,
                plan=planned_revenue(terms, period.number),
                revenue=newest.revenue if newest else None,
                reported=first.revenue if first and newest and first.revenue != newest.revenue else None,
                report=first,
                distributions=own_distributions,
                report_late=period.state == Period.State.REPORT_DUE and period.report_due_on < on,
                payment_late=any(own.owed and own.payment_on < on for own in own_distributions),
            )
        )
    return found


def reported(results: Sequence[Result]) -> list[Result]:
    """Those whose report was accepted."""
    return [result for result in results if result.period.state in REPORT_ACCEPTED or result.revenue is not None]


def decided_so_far(results: Sequence[Result]) -> int:
    """Approved yen per unit over all periods, arrears and write-offs included."""
    return sum(result.per_unit or 0 for result in results)


def paid_so_far(results: Sequence[Result]) -> int:
    """Yen per unit that reached the holders: of periods that are paid, and of a wind-up what was released. Cash only:
    what was written off is not in it."""
    paid = [result for result in results if result.period.state == Period.State.PAID]
    ended = [result for result in results if result.period.state == Period.State.WOUND_UP]
    return sum(result.cash_per_unit or 0 for result in paid) + sum(
        own.instalment_per_unit for result in ended for own in result.distributions
    )


def written_off_so_far(results: Sequence[Result]) -> int:
    """Yen per unit that were written off over all periods."""
    return sum(result.written_off for result in results)
