"""What becomes of money at the provider days and weeks later, without one webhook: payouts, refunds, wrong payments."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.utils import timezone

from investments.ledger.models import Entry, Line
from investments.models import Dispute, Order, PaymentAttempt, ProviderCursor, ProviderPayout, Refund, UnrecordedObject
from investments.payments import external, gateway, mismatch, reconcile, refund, services, settle
from microfund.kernel import integrity, queues
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from tests.investments.payments.test_money_path import balances, paid_order
from tests.make import carry_out, make_order, make_user
from tests.sandbox_client import SandboxProcess

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def clock(sandbox: SandboxProcess, at: datetime) -> datetime:
    """The provider's clock stands at `at`, which is handed back for ours."""
    sandbox.control("clock", at=at.isoformat())
    return at


def payouts(sandbox: SandboxProcess, at: datetime) -> int:
    counts = reconcile.payouts_due(on=at.date(), at=clock(sandbox, at))
    assert not counts["errors"] and not counts["kept"]
    return counts["payouts"]


def account(order: Order, code: str) -> int:
    """Debits less credits of one account of the order's fund."""
    lines = Line.objects.filter(account__book=order.fund.book, account__code=code)
    return sum(line.amount if line.side == "D" else -line.amount for line in lines)


def queued(key: str) -> int:
    """How many rows wait in a queue of the staff."""
    return next(queue for queue in queues.queues() if queue.key == key).rows().count()


def differences() -> list[str]:
    return [line for outcome in integrity.run() for line in outcome.differences]


# --- Payouts ------------------------------------------------------------------------------------------------------


def test_a_payout_that_travels_for_five_days_is_journaled_once_when_it_has_arrived(sandbox: SandboxProcess) -> None:
    start = clock(sandbox, timezone.now())
    order, _attempt = paid_order(sandbox, units=2)
    sandbox.control("payouts/make", status="pending", travel_days=5)
    assert [payouts(sandbox, start + number * DAY) for number in range(5)] == [0] * 5
    assert not ProviderPayout.objects.exists() and account(order, "psp_clearing") == 21_000
    assert [payouts(sandbox, start + number * DAY) for number in range(6, 10)] == [1, 0, 0, 0]
    assert (account(order, "bank"), account(order, "psp_clearing")) == (21_000, 0)
    assert differences() == []


def test_a_payout_that_fails_on_its_way_is_never_journaled_and_the_next_one_brings_its_money(
    sandbox: SandboxProcess,
) -> None:
    start = clock(sandbox, timezone.now())
    order, _attempt = paid_order(sandbox, units=2)
    lost = sandbox.control("payouts/make", status="in_transit", travel_days=3)
    sandbox.control("payouts/settle", payout=lost["id"], status="failed")
    assert payouts(sandbox, start + DAY) == 0 and not ProviderPayout.objects.exists()
    clock(sandbox, timezone.now())
    other, _attempt = paid_order(sandbox)
    sandbox.control("payouts/make")
    assert payouts(sandbox, start + 2 * DAY) == 1
    made = ProviderPayout.objects.get()
    assert (made.unmatched, made.difference, made.fees) == ([], 0, 756 + 378)
    assert (account(order, "bank"), account(other, "bank")) == (21_000, 10_500)
    assert differences() == []


def test_a_payout_that_comes_back_after_it_was_paid_is_turned_back_and_its_money_comes_with_the_next(
    sandbox: SandboxProcess,
) -> None:
    start = clock(sandbox, timezone.now())
    order, _attempt = paid_order(sandbox, units=2)
    back = sandbox.control("payouts/make")
    assert payouts(sandbox, start + DAY) == 1
    sandbox.control("payouts/settle", payout=back["id"], status="failed")
    assert [payouts(sandbox, start + number * DAY) for number in (9, 10)] == [1, 0]
    assert ProviderPayout.objects.get().state == "failed"
    assert (account(order, "bank"), account(order, "psp_clearing")) == (0, 21_000)
    assert differences() == []
    sandbox.control("payouts/make")
    assert payouts(sandbox, start + 11 * DAY) == 1
    assert (account(order, "bank"), account(order, "psp_clearing")) == (21_000, 0)
    assert differences() == []
    assert AuditRow.objects.get(action="investments.ProviderPayout.failed").changes["state"] == ["paid", "failed"]


