"""The provider's API through the real client library: keys, parameters, idempotency, lists, expansion, errors."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.sandbox.conftest import make_client, session_params
from tests.sandbox_client import SandboxProcess

MakeSession = Callable[..., stripe.checkout.Session]


def test_a_session_is_what_was_asked_for(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    sess = make_session()
    assert (sess.status, sess.payment_status, sess.amount_total, sess.currency) == ("open", "unpaid", 21000, "jpy")
    assert sess.client_reference_id == "order-1" and sess.metadata["attempt"] == "1"
    assert sess.payment_intent is None and sess.livemode is False
    assert sess.url == f"{sandbox.url}/pay/{sess.id}"
    again = client.v1.checkout.sessions.retrieve(sess.id, {"expand": ["line_items"]})
    assert [(i.description, i.quantity, i.amount_total) for i in again.line_items.data] == [
        ("Donation", 2, 10000),
        ("Investment", 2, 10000),
        ("Fee", 2, 1000),
    ]
    assert again.last_response.headers["Request-Id"].startswith("req_")


def test_a_payment_by_card_can_be_followed_down_to_its_fee(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    sess = make_session()
    sandbox.control("pay", session=sess.id, how="card")
    path = "payment_intent.latest_charge.balance_transaction"
    sess = client.v1.checkout.sessions.retrieve(sess.id, {"expand": [path]})
    assert (sess.status, sess.payment_status, sess.url) == ("complete", "paid", None)
    intent = sess.payment_intent
    assert (intent.status, intent.amount_received, intent.metadata["attempt"]) == ("succeeded", 21000, "1")
    charge = intent.latest_charge
    assert (charge.amount_captured, charge.metadata["attempt"]) == (21000, "1")
    assert (charge.balance_transaction.fee, charge.balance_transaction.net) == (756, 20244)


@pytest.mark.parametrize(
    ("amount", "method", "fee"),
    [(1000, "card", 36), (1014, "card", 37), (1013, "card", 36), (125, "card", 5), (1000, "konbini", 120)],
)
def test_fees_are_rounded_half_up_and_konbini_has_a_least_fee(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession, amount: int, method: str, fee: int
) -> None:
    line = {"price_data": {"currency": "jpy", "unit_amount": amount, "product_data": {"name": "x"}}, "quantity": 1}
    intent = sandbox.control("pay", session=make_session(line_items=[line]).id, how=method)["payment_intent"]
    if method == "konbini":
        sandbox.control("konbini/pay", payment_intent=intent["id"])
    found = client.v1.charges.list({"payment_intent": intent["id"], "expand": ["data.balance_transaction"]})
    assert found.data[0].balance_transaction.fee == fee


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"mode": "subscription"}, "mode"),
        ({"line_items": None}, "line_items"),
        ({"success_url": None}, "success_url"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"customer_email": "nobody"}, "customer_email"),
        ({"metadata": {"k": "v" * 501}}, "metadata"),
        ({"metadata": {f"k{i}": "v" for i in range(51)}}, "metadata"),
        ({"client_reference_id": "x" * 201}, "client_reference_id"),
        ({"payment_method_types": ["paypay"]}, "payment_method_types"),
        ({"payment_method_options": {"konbini": {"expires_after_days": 61}}},
         "payment_method_options[konbini][expires_after_days]"),
        ({"shipping_options": [{"shipping_rate": "x"}]}, "shipping_options"),
    ],
)  # fmt: skip
def test_a_bad_parameter_is_refused_by_name(make_session: MakeSession, given: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        make_session(**given)
    assert caught.value.param == param and caught.value.http_status == 400


@pytest.mark.parametrize(("unit_amount", "quantity", "fits"), [
    (300_000, 1, True), (300_001, 1, False), (120, 1, True), (119, 1, False), (150_000, 2, True), (150_001, 2, False),
])  # fmt: skip
def test_konbini_takes_from_120_to_300000_yen(
    make_session: MakeSession, unit_amount: int, quantity: int, fits: bool
) -> None:
    price = {"currency": "jpy", "unit_amount": unit_amount, "product_data": {"name": "x"}}
    lines = [{"price_data": price, "quantity": quantity}]
    if fits:
        assert make_session(line_items=lines).amount_total == unit_amount * quantity
    else:
        with pytest.raises(stripe.InvalidRequestError, match="konbini takes from"):
            make_session(line_items=lines)
    by_card = make_session(line_items=lines, payment_method_types=["card"], payment_method_options=None)
    assert by_card.amount_total == unit_amount * quantity


@pytest.mark.parametrize(
    ("seconds", "fits"), [(1799, False), (1800, True), (86400, True), (86401, False), (-60, False)]
)
def test_a_session_lives_from_30_minutes_to_24_hours(
    sandbox: SandboxProcess, make_session: MakeSession, seconds: int, fits: bool
) -> None:
    now = sandbox.control("clock", at="2027-03-01T12:00:00+09:00")["now"]
    if fits:
        assert make_session(expires_at=now + seconds).expires_at == now + seconds
    else:
        with pytest.raises(stripe.InvalidRequestError, match="between 30 minutes and 24 hours"):
            make_session(expires_at=now + seconds)


def test_the_same_key_and_parameters_answer_the_same_without_a_second_effect(
    client: stripe.StripeClient, make_session: MakeSession
) -> None:
    first = make_session(key="checkout-1")
    again = make_session(key="checkout-1", expires_at=first.expires_at)
    assert again.id == first.id and again.to_dict() == first.to_dict()
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert again.last_response.headers["Original-Request"] == first.last_response.headers["Request-Id"]
    assert len(client.v1.checkout.sessions.list().data) == 1


def test_the_same_key_with_other_parameters_is_refused(client: stripe.StripeClient, make_session: MakeSession) -> None:
    make_session(key="checkout-1")
    with pytest.raises(stripe.IdempotencyError) as caught:
        make_session(key="checkout-1", client_reference_id="order-2")
    assert caught.value.http_status == 400
    assert len(client.v1.checkout.sessions.list().data) == 1


def test_a_key_is_forgotten_after_24_hours_of_the_sandbox_clock(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    sandbox.control("clock", at="2027-03-01T12:00:00+09:00")
    intent = sandbox.control("pay", session=make_session().id, how="card")["payment_intent"]["id"]

    def refund() -> str:
        return client.v1.refunds.create({"payment_intent": intent, "amount": 100}, {"idempotency_key": "refund-1"}).id

    first = refund()
    sandbox.control("clock", advance_seconds=24 * 3600 - 1)
    assert refund() == first
    sandbox.control("clock", advance_seconds=1)
    assert refund() != first


def test_what_was_refused_at_the_door_is_not_kept_under_the_key_but_what_was_carried_out_is(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        make_session(key="k", mode="setup")
    assert make_session(key="k").status == "open"

    intent = sandbox.control("pay", session=make_session().id, how="card")["payment_intent"]["id"]
    client.v1.refunds.create({"payment_intent": intent})
    for replayed in (None, "true"):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            client.v1.refunds.create({"payment_intent": intent}, {"idempotency_key": "r"})
        assert caught.value.code == "charge_already_refunded"
        assert caught.value.headers.get("Idempotent-Replayed") == replayed


def test_a_key_in_flight_conflicts(sandbox: SandboxProcess, make_session: MakeSession) -> None:
    sandbox.control("faults", faults=[{"match": "POST /v1/checkout/sessions", "kind": "slow", "seconds": 600}])
    made: list[str] = []
    expires_at = sandbox.control("clock")["now"] + 1900
    first = threading.Thread(target=lambda: made.append(make_session(key="k", expires_at=expires_at).id))
    first.start()
    while sandbox.control("faults")["faults"][0]["left"]:
        time.sleep(0.01)
    time.sleep(0.3)  # from taking the fault to noting the key
    with pytest.raises(stripe.StripeError) as caught:
        make_session(key="k", expires_at=expires_at)
    assert caught.value.http_status == 409
    assert caught.value.json_body["error"]["code"] == "idempotency_key_in_use"
    sandbox.control("faults", "DELETE")
    first.join()
    assert [make_session(key="k", expires_at=expires_at).id] == made


def test_the_key_is_asked_for_as_bearer_or_basic(sandbox: SandboxProcess) -> None:
    def get(header: str | None) -> tuple[int, dict[str, Any]]:
        status, body = sandbox.request("GET", "/v1/refunds", headers={"Authorization": header} if header else {"X": ""})
        return status, json.loads(body)

    good = base64.b64encode(f"{sandbox.secret_key}:".encode()).decode()
    assert get(f"Bearer {sandbox.secret_key}")[0] == 200
    assert get(f"Basic {good}")[0] == 200
    for bad in (None, "Bearer sk_wrong", "Basic !!!", "Bearer", "Bearer ключ"[:7]):
        status, body = get(bad)
        assert status == 401 and body["error"]["type"] == "invalid_request_error"
        assert sandbox.secret_key not in json.dumps(body)
    with pytest.raises(stripe.AuthenticationError):
        stripe.StripeClient("sk_wrong", base_addresses={"api": sandbox.url}).v1.refunds.list()


def test_an_unknown_object_and_an_unknown_address_are_404(client: stripe.StripeClient, sandbox: SandboxProcess) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.retrieve("pi_nothing")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        client.v1.customers.list()


def test_lists_are_newest_first_in_pages_and_the_library_walks_them(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    made = [make_session(client_reference_id=f"o{i}").id for i in range(7)]
    page = client.v1.checkout.sessions.list({"limit": 3})
    assert [s.id for s in page.data] == made[:3:-1] and page.has_more
    rest = client.v1.checkout.sessions.list({"limit": 10, "starting_after": page.data[-1].id})
    assert [s.id for s in rest.data] == made[3::-1] and not rest.has_more
    back = client.v1.checkout.sessions.list({"limit": 2, "ending_before": rest.data[0].id})
    assert [s.id for s in back.data] == [made[5], made[4]] and back.has_more
    walked = client.v1.checkout.sessions.list({"limit": 2}).auto_paging_iter()
    assert [s.id for s in walked] == made[::-1]
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.list({"limit": 101})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.list({"starting_after": "cs_nothing"})


def test_lists_are_filtered_by_time_and_by_what_they_belong_to(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    start = sandbox.control("clock", at="2027-03-01T12:00:00+09:00")["now"]
    intents = []
    for _ in range(3):
        sess = make_session()
        intents.append(sandbox.control("pay", session=sess.id, how="card")["payment_intent"]["id"])
        client.v1.refunds.create({"payment_intent": intents[-1], "amount": 10})
        sandbox.control("disputes/open", payment_intent=intents[-1])
        sandbox.control("clock", advance_seconds=60)
    v1 = client.v1
    assert len(v1.checkout.sessions.list({"created": {"gte": start + 60, "lt": start + 120}}).data) == 1
    assert len(v1.refunds.list({"created": {"gt": start}}).data) == 2
    assert len(v1.payment_intents.list({"created": start}).data) == 1
    for listed in (
        v1.checkout.sessions.list({"payment_intent": intents[1]}),
        v1.charges.list({"payment_intent": intents[1]}),
        v1.refunds.list({"payment_intent": intents[1]}),
        v1.disputes.list({"payment_intent": intents[1]}),
    ):
        assert [row.payment_intent for row in listed.data] == [intents[1]]
    charge = v1.charges.list({"payment_intent": intents[2]}).data[0]
    assert [r.charge for r in v1.refunds.list({"charge": charge.id}).data] == [charge.id]
    assert [d.charge for d in v1.disputes.list({"charge": charge.id}).data] == [charge.id]
    sources = v1.balance_transactions.list({"source": charge.id, "expand": ["data.source"]})
    assert [row.source.id for row in sources.data] == [charge.id]


def test_only_ids_can_be_expanded(client: stripe.StripeClient, make_session: MakeSession) -> None:
    sess = make_session()
    for path in ("amount_total", "nothing", "a.b.c.d.e"):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            client.v1.checkout.sessions.retrieve(sess.id, {"expand": [path]})
        assert caught.value.param == "expand"
    empty = client.v1.checkout.sessions.retrieve(sess.id, {"expand": ["payment_intent.latest_charge"]})
    assert empty.payment_intent is None


def test_events_are_kept_for_thirty_days(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    sandbox.control("clock", at="2027-03-01T12:00:00+09:00")
    sandbox.control("pay", session=make_session().id, how="card")
    listed = client.v1.events.list({"types": ["charge.succeeded", "payment_intent.succeeded"]})
    assert {event.type for event in listed.data} == {"charge.succeeded", "payment_intent.succeeded"}
    assert len(client.v1.events.list({"type": "checkout.session.*"}).data) == 1
    event = listed.data[0]
    assert client.v1.events.retrieve(event.id).data.object.id == event.data.object.id
    sandbox.control("clock", advance_seconds=30 * 86400 + 1)
    assert client.v1.events.list().data == []
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.events.retrieve(event.id)


def test_an_event_says_which_request_made_it(
    sandbox: SandboxProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    intent = sandbox.control("pay", session=make_session().id, how="card")["payment_intent"]["id"]
    refund = client.v1.refunds.create({"payment_intent": intent}, {"idempotency_key": "refund-9"})
    made = client.v1.events.list({"type": "refund.created"}).data[0]
    assert made.request.id == refund.last_response.headers["Request-Id"]
    assert made.request.idempotency_key == "refund-9"
    paid = client.v1.events.list({"type": "charge.succeeded"}).data[0]
    assert paid.request.id is None


def test_fifty_rivals_with_one_key_make_one_refund(sandbox: SandboxProcess, make_session: MakeSession) -> None:
    intent = sandbox.control("pay", session=make_session().id, how="card")["payment_intent"]["id"]
    answers: list[str] = []

    def rival() -> None:
        client = make_client(sandbox)
        while time.monotonic() < deadline:
            try:
                params = {"payment_intent": intent, "amount": 50}
                answers.append(client.v1.refunds.create(params, {"idempotency_key": "one"}).id)
                return
            except stripe.StripeError as error:
                assert error.http_status == 409
                time.sleep(0.01)

    deadline = time.monotonic() + 120
    threads = [threading.Thread(target=rival) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 50 and len(set(answers)) == 1
    assert sandbox.control("charges")["by_client_reference_id"]["order-1"]["refunded"] == 50


def test_parameters_the_sandbox_would_ignore_are_refused(sandbox: SandboxProcess, client: stripe.StripeClient) -> None:
    params = session_params(sandbox)
    params["line_items"][0]["tax_rates"] = ["txr_1"]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.checkout.sessions.create(params)
    assert (caught.value.code, caught.value.param) == ("parameter_unknown", "line_items[0][tax_rates]")
