"""The pairs of acts that can meet on one order or fund, what each may end in, and the guard that each rests on.

A pair's `prepare` makes a fund and what is on it; `first` and `rival` are services as a view or a sweep calls them.
`allowed` judges the end beside `books.problems`. `unguarded` takes the pair's guard out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from unittest import mock

from django.db import connection, transaction

from businesses.models import Business
from investments.banking import outgoing
from investments.banking import services as banking
from investments.banking.models import OutgoingTransfer, ReceiptUse, StatementLine
from investments.distributions import elections, pay_in, write_off
from investments.distributions import services as distributions
from investments.distributions.changes import WriteOff
from investments.distributions.elected import ElectedLine
from investments.gifts import services as gifts
from investments.investors import identity
from investments.investors.models import Investor
from investments.ledger import post as ledger
from investments.ledger.models import Entry, Line
from investments.offerings import services as offerings
from investments.offerings.models import Fund
from investments.orders import services as orders
from investments.orders.models import Gift, Order, PersonFund
from investments.payments import dispute, external, gateway, refund, settle, transfer
from investments.payments import services as payments
from investments.payments.models import UNRESOLVED, PaymentAttempt, Refund
from investments.payouts import services as payouts
from investments.payouts.models import PayoutAttempt, PayoutRun
from microfund.kernel import clock, locks
from microfund.kernel.accounts.models import User
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.states import StateTable
from tests import make, repay
from tests.faults import cases, provider, world
from tests.investments.banking.files import csv_file
from tests.races import guards
from tests.races.gaps import Meeting

World = SimpleNamespace
LATE = world.NOW + timedelta(minutes=36)
IN_TIME = world.COOLED - timedelta(hours=2)


@dataclass(frozen=True)
class Pair:
    """Two acts that may meet. `shared`: one fund serves all runs of the pair; `later`: what the next sweep does."""

    prepare: Callable[[Fund | None], World]
    first: Callable[[World], Any]
    rival: Callable[[World], Any]
    allowed: Callable[[World, Meeting], str]
    unguarded: Callable[[], Any]
    later: Callable[[World], Any] = lambda made: None


# --- Guards taken out -------------------------------------------------------------------------------------------


def _plain_read(model: Any, pks: Any) -> list[Any]:
    return list(model._default_manager.filter(pk__in=set(pks)).order_by("pk"))


@contextmanager
def no_row_locks() -> Iterator[None]:
    """Rows are read, not locked, and the state table is not asked: what was seen is what is written."""
    with (
        mock.patch.object(locks, "lock", _plain_read),
        mock.patch.object(locks, "lock_one", lambda model, pk: _plain_read(model, [pk])[0]),
        mock.patch.object(
            locks, "try_lock", lambda model, pk, **conditions: model.objects.filter(pk=pk, **conditions).first()
        ),
        mock.patch.object(StateTable, "require", lambda self, state, to: None),
    ):
        yield


@contextmanager
def business_not_locked() -> Iterator[None]:
    """What a business offers is summed up without its row: two of its funds can be summed up at once."""
    lock_one = locks.lock_one
    unlocked = mock.patch.object(
        locks, "lock_one", lambda model, pk: None if model is Business else lock_one(model, pk)
    )
    with unlocked:
        yield


def window_read_before() -> Any:
    """Whether the fund takes orders is asked beforehand, as a page would, and not by the counter's own row."""
    return guards.without("AND accepting AND closes_at >", "AND closes_at >")


@contextmanager
def no_unique_effects() -> Iterator[None]:
    """Neither row locks nor the journal's unique reference: each call has its own effect."""
    post = settle.postings.ledger.post
    number = iter(range(10**9))

    def every_time(**values: Any) -> Any:
        kind, pk = values["source"]
        return post(**{**values, "source": (kind, f"{pk}.{next(number)}")})

    with no_row_locks(), mock.patch.object(settle.postings.ledger, "post", every_time):
        yield


@contextmanager
def not_matched_with_ours() -> Iterator[None]:
    """A refund at the provider is ours only by its number."""
    with mock.patch.object(external, "_made_there", lambda facts, attempt, *, at: False):
        yield


# --- What is prepared -------------------------------------------------------------------------------------------


