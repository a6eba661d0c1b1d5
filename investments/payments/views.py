"""From the last form to the payment page and back, and cancelling. Thin: the services decide, these pages show.

Placing and paying are one POST: the order is reserved in its own transaction, then the provider is called outside of
it. Whatever happens in between, the order has its own page from which paying can be begun again.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from investments.investors import queries as investors
from investments.investors.models import Investor
from investments.offerings.models import Fund, Terms
from investments.offerings.services import current_terms
from investments.orders import draft as drafts
from investments.orders import giving, steps
from investments.orders import services as orders
from investments.orders.forms import CheckForm
from investments.orders.models import UNPAID, Order
from investments.orders.queries import order_of_form
from investments.orders.room import room_for, ways_to_pay
from investments.orders.views import came_to_nothing, order_url, own_order
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import REFUSED, form_methods, private

from . import gateway, services
from .models import PaymentAttempt
from .settle import settle
from .transfer import received_so_far

log = structlog.get_logger(__name__)
get_or_post = form_methods


# --- F5: check, reserve, begin to pay ---------------------------------------------------------------------------


@private
@get_or_post
@login_required
def check(request: HttpRequest, slug: str) -> HttpResponse:
    """F5: everything on one page, and the button that makes it an order. Sending it twice makes one order."""
    at = clock.now()
    fund = steps.fund_or_404(slug)
    investor = investors.investor_of(request.user)
    if request.method == "POST":
        sent_before = order_of_form(request.POST.get("form_token", ""), investor)
        if sent_before is not None:
            return _to_payment(request, sent_before, at=at)
    if not steps.takes_orders(fund, at):
        return steps.closed(request, fund)
    draft = drafts.load(request, slug)
    expired = order_of_form(draft.token, investor)
    if expired is not None:
        if not came_to_nothing(expired):
            return redirect("order", expired.reference)
        draft.renew()
        drafts.save(request, draft)
    terms = current_terms(fund)
    gap = steps.missing(draft, investor, terms, before="check")
    if gap or investor is None:
        return redirect(f"investments:{gap}", slug)
    total = terms.unit_price * draft.units
    ways = ways_to_pay(fund, units=draft.units, total=total, at=at)
    offered = [way.code for way in ways if way.offered]
    fingerprint = draft.fingerprint(terms)
    if request.method == "POST":
        form = CheckForm(request.POST, ways=ways)
        if form.is_valid():
            given = form.cleaned_data
            if str(given["form_token"]) != draft.token or given["shown"] != fingerprint:
                form.add_error(None, _("Your answers were changed in another window. Please check them once more."))
            else:
                try:
                    order = _place(draft, fund, investor, given["method"], at=at)
                except DomainError as error:
                    return _refused(request, form, draft, fund, terms, investor, error, at=at)
                draft.method = order.method
                drafts.save(request, draft)
                return _to_payment(request, order, at=at)
        form = _renewed(form, draft, fingerprint)
    else:
        chosen = draft.method if draft.method in offered else (offered[0] if offered else "")
        form = CheckForm(
            initial={"form_token": draft.token, "shown": fingerprint, "method": chosen},
            ways=ways,
        )
    return _check_page(request, form, draft, fund, terms, investor, at=at, expired=expired)


def _place(draft: drafts.Draft, fund: Fund, investor: Investor, method: str, *, at: datetime) -> Order:
    supporter = {} if draft.for_gift else draft.supporter or {}
    return orders.place_order(
        investor=investor,
        fund=fund,
        units=draft.units,
        method=method,
        form_token=uuid.UUID(draft.token),
        acceptances=draft.acceptances(),
        answers=draft.answers,
        language=draft.language,
        at=at,
        name_shown=bool(supporter.get("name_shown")),
        message=supporter.get("message", ""),
        gift=giving.Wish(**draft.gift) if draft.for_gift and draft.gift else None,
    )


def _renewed(form: CheckForm, draft: drafts.Draft, fingerprint: str) -> CheckForm:
    """The sent form with the errors it has, bound to the draft as it is now, so that sending it again can succeed."""
    form.data = form.data.copy()
    form.data["form_token"], form.data["shown"] = draft.token, fingerprint
    return form


def _refused(
    request: HttpRequest,
    form: CheckForm,
    draft: drafts.Draft,
    fund: Fund,
    terms: Terms,
    investor: Investor,
    error: DomainError,
    *,
    at: datetime,
) -> HttpResponse:
    """Why no units were reserved, on the page where it can be put right; nothing that was entered is lost."""
    if error.code == "closed":
        return steps.closed(request, fund)
    if error.code == "documents":
        draft.accepted = []
        drafts.save(request, draft)
        messages.error(request, str(error))
        return redirect("investments:documents", fund.slug)
    field = "method" if error.code in ("method", "delayed_share") else None
    form.add_error(field, str(error))
    # The ways to pay and the units left, as they are after the refusal.
    fund = steps.fund_or_404(fund.slug)
    form.ways = ways_to_pay(fund, units=draft.units, total=terms.unit_price * draft.units, at=at)
    limited = error.code in ("sold_out", "order_limit", "person_limit", "business_limit")
    return _check_page(request, form, draft, fund, terms, investor, at=at, limited=limited)


def _check_page(
    request: HttpRequest,
    form: CheckForm,
    draft: drafts.Draft,
    fund: Fund,
    terms: Terms,
    investor: Investor,
    *,
    at: datetime,
    expired: Order | None = None,
    limited: bool = False,
) -> HttpResponse:
    today = clock.today_in(fund.policy.zone, at)
    context: dict[str, Any] = {
        "form": form,
        "draft": draft,
        "terms": terms,
        "investor": investor,
        "address": investors.address_lines(investor),
        "documents": steps.documents_of(terms, draft.language),
        "investment": terms.investment * draft.units,
        "donation": terms.donation * draft.units,
        "fee": terms.fee * draft.units,
        "total": terms.unit_price * draft.units,
        "days": fund.policy.cooling_off_days,
        "cancel_by": clock.cooling_off_last_day(today, fund.policy.cooling_off_days),
        "expired": expired,
        "minutes": fund.policy.reservation_minutes,
        "offer": room_for(fund, terms, investor, at=at).most if limited else 0,
        "limited": limited,
        "payable": any(way.offered for way in form.ways),
    }
    return steps.page(request, "check", fund, context, status=REFUSED if form.errors else 200)


# --- F6: pay ----------------------------------------------------------------------------------------------------


def _to_payment(request: HttpRequest, order: Order, *, at: datetime) -> HttpResponse:
    """Send the payer to where they pay; to the order's page when there is nothing (more) to pay."""
    if order.state not in UNPAID:
        return redirect("order", order.reference)
    try:
        attempt = services.start_payment(order, at=at)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("order", order.reference)
    if order.method == Order.Method.BANK_TRANSFER:
        return redirect("investments:transfer", order.reference)
    if attempt.state == PaymentAttempt.State.PROCESSING:
        return redirect("order", order.reference)
    if not attempt.url:
        # The page says that the provider could not be reached, and offers the same call again.
        return redirect("investments:pay", order.reference)
    return redirect(attempt.url)


