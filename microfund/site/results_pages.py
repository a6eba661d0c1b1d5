"""What a fund has reported and paid, in public: a page, CSV, JSON, and the proof file with the script that checks it
(pages.md P8)."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from investments.distributions import late
from investments.distributions.explain import sentences
from investments.distributions.proof import proof
from investments.distributions.results import (
    Result,
    decided_so_far,
    paid_so_far,
    reported,
    results_of,
    written_off_so_far,
)
from investments.offerings.rule import redemption_percent
from investments.payouts.models import Release
from investments.revenue.services import period_rows

from . import own_csv, result_charts
from .business_pages import Shown, business_page, uses_context
from .page_cache import for_visitors
from .templatetags.tomobune import bilingual_filter


def _results(shown: Shown) -> list[Result]:
    assert shown.fund is not None and shown.terms is not None
    return results_of(shown.fund, shown.terms, on=shown.on)


@for_visitors
@business_page(needs_terms=True)
def results(request: HttpRequest, shown: Shown) -> HttpResponse:
    """P8: what is late and why; every period with its sales, what it pays per unit and why; drawings; files to check
    it all."""
    assert shown.fund is not None and shown.terms is not None
    fund, terms, found = shown.fund, shown.terms, _results(shown)
    known, paid = reported(found), paid_so_far(found)
    releases = Release.objects.filter(fund=fund, released_on__isnull=False).order_by("released_on", "pk")
    context = {
        **shown.context(),
        "results": found,
        # Before the term there are no rows yet, only dates.
        "coming": [] if found or fund.state == fund.State.FAILED else period_rows(fund, terms, shown.policy),
        "known": known,
        # A wind-up has no report of its own, and is told all the same.
        "told": [
            (result, [sentences(own) for own in result.distributions])
            for result in reversed(found)
            if result in known or result.distributions
        ],
        "late": late.causes(fund, terms, found, on=shown.on),
        "paid": paid,
        "decided": decided_so_far(found),
        "written_off": written_off_so_far(found),
        "share_back": redemption_percent(paid, terms.investment),
        "sales_total": sum(result.revenue or 0 for result in known),
        "plan_total": sum(result.plan or 0 for result in known),
        "sales": result_charts.sales(found) if found else None,
        "returns": result_charts.returns(found, terms.investment) if found else None,
        "releases": releases,
        **uses_context(shown.business, fund, terms),
    }
    context["trail"] += [(bilingual_filter(shown.business, "name"), context["home_href"])]
    return render(request, "businesses/results.html", context)


@business_page(needs_terms=True)
def results_csv(request: HttpRequest, shown: Shown) -> HttpResponse:
    """P8 as CSV in UTF-8; `bom=1` puts a byte order mark in front."""
    head = [
        _("Period"),
        _("From"),
        _("to"),
        _("Planned sales (yen)"),
        _("Sales (yen)"),
        _("First reported (yen)"),
        _("Per unit (yen)"),
        _("Of it written off (yen)"),
        _("Report due"),
        _("Payment due"),
        _("State"),
        _("Moratorium"),
        _("Reason"),
    ]
    lines: list[list[Any]] = [head]
    for row in _results(shown):
        period, decided = row.period, row.distributions
        lines.append(
            [
                period.number,
                period.starts_on,
                period.ends_on,
                row.plan,
                row.revenue,
                row.reported,
                row.per_unit,
                row.written_off if decided else None,
                period.report_due_on,
                decided[0].payment_on if decided else period.payment_due_on,
                period.get_state_display(),
                period.relief,
                decided[0].get_reason_display() if decided else "",
            ]
        )
    assert shown.fund is not None
    return own_csv.answer(request, lines, name=f"results-{shown.fund.slug}")


@business_page(needs_terms=True)
def results_json(request: HttpRequest, shown: Shown) -> HttpResponse:
    """P8 as JSON: amounts in minor units, dates in ISO form, null for what is not known yet."""
    assert shown.fund is not None and shown.terms is not None
    found = _results(shown)
    data = {
        "fund": shown.fund.slug,
        "currency": shown.fund.currency,
        "investment_per_unit": shown.terms.investment,
        "paid_per_unit": paid_so_far(found),
        "decided_per_unit": decided_so_far(found),
        "written_off_per_unit": written_off_so_far(found),
        "as_of": shown.on.isoformat(),
        "periods": [_period(row) for row in found],
    }
    return _json(data)


def _period(row: Result) -> dict[str, Any]:
    period = row.period
    return {
        "number": period.number,
        "starts_on": period.starts_on.isoformat(),
        "ends_on": period.ends_on.isoformat(),
        "report_due_on": period.report_due_on.isoformat(),
        "payment_due_on": period.payment_due_on.isoformat(),
        "state": period.state,
        "moratorium": period.relief or None,
        "planned_revenue": row.plan,
        "revenue": row.revenue,
        "first_reported": row.reported,
        "report_late": row.report_late,
        "payment_late": row.payment_late,
        "distributions": [
            {
                "supplement": own.supplement,
                "action": own.action,
                "reason": own.reason,
                "per_unit": own.per_unit,
                "written_off_per_unit": own.written_off_per_unit,
                "entitlement_per_unit": own.entitlement_per_unit,
                "counted_revenue_so_far": own.cumulative_revenue,
                "carried_per_unit": own.carried_per_unit,
                "payment_on": own.payment_on.isoformat(),
                "received_in_full": own.received == own.gross,
            }
            for own in row.distributions
        ],
    }


def _json(data: dict[str, Any]) -> HttpResponse:
    text = json.dumps(data, ensure_ascii=False, indent=1)
    response = HttpResponse(text.encode(), content_type="application/json; charset=utf-8")
    response["Access-Control-Allow-Origin"] = "*"
    return response


def _to_save(response: HttpResponse, name: str) -> HttpResponse:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@business_page(needs_terms=True)
def proof_file(request: HttpRequest, shown: Shown) -> HttpResponse:
    """The proof file of the fund, to keep and to check with `verify.py`."""
    assert shown.fund is not None
    return _to_save(_json(proof(shown.fund)), f"tomobune-proof-{shown.fund.slug}.json")


@require_safe
def verify_script(request: HttpRequest) -> HttpResponse:
    """The script that checks a proof file, as it stands in docs/."""
    content = (settings.BASE_DIR / "docs" / "verify.py").read_bytes()
    return _to_save(HttpResponse(content, content_type="text/x-python; charset=utf-8"), "verify.py")
