"""Money back to the payer (domain.md section 4.8): decided in one transaction, sent outside of any, asked again until
it is done. What the provider cannot do is paid by bank, to an account in the payer's name.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.banking import names, outgoing
from investments.banking.models import OutgoingTransfer, StatementLine
from investments.holdings import services as holdings
from investments.ledger.models import Entry
from investments.offerings.models import Fund
from investments.orders import reserve
from investments.orders.models import ORDER_STATES, Order
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.jobs import send_soon
from microfund.kernel.outbox.services import publish

from . import chargeback, gateway, postings
from .models import REFUND_STATES, PaymentAttempt, Refund

KEY_LIVES = timedelta(hours=23)
CLOCK_SKEW = timedelta(minutes=10)
CHECK_AFTER = [timedelta(minutes=m) for m in (1, 5, 15, 60)] + [timedelta(hours=6)]
# A refund that is done may still come back, days or weeks later: it is asked about daily for so long.
WATCHED, WATCH_EVERY = timedelta(days=45), timedelta(days=1)
GIVEN_UP = (Refund.State.FAILED, Refund.State.CANCELLED)
_PROVIDER_STATES = {
    "succeeded": Refund.State.SUCCEEDED,
    "pending": Refund.State.PENDING,
    "requires_action": Refund.State.REQUIRES_ACTION,
    "failed": Refund.State.FAILED,
    "canceled": Refund.State.CANCELLED,
}


def request(
    attempt: PaymentAttempt,
    *,
    amount: int,
    reason: str,
    at: datetime,
    actor: Any = None,
    from_holding: bool = False,
    parts: int = 0,
) -> Refund:
    """Decide a refund of `amount` (yen) in the caller's transaction and journal it; a task sends it after the commit.

    Raises IntegrityError when the refunds of the attempt would exceed what was captured (domain.md section 4.8).
    """
    refund = Refund.objects.create(
        attempt=attempt,
        order_id=attempt.order_id,
        amount=amount,
        currency=attempt.currency,
        reason=reason,
        by_bank=attempt.method == Order.Method.BANK_TRANSFER,
        requested_at=at,
        requested_by=actor,
        next_check_at=at,
    )
    order = Order.objects.get(pk=attempt.order_id)
    postings.refund_decided(refund, order, from_holding=from_holding, parts=parts, at=at)
    audit.record(
        action="investments.Refund.requested",
        subject=refund,
        at=at,
        actor=actor,
        reason=reason,
        changes={"amount": amount},
    )
    if not refund.by_bank:
        send_soon("payments.refund", refund.pk)
    return refund


def send(refund_id: int, *, at: datetime) -> Refund:
    """Ask the provider for a refund that is due, or how it stands; without an answer it is simply asked again later.

    One that was given up is left to staff: a call would make it beside the transfer that they may have sent by now.
    """
    refund = Refund.objects.select_related("attempt").get(pk=refund_id)
    if refund.by_bank or refund.state in (*GIVEN_UP, Refund.State.PAID_BY_BANK):
        return refund
    if refund.provider_id is None:
        if refund.state == Refund.State.CHARGED_BACK:
            return refund
        if chargeback.disputed(refund.attempt):
            # The payer's bank may give the money back: whoever pays now pays twice.
            return _later(refund, "the payment is disputed; the refund waits until that is decided", at=at)
    try:
        facts = gateway.get_refund(refund.provider_id) if refund.provider_id else _create(refund, at=at)
    except gateway.ProviderUnreachable as error:
        return _later(refund, str(error), at=at)
    except gateway.ProviderRefused as error:
        return _refused(refund, str(error), at=at)
    if facts is None:
        return _refused(refund, "nothing was found at the provider", at=at)
    return apply(refund.pk, facts, at=at)


def _create(refund: Refund, *, at: datetime) -> gateway.RefundFacts | None:
    """The one call under the refund's key; after 23 hours without an answer a look-up instead."""
    if refund.called_at is None:
        Refund.objects.filter(pk=refund.pk, called_at=None).update(called_at=at)
        refund.called_at = at
    intent = refund.attempt.intent_id
    if intent is None:
        return None
    if at - refund.called_at >= KEY_LIVES:
        for facts in gateway.list_refunds(intent_id=intent):
            if facts.our_refund_id == str(refund.pk):
                return facts
        return None
    return gateway.create_refund(
        key=refund.idempotency_key,
        refund_id=refund.pk,
        intent_id=intent,
        amount=refund.amount,
        currency=refund.currency,
    )


def _next_check(refund: Refund, state: str, *, at: datetime) -> datetime | None:
    """When a refund in this state is to be asked about next; None when it need not be."""
    if state == Refund.State.SUCCEEDED:
        return at + WATCH_EVERY if at < (refund.settled_at or at) + WATCHED else None
    if state in (*GIVEN_UP, Refund.State.PAID_BY_BANK):
        return None
    return at + CHECK_AFTER[min(refund.checks, len(CHECK_AFTER) - 1)]


