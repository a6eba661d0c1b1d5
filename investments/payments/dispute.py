"""Chargebacks (domain.md section 4.9): a book loss of the operator, never of the fund or its other investors."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.banking import outgoing
from investments.banking.models import OutgoingTransfer
from investments.holdings import services as holdings
from investments.ledger.models import Entry
from investments.offerings.models import Fund
from investments.orders.models import Order
from microfund.kernel import locks
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.services import publish

from . import gateway, postings, refund
from .models import DISPUTE_STATES, Dispute, PaymentAttempt


def absorb(intent_id: str, *, at: datetime) -> None:
    """Record what the provider knows of disputes of one payment."""
    attempt = PaymentAttempt.objects.filter(intent_id=intent_id).first()
    if attempt is not None:
        for facts in gateway.list_disputes(intent_id=intent_id):
            observe(facts, attempt, at=at)


def ask(dispute: Dispute, *, at: datetime) -> None:
    """Ask again how an open dispute stands."""
    observe(gateway.get_dispute(dispute.provider_id), dispute.attempt, at=at)


def observe(facts: gateway.DisputeFacts, attempt: PaymentAttempt, *, at: datetime) -> bool:
    """Apply what the provider says of one dispute; True when something changed here."""
    if facts.status.startswith("warning_"):
        # An inquiry: the provider holds no money yet.
        return False
    try:
        changed = _open(facts, attempt, at=at)
    except IntegrityError:
        # Another worker recorded it in the meantime (unique provider id).
        if not Dispute.objects.filter(provider_id=facts.id).exists():
            raise
        changed = False
    if facts.status in ("won", "lost"):
        changed = _close(facts, at=at) or changed
    return changed


def _open(facts: gateway.DisputeFacts, attempt: PaymentAttempt, *, at: datetime) -> bool:
    """Freeze the order and its holding; the operator owes the fund what the provider took."""
    if Dispute.objects.filter(provider_id=facts.id).exists():
        return False
    with transaction.atomic():
        order = locks.lock_one(Order, attempt.order_id)
        attempt = locks.lock_one(PaymentAttempt, attempt.pk)
        if attempt.state != PaymentAttempt.State.SUCCEEDED:
            return False
        dispute = Dispute.objects.create(
            attempt=attempt,
            order=order,
            provider_id=facts.id,
            amount=facts.amount,
            fee=facts.fee,
            currency=facts.currency,
            evidence_due_at=facts.evidence_due_at,
            opened_at=at,
        )
        postings.dispute_opened(dispute, order, at=at)
        order.frozen_at = at
        order.save(update_fields=["frozen_at"])
        if order.state == Order.State.CONFIRMED:
            holdings.freeze(investor_id=order.investor_id, fund_id=order.fund_id, at=at)
        publish(events.HoldingFrozen(order_id=order.pk, at=at), key=f"{dispute.pk}", at=at)
        return True


def _close(facts: gateway.DisputeFacts, *, at: datetime) -> bool:
    dispute = Dispute.objects.get(provider_id=facts.id)
    if dispute.state != Dispute.State.OPEN:
        return False
    with transaction.atomic():
        # Whether the money is released is the fund's state, so the start of its term must not pass by meanwhile.
        locks.lock_one(Fund, dispute.order.fund_id)
        order = locks.lock_one(Order, dispute.order_id)
        dispute = locks.lock_one(Dispute, dispute.pk)
        if dispute.state != Dispute.State.OPEN:
            return False
        if facts.status == "won":
            postings.dispute_won(dispute, order, at=at)
            DISPUTE_STATES.move(dispute, Dispute.State.WON, at=at, closed_at=at)
            _unfreeze(order, dispute, at=at)
        else:
            _lose(dispute, order, at=at)
        return True


def _unfreeze(order: Order, dispute: Dispute, *, at: datetime) -> None:
    if order.disputes.filter(state=Dispute.State.OPEN).exists():
        return
    order.frozen_at = None
    order.save(update_fields=["frozen_at"])
    holdings.freeze(investor_id=order.investor_id, fund_id=order.fund_id, at=None)
    publish(events.HoldingUnfrozen(order_id=order.pk, at=at), key=f"{dispute.pk}", at=at)


def _lose(dispute: Dispute, order: Order, *, at: datetime) -> None:
    """Before release of the money the order is rescinded; after it, or for a part, staff decide on the units."""
    fund = Fund.objects.get(pk=order.fund_id)
    sold = order.state in (Order.State.PAID, Order.State.CONFIRMED)
    released = fund.state not in (Fund.State.OPEN, Fund.State.CLOSED, Fund.State.FAILED)
    whole = dispute.amount == order.total and sold and not released
    confirmed = order.state == Order.State.CONFIRMED
    postings.dispute_lost(dispute, order, confirmed=confirmed, released=not whole, at=at)
    DISPUTE_STATES.move(dispute, Dispute.State.LOST, at=at, closed_at=at, needs_decision=not whole)
    if whole:
        refund.end_sold_order(order, Order.State.REFUNDED, at=at, reason="dispute lost")


def top_up(dispute: Dispute, *, actor: Any, at: datetime, reason: str) -> OutgoingTransfer:
    """Prepare the operator's transfer to the fund of what the provider took. Raises DomainError: "done", and those of
    `outgoing.prepare`."""
    return outgoing.prepare(
        f"dispute:{dispute.pk}",
        amount=dispute.amount,
        payee={},
        actor=actor,
        at=at,
        reason=reason,
        currency=dispute.currency,
    )


def topped_up(dispute: Dispute) -> bool:
    """Whether the operator has paid the fund for it."""
    return Entry.objects.filter(reference=f"dispute_topped_up:dispute:{dispute.pk}").exists()


class ToppingUp(outgoing.Purpose):
    """From the operator's account to the fund's."""

    def lock(self, source_id: int) -> Dispute:
        locks.lock_one(Order, Dispute.objects.values_list("order_id", flat=True).get(pk=source_id))
        return locks.lock_one(Dispute, source_id)

    def judge(self, row: Dispute, transfer: OutgoingTransfer, *, at: datetime) -> None:
        if topped_up(row):
            raise DomainError("done", _("The fund was topped up for this dispute before."))

    def sent(self, row: Dispute, transfer: OutgoingTransfer, *, at: datetime) -> None:
        assert transfer.transferred_on is not None
        postings.dispute_topped_up(row, Order.objects.get(pk=row.order_id), on=transfer.transferred_on, at=at)