@private
@get_or_post
@login_required
def pay(request: HttpRequest, reference: str) -> HttpResponse:
    """F6: begin or resume paying. GET shows what is to be paid and calls nobody; the button calls the provider."""
    at = clock.now()
    order = own_order(request, reference)
    if request.method == "POST":
        return _to_payment(request, order, at=at)
    if order.state not in UNPAID or (order.reserved_until and order.reserved_until <= at):
        return redirect("order", order.reference)
    if order.method == Order.Method.BANK_TRANSFER:
        return redirect("investments:transfer", order.reference)
    attempt = order.attempts.order_by("-pk").first()
    if attempt and attempt.state == PaymentAttempt.State.PROCESSING:
        return redirect("order", order.reference)
    unreachable = bool(attempt and attempt.state == PaymentAttempt.State.CREATED and attempt.called_at)
    context = {"order": order, "fund": order.fund, "unreachable": unreachable, "page_has_errors": unreachable}
    return render(request, "investments/pay.html", context)


@private
@require_GET
@login_required
def come_back(request: HttpRequest, reference: str) -> HttpResponse:
    """Where the payment page sends the payer: ask the provider, believe only its answer, show the order's page.

    Nothing in the address is trusted, and nothing is claimed that the provider did not say.
    """
    order = own_order(request, reference)
    attempt = order.attempts.order_by("-pk").first()
    if attempt is not None and order.method != Order.Method.BANK_TRANSFER:
        try:
            settle(attempt.pk, at=clock.now())
        except (gateway.ProviderUnreachable, gateway.ProviderRefused) as error:
            # The sweep asks again; the page says that we are waiting.
            log.warning("payments.return_page", order=order.reference, error=str(error))
    return redirect(f"{order_url(order)}?wait=1")


