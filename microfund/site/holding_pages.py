"""One holding: the page, the sheet to print, and how its holder appears as a supporter (pages.md I3).

Another person's holding and one that does not exist answer alike.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from investments.inheritance.queries import first_orders, inherited_by
from investments.models import Gift, Holding, Order
from investments.offerings import queries as offerings
from investments.orders import queries as orders
from investments.orders import supporter
from microfund.kernel import clock
from microfund.kernel.pages import private
from rewards.models import Compensation
from rewards.queries import entitlements_of

from . import own_holdings, result_charts
from .choice_pages import choosing
from .money_story import events_about
from .own_dates import timeline
from .own_filters import holding_state
from .own_payments import lines_of, lines_where, payments
from .unread import FINAL


@private
@require_safe
@login_required
def holding(request: HttpRequest, reference: str) -> HttpResponse:
    """I3: confirmed units of one fund: figures, the whole term, what the journal says of the money, the contract."""
    return render(request, "site/holding.html", _context(request, reference))


@private
@require_safe
@login_required
def holding_sheet(request: HttpRequest, reference: str) -> HttpResponse:
    """The same on a sheet to print or to keep, without the site around it."""
    context = _context(request, reference)
    return render(request, "site/holding_sheet.html", {**context, "printed_on": clock.today_in()})


@private
@require_POST
@login_required
def holding_supporter(request: HttpRequest, reference: str) -> HttpResponse:
    """Show one's name among the supporters of the business, or hide it."""
    found = _own(request, reference, Holding.objects.all())
    shown = request.POST.get("name_shown") == "on"
    supporter.show_name(
        investor_id=found.investor_id, fund_id=found.fund_id, shown=shown, actor=request.user, at=clock.now()
    )
    if shown:
        messages.success(request, _("Your name may be shown among the supporters."))
    else:
        messages.success(request, _("Your name is not shown. You are counted without it."))
    return redirect("holding", reference=found.reference)


def _own(request: HttpRequest, reference: str, holdings: QuerySet[Holding]) -> Holding:
    """The user's own holding. Raises Http404 for another person's and an unknown one alike."""
    found = holdings.filter(reference=reference, investor__user_id=request.user.pk).first()
    if found is None:
        raise Http404
    return found


def _context(request: HttpRequest, reference: str) -> dict[str, Any]:
    at = clock.now()
    on = clock.today_in(None, at)
    found = _own(
        request,
        reference,
        Holding.objects.select_related("fund__business", "fund__policy", "fund__book", "investor").prefetch_related(
            offerings.newest_terms(path="fund__terms")
        ),
    )
    fund = found.fund
    made = list(
        Order.objects.filter(investor_id=found.investor_id, fund_id=found.fund_id, confirmed_at__isnull=False)
        .select_related("terms", "gift", "payer")
        .order_by("confirmed_at", "pk")
    )
    came = inherited_by(found.investor, [fund.pk])
    origins = [row.holding_id for row in came]
    documents = {row.document_id: row.document for row in orders.accepted([*made, *first_orders(origins)])}
    subjects = [f"order:{row.pk}" for row in made] + [f"holding:{found.pk}"]
    instead = Compensation.objects.filter(entitlement__holding=found).exclude(state__in=["prepared", "withdrawn"])
    subjects += [f"compensation:{pk}" for pk in instead.values_list("pk", flat=True)]
    terms = offerings.terms_of(fund)
    periods = timeline(fund, terms, units=found.units, on=on) if terms else []
    paid = payments(lines_of(found.investor).filter(holding=found).order_by("distribution__period__number", "pk"))
    expected = [period.projected for period in periods if period.projected]
    results = [row.result for row in periods if row.result] if paid else []
    return {
        "holding": found,
        "choosing": choosing(found, at=at),
        "state": holding_state(found),
        "fund": fund,
        "business": fund.business,
        "terms": terms,
        "orders": made,
        "amounts": own_holdings.totals(found.investor, Holding.objects.filter(pk=found.pk)),
        "movements": list(found.movements.order_by("happened_at", "pk")),
        "events": events_about(subjects, book_id=fund.book_id),
        "documents": list(documents.values()),
        "periods": periods,
        "payments": paid,
        "rewards": list(entitlements_of(found.investor).filter(holding=found)),
        "gifts": [row.gift for row in made if hasattr(row, "gift") and row.gift.state == Gift.State.ACCEPTED],
        "inherited": came,
        "before": payments(
            lines_where(holding__in=origins).order_by("distribution__period__number", "pk") if origins else []
        ),
        "paid_to_me": Holding.objects.filter(pk__in=origins, paid_to=found.investor_id).exists() if origins else False,
        "final": fund.state in FINAL,
        "written_off": any(own.distribution.written_off_per_unit for own in paid),
        "returns": result_charts.returns(results, terms.investment) if terms and results else None,
        "expected": expected[-1] if expected else None,
        "name_shown": any(row.supporter_name_shown for row in made if row.state == Order.State.CONFIRMED),
        "trail": [(_("My account"), reverse("me")), (_("Holdings"), reverse("holdings"))],
        "may_appear": any(row.state == Order.State.CONFIRMED for row in made),
    }
