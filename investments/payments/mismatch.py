"""A payment that is not what was asked for: another amount or currency, another attempt, another mode.

It never pays the order, and nothing of it is lost (domain.md sections 4.3, 4.6): the page is closed, the payment's id
is kept, money in our currency is journaled as a deposit that stands beside the order, and staff give it back or, where
nothing can be booked, say why nothing is left to do.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from investments.orders.models import Order
from microfund.kernel import locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason

from . import gateway, postings, refund
from .models import ATTEMPT_STATES, PaymentAttempt, Refund

# While somebody may still pay for it, it is asked about now and then.
CHECK_AFTER = timedelta(hours=1)


def is_ours(attempt: PaymentAttempt, facts: gateway.SessionFacts) -> bool:
    """Whether the provider's page was opened for this attempt, by a key of our mode."""
    return facts.attempt_id == str(attempt.pk) and facts.livemode == gateway.is_live()


def explain(attempt: PaymentAttempt, facts: gateway.SessionFacts) -> str:
    """Why the provider's object cannot be the payment of this attempt; empty when it is."""
    found = []
    if facts.attempt_id != str(attempt.pk):
        found.append(f"attempt {facts.attempt_id!r} instead of {attempt.pk}, payment {facts.intent_id}")
    if facts.amount != attempt.amount:
        found.append(f"amount {facts.amount} instead of {attempt.amount}")
    if facts.currency != attempt.currency:
        found.append(f"currency {facts.currency} instead of {attempt.currency}")
    if facts.livemode != gateway.is_live():
        found.append(f"live mode {facts.livemode}")
    if facts.intent_status == "succeeded" and facts.amount_received != attempt.amount:
        found.append(f"received {facts.amount_received} instead of {attempt.amount}")
    return "; ".join(found)


def _bookable(attempt: PaymentAttempt, facts: gateway.SessionFacts) -> int:
    """What the provider took for it, in minor units of our currency; 0 where our books have no place for it."""
    paid = facts.intent_status == "succeeded" or facts.payment_status == "paid"
    if not paid or not is_ours(attempt, facts) or facts.currency != attempt.currency:
        return 0
    return facts.amount_received or facts.amount


def _may_still_pay(facts: gateway.SessionFacts) -> bool:
    if facts.status == "complete":
        return facts.payment_status != "paid" and facts.intent_status in ("processing", "requires_action")
    return facts.status == "open"


def record(
    attempt: PaymentAttempt, order: Order, facts: gateway.SessionFacts, *, problem: str, at: datetime
) -> PaymentAttempt:
    """Keep what the provider says; money is booked once. The caller holds the rows of the order and the attempt."""
    values: dict[str, Any] = {
        "problem": problem or attempt.problem,
        "next_check_at": at + CHECK_AFTER if _may_still_pay(facts) else None,
    }
    if is_ours(attempt, facts) and facts.intent_id:
        values["intent_id"] = facts.intent_id
    came = 0 if attempt.captured else _bookable(attempt, facts)
    if came:
        values["captured"] = came
    if attempt.state != PaymentAttempt.State.MISMATCH and (came or attempt.state != PaymentAttempt.State.REVIEWED):
        attempt = ATTEMPT_STATES.move(
            attempt,
            PaymentAttempt.State.MISMATCH,
            at=at,
            reason=values["problem"][:200],
            details={"captured": came} if came else {},
            resolved_at=at,
            **values,
        )
    else:
        for name, value in values.items():
            setattr(attempt, name, value)
        attempt.save(update_fields=list(values))
        if came:
            audit.record(
                action="investments.PaymentAttempt.captured", subject=attempt, at=at, changes={"captured": came}
            )
    if came:
        postings.payment_received(attempt, order, at=at)
    return attempt


# --- Staff --------------------------------------------------------------------------------------------------------


def left(attempt: PaymentAttempt) -> int:
    """Yen of it that are booked and not on their way back."""
    given = attempt.refunds.aggregate(total=Sum("amount"))["total"] or 0
    return attempt.captured - given


def give_back(attempt: PaymentAttempt, *, actor: Any, at: datetime, reason: str) -> Refund:
    """Staff refund all that was taken, at the provider. Raises DomainError: "reason_needed", "wrong_state", "nothing"
    (nothing is booked, or it is on its way back)."""
    with transaction.atomic():
        attempt = _locked(attempt, reason)
        amount = left(attempt)
        if amount <= 0:
            raise DomainError("nothing", _("Nothing of this payment is booked that could be given back."))
        ATTEMPT_STATES.move(
            attempt, PaymentAttempt.State.REVIEWED, at=at, actor=actor, reason=reason, next_check_at=None
        )
        return refund.request(attempt, amount=amount, reason=Refund.Reason.STAFF, at=at, actor=actor)


def looked_at(attempt: PaymentAttempt, *, actor: Any, at: datetime, reason: str) -> PaymentAttempt:
    """Staff have seen to a payment of which nothing can be booked. Raises DomainError: "reason_needed", "wrong_state",
    "money" (what is booked must be given back instead)."""
    with transaction.atomic():
        attempt = _locked(attempt, reason)
        if left(attempt) > 0:
            raise DomainError("money", _("Money of this payment is held. Give it back instead."))
        return ATTEMPT_STATES.move(attempt, PaymentAttempt.State.REVIEWED, at=at, actor=actor, reason=reason)


def _locked(attempt: PaymentAttempt, reason: str) -> PaymentAttempt:
    require_reason(reason)
    locks.lock_one(Order, attempt.order_id)
    fresh = locks.lock_one(PaymentAttempt, attempt.pk)
    ATTEMPT_STATES.require(fresh.state, PaymentAttempt.State.REVIEWED)
    return fresh
