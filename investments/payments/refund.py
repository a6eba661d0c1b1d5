"""Money back to the payer (domain.md section 4.8): decided in one transaction, sent outside of any, asked again until
it is done. What the provider cannot do is paid by bank, to an account in the payer's name.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
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
    """Ask the provider for a refund that is due, or how it stands; without an answer it is simply asked again later."""
    refund = Refund.objects.select_related("attempt").get(pk=refund_id)
    if refund.by_bank or refund.state in (Refund.State.SUCCEEDED, Refund.State.PAID_BY_BANK, Refund.State.CANCELLED):
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
    return _apply(refund.pk, facts, at=at)


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


def _later(refund: Refund, problem: str, *, at: datetime) -> Refund:
    refund.next_check_at = at + CHECK_AFTER[min(refund.checks, len(CHECK_AFTER) - 1)]
    refund.checks += 1
    refund.problem = problem[:500]
    refund.save(update_fields=["next_check_at", "checks", "problem"])
    return refund


def _refused(refund: Refund, problem: str, *, at: datetime) -> Refund:
    """The provider will not do it: it waits in the staff queue to be paid by bank."""
    with transaction.atomic():
        fresh = locks.lock_one(Refund, refund.pk)
        if fresh.state != Refund.State.REQUESTED or fresh.provider_id != refund.provider_id:
            # Somebody has heard of it at the provider meanwhile.
            return fresh
        fresh = REFUND_STATES.move(fresh, Refund.State.FAILED, at=at, problem=problem[:500], next_check_at=None)
        return chargeback.take_back(fresh, Order.objects.get(pk=fresh.order_id), at=at)


def _apply(refund_id: int, facts: gateway.RefundFacts, *, at: datetime) -> Refund:
    """Apply what the provider says of one refund; each journal effect has a unique reference."""
    with transaction.atomic():
        refund = locks.lock_one(Refund, refund_id)
        order = Order.objects.get(pk=refund.order_id)
        state = _PROVIDER_STATES.get(facts.status, Refund.State.PENDING)
        values: dict[str, Any] = {"provider_id": facts.id, "problem": facts.failure, "next_check_at": None}
        if state in (Refund.State.PENDING, Refund.State.REQUIRES_ACTION):
            values["next_check_at"] = at + CHECK_AFTER[min(refund.checks, len(CHECK_AFTER) - 1)]
            values["checks"] = refund.checks + 1
        was = refund.state
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


def _tell(refund: Refund, *, at: datetime) -> None:
    # A refund that came back to the provider and was then paid by bank is told of twice.
    key = f"{refund.pk}:{refund.state}"
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


def absorb(intent_id: str, *, at: datetime) -> int:
    """Record what the provider knows of refunds of one payment; returns how many were new to us."""
    attempt = PaymentAttempt.objects.filter(intent_id=intent_id).first()
    if attempt is None:
        return 0
    return sum(observe(facts, attempt, at=at) for facts in gateway.list_refunds(intent_id=intent_id))


def observe(facts: gateway.RefundFacts, attempt: PaymentAttempt, *, at: datetime) -> bool:
    """Match one refund at the provider with ours, or record it as made there; True when it was new to us."""
    own = Refund.objects.filter(provider_id=facts.id).first()
    if own is None and facts.our_refund_id.isdigit():
        own = Refund.objects.filter(pk=int(facts.our_refund_id), attempt=attempt).first()
    if own is not None:
        _apply(own.pk, facts, at=at)
        return False
    if facts.status in ("failed", "canceled"):
        return False
    return _external(facts, attempt, at=at)


def _made_there(facts: gateway.RefundFacts, attempt: PaymentAttempt, *, at: datetime) -> bool:
    """Whether it is ours, which the provider has not got, made there by hand: the same money, not a second refund.

    Without this the provider would refuse ours, and staff would pay it once more by bank. The caller holds the
    attempt's row.
    """
    waiting = Refund.objects.filter(attempt=attempt, provider_id=None, by_bank=False, amount=facts.amount)
    found = waiting.filter(state__in=[Refund.State.REQUESTED, Refund.State.FAILED]).order_by("pk").first()
    own = locks.lock_one(Refund, found.pk) if found is not None else None
    if own is None or own.state not in (Refund.State.REQUESTED, Refund.State.FAILED):
        return False
    if own.state == Refund.State.FAILED:
        REFUND_STATES.move(own, Refund.State.REQUESTED, at=at, reason="made at the provider", next_check_at=at)
    _apply(own.pk, facts, at=at)
    return True


def _external(facts: gateway.RefundFacts, attempt: PaymentAttempt, *, at: datetime) -> bool:
    """A refund made in the provider's dashboard. One of the whole order ends it; a part leaves the order as it is,
    and the operator, who made it, owes the fund the difference."""
    try:
        with transaction.atomic():
            order = locks.lock_one(Order, attempt.order_id)
            attempt = locks.lock_one(PaymentAttempt, attempt.pk)
            if attempt.state != PaymentAttempt.State.SUCCEEDED or _made_there(facts, attempt, at=at):
                return False
            refund = Refund.objects.create(
                attempt=attempt,
                order=order,
                amount=facts.amount,
                currency=facts.currency,
                reason=Refund.Reason.EXTERNAL,
                provider_id=facts.id,
                requested_at=at,
                called_at=at,
                next_check_at=at,
            )
            parts = unsettled_parts(order)
            whole = facts.amount + parts == order.total and order.state in (Order.State.PAID, Order.State.CONFIRMED)
            if whole:
                _end_order(refund, order, parts=parts, at=at)
            elif order.state in (Order.State.PAID, Order.State.CONFIRMED):
                postings.refund_of_part(refund, order, at=at)
            else:
                postings.refund_decided(refund, order, from_holding=False, at=at)
            audit.record(
                action="investments.Refund.external",
                subject=refund,
                at=at,
                changes={"amount": facts.amount, "whole": whole},
            )
    except IntegrityError:
        # Recorded by another worker in the meantime (unique provider id).
        if not Refund.objects.filter(provider_id=facts.id).exists():
            raise
        return False
    _apply(refund.pk, facts, at=at)
    return True


def unsettled_parts(order: Order) -> int:
    """Yen refunded at the provider in parts while the order stands: what the operator owes the fund for it."""
    made = Refund.objects.filter(order=order, reason=Refund.Reason.EXTERNAL).values_list("pk", "amount")
    posted = set(
        Entry.objects.filter(reference__in=[f"refund_of_part:refund:{pk}" for pk, _amount in made]).values_list(
            "reference", flat=True
        )
    )
    return sum(amount for pk, amount in made if f"refund_of_part:refund:{pk}" in posted)


def _end_order(refund: Refund, order: Order, *, parts: int, at: datetime) -> None:
    confirmed = order.state == Order.State.CONFIRMED
    postings.refund_decided(refund, order, from_holding=confirmed, parts=parts, at=at)
    end_sold_order(order, Order.State.REFUNDED, at=at, reason="refunded at the provider")


def end_sold_order(order: Order, state: str, *, at: datetime, actor: Any = None, reason: str = "") -> None:
    """A paid or confirmed order ends: units are free again, a holding is rescinded. The caller holds the order's row
    and has journaled the money."""
    if order.state == Order.State.CONFIRMED:
        rescind(order, at=at)
    reserve.release_sold(order)
    ORDER_STATES.move(order, state, at=at, actor=actor, reason=reason, ended_at=at, cleared_at=None)
    publish(events.OrderEnded(order_id=order.pk, state=state, at=at), key=f"{order.pk}:{state}", at=at)


def rescind(order: Order, *, at: datetime) -> None:
    """Take confirmed units back."""
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
