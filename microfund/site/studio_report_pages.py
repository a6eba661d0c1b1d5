"""What an owner reports and pays (pages.md O5, O6): the periods of each fund, a form with a field for every month, what
it would pay before it is signed, and what the business owes.

It shows revenue and distributions together and therefore lives here; the services belong to their apps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from businesses.studio.access import Desk, studio
from investments.distributions.models import Distribution
from investments.distributions.queries import preview
from investments.models import Fund, Period, RevenueReport, Terms
from investments.offerings import queries as offerings
from investments.offerings.rule import PeriodResult, RuleError
from investments.offerings.services import current_terms
from investments.revenue import reports
from investments.revenue.models import REPORT_ACCEPTED
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import REFUSED, form_methods

#: States of funds that have periods.
IN_TERM = (Fund.State.OPERATING, Fund.State.MATURED, Fund.State.SETTLED, Fund.State.WOUND_UP)


class ReportForm(forms.Form):
    """One period's report: a figure for every month (yen without consumption tax), who works there, what there is to
    say."""

    staff = forms.IntegerField(
        label=gettext_lazy("People employed now"), min_value=0, max_value=100_000, required=False
    )
    jobs_created = forms.IntegerField(
        label=gettext_lazy("Jobs created in this period"), min_value=0, max_value=100_000, required=False
    )
    action = forms.ChoiceField(
        label=gettext_lazy("What this report asks for"),
        choices=[
            ("report", gettext_lazy("Count it, and pay what it earns")),
            ("defer", gettext_lazy("Count it, but pay with the next period")),
            ("waive", gettext_lazy("Do not count this period")),
        ],
        widget=forms.RadioSelect,
        initial="report",
    )
    reason = forms.CharField(
        label=gettext_lazy("Why the payment is to be put off, or the figure corrected"),
        help_text=gettext_lazy("Only if you ask for that. The fund's staff decide, and your supporters read it."),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=4_000,
        required=False,
    )
    comment = forms.CharField(
        label=gettext_lazy("What happened this year"),
        help_text=gettext_lazy("Needed when sales are more than 10 % off the plan. Your supporters read it."),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=4_000,
        required=False,
    )

    def __init__(self, *arguments: Any, period: Period, months: int, restatement: bool, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if restatement:
            del self.fields["action"]
        labels = [clock.add_months(period.starts_on, number) for number in range(months)]
        figures = {
            f"month_{number}": forms.IntegerField(
                label=date_format(day, "YEAR_MONTH_FORMAT"),
                min_value=0,
                max_value=reports.REVENUE_MOST,
                localize=False,
                widget=forms.NumberInput(attrs={"inputmode": "numeric", "step": 1}),
            )
            for number, day in enumerate(labels, start=1)
        }
        self.fields = {**figures, **self.fields}
        self.months = months

    @property
    def month_fields(self) -> list[Any]:
        """The bound fields of the months."""
        return [self[f"month_{number}"] for number in range(1, self.months + 1)]

    @property
    def other_fields(self) -> list[Any]:
        """The bound fields after them."""
        return [field for field in self if not field.name.startswith("month_")]

    def values(self) -> dict[str, Any]:
        """What `reports.save_draft` takes."""
        data = dict(self.cleaned_data)
        figures = [data.pop(f"month_{number}") for number in range(1, self.months + 1)]
        return {**data, "lines": [{"label": "", "months": figures}]}


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """One period for the list: what was planned and reported (yen), what it paid per unit, what is to be done."""

    period: Period
    plan: int | None
    report: RevenueReport | None
    distribution: Distribution | None
    late: bool


def _funds(desk: Desk) -> list[Fund]:
    found = Fund.objects.filter(business=desk.business, state__in=IN_TERM).prefetch_related(
        offerings.newest_terms(),
        Prefetch("periods", Period.objects.order_by("number")),
        Prefetch("periods__reports", RevenueReport.objects.order_by("version")),
        Prefetch(
            "periods__distributions",
            Distribution.objects.filter(state=Distribution.State.APPROVED).order_by("supplement"),
        ),
    )
    return list(found.order_by("-opens_on", "-pk"))


def _rows(fund: Fund, terms: Terms, on: date) -> list[PeriodRow]:
    rows = []
    for period in fund.periods.all():
        versions = list(period.reports.all())
        accepted = [row for row in versions if row.state == RevenueReport.State.ACCEPTED]
        open_one = [row for row in versions if row.state in ("draft", "submitted")]
        made = list(period.distributions.all())
        rows.append(
            PeriodRow(
                period=period,
                plan=reports.planned_revenue(terms, period.number),
                report=(open_one or accepted or versions or [None])[-1],
                distribution=made[0] if made else None,
                late=period.state == Period.State.REPORT_DUE and on > period.report_due_on,
            )
        )
    return rows


@studio(owners=True)
@require_safe
def report_list(request: HttpRequest, desk: Desk) -> HttpResponse:
    """O5: every period of every fund, with what is due and what was reported."""
    on = clock.today_in(None, timezone.now())
    funds = [(fund, _rows(fund, terms, on)) for fund in _funds(desk) if (terms := offerings.terms_of(fund))]
    return render(request, "studio/reports.html", {**desk.context(), "funds": funds, "on": on})


def _period(desk: Desk, pk: int) -> Period:
    found = Period.objects.filter(pk=pk, fund__business=desk.business).select_related("fund__business").first()
    if found is None:
        raise Http404
    return found


def _figures(report: RevenueReport | None) -> dict[str, Any]:
    """A report as the form shows it; several lines are one sum by month."""
    if report is None:
        return {}
    months = [sum(line) for line in zip(*(line["months"] for line in report.lines), strict=False)]
    return {
        **{f"month_{number}": value for number, value in enumerate(months, start=1)},
        "staff": report.staff,
        "jobs_created": report.jobs_created,
        "action": report.action,
        "reason": report.reason,
        "comment": report.comment,
    }


@studio(owners=True)
@form_methods
def report_edit(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """O5: one period: its form while it waits for a report (or is corrected), every version, what it would pay."""
    period = _period(desk, pk)
    terms = current_terms(period.fund)
    versions = list(period.reports.select_related("submitted_by", "decided_by").order_by("-version"))
    newest = versions[0] if versions else None
    restatement = period.state in REPORT_ACCEPTED and (
        "correct" in request.GET or (newest is not None and newest.state == "draft" and newest.restatement)
    )
    open_form = period.state == Period.State.REPORT_DUE or restatement
    if newest is not None and newest.state == RevenueReport.State.SUBMITTED:
        open_form = False
    form = None
    if open_form:
        form = ReportForm(
            request.POST or None,
            period=period,
            months=terms.period_months,
            restatement=restatement,
            initial=_figures(newest),
        )
        if request.method == "POST" and form.is_valid():
            answer = _save(request, desk, period, form, restatement)
            if answer is not None:
                return answer
    elif request.method == "POST":
        messages.error(request, _("This report was signed or decided meanwhile. Nothing was changed."))
        return HttpResponseRedirect(reverse("studio:report", args=[desk.business.slug, period.pk]))
    draft = newest if newest is not None and newest.state in ("draft", "submitted") else None
    context = {
        **desk.context(),
        "period": period,
        "fund": period.fund,
        "plan": reports.planned_revenue(terms, period.number),
        "form": form,
        "restatement": restatement,
        "draft": draft,
        "versions": [row for row in versions if row.state != "discarded"],
        "returned": newest if newest is not None and newest.state == "returned" else None,
        "result": _result(period, draft) if draft and not draft.restatement else None,
        "terms": terms,
        "correctable": period.state in REPORT_ACCEPTED and not restatement and draft is None,
    }
    return render(request, "studio/report.html", context, status=REFUSED if form is not None and form.errors else 200)


def _save(request: HttpRequest, desk: Desk, period: Period, form: ReportForm, restatement: bool) -> HttpResponse | None:
    """Save the draft, and sign it if that was asked for; None when something is to be mended first."""
    sign = request.POST.get("do") == "sign"
    if sign and request.POST.get("signed") != "on":
        form.add_error(None, _("Tick the box to say that the figures are right."))
        return None
    at = timezone.now()
    here = reverse("studio:report", args=[desk.business.slug, period.pk])
    try:
        draft = reports.save_draft(period, actor=request.user, at=at, restatement=restatement, **form.values())
        if sign:
            reports.submit(draft, actor=request.user, at=at)
    except DomainError as error:
        field = error.data.get("field")
        form.add_error(field if field in form.fields else None, str(error))
        return None
    if sign:
        messages.success(request, _("Your report is signed and with the fund's staff."))
        return HttpResponseRedirect(reverse("studio:reports", args=[desk.business.slug]))
    messages.success(request, _("Saved. Below stands what it would pay; nothing is sent before you sign."))
    return HttpResponseRedirect(here + ("?correct=1" if restatement else "") + "#result")


def _result(period: Period, report: RevenueReport) -> PeriodResult | None:
    """What the report would pay, by the rule that pays; None where the rule cannot say yet."""
    try:
        return preview(period, revenue=report.revenue, action=report.action)
    except RuleError:
        return None


@studio(owners=True)
@require_safe
def payment_list(request: HttpRequest, desk: Desk) -> HttpResponse:
    """O6: what the business owes, until when, how to pay it, and what has come."""
    on = clock.today_in(None, timezone.now())
    owed = (
        Distribution.objects.filter(fund__business=desk.business, state=Distribution.State.APPROVED, gross__gt=0)
        .select_related("fund", "period")
        .prefetch_related("pay_ins__use__line")
        .order_by("-approved_at")
    )
    rows = list(owed)
    context = {
        **desk.context(),
        "open": [row for row in reversed(rows) if row.owed],
        "paid": [row for row in rows if not row.owed],
        "total": sum(row.owed for row in rows),
        "operator": settings.OPERATOR,
        "on": on,
        "coming": Period.objects.filter(
            fund__business=desk.business,
            state__in=["scheduled", "report_due", "reported", "accepted", "calculated"],
        )
        .select_related("fund")
        .order_by("payment_due_on")[:5],
    }
    return render(request, "studio/payments.html", context)