def _fund(shared: Fund | None, **values: Any) -> Fund:
    return shared or world.make_fund(units_offered=1_000, **values)


def _paid_at_provider(shared: Fund | None) -> World:
    fund = _fund(shared)
    order = world.place(fund)
    attempt = world.open_page(order)
    provider.pay(attempt)
    return World(fund=fund, order=order, attempt=attempt)


def _open_page(shared: Fund | None) -> World:
    fund = _fund(shared)
    order = world.place(fund)
    return World(fund=fund, order=order, attempt=world.open_page(order))


def _page_ran_out(shared: Fund | None) -> World:
    """The payer let the page go and may try again, which extends the reservation."""
    made = _open_page(shared)
    gateway.expire_session(made.attempt.session_id)
    settle.settle(made.attempt.pk, at=world.NOW + timedelta(minutes=32))
    return made


def _sold(shared: Fund | None, **values: Any) -> World:
    fund = _fund(shared, **values)
    order = world.paid(fund)
    return World(fund=fund, order=order, attempt=PaymentAttempt.objects.get(order=order))


def _given(shared: Fund | None) -> World:
    """A gift that is paid, and two persons who have its link."""
    fund = _fund(shared)
    order = world.paid(fund, gift=make.WISH)
    one, two = (make.make_investor(at=world.NOW) for _person in range(2))
    return World(fund=fund, order=order, one=one, two=two, giver=order.investor)


def _accept(made: World) -> Any:
    return make.accept(made.order, made.one, at=IN_TIME)


def _accept_other(made: World) -> Any:
    return make.accept(made.order, made.two, at=IN_TIME)


def _keep(made: World) -> Any:
    return gifts.keep(Gift.objects.get(order=made.order), actor=made.giver.user, at=IN_TIME)


def _one_contract(made: World, meeting: Meeting) -> str:
    """One end: the contract is with who got in first, with their papers and counters and nobody else's."""
    order = Order.objects.select_related("gift").get(pk=made.order.pk)
    units = dict(PersonFund.objects.filter(fund=made.fund, units__gt=0).values_list("investor_id", "units"))
    papers = set(order.acceptances.values_list("investor_id", flat=True))
    if order.state == "cancelled":
        return "" if not ({made.one.pk, made.two.pk, made.giver.pk} & set(units)) else f"cancelled, but {units}"
    kept = order.investor_id == made.giver.pk
    if kept != (order.gift.state == "kept"):
        return f"investor {order.investor_id}, gift {order.gift.state}"
    if papers != {made.giver.pk, order.investor_id}:
        return f"papers of {papers}, the order is {order.investor_id}'s"
    others = {made.one.pk, made.two.pk, made.giver.pk} - {order.investor_id}
    return f"units are counted for {units}" if others & set(units) else ""


def _cleared(shared: Fund | None) -> World:
    made = _sold(shared)
    assert orders.clear_order(made.order.pk, at=world.COOLED)
    return made


def _refund_asked(shared: Fund | None) -> World:
    made = _sold(shared)
    payments.cancel_order(made.order, at=world.NOW, actor=made.order.investor.user)
    return World(fund=made.fund, order=made.order, attempt=made.attempt, refund=made.order.refunds.get())


def _with_form(shared: Fund | None) -> World:
    fund = world.make_fund()
    return World(fund=fund, form=world.form(fund, units=1))


def _near_success(shared: Fund | None) -> World:
    made = _sold(None, units_minimum=1)
    return World(fund=made.fund, order=made.order, staff=make.make_user(is_staff=True))


def _two_scheduled(shared: Fund | None) -> World:
    """Two funds of one business, either of which stays below the limit of 12 months."""
    business = make.make_business()
    one, two = (world.make_fund(state="scheduled", business=business, units_offered=15_000) for _fund in range(2))
    return World(fund=one, other=two)


def _disputed(shared: Fund | None) -> World:
    made = _cleared(shared)
    provider.control("disputes/open", payment_intent=made.attempt.intent_id)
    return made


def _lost_before_release(shared: Fund | None) -> World:
    """A funded fund whose only order is confirmed, was charged back and is lost at the provider."""
    made = _sold(None)
    world.sweep("orders.confirm", at=world.COOLED)
    opened = provider.control("disputes/open", payment_intent=made.attempt.intent_id)
    provider.control("disputes/close", dispute=opened["id"], outcome="lost")
    return made


