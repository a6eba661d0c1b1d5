"""Refunds that the provider has and we did not ask for, or do not know how they went: matched with ours, or recorded as
made there (domain.md section 4.8).
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q, Sum

from investments.orders.models import Order
from microfund.kernel import locks
from microfund.kernel.audit import services as audit

from . import gateway, postings
from .models import ATTEMPT_STATES, PaymentAttempt, Refund
from .refund import GIVEN_UP, apply, end_sold_order, unsettled_parts

DEAD = ("failed", "canceled")


class PaidTwice(Exception):
    """The provider has refunded what staff had paid by bank: only people can mend that."""


def absorb(intent_id: str, *, at: datetime) -> int:
    """Record what the provider knows of refunds of one payment; returns how many were new to us."""
    attempt = PaymentAttempt.objects.filter(intent_id=intent_id).first()
    if attempt is None:
        return 0
    return sum(observe(facts, attempt, at=at) for facts in gateway.list_refunds(intent_id=intent_id))


def observe(facts: gateway.RefundFacts, attempt: PaymentAttempt, *, at: datetime) -> bool:
    """Match one refund at the provider with ours, or record it as made there; True when it was new to us.

    Raises PaidTwice, and IntegrityError when it is more than what was captured and not given back.
    """
    own = Refund.objects.filter(provider_id=facts.id).first()
    if own is None and facts.our_refund_id.isdigit():
        # Not one that stands for another refund by now.
        mine = Refund.objects.filter(pk=int(facts.our_refund_id), attempt=attempt)
        own = mine.filter(Q(provider_id=None) | Q(state__in=GIVEN_UP)).first()
    if own is not None:
        if own.state == Refund.State.PAID_BY_BANK and facts.status not in DEAD:
            raise PaidTwice(f"refund {own.pk} was paid by bank, and is {facts.status} at the provider")
        apply(own.pk, facts, at=at)
        return False
    if facts.status in DEAD:
        return False
    return _external(facts, attempt, at=at)


def _made_there(facts: gateway.RefundFacts, attempt: PaymentAttempt, *, at: datetime) -> bool:
    """Whether it is ours, made there by hand because the provider has not got ours or could not do it: the same money,
    not a second refund.

    Without this the provider would refuse ours, and staff would pay it once more by bank. The caller holds the
    attempt's row.
    """
    waiting = Refund.objects.filter(attempt=attempt, by_bank=False, amount=facts.amount)
    waiting = waiting.filter(Q(state=Refund.State.REQUESTED, provider_id=None) | Q(state__in=GIVEN_UP))
    pk = waiting.order_by("pk").values_list("pk", flat=True).first()
    return pk is not None and apply(pk, facts, at=at).provider_id == facts.id


def _external(facts: gateway.RefundFacts, attempt: PaymentAttempt, *, at: datetime) -> bool:
    """A refund made in the provider's dashboard. One of the whole order ends it; a part leaves the order as it is,
    and the operator, who made it, owes the fund the difference."""
    try:
        with transaction.atomic():
            order = locks.lock_one(Order, attempt.order_id)
            attempt = locks.lock_one(PaymentAttempt, attempt.pk)
            if attempt.captured == 0 or _made_there(facts, attempt, at=at):
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
            whole = _journal(refund, attempt, order, at=at)
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
    apply(refund.pk, facts, at=at)
    return True


def _journal(refund: Refund, attempt: PaymentAttempt, order: Order, *, at: datetime) -> bool:
    """What a refund made at the provider means for its order; True when it ended the order."""
    sold = attempt.state == PaymentAttempt.State.SUCCEEDED and order.state in (Order.State.PAID, Order.State.CONFIRMED)
    parts = unsettled_parts(order) if sold else 0
    if sold and refund.amount + parts == order.total:
        _end_order(refund, order, parts=parts, at=at)
        return True
    if sold:
        postings.refund_of_part(refund, order, at=at)
        return False
    # The order has ended, or this payment never was the order's: the money is a deposit beside it.
    postings.refund_decided(refund, order, from_holding=False, at=at)
    given = attempt.refunds.aggregate(total=Sum("amount"))["total"]
    if attempt.state == PaymentAttempt.State.MISMATCH and given == attempt.captured:
        ATTEMPT_STATES.move(attempt, PaymentAttempt.State.REVIEWED, at=at, reason="refunded at the provider")
    return False


def _end_order(refund: Refund, order: Order, *, parts: int, at: datetime) -> None:
    confirmed = order.state == Order.State.CONFIRMED
    postings.refund_decided(refund, order, from_holding=confirmed, parts=parts, at=at)
    end_sold_order(order, Order.State.REFUNDED, at=at, reason="refunded at the provider")
