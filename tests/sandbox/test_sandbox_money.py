"""Refunds, disputes, the balance and payouts: no yen appears or vanishes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import stripe

from tests.sandbox_client import ControlError, SandboxProcess

MakeSession = Callable[..., stripe.checkout.Session]
Paid = Callable[..., str]
DISPUTE_FEE = 1500


@pytest.fixture
def paid(sandbox: SandboxProcess, make_session: MakeSession) -> Paid:
    """A paid session of 21,000 yen; answers the intent's id."""

    def pay(how: str = "card", **given: object) -> str:
        intent = sandbox.control("pay", session=make_session(**given).id, how=how)["payment_intent"]["id"]
        if how == "konbini":
            sandbox.control("konbini/pay", payment_intent=intent)
        return intent

    return pay


def balance(client: stripe.StripeClient) -> int:
    """Available and pending together."""
    found = client.v1.balance.retrieve()
    return found.available[0].amount + found.pending[0].amount


def test_refunds_never_exceed_what_was_captured(client: stripe.StripeClient, paid: Paid) -> None:
    intent = paid()
    first = client.v1.refunds.create({"payment_intent": intent, "amount": 20000})
    assert (first.status, first.amount) == ("succeeded", 20000)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent, "amount": 1001})
    assert caught.value.param == "amount"
    rest = client.v1.refunds.create({"payment_intent": intent})
    assert rest.amount == 1000
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent, "amount": 1})
    assert caught.value.code == "charge_already_refunded"
    charge = client.v1.charges.list({"payment_intent": intent, "expand": ["data.refunds"]}).data[0]
    assert (charge.refunded, charge.amount_refunded) == (True, 21000)
    assert [r.amount for r in charge.refunds.data] == [1000, 20000]
    assert balance(client) == -756  # the fee is not given back


@pytest.mark.parametrize("amount", [0, -5, "1.5", "x"])
def test_a_refund_is_of_a_positive_whole_amount(client: stripe.StripeClient, paid: Paid, amount: object) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": paid(), "amount": amount})  # type: ignore[typeddict-item]
    assert (caught.value.code, caught.value.param) == ("parameter_invalid_integer", "amount")


@pytest.mark.parametrize("how", ["hold", "decline"])
def test_what_was_not_captured_cannot_be_refunded(client: stripe.StripeClient, paid: Paid, how: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": paid(how)})
    assert caught.value.code == "payment_intent_unexpected_state"


def test_the_policy_holds_for_the_next_refund_only(
    sandbox: SandboxProcess, client: stripe.StripeClient, paid: Paid
) -> None:
    intent = paid()
    sandbox.control("refund_policy", next="pending")
    pending = client.v1.refunds.create({"payment_intent": intent, "amount": 100})
    assert (pending.status, pending.pending_reason) == ("pending", "processing")
    assert client.v1.refunds.create({"payment_intent": intent, "amount": 100}).status == "succeeded"
    sandbox.control("refunds/settle", refund=pending.id, status="succeeded")
    assert client.v1.refunds.retrieve(pending.id).status == "succeeded"


@pytest.mark.parametrize(("policy", "answered"), [("failed", "pending"), ("succeeded_then_failed", "succeeded")])
def test_a_refund_that_fails_brings_the_money_back(
    sandbox: SandboxProcess, client: stripe.StripeClient, paid: Paid, policy: str, answered: str
) -> None:
    intent = paid()
    before = balance(client)
    sandbox.control("refund_policy", next=policy)
    assert (made := client.v1.refunds.create({"payment_intent": intent, "amount": 700})).status == answered
    refund = client.v1.refunds.retrieve(
        made.id, {"expand": ["failure_balance_transaction", "balance_transaction", "charge"]}
    )
    assert (refund.status, refund.failure_reason) == ("failed", "expired_or_canceled_card")
    assert (refund.balance_transaction.amount, refund.failure_balance_transaction.amount) == (-700, 700)
    assert refund.charge.amount_refunded == 0 and balance(client) == before
    types = {event.type for event in client.v1.events.list().data}
    assert {"refund.failed", "refund.updated", "charge.refund.updated"} <= types
    assert client.v1.refunds.create({"payment_intent": intent}).amount == 21000


def test_a_refund_that_succeeded_can_still_fail_weeks_later_but_not_twice(
    sandbox: SandboxProcess, client: stripe.StripeClient, paid: Paid
) -> None:
    refund = client.v1.refunds.create({"payment_intent": paid(), "amount": 700})
    sandbox.control("clock", advance_seconds=30 * 86400)
    sandbox.control("refunds/settle", refund=refund.id, status="failed", failure_reason="lost_or_stolen_card")
    assert client.v1.refunds.retrieve(refund.id).failure_reason == "lost_or_stolen_card"
    for status in ("failed", "succeeded", "pending"):
        with pytest.raises(ControlError, match="cannot become"):
            sandbox.control("refunds/settle", refund=refund.id, status=status)


def test_a_konbini_refund_waits_for_the_customer_and_can_be_cancelled(
    sandbox: SandboxProcess, client: stripe.StripeClient, paid: Paid
) -> None:
    intent = paid("konbini")
    before = balance(client)
    sandbox.control("refund_policy", next=["requires_action", "requires_action"])
    refund = client.v1.refunds.create({"payment_intent": intent, "amount": 500, "instructions_email": "other@b.jp"})
    assert refund.status == "requires_action"
    assert refund.next_action.display_details.email_sent.email_sent_to == "other@b.jp"
    assert client.v1.refunds.cancel(refund.id).status == "canceled"
    assert balance(client) == before
    given = client.v1.refunds.create({"payment_intent": intent, "amount": 500})
    assert given.next_action.display_details.email_sent.email_sent_to == "haruka@example.jp"
    sandbox.control("refunds/settle", refund=given.id, status="pending")
    with pytest.raises(stripe.InvalidRequestError, match="requires action"):
        client.v1.refunds.cancel(given.id)


def test_refunds_end_180_days_after_the_charge(
    sandbox: SandboxProcess, client: stripe.StripeClient, paid: Paid
) -> None:
    sandbox.control("clock", at="2027-01-01T00:00:00+09:00")
    intent = paid()
    sandbox.control("clock", advance_seconds=180 * 86400)
    client.v1.refunds.create({"payment_intent": intent, "amount": 1})
    sandbox.control("clock", advance_seconds=1)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent, "amount": 1})
    assert caught.value.code == "charge_not_refundable"