def _other_disputed(shared: Fund | None) -> World:
    """Two orders of one person: one is about to be confirmed, the other was charged back."""
    made = _cleared(shared)
    other = world.paid(made.fund, "B", investor=made.order.investor)
    attempt = PaymentAttempt.objects.get(order=other)
    provider.control("disputes/open", payment_intent=attempt.intent_id)
    return World(fund=made.fund, order=made.order, attempt=attempt)


def _unverified(shared: Fund | None) -> World:
    fund = _fund(shared)
    order = world.paid(fund, investor=make.make_investor(at=world.NOW, verified=False))
    return World(fund=fund, order=order, staff=make.make_user(is_staff=True))


_rows = iter(range(1, 10**6))


def _receipt(shared: Fund | None) -> World:
    fund = _fund(shared)
    order = world.place(fund, method="bank_transfer")
    world.open_page(order)
    with mock.patch.object(banking, "_offer", lambda line_id, *, at: False):
        file = banking.import_statement(
            content=csv_file(
                {"date": world.DAY, "amount": order.total, "payer_code": order.payer_code}, first=next(_rows)
            ),
            name="statement.csv",
            actor=None,
            at=world.NOW + timedelta(days=1),
        )
    return World(fund=fund, order=order, line=StatementLine.objects.get(file=file))


def _owed_by_bank(shared: Fund | None) -> World:
    """An order paid by transfer and cancelled: its refund must leave by bank."""
    made = _receipt(shared)
    transfer.claim(made.line.pk, at=IN_TIME)
    payments.cancel_order(made.order, at=IN_TIME, actor=made.order.investor.user)
    maker, checker, other = (make.make_user(is_staff=True) for _person in range(3))
    return World(
        fund=made.fund, order=made.order, refund=made.order.refunds.get(), maker=maker, checker=checker, other=other
    )


def _prepared(shared: Fund | None) -> World:
    made = _owed_by_bank(shared)
    made.transfer = _prepare(made, made.maker)
    return made


def _approved(shared: Fund | None) -> World:
    made = _prepared(shared)
    outgoing.approve(made.transfer, actor=made.checker, at=IN_TIME)
    return made


def _receipt_of_nobody(shared: Fund | None) -> World:
    """A receipt whose payer gave no code, and the order it may be meant for."""
    made = _receipt(shared)
    StatementLine.objects.filter(pk=made.line.pk).update(payer_code="")
    made.line.refresh_from_db()
    made.maker = make.make_user(is_staff=True)
    return made


# --- Acts -------------------------------------------------------------------------------------------------------


def _settle(made: World) -> Any:
    return settle.settle(made.attempt.pk, at=world.NOW + timedelta(minutes=30))


def _pay_and_settle(made: World) -> Any:
    provider.pay(made.attempt)
    return _settle(made)


def _expire(made: World) -> Any:
    return payments.expire_order(made.order.pk, at=LATE)


def _cancel(made: World) -> Any:
    return payments.cancel_order(made.order, at=IN_TIME, actor=made.order.investor.user)


def _cancel_now(made: World) -> Any:
    return payments.cancel_order(made.order, at=world.NOW, actor=made.order.investor.user)


def _clear(made: World) -> Any:
    return orders.clear_order(made.order.pk, at=world.COOLED)


def _confirm(made: World) -> Any:
    return orders.confirm_order(made.order.pk, at=world.COOLED)


def _succeed_and_confirm(made: World) -> Any:
    _clear(made)
    offerings.judge_success(made.fund.pk, at=world.COOLED)
    return _confirm(made)


def _close(made: World) -> Any:
    return offerings.close_fund(made.fund, at=world.NOW, actor=make_staff(), reason="early")


def _open(fund: Fund) -> Any:
    return offerings.open_fund(fund, at=clock.start_of_day(fund.opens_on))


def make_staff() -> User:
    """One member of staff for all runs on a database."""
    return User.objects.filter(email="closer@example.com").first() or make.make_user(
        email="closer@example.com", is_staff=True
    )


