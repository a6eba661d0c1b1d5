"""Chargebacks (domain.md section 4.9): a book loss of the operator, never of the fund or its other investors.

What was lost before is the order's own money again as soon as the order ends; `chargeback.py` has what happens to
refunds.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Min, Q, Sum
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.holdings import services as holdings
from investments.ledger.models import Entry, Line
from investments.offerings.models import Fund
from investments.orders import reserve
from investments.orders import services as orders
from investments.orders.models import Order
from microfund.kernel import locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.outbox.services import publish

from . import chargeback, gateway, postings, refund
from .models import DISPUTE_STATES, MISMATCHED, Dispute, PaymentAttempt, Refund

#: Disputes that freeze their order, and with it the holding: open ones, and lost ones that wait for staff.
FREEZING = Q(state=Dispute.State.OPEN) | Q(needs_decision=True)
_SOLD = (Order.State.PAID, Order.State.CONFIRMED)
_NEVER_ESCALATED = (Dispute.State.INQUIRY, Dispute.State.CLOSED)
_RELEASABLE = ("donation_payable", "investment_payable")


def absorb(intent_id: str, *, at: datetime) -> None:
    """Record what the provider knows of disputes of one payment."""
    attempt = PaymentAttempt.objects.filter(intent_id=intent_id).first()
    if attempt is not None:
        for facts in gateway.list_disputes(intent_id=intent_id):
            observe(facts, attempt, at=at)


def ask(dispute: Dispute, *, at: datetime) -> None:
    """Ask again how an open dispute or an inquiry stands."""
    observe(gateway.get_dispute(dispute.provider_id), dispute.attempt, at=at)


def observe(facts: gateway.DisputeFacts, attempt: PaymentAttempt, *, at: datetime) -> bool:
    """Apply what the provider says of one dispute; True when something changed here."""
    if facts.status.startswith("warning_"):
        return _inquire(facts, attempt, at=at)
    changed = _open(facts, attempt, at=at)
    if facts.status in ("won", "lost"):
        changed = _close(facts, at=at) or changed
    return changed


# --- Inquiry and opening ----------------------------------------------------------------------------------------


def _inquire(facts: gateway.DisputeFacts, attempt: PaymentAttempt, *, at: datetime) -> bool:
    """The payer's bank asks; the provider holds no money. The row is kept, so that the sweep asks what becomes of it:
    an inquiry that is a dispute weeks later is not in the provider's list of new ones."""
    over = facts.status == "warning_closed"
    with transaction.atomic():
        locks.lock_one(Order, attempt.order_id)
        attempt = locks.lock_one(PaymentAttempt, attempt.pk)
        own = Dispute.objects.filter(provider_id=facts.id).first()
        if own is None:
            if over or attempt.state != PaymentAttempt.State.SUCCEEDED:
                return False
            own = _record(facts, attempt, at=at)
            audit.record(
                action="investments.Dispute.inquiry",
                subject=own,
                at=at,
                changes={"state": own.state, "amount": own.amount},
            )
            return True
        if not over or own.state != Dispute.State.INQUIRY:
            return False
        DISPUTE_STATES.move(own, Dispute.State.CLOSED, at=at, closed_at=at)
        return True


def _record(facts: gateway.DisputeFacts, attempt: PaymentAttempt, *, at: datetime) -> Dispute:
    return Dispute.objects.create(
        attempt=attempt,
        order_id=attempt.order_id,
        provider_id=facts.id,
        amount=facts.amount,
        currency=facts.currency,
        evidence_due_at=facts.evidence_due_at,
        opened_at=at,
    )


def _open(facts: gateway.DisputeFacts, attempt: PaymentAttempt, *, at: datetime) -> bool:
    """Freeze the order and its holding; the operator owes the fund what the provider took."""
    if Dispute.objects.filter(provider_id=facts.id).exclude(state__in=_NEVER_ESCALATED).exists():
        return False
    with transaction.atomic():
        # An order of the same person that is being confirmed holds the fund's row too: one of the two sees the other.
        locks.lock_one(Fund, attempt.order.fund_id)
        order = locks.lock_one(Order, attempt.order_id)
        attempt = locks.lock_one(PaymentAttempt, attempt.pk)
        if attempt.state in MISMATCHED and attempt.captured:
            # Its money pays no order, so none of the rules below fits; the sweep keeps it for staff.
            raise DomainError("mismatch", _("A payment that does not match its attempt is disputed."))
        if attempt.state != PaymentAttempt.State.SUCCEEDED:
            return False
        dispute = Dispute.objects.filter(provider_id=facts.id).first() or _record(facts, attempt, at=at)
        if dispute.state not in _NEVER_ESCALATED:
            return False
        dispute = DISPUTE_STATES.move(
            dispute,
            Dispute.State.OPEN,
            at=at,
            amount=facts.amount,
            fee=facts.fee,
            evidence_due_at=facts.evidence_due_at,
            opened_at=at,
            closed_at=None,
        )
        postings.dispute_opened(dispute, order, at=at)
        _refreeze(order, dispute, at=at)
        if order.state == Order.State.PAID and order.cleared_at is not None:
            order.cleared_at = None
            order.save(update_fields=["cleared_at"])
            reserve.unclear(order)
        publish(events.HoldingFrozen(order_id=order.pk, at=at), key=f"{dispute.pk}", at=at)
        return True


