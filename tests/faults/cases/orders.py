"""Cases of buying: payment, webhooks and sweeps that settle it, confirmation, cancellation, refund, expiry."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

from investments.orders.models import UNPAID, Order
from investments.payments import gateway, refund, settle, webhook
from investments.payments import services as payments
from investments.payments.models import Dispute, PaymentAttempt, ProviderCursor
from tests import make
from tests.faults import provider, world
from tests.faults.cases.case import Case, Context, at_of, charges, context_of, intent, quiet, sweep


def _prepare_pay(method: str = "card") -> Context:
    return context_of(fund := world.make_fund(), form=world.form(fund, method=method))


def _pay(context: Context) -> None:
    """Send the form, open the page, pay there, come back: what a browser does, and does again."""
    at = at_of(context)
    order = world.place_again(context["form"])
    if order.state in UNPAID:
        attempt = payments.start_payment(order, at=at)
        if attempt.method == Order.Method.BANK_TRANSFER:
            return
        provider.pay(attempt, how=order.method)
        settle.settle(attempt.pk, at=at + timedelta(minutes=2))
    if order.method == Order.Method.KONBINI:
        attempt = PaymentAttempt.objects.get(order=order)
        intent = provider.session(attempt.session_id or "")["payment_intent"]
        if intent["status"] == "requires_action":
            provider.control("konbini/pay", payment_intent=intent["id"])
        settle.settle(attempt.pk, at=at + timedelta(minutes=5))


def _prepare_webhook() -> Context:
    fund = world.make_fund()
    attempt = world.open_page(world.place(fund, units=2))
    provider.pay(attempt)
    event = next(e for e in provider.events_of(attempt.session_id or "") if e["type"] == "checkout.session.completed")
    return context_of(fund, event=event)


def _webhook(context: Context) -> None:
    body, header = provider.signed(context["event"])
    delivery = webhook.receive(body, header, at=at_of(context))
    webhook.process(delivery.pk, at=at_of(context))


def _prepare_webhook_sweep() -> Context:
    """The event is stored, and its task was lost."""
    quiet("payments.webhooks", world.NOW)
    context = _prepare_webhook()
    webhook.receive(*provider.signed(context.pop("event")), at=world.NOW)
    return context


def _prepare_reconcile() -> Context:
    """Paid at the provider, and nobody has told us: one whole payment, one that is held there."""
    at = quiet("payments.reconcile", world.NOW + timedelta(minutes=2))
    fund = world.make_fund()
    provider.pay(world.open_page(world.place(fund, "A", units=2)))
    provider.pay(world.open_page(world.place(fund, "B", units=1)), how="hold")
    return context_of(fund, at=at)


def _prepare_refund_sweep() -> Context:
    """One refund to be sent, one on its way, one that was done and comes back."""
    at = quiet("payments.refunds", world.NOW + timedelta(days=2))
    fund = world.make_fund()
    rows = []
    for label, policy in (("pending", "pending"), ("back", "succeeded"), ("new", "")):
        order = world.paid(fund, label, units=1)
        payments.cancel_order(order, at=world.NOW, actor=None)
        rows.append(order.refunds.get())
        if policy:
            provider.control("refund_policy", next=policy)
            rows[-1] = refund.send(rows[-1].pk, at=world.NOW)
    for row, status in zip(rows, ("succeeded", "failed"), strict=False):
        provider.control("refunds/settle", refund=row.provider_id, status=status)
    return context_of(fund, at=at)


_object_days = itertools.count(400)


def _prepare_objects() -> Context:
    """A refund and a lost dispute that were made at the provider. Its lists hold those of every fund, so each case has
    days of its own; disputes that are still open from earlier cases are decided, for all of them are asked about."""
    day = world.DAY + timedelta(days=10 * next(_object_days))
    at = make.at_noon(day)
    provider.set_clock(at - timedelta(days=5))
    for own in Dispute.objects.filter(state=Dispute.State.OPEN):
        provider.control("disputes/close", dispute=own.provider_id, outcome="won")
    world.sweep("payments.objects", at=at - timedelta(days=5))
    provider.set_clock(at)
    fund = world.make_fund(on=day)
    provider.control("dashboard_refund", payment_intent=intent(world.paid(fund, "A", units=2, at=at)))
    dispute = provider.control("disputes/open", payment_intent=intent(world.paid(fund, "B", units=1, at=at)))
    provider.control("disputes/close", dispute=dispute["id"], outcome="lost")
    return context_of(fund, at=at)


def _cursor(name: str) -> Callable[[Context], list[Any]]:
    """How far a list was read, from the case's own instant on."""

    def seen(context: Context) -> list[Any]:
        return [str(ProviderCursor.objects.get(pk=name).seen_until - at_of(context))]

    return seen


