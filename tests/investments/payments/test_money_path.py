"""The straight line from a reservation to a holding, against the real client library and the sandbox."""

import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from investments.ledger.models import Line
from investments.models import Dispute, Holding, Order, PaymentAttempt, Refund, WebhookDelivery
from investments.orders import services as orders
from investments.payments import reconcile, services, settle, webhook
from microfund.kernel import integrity
from microfund.kernel.errors import DomainError
from microfund.kernel.schedule import services as schedule
from tests.make import make_fund, make_investor, make_order
from tests.sandbox_client import SandboxProcess

pytestmark = pytest.mark.django_db


def balances(order: Order) -> dict[str, int]:
    """Debit minus credit of every account for this order, zero ones left out."""
    found: dict[str, int] = {}
    for line in Line.objects.filter(subject=f"order:{order.pk}").select_related("account__book"):
        key = f"{line.account.book.kind}.{line.account.code}"
        found[key] = found.get(key, 0) + (line.amount if line.side == "D" else -line.amount)
    return {key: value for key, value in found.items() if value}


def paid_order(sandbox: SandboxProcess, how: str = "card", **values: Any) -> tuple[Order, PaymentAttempt]:
    order = make_order(method="konbini" if how == "konbini" else "card", **values)
    attempt = services.start_payment(order, at=timezone.now())
    sandbox.control("pay", session=attempt.session_id, how=how)
    attempt = settle.settle(attempt.pk, at=timezone.now())
    order.refresh_from_db()
    return order, attempt


def test_a_card_payment_becomes_a_paid_order_then_a_holding_after_cooling_off(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox, units=2)
    assert attempt.state == "succeeded" and attempt.captured == 21_000
    assert order.state == "paid" and order.cooling_off_ends_at is not None
    assert balances(order) == {"fund.psp_clearing": 21_000, "fund.applicant_deposits": -21_000}
    before = order.cooling_off_ends_at - timedelta(microseconds=1)
    assert orders.confirm_due(on=before.date(), at=before)["confirmed"] == 0
    assert orders.confirm_due(on=before.date(), at=order.cooling_off_ends_at)["confirmed"] == 1
    order.refresh_from_db()
    assert order.state == "confirmed"
    assert Holding.objects.get(investor=order.investor, fund=order.fund).units == 2
    assert balances(order) == {
        "fund.psp_clearing": 21_000,
        "fund.donation_payable": -10_000,
        "fund.investment_payable": -10_000,
        "fund.due_to_operator": -1_000,
        "operator.due_from_fund": 1_000,
        "operator.fee_income": -910,
        "operator.output_tax": -90,
    }
    counter = order.fund.counter
    assert (counter.reserved, counter.sold, counter.cleared) == (0, 2, 2)


def test_settling_again_changes_nothing(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox)
    lines = Line.objects.count()
    for _again in range(3):
        settle.settle(attempt.pk, at=timezone.now())
    assert Line.objects.count() == lines


def test_a_declined_card_leaves_the_reservation_and_a_second_try_pays(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox, how="decline")
    assert order.state == "reserved" and attempt.state == "open"
    sandbox.control("pay", session=attempt.session_id, how="card")
    settle.settle(attempt.pk, at=timezone.now())
    order.refresh_from_db()
    assert order.state == "paid"


def test_money_held_at_the_provider_stays_waiting_until_it_is_there(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox, how="hold")
    assert (order.state, attempt.state) == ("awaiting_payment", "processing")
    assert balances(order) == {}
    sandbox.control("release", payment_intent=attempt.intent_id, outcome="succeed")
    settle.settle(attempt.pk, at=timezone.now())
    order.refresh_from_db()
    assert order.state == "paid"


def test_konbini_waits_for_its_own_deadline_then_pays(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox, how="konbini")
    assert (order.state, attempt.state) == ("awaiting_payment", "processing")
    assert attempt.pay_by is not None and order.reserved_until == attempt.pay_by + timedelta(hours=1)
    assert order.fund.counter.reserved_delayed == 1
    sandbox.control("konbini/pay", payment_intent=attempt.intent_id)
    settle.settle(attempt.pk, at=timezone.now())
    order.refresh_from_db()
    order.fund.counter.refresh_from_db()
    assert order.state == "paid"
    assert (order.fund.counter.reserved_delayed, order.fund.counter.sold) == (0, 1)


def test_konbini_that_is_never_paid_frees_the_units(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox, how="konbini")
    sandbox.control("konbini/expire", payment_intent=attempt.intent_id)
    attempt = settle.settle(attempt.pk, at=timezone.now())
    order.refresh_from_db()
    assert (order.state, attempt.state) == ("expired", "failed")
    assert order.fund.counter.reserved == 0


