"""Revenue reports: written and signed by the owner, decided by staff, restated with a reason (domain.md sections 5, 6).

What a report pays is computed by `distributions`, which stands above.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.offerings import services as offerings
from investments.offerings.models import Fund, Terms
from microfund.kernel import clock, locks
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.outbox.services import publish

from . import evidence
from .models import PERIOD_STATES, REPORT_ACCEPTED, REPORT_STATES, Period, RevenueReport

#: A figure this far off the plan needs a comment.
COMMENT_BEYOND = Decimal("0.1")
#: More than any firm of these sells in a period: a slip of the pen (yen).
REVENUE_MOST = 10**13


def planned_revenue(terms: Terms, number: int) -> int | None:
    """What the terms planned for a period, in yen; None where they say nothing."""
    plan = terms.plan_revenue or []
    return int(plan[number - 1]) if number <= len(plan) else None


def off_plan(revenue: int, plan: int | None) -> bool:
    """Whether a figure is more than 10 % above or below the plan."""
    return bool(plan) and abs(revenue - plan) > plan * COMMENT_BEYOND  # type: ignore[operator]


def clean_lines(lines: list[dict[str, Any]], months: int) -> tuple[list[dict[str, Any]], int]:
    """The figures as they are stored and their sum. Raises DomainError("figures"): a line without a name, not one whole
    amount for each month, negative or impossibly large, or no line at all."""
    if not lines:
        raise DomainError("figures", _("Give the figures of every month."))
    stored: list[dict[str, Any]] = []
    for line in lines:
        label, figures = str(line.get("label", "")).strip()[:80], list(line.get("months", []))
        if len(lines) > 1 and not label:
            raise DomainError("figures", _("Name each line."))
        if len(figures) != months:
            raise DomainError("figures", _("Give one figure for each of the %(months)d months.") % {"months": months})
        for figure in figures:
            if type(figure) is not int or not 0 <= figure <= REVENUE_MOST:
                raise DomainError("figures", _("Figures are whole yen without consumption tax, 0 or more."))
        stored.append({"label": label, "months": figures})
    return stored, sum(sum(line["months"]) for line in stored)


def _require_writable(fund: Fund, period: Period, *, restatement: bool) -> None:
    if restatement:
        if fund.state not in (Fund.State.OPERATING, Fund.State.MATURED) or period.state not in REPORT_ACCEPTED:
            raise DomainError("not_restatable", _("Only a period whose report was accepted can be restated."))
        if period.relief == "waive":
            raise DomainError("not_restatable", _("This period was waived: there is no figure to restate."))
        if not period.reports.filter(state="accepted", restatement=False, action__in=["report", "defer"]).exists():
            raise DomainError("not_restatable", _("This period was waived: there is no figure to restate."))
        if period.number <= offerings.current_terms(fund).grace_periods:
            raise DomainError("not_restatable", _("A period of grace does not count; there is nothing to restate."))
    elif period.state != Period.State.REPORT_DUE:
        raise DomainError("wrong_state", _("This period does not wait for a report."))


def save_draft(
    period: Period,
    *,
    lines: list[dict[str, Any]],
    actor: Any,
    at: datetime,
    action: str = "report",
    restatement: bool = False,
    staff: int | None = None,
    jobs_created: int | None = None,
    comment: str = "",
    reason: str = "",
) -> RevenueReport:
    """Write the open draft of a period, or begin one: a version after the last. Figures in yen without consumption tax.

    Raises DomainError: "wrong_state" (the period does not wait for a report, or one is with staff), "not_restatable",
    "figures", "last_period_deferred".
    """
    with transaction.atomic():
        fund = locks.lock_one(Fund, period.fund_id)
        period = locks.lock_one(Period, period.pk)
        _require_writable(fund, period, restatement=restatement)
        terms = offerings.current_terms(fund)
        stored, revenue = clean_lines(lines, terms.period_months)
        if action == RevenueReport.Action.DEFER and period.number == terms.periods:
            raise DomainError("last_period_deferred", _("The last period cannot be deferred."), field="action")
        draft = period.reports.filter(state__in=["draft", "submitted"]).first()
        if draft is not None and draft.state == RevenueReport.State.SUBMITTED:
            raise DomainError("wrong_state", _("This report is with the fund's staff."))
        if draft is None:
            before = period.reports.order_by("-version").first()
            draft = RevenueReport(period=period, version=before.version + 1 if before else 1)
        draft.action, draft.restatement = action, restatement
        draft.lines, draft.revenue = stored, revenue
        draft.staff, draft.jobs_created = staff, jobs_created
        draft.comment, draft.reason = comment.strip()[:4_000], reason.strip()[:4_000]
        draft.written_by, draft.saved_at = actor, at
        begun = draft.pk is None
        draft.save()
        if begun and before is not None and before.state == RevenueReport.State.RETURNED:
            evidence.carry_over(before, draft)
        return draft


def submit(report: RevenueReport, *, actor: Any, at: datetime) -> RevenueReport:
    """The owner signs: the figures are frozen and go to the fund's staff.

    Raises DomainError: "wrong_state", "comment_needed" (more than 10 % off the plan), "reason_needed" (a deferral, a
    waiver and a restatement say why).
    """
    with transaction.atomic():
        fund = locks.lock_one(Fund, report.period.fund_id)
        period = locks.lock_one(Period, report.period_id)
        report = locks.lock_one(RevenueReport, report.pk)
        REPORT_STATES.require(report.state, RevenueReport.State.SUBMITTED)
        _require_writable(fund, period, restatement=report.restatement)
        plan = planned_revenue(offerings.current_terms(fund), period.number)
        if off_plan(report.revenue, plan) and not report.comment:
            raise DomainError(
                "comment_needed", _("Say why the figure is more than 10 % off the plan."), field="comment"
            )
        if (report.restatement or report.action != RevenueReport.Action.REPORT) and not report.reason:
            raise DomainError("reason_needed", _("Give a reason."), field="reason")
        REPORT_STATES.move(
            report, RevenueReport.State.SUBMITTED, at=at, actor=actor, submitted_by=actor, submitted_at=at
        )
        if not report.restatement:
            PERIOD_STATES.move(period, Period.State.REPORTED, at=at, actor=actor)
        publish(events.ReportSubmitted(report_id=report.pk, at=at), key=str(report.pk), at=at)
        return report


def _decide(report: RevenueReport, state: str, *, actor: Any, at: datetime, answer: str) -> RevenueReport:
    if actor.pk == report.submitted_by_id:
        raise DomainError("same_person", _("You signed this report; another person must decide on it."))
    return REPORT_STATES.move(
        report, state, at=at, actor=actor, reason=answer, decided_by=actor, decided_at=at, answer=answer[:4_000]
    )


def send_back(report: RevenueReport, *, actor: Any, at: datetime, reason: str) -> RevenueReport:
    """Staff return a report with what is to be mended. Raises DomainError("reason_needed", "wrong_state",
    "same_person")."""
    require_reason(reason)
    with transaction.atomic():
        locks.lock_one(Fund, report.period.fund_id)
        period = locks.lock_one(Period, report.period_id)
        report = _decide(locks.lock_one(RevenueReport, report.pk), "returned", actor=actor, at=at, answer=reason)
        if not report.restatement:
            PERIOD_STATES.move(period, Period.State.REPORT_DUE, at=at, actor=actor, reason=reason)
        publish(events.ReportReturned(report_id=report.pk, at=at), key=str(report.pk), at=at)
        return report


def accept(report: RevenueReport, *, actor: Any, at: datetime, reason: str = "") -> RevenueReport:
    """Staff accept a report: it counts as it stands. Raises DomainError("wrong_state", "same_person")."""
    with transaction.atomic():
        locks.lock_one(Fund, report.period.fund_id)
        period = locks.lock_one(Period, report.period_id)
        report = _decide(locks.lock_one(RevenueReport, report.pk), "accepted", actor=actor, at=at, answer=reason)
        if not report.restatement:
            PERIOD_STATES.move(period, Period.State.ACCEPTED, at=at, actor=actor, reason=reason)
        publish(events.ReportAccepted(report_id=report.pk, at=at), key=str(report.pk), at=at)
        return report


def discard(report: RevenueReport, *, actor: Any, at: datetime) -> RevenueReport:
    """The owner throws a draft away. Raises DomainError("wrong_state")."""
    with transaction.atomic():
        return REPORT_STATES.move(report, RevenueReport.State.DISCARDED, at=at, actor=actor)


# --- The period waits for its report --------------------------------------------------------------------------


def await_report(period_id: int, *, at: datetime) -> bool:
    """scheduled → report_due, the day after the period's end; False when it is not due or its fund has ended."""
    with transaction.atomic():
        period = locks.try_lock(Period, period_id, state=Period.State.SCHEDULED)
        if period is None or period.fund.state != Fund.State.OPERATING:
            return False
        if clock.today_in(period.fund.policy.zone, at) <= period.ends_on:
            return False
        PERIOD_STATES.move(period, Period.State.REPORT_DUE, at=at)
        publish(events.ReportDue(period_id=period.pk, at=at), key=str(period.pk), at=at)
        return True


def await_reports_due(*, on: Any, at: datetime) -> dict[str, int]:
    """Sweep: periods that have ended wait for their report."""
    counts = {"ended": 0, "errors": 0}
    due = Period.objects.filter(state=Period.State.SCHEDULED, ends_on__lt=on, fund__state=Fund.State.OPERATING)
    locks.each(
        due.order_by("ends_on", "pk").values_list("pk", flat=True),
        lambda pk: await_report(pk, at=at),
        counts,
        "ended",
    )
    return counts