def _prepare_confirm() -> Context:
    at = quiet("orders.confirm", world.COOLED)
    fund = world.make_fund(units_minimum=3)
    world.paid(fund, "A", units=2)
    world.paid(fund, "B", units=1)
    return context_of(fund, at=at)


def _prepare_cancel_paid() -> Context:
    order = world.paid(fund := world.make_fund(), units=2)
    return context_of(fund, order=order.pk)


def _prepare_cancel_unpaid() -> Context:
    order = world.place(fund := world.make_fund(), units=2)
    world.open_page(order)
    return context_of(fund, order=order.pk)


def _cancel(context: Context) -> None:
    order = Order.objects.select_related("investor__user").get(pk=context["order"])
    payments.cancel_order(order, at=at_of(context), actor=order.investor.user)
    for row in order.refunds.all():
        refund.send(row.pk, at=at_of(context))


def _prepare_refund() -> Context:
    context = _prepare_cancel_paid()
    order = Order.objects.get(pk=context["order"])
    payments.cancel_order(order, at=at_of(context), actor=None)
    return context


def _send_refund(context: Context) -> None:
    for row in Order.objects.get(pk=context["order"]).refunds.all():
        refund.send(row.pk, at=at_of(context))


def _prepare_pending_refund() -> Context:
    context = _prepare_refund()
    provider.control("refund_policy", next="pending")
    _send_refund(context)
    row = Order.objects.get(pk=context["order"]).refunds.get()
    provider.control("refunds/settle", refund=row.provider_id, status="succeeded")
    return context


def _prepare_staff_refund() -> Context:
    context = _prepare_cancel_paid()
    return {**context, "staff": make.make_user(is_staff=True).pk}


def _staff_refund(context: Context) -> None:
    order = Order.objects.get(pk=context["order"])
    if order.state == Order.State.PAID:
        actor = make.User.objects.get(pk=context["staff"])
        payments.refund_by_staff(order, at=at_of(context), actor=actor, reason="asked for by letter")
    _send_refund(context)


def _prepare_expire() -> Context:
    at = quiet("payments.expire", world.NOW + timedelta(minutes=36))
    fund = world.make_fund()
    world.open_page(world.place(fund, "A", units=2))
    world.place(fund, "B", units=1)
    return context_of(fund, at=at)


def _prepare_expire_paid() -> Context:
    """The money is at the provider when the reservation runs out: the sweep must find it and sell."""
    at = quiet("payments.expire", world.NOW + timedelta(minutes=36))
    fund = world.make_fund()
    provider.pay(world.open_page(world.place(fund, "A", units=2)))
    return context_of(fund, at=at)


def _prepare_late() -> Context:
    """Paid at the provider, expired here because the provider could not be asked, and then the units were sold."""
    fund = world.make_fund(units_offered=2)
    late = world.place(fund, "A", units=2)
    attempt = world.open_page(late)
    provider.pay(attempt)
    with mock.patch.object(gateway, "_call", side_effect=gateway.ProviderUnreachable("cut off")):
        assert payments.expire_order(late.pk, at=world.NOW + timedelta(minutes=36))
    world.paid(fund, "B", units=2, at=world.NOW + timedelta(minutes=40))
    return context_of(fund, at=world.NOW + timedelta(minutes=50), attempt=attempt.pk)


def _settle(context: Context) -> None:
    settle.settle(context["attempt"], at=at_of(context))


CASES: dict[str, Case] = {
    "pay by card": Case(_prepare_pay, _pay, also=charges),
    "pay by konbini": Case(lambda: _prepare_pay("konbini"), _pay, also=charges),
    "order by transfer": Case(lambda: _prepare_pay("bank_transfer"), _pay),
    "webhook": Case(_prepare_webhook, _webhook, also=charges),
    "webhooks sweep": Case(_prepare_webhook_sweep, sweep("payments.webhooks"), also=charges),
    "reconcile sweep": Case(_prepare_reconcile, sweep("payments.reconcile"), also=charges),
    "refunds sweep": Case(_prepare_refund_sweep, sweep("payments.refunds"), also=charges),
    "objects sweep": Case(
        _prepare_objects, sweep("payments.objects"), sweeps=("payments.objects",), also=_cursor("objects")
    ),
    "cancel a paid order": Case(_prepare_cancel_paid, _cancel, also=charges),
    "cancel an unpaid order": Case(_prepare_cancel_unpaid, _cancel, also=charges),
    "refund by staff": Case(_prepare_staff_refund, _staff_refund, also=charges),
    "send a refund": Case(_prepare_refund, _send_refund, also=charges),
    "refund on its way": Case(_prepare_pending_refund, _send_refund, also=charges),
    "expire": Case(_prepare_expire, sweep("payments.expire"), also=charges),
    "expire what is paid": Case(_prepare_expire_paid, sweep("payments.expire"), also=charges),
    "late money": Case(_prepare_late, _settle, also=charges),
    "confirm": Case(_prepare_confirm, sweep("orders.confirm")),
}