def test_a_refund_by_hand_at_the_provider_is_an_ordinary_refund(
    sandbox: SandboxProcess, client: stripe.StripeClient, paid: Paid
) -> None:
    intent = paid()
    made = sandbox.control("dashboard_refund", payment_intent=intent, amount=3000)
    listed = client.v1.refunds.list({"payment_intent": intent}).data
    assert [(r.id, r.amount, r.metadata.to_dict()) for r in listed] == [(made["id"], 3000, {})]
    assert client.v1.events.list({"type": "refund.created"}).data[0].request.id is None


@pytest.mark.parametrize(("outcome", "left"), [("won", 21000 - 756 - DISPUTE_FEE), ("lost", -756 - DISPUTE_FEE)])
def test_a_dispute_takes_the_amount_and_a_fee_and_gives_back_the_amount_when_won(
    sandbox: SandboxProcess, client: stripe.StripeClient, paid: Paid, outcome: str, left: int
) -> None:
    intent = paid()
    opened = sandbox.control("disputes/open", payment_intent=intent)
    assert balance(client) == -756 - DISPUTE_FEE
    dispute = client.v1.disputes.retrieve(opened["id"], {"expand": ["charge"]})
    assert (dispute.status, dispute.amount, dispute.charge.disputed) == ("needs_response", 21000, True)
    assert [(t.amount, t.fee, t.reporting_category) for t in dispute.balance_transactions] == [
        (-21000, DISPUTE_FEE, "dispute")
    ]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.refunds.create({"payment_intent": intent})
    assert caught.value.code == "charge_disputed"
    sandbox.control("disputes/close", dispute=dispute.id, outcome=outcome)
    assert client.v1.disputes.retrieve(dispute.id).status == outcome
    assert balance(client) == left
    if outcome == "won":
        assert client.v1.refunds.create({"payment_intent": intent}).status == "succeeded"
    else:
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.refunds.create({"payment_intent": intent})
    with pytest.raises(ControlError, match="closed already"):
        sandbox.control("disputes/close", dispute=dispute.id, outcome="won")


def test_a_dispute_after_a_part_refund_is_about_the_rest(
    sandbox: SandboxProcess, client: stripe.StripeClient, paid: Paid
) -> None:
    intent = paid()
    client.v1.refunds.create({"payment_intent": intent, "amount": 1000})
    assert sandbox.control("disputes/open", payment_intent=intent)["amount"] == 20000
    with pytest.raises(ControlError, match="disputed already"):
        sandbox.control("disputes/open", payment_intent=intent)


