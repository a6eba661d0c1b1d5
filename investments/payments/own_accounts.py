"""Transfers between the operator's own accounts (domain.md section 7): what a fund owes the operator is swept to the
operator's account, and the operator tops a fund up with what the provider took for a dispute."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from investments.banking import outgoing
from investments.banking.models import OutgoingTransfer
from investments.ledger import post as ledger
from investments.ledger.models import Entry
from investments.offerings.models import Fund
from investments.orders.models import Order
from microfund.kernel import locks
from microfund.kernel.errors import DomainError

from . import postings
from .models import Dispute

# --- A fund's fees, and disputes lost before release ----------------------------------------------------------


def owed(fund: Fund) -> int:
    """Yen that the fund owes the operator by now."""
    return ledger.balance(fund.book_id, "due_to_operator")


def sweep_fees(fund: Fund, *, actor: Any, at: datetime, reason: str) -> OutgoingTransfer:
    """Prepare the transfer of all that the fund owes the operator. Raises DomainError: "nothing", "bank_short", and
    those of `outgoing.prepare`."""
    amount = owed(fund)
    if amount <= 0:
        raise DomainError("nothing", _("The fund owes the operator nothing."))
    return outgoing.prepare(
        f"fees:{fund.pk}", amount=amount, payee={}, actor=actor, at=at, reason=reason, currency=fund.currency
    )


class FeeSweep(outgoing.Purpose):
    """From the fund's account to the operator's."""

    def lock(self, source_id: int) -> Fund:
        return locks.lock_one(Fund, source_id)

    def judge(self, row: Fund, transfer: OutgoingTransfer, *, at: datetime) -> None:
        # A rescission may have taken fees back since it was prepared.
        if transfer.amount > owed(row):
            raise DomainError("nothing", _("The fund owes the operator less than that by now."))
        postings.require_in_bank(row, transfer.amount)

    def sent(self, row: Fund, transfer: OutgoingTransfer, *, at: datetime) -> None:
        assert transfer.transferred_on is not None
        postings.fees_swept(transfer.pk, row, transfer.amount, on=transfer.transferred_on, at=at)


# --- What the provider took for a dispute ---------------------------------------------------------------------


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
        if row.state in (Dispute.State.INQUIRY, Dispute.State.CLOSED):
            raise DomainError("inquiry", _("The provider has taken nothing for this inquiry."))
        if topped_up(row):
            raise DomainError("done", _("The fund was topped up for this dispute before."))

    def sent(self, row: Dispute, transfer: OutgoingTransfer, *, at: datetime) -> None:
        assert transfer.transferred_on is not None
        postings.dispute_topped_up(row, Order.objects.get(pk=row.order_id), on=transfer.transferred_on, at=at)
