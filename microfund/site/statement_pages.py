"""Statements of what was transferred to a person: of a year, for the tax return, and of one holding over its term, as a
page, CSV and PDF (pages.md I8). Only transfers that arrived count; a payment is of the day of its transfer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from investments.distributions.elected import Choice
from investments.distributions.explain import sentences, written_off
from investments.distributions.taxed import rate_of
from investments.inheritance.queries import inherited_by
from investments.investors import queries as investors
from investments.models import Distribution, ElectedLine, ElectedReturn, Holding, Investor
from investments.offerings.documents import render_pdf
from investments.payouts.models import Payout, PayoutItem
from microfund.kernel import clock
from microfund.kernel.pages import private

from . import own_csv, own_holdings, unread
from .templatetags.pages import percent
from .templatetags.tomobune import bilingual_filter

_SUMS = ("gross", "principal", "profit", "tax", "net")


@dataclass(frozen=True, slots=True)
class Lost:
    """What of one period a holding will not be paid (yen before tax), and why."""

    period: int
    amount: int
    words: str


@dataclass(frozen=True, slots=True)
class Statement:
    """The parts of paid payouts, oldest first, and their sums in yen; as of an instant. `otherwise`: lines that were
    taken in kind or given back, by the date of the approval; `returned`: payouts with what was not used of vouchers.
    `lost`: the lines of a holding of which something was written off; `ended`: how a fund that was wound up did, in
    sentences."""

    investor: Investor
    parts: Sequence[PayoutItem]
    totals: dict[str, int]
    at: datetime
    lost: Sequence[Lost] = ()
    otherwise: Sequence[ElectedLine] = ()
    returned: Sequence[ElectedReturn] = ()
    ended: Sequence[str] = ()


def _paid(investor: Investor, **which: Any) -> Statement:
    parts = list(
        PayoutItem.objects.filter(payout__investor=investor, payout__state=Payout.State.PAID, **which)
        .select_related(
            "payout", "instalment", "allocation__distribution__period", "allocation__holding", "payout__fund__business"
        )
        .prefetch_related("allocation__retaxed")
        .order_by("payout__paid_on", "pk")
    )
    for part in parts:
        part.rate = rate_of(part.allocation, part.instalment.per_unit_before)
    totals = {name: sum(getattr(part, name) for part in parts) for name in _SUMS}
    return Statement(investor, parts, totals, clock.now())


def _taken(investor: Investor, **which: Any) -> list[ElectedLine]:
    """The lines of a person that were not taken in cash, oldest first."""
    own = ElectedLine.objects.filter(
        allocation__holding__investor=investor, distribution__state=Distribution.State.APPROVED, **which
    ).exclude(choice=Choice.CASH)
    related = ("allocation__holding", "distribution__period", "distribution__fund__business")
    return list(own.select_related(*related).order_by("distribution__approved_at", "pk"))


def _came_back(investor: Investor, **which: Any) -> list[ElectedReturn]:
    """What of vouchers that were not used was transferred to a person."""
    own = ElectedReturn.objects.filter(payout__investor=investor, payout__state=Payout.State.PAID, **which)
    related = ("payout__fund__business", "distribution__period", "line__allocation__holding")
    return list(own.select_related(*related).order_by("payout__paid_on", "pk"))


def _own(request: HttpRequest) -> Investor:
    investor = investors.investor_of(request.user)
    if investor is None:
        raise Http404
    return investor


def _of_year(request: HttpRequest, year: int) -> Statement:
    if not date.min.year <= year <= date.max.year:
        raise Http404
    own = _own(request)
    found = replace(
        _paid(own, payout__paid_on__year=year),
        otherwise=_taken(own, distribution__approved_at__year=year),
        returned=_came_back(own, payout__paid_on__year=year),
    )
    if not (found.parts or found.otherwise or found.returned):
        raise Http404
    if year < clock.today_in(None, found.at).year:
        unread.mark(request, "statement", year, at=found.at)
    return found


@private
@require_safe
@login_required
def statement(request: HttpRequest, year: int) -> HttpResponse:
    """Every payment of a year with its tax; 404 for a year in which nothing was transferred."""
    found = _of_year(request, year)
    context = {
        "statement": found,
        "year": year,
        "running": year == clock.today_in(None, found.at).year,
        "trail": [(_("My account"), reverse("me")), (_("Payments"), reverse("distributions"))],
    }
    return render(request, "site/statement.html", context)


@private
@require_safe
@login_required
def statement_csv(request: HttpRequest, year: int) -> HttpResponse:
    """The same as CSV in UTF-8; `bom=1` puts a byte order mark in front."""
    found = _of_year(request, year)
    lines: list[list[Any]] = [
        [
            _("Paid on"),
            _("Business"),
            _("Holding"),
            _("Period"),
            _("Before tax (yen)"),
            _("Of it investment (yen)"),
            _("Of it profit (yen)"),
            _("Rate of tax (%)"),
            _("Tax withheld (yen)"),
            _("Paid (yen)"),
            _("How"),
        ]
    ]
    for part in found.parts:
        own = part.allocation
        lines.append(
            [
                part.payout.paid_on,
                bilingual_filter(part.payout.fund.business, "name"),
                own.holding.reference,
                own.distribution.period.number,
                part.gross,
                part.principal,
                part.profit,
                percent(part.rate).rstrip("%") if part.profit else "",
                part.tax,
                part.net,
                _("transferred"),
            ]
        )
    for back in found.returned:
        name, own = bilingual_filter(back.payout.fund.business, "name"), back.line.allocation
        known = [back.payout.paid_on, name, own.holding.reference, back.distribution.period.number]
        lines.append([*known, "", "", "", "", "", back.amount, _("not used of a voucher, transferred")])
    totals = found.totals
    paid = totals["net"] + sum(back.amount for back in found.returned)
    sums = [totals["gross"], totals["principal"], totals["profit"], "", totals["tax"], paid]
    lines.append([_("Total"), "", "", "", *sums, _("transferred")])
    for taken in found.otherwise:
        own, name = taken.allocation, bilingual_filter(taken.distribution.fund.business, "name")
        known = [taken.on, name, own.holding.reference, taken.distribution.period.number]
        rate = percent(own.rate).rstrip("%") if own.profit else ""
        parts = [own.gross, own.principal, own.profit, rate, own.tax, own.net]
        lines.append([*known, *parts, taken.get_choice_display()])
    return own_csv.answer(request, lines, name=f"statement-{year}")


@private
@require_safe
@login_required
def statement_pdf(request: HttpRequest, year: int) -> HttpResponse:
    """The statement of a year as PDF."""
    heading = _("Statement of payments %(year)d") % {"year": year}
    return _pdf(_of_year(request, year), heading, name=f"statement-{year}")


@private
@require_safe
@login_required
def holding_pdf(request: HttpRequest, reference: str) -> HttpResponse:
    """Everything that a holding was paid so far, as PDF; after the last payment, its final statement. 404 while there
    is nothing, as for another person's holding."""
    investor = _own(request)
    holding = Holding.objects.filter(investor=investor, reference=reference).select_related("fund__business").first()
    if holding is None:
        raise Http404
    found = replace(
        _paid(investor, allocation__holding=holding),
        lost=_lost(holding),
        ended=_ended(holding),
        otherwise=_taken(investor, allocation__holding=holding),
        returned=_came_back(investor, line__allocation__holding=holding),
    )
    if not (found.parts or found.lost or found.otherwise or found.returned):
        raise Http404
    if holding.fund.state in unread.FINAL:
        unread.mark(request, "final", holding.reference, at=found.at)
    words = {"reference": holding.reference}
    heading = (
        _("Final statement of holding %(reference)s")
        if holding.fund.state in unread.FINAL
        else _("Statement of holding %(reference)s")
    ) % words
    return _pdf(found, heading, name=f"statement-{holding.reference}", holding=holding)