def test_a_payout_that_is_known_costs_one_row_of_the_list(sandbox: SandboxProcess) -> None:
    start = clock(sandbox, timezone.now())
    paid_order(sandbox)
    sandbox.control("payouts/make")
    assert payouts(sandbox, start + DAY) == 1
    before = len(sandbox.control("requests", "GET")["requests"])
    assert payouts(sandbox, start + 2 * DAY) == 0
    asked = [row["path"] for row in sandbox.control("requests", "GET")["requests"][before:]]
    assert [path.split("?")[0] for path in asked] == ["/v1/payouts"]


def test_nothing_of_a_payout_in_another_currency_is_journaled(sandbox: SandboxProcess) -> None:
    now = clock(sandbox, timezone.now())
    paid_order(sandbox)
    sandbox.control("payouts/make")
    real = gateway.list_payouts
    with mock.patch.object(
        gateway, "list_payouts", lambda since: [replace(f, currency="USD") for f in real(since=since)]
    ):
        assert payouts(sandbox, now + DAY) == 1
    made = ProviderPayout.objects.get()
    assert (made.by_fund, made.fees, made.difference) == ({}, 0, 0) and len(made.unmatched) == 1
    assert not Entry.objects.filter(kind="provider_payout").exists()
    assert queued("payouts_unmatched") == 1 and differences() == []


def test_what_a_payouts_lines_do_not_explain_waits_for_staff_and_is_named_by_the_checks(
    sandbox: SandboxProcess,
) -> None:
    now = clock(sandbox, timezone.now())
    paid_order(sandbox, units=2)
    paid_order(sandbox)
    sandbox.control("payouts/make")
    lines = gateway.payout_lines
    with mock.patch.object(gateway, "payout_lines", lambda payout: lines(payout)[:1]):
        assert payouts(sandbox, now + DAY) == 1
    made = ProviderPayout.objects.get()
    assert made.difference == made.amount - sum(made.by_fund.values()) + made.fees != 0
    assert queued("payouts_unmatched") == 1
    assert [
        line for line in differences() if f"investments_providerpayout {made.pk}" in line and "not explained" in line
    ]
    staff = make_user(is_staff=True)
    with pytest.raises(DomainError) as refused:
        reconcile.looked_at(made, actor=staff, at=now, reason=" ")
    assert refused.value.code == "reason_needed"
    reconcile.looked_at(made, actor=staff, at=now, reason="The provider kept a line back")
    assert queued("payouts_unmatched") == 0 and differences() == []
    noted = AuditRow.objects.get(action="investments.ProviderPayout.reviewed")
    assert (noted.actor, noted.reason) == (staff, "The provider kept a line back")
    with pytest.raises(DomainError) as refused:
        reconcile.looked_at(made, actor=staff, at=now, reason="Again")
    assert refused.value.code == "wrong_state"


def test_a_payout_that_cannot_be_recorded_waits_for_staff_and_hides_no_other(sandbox: SandboxProcess) -> None:
    now = clock(sandbox, timezone.now())
    paid_order(sandbox)
    spoilt = sandbox.control("payouts/make")["id"]
    paid_order(sandbox)
    sandbox.control("payouts/make")
    lines = gateway.payout_lines

    def broken(payout: str) -> Any:
        if payout == spoilt:
            raise ValueError("no line has an amount")
        return lines(payout)

    with mock.patch.object(gateway, "payout_lines", broken):
        for hours in (1, 2):
            counts = reconcile.payouts_due(on=now.date(), at=now + timedelta(hours=hours))
        assert (counts["kept"], counts["errors"], ProviderPayout.objects.count()) == (1, 0, 1)
    row = UnrecordedObject.objects.get()
    assert (row.kind, row.provider_id, row.state, row.tries) == ("payout", spoilt, "open", 2)
    assert "no line has an amount" in row.problem and queued("unrecorded") == 1
    assert ProviderCursor.objects.get(pk="payouts").seen_until == now + timedelta(hours=2)
    # Weeks later it is not listed any more, and is tried all the same.
    late = clock(sandbox, now + 60 * DAY)
    assert reconcile.payouts_due(on=late.date(), at=late)["payouts"] == 1
    row.refresh_from_db()
    assert row.state == "recorded" and queued("unrecorded") == 0 and differences() == []