def _place(made: World) -> Any:
    return world.place_again(made.form)


def _fail(made: World) -> Any:
    return payments.fail_fund(made.fund, at=world.COOLED, actor=made.staff, reason="withdrawn")


def _send(made: World) -> Any:
    return refund.send(made.refund.pk, at=world.NOW)


def _cancel_and_send(made: World) -> Any:
    _cancel(made)
    return refund.send(made.order.refunds.get(by_bank=False).pk, at=IN_TIME)


def _refund_there(made: World) -> Any:
    """By hand in the dashboard, which says no when our refund came first; then its event."""
    provider.refund_by_hand(made.attempt.intent_id)
    return external.absorb(made.attempt.intent_id, at=IN_TIME)


def _absorb_refund(made: World) -> Any:
    return external.absorb(made.attempt.intent_id, at=world.NOW)


def _absorb_dispute(made: World) -> Any:
    return dispute.absorb(made.attempt.intent_id, at=world.COOLED)


def _release(made: World) -> Any:
    """What a release to the business will do: under the fund's row, all that is payable leaves the bank."""
    with transaction.atomic():
        fund = locks.lock_one(Fund, made.fund.pk)
        owed = _payables(fund)
        if not sum(owed.values()):
            return None
        legs = [ledger.debit(fund.book_id, code, amount) for code, amount in owed.items() if amount > 0]
        return ledger.post(
            kind="released",
            source=("fund", fund.pk),
            legs=[*legs, ledger.credit(fund.book_id, "bank", sum(owed.values()))],
            on=world.DAY,
            at=world.COOLED,
        )


def _payables(fund: Fund) -> dict[str, int]:
    found = {"donation_payable": 0, "investment_payable": 0}
    lines = Line.objects.filter(account__book_id=fund.book_id, account__code__in=found)
    for code, side, amount in lines.values_list("account__code", "side", "amount"):
        found[code] += amount if side == "C" else -amount
    return found


def _refund_unverified(made: World) -> Any:
    return payments._refund_unverified(made.order.pk, at=cases.DECIDED)


def _verify(made: World) -> Any:
    investor = Investor.objects.get(pk=made.order.investor_id)
    identity.verify_identity(investor, actor=made.staff, at=cases.DECIDED)
    return _clear(made)


def _claim(made: World) -> Any:
    return transfer.claim(made.line.pk, at=world.NOW + timedelta(days=1))