def _lost(holding: Holding) -> list[Lost]:
    lines = (
        holding.allocations.filter(distribution__written_off_per_unit__gt=0)
        .exclude(elected__choice__in=[Choice.IN_KIND, Choice.GIVE_BACK])
        .select_related("distribution__period", "distribution__fund")
    )
    return [
        Lost(
            line.distribution.period.number,
            line.distribution.written_off_per_unit * line.units,
            " ".join(written_off(line.distribution)),
        )
        for line in lines.order_by("distribution__period__number", "pk")
    ]


def _ended(holding: Holding) -> list[str]:
    """What a wind-up left, and what ended unpaid."""
    line = (
        holding.allocations.filter(distribution__state="approved", distribution__action="wind_up")
        .select_related("distribution__fund", "distribution__period__moratorium")
        .first()
    )
    return sentences(line.distribution, line) if line else []


def _pdf(found: Statement, heading: str, *, name: str, holding: Holding | None = None) -> HttpResponse:
    language = translation.get_language() or settings.LANGUAGE_CODE
    operator = settings.OPERATOR[f"name_{'ja' if language == 'ja' else 'en'}"]
    html = render_to_string(
        "site/statement_document.html",
        {
            "statement": found,
            "heading": heading,
            "holding": holding,
            "amounts": own_holdings.totals(found.investor, Holding.objects.filter(pk=holding.pk)) if holding else None,
            "inherited": inherited_by(found.investor, [holding.fund_id]) if holding else [],
            "language": language,
            "operator_name": operator,
            "operator_email": settings.OPERATOR["email"],
        },
    )
    return pdf_answer(html, at=found.at, name=name)


def pdf_answer(html: str, *, at: datetime, name: str, landscape: bool = False) -> HttpResponse:
    """HTML of our records (offerings/document_parts.py knows its tags) as a PDF to save, in the active language."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    operator = settings.OPERATOR[f"name_{'ja' if language == 'ja' else 'en'}"]
    on = clock.today_in(None, at)
    foot = _("Made from the records of %(operator)s as of %(date)s") % {
        "operator": operator,
        "date": date_format(on, "DATE_FORMAT"),
    }
    made = render_pdf(html, language=language, at=clock.start_of_day(on), foot=foot, landscape=landscape)
    response = HttpResponse(made, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="tomobune-{name}.pdf"'
    return response
