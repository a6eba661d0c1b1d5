"""What a fund owes the operator (fees of confirmed orders, disputes lost before release) is swept to the operator's
account (domain.md section 7, "fee swept")."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from investments.banking import outgoing
from investments.banking.models import OutgoingTransfer
from investments.ledger import post as ledger
from investments.offerings.models import Fund
from microfund.kernel import locks
from microfund.kernel.errors import DomainError

from . import postings


def owed(fund: Fund) -> int:
    """Yen that the fund owes the operator by now."""
    return ledger.balance(fund.book_id, "due_to_operator")


def sweep(fund: Fund, *, actor: Any, at: datetime, reason: str) -> OutgoingTransfer:
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
