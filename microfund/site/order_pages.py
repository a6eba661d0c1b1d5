"""An investor's own order, as it stands (pages.md F7).

It is asked for by its owner: another person's order and one that does not exist answer alike, and staff or owners of a
business see nothing here that is not their own.
"""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from businesses.models import Business
from investments.models import Holding, Order
from investments.orders import queries as orders
from investments.orders.models import AWAITS_RECEIVER, UNPAID
from investments.payments.transfer import received_so_far
from microfund.kernel import clock
from microfund.kernel.notices.parts import link
from microfund.kernel.pages import private

from .order_story import last_day, tell

#: Paid, and not taken back.
BOUGHT = (Order.State.PAID, Order.State.CONFIRMED)
#: Seconds between two looks of a waiting page; after the last one the visitor looks again by hand.
LOOKS = (3, 5, 5, 10, 10, 20, 30, 30, 60, 60, 60, 60)


@private
@require_safe
@login_required
def order(request: HttpRequest, reference: str) -> HttpResponse:
    """F7: where an order stands and what happens next. While the provider is awaited the page looks again by itself
    (a header, so without JavaScript too), less and less often, and can be told to stop.
    """
    at = clock.now()
    try:
        found = orders.order_of(request.user, reference)
    except Order.DoesNotExist:
        raise Http404 from None
    attempt = found.attempts.order_by("-pk").first()
    refunds = list(found.refunds.order_by("pk"))
    wait = request.GET.get("wait", "")
    awaited = attempt is not None and found.method == Order.Method.BANK_TRANSFER and found.state in UNPAID
    received = received_so_far(found) if awaited else 0
    gift = getattr(found, "gift", None)
    theirs, pays = (person.user_id == request.user.pk for person in (found.investor, found.payer))
    shown = refunds if pays else []
    story = tell(found, attempt, shown, returned=bool(wait), received=received, at=at, gift=gift, theirs=theirs)
    holding = None
    if found.state == Order.State.CONFIRMED and theirs:
        holding = Holding.objects.filter(investor=found.investor, fund=found.fund).first()
    look = _next_look(wait) if story.waiting else None
    context = {
        "order": found,
        "fund": found.fund,
        "business": found.fund.business,
        "attempt": attempt,
        "story": story,
        "last_day": None if gift and gift.state in AWAITS_RECEIVER else last_day(found),
        "holding": holding,
        "gift": gift,
        "theirs": theirs,
        "pays": pays,
        "documents": [row.document for row in orders.accepted([found], found.investor if theirs else found.payer)],
        "looks_again": look is not None,
        "bought": found.state in BOUGHT and found.frozen_at is None,
        # Nothing of an order is ever shared: the address is that of the business, while it has a page.
        "share_url": link("businesses:detail", found.fund.business.slug) if _has_page(found) else "",
    }
    response = render(request, "site/order.html", context)
    if look is not None:
        number, seconds = look
        address = reverse("order", args=[found.reference])
        response["Refresh"] = f"{seconds}; url={address}?wait={number + 1}"
    return response


def _has_page(found: Order) -> bool:
    return found.fund.business.state == Business.State.PUBLISHED


def _next_look(wait: str) -> tuple[int, int] | None:
    """Which look this is and the seconds until the next one; None when it was the last or the visitor stopped it."""
    if wait == "stop":
        return None
    number = int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 4 else 1
    return (number, LOOKS[number - 1]) if 1 <= number <= len(LOOKS) else None