@private
@require_GET
@login_required
def transfer(request: HttpRequest, reference: str) -> HttpResponse:
    """F6 for a bank transfer: what to transfer where, with which code, by when."""
    order = own_order(request, reference)
    attempt = order.attempts.filter(state=PaymentAttempt.State.OPEN).order_by("-pk").first()
    if order.method != Order.Method.BANK_TRANSFER or order.state not in UNPAID or attempt is None:
        return redirect("order", order.reference)
    received = received_so_far(order)
    if received >= order.total:
        # More than the sum has come: nothing is to be transferred until staff have looked at it.
        return redirect("order", order.reference)
    context = {
        "order": order,
        "fund": order.fund,
        "attempt": attempt,
        "pay_by": clock.today_in(order.fund.policy.zone, attempt.pay_by - timedelta(microseconds=1)),
        "received": received,
        "amount": order.total - received,
    }
    return render(request, "investments/transfer.html", context)


# --- F8: cancel -------------------------------------------------------------------------------------------------


@private
@get_or_post
@login_required
def cancel(request: HttpRequest, reference: str) -> HttpResponse:
    """F8: cancel until the end of cooling-off. The instant of sending decides."""
    at = clock.now()
    order = own_order(request, reference)
    if request.method == "POST":
        try:
            services.cancel_order(order, at=at, actor=request.user, reason="cancelled by the investor")
        except DomainError as error:
            order = own_order(request, reference)
            context = {"order": order, "fund": order.fund, "refusal": str(error), "code": error.code}
            return render(request, "investments/cancel.html", {**context, "page_has_errors": True}, status=409)
        messages.success(request, _("The order is cancelled."))
        return redirect("order", order.reference)
    context = {"order": order, "fund": order.fund, **_cancelling(order, at)}
    if order.payer_id != order.investor_id:
        context |= {"possible": context["possible"] and order.investor.user_id == request.user.pk, "given": True}
    return render(request, "investments/cancel.html", context)


def _cancelling(order: Order, at: datetime) -> dict[str, Any]:
    """Whether the order can be cancelled now, until when, and how the money goes back."""
    awaited = order.state == Order.State.PAID and giving.awaits_receiver(order)
    over = order.cooling_off_ends_at is not None and at >= order.cooling_off_ends_at and not awaited
    possible = order.frozen_at is None and (order.state in UNPAID or (order.state == Order.State.PAID and not over))
    last_day = None
    if order.cooling_off_ends_at is not None and not awaited:
        last_day = clock.today_in(order.fund.policy.zone, order.cooling_off_ends_at - timedelta(microseconds=1))
    captured = order.attempts.filter(captured__gt=0).order_by("pk").values_list("method", "captured")
    return {
        "possible": possible,
        "too_late": order.state == Order.State.CONFIRMED or (order.state == Order.State.PAID and over),
        "last_day": last_day,
        "back": sum(amount for _method, amount in captured),
        "by_bank": any(method != Order.Method.CARD for method, _amount in captured),
    }