def test_a_payout_names_its_transactions_and_arrives_at_the_bank(
    sandbox: SandboxProcess, client: stripe.StripeClient, paid: Paid
) -> None:
    sandbox.control("clock", at="2027-03-01T12:00:00+09:00")
    first = paid()
    paid("konbini")
    client.v1.refunds.create({"payment_intent": first, "amount": 1000})
    sandbox.control("clock", advance_seconds=86400)
    payout = sandbox.control("payouts/make")
    assert payout["amount"] == 42000 - 2 * 756 - 1000
    rows = client.v1.balance_transactions.list({"payout": payout["id"], "limit": 100}).data
    assert sorted(row.type for row in rows) == ["charge", "payment", "payout", "refund"]
    assert sum(row.net for row in rows if row.type != "payout") == payout["amount"]
    assert sum(row.net for row in rows) == 0
    assert balance(client) == 0
    bank = sandbox.request("GET", "/bank/statement.csv")[1].decode().splitlines()
    assert bank[1].split(",")[1:4] == ["2027-03-02", "credit", str(payout["amount"])]
    assert bank[1].endswith(payout["id"])
    assert client.v1.payouts.list({"arrival_date": {"gte": payout["arrival_date"]}}).data[0].id == payout["id"]
    assert client.v1.payouts.list({"arrival_date": {"lt": payout["arrival_date"]}}).data == []
    with pytest.raises(ControlError, match="nothing to pay out"):
        sandbox.control("payouts/make")
    paid()
    second_payout = sandbox.control("payouts/make")
    assert len(client.v1.balance_transactions.list({"payout": second_payout["id"]}).data) == 2


def test_a_payout_travels_arrives_by_itself_and_is_one_line_of_the_next_when_it_failed(
    sandbox: SandboxProcess, client: stripe.StripeClient, paid: Paid
) -> None:
    sandbox.control("clock", at="2027-03-01T12:00:00+09:00")
    paid()
    first = sandbox.control("payouts/make", status="pending", travel_days=5)
    assert (first["status"], first["trace_id"]["value"]) == ("pending", None)
    assert sandbox.control("payouts/settle", payout=first["id"], status="in_transit")["status"] == "in_transit"
    assert len(sandbox.request("GET", "/bank/statement.csv")[1].decode().splitlines()) == 1
    sandbox.control("clock", advance_seconds=5 * 86400)
    assert client.v1.payouts.retrieve(first["id"]).status == "paid"
    bank = sandbox.request("GET", "/bank/statement.csv")[1].decode().splitlines()
    assert bank[1].split(",")[1:4] == ["2027-03-06", "credit", str(first["amount"])]
    assert sandbox.control("payouts/settle", payout=first["id"], status="failed")["failure_code"] == "account_closed"
    assert balance(client) == first["amount"]
    assert "debit" in sandbox.request("GET", "/bank/statement.csv")[1].decode().splitlines()[2]
    second = sandbox.control("payouts/make")
    rows = client.v1.balance_transactions.list({"payout": second["id"], "limit": 100}).data
    assert {(row.type, row.source) for row in rows} == {("payout_failure", first["id"]), ("payout", second["id"])}
    assert (second["amount"], balance(client)) == (first["amount"], 0)
    with pytest.raises(ControlError, match="is failed cannot become paid"):
        sandbox.control("payouts/settle", payout=first["id"], status="paid")


def test_money_that_is_still_pending_is_not_paid_out(
    sandbox: SandboxProcess, client: stripe.StripeClient, paid: Paid
) -> None:
    sandbox.control("clock", at="2027-03-01T12:00:00+09:00")
    sandbox.control("settings", available_after_days=4)
    intent = paid()
    assert client.v1.balance_transactions.list().data[0].status == "pending"
    assert client.v1.balance.retrieve().pending[0].amount == 20244
    with pytest.raises(ControlError, match="nothing to pay out"):
        sandbox.control("payouts/make")
    client.v1.refunds.create({"payment_intent": intent, "amount": 1000})
    with pytest.raises(ControlError, match="together -1000"):
        sandbox.control("payouts/make")
    sandbox.control("clock", advance_seconds=4 * 86400)
    assert sandbox.control("payouts/make")["amount"] == 19244