# --- Refunds ------------------------------------------------------------------------------------------------------


def cancelled(sandbox: SandboxProcess, *, how: str) -> tuple[Order, Refund]:
    """An order cancelled in cooling-off, its refund sent to a provider that deals with it so."""
    order, _attempt = paid_order(sandbox)
    sandbox.control("refund_policy", next=how)
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    return order, refund.send(Refund.objects.get(order=order).pk, at=timezone.now())


def objects(sandbox: SandboxProcess, at: datetime) -> dict[str, int]:
    return reconcile.objects_due(on=at.date(), at=clock(sandbox, at))


def test_a_refund_that_failed_at_the_provider_and_was_made_again_there_is_the_same_refund(
    sandbox: SandboxProcess,
) -> None:
    now = clock(sandbox, timezone.now())
    order, own = cancelled(sandbox, how="failed")
    first = own.provider_id
    assert refund.send(own.pk, at=now).state == "failed" and queued("refunds_open") == 1
    again = sandbox.control("dashboard_refund", payment_intent=own.attempt.intent_id)
    counts = objects(sandbox, now + timedelta(hours=1))
    assert (counts["kept"], counts["errors"]) == (0, 0)
    own = Refund.objects.get()
    assert (own.state, own.provider_id, own.reason) == ("succeeded", again["id"], "cooling_off")
    assert queued("refunds_open") == 0 and balances(order) == {} and differences() == []
    noted = AuditRow.objects.get(action="investments.Refund.requested", reason="made at the provider")
    assert noted.changes["provider_id"] == [first, again["id"]]
    # What the list still says of the one that failed is not said of this one.
    assert objects(sandbox, now + timedelta(hours=2))["kept"] == 0
    assert Refund.objects.get().state == "succeeded"
    assert ProviderCursor.objects.get(pk="objects").seen_until == now + timedelta(hours=2)


def test_a_refund_that_came_back_and_was_made_again_leaves_twice_in_the_journal(sandbox: SandboxProcess) -> None:
    now = clock(sandbox, timezone.now())
    order, own = cancelled(sandbox, how="succeeded_then_failed")
    external.absorb(own.attempt.intent_id or "", at=now)
    assert Refund.objects.get().state == "failed"
    again = sandbox.control("dashboard_refund", payment_intent=own.attempt.intent_id)
    objects(sandbox, now + timedelta(hours=1))
    names = [f"{kind}:refund:{own.pk}" for kind in ("refund_decided", "refund_paid", "refund_failed")]
    found = Entry.objects.filter(reference__contains=":refund:").order_by("pk").values_list("reference", flat=True)
    assert list(found) == [*names, f"refund_paid:refund:{own.pk}:2"]
    assert balances(order) == {} and differences() == []
    # And comes back once more: staff are told, the payer is owed it again.
    sandbox.control("refunds/settle", refund=again["id"], status="failed")
    objects(sandbox, now + timedelta(hours=2))
    assert queued("refunds_open") == 1 and differences() == []
    assert balances(order) == {"fund.psp_clearing": 10_500, "fund.refunds_payable": -10_500}


def test_a_refund_that_came_back_twice_is_paid_by_bank_once(sandbox: SandboxProcess) -> None:
    now = clock(sandbox, timezone.now())
    order, own = cancelled(sandbox, how="succeeded_then_failed")
    paid_order(sandbox, units=2, fund=order.fund)  # its money lets the fund's bank hold enough for the transfer
    external.absorb(own.attempt.intent_id or "", at=now)
    again = sandbox.control("dashboard_refund", payment_intent=own.attempt.intent_id)
    objects(sandbox, now + timedelta(hours=1))
    sandbox.control("refunds/settle", refund=again["id"], status="failed")
    objects(sandbox, now + timedelta(hours=2))
    sandbox.control("payouts/make")
    assert payouts(sandbox, now + DAY) == 1
    own.refresh_from_db()
    assert (own.state, own.occurrence) == ("failed", 2)
    payee = {"bank": "0999", "branch": "001", "type": "1", "number": "1234567", "holder": order.investor.name_kana}
    at = now + DAY
    transfer = refund.pay_by_bank(own, payee=payee, actor=make_user(is_staff=True), at=at, reason="failed twice")
    carry_out(transfer, at=at)
    entry = Entry.objects.get(kind="refund_by_bank")
    assert entry.reference == f"refund_by_bank:refund:{own.pk}"
    assert account(order, "refunds_payable") == 0 and differences() == []


