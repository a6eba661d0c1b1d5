"""What an owner reports and pays (pages.md O5, O6): the periods of each fund, a form with a field for every month, what
it would pay before it is signed, and what the business owes.

It shows revenue and distributions together and therefore lives here; the services belong to their apps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import Prefetch, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from businesses.studio.access import Desk, studio
from investments.distributions.explain import relief
from investments.distributions.models import Distribution
from investments.distributions.queries import preview
from investments.models import Evidence, Fund, Period, RevenueReport, Terms
from investments.offerings import queries as offerings
from investments.offerings.rule import PeriodResult, RuleError
from investments.offerings.services import current_terms
from investments.revenue import evidence, figures_csv, reports
from investments.revenue.models import REPORT_ACCEPTED, UNDECIDED
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import REFUSED, form_methods, refuse, row_id
from rewards import queries as rewards

from .report_forms import ReportForm

#: States of funds that have periods.
IN_TERM = (Fund.State.OPERATING, Fund.State.MATURED, Fund.State.SETTLED, Fund.State.WOUND_UP)


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """One period for the list: what was planned and reported (yen), what it paid per unit, what is to be done, what a
    moratorium makes of it."""

    period: Period
    plan: int | None
    report: RevenueReport | None
    distribution: Distribution | None
    late: bool
    relief: str


def _funds(desk: Desk) -> list[Fund]:
    found = Fund.objects.filter(business=desk.business, state__in=IN_TERM).prefetch_related(
        offerings.newest_terms(),
        Prefetch("periods", Period.objects.select_related("moratorium").order_by("number")),
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
                relief=relief(period),
            )
        )
    return rows


@studio(owners=True)
@require_safe
def report_list(request: HttpRequest, desk: Desk) -> HttpResponse:
    """O5: every period of every fund, with what is due and what was reported."""
    on = clock.today_in()
    funds = [(fund, _rows(fund, terms, on)) for fund in _funds(desk) if (terms := offerings.terms_of(fund))]
    return render(request, "studio/reports.html", {**desk.context(), "funds": funds, "on": on})


def _period(desk: Desk, pk: int) -> Period:
    found = (
        Period.objects.filter(pk=pk, fund__business=desk.business)
        .select_related("fund__business", "moratorium")
        .first()
    )
    if found is None:
        raise Http404
    return found


def _by_month(report: RevenueReport, period: Period) -> list[tuple[str, list[tuple[date, int]]]]:
    """The figures of a version, line by line, each with the first day of its month."""
    return [
        (line["label"], [(clock.add_months(period.starts_on, at), own) for at, own in enumerate(line["months"])])
        for line in report.lines
    ]


def _words(report: RevenueReport | None) -> dict[str, Any]:
    """What a report says beside its figures, as the form shows it."""
    if report is None:
        return {}
    return {
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
    versions = list(
        period.reports.select_related("submitted_by", "decided_by").prefetch_related("evidence").order_by("-version")
    )
    newest = versions[0] if versions else None
    restatement = period.state in REPORT_ACCEPTED and (
        "correct" in request.GET
        or "correct" in request.POST
        or (newest is not None and newest.state == "draft" and newest.restatement)
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
            lines=newest.lines if newest and newest.lines else [{"label": "", "months": []}],
            restatement=restatement,
            initial=_words(newest),
        )
        if request.method == "POST":
            answer = _take(request, desk, period, terms, form, restatement)
            if answer is not None:
                return answer
    elif request.method == "POST":
        messages.error(request, _("This report was signed or decided meanwhile. Nothing was changed."))
        return HttpResponseRedirect(reverse("studio:report", args=[desk.business.slug, period.pk]))
    draft = newest if newest is not None and newest.state in ("draft", "submitted") else None
    context = {
        **desk.context(),
        "period": period,
        "relief": relief(period),
        "fund": period.fund,
        "plan": reports.planned_revenue(terms, period.number),
        "form": form,
        "restatement": restatement,
        "draft": draft,
        "versions": [(row, _by_month(row, period)) for row in versions if row.state != "discarded"],
        "owed": _owed(period, draft) if draft and not draft.restatement else None,
        "returned": newest if newest is not None and newest.state == "returned" else None,
        "result": _result(period, draft) if draft and not draft.restatement else None,
        "terms": terms,
        "correctable": period.state in REPORT_ACCEPTED and not restatement and draft is None,
    }
    return render(request, "studio/report.html", context, status=REFUSED if form is not None and form.errors else 200)


def _take(
    request: HttpRequest, desk: Desk, period: Period, terms: Terms, form: ReportForm, restatement: bool
) -> HttpResponse | None:
    """What the button asks for: figures from a CSV, a file added or taken out, or the form saved or signed. None when
    something is to be mended first."""
    do = request.POST.get("do", "")
    if do == "figures" or do == "evidence" or do.startswith("remove-"):
        here = reverse("studio:report", args=[desk.business.slug, period.pk]) + ("?correct=1" if restatement else "")
        try:
            messages.success(request, _files(request, do, period, terms, restatement))
        except DomainError as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(here)
    return _save(request, desk, period, form, restatement) if form.is_valid() else None


def _files(request: HttpRequest, do: str, period: Period, terms: Terms, restatement: bool) -> str:
    """Do what was asked with a file; what to say of it. Raises DomainError."""
    at = clock.now()
    draft = period.reports.filter(state=RevenueReport.State.DRAFT).first()
    if do == "figures":
        sent = request.FILES.get("figures")
        if sent is None:
            raise DomainError("required", _("Choose a file first."))
        content = sent.read(figures_csv.MAX_BYTES + 1)
        lines = figures_csv.parse(content, starts_on=period.starts_on, months=terms.period_months)
        kept = _words(draft)
        reports.save_draft(period, lines=lines, actor=request.user, at=at, restatement=restatement, **kept)
        return _("The figures of the file stand in the form. Look them over, then save.")
    if draft is None:
        raise DomainError("wrong_state", _("Save the report first, then add its files."))
    if do == "evidence":
        sent = request.FILES.get("evidence")
        if sent is None:
            raise DomainError("required", _("Choose a file first."))
        evidence.add(draft, sent.file, name=sent.name or "", actor=request.user, at=at)
        return _("The file is kept with the report.")
    evidence.remove(draft, row_id(do.removeprefix("remove-")), actor=request.user, at=at)
    return _("The file was taken out.")


@studio(owners=True)
@require_safe
def report_evidence(request: HttpRequest, desk: Desk, pk: int, file: int) -> HttpResponse:
    """One file of a report of the business, to be saved; each look is an audit row."""
    found = Evidence.objects.filter(pk=file, report__period_id=pk, report__period__fund__business=desk.business).first()
    if found is None:
        raise Http404
    try:
        content = evidence.read(found, actor=request.user, at=clock.now())
    except FileNotFoundError:
        raise Http404 from None
    response = HttpResponse(content, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = content_disposition_header(True, found.name) or "attachment"
    return response


def _owed(period: Period, report: RevenueReport) -> tuple[int, int] | None:
    """The units that are held now, and what the business would have to pay for them in all (yen)."""
    result = _result(period, report)
    if result is None:
        return None
    units = period.fund.holdings.aggregate(units=Sum("units", default=0))["units"]
    return units, units * result.per_unit


def _save(request: HttpRequest, desk: Desk, period: Period, form: ReportForm, restatement: bool) -> HttpResponse | None:
    """Save the draft, and sign it if that was asked for; None when something is to be mended first.

    Whoever signs shows once more who they are. They are asked when all else is right; the draft is kept meanwhile.
    """
    sign = request.POST.get("do") == "sign"
    if sign and request.POST.get("signed") != "on":
        form.add_error(None, _("Tick the box to say that the figures are right."))
        return None
    at = clock.now()
    here = reverse("studio:report", args=[desk.business.slug, period.pk])
    try:
        draft = reports.save_draft(period, actor=request.user, at=at, restatement=restatement, **form.values())
        if sign:
            with transaction.atomic():
                reports.submit(draft, actor=request.user, at=at)
                raise_if_reauthentication_required(request, app="account")
    except DomainError as error:
        refuse(form, error)
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
    on = clock.today_in()
    owed = (
        Distribution.objects.filter(fund__business=desk.business, state=Distribution.State.APPROVED, gross__gt=0)
        .select_related("fund", "period")
        .prefetch_related("pay_ins__use__line", "write_offs")
        .order_by("-approved_at")
    )
    rows = list(owed)
    context = {
        **desk.context(),
        "open": [row for row in reversed(rows) if row.owed],
        "paid": [row for row in rows if not row.owed],
        "instead": (instead := list(rewards.owed_by([desk.business]))),
        "total": sum(row.owed for row in rows) + sum(own.amount for own in instead),
        "credit": sum(own.credit_left for row in rows for own in row.write_offs.all()),
        "operator": settings.OPERATOR,
        "on": on,
        "coming": Period.objects.filter(
            fund__business=desk.business,
            state__in=UNDECIDED,
        )
        .select_related("fund")
        .order_by("payment_due_on")[:5],
    }
    return render(request, "studio/payments.html", context)