def _refreeze(order: Order, dispute: Dispute, *, at: datetime) -> None:
    """The order is frozen while a dispute of it is open or undecided, and the holding with it; told when it ends."""
    was, order.frozen_at = (
        order.frozen_at,
        order.disputes.filter(FREEZING).aggregate(since=Min("opened_at"))["since"],
    )
    order.save(update_fields=["frozen_at"])
    orders.refreeze_holding(investor_id=order.investor_id, fund_id=order.fund_id)
    if was is not None and order.frozen_at is None:
        publish(events.HoldingUnfrozen(order_id=order.pk, at=at), key=f"{dispute.pk}", at=at)


# --- The end ----------------------------------------------------------------------------------------------------


def _close(facts: gateway.DisputeFacts, *, at: datetime) -> bool:
    own = Dispute.objects.filter(provider_id=facts.id).select_related("order").first()
    if own is None or own.state != Dispute.State.OPEN:
        return False
    with transaction.atomic():
        order, attempt, dispute = _hold(own)
        if dispute.state != Dispute.State.OPEN:
            return False
        if facts.status == "won":
            postings.dispute_won(dispute, order, at=at)
            DISPUTE_STATES.move(dispute, Dispute.State.WON, at=at, closed_at=at)
            _refreeze(order, dispute, at=at)
            # Refunds that waited for this are due now.
            waiting = attempt.refunds.filter(state=Refund.State.REQUESTED, by_bank=False)
            waiting.update(next_check_at=at)
        else:
            _lose(dispute, order, attempt, at=at)
        return True


def _hold(dispute: Dispute) -> tuple[Order, PaymentAttempt, Dispute]:
    """Lock all that a dispute can move. The fund's row too: whoever releases its money holds it, so that a loss is
    before a release or after it; and all refunds of the payment, since each may open or end meanwhile."""
    locks.lock_one(Fund, dispute.order.fund_id)
    order = locks.lock_one(Order, dispute.order_id)
    attempt = locks.lock_one(PaymentAttempt, dispute.attempt_id)
    locks.lock(Refund, attempt.refunds.values_list("pk", flat=True))
    return order, attempt, locks.lock_one(Dispute, dispute.pk)


def released(order: Order) -> frozenset[str]:
    """Which payables of a confirmed order have left for the business (domain.md section 7): the journal says so.

    A release is an entry that takes a payable of the fund out of its bank, whatever its kind, after the order was
    confirmed, and for all orders or for this one. An order that is only paid has nothing to be released.
    """
    confirmed = Entry.objects.filter(reference=f"order_confirmed:order:{order.pk}").values_list("pk", flat=True).first()
    if order.state != Order.State.CONFIRMED or confirmed is None:
        return frozenset()
    of_book = Line.objects.filter(account__book_id=order.fund.book_id)
    debited = of_book.filter(
        side=Line.Side.DEBIT, account__code__in=_RELEASABLE, entry_id__gt=confirmed, entry__reversed_by=None
    ).filter(~Q(subject__startswith="order:") | Q(subject=f"order:{order.pk}"))
    paid = of_book.filter(side=Line.Side.CREDIT, account__code="bank").values("entry_id")
    return frozenset(debited.filter(entry_id__in=paid).values_list("account__code", flat=True))


