"""An investor's own pages: an order, the overview, a holding (pages.md F7, I1–I3).

Everything is asked for by its owner: another person's order or holding and one that does not exist answer alike, and
staff or owners of a business see nothing here that is not their own.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from investments.investors import queries as investors
from investments.models import Acceptance, Holding, Order
from investments.offerings import queries as offerings
from investments.orders import queries as orders
from investments.orders.models import UNPAID
from investments.payments.transfer import received_so_far
from microfund.kernel import clock

from .business_cards import cards
from .money_story import events_about
from .order_story import last_day, tell

private = cache_control(private=True, no_store=True)
#: Seconds between two looks of a waiting page; after the last one the visitor looks again by hand.
LOOKS = (3, 5, 5, 10, 10, 20, 30, 30, 60, 60, 60, 60)
EMPTY_CARDS = 3


@private
@require_safe
@login_required
def order(request: HttpRequest, reference: str) -> HttpResponse:
    """F7: where an order stands and what happens next. While the provider is awaited the page looks again by itself
    (a header, so without JavaScript too), less and less often, and can be told to stop.
    """
    at = timezone.now()
    try:
        found = orders.order_of(request.user, reference)
    except Order.DoesNotExist:
        raise Http404 from None
    attempt = found.attempts.order_by("-pk").first()
    refunds = list(found.refunds.order_by("pk"))
    wait = request.GET.get("wait", "")
    awaited = attempt is not None and found.method == Order.Method.BANK_TRANSFER and found.state in UNPAID
    received = received_so_far(found) if awaited else 0
    story = tell(found, attempt, refunds, returned=bool(wait), received=received, at=at)
    holding = None
    if found.state == Order.State.CONFIRMED:
        holding = Holding.objects.filter(investor=found.investor, fund=found.fund).first()
    look = _next_look(wait) if story.waiting else None
    context = {
        "order": found,
        "fund": found.fund,
        "business": found.fund.business,
        "attempt": attempt,
        "story": story,
        "last_day": last_day(found),
        "holding": holding,
        "documents": [row.document for row in _accepted([found])],
        "looks_again": look is not None,
    }
    response = render(request, "site/order.html", context)
    if look is not None:
        number, seconds = look
        address = reverse("order", args=[found.reference])
        response["Refresh"] = f"{seconds}; url={address}?wait={number + 1}"
    return response


def _next_look(wait: str) -> tuple[int, int] | None:
    """Which look this is and the seconds until the next one; None when it was the last or the visitor stopped it."""
    if wait == "stop":
        return None
    number = int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 4 else 1
    return (number, LOOKS[number - 1]) if 1 <= number <= len(LOOKS) else None


def _accepted(found: list[Order]) -> list[Acceptance]:
    """The acceptances of these orders with their documents, without the bytes."""
    return list(
        Acceptance.objects.filter(order__in=found)
        .select_related("document__fund__business")
        .defer("document__html")
        .order_by("order_id", "pk")
    )


@private
@require_safe
@login_required
def me(request: HttpRequest) -> HttpResponse:
    """I1: what is to be done, orders and holdings. Without any: three funds that are raising."""
    at = timezone.now()
    investor = investors.investor_of(request.user)
    made = list(orders.orders_of(investor)) if investor else []
    holdings = (
        list(Holding.objects.filter(investor=investor).select_related("fund__business").order_by("-created_at", "-pk"))
        if investor
        else []
    )
    amounts = _confirmed_amounts(investor)
    context: dict[str, Any] = {
        "investor": investor,
        "orders": made,
        "needs_document": investors.needs_document(investor),
        "to_pay": [row for row in made if row.state in UNPAID],
        "holdings": [(holding, amounts.get(holding.fund_id, (0, 0))) for holding in holdings],
        "invested": sum(invested for invested, _donated in amounts.values()),
        "donated": sum(donated for _invested, donated in amounts.values()),
    }
    if not made:
        on = clock.today_in(None, at)
        context["cards"] = cards(offerings.open_funds(on)[:EMPTY_CARDS], on=on, at=at)
    return render(request, "site/me.html", context)


def _confirmed_amounts(investor: Any) -> dict[int, tuple[int, int]]:
    """Investment and donation of the confirmed orders by fund."""
    if investor is None:
        return {}
    rows = (
        Order.objects.filter(investor=investor, state=Order.State.CONFIRMED)
        .values("fund_id")
        .annotate(invested=Sum("investment"), donated=Sum("donation"))
        .order_by("fund_id")
    )
    return {row["fund_id"]: (row["invested"], row["donated"]) for row in rows}


@private
@require_safe
@login_required
def holding(request: HttpRequest, reference: str) -> HttpResponse:
    """I3: confirmed units of one fund: their movements, what the journal says of the money, the contract."""
    found = (
        Holding.objects.filter(reference=reference, investor__user_id=request.user.pk)
        .select_related("fund__business", "fund__policy", "fund__book")
        .first()
    )
    if found is None:
        raise Http404
    made = list(
        Order.objects.filter(investor_id=found.investor_id, fund_id=found.fund_id, confirmed_at__isnull=False)
        .select_related("terms")
        .order_by("confirmed_at", "pk")
    )
    documents = {row.document_id: row.document for row in _accepted(made)}
    subjects = [f"order:{row.pk}" for row in made] + [f"holding:{found.pk}"]
    standing = [row for row in made if row.state == Order.State.CONFIRMED]
    context = {
        "holding": found,
        "fund": found.fund,
        "business": found.fund.business,
        "orders": made,
        "invested": sum(row.investment for row in standing),
        "donated": sum(row.donation for row in standing),
        "fees": sum(row.fee for row in standing),
        "movements": list(found.movements.order_by("happened_at", "pk")),
        "events": events_about(subjects, book_id=found.fund.book_id),
        "documents": list(documents.values()),
        "periods": list(found.fund.periods.order_by("number")),
    }
    return render(request, "site/holding.html", context)
