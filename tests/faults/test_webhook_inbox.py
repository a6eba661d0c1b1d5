"""Row 10 of the proofs, the inbox: forgeries are refused, and whatever a true event says, the provider decides."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import connection
from django.test import Client

from investments.orders.models import Order
from investments.payments import gateway, reconcile, refund, settle, unrecorded, webhook
from investments.payments import services as payments
from investments.payments.models import PaymentAttempt, ProviderCursor, Refund, UnrecordedObject, WebhookDelivery
from microfund.sandbox.webhooks import signature
from tests import make
from tests.faults import books, provider, world
from tests.faults.scale import Tally
from tests.sandbox_client import WEBHOOK_SECRET

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("sandbox")]

URL = "/webhooks/stripe/"
Signed = tuple[bytes, str | None]


def post(body: bytes, header: str | None) -> int:
    """As the provider calls us; answers the status."""
    extra = {} if header is None else {"HTTP_STRIPE_SIGNATURE": header}
    return Client().post(URL, body, content_type="application/json", **extra).status_code


def waiting_attempt(**values: Any) -> PaymentAttempt:
    """An order at NOW whose page is open."""
    return world.open_page(world.place(world.make_fund(), **values))


def paid_event(attempt: PaymentAttempt) -> dict[str, Any]:
    """The payer pays; the event that says so."""
    provider.pay(attempt)
    told = provider.events_of(attempt.session_id or "")
    return next(event for event in told if event["type"] == "checkout.session.completed")


def state_of(attempt: PaymentAttempt) -> str:
    return Order.objects.values_list("state", flat=True).get(pk=attempt.order_id)


# --- Forgeries --------------------------------------------------------------------------------------------------


def _other_event(body: bytes, header: str) -> Signed:
    event = {**json.loads(body), "id": "evt_other"}
    return json.dumps(event).encode(), header


def _a_second_earlier(header: str) -> str:
    moment, signatures = header.removeprefix("t=").split(",", 1)
    return f"t={int(moment) - 1},{signatures}"


def _altered(body: bytes, header: str) -> Signed:
    return body.replace(b'"amount_total": 10500', b'"amount_total": 99999'), header


FORGERIES: dict[str, Callable[[bytes, str], Signed]] = {
    "no header": lambda body, header: (body, None),
    "empty header": lambda body, header: (body, ""),
    "nonsense header": lambda body, header: (body, "t=,v1=;;"),
    "no time": lambda body, header: (body, "v1=" + header.split("v1=")[1]),
    "no signature": lambda body, header: (body, header.split(",")[0]),
    "made-up signature": lambda body, header: (body, header.split("v1=")[0] + "v1=" + "ab" * 32),
    "signed with another secret": lambda body, header: (body, signature(body, "whsec_guess", int(time.time()))),
    "signed ten minutes ago": lambda body, header: (body, signature(body, WEBHOOK_SECRET, int(time.time()) - 600)),
    "time moved": lambda body, header: (body, _a_second_earlier(header)),
    "amount altered": _altered,
    "another event under the same signature": _other_event,
    "a blank more": lambda body, header: (body + b" ", header),
    "an older scheme only": lambda body, header: (body, header.replace("v1=", "v0=")),
    "cut short": lambda body, header: (body[: len(body) // 2], header),
}


def test_forgeries_are_refused_and_leave_no_row() -> None:
    tally = Tally("10 forged webhooks")
    attempt = waiting_attempt()
    body, header = provider.signed(paid_event(attempt))
    for name, forge in FORGERIES.items():
        forged = forge(body, header)
        assert forged != (body, header), name
        assert post(*forged) == 400, name
        tally.add("refused")
    assert WebhookDelivery.objects.count() == 0
    assert state_of(attempt) == Order.State.RESERVED
    tally.require("refused", 12)
    # Control: the same event, not forged, is taken.
    assert post(body, header) == 200
    assert WebhookDelivery.objects.count() == 1
    tally.show()


@pytest.mark.parametrize(
    "body",
    [
        b"{}", b"[]", b"null", b"7", b'{"object": "event", "id": "", "type": "x", "data": {"object": {}}}',
        b'{"object": "event", "id": 5, "type": [], "data": {"object": []}}',
        b'{"object": "event", "id": "evt_\\u0000", "type": "x", "data": {"object": {"id": "a"}}}',
        b'{"object": "event", "id": "evt_1", "type": "x", "data": {"object": {"id": 7}}}',
        b'{"object": "event", "id": "evt_1", "type": "x", "data": []}', b'{"object": "event", "id": "evt_1"}',
    ],
)  # fmt: skip
def test_what_our_secret_signed_and_is_no_event_is_refused(body: bytes) -> None:
    assert post(body, signature(body, WEBHOOK_SECRET, int(time.time()))) == 400
    assert WebhookDelivery.objects.count() == 0


@pytest.mark.parametrize(
    "change", [{"livemode": True}, {"type": "customer.created"}, {"type": "checkout.session.paid_"}]
)
def test_a_true_event_that_is_not_for_us_is_kept_and_does_nothing(change: dict[str, Any]) -> None:
    attempt = waiting_attempt()
    event = {**paid_event(attempt), **change}
    if "livemode" not in change:
        event["data"] = {"object": {"id": "cus_1", "object": "customer"}}
    body, header = provider.signed(event)
    assert post(body, header) == 200
    delivery = WebhookDelivery.objects.get()
    webhook.process(delivery.pk, at=world.NOW)
    delivery.refresh_from_db()
    assert delivery.state == WebhookDelivery.State.IGNORED
    assert state_of(attempt) == Order.State.RESERVED


def test_an_event_that_says_paid_without_money_pays_nothing() -> None:
    """Signed with our secret, but the provider, asked again, knows of no payment."""
    attempt = waiting_attempt()
    liar = {
        "id": "evt_liar",
        "object": "event",
        "type": "checkout.session.completed",
        "livemode": False,
        "data": {
            "object": {
                "id": attempt.session_id,
                "object": "checkout.session",
                "status": "complete",
                "payment_status": "paid",
                "amount_total": attempt.amount,
            }
        },
    }
    webhook.process(webhook.receive(*provider.signed(liar), at=world.NOW).pk, at=world.NOW)
    assert state_of(attempt) == Order.State.RESERVED
    assert not books.problems(attempt.order.fund_id)


def test_eight_workers_with_one_event_have_one_effect() -> None:
    """anchors.md bug 6: one row, one effect, and each is answered 200."""
    attempt = waiting_attempt()
    body, header = provider.signed(paid_event(attempt))
    together, answers = threading.Barrier(8, timeout=120), []

    def deliver() -> None:
        try:
            together.wait()
            answers.append(post(body, header))
            for pk in WebhookDelivery.objects.values_list("pk", flat=True):
                webhook.process(pk, at=world.NOW)
        finally:
            connection.close()

    workers = [threading.Thread(target=deliver) for _worker in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert answers == [200] * 8
    assert WebhookDelivery.objects.get().state == WebhookDelivery.State.DONE
    assert state_of(attempt) == Order.State.PAID
    assert not books.problems(attempt.order.fund_id)


# --- What the provider says, at awkward times ---------------------------------------------------------------------


def _completed_is_paid(attempt: PaymentAttempt) -> None:
    """The bug of anchors.md 9: `completed` is taken for money."""
    real = gateway.get_session

    def believed(session_id: str) -> Any:
        facts = real(session_id)
        return type(facts)(
            **{
                **{name: getattr(facts, name) for name in facts.__slots__},
                "payment_status": "paid" if facts.status == "complete" else facts.payment_status,
            }
        )

    with mock.patch.object(gateway, "get_session", believed):
        settle.settle(attempt.pk, at=world.NOW)


def test_completed_but_unpaid_waits_until_the_money_is_there() -> None:
    """domain.md section 4.3; konbini is paid hours later by its own deadline, and the success event is not ignored."""
    attempt = waiting_attempt(method="konbini")
    provider.pay(attempt, how="konbini")
    settle.settle(attempt.pk, at=world.NOW)
    assert state_of(attempt) == Order.State.AWAITING_PAYMENT
    assert not books.problems(attempt.order.fund_id)
    intent = provider.session(attempt.session_id or "")["payment_intent"]["id"]
    provider.control("konbini/pay", payment_intent=intent)
    told = provider.events_of(attempt.session_id or "", intent)
    late = next(event for event in told if event["type"] == "checkout.session.async_payment_succeeded")
    webhook.process(webhook.receive(*provider.signed(late), at=world.NOW).pk, at=world.NOW)
    assert state_of(attempt) == Order.State.PAID
    assert not books.problems(attempt.order.fund_id)


def test_control_taking_completed_for_paid_sells_without_money() -> None:
    attempt = waiting_attempt(method="konbini")
    provider.pay(attempt, how="konbini")
    _completed_is_paid(attempt)
    taken = sum(row["captured"] for row in provider.charges_of(attempt.order.reference))
    assert (state_of(attempt), taken) == (Order.State.PAID, 0)


@pytest.mark.parametrize("sold_out", [False, True], ids=["units left", "sold out"])
def test_success_after_expiry_takes_units_again_or_is_refunded(sold_out: bool) -> None:
    """anchors.md bug 5; domain.md section 4.6."""
    fund = world.make_fund(units_offered=2)
    order = world.place(fund, units=2)
    attempt = world.open_page(order)
    event = paid_event(attempt)
    # Nobody can ask the provider when the reservation runs out.
    with mock.patch.object(gateway, "_call", side_effect=gateway.ProviderUnreachable("cut off")):
        assert payments.expire_order(order.pk, at=world.NOW + timedelta(minutes=36))
    if sold_out:
        world.paid(fund, "B", units=2)
    webhook.process(webhook.receive(*provider.signed(event), at=world.NOW).pk, at=world.NOW + timedelta(minutes=40))
    world.sweeps(at=world.NOW + timedelta(hours=3))
    assert state_of(attempt) == (Order.State.REFUNDED if sold_out else Order.State.PAID)
    assert Refund.objects.filter(order=order, reason=Refund.Reason.LATE).count() == int(sold_out)
    assert sum(row["refunded"] for row in provider.charges_of(order.reference)) == (order.total if sold_out else 0)
    assert not books.problems(fund.pk)


def test_a_refund_of_one_of_two_payments_leaves_the_order_paid_by_the_other() -> None:
    """anchors.md bug 7: money that came twice is one order and one automatic refund."""
    fund = world.make_fund()
    order = world.place(fund)
    first = world.open_page(order)
    session = provider.session(first.session_id or "")["id"]
    # Given up here because the provider could not be asked, while the payer still has the page.
    PaymentAttempt.objects.filter(pk=first.pk).update(state=PaymentAttempt.State.FAILED)
    second = world.open_page(order)
    provider.control("pay_many", sessions=[session, second.session_id])
    for attempt in (second, first):
        settle.settle(attempt.pk, at=world.NOW)
    assert Refund.objects.get(order=order).attempt_id == first.pk
    intent = PaymentAttempt.objects.get(pk=first.pk).intent_id or ""
    for event in provider.events_of(intent):
        webhook.process(webhook.receive(*provider.signed(event), at=world.NOW).pk, at=world.NOW)
    world.sweeps(at=world.NOW + timedelta(hours=3))
    assert state_of(first) == Order.State.PAID
    assert [row["refunded"] for row in provider.charges_of(order.reference)].count(order.total) == 1
    assert not books.problems(fund.pk)


def test_a_refund_made_in_the_dashboard_ends_the_order_once() -> None:
    order = world.paid(fund := world.make_fund())
    intent = PaymentAttempt.objects.get(order=order).intent_id or ""
    provider.control("dashboard_refund", payment_intent=intent)
    for event in provider.events_of(intent) * 2:
        webhook.process(webhook.receive(*provider.signed(event), at=world.NOW).pk, at=world.NOW)
    world.sweep("payments.objects", at=world.NOW + timedelta(hours=1))
    order.refresh_from_db()
    assert order.state == Order.State.REFUNDED
    assert Refund.objects.get(order=order).state == Refund.State.SUCCEEDED
    assert not books.problems(fund.pk)


@pytest.mark.parametrize("asked_first", [True, False], ids=["ours was refused", "ours is still waiting"])
def test_a_refund_made_in_the_dashboard_instead_of_ours_is_ours(asked_first: bool) -> None:
    """Cancelled here, and refunded there by hand: staff must not pay it once more by bank."""
    order = world.paid(fund := world.make_fund())
    payments.cancel_order(order, at=world.NOW, actor=order.investor.user)
    own = order.refunds.get()
    intent = own.attempt.intent_id or ""
    provider.control("dashboard_refund", payment_intent=intent)
    if asked_first:
        assert refund.send(own.pk, at=world.NOW).state == Refund.State.FAILED
    for event in provider.events_of(intent):
        webhook.process(webhook.receive(*provider.signed(event), at=world.NOW).pk, at=world.NOW)
    world.sweeps(["payments.refunds", "payments.objects"], at=world.NOW + timedelta(hours=1))
    own = order.refunds.get()
    assert (own.state, own.reason) == (Refund.State.SUCCEEDED, Refund.Reason.COOLING_OFF)
    assert len(provider.refunds_of(intent)) == 1
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {WebhookDelivery.State.DONE}
    assert not books.problems(fund.pk)


def test_one_refund_that_cannot_be_recorded_hides_no_other() -> None:
    """Paid by bank here and refunded there: that needs people, and keeps nothing else from being seen."""
    spoilt, sound = world.paid(fund := world.make_fund(), "A"), world.paid(fund, "B")
    payments.cancel_order(spoilt, at=world.NOW, actor=spoilt.investor.user)
    own = spoilt.refunds.get()
    provider.control("refund_policy", next="failed")
    for _asked in range(2):  # made, then asked about
        refund.send(own.pk, at=world.NOW)
    assert provider.pay_out()
    reconcile.payouts_due(on=world.DAY, at=world.NOW)
    transfer = refund.pay_by_bank(
        own,
        payee={"bank": "0001", "branch": "001", "type": "1", "number": "1234567", "holder": spoilt.investor.name_kana},
        actor=make.make_user(is_staff=True),
        at=world.NOW,
        reason="refused by the provider",
    )
    make.carry_out(transfer, at=world.NOW)
    provider.control("dashboard_refund", payment_intent=own.attempt.intent_id)
    provider.control("disputes/open", payment_intent=PaymentAttempt.objects.get(order=sound).intent_id)
    later = world.NOW + timedelta(hours=1)
    counts = reconcile.objects_due(on=world.DAY, at=later)
    assert (counts["kept"], counts["errors"], counts["disputes"]) == (1, 0, 1)
    sound.refresh_from_db()
    assert sound.frozen_at is not None
    # The list is read on; what could not be recorded waits for staff, and is tried again until they have looked.
    assert ProviderCursor.objects.get(pk="objects").seen_until == later
    row = UnrecordedObject.objects.get()
    assert (row.kind, row.state, "captured" in row.problem) == ("refund", "open", True)
    for days, kept in ((1, 1), (9, 1)):
        assert reconcile.objects_due(on=world.DAY, at=world.NOW + timedelta(days=days))["kept"] == kept
    row = unrecorded.looked_at(row, actor=make.make_user(is_staff=True), at=later, reason="asked back from the payer")
    assert reconcile.objects_due(on=world.DAY, at=world.NOW + timedelta(days=10))["kept"] == 0
    row.refresh_from_db()
    assert (row.state, row.tries) == ("reviewed", 3)


def test_a_refund_that_was_paid_by_bank_and_is_alive_at_the_provider_waits_for_people() -> None:
    """Ours was thought refused while the provider had it: nobody must find that out from the balance."""
    order = world.paid(world.make_fund(), "A")
    payments.cancel_order(order, at=world.NOW, actor=order.investor.user)
    own = refund.send(order.refunds.get().pk, at=world.NOW)
    Refund.objects.filter(pk=own.pk).update(state=Refund.State.PAID_BY_BANK)
    assert reconcile.objects_due(on=world.DAY, at=world.NOW + timedelta(hours=1))["kept"] == 1
    assert "was paid by bank, and is succeeded" in UnrecordedObject.objects.get().problem