def _lose(dispute: Dispute, order: Order, attempt: PaymentAttempt, *, at: datetime) -> None:
    """The payer has the money. First it was the money of the order that this payment backs: taken whole and before
    release, the order ends; else, as when its units have moved to heirs, staff decide on them. Then it pays what was
    owed by refunds. The rest the payer had got back before: that is lost."""
    kept = chargeback.kept(attempt) if order.state in _SOLD else 0
    dispute.from_order = min(dispute.amount, kept)
    dispute.from_refunds = chargeback.close_refunds(attempt, dispute.amount - dispute.from_order, at=at)
    borne, parts = _borne(order), refund.unsettled_parts(order)
    whole = kept > 0 and dispute.from_order == kept and kept + borne + parts == order.total
    inherited = holdings.inherited_away(investor_id=order.investor_id, fund_id=order.fund_id)
    ends = whole and not released(order) and not inherited
    postings.dispute_lost(dispute, order, ends=ends, borne=borne if ends else 0, parts=parts if ends else 0, at=at)
    DISPUTE_STATES.move(
        dispute,
        Dispute.State.LOST,
        at=at,
        closed_at=at,
        from_order=dispute.from_order,
        from_refunds=dispute.from_refunds,
        needs_decision=dispute.from_order > 0 and not ends,
    )
    if ends:
        _settle_others(order, Dispute.Decision.RESCINDED, at=at, reason="the rest was lost")
    _refreeze(order, dispute, at=at)
    if ends:
        refund.end_sold_order(order, Order.State.REFUNDED, at=at, reason="dispute lost")


def _borne(order: Order) -> int:
    """Yen of a standing order that lost disputes took and the operator bears for it."""
    if order.state not in _SOLD:
        return 0
    return order.disputes.filter(state=Dispute.State.LOST).aggregate(total=Sum("from_order"))["total"] or 0


# --- What staff decide ------------------------------------------------------------------------------------------


def keep_units(dispute: Dispute, *, actor: Any, at: datetime, reason: str) -> Dispute:
    """The investor keeps the units of a dispute that was lost in part or after release; the operator bears the loss,
    which is journaled already. Raises DomainError("reason_needed", "decided")."""
    with transaction.atomic():
        order, _attempt, own = _for_decision(dispute, reason)
        _decide(own, Dispute.Decision.KEPT, actor=actor, at=at, reason=reason)
        _refreeze(order, own, at=at)
        return own


def rescind(dispute: Dispute, *, actor: Any, at: datetime, reason: str) -> Dispute:
    """The units of a dispute that was lost in part or after release end. The order's money pays the operator's loss;
    what is left of it goes back to the payer. What the business has got, the operator bears.

    Raises DomainError("reason_needed", "decided", "disputed").
    """
    with transaction.atomic():
        order, attempt, own = _for_decision(dispute, reason)
        if order.disputes.filter(state=Dispute.State.OPEN).exists():
            raise DomainError("disputed", _("Another dispute of this order is still open."))
        recover(order, parts=refund.unsettled_parts(order), at=at, actor=actor, reason=reason)
        left = chargeback.kept(attempt)
        if left:
            refund.request(attempt, amount=left, reason=Refund.Reason.STAFF, at=at, actor=actor)
        refund.end_sold_order(order, Order.State.REFUNDED, at=at, actor=actor, reason=reason)
        own.refresh_from_db()
        return own


def recover(order: Order, *, parts: int, at: datetime, actor: Any = None, reason: str = "") -> int:
    """A standing order ends of which disputes were lost before: its own money pays what the operator bore for it, so
    that only the rest is refunded; undecided disputes are decided by it. Returns the `parts` (yen, as
    `refund.unsettled_parts`) that are still to be settled: all, or none.

    Runs in the caller's transaction, which holds the order and its attempts and ends the order.
    """
    borne = _borne(order)
    if not borne:
        return parts
    postings.dispute_rescinded(
        order, borne=borne, parts=parts, left=order.total - borne - parts, released=released(order), at=at
    )
    last = _settle_others(order, Dispute.Decision.RESCINDED, at=at, actor=actor, reason=reason)
    if last is not None:
        _refreeze(order, last, at=at)
    return 0


def _for_decision(dispute: Dispute, reason: str) -> tuple[Order, PaymentAttempt, Dispute]:
    require_reason(reason)
    order, attempt, own = _hold(dispute)
    if not own.needs_decision:
        raise DomainError("decided", _("Nothing is to be decided on the units of this dispute."))
    return order, attempt, own


def _settle_others(order: Order, decision: str, *, at: datetime, actor: Any = None, reason: str = "") -> Dispute | None:
    """Decide every undecided dispute of an order at once; returns the last."""
    last = None
    for row in locks.lock(Dispute, order.disputes.filter(needs_decision=True).values_list("pk", flat=True)):
        _decide(row, decision, actor=actor, at=at, reason=reason)
        last = row
    return last


def _decide(dispute: Dispute, decision: str, *, actor: Any, at: datetime, reason: str) -> None:
    dispute.needs_decision = False
    dispute.decision = decision
    dispute.save(update_fields=["needs_decision", "decision"])
    audit.record(
        action=f"investments.Dispute.{decision}",
        subject=dispute,
        at=at,
        actor=actor,
        reason=reason,
        changes={"needs_decision": [True, False], "decision": decision},
    )
