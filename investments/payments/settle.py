"""Make our rows say what the provider says (domain.md section 4.3).

The verified webhook, the return page and the reconciling sweep all call `settle`; none is trusted for what it brought.
The provider is asked outside any transaction; the answer is applied under locks, and each effect has a unique
reference, so every order and repetition of triggers ends in the same rows.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from investments.orders import reserve
from investments.orders import services as orders
from investments.orders.models import ORDER_STATES, UNPAID, Order
from microfund.kernel import locks
from microfund.kernel.outbox.services import publish

from . import checkout, dispute, external, gateway, mismatch, postings, refund
from .models import ATTEMPT_STATES, MISMATCHED, UNRESOLVED, PaymentAttempt, Refund

# After the deadline that the provider states, the units wait one hour more (domain.md section 4.3).
AFTER_DEADLINE = timedelta(hours=1)
# A payment that the provider holds without a deadline keeps its units until it is asked again.
WHILE_PROCESSING = timedelta(hours=24)
CHECK_AFTER = [timedelta(minutes=m) for m in (1, 2, 5, 10, 20, 30)] + [timedelta(hours=1)]


def settle(attempt_id: int, *, at: datetime) -> PaymentAttempt:
    """Ask the provider about one attempt and apply the answer; returns the fresh attempt.

    Raises gateway.ProviderUnreachable (nothing changed) and gateway.ProviderRefused (an id that it does not know).
    """
    attempt = PaymentAttempt.objects.get(pk=attempt_id)
    if attempt.method == Order.Method.BANK_TRANSFER:
        return attempt
    if attempt.session_id is None:
        attempt = checkout.open_page(attempt.pk, at=at)
        if attempt.session_id is None:
            return attempt
    facts = gateway.get_session(attempt.session_id)
    if facts.status == "open" and (
        not Order.objects.filter(pk=attempt.order_id, state__in=UNPAID).exists()
        or (mismatch.is_ours(attempt, facts) and mismatch.explain(attempt, facts))
    ):
        # The order ended while its page was open, or the page is wrong: nobody should pay there by mistake.
        gateway.expire_session(attempt.session_id)
        facts = gateway.get_session(attempt.session_id)
    attempt, refund_id = _apply(attempt.pk, facts, at=at)
    if refund_id is not None:
        refund.send(refund_id, at=at)
    if facts.amount_refunded and facts.intent_id:
        external.absorb(facts.intent_id, at=at)
    if facts.disputed and facts.intent_id:
        dispute.absorb(facts.intent_id, at=at)
    attempt.refresh_from_db()
    return attempt


def _apply(attempt_id: int, facts: gateway.SessionFacts, *, at: datetime) -> tuple[PaymentAttempt, int | None]:
    """Apply one answer in one transaction; returns the attempt and the id of a refund that it made necessary."""
    with transaction.atomic():
        order_id = PaymentAttempt.objects.values_list("order_id", flat=True).get(pk=attempt_id)
        order = locks.lock_one(Order, order_id)
        attempt = locks.lock_one(PaymentAttempt, attempt_id)
        if attempt.state == PaymentAttempt.State.SUCCEEDED:
            return attempt, None
        problem = mismatch.explain(attempt, facts)
        if problem or attempt.state in MISMATCHED:
            return mismatch.record(attempt, order, facts, problem=problem, at=at), None
        if facts.intent_status == "succeeded" or facts.payment_status == "paid":
            return _captured(attempt, order, facts, at=at)
        if attempt.state not in UNRESOLVED:
            return attempt, None
        if facts.status == "complete":
            if facts.intent_status in ("requires_payment_method", "canceled"):
                return _ended(attempt, order, PaymentAttempt.State.FAILED, at=at), None
            return _waiting(attempt, order, facts, at=at), None
        if facts.status == "expired":
            return _ended(attempt, order, PaymentAttempt.State.EXPIRED, at=at), None
        return _later(attempt, at=at), None


def _captured(
    attempt: PaymentAttempt, order: Order, facts: gateway.SessionFacts, *, at: datetime
) -> tuple[PaymentAttempt, int | None]:
    attempt = ATTEMPT_STATES.move(
        attempt,
        PaymentAttempt.State.SUCCEEDED,
        at=at,
        captured=facts.amount_received or facts.amount,
        intent_id=facts.intent_id,
        resolved_at=at,
        next_check_at=None,
        problem="",
    )
    postings.payment_received(attempt, order, at=at)
    outcome = orders.mark_paid(order, at=at)
    if outcome == "sold":
        return attempt, None
    reason = Refund.Reason.DUPLICATE if outcome == "duplicate" else Refund.Reason.LATE
    made = refund.request(attempt, amount=attempt.captured, reason=reason, at=at)
    order.refresh_from_db()
    if order.state == Order.State.EXPIRED:
        ORDER_STATES.move(order, Order.State.REFUNDED, at=at, ended_at=at, reason="the money came too late")
        publish(orders.events.OrderEnded(order_id=order.pk, state="refunded", at=at), key=f"{order.pk}:refunded", at=at)
    return attempt, made.pk


def _waiting(attempt: PaymentAttempt, order: Order, facts: gateway.SessionFacts, *, at: datetime) -> PaymentAttempt:
    """The payer has done their part; the money comes hours later (konbini) or is held at the provider."""
    if order.state in UNPAID:
        until = facts.pay_by + AFTER_DEADLINE if facts.pay_by else at + WHILE_PROCESSING
        orders.mark_awaiting(order, until=until, at=at)
    if attempt.state == PaymentAttempt.State.PROCESSING:
        return _later(attempt, at=at, pay_by=facts.pay_by)
    return ATTEMPT_STATES.move(
        attempt,
        PaymentAttempt.State.PROCESSING,
        at=at,
        intent_id=facts.intent_id,
        pay_by=facts.pay_by,
        checks=0,
        next_check_at=at + CHECK_AFTER[0],
    )


def _ended(attempt: PaymentAttempt, order: Order, state: str, *, at: datetime) -> PaymentAttempt:
    """No money will come by this attempt. A payer who had already left the page loses the reservation with it; one
    whose card was declined or whose page ran out may still begin a new attempt until the reservation ends.
    """
    was_awaiting = attempt.state == PaymentAttempt.State.PROCESSING or order.state == Order.State.AWAITING_PAYMENT
    attempt = ATTEMPT_STATES.move(attempt, state, at=at, resolved_at=at, next_check_at=None)
    if was_awaiting and order.state in UNPAID:
        expire(order, at=at)
    return attempt


def expire(order: Order, *, at: datetime) -> None:
    """Free the units of an unpaid order whose row the caller holds."""
    reserve.release_reserved(order)
    ORDER_STATES.move(order, Order.State.EXPIRED, at=at, ended_at=at, reserved_until=None)
    publish(orders.events.OrderEnded(order_id=order.pk, state="expired", at=at), key=f"{order.pk}:expired", at=at)


def _later(attempt: PaymentAttempt, *, at: datetime, **values: object) -> PaymentAttempt:
    """Nothing new: ask again, less and less often."""
    attempt.next_check_at = at + CHECK_AFTER[min(attempt.checks, len(CHECK_AFTER) - 1)]
    attempt.checks += 1
    for name, value in values.items():
        setattr(attempt, name, value)
    attempt.save(update_fields=["next_check_at", "checks", *values])
    return attempt