def _later(refund: Refund, problem: str, *, at: datetime) -> Refund:
    refund.next_check_at = _next_check(refund, refund.state, at=at)
    refund.checks += 1
    refund.problem = problem[:500]
    refund.save(update_fields=["next_check_at", "checks", "problem"])
    return refund


def _refused(refund: Refund, problem: str, *, at: datetime) -> Refund:
    """The provider will not do it: it waits in the staff queue to be paid by bank."""
    with transaction.atomic():
        fresh = locks.lock_one(Refund, refund.pk)
        if fresh.provider_id != refund.provider_id:
            # Somebody has heard of it at the provider meanwhile.
            return fresh
        if fresh.state != Refund.State.REQUESTED:
            return _later(fresh, problem, at=at)
        fresh = REFUND_STATES.move(fresh, Refund.State.FAILED, at=at, problem=problem[:500], next_check_at=None)
        return chargeback.take_back(fresh, Order.objects.get(pk=fresh.order_id), at=at)


def apply(refund_id: int, facts: gateway.RefundFacts, *, at: datetime) -> Refund:
    """Apply what the provider says of one refund; each journal effect has a unique reference.

    A row that was given up takes over a living refund of another id (made there by hand): the same money, not a second
    refund. What is said of any other id than the row's own is none of its business.
    """
    with transaction.atomic():
        refund = locks.lock_one(Refund, refund_id)
        order = Order.objects.get(pk=refund.order_id)
        state = _PROVIDER_STATES.get(facts.status, Refund.State.PENDING)
        if refund.provider_id != facts.id and refund.state in GIVEN_UP and state not in GIVEN_UP:
            refund = _take_over(refund, facts, at=at)
        if refund.provider_id not in (None, facts.id) or refund.state == Refund.State.PAID_BY_BANK:
            return refund
        values: dict[str, Any] = {"provider_id": facts.id, "problem": facts.failure}
        if state in (Refund.State.PENDING, Refund.State.REQUIRES_ACTION):
            values["checks"] = refund.checks + 1
        values["next_check_at"] = _next_check(refund, state, at=at)
        was = refund.state
        if state != was and not REFUND_STATES.allowed(was, state):
            values["next_check_at"] = _next_check(refund, was, at=at)
        if state == was or not REFUND_STATES.allowed(was, state):
            for name, value in values.items():
                setattr(refund, name, value)
            refund.save(update_fields=list(values))
            return refund
        if state == Refund.State.SUCCEEDED:
            values["settled_at"] = at
            if was == Refund.State.CHARGED_BACK:
                chargeback.paid_twice(refund, order, at=at)
            postings.refund_paid(refund, order, by_bank=False, at=at)
        elif was == Refund.State.SUCCEEDED:
            values["settled_at"] = None
            postings.refund_failed(refund, order, at=at)
        refund = REFUND_STATES.move(refund, state, at=at, **values)
        if state == Refund.State.SUCCEEDED:
            _tell(refund, at=at)
        if state in (Refund.State.FAILED, Refund.State.CANCELLED):
            refund = chargeback.take_back(refund, order, at=at)
        return refund


def _take_over(refund: Refund, facts: gateway.RefundFacts, *, at: datetime) -> Refund:
    return REFUND_STATES.move(
        refund,
        Refund.State.REQUESTED,
        at=at,
        reason="made at the provider",
        details={"provider_id": [refund.provider_id, facts.id]},
        provider_id=facts.id,
        # Only what reached the provider before can have been journaled before.
        occurrence=refund.occurrence + (refund.provider_id is not None),
        next_check_at=at,
    )


def _tell(refund: Refund, *, at: datetime) -> None:
    # A refund that came back to the provider and was then paid by bank is told of twice.
    key = f"{refund.pk}:{refund.state}" + (f":{refund.occurrence}" if refund.occurrence > 1 else "")
    publish(events.RefundSettled(refund_id=refund.pk, state=refund.state, at=at), key=key, at=at)


def pay_by_bank(refund: Refund, *, payee: dict[str, str], actor: Any, at: datetime, reason: str) -> OutgoingTransfer:
    """Prepare a transfer of the refund from the fund's bank, because the provider cannot make it or the order was paid
    by transfer.

    `payee` is {"bank", "branch", "type", "number", "holder"}; the holder must be who paid (`payers`). Raises
    DomainError: "holder", "wrong_state", "frozen", "bank_short", and those of `outgoing.prepare`.
    """
    return outgoing.prepare(
        f"refund:{refund.pk}",
        amount=refund.amount,
        payee=payee,
        actor=actor,
        at=at,
        reason=reason,
        currency=refund.currency,
    )


def payers(attempt: PaymentAttempt) -> set[str]:
    """Who paid an attempt, as banks print names: the payers of the receipts applied to it, or the investor as they were
    called when they went to pay (domain.md section 4.8: only to the paying instrument or an account of the payer)."""
    if attempt.method != Order.Method.BANK_TRANSFER:
        return {names.plain_name(attempt.payer_kana)}
    lines = StatementLine.objects.filter(uses__purpose="applied", uses__target=f"attempt:{attempt.pk}")
    return {names.plain_name(names.without_code(name)) for name in lines.values_list("payer_name", flat=True)}