def _arrears(shared: Fund | None) -> World:
    """A distribution that waits to be written off, and half of it in a receipt that was not claimed yet."""
    fund = repay.operating(30, 19)
    repay.report(fund, 1, 27_900_000)
    own = repay.distribute(fund, 1)
    at = repay.after(own.period, 40)
    row = write_off.prepare(own, actor=repay.staff("maker"), at=at, reason="Washed away.")
    day = {"date": clock.today_in(None, at), "amount": own.gross // 2, "payer_code": own.payer_code}
    content = csv_file(day, first=next(repay._rows) * 1_000)
    with mock.patch.object(banking, "_offer", lambda line_id, *, at: False):
        file = banking.import_statement(content=content, name="s.csv", actor=None, at=at)
    return World(fund=fund, row=row, line=StatementLine.objects.get(file=file), at=at, checker=repay.staff("checker"))


def _write_off(made: World) -> Any:
    return write_off.approve(WriteOff.objects.get(pk=made.row.pk), actor=made.checker, at=made.at)


def _pay_in(made: World) -> Any:
    return pay_in.claim(made.line.pk, at=made.at)


def _last_second(shared: Fund | None) -> World:
    """A holder who chooses in the last second of a record date, while the period is being calculated."""
    fund = repay.operating(30)
    own, actor = repay.period(fund, 1), repay.staff()
    offer = elections.make_offer(
        fund,
        in_kind=True,
        bonus=Decimal("0.1"),
        give_back=False,
        actor=actor,
        at=make.at_noon(fund.term_starts_on),
        reason="Agreed.",
    )
    repay.report(fund, 1, 27_900_000)
    return World(fund=fund, period=own, offer=offer, holding=fund.holdings.get(), at=repay.after(own), maker=actor)


def _choose(made: World) -> Any:
    return elections.elect(
        made.holding,
        "in_kind",
        offer_id=made.offer.pk,
        period=made.period,
        actor=made.maker,
        at=clock.end_of_day(made.period.record_on),
    )


def _calculate(made: World) -> Any:
    return distributions.prepare(made.period, actor=made.maker, at=made.at)


def _followed(made: World, meeting: Meeting) -> str:
    """The line follows the choice that was noted; one that came too late was refused."""
    chosen = made.holding.elections.exists()
    lines = ElectedLine.objects.filter(allocation__holding=made.holding).count()
    return "" if lines == int(chosen) else f"a choice was noted: {chosen}, and {lines} lines follow one"


def _written_off_or_paid(made: World, meeting: Meeting) -> str:
    """Either the business paid first and the write-off was refused, or it was written off and the money waits."""
    own = made.row.distribution
    own.refresh_from_db()
    line = StatementLine.objects.get(pk=made.line.pk)
    if own.written_off:
        wrong = (own.received, own.written_off, line.remaining) != (0, own.gross, line.amount)
    else:
        wrong = (own.received, line.remaining) != (line.amount, 0)
    return f"received {own.received}, written off {own.written_off}, {line.remaining} in the queue" if wrong else ""


def _start_payment(made: World) -> Any:
    return payments.start_payment(made.order, at=world.NOW + timedelta(minutes=34))


def _prepare(made: World, maker: User) -> Any:
    payee = {"bank": "0001", "branch": "001", "type": "1", "number": "1234567", "holder": "イトウ ハルカ"}
    return refund.pay_by_bank(made.refund, payee=payee, actor=maker, at=IN_TIME, reason="paid by transfer")


def _approve(made: World, checker: User) -> Any:
    return outgoing.approve(_as_read(made), actor=checker, at=IN_TIME)


def _record_sent(made: World, reference: str) -> Any:
    return outgoing.record_sent(
        _as_read(made),
        transferred_on=clock.today_in(None, IN_TIME),
        bank_reference=reference,
        actor=made.maker,
        at=IN_TIME,
    )


def _withdraw(made: World) -> Any:
    return outgoing.withdraw(_as_read(made), actor=made.checker, at=IN_TIME, reason="the account is closed")


def _as_read(made: World) -> OutgoingTransfer:
    return OutgoingTransfer.objects.get(pk=made.transfer.pk)


def _approved_run(shared: Fund | None) -> World:
    """A run of one fund that is approved, and two of the staff who see that on their pages."""
    for name in ("maker", "checker", "reviewer"):
        repay.staff(name)
    fund = repay.operating(20)
    at = repay.after(repay.period(fund, 1))
    repay.report(fund, 1, 27_900_000)
    repay.pay_in(repay.distribute(fund, 1))
    run = payouts.build_run(pay_on=clock.next_bank_day(at.date() + timedelta(days=9)), actor=repay.staff(), at=at)
    run = payouts.approve_run(run, actor=repay.staff("checker"), at=at)
    return World(fund=fund, run=run, at=at)


def _run_as_read(made: World) -> PayoutRun:
    """The run as a page showed it before anybody pressed."""
    return PayoutRun.objects.get(pk=made.run.pk)


def _press_send(made: World) -> Any:
    return payouts.mark_sent(_run_as_read(made), actor=repay.staff(), at=made.at)


def _sent_once(made: World, meeting: Meeting) -> str:
    run = _run_as_read(made)
    posted = Entry.objects.filter(kind="payouts_sent", lines__subject=f"run:{run.pk}").distinct().count()
    noted = AuditRow.objects.filter(action="investments.PayoutRun.sent", object_id=str(run.pk)).count()
    sent = PayoutAttempt.objects.filter(run=run, state="sent").count()
    if run.state == "sent" and (posted, noted, sent) == (1, 1, 1):
        return ""
    return f"the run is {run.state}; posted {posted}, noted {noted}, sent {sent} times"


def _apply(made: World) -> Any:
    return transfer.apply_to_order(made.line, made.order, actor=made.maker, at=IN_TIME, reason="called")


def _send_back(made: World) -> Any:
    payee = {"bank": "0001", "branch": "001", "type": "1", "number": "1234567", "holder": made.line.payer_name}
    return banking.send_back(
        made.line, amount=made.line.amount, payee=payee, actor=made.maker, at=IN_TIME, reason="nobody's"
    )


# --- What each may end in ---------------------------------------------------------------------------------------


def _state(made: World, *allowed: str) -> str:
    state = Order.objects.values_list("state", flat=True).get(pk=made.order.pk)
    return "" if state in allowed else f"the order is {state}, not one of {allowed}"


def ends_in(*allowed: str) -> Callable[[World, Meeting], str]:
    """The order's state must be one of these; its money and units are judged by `books.problems`."""
    return lambda made, meeting: _state(made, *allowed)


def _refunded_once(made: World, meeting: Meeting) -> str:
    rows = list(Refund.objects.filter(order=made.order).values_list("state", "reason"))
    there = provider.refunds_of(made.attempt.intent_id)
    if len(rows) != 1 or len(there) != 1:
        return f"{rows} here, {len(there)} refunds at the provider"
    finished = meeting.results.get("first") is not None and rows[0][0] == Refund.State.SUCCEEDED
    return "" if finished else f"the refund is {rows[0]}"


def _given_back_once(made: World, meeting: Meeting) -> str:
    """One refund at the provider, and nothing that staff would pay once more, once it was asked again."""
    external.absorb(made.attempt.intent_id, at=IN_TIME)
    states = list(Refund.objects.filter(order=made.order).values_list("state", flat=True))
    there = len(provider.refunds_of(made.attempt.intent_id))
    wrong = "" if (states, there) == ([Refund.State.SUCCEEDED], 1) else f"{states} here, {there} at the provider"
    return wrong or _state(made, "cancelled", "refunded")


def _not_sold_when_closed(made: World, meeting: Meeting) -> str:
    """An order that waited for the closing, or came after it, is refused."""
    order = Order.objects.filter(fund=made.fund).first()
    state = Fund.objects.values_list("state", flat=True).get(pk=made.fund.pk)
    if order is None:
        return "" if "rival" in meeting.refusals or "first" in meeting.refusals else "no order and no refusal"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT xmin::text::bigint FROM investments_order WHERE id = %s),"
            " (SELECT xmin::text::bigint FROM investments_fundcounter WHERE fund_id = %s)",
            [order.pk, made.fund.pk],
        )
        placed, counted = cursor.fetchone()
    # The counter's last writer is the order itself only if it came after the closing.
    if state == Fund.State.CLOSED and placed == counted:
        return "sold after the closing"
    return ""