def test_cancelling_in_cooling_off_refunds_everything_and_frees_the_units(sandbox: SandboxProcess) -> None:
    order, _attempt = paid_order(sandbox, units=3)
    order = services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    assert order.state == "cancelled" and order.fund.counter.sold == 0
    made = Refund.objects.get(order=order)
    assert (made.state, made.amount) == ("requested", 31_500)
    assert balances(order) == {"fund.psp_clearing": 31_500, "fund.refunds_payable": -31_500}
    reconcile.refunds_due(on=timezone.now().date(), at=timezone.now())
    made.refresh_from_db()
    assert made.state == "succeeded" and balances(order) == {}
    assert services.cancel_order(order, at=timezone.now(), actor=order.investor.user).state == "cancelled"
    assert Refund.objects.count() == 1


def test_cancelling_after_cooling_off_is_refused_with_its_end(sandbox: SandboxProcess) -> None:
    order, _attempt = paid_order(sandbox)
    with pytest.raises(DomainError) as refused:
        services.cancel_order(order, at=order.cooling_off_ends_at, actor=order.investor.user)
    assert refused.value.code == "too_late"
    services.cancel_order(order, at=order.cooling_off_ends_at - timedelta(seconds=1), actor=order.investor.user)


def test_money_for_an_expired_order_takes_units_again_or_is_refunded(sandbox: SandboxProcess) -> None:
    fund = make_fund(units_offered=3)
    late = timezone.now() + timedelta(hours=2)
    order = make_order(fund=fund, method="card", units=2)
    attempt = services.start_payment(order, at=timezone.now())
    sandbox.control("faults", faults=[{"match": "GET /v1/checkout/sessions/*", "kind": "500", "times": None}])
    sandbox.control("pay", session=attempt.session_id, how="card")
    services.expire_due(on=late.date(), at=late)
    order.refresh_from_db()
    assert order.state == "expired"
    rival = make_order(fund=fund, units=2, method="card")
    sandbox.control("faults", "DELETE")
    settle.settle(attempt.pk, at=late)
    order.refresh_from_db()
    assert order.state == "refunded"
    refunded = Refund.objects.get(order=order)
    assert (refunded.reason, refunded.state, refunded.amount) == ("late", "succeeded", 21_000)
    assert balances(order) == {}
    services.cancel_order(rival, at=timezone.now(), actor=rival.investor.user)
    fund.counter.refresh_from_db()
    assert (fund.counter.reserved, fund.counter.sold) == (0, 0)


def test_money_for_an_expired_order_is_kept_while_units_are_left(sandbox: SandboxProcess) -> None:
    order = make_order(method="card", units=2)
    attempt = services.start_payment(order, at=timezone.now())
    late = timezone.now() + timedelta(hours=2)
    sandbox.control("faults", faults=[{"match": "GET /v1/checkout/sessions/*", "kind": "500", "times": None}])
    sandbox.control("pay", session=attempt.session_id, how="card")
    services.expire_due(on=late.date(), at=late)
    sandbox.control("faults", "DELETE")
    settle.settle(attempt.pk, at=late)
    order.refresh_from_db()
    assert order.state == "paid" and order.fund.counter.sold == 2


def test_a_refund_made_in_the_dashboard_ends_the_order(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox)
    sandbox.control("dashboard_refund", payment_intent=attempt.intent_id, amount=10_500)
    reconcile.objects_due(on=timezone.now().date(), at=timezone.now())
    order.refresh_from_db()
    made = Refund.objects.get()
    assert (order.state, made.reason, made.state) == ("refunded", "external", "succeeded")
    assert balances(order) == {} and order.fund.counter.sold == 0
    reconcile.objects_due(on=timezone.now().date(), at=timezone.now())
    assert Refund.objects.count() == 1


def test_a_dashboard_refund_of_a_confirmed_order_rescinds_the_holding(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox, units=2)
    orders.confirm_due(on=timezone.now().date(), at=order.cooling_off_ends_at)
    sandbox.control("dashboard_refund", payment_intent=attempt.intent_id, amount=21_000)
    reconcile.objects_due(on=timezone.now().date(), at=timezone.now())
    order.refresh_from_db()
    assert order.state == "refunded" and Holding.objects.get().units == 0
    assert balances(order) == {}


