"""What a person is paid: every line of every distribution, one of them explained, all as CSV (pages.md I4).

Another person's line and one that does not exist answer alike.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from investments.distributions.explain import sentences, tax_words
from investments.investors import queries as investors
from microfund.kernel import clock
from microfund.kernel.pages import private

from . import own_csv, own_holdings
from .own_pages import page_of
from .own_payments import lines_of, payments
from .templatetags.tomobune import bilingual_filter
from .unread import years_of


@private
@require_safe
@login_required
def distributions(request: HttpRequest) -> HttpResponse:
    """I4: every payment, newest first, fifty a page, with what has arrived in all."""
    investor = investors.investor_of(request.user)
    page = page_of(lines_of(investor), request.GET.get("page", "1"))
    context = {
        "page_obj": page,
        "payments": payments(page.object_list),
        "count": page.paginator.count,
        "totals": own_holdings.totals(investor) if investor else None,
        "years": years_of(investor) if investor else [],
        "trail": [(_("My account"), reverse("me"))],
    }
    return render(request, "site/distributions.html", context)


@private
@require_safe
@login_required
def distribution(request: HttpRequest, line: int) -> HttpResponse:
    """I4: one payment: how its figure came about, its parts, down to the line of the bank's file."""
    investor = investors.investor_of(request.user)
    found = lines_of(investor).filter(pk=line).first() if investor else None
    if found is None:
        raise Http404
    payment = payments([found])[0]
    own = payment.distribution
    context = {
        "payment": payment,
        "line": found,
        "distribution": own,
        "fund": own.fund,
        "business": own.fund.business,
        "sentences": [*sentences(own, found), *tax_words(found)],
        "comment": own.report.comment if own.report else "",
        "trail": [(_("My account"), reverse("me")), (_("Payments"), reverse("distributions"))],
    }
    return render(request, "site/distribution.html", context)


@private
@require_safe
@login_required
def distributions_csv(request: HttpRequest) -> HttpResponse:
    """I4 as CSV in UTF-8; `bom=1` puts a byte order mark in front."""
    investor = investors.investor_of(request.user)
    lines: list[list[Any]] = [
        [
            _("Business"),
            _("Holding"),
            _("Period"),
            _("Record date"),
            _("Units"),
            _("Per unit (yen)"),
            _("Written off (yen)"),
            _("Before tax (yen)"),
            _("Of it investment (yen)"),
            _("Of it profit (yen)"),
            _("Tax withheld (yen)"),
            _("Paid (yen)"),
            _("State"),
            _("Paid on"),
        ]
    ]
    for payment in payments(lines_of(investor)) if investor else []:
        line, own = payment.line, payment.distribution
        lines.append(
            [
                bilingual_filter(own.fund.business, "name"),
                line.holding.reference,
                own.period.number,
                own.record_on,
                line.units,
                own.per_unit,
                payment.due.lost,
                payment.due.gross,
                payment.due.principal,
                payment.due.profit,
                payment.due.tax,
                payment.due.net,
                payment.words,
                payment.paid_on,
            ]
        )
    on = clock.today_in()
    return own_csv.answer(request, lines, name=f"payments-{on.isoformat()}")
