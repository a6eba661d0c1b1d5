"""Inquiries, chargebacks and what becomes of orders, holdings and refunds (domain.md sections 3, 4.8, 4.9 and 7)."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from investments.ledger import post as ledger
from investments.models import Dispute, Fund, Holding, Order, PaymentAttempt, Refund
from investments.offerings import services as offerings
from investments.orders import services as orders
from investments.payments import dispute, external, reconcile, refund, services, settle
from microfund.kernel import integrity
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from microfund.kernel.schedule import services as schedule
from tests.faults import books
from tests.investments.payments.test_money_path import balances, bearer, paid_order
from tests.make import make_fund, make_investor, make_order, make_user
from tests.sandbox_client import SandboxProcess

pytestmark = pytest.mark.django_db
RELEASES = ["let_go", "whatever_it_is_called"]
FEES = {"operator.psp_fees": 1_500, "operator.bank": -1_500}


def look(at: datetime | None = None) -> None:
    """The hourly sweep, and that of refunds."""
    at = at or timezone.now()
    assert reconcile.objects_due(on=at.date(), at=at)["errors"] == 0
    assert reconcile.refunds_due(on=at.date(), at=at)["errors"] == 0


def disputed(sandbox: SandboxProcess, attempt: PaymentAttempt, **values: Any) -> Dispute:
    """An open dispute of the payment, as we know it."""
    made = sandbox.control("disputes/open", payment_intent=attempt.intent_id, **values)
    look()
    return Dispute.objects.get(provider_id=made["id"])


def decided(sandbox: SandboxProcess, own: Dispute, outcome: str) -> Dispute:
    sandbox.control("disputes/close", dispute=own.provider_id, outcome=outcome)
    look()
    own.refresh_from_db()
    assert own.state == outcome
    return own


def confirmed(order: Order) -> Order:
    orders.confirm_due(on=timezone.now().date(), at=order.cooling_off_ends_at)
    order.refresh_from_db()
    assert order.state == "confirmed"
    return order


def state_of(row: Any) -> str:
    row.refresh_from_db()
    return str(row.state)


def refunds_at_provider(sandbox: SandboxProcess, attempt: PaymentAttempt) -> int:
    _status, body = sandbox.request("GET", f"/v1/refunds?payment_intent={attempt.intent_id}", headers=bearer(sandbox))
    return len(json.loads(body)["data"])


def release(fund: Fund, *, code: str = "investment_payable", amount: int = 5_000, kind: str = "let_go") -> int | None:
    """What a later release to the business posts (domain.md section 7), under a kind of its own."""
    with_money = [ledger.debit(fund.book_id, code, amount), ledger.credit(fund.book_id, "bank", amount)]
    now = timezone.now()
    return ledger.post(kind=kind, source=("fund", fund.pk), legs=with_money, on=now.date(), at=now)


def paid_out(sandbox: SandboxProcess) -> None:
    """The provider's payout has put the fund's money into its bank."""
    sandbox.control("payouts/make")
    assert reconcile.payouts_due(on=timezone.now().date(), at=timezone.now())["payouts"] == 1


@pytest.fixture(autouse=True)
def books_are_right() -> Any:
    """After every test each fund's books are right, by the product's own checks and by the other account of them."""
    yield
    assert not [line for outcome in integrity.run() for line in outcome.differences]
    # The other account knows no releases.
    released = set(Fund.objects.filter(book__accounts__lines__entry__kind__in=RELEASES).values_list("pk", flat=True))
    for fund in Fund.objects.exclude(pk__in=released):
        assert not books.problems(fund.pk)


# --- Refunds beside a dispute -----------------------------------------------------------------------------------


def test_a_refund_waits_while_the_payment_is_disputed_and_a_lost_dispute_closes_it(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox)
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    own = disputed(sandbox, attempt)
    made = Refund.objects.get(order=order)
    assert made.state == "requested" and "disputed" in made.problem
    assert refund.send(made.pk, at=timezone.now()).state == "requested"
    decided(sandbox, own, "lost")
    assert state_of(made) == "charged_back"
    assert balances(order) == {
        "fund.due_from_operator": 10_500,
        "operator.due_to_fund": -10_500,
        "fund.due_to_operator": -10_500,
        "operator.due_from_fund": 10_500,
        **FEES,
    }
    assert (state_of(order), order.frozen_at, own.needs_decision) == ("cancelled", None, False)
    assert refund.send(made.pk, at=timezone.now()).state == "charged_back"
    assert refunds_at_provider(sandbox, attempt) == 0


def test_a_refund_that_waited_is_sent_when_the_dispute_is_won(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox)
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    own = disputed(sandbox, attempt)
    decided(sandbox, own, "won")
    assert state_of(Refund.objects.get(order=order)) == "succeeded"
    assert refunds_at_provider(sandbox, attempt) == 1


def test_a_refund_that_failed_is_closed_by_a_lost_dispute_of_the_whole(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox)
    sandbox.control("refund_policy", next="failed")
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    look()
    external.absorb(attempt.intent_id, at=timezone.now())
    made = Refund.objects.get(order=order)
    assert made.state == "failed"
    own = decided(sandbox, disputed(sandbox, attempt), "lost")
    assert state_of(made) == "charged_back"
    assert (own.from_order, own.from_refunds) == (0, 10_500)
    assert "fund.refunds_payable" not in balances(order)


def test_a_dispute_lost_for_a_part_of_what_is_owed_leaves_the_rest_to_be_paid_by_bank(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox)
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    decided(sandbox, disputed(sandbox, attempt, amount=4_000), "lost")
    first, rest = Refund.objects.filter(order=order).order_by("pk")
    assert (first.state, first.amount) == ("charged_back", 4_000)
    assert (rest.state, rest.amount, rest.by_bank, rest.split_from) == ("requested", 6_500, True, first)
    assert balances(order)["fund.refunds_payable"] == -6_500
    assert AuditRow.objects.filter(action="investments.Refund.requested", object_id=str(rest.pk)).exists()


def test_a_refund_that_arrives_although_a_lost_dispute_closed_it_is_the_operators_loss(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox)
    sandbox.control("refund_policy", next="pending")
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    look()
    made = Refund.objects.get(order=order)
    assert made.state == "pending"
    own = decided(sandbox, disputed(sandbox, attempt, amount=10_500), "lost")
    assert state_of(made) == "charged_back"
    sandbox.control("refunds/settle", refund=made.provider_id, status="succeeded")
    look(timezone.now() + timedelta(days=1))
    assert state_of(made) == "succeeded"
    own.refresh_from_db()
    assert own.from_refunds == 0
    assert balances(order)["operator.dispute_loss"] == 10_500
    # And when that comes back in the end, nobody pays it a third time.
    sandbox.control("refunds/settle", refund=made.provider_id, status="failed")
    external.absorb(attempt.intent_id, at=timezone.now())
    assert state_of(made) == "charged_back"
    assert "operator.dispute_loss" not in balances(order)


def test_a_refund_that_fails_after_the_dispute_was_lost_is_not_paid_once_more(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox)
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    look()
    made = Refund.objects.get(order=order)
    assert made.state == "succeeded"
    own = decided(sandbox, disputed(sandbox, attempt, amount=10_500), "lost")
    assert (own.from_refunds, own.needs_decision) == (0, False)
    assert balances(order)["operator.dispute_loss"] == 10_500
    sandbox.control("refunds/settle", refund=made.provider_id, status="failed")
    external.absorb(attempt.intent_id, at=timezone.now())
    assert state_of(made) == "charged_back"
    own.refresh_from_db()
    assert own.from_refunds == 10_500 and "operator.dispute_loss" not in balances(order)


def test_a_dispute_of_the_payment_that_came_twice_leaves_the_order_that_the_other_pays(sandbox: SandboxProcess) -> None:
    order = make_order(method="card")
    first = services.start_payment(order, at=timezone.now())
    # Given up here while the payer still has the page.
    PaymentAttempt.objects.filter(pk=first.pk).update(state="failed")
    second = services.start_payment(order, at=timezone.now())
    sandbox.control("pay_many", sessions=[first.session_id, second.session_id])
    sandbox.control("refund_policy", next="failed")
    for attempt in (second, first):
        settle.settle(attempt.pk, at=timezone.now())
    first.refresh_from_db()
    external.absorb(first.intent_id, at=timezone.now())
    made = Refund.objects.get(order=order)
    assert (made.attempt, made.state, made.reason) == (first, "failed", "duplicate")
    own = decided(sandbox, disputed(sandbox, first), "lost")
    assert state_of(order) == "paid" and order.frozen_at is None and order.fund.counter.sold == 1
    assert (state_of(made), own.needs_decision, own.from_order) == ("charged_back", False, 0)
    assert state_of(confirmed(order)) == "confirmed"


# --- Inquiries --------------------------------------------------------------------------------------------------


def test_an_inquiry_freezes_nothing_and_a_dispute_weeks_later_is_seen_without_a_webhook(
    sandbox: SandboxProcess,
) -> None:
    order, attempt = paid_order(sandbox)
    asked = sandbox.control("disputes/open", payment_intent=attempt.intent_id, inquiry=True)
    look()
    own = Dispute.objects.get(provider_id=asked["id"])
    assert own.state == "inquiry"
    assert state_of(order) == "paid" and order.frozen_at is None
    assert balances(order) == {"fund.psp_clearing": 10_500, "fund.applicant_deposits": -10_500}
    sandbox.control("disputes/review", dispute=own.provider_id)
    look()
    assert state_of(own) == "inquiry"
    later = timezone.now() + timedelta(days=30)
    look(later)
    sandbox.control("disputes/escalate", dispute=own.provider_id)
    later += timedelta(days=1)
    look(later)
    order.refresh_from_db()
    assert (state_of(own), own.opened_at, own.fee) == ("open", later, 1_500)
    assert order.frozen_at == later and balances(order)["fund.due_from_operator"] == 10_500
    actions = AuditRow.objects.filter(object_type="investments.Dispute", object_id=str(own.pk)).order_by("pk")
    assert [row.action.rpartition(".")[2] for row in actions] == ["inquiry", "open"]
    decided(sandbox, own, "lost")
    assert state_of(order) == "refunded"


def test_an_inquiry_that_is_closed_is_asked_no_more_and_leaves_no_trace_in_the_books(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox)
    asked = sandbox.control("disputes/open", payment_intent=attempt.intent_id, inquiry=True)
    settle.settle(attempt.pk, at=timezone.now())
    look()
    sandbox.control("disputes/close_inquiry", dispute=asked["id"])
    look()
    own = Dispute.objects.get()
    assert own.state == "closed" and own.closed_at is not None
    before = balances(order)
    look()
    assert state_of(own) == "closed" and balances(order) == before
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    look()
    assert Refund.objects.get().state == "succeeded"


def test_a_closed_inquiry_that_we_never_knew_is_not_recorded(sandbox: SandboxProcess) -> None:
    _order, attempt = paid_order(sandbox)
    asked = sandbox.control("disputes/open", payment_intent=attempt.intent_id, inquiry=True)
    sandbox.control("disputes/close_inquiry", dispute=asked["id"])
    look()
    assert not Dispute.objects.exists()


# --- Lost in part, lost after release ---------------------------------------------------------------------------


def test_a_part_refunded_before_and_the_rest_lost_is_a_full_loss(sandbox: SandboxProcess) -> None:
    order, attempt = paid_order(sandbox)
    sandbox.control("dashboard_refund", payment_intent=attempt.intent_id, amount=500)
    settle.settle(attempt.pk, at=timezone.now())
    own = decided(sandbox, disputed(sandbox, attempt), "lost")
    assert (own.amount, own.from_order, own.needs_decision) == (10_000, 10_000, False)
    assert state_of(order) == "refunded" and order.fund.counter.sold == 0
    assert balances(order) == {
        "fund.due_from_operator": 10_000,
        "operator.due_to_fund": -10_000,
        "fund.due_to_operator": -10_000,
        "operator.due_from_fund": 10_000,
        **FEES,
    }


def part_lost(sandbox: SandboxProcess, *, units: int = 1, fund: Fund | None = None, confirm: bool = False) -> Dispute:
    """4,000 yen of an order were lost: it stands, frozen, until staff decide."""
    order, attempt = paid_order(sandbox, units=units, **({"fund": fund} if fund else {}))
    if confirm:
        confirmed(order)
    own = decided(sandbox, disputed(sandbox, attempt, amount=4_000), "lost")
    order.refresh_from_db()
    assert own.needs_decision and order.frozen_at is not None
    assert balances(order)["operator.dispute_loss"] == 4_000
    return own


@pytest.mark.parametrize("confirm", [False, True], ids=["paid", "confirmed"])
def test_units_that_staff_let_stand_are_thawed_and_the_operator_bears_the_loss(
    sandbox: SandboxProcess, confirm: bool
) -> None:
    own = part_lost(sandbox, confirm=confirm)
    user, order = make_user(is_staff=True), own.order
    before = balances(order)
    with pytest.raises(DomainError) as refused:
        dispute.keep_units(own, actor=user, at=timezone.now(), reason=" ")
    assert refused.value.code == "reason_needed"
    dispute.keep_units(own, actor=user, at=timezone.now(), reason="The rest is ours.")
    own.refresh_from_db()
    assert (own.needs_decision, own.decision) == (False, "kept")
    assert state_of(order) == ("confirmed" if confirm else "paid") and order.frozen_at is None
    assert balances(order) == before
    assert not Holding.objects.filter(frozen_at__isnull=False).exists()
    row = AuditRow.objects.get(action="investments.Dispute.kept")
    assert (row.actor, row.reason) == (user, "The rest is ours.")
    with pytest.raises(DomainError) as refused:
        dispute.rescind(own, actor=user, at=timezone.now(), reason="Changed our minds.")
    assert refused.value.code == "decided"
    if not confirm:
        confirmed(order)


@pytest.mark.parametrize("confirm", [False, True], ids=["paid", "confirmed"])
def test_units_that_staff_end_pay_the_operator_and_the_rest_goes_back(sandbox: SandboxProcess, confirm: bool) -> None:
    own = part_lost(sandbox, confirm=confirm)
    user, order = make_user(is_staff=True), own.order
    dispute.rescind(own, actor=user, at=timezone.now(), reason="The investor wants out.")
    own.refresh_from_db()
    assert (own.needs_decision, own.decision) == (False, "rescinded")
    assert state_of(order) == "refunded" and order.frozen_at is None and order.fund.counter.sold == 0
    made = Refund.objects.get(order=order)
    assert (made.amount, made.reason, made.requested_by) == (6_500, "staff", user)
    assert balances(order) == {
        "fund.psp_clearing": 6_500,
        "fund.refunds_payable": -6_500,
        "fund.due_from_operator": 4_000,
        "operator.due_to_fund": -4_000,
        "fund.due_to_operator": -4_000,
        "operator.due_from_fund": 4_000,
        **FEES,
    }
    assert not Holding.objects.filter(units__gt=0).exists()
    # The provider refunds no payment that was charged back: it waits for staff to pay it by bank.
    look()
    assert state_of(made) == "failed"


def test_a_fund_that_fails_refunds_what_is_left_of_an_order_that_waits_for_a_decision(sandbox: SandboxProcess) -> None:
    fund = make_fund(units_minimum=50)
    own = part_lost(sandbox, fund=fund)
    order, end = own.order, fund.counter.closes_at + timedelta(days=20)
    schedule.run_due(on=end.date())
    own.refresh_from_db()
    fund.refresh_from_db()
    assert (fund.state, state_of(order), order.frozen_at) == ("failed", "failed", None)
    assert (own.needs_decision, own.decision) == (False, "rescinded")
    assert [made.amount for made in Refund.objects.filter(order=order)] == [6_500]


def test_an_order_with_a_kept_loss_that_is_cancelled_gives_back_only_what_is_left(sandbox: SandboxProcess) -> None:
    own = part_lost(sandbox)
    dispute.keep_units(own, actor=make_user(is_staff=True), at=timezone.now(), reason="Let them stand.")
    order = Order.objects.get(pk=own.order_id)
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    assert [made.amount for made in Refund.objects.filter(order=order)] == [6_500]


# --- Released ---------------------------------------------------------------------------------------------------


def test_a_term_that_has_begun_releases_nothing_by_itself(sandbox: SandboxProcess) -> None:
    fund = make_fund()
    order, attempt = paid_order(sandbox, fund=fund)
    paid_order(sandbox, fund=fund)
    schedule.run_due(on=fund.closes_on + timedelta(days=1))
    schedule.run_due(on=fund.term_starts_on)
    fund.refresh_from_db()
    assert fund.state == "operating"
    own = decided(sandbox, disputed(sandbox, attempt), "lost")
    assert (state_of(order), own.needs_decision) == ("refunded", False)


@pytest.mark.parametrize("kind", RELEASES)
def test_money_that_the_journal_shows_as_released_leaves_the_units_to_staff(sandbox: SandboxProcess, kind: str) -> None:
    order, attempt = paid_order(sandbox)
    confirmed(order)
    paid_out(sandbox)
    release(order.fund, kind=kind)
    assert dispute.released(order) == {"investment_payable"}
    own = decided(sandbox, disputed(sandbox, attempt), "lost")
    assert (state_of(order), own.needs_decision) == ("confirmed", True)
    if kind == "let_go":
        dispute.rescind(own, actor=make_user(is_staff=True), at=timezone.now(), reason="They want no units.")
        assert state_of(order) == "refunded" and Holding.objects.get().units == 0
        # The donation and the fee were still there; the investment half is the operator's loss.
        assert balances(order)["operator.dispute_loss"] == 5_000
        assert balances(order)["fund.due_to_operator"] == -5_500
        assert not Refund.objects.exists()
    else:
        dispute.keep_units(own, actor=make_user(is_staff=True), at=timezone.now(), reason="The rafts are built.")
        assert state_of(order) == "confirmed" and Holding.objects.get().frozen_at is None


def test_what_was_released_before_an_order_was_confirmed_or_of_another_is_not_this_orders_money(
    sandbox: SandboxProcess,
) -> None:
    fund = make_fund()
    early, _attempt = paid_order(sandbox, fund=fund)
    confirmed(early)
    late, attempt = paid_order(sandbox, fund=fund)
    paid_out(sandbox)
    release(fund)
    assert dispute.released(early) and not dispute.released(late), "an order that is only paid is never released"
    confirmed(late)
    assert not dispute.released(late)
    own = decided(sandbox, disputed(sandbox, attempt), "lost")
    assert (state_of(late), own.needs_decision) == ("refunded", False)


# --- Frozen holdings --------------------------------------------------------------------------------------------


@pytest.fixture
def two(sandbox: SandboxProcess) -> Callable[..., tuple[list[Order], list[PaymentAttempt], Callable[[], bool]]]:
    """Two orders of one person in one fund, and whether their holding is frozen."""

    def build(*, confirm: int = 2) -> tuple[list[Order], list[PaymentAttempt], Callable[[], bool]]:
        fund, investor = make_fund(), make_investor()
        made = [paid_order(sandbox, fund=fund, investor=investor) for _number in range(2)]
        for order, _attempt in made[:confirm]:
            order.refresh_from_db()
            orders.clear_order(order.pk, at=order.cooling_off_ends_at)
            orders.confirm_order(order.pk, at=order.cooling_off_ends_at)
        return (
            [order for order, _attempt in made],
            [attempt for _order, attempt in made],
            lambda: Holding.objects.get(investor=investor).frozen_at is not None,
        )

    return build


def test_a_holding_stays_frozen_until_the_last_of_two_disputes_is_won(sandbox: SandboxProcess, two: Any) -> None:
    _orders, attempts, frozen = two()
    one, other = (disputed(sandbox, attempt) for attempt in attempts)
    decided(sandbox, other, "won")
    assert frozen()
    decided(sandbox, one, "won")
    assert not frozen()


def test_a_lost_dispute_leaves_the_investors_other_units_thawed(sandbox: SandboxProcess, two: Any) -> None:
    (lost, kept), attempts, frozen = two()
    decided(sandbox, disputed(sandbox, attempts[0]), "lost")
    assert (state_of(lost), state_of(kept)) == ("refunded", "confirmed")
    assert Holding.objects.get().units == 1 and not frozen()


def test_an_order_that_is_confirmed_while_another_is_disputed_makes_a_frozen_holding(
    sandbox: SandboxProcess, two: Any
) -> None:
    (_disputed, other), attempts, frozen = two(confirm=0)
    own = disputed(sandbox, attempts[0])
    orders.clear_order(other.pk, at=other.cooling_off_ends_at)
    assert orders.confirm_order(other.pk, at=other.cooling_off_ends_at)
    assert frozen()
    decided(sandbox, own, "won")
    assert not frozen()


# --- Success and failure ----------------------------------------------------------------------------------------


def test_disputed_units_neither_succeed_nor_fail_a_fund_until_the_dispute_has_ended(sandbox: SandboxProcess) -> None:
    fund = make_fund(units_minimum=1)
    order, attempt = paid_order(sandbox, fund=fund)
    assert orders.clear_order(order.pk, at=order.cooling_off_ends_at)
    own = disputed(sandbox, attempt)
    fund.counter.refresh_from_db()
    assert fund.counter.cleared == 0 and not offerings.judge_success(fund.pk, at=timezone.now())
    closing = fund.counter.closes_at
    schedule.run_due(on=closing.date() + timedelta(days=1))
    fund.refresh_from_db()
    assert (fund.state, fund.succeeded_at) == ("closed", None)
    decided(sandbox, own, "won")
    schedule.run_due(on=closing.date() + timedelta(days=2))
    fund.refresh_from_db()
    assert fund.succeeded_at is not None and state_of(order) == "confirmed"


def test_a_dispute_holds_up_the_outcome_no_longer_than_the_identity_deadline(sandbox: SandboxProcess) -> None:
    fund = make_fund(units_minimum=1)
    order, attempt = paid_order(sandbox, fund=fund)
    own = disputed(sandbox, attempt)
    schedule.run_due(on=fund.closes_on + timedelta(days=1))
    fund.refresh_from_db()
    deadline = services.identity_deadline(fund)
    assert services.undecided(fund, on=deadline) and not services.undecided(fund, on=deadline + timedelta(days=1))
    schedule.run_due(on=deadline)
    assert state_of(fund) == "closed"
    schedule.run_due(on=deadline + timedelta(days=1))
    assert (state_of(fund), state_of(order)) == ("failed", "paid"), "disputed money is not refunded"
    decided(sandbox, own, "won")
    schedule.run_due(on=deadline + timedelta(days=2))
    assert state_of(order) == "failed" and Refund.objects.get().amount == order.total
