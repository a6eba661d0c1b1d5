"""Sessions and payments in every turn they can take, on the sandbox's clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
import stripe

from tests.sandbox_client import ControlError, SandboxProcess

MakeSession = Callable[..., stripe.checkout.Session]
JST = timezone(timedelta(hours=9))
NOON = datetime(2027, 3, 1, 12, tzinfo=JST)


def states(client: stripe.StripeClient, session_id: str) -> tuple[str | None, str, str | None, str | None]:
    """Session's status and payment status, the intent's status, its latest charge's status."""
    sess = client.v1.checkout.sessions.retrieve(session_id, {"expand": ["payment_intent.latest_charge"]})
    intent = sess.payment_intent
    if intent is None:
        return sess.status, sess.payment_status, None, None
    charge = intent.latest_charge
    return sess.status, sess.payment_status, intent.status, charge.status if charge else None


def event_types(client: stripe.StripeClient) -> list[str]:
    """All events, the oldest first."""
    return [event.type for event in client.v1.events.list({"limit": 100}).data][::-1]


def test_a_declined_card_leaves_the_session_open_for_another(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    sess = make_session()
    sandbox.control("pay", session=sess.id, how="decline")
    assert states(client, sess.id) == ("open", "unpaid", "requires_payment_method", "failed")
    intent = client.v1.checkout.sessions.retrieve(sess.id, {"expand": ["payment_intent"]}).payment_intent
    assert intent.last_payment_error.code == "card_declined" and intent.amount_received == 0
    sandbox.control("pay", session=sess.id, how="card")
    assert states(client, sess.id) == ("complete", "paid", "succeeded", "succeeded")
    assert len(client.v1.payment_intents.list().data) == 1
    assert sandbox.control("charges")["by_client_reference_id"] == {
        "order-1": {"charges": 1, "captured": 21000, "refunded": 0}
    }


@pytest.mark.parametrize("how", ["card", "konbini", "hold"])
def test_a_session_is_paid_once(sandbox: SandboxProcess, make_session: MakeSession, how: str) -> None:
    sess = make_session()
    sandbox.control("pay", session=sess.id, how=how)
    with pytest.raises(ControlError, match="can no longer be paid"):
        sandbox.control("pay", session=sess.id, how="card")
    assert sandbox.control("charges")["by_client_reference_id"].get("order-1", {"charges": 1})["charges"] == 1


@pytest.mark.parametrize(("outcome", "ends"), [("succeed", "succeeded"), ("fail", "failed")])
def test_a_held_payment_stays_processing_until_it_is_released(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession, outcome: str, ends: str
) -> None:
    sess = make_session()
    intent = sandbox.control("pay", session=sess.id, how="hold")["payment_intent"]["id"]
    sandbox.control("clock", advance_seconds=40 * 86400)
    assert states(client, sess.id) == ("complete", "unpaid", "processing", "pending")
    assert client.v1.balance_transactions.list().data == []
    sandbox.control("release", payment_intent=intent, outcome=outcome)
    good = outcome == "succeed"
    status = "succeeded" if good else "requires_payment_method"
    assert states(client, sess.id) == ("complete", "paid" if good else "unpaid", status, ends)
    assert event_types(client)[-1] == (
        "checkout.session.async_payment_succeeded" if good else "checkout.session.async_payment_failed"
    )
    with pytest.raises(ControlError, match="not held"):
        sandbox.control("release", payment_intent=intent, outcome=outcome)


def test_an_open_session_expires_at_its_second(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    sandbox.control("clock", at=NOON.isoformat())
    sess = make_session()
    sandbox.control("clock", advance_seconds=31 * 60 - 1)
    assert states(client, sess.id)[0] == "open"
    sandbox.control("clock", advance_seconds=1)
    assert states(client, sess.id) == ("expired", "unpaid", None, None)
    assert client.v1.checkout.sessions.retrieve(sess.id).url is None
    assert event_types(client) == ["checkout.session.expired"]
    with pytest.raises(ControlError, match="is expired"):
        sandbox.control("pay", session=sess.id, how="card")
    with pytest.raises(stripe.InvalidRequestError, match="status of `expired`"):
        client.v1.checkout.sessions.expire(sess.id)


def test_expiry_needs_no_request(
    sandbox: SandboxProcess, make_session: MakeSession, receiver: object, client: stripe.StripeClient
) -> None:
    sess = make_session()
    sandbox.control("clock", at=datetime.fromtimestamp(sess.expires_at - 1, JST).isoformat(), ticking=True)
    deadline = time.monotonic() + 60
    while not receiver.received:  # type: ignore[attr-defined]
        assert time.monotonic() < deadline, "no checkout.session.expired arrived"
        time.sleep(0.02)
    assert states(client, sess.id)[0] == "expired"


def test_a_session_is_expired_by_call_only_while_open(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    open_one, paid = make_session(), make_session()
    sandbox.control("pay", session=paid.id, how="card")
    assert client.v1.checkout.sessions.expire(open_one.id).status == "expired"
    with pytest.raises(stripe.InvalidRequestError, match="status of `complete`"):
        client.v1.checkout.sessions.expire(paid.id)


def test_a_slip_can_be_paid_through_its_last_second(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    sandbox.control("clock", at=NOON.isoformat())
    sess = make_session()
    intent = sandbox.control("pay", session=sess.id, how="konbini")["payment_intent"]
    deadline = datetime(2027, 3, 3, 23, 59, 59, tzinfo=JST).timestamp()
    shown = client.v1.payment_intents.retrieve(intent["id"]).next_action.konbini_display_details
    assert shown.expires_at == deadline
    assert states(client, sess.id) == ("complete", "unpaid", "requires_action", None)
    sandbox.control("clock", at=datetime.fromtimestamp(deadline, JST).isoformat())
    sandbox.control("konbini/pay", payment_intent=intent["id"])
    assert states(client, sess.id) == ("complete", "paid", "succeeded", "succeeded")
    charge = client.v1.charges.list({"payment_intent": intent["id"]}).data[0]
    assert charge.payment_method_details.type == "konbini" and charge.created == deadline


def test_a_slip_expires_the_second_after_its_deadline(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    sandbox.control("clock", at=NOON.isoformat())
    sess = make_session(payment_method_options=None)
    intent = sandbox.control("pay", session=sess.id, how="konbini")["payment_intent"]["id"]
    sandbox.control("clock", at=datetime(2027, 3, 5, 0, 0, 0, tzinfo=JST).isoformat())  # 3 days when not said
    assert states(client, sess.id) == ("complete", "unpaid", "requires_payment_method", None)
    error = client.v1.payment_intents.retrieve(intent).last_payment_error
    assert error.code == "payment_intent_payment_attempt_expired"
    assert event_types(client)[-2:] == ["payment_intent.payment_failed", "checkout.session.async_payment_failed"]
    with pytest.raises(ControlError, match="no slip to pay"):
        sandbox.control("konbini/pay", payment_intent=intent)


def test_cancelling_an_intent_ends_its_slip_but_never_a_payment(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    slip = sandbox.control("pay", session=make_session().id, how="konbini")["payment_intent"]["id"]
    assert client.v1.payment_intents.cancel(slip).status == "canceled"
    with pytest.raises(ControlError, match="no slip to pay"):
        sandbox.control("konbini/pay", payment_intent=slip)
    for how in ("card", "hold"):
        intent = sandbox.control("pay", session=make_session().id, how=how)["payment_intent"]["id"]
        with pytest.raises(stripe.InvalidRequestError) as caught:
            client.v1.payment_intents.cancel(intent)
        assert caught.value.code == "payment_intent_unexpected_state"
    waiting = make_session()
    declined = sandbox.control("pay", session=waiting.id, how="decline")["payment_intent"]["id"]
    with pytest.raises(stripe.InvalidRequestError, match="Expire the Checkout Session instead"):
        client.v1.payment_intents.cancel(declined)
    client.v1.checkout.sessions.expire(waiting.id)
    assert client.v1.payment_intents.retrieve(declined).status == "canceled"


def test_only_offered_methods_can_be_used(sandbox: SandboxProcess, make_session: MakeSession) -> None:
    sess = make_session(payment_method_types=["card"], payment_method_options=None)
    with pytest.raises(ControlError, match="does not accept konbini"):
        sandbox.control("pay", session=sess.id, how="konbini")


def test_many_payments_in_one_call_are_each_paid_once(sandbox: SandboxProcess, make_session: MakeSession) -> None:
    ids = [make_session(client_reference_id=f"o{i}").id for i in range(200)]
    paid = sandbox.control("pay_many", sessions=ids, how="card")["paid"]
    assert len(paid) == 200 and {p["payment_intent"]["status"] for p in paid} == {"succeeded"}
    assert len(sandbox.control("charges")["by_client_reference_id"]) == 200