def test_a_part_refunded_in_the_dashboard_leaves_the_order_and_the_operator_owes_it(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox)
    sandbox.control("dashboard_refund", payment_intent=attempt.intent_id, amount=500)
    settle.settle(attempt.pk, at=timezone.now())
    order.refresh_from_db()
    assert order.state == "paid"
    assert balances(order) == {
        "fund.psp_clearing": 10_000,
        "fund.due_from_operator": 500,
        "fund.applicant_deposits": -10_500,
        "operator.dispute_loss": 500,
        "operator.due_to_fund": -500,
    }


def test_a_dispute_freezes_and_a_lost_one_rescinds(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox, units=2)
    orders.confirm_due(on=timezone.now().date(), at=order.cooling_off_ends_at)
    sandbox.control("disputes/open", payment_intent=attempt.intent_id)
    reconcile.objects_due(on=timezone.now().date(), at=timezone.now())
    order.refresh_from_db()
    own = Dispute.objects.get()
    assert order.frozen_at is not None and Holding.objects.get().frozen_at is not None
    with pytest.raises(DomainError) as refused:
        services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    assert refused.value.code == "frozen"
    sandbox.control("disputes/close", dispute=own.provider_id, outcome="lost")
    reconcile.objects_due(on=timezone.now().date(), at=timezone.now())
    order.refresh_from_db()
    own.refresh_from_db()
    assert (own.state, own.needs_decision, order.state) == ("lost", False, "refunded")
    assert Holding.objects.get().units == 0


def test_a_won_dispute_unfreezes(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox)
    sandbox.control("disputes/open", payment_intent=attempt.intent_id)
    settle.settle(attempt.pk, at=timezone.now())
    reconcile.objects_due(on=timezone.now().date(), at=timezone.now())
    own = Dispute.objects.get()
    sandbox.control("disputes/close", dispute=own.provider_id, outcome="won")
    reconcile.objects_due(on=timezone.now().date(), at=timezone.now())
    order.refresh_from_db()
    assert order.frozen_at is None and order.state == "paid"


def test_the_provider_pays_out_gross_by_fund_and_the_operator_bears_the_fees(sandbox: SandboxProcess) -> None:
    one, _a = paid_order(sandbox, units=2)
    two, _b = paid_order(sandbox, units=1)
    services.cancel_order(two, at=timezone.now(), actor=two.investor.user)
    reconcile.refunds_due(on=timezone.now().date(), at=timezone.now())
    sandbox.control("payouts/make")
    assert reconcile.payouts_due(on=timezone.now().date(), at=timezone.now())["payouts"] == 1
    assert reconcile.payouts_due(on=timezone.now().date(), at=timezone.now())["payouts"] == 0
    totals: dict[tuple[str, str], int] = {}
    for line in Line.objects.select_related("account__book"):
        key = (line.account.book.code, line.account.code)
        totals[key] = totals.get(key, 0) + (line.amount if line.side == "D" else -line.amount)
    assert totals[f"fund:{one.fund_id}", "bank"] == 21_000
    assert totals[f"fund:{one.fund_id}", "psp_clearing"] == 0
    assert totals[f"fund:{two.fund_id}", "psp_clearing"] == 0
    assert totals["operator", "psp_fees"] > 0


def test_a_fund_that_closes_short_fails_and_refunds_everyone(sandbox: SandboxProcess) -> None:
    fund = make_fund(units_offered=100, units_minimum=50)
    order, _attempt = paid_order(sandbox, fund=fund, units=2)
    end = fund.counter.closes_at + timedelta(days=20)
    results = schedule.run_due(on=end.date())
    assert not [error for _counts, error in results.values() if error]
    fund.refresh_from_db()
    order.refresh_from_db()
    assert (fund.state, order.state) == ("failed", "failed")
    schedule.run_due(on=end.date())
    assert Refund.objects.get().state == "succeeded" and balances(order) == {}


def test_an_unverified_investor_is_refunded_after_the_deadline(sandbox: SandboxProcess) -> None:
    fund = make_fund()
    order, _attempt = paid_order(sandbox, fund=fund, investor=make_investor(verified=False))
    kept, _attempt = paid_order(sandbox, fund=fund)
    schedule.run_due(on=(fund.counter.closes_at + timedelta(days=20)).date())
    order.refresh_from_db()
    kept.refresh_from_db()
    assert (order.state, kept.state) == ("refunded", "confirmed")


def test_a_funded_fund_starts_its_term_with_all_its_periods(sandbox: SandboxProcess) -> None:
    fund = make_fund()
    paid_order(sandbox, fund=fund)
    schedule.run_due(on=fund.closes_on + timedelta(days=1))
    schedule.run_due(on=fund.term_starts_on)
    fund.refresh_from_db()
    assert fund.state == "operating" and fund.periods.count() == 10
    first = fund.periods.get(number=1)
    assert first.starts_on == fund.term_starts_on and first.record_on == first.ends_on


