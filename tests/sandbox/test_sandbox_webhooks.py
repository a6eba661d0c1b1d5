"""Webhooks: signed so that the real library accepts them, delivered whatever the receiver does, spoiled to order."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
import stripe

from tests.sandbox.conftest import Receiver
from tests.sandbox_client import ControlError, SandboxProcess

MakeSession = Callable[..., stripe.checkout.Session]
PAID = ["charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"]


def types(receiver: Receiver, sandbox: SandboxProcess) -> list[str]:
    """Types of what arrived, in order of arrival, each verified."""
    return [event.type for event in receiver.events(sandbox.webhook_secret)]


def test_a_webhook_is_accepted_by_the_real_library_and_equals_the_event_of_the_api(
    sandbox: SandboxProcess, receiver: Receiver, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    sess = make_session()
    sandbox.control("pay", session=sess.id, how="card")
    sandbox.wait_for_webhooks()
    assert types(receiver, sandbox) == PAID
    event = receiver.events(sandbox.webhook_secret)[-1]
    assert event.data.object.id == sess.id and event.data.object.payment_status == "paid"
    assert event.api_version == stripe.api_version and event.livemode is False
    stored = client.v1.events.retrieve(event.id)
    assert stored.data.to_dict() == event.data.to_dict() and stored.pending_webhooks == 0


def test_forgeries_are_refused_by_the_real_library(
    sandbox: SandboxProcess, receiver: Receiver, make_session: MakeSession
) -> None:
    sandbox.control("pay", session=make_session().id, how="card")
    sandbox.wait_for_webhooks()
    body, header = receiver.received[0]
    for forged, signature, secret in (
        (body.replace(b"21000", b"99000"), header, sandbox.webhook_secret),
        (body, header, "whsec_other"),
        (body, header.replace("t=", "t=1"), sandbox.webhook_secret),
        (body, header.replace("v1=", "v0="), sandbox.webhook_secret),
    ):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(forged, signature, secret)


def test_the_signature_is_of_real_time_unless_it_is_skewed(
    sandbox: SandboxProcess, receiver: Receiver, make_session: MakeSession
) -> None:
    sandbox.control("clock", at="2031-01-01T00:00:00+00:00")
    sandbox.control("pay", session=make_session().id, how="decline")
    sandbox.wait_for_webhooks()
    assert receiver.events(sandbox.webhook_secret)[0].created == 1924992000
    receiver.clear()
    sandbox.control("faults", webhooks="normal", skew_seconds=-360)
    sandbox.control("pay", session=make_session().id, how="decline")
    sandbox.wait_for_webhooks()
    with pytest.raises(stripe.SignatureVerificationError, match="outside the tolerance"):
        receiver.events(sandbox.webhook_secret)


def test_what_the_receiver_refuses_is_sent_again(
    sandbox: SandboxProcess, receiver: Receiver, make_session: MakeSession
) -> None:
    receiver.answers = [500, 302, 404]
    sandbox.control("pay", session=make_session().id, how="card")
    sandbox.wait_for_webhooks()
    assert sorted(types(receiver, sandbox)) == sorted(PAID)
    attempts = {d["type"]: d["attempts"] for d in sandbox.control("webhooks")["deliveries"]}
    assert attempts == dict.fromkeys(PAID, 2)


def test_held_webhooks_are_sent_by_flush_in_any_order_asked_for(
    sandbox: SandboxProcess, receiver: Receiver, make_session: MakeSession
) -> None:
    sandbox.control("faults", webhooks="hold")
    sandbox.control("pay", session=make_session().id, how="card")
    held = sandbox.control("webhooks")["deliveries"]
    assert [d["state"] for d in held] == ["held"] * 3 and receiver.received == []
    order = [held[2]["event"], held[0]["event"]]
    sent = sandbox.control("webhooks/flush", order=order)["sent"]
    assert [(s["event"], s["answer"]) for s in sent] == [(name, 200) for name in order]
    assert types(receiver, sandbox) == [PAID[2], PAID[0]]
    assert sandbox.control("webhooks")["counts"] == {"delivered": 2, "held": 1}
    sandbox.control("faults", webhooks="normal")
    sandbox.wait_for_webhooks()
    assert types(receiver, sandbox) == [PAID[2], PAID[0], PAID[1]]


def test_a_refused_delivery_stays_held_while_webhooks_are_held(
    sandbox: SandboxProcess, receiver: Receiver, make_session: MakeSession
) -> None:
    sandbox.control("faults", webhooks="hold")
    sandbox.control("pay", session=make_session().id, how="decline")
    receiver.answers = [500, 500]
    assert [s["answer"] for s in sandbox.control("webhooks/flush")["sent"]] == [500, 500]
    time.sleep(1.2)
    assert receiver.received == [] and sandbox.control("webhooks")["counts"] == {"held": 2}


def test_lost_webhooks_never_arrive_but_can_be_sent_again_by_id(
    sandbox: SandboxProcess, receiver: Receiver, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    sandbox.control("faults", webhooks="lose")
    sandbox.control("pay", session=make_session().id, how="card")
    assert sandbox.control("webhooks")["counts"] == {"lost": 3}
    events = client.v1.events.list({"type": "checkout.session.completed"}).data
    sandbox.control("webhooks/send", event=events[0].id, times=3)
    assert [e.id for e in receiver.events(sandbox.webhook_secret)] == [events[0].id] * 3
    with pytest.raises(ControlError, match="evt_nothing"):
        sandbox.control("webhooks/send", event="evt_nothing")


def test_doubled_webhooks_come_twice_as_one_event_or_as_two(
    sandbox: SandboxProcess, receiver: Receiver, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    for mode, ids in (("double", 1), ("double_new_id", 2)):
        receiver.clear()
        sandbox.control("faults", webhooks=mode)
        sandbox.control("pay", session=make_session().id, how="card")
        sandbox.wait_for_webhooks()
        events = [e for e in receiver.events(sandbox.webhook_secret) if e.type == "charge.succeeded"]
        assert len(events) == 2 and len({e.id for e in events}) == ids
        assert len({json.dumps(e.data.to_dict(), sort_keys=True) for e in events}) == 1
        for event in events:
            assert client.v1.events.retrieve(event.id).type == "charge.succeeded"


def test_late_webhooks_come_late(sandbox: SandboxProcess, receiver: Receiver, make_session: MakeSession) -> None:
    sandbox.control("faults", webhooks="late", seconds=0.8)
    started = time.monotonic()
    sandbox.control("pay", session=make_session().id, how="card")
    sandbox.wait_for_webhooks()
    assert time.monotonic() - started >= 0.8 and types(receiver, sandbox) == PAID


def test_shuffled_webhooks_come_in_the_order_of_the_seed(
    sandbox: SandboxProcess, receiver: Receiver, make_session: MakeSession
) -> None:
    # The two seeds draw three numbers that are far from one another, in another order each.
    def order(seed: int) -> list[str]:
        receiver.clear()
        sandbox.control("faults", webhooks="shuffle", seed=seed, seconds=1)
        sandbox.control("pay", session=make_session().id, how="card")
        sandbox.wait_for_webhooks()
        return types(receiver, sandbox)

    found = [order(seed) for seed in (40, 54, 40)]
    assert found[0] == found[2]
    assert found[0] != found[1] and all(sorted(f) == sorted(PAID) for f in found)


def test_an_unknown_mode_is_refused(sandbox: SandboxProcess) -> None:
    with pytest.raises(ControlError, match="unknown mode"):
        sandbox.control("faults", webhooks="sometimes")