def test_a_refund_that_was_cancelled_at_the_provider_may_be_made_again_there(sandbox: SandboxProcess) -> None:
    now = clock(sandbox, timezone.now())
    order, own = cancelled(sandbox, how="requires_action")
    sandbox.control("refunds/settle", refund=own.provider_id, status="canceled")
    assert refund.send(own.pk, at=now).state == "cancelled"
    sandbox.control("dashboard_refund", payment_intent=own.attempt.intent_id)
    objects(sandbox, now + timedelta(hours=1))
    assert Refund.objects.get().state == "succeeded" and balances(order) == {} and differences() == []


def test_a_refund_that_was_given_up_is_not_sent_by_a_late_message(sandbox: SandboxProcess) -> None:
    """Staff may have sent a transfer by then."""
    order, attempt = paid_order(sandbox)
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    own = Refund.objects.get()
    with mock.patch.object(gateway, "_call", side_effect=gateway.ProviderRefused("not today")):
        assert refund.send(own.pk, at=timezone.now()).state == "failed"
    assert refund.send(own.pk, at=timezone.now()).state == "failed"
    assert refund.refunded_at_provider(attempt) == 0


def test_what_the_provider_has_given_back_of_a_payment_is_asked_whoever_asked_for_it(sandbox: SandboxProcess) -> None:
    _order, attempt = paid_order(sandbox)
    assert refund.refunded_at_provider(attempt) == 0
    for amount, policy in ((1_000, "succeeded"), (2_000, "pending"), (4_000, "failed"), (500, "requires_action")):
        sandbox.control("dashboard_refund", payment_intent=attempt.intent_id, amount=amount, policy=policy)
    assert refund.refunded_at_provider(attempt) == 3_500
    assert refund.refunded_at_provider(PaymentAttempt(order=attempt.order)) == 0


def ask_daily(sandbox: SandboxProcess, start: datetime, days: range) -> list[int]:
    """The sweep of the refunds day by day, and how many it moved."""
    found = []
    for number in days:
        at = clock(sandbox, start + number * DAY + timedelta(hours=1))
        counts = reconcile.refunds_due(on=at.date(), at=at)
        assert not counts["errors"]
        found.append(counts["moved"])
    return found


def test_a_refund_that_fails_ten_days_after_it_succeeded_is_noticed_without_a_webhook(sandbox: SandboxProcess) -> None:
    start = clock(sandbox, timezone.now())
    order, own = cancelled(sandbox, how="succeeded")
    assert own.state == "succeeded" and ask_daily(sandbox, start, range(1, 10)) == [0] * 9
    clock(sandbox, start + 10 * DAY)
    sandbox.control("refunds/settle", refund=own.provider_id, status="failed")
    assert ask_daily(sandbox, start, range(11, 13)) == [1, 0]
    own.refresh_from_db()
    assert (own.state, own.settled_at, own.next_check_at) == ("failed", None, None)
    assert queued("refunds_open") == 1 and differences() == []
    assert balances(order) == {"fund.psp_clearing": 10_500, "fund.refunds_payable": -10_500}


def test_a_refund_that_is_done_is_asked_about_for_forty_five_days_and_no_longer(sandbox: SandboxProcess) -> None:
    start = clock(sandbox, timezone.now())
    _order, own = cancelled(sandbox, how="succeeded")
    ask_daily(sandbox, start, range(1, 45))
    own.refresh_from_db()
    assert own.next_check_at is not None
    ask_daily(sandbox, start, range(45, 47))
    own.refresh_from_db()
    assert own.next_check_at is None and own.settled_at is not None