class RefundByBank(outgoing.Purpose):
    """A refund leaves by bank instead of by the provider."""

    def ask(self, transfer: OutgoingTransfer) -> None:
        refund = Refund.objects.select_related("attempt").get(pk=transfer.source_id)
        try:
            there = refunded_at_provider(refund.attempt)
        except (gateway.ProviderUnreachable, gateway.ProviderRefused) as error:
            raise DomainError(
                "provider", _("The provider does not say what it has refunded; try again later.")
            ) from error
        if there + refund.amount > refund.attempt.captured:
            raise DomainError("refunded_there", _("The provider has refunded this payment, or is about to."))

    def lock(self, source_id: int) -> Refund:
        order_id, fund_id = Refund.objects.values_list("order_id", "order__fund_id").get(pk=source_id)
        # Transfers out of one fund's bank are judged one after the other.
        locks.lock_one(Fund, fund_id)
        locks.lock_one(Order, order_id)
        return locks.lock_one(Refund, source_id)

    def judge(self, row: Refund, transfer: OutgoingTransfer, *, at: datetime) -> None:
        if row.state == Refund.State.REQUESTED and not row.by_bank:
            raise DomainError(
                "wrong_state", _("The provider has not answered yet; this refund may still reach the payer.")
            )
        REFUND_STATES.require(row.state, Refund.State.PAID_BY_BANK)
        if transfer.amount != row.amount:
            raise DomainError("amount", _("The refund is of another amount by now; withdraw this transfer."))
        attempt = PaymentAttempt.objects.get(pk=row.attempt_id)
        order = Order.objects.select_related("fund").get(pk=row.order_id)
        if order.frozen_at is not None:
            raise DomainError("frozen", _("This order is disputed at the payment provider and cannot be refunded."))
        if names.plain_name(transfer.payee.get("holder", "")) not in payers(attempt):
            raise DomainError("holder", _("The account must be in the name of the payer."))
        postings.require_in_bank(order.fund, row.amount)

    def sent(self, row: Refund, transfer: OutgoingTransfer, *, at: datetime) -> None:
        paid_by_bank(row, transfer, at=at)


def paid_by_bank(refund: Refund, transfer: OutgoingTransfer, *, at: datetime) -> None:
    """The transfer was made: the refund is done. The caller holds the refund's row."""
    order = Order.objects.get(pk=refund.order_id)
    postings.refund_paid(refund, order, by_bank=True, on=transfer.transferred_on, at=at)
    done = REFUND_STATES.move(
        refund,
        Refund.State.PAID_BY_BANK,
        at=at,
        actor=transfer.maker,
        reason=transfer.reason,
        settled_at=at,
        next_check_at=None,
    )
    _tell(done, at=at)


def refunded_at_provider(attempt: PaymentAttempt) -> int:
    """Yen that the provider has given back of this attempt's payment, or is about to, whoever asked for it.

    Asks the provider, so never inside a transaction. Raises gateway.ProviderUnreachable and gateway.ProviderRefused.
    """
    if attempt.intent_id is None:
        return 0
    made = gateway.list_refunds(intent_id=attempt.intent_id)
    return sum(facts.amount for facts in made if _PROVIDER_STATES.get(facts.status) not in GIVEN_UP)


def unsettled_parts(order: Order) -> int:
    """Yen refunded at the provider in parts while the order stands: what the operator owes the fund for it."""
    made = Refund.objects.filter(order=order, reason=Refund.Reason.EXTERNAL).values_list("pk", "amount")
    posted = set(
        Entry.objects.filter(reference__in=[f"refund_of_part:refund:{pk}" for pk, _amount in made]).values_list(
            "reference", flat=True
        )
    )
    return sum(amount for pk, amount in made if f"refund_of_part:refund:{pk}" in posted)


def end_sold_order(order: Order, state: str, *, at: datetime, actor: Any = None, reason: str = "") -> None:
    """A paid or confirmed order ends: units are free again, a holding is rescinded. The caller holds the order's row
    and has journaled the money."""
    if order.state == Order.State.CONFIRMED:
        rescind(order, at=at)
    reserve.release_sold(order)
    ORDER_STATES.move(order, state, at=at, actor=actor, reason=reason, ended_at=at, cleared_at=None)
    publish(events.OrderEnded(order_id=order.pk, state=state, at=at), key=f"{order.pk}:{state}", at=at)


def rescind(order: Order, *, at: datetime) -> None:
    """Take confirmed units back. Raises DomainError("inherited") when they have moved to heirs."""
    if holdings.inherited_away(investor_id=order.investor_id, fund_id=order.fund_id):
        raise DomainError("inherited", _("These units have moved to heirs; they cannot be taken back."))
    holdings.record_movement(
        investor_id=order.investor_id,
        fund_id=order.fund_id,
        kind="rescind",
        units=-order.units,
        source=f"order:{order.pk}",
        on=clock.today_in(None, at),
        at=at,
    )
    publish(
        events.HoldingRescinded(
            order_id=order.pk, investor_id=order.investor_id, fund_id=order.fund_id, units=order.units, at=at
        ),
        key=str(order.pk),
        at=at,
    )