def _failed_or_succeeded(made: World, meeting: Meeting) -> str:
    """A fund that failed had cleared nothing and clears nothing any more; one that succeeded refuses to fail."""
    fund = Fund.objects.select_related("counter").get(pk=made.fund.pk)
    order = Order.objects.get(pk=made.order.pk)
    if fund.state != Fund.State.FAILED:
        told = "succeeded" in meeting.refusals.values()
        return "" if fund.succeeded_at and told else f"succeeded at {fund.succeeded_at}, refused: {meeting.refusals}"
    if fund.succeeded_at is not None or order.cleared_at is not None or fund.counter.cleared:
        return f"failed, and succeeded at {fund.succeeded_at} with {fund.counter.cleared} units cleared"
    return "" if order.state == Order.State.PAID else f"the fund failed with an order that is {order.state}"


def _one_opened(made: World, meeting: Meeting) -> str:
    """Together they would offer too much: whoever came second is refused."""
    opened = Fund.objects.filter(pk__in=[made.fund.pk, made.other.pk], state=Fund.State.OPEN).count()
    refused = list(meeting.refusals.values())
    return "" if (opened, refused) == (1, ["not_ready"]) else f"{opened} funds opened, refused: {refused}"


def _ended_or_released(made: World, meeting: Meeting) -> str:
    """Lost before the release, the order's money is the operator's and none of it is released; or lost after it."""
    payables = _payables(made.fund)
    if any(payables.values()):
        return f"payables are {payables}"
    gone = Entry.objects.filter(reference=f"released:fund:{made.fund.pk}").exists()
    if made.order.disputes.get().needs_decision is not gone:
        return f"released {gone}, the dispute says {not gone}"
    return _state(made, "confirmed" if gone else "refunded")