def test_many_refunds_that_are_done_are_asked_about_by_the_page(sandbox: SandboxProcess) -> None:
    start = clock(sandbox, timezone.now())
    made = [cancelled(sandbox, how="succeeded")[1] for _number in range(3)]
    sandbox.control("refunds/settle", refund=made[1].provider_id, status="failed")
    before = len(sandbox.control("requests", "GET")["requests"])
    with mock.patch.object(reconcile, "FEW", 2):
        assert ask_daily(sandbox, start, range(1, 2)) == [1]
    asked = [row["path"] for row in sandbox.control("requests", "GET")["requests"][before:]]
    assert [path.split("?")[0] for path in asked] == ["/v1/refunds"]
    assert [Refund.objects.get(pk=own.pk).state for own in made] == ["succeeded", "failed", "succeeded"]


# --- Payments that do not match -----------------------------------------------------------------------------------


def start(method: str = "card") -> PaymentAttempt:
    """A page that asks for ¥100 more in each of the order's three lines."""
    with mock.patch.object(gateway, "to_provider", lambda amount, currency: amount + 100):
        return services.start_payment(make_order(method=method), at=timezone.now())


def test_money_of_a_wrong_amount_is_kept_beside_the_order_and_given_back_by_staff(
    sandbox: SandboxProcess,
) -> None:
    attempt, now = start(), timezone.now()
    sandbox.control("pay", session=attempt.session_id, how="card")
    attempt = settle.settle(attempt.pk, at=now)
    order = attempt.order
    assert (attempt.state, attempt.captured, order.state) == ("mismatch", 10_800, "reserved")
    assert attempt.intent_id and "10800 instead of 10500" in attempt.problem
    assert balances(order) == {"fund.psp_clearing": 10_800, "fund.applicant_deposits": -10_800}
    assert queued("mismatch") == 1 and differences() == []
    settle.settle(attempt.pk, at=now)
    assert Entry.objects.count() == 1
    staff = make_user(is_staff=True)
    with pytest.raises(DomainError) as refused:
        mismatch.looked_at(attempt, actor=staff, at=now, reason="Never mind")
    assert refused.value.code == "money"
    made = mismatch.give_back(attempt, actor=staff, at=now, reason="The price was wrong")
    assert (made.amount, made.reason, made.requested_by) == (10_800, "staff", staff)
    assert queued("mismatch") == 0 and queued("refunds_open") == 1 and differences() == []
    assert refund.send(made.pk, at=now).state == "succeeded"
    assert balances(order) == {} and queued("refunds_open") == 0 and differences() == []
    noted = AuditRow.objects.get(action="investments.PaymentAttempt.reviewed")
    assert (noted.actor, noted.reason) == (staff, "The price was wrong")
    with pytest.raises(DomainError):
        mismatch.give_back(attempt, actor=staff, at=now, reason="Once more")


def test_an_order_is_paid_by_another_attempt_while_wrong_money_lies_beside_it(sandbox: SandboxProcess) -> None:
    attempt = start()
    sandbox.control("pay", session=attempt.session_id, how="card")
    assert settle.settle(attempt.pk, at=timezone.now()).state == "mismatch"
    second = services.start_payment(attempt.order, at=timezone.now())
    sandbox.control("pay", session=second.session_id, how="card")
    settle.settle(second.pk, at=timezone.now())
    order = Order.objects.get()
    assert order.state == "paid" and account(order, "applicant_deposits") == -21_300 and differences() == []
    # A refund of the wrong payment, made in the dashboard, leaves the order alone and empties the queue.
    sandbox.control("dashboard_refund", payment_intent=PaymentAttempt.objects.get(pk=attempt.pk).intent_id)
    reconcile.objects_due(on=timezone.now().date(), at=timezone.now())
    order.refresh_from_db()
    assert order.state == "paid" and account(order, "applicant_deposits") == -10_500
    assert Refund.objects.get().amount == 10_800
    assert PaymentAttempt.objects.get(pk=attempt.pk).state == "reviewed" and queued("mismatch") == 0
    sandbox.control("payouts/make")
    reconcile.payouts_due(on=timezone.now().date(), at=timezone.now())
    assert ProviderPayout.objects.get().difference == 0 and differences() == []


