"""What a dispute does to refunds (domain.md sections 4.8 and 4.9): a payer whose bank has taken the money is not paid
by a refund as well, whichever of the two is known first.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import F, Sum

from investments.orders.models import Order
from microfund.kernel import locks
from microfund.kernel.audit import services as audit

from . import postings
from .models import REFUND_STATES, Dispute, PaymentAttempt, Refund

#: Owed to the payer and not paid; those that nobody has asked the provider for come first.
OWED = ("requested", "failed", "cancelled", "requires_action", "pending")
_TRAVELLING = ("requires_action", "pending")


def disputed(attempt: PaymentAttempt) -> bool:
    """Whether the provider holds the money of this payment for a dispute that is not decided."""
    return Dispute.objects.filter(attempt=attempt, state=Dispute.State.OPEN).exists()


def kept(attempt: PaymentAttempt) -> int:
    """Yen of this payment that back its order: captured, neither refunded nor lost in a dispute."""
    refunded = attempt.refunds.aggregate(total=Sum("amount"))["total"] or 0
    lost = attempt.disputes.aggregate(total=Sum("from_order"))["total"] or 0
    return attempt.captured - refunded - lost


def close_refunds(attempt: PaymentAttempt, amount: int, *, at: datetime) -> int:
    """A lost dispute paid up to `amount` yen of what the attempt's refunds owe: they are closed, the last one in part.

    Returns the yen closed, which the caller journals. The caller holds the order, the attempt and all its refunds.
    """
    left = amount
    owed = Refund.objects.filter(attempt=attempt, state__in=OWED).order_by("pk")
    for refund in sorted(owed, key=lambda row: OWED.index(row.state)):
        left -= _take(refund, left, at=at)
    return amount - left


def take_back(refund: Refund, order: Order, *, at: datetime) -> Refund:
    """A refund has failed after a dispute had paid the payer: it closes what the dispute paid and nobody owed then.

    Runs in the caller's transaction, which holds the refund's row; returns the fresh refund.
    """
    lost = locks.lock(
        Dispute,
        Dispute.objects.filter(attempt_id=refund.attempt_id, state=Dispute.State.LOST).values_list("pk", flat=True),
    )
    taken = _take(refund, sum(_paid_for_nothing(row) for row in lost), at=at)
    if not taken:
        return refund
    left = taken
    for row in lost:
        part = min(left, _paid_for_nothing(row))
        Dispute.objects.filter(pk=row.pk).update(from_refunds=F("from_refunds") + part)
        left -= part
    refund.refresh_from_db()
    postings.refund_charged_back(refund, order, at=at)
    return refund


def paid_twice(refund: Refund, order: Order, *, at: datetime) -> None:
    """A refund that a lost dispute had closed reached the payer all the same: the operator bears it (section 4.9).

    Runs in the caller's transaction, before the refund's payment is journaled.
    """
    lost = Dispute.objects.filter(attempt_id=refund.attempt_id, state=Dispute.State.LOST, from_refunds__gt=0)
    left = refund.amount
    for row in locks.lock(Dispute, lost.values_list("pk", flat=True)):
        part = min(left, row.from_refunds)
        Dispute.objects.filter(pk=row.pk).update(from_refunds=F("from_refunds") - part)
        left -= part
    postings.refund_paid_twice(refund, order, at=at)


def _paid_for_nothing(dispute: Dispute) -> int:
    return dispute.amount - dispute.from_order - dispute.from_refunds


def _take(refund: Refund, amount: int, *, at: datetime) -> int:
    """Close up to `amount` yen of one refund; what stays owed becomes a refund of its own. Returns the yen closed."""
    taken = min(amount, refund.amount)
    travelling = refund.state in _TRAVELLING or (
        refund.state == Refund.State.REQUESTED and refund.called_at is not None and refund.provider_id is None
    )
    # What the provider may be sending cannot be halved: it goes whole, or fails and is looked at again.
    if taken <= 0 or (taken < refund.amount and travelling):
        return 0
    rest = refund.amount - taken
    values: dict[str, Any] = {"next_check_at": at if refund.provider_id and travelling else None}
    if rest:
        values["amount"] = taken
    REFUND_STATES.move(
        refund,
        Refund.State.CHARGED_BACK,
        at=at,
        reason="paid by a lost dispute",
        details={"amount": [taken + rest, taken]} if rest else {},
        **values,
    )
    if rest:
        _split(refund, rest, at=at)
    return taken


def _split(refund: Refund, amount: int, *, at: datetime) -> None:
    """The rest of a refund of which a dispute took a part: by bank, for the provider refunds no disputed payment."""
    rest = Refund.objects.create(
        attempt_id=refund.attempt_id,
        order_id=refund.order_id,
        amount=amount,
        currency=refund.currency,
        reason=refund.reason,
        by_bank=True,
        split_from=refund,
        requested_at=refund.requested_at,
        requested_by=refund.requested_by,
    )
    postings.refund_split(rest, Order.objects.get(pk=refund.order_id), at=at)
    audit.record(
        action="investments.Refund.requested",
        subject=rest,
        at=at,
        reason="rest of a refund that a lost dispute paid in part",
        changes={"amount": amount, "split_from": refund.pk},
    )