def _holding_frozen(made: World, meeting: Meeting) -> str:
    """The person's holding is frozen, whichever of the two came first."""
    holding = made.fund.holdings.get(investor=made.order.investor)
    return "" if holding.frozen_at is not None else "the holding is not frozen"


def _one_use(made: World, meeting: Meeting) -> str:
    uses = ReceiptUse.objects.filter(line=made.line)
    if [use.amount for use in uses] != [made.order.total]:
        return f"the receipt is used {[use.amount for use in uses]}"
    return _state(made, "paid")


def _page_only_if_reserved(made: World, meeting: Meeting) -> str:
    """An order that expired was not extended and has no page that could be paid; one that was extended has one."""
    unresolved = made.order.attempts.filter(state__in=UNRESOLVED).count()
    found = Order.objects.values_list("state", "extensions").get(pk=made.order.pk)
    expected = {("expired", 0): 0, ("reserved", 1): 1}.get(found)
    return "" if unresolved == expected else f"the order is {found[0]}, {found[1]} times extended, {unresolved} pages"


def _frozen(made: World, meeting: Meeting) -> str:
    order = Order.objects.get(pk=made.order.pk)
    if order.disputes.count() != 1 or order.frozen_at is None:
        return f"{order.disputes.count()} disputes, frozen at {order.frozen_at}"
    if order.state == Order.State.CONFIRMED:
        holding = order.fund.holdings.get(investor=order.investor)
        return "" if holding.frozen_at is not None else "the holding is not frozen"
    return ""


def _one_transfer(*states: str) -> Callable[[World, Meeting], str]:
    """One transfer in one of these states; the refund is done exactly when it was sent, and one person was refused."""

    def judge(made: World, meeting: Meeting) -> str:
        found = list(OutgoingTransfer.objects.filter(target=f"refund:{made.refund.pk}"))
        if len(found) != 1 or found[0].state not in states:
            return f"transfers are {[row.state for row in found]}"
        if len(meeting.refusals) != 1:
            return f"{len(meeting.refusals)} of two were refused"
        state = Refund.objects.values_list("state", flat=True).get(pk=made.refund.pk)
        done = state == Refund.State.PAID_BY_BANK
        return "" if done is (found[0].state == "sent") else f"the transfer is {found[0].state}, the refund {state}"

    return judge


def _used_or_held(made: World, meeting: Meeting) -> str:
    """The receipt pays the order, or is on its way back; never both."""
    line = StatementLine.objects.get(pk=made.line.pk)
    used = made.line.amount - line.remaining
    if {used, line.held} != {0, made.line.amount}:
        return f"{used} used, {line.held} on its way back"
    return _state(made, "paid" if used else "awaiting_payment")