def bearer(sandbox: SandboxProcess) -> dict[str, str]:
    return {"Authorization": f"Bearer {sandbox.secret_key}"}


def post_event(client: Any, sandbox: SandboxProcess, body: str, secret: str = "") -> Any:
    """Post an event signed as the provider signs (Stripe documentation, "Verify webhook signatures manually")."""
    stamp = int(time.time())
    key = (secret or sandbox.webhook_secret).encode()
    signature = hmac.new(key, f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()
    return client.post(
        "/webhooks/stripe/",
        body,
        content_type="application/json",
        headers={"Stripe-Signature": f"t={stamp},v1={signature}"},
    )


def test_a_webhook_is_stored_once_and_only_triggers_the_question(sandbox: SandboxProcess, client: Any) -> None:
    order = make_order(method="card")
    attempt = services.start_payment(order, at=timezone.now())
    sandbox.control("pay", session=attempt.session_id, how="card")
    status, events = sandbox.request("GET", "/v1/events?limit=100", headers=bearer(sandbox))
    assert status == 200
    for event in reversed(json.loads(events)["data"]):
        for _twice in range(2):
            assert post_event(client, sandbox, json.dumps(event)).status_code == 200
        assert post_event(client, sandbox, json.dumps(event), secret="whsec_other").status_code == 400
    assert webhook.process_due(on=timezone.now().date(), at=timezone.now())["errors"] == 0
    order.refresh_from_db()
    assert order.state == "paid"
    assert not WebhookDelivery.objects.filter(state="failed").exists()
    assert WebhookDelivery.objects.count() == len(json.loads(events)["data"])
    assert Refund.objects.count() == 0


def test_a_wrong_key_of_ours_delays_a_payment_and_fails_none(sandbox: SandboxProcess, settings: Any) -> None:
    order = make_order(method="card")
    settings.STRIPE_SECRET_KEY = "sk_sandbox_wrong"
    attempt = services.start_payment(order, at=timezone.now())
    assert (attempt.state, attempt.url) == ("created", "") and "our key was refused" in attempt.problem
    settings.STRIPE_SECRET_KEY = sandbox.secret_key
    again = services.start_payment(order, at=timezone.now())
    assert again.pk == attempt.pk and again.state == "open" and again.url


def test_an_unanswered_call_for_an_order_that_ended_opens_no_page(sandbox: SandboxProcess) -> None:
    order = make_order(method="card")
    now = timezone.now()
    sandbox.control("faults", faults=[{"match": "POST /v1/checkout/sessions", "kind": "500", "times": 1}])
    attempt = services.start_payment(order, at=now)
    assert attempt.state == "created"
    services.cancel_order(order, at=now, actor=order.investor.user)
    assert settle.settle(attempt.pk, at=now).state == "created", "the call may still be on its way"
    assert settle.settle(attempt.pk, at=now + timedelta(hours=1)).state == "failed"
    assert sandbox.control("charges")["by_client_reference_id"] == {}


def test_a_part_refunded_in_the_dashboard_is_paid_by_the_order_itself_once_it_is_cancelled(
    sandbox: SandboxProcess,
) -> None:
    order, attempt = paid_order(sandbox)
    sandbox.control("dashboard_refund", payment_intent=attempt.intent_id, amount=500)
    settle.settle(attempt.pk, at=timezone.now())
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    reconcile.refunds_due(on=timezone.now().date(), at=timezone.now())
    assert balances(order) == {}
    assert sorted(Refund.objects.values_list("amount", flat=True)) == [500, 10_000]
    assert not [line for outcome in integrity.run() for line in outcome.differences]


@pytest.mark.parametrize("confirmed", [False, True])
def test_parts_refunded_in_the_dashboard_that_come_to_the_whole_end_the_order(
    sandbox: SandboxProcess, confirmed: bool
) -> None:
    order, attempt = paid_order(sandbox)
    if confirmed:
        orders.confirm_due(on=timezone.now().date(), at=order.cooling_off_ends_at)
    for amount in (500, 10_000):
        sandbox.control("dashboard_refund", payment_intent=attempt.intent_id, amount=amount)
        reconcile.objects_due(on=timezone.now().date(), at=timezone.now())
    order.refresh_from_db()
    assert order.state == "refunded" and order.fund.counter.sold == 0
    assert balances(order) == {}
    assert not [line for outcome in integrity.run() for line in outcome.differences]
