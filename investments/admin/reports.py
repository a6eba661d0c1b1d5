"""Revenue reports as staff check them: figures beside the plan and the year before, evidence, what they would pay
(domain.md sections 5 and 6)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.http import content_disposition_header
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from investments.distributions import queries as distributions
from investments.models import Evidence, Fund, Period, RevenueReport
from investments.offerings import services as offerings
from investments.offerings.rule import RuleError
from investments.revenue import evidence as evidences
from investments.revenue import reports
from microfund.kernel import clock, queues
from microfund.kernel.accounts.roles import OPERATIONS, REVIEWER, has_role
from microfund.kernel.acts import Act, RemarkForm
from microfund.kernel.admin import Panel, ReadOnlyAdmin, link, money
from microfund.kernel.money import format_money

#: A figure this far off that of the year before is an outlier (a share of it).
OFF_LAST_YEAR = Decimal("0.5")


def _accept(report: RevenueReport, *, actor: Any, at: datetime, reason: str) -> None:
    reports.accept(report, actor=actor, at=at, reason=reason)


def _return(report: RevenueReport, *, actor: Any, at: datetime, reason: str) -> None:
    reports.send_back(report, actor=actor, at=at, reason=reason)


def _submitted(report: RevenueReport) -> bool:
    return report.state == RevenueReport.State.SUBMITTED


def last_year(report: RevenueReport) -> int | None:
    """The revenue of the period a year before as it stands (yen), if it was accepted."""
    period = report.period
    before = period.number - 12 // offerings.current_terms(period.fund).period_months
    earlier = RevenueReport.objects.filter(
        period__fund_id=period.fund_id, period__number=before, state=RevenueReport.State.ACCEPTED
    )
    return earlier.order_by("-version").values_list("revenue", flat=True).first()


def _percent(revenue: int, other: int) -> str:
    tenths = abs(revenue - other) * 1_000 // other
    return f"{'+' if revenue > other else '-' if revenue < other else ''}{tenths // 10}.{tenths % 10} %"


def comparison(report: RevenueReport) -> list[tuple[Any, Any, Any, Any]]:
    """The figure beside the plan and the year before: (what, amount, difference, whether it is an outlier)."""
    plan = reports.planned_revenue(offerings.current_terms(report.period.fund), report.period.number)
    rows = []
    for label, other, beyond in (
        (_("plan"), plan, reports.COMMENT_BEYOND),
        (_("the year before"), last_year(report), OFF_LAST_YEAR),
    ):
        if other is None:
            rows.append((label, "–", "–", ""))
            continue
        off = abs(report.revenue - other) > other * beyond
        shown = _percent(report.revenue, other) if other else "–"
        rows.append((label, format_money(other), shown, _("outlier") if off else ""))
    return rows


@admin.register(RevenueReport)
class RevenueReportAdmin(ReadOnlyAdmin):
    """One version of a period's report."""

    list_display = (
        "period", "version", "state", "action", "restatement", money("revenue", _("revenue"), "JPY"), "submitted_at",
    )  # fmt: skip
    list_filter = ("state", "action", "restatement")
    list_select_related = ("period",)
    search_fields = ("period__fund__slug",)
    ordering = ("-pk",)
    fields = (
        "fund_link", "period", "version", "state", "action", "restatement", money("revenue", _("revenue"), "JPY"),
        "staff", "jobs_created", "comment", "reason", "submitted_by", "submitted_at", "decided_by", "decided_at",
        "answer",
    )  # fmt: skip
    acts = (
        Act(
            name="accept",
            label=_("Accept"),
            roles=(REVIEWER, OPERATIONS),
            run=_accept,
            form=RemarkForm,
            when=_submitted,
            explanation=_("The figures count as they stand, and the distribution can be calculated."),
            confirm=True,
        ),
        Act(
            name="return",
            label=_("Return"),
            roles=(REVIEWER, OPERATIONS),
            run=_return,
            when=_submitted,
            explanation=_("The owner is told what is to be mended, in your words, and writes a new version."),
        ),
    )

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_safe(self.evidence_view))
        name = "investments_revenuereport_evidence"
        return [path("<int:pk>/evidence/<int:evidence_id>/", view, name=name), *super().get_urls()]

    def evidence_view(self, request: HttpRequest, pk: int, evidence_id: int) -> HttpResponse:
        """One file of evidence, decrypted, to be saved; each look is an audit row."""
        if not has_role(request.user, REVIEWER):
            raise PermissionDenied
        evidence = Evidence.objects.filter(pk=evidence_id, report_id=pk).first()
        if evidence is None:
            raise Http404
        try:
            content = evidences.read(evidence, actor=request.user, at=clock.now())
        except FileNotFoundError:
            raise Http404 from None
        response = HttpResponse(content, content_type="application/octet-stream")
        response.headers["Content-Disposition"] = content_disposition_header(True, evidence.name) or "attachment"
        response.headers["Cache-Control"] = "private, no-store"
        return response

    @admin.display(description=_("fund"))
    def fund_link(self, row: RevenueReport) -> str:
        return link(Fund, row.period.fund_id, row.period.fund.slug)

    def facts(self, row: RevenueReport) -> list[tuple[Any, Any]]:
        return [
            (_("fund"), row.period.fund.slug),
            (_("period"), row.period.number),
            (_("revenue"), format_money(row.revenue)),
            *((label, f"{amount} ({shown}) {flag}") for label, amount, shown, flag in comparison(row)),
            (_("comment"), row.comment),
            (_("signed by"), row.submitted_by or "–"),
            *self._computed(row),
        ]

    @staticmethod
    def _computed(row: RevenueReport) -> list[tuple[Any, Any]]:
        """What the report would pay, by the rule that pays; a restatement acts from the next distribution on."""
        if row.restatement or not _submitted(row):
            return []
        try:
            result = distributions.preview(row.period, revenue=row.revenue, action=row.action)
        except RuleError as error:
            return [(_("distribution per unit"), str(error))]
        return [
            (_("distribution per unit"), format_money(result.per_unit)),
            (_("carried, per unit"), format_money(result.carried_per_unit)),
        ]

    def panels(self, request: HttpRequest, row: RevenueReport) -> list[Panel]:
        looks = has_role(request.user, REVIEWER)
        return [
            Panel(_("Figures by month"), (_("line"), _("months"), _("sum")),
                  [(line["label"] or _("revenue"), " · ".join(format_money(own) for own in line["months"]),
                    format_money(sum(line["months"]))) for line in row.lines], numeric=frozenset({2})),
            Panel(_("Compared with"), (_("with"), _("amount"), _("difference"), ""), comparison(row),
                  numeric=frozenset({1, 2})),
            Panel(_("What this report would pay"), (_("what"), _("amount")), self._computed(row),
                  numeric=frozenset({1})),
            Panel(_("Evidence"), (_("file name"), _("bytes"), _("SHA-256")),
                  [(self._evidence_link(own) if looks else own.name, own.size, own.sha256)
                   for own in row.evidence.order_by("pk")], numeric=frozenset({1})),
        ]  # fmt: skip

    @staticmethod
    def _evidence_link(own: Evidence) -> Any:
        url = reverse("admin:investments_revenuereport_evidence", args=[own.report_id, own.pk])
        return format_html('<a href="{}">{}</a>', url, own.name)


def late_periods() -> Any:
    """Periods whose report was due and has not come."""
    return Period.objects.filter(
        Q(state=Period.State.REPORT_DUE) | Q(state=Period.State.SCHEDULED),
        fund__state=Fund.State.OPERATING,
        report_due_on__lt=clock.today_in(),
    )


for queue in (
    queues.Queue(
        key="reports_to_check",
        label=_("Revenue reports to check"),
        model=RevenueReport,
        rows=lambda: RevenueReport.objects.filter(state=RevenueReport.State.SUBMITTED),
        since="submitted_at",
        roles=(REVIEWER, OPERATIONS),
    ),
    queues.Queue(
        key="reports_late",
        label=_("Late reports"),
        model=Period,
        rows=late_periods,
        since="report_due_on",
        roles=(REVIEWER, OPERATIONS),
    ),
):
    queues.register(queue)