PAIRS: dict[str, Pair] = {
    "expire / pay": Pair(_open_page, _expire, _pay_and_settle, ends_in("paid", "expired"), no_row_locks),
    "pay / expire": Pair(_paid_at_provider, _settle, _expire, ends_in("paid"), no_row_locks),
    "expire / extend": Pair(_page_ran_out, _expire, _start_payment, _page_only_if_reserved, no_row_locks),
    "accept / accept": Pair(_given, _accept, _accept_other, _one_contract, no_row_locks),
    "accept / keep": Pair(_given, _accept, _keep, _one_contract, no_row_locks),
    "keep / accept": Pair(_given, _keep, _accept, _one_contract, no_row_locks),
    "accept / cancel": Pair(_given, _accept, _cancel, _one_contract, no_row_locks),
    "cancel / accept": Pair(_given, _cancel, _accept, _one_contract, no_row_locks),
    "cancel / confirm": Pair(_cleared, _cancel, _confirm, ends_in("cancelled", "confirmed"), no_row_locks),
    "confirm / cancel": Pair(_cleared, _confirm, _cancel, ends_in("cancelled", "confirmed"), no_row_locks),
    "cancel / pay": Pair(_open_page, _cancel_now, _pay_and_settle, ends_in("cancelled"), no_row_locks),
    "pay / cancel": Pair(_paid_at_provider, _settle, _cancel_now, ends_in("cancelled"), no_row_locks),
    "cancel / cancel": Pair(_sold, _cancel, _cancel, ends_in("cancelled"), no_row_locks),
    "clear / cancel": Pair(_sold, _clear, _cancel, ends_in("cancelled"), no_row_locks),
    "cancel / clear": Pair(_sold, _cancel, _clear, ends_in("cancelled"), no_row_locks),
    "close / reserve": Pair(_with_form, _close, _place, _not_sold_when_closed, window_read_before),
    "reserve / close": Pair(_with_form, _place, _close, _not_sold_when_closed, window_read_before),
    "refund / webhook": Pair(_refund_asked, _send, _absorb_refund, _refunded_once, no_unique_effects),
    "cancel / refund by hand": Pair(_sold, _cancel_and_send, _refund_there, _given_back_once, not_matched_with_ours),
    "settle / settle": Pair(_paid_at_provider, _settle, _settle, ends_in("paid"), no_row_locks),
    "fail / confirm": Pair(_near_success, _fail, _succeed_and_confirm, _failed_or_succeeded, no_row_locks),
    "confirm / fail": Pair(_near_success, _succeed_and_confirm, _fail, _failed_or_succeeded, no_row_locks),
    "open / open": Pair(
        _two_scheduled,
        lambda made: _open(made.fund),
        lambda made: _open(made.other),
        _one_opened,
        business_not_locked,
    ),
    "dispute / confirm": Pair(_disputed, _absorb_dispute, _confirm, _frozen, no_row_locks),
    "confirm / dispute": Pair(_disputed, _confirm, _absorb_dispute, _frozen, no_row_locks),
    "deadline / verify": Pair(
        _unverified, _refund_unverified, _verify, ends_in("refunded", "paid"), no_row_locks, later=_clear
    ),
    "lost dispute / release": Pair(_lost_before_release, _absorb_dispute, _release, _ended_or_released, no_row_locks),
    "confirm / dispute of another": Pair(_other_disputed, _confirm, _absorb_dispute, _holding_frozen, no_row_locks),
    "dispute of another / confirm": Pair(_other_disputed, _absorb_dispute, _confirm, _holding_frozen, no_row_locks),
    "prepare / prepare": Pair(
        _owed_by_bank,
        lambda made: _prepare(made, made.maker),
        lambda made: _prepare(made, made.other),
        _one_transfer("prepared"),
        no_row_locks,
    ),
    "approve / approve": Pair(
        _prepared,
        lambda made: _approve(made, made.checker),
        lambda made: _approve(made, made.other),
        _one_transfer("approved"),
        no_row_locks,
    ),
    "send / send": Pair(
        _approved,
        lambda made: _record_sent(made, "T-1"),
        lambda made: _record_sent(made, "T-2"),
        _one_transfer("sent"),
        no_row_locks,
    ),
    "send / withdraw": Pair(
        _approved, lambda made: _record_sent(made, "T-1"), _withdraw, _one_transfer("sent", "withdrawn"), no_row_locks
    ),
    "withdraw / send": Pair(
        _approved, _withdraw, lambda made: _record_sent(made, "T-1"), _one_transfer("sent", "withdrawn"), no_row_locks
    ),
    "send a run / send a run": Pair(_approved_run, _press_send, _press_send, _sent_once, no_unique_effects),
    "apply / send back": Pair(_receipt_of_nobody, _apply, _send_back, _used_or_held, no_row_locks),
    "send back / apply": Pair(_receipt_of_nobody, _send_back, _apply, _used_or_held, no_row_locks),
    "write off / pay in": Pair(_arrears, _write_off, _pay_in, _written_off_or_paid, no_row_locks),
    "pay in / write off": Pair(_arrears, _pay_in, _write_off, _written_off_or_paid, no_row_locks),
    "choose / calculate": Pair(_last_second, _choose, _calculate, _followed, no_row_locks),
    "calculate / choose": Pair(_last_second, _calculate, _choose, _followed, no_row_locks),
    "claim / claim": Pair(_receipt, _claim, _claim, _one_use, no_row_locks),
    "claim / expire": Pair(
        _receipt,
        _claim,
        lambda made: payments.expire_order(made.order.pk, at=world.NOW + timedelta(days=30)),
        ends_in("paid"),
        no_row_locks,
    ),
}