def test_a_dispute_of_a_payment_that_does_not_match_waits_for_staff(sandbox: SandboxProcess) -> None:
    attempt = start()
    sandbox.control("pay", session=attempt.session_id, how="card")
    attempt = settle.settle(attempt.pk, at=timezone.now())
    sandbox.control("disputes/open", payment_intent=attempt.intent_id)
    counts = reconcile.objects_due(on=timezone.now().date(), at=timezone.now())
    assert (counts["disputes"], counts["kept"], counts["errors"]) == (0, 1, 0)
    assert "does not match its attempt is disputed" in UnrecordedObject.objects.get().problem
    assert not Dispute.objects.exists() and queued("mismatch") == 1


def test_a_page_that_asks_for_a_wrong_amount_is_closed_and_staff_say_that_nothing_is_left_to_do(
    sandbox: SandboxProcess,
) -> None:
    attempt = settle.settle(start().pk, at=timezone.now())
    assert (attempt.state, attempt.captured, attempt.next_check_at) == ("mismatch", 0, None)
    with pytest.raises(Exception, match="expired"):
        sandbox.control("pay", session=attempt.session_id, how="card")
    staff = make_user(is_staff=True)
    with pytest.raises(DomainError) as refused:
        mismatch.give_back(attempt, actor=staff, at=timezone.now(), reason="Wrong")
    assert refused.value.code == "nothing"
    with pytest.raises(DomainError) as refused:
        mismatch.looked_at(attempt, actor=staff, at=timezone.now(), reason="")
    assert refused.value.code == "reason_needed"
    mismatch.looked_at(attempt, actor=staff, at=timezone.now(), reason="Nobody paid there")
    assert queued("mismatch") == 0 and differences() == []


def test_money_that_comes_after_staff_have_looked_brings_the_payment_back_into_their_queue(
    sandbox: SandboxProcess,
) -> None:
    attempt, now = start("konbini"), clock(sandbox, timezone.now())
    sandbox.control("pay", session=attempt.session_id, how="konbini")
    attempt = settle.settle(attempt.pk, at=now)
    assert (attempt.state, attempt.captured) == ("mismatch", 0) and attempt.next_check_at is not None
    mismatch.looked_at(attempt, actor=None, at=now, reason="The payer was told not to pay")
    sandbox.control("konbini/pay", payment_intent=attempt.intent_id)
    later = clock(sandbox, now + timedelta(hours=2))
    assert reconcile.payments_due(on=later.date(), at=later)["settled"] == 1
    attempt.refresh_from_db()
    assert (attempt.state, attempt.captured, attempt.next_check_at) == ("mismatch", 10_800, None)
    assert queued("mismatch") == 1 and differences() == []


@pytest.mark.parametrize("wrong", [{"currency": "USD"}, {"livemode": True}, {"attempt_id": "999999"}])
def test_what_our_books_have_no_place_for_is_not_booked_and_leaves_the_queue_with_a_reason(
    sandbox: SandboxProcess, wrong: dict[str, Any]
) -> None:
    paid_order(sandbox)
    attempt = services.start_payment(make_order(method="card"), at=timezone.now())
    sandbox.control("pay", session=attempt.session_id, how="card")
    real = gateway.get_session
    with mock.patch.object(gateway, "get_session", lambda session: replace(real(session), **wrong)):
        attempt = settle.settle(attempt.pk, at=timezone.now())
    assert (attempt.state, attempt.captured) == ("mismatch", 0) and Entry.objects.count() == 1
    assert (attempt.intent_id is not None) is ("currency" in wrong)
    # The provider pays it out among the rest: a line that is none of ours.
    sandbox.control("payouts/make")
    reconcile.payouts_due(on=timezone.now().date(), at=timezone.now())
    assert len(ProviderPayout.objects.get().unmatched) == 1
    mismatch.looked_at(attempt, actor=None, at=timezone.now(), reason="Refunded in the dashboard")
    assert queued("mismatch") == 0 and differences() == []
