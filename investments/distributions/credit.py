"""Credits of a business: what it had paid in for a distribution that was written off and makes less than one yen for
each unit. It pays the business's next distribution first; where none follows it goes back, by a transfer of two people
(domain.md section 5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from investments.banking import outgoing
from investments.banking.models import OutgoingTransfer
from investments.ledger import post as ledger
from investments.offerings.models import Fund
from investments.payments.postings import require_in_bank
from investments.revenue.models import DISTRIBUTED, Period
from microfund.kernel import clock, locks
from microfund.kernel.errors import DomainError

from . import in_kind, pay_in
from .changes import WriteOff
from .models import Distribution, PayIn


def use(fund: Fund, *, at: datetime) -> None:
    """Pay what the fund's business owes, oldest first, out of its credits. The caller holds the fund's row."""
    left = WriteOff.objects.filter(distribution__fund=fund, credit_left__gt=0)
    if not left.exists():
        return
    open_ones = pay_in.lock_open(fund)
    for row in locks.lock(WriteOff, left.values_list("pk", flat=True)):
        for distribution in open_ones:
            amount = min(row.credit_left, distribution.owed)
            if amount:
                _use(fund, row, distribution, amount, at=at)


def _use(fund: Fund, row: WriteOff, distribution: Distribution, amount: int, *, at: datetime) -> None:
    row.credit_left -= amount
    row.save(update_fields=["credit_left"])
    part = PayIn.objects.create(distribution=distribution, credit=row, amount=amount, happened_at=at)
    assert fund.book_id is not None
    ledger.post(
        kind="credit_used",
        source=("pay_in", part.pk),
        legs=[
            ledger.debit(fund.book_id, "business_credit", amount, f"write_off:{row.pk}"),
            ledger.credit(fund.book_id, "receivable_from_business", amount, f"distribution:{distribution.pk}"),
        ],
        on=clock.today_in(fund.policy.zone, at),
        at=at,
    )
    pay_in.count_in(distribution, amount, at=at)


def returnable(row: WriteOff) -> bool:
    """Whether a credit has nothing left to pay: every period is decided, the business owes nothing, and no voucher can
    make it owe something again."""
    fund = row.distribution.fund
    undecided = fund.periods.exclude(state__in=[*DISTRIBUTED, Period.State.WOUND_UP])
    waiting = fund.distributions.filter(state=Distribution.State.CALCULATED)
    needed = undecided.exists() or waiting.exists() or pay_in.owed_by(fund) or in_kind.vouchers_open(fund)
    return row.credit_left > 0 and not needed


def give_back(row: WriteOff, *, payee: dict[str, str], actor: Any, at: datetime, reason: str) -> OutgoingTransfer:
    """Prepare the transfer of what is left of a credit to the business; another person approves it. Raises DomainError:
    "needed" (something may still be paid with it), "bank_short", and those of `outgoing.prepare`."""
    row.refresh_from_db()
    return outgoing.prepare(
        f"credit:{row.pk}",
        amount=row.credit_left,
        payee=payee,
        actor=actor,
        at=at,
        reason=reason,
        currency=row.distribution.fund.currency,
    )


class ReturningCredit(outgoing.Purpose):
    """Out of the fund's bank, back to the business."""

    def lock(self, source_id: int) -> WriteOff:
        fund_id = WriteOff.objects.values_list("distribution__fund_id", flat=True).get(pk=source_id)
        locks.lock_one(Fund, fund_id)
        return locks.lock_one(WriteOff, source_id)

    def judge(self, row: WriteOff, transfer: OutgoingTransfer, *, at: datetime) -> None:
        if not returnable(row):
            raise DomainError("needed", _("This credit is used up, or may still pay what the business will owe."))
        if transfer.amount != row.credit_left:
            raise DomainError("amount", _("The transfer is not of the amount of the credit."))
        require_in_bank(row.distribution.fund, row.credit_left)

    def sent(self, row: WriteOff, transfer: OutgoingTransfer, *, at: datetime) -> None:
        book = row.distribution.fund.book_id
        assert book is not None and transfer.transferred_on is not None
        row.credit_left, row.returned, row.returned_on = 0, row.credit_left, transfer.transferred_on
        row.save(update_fields=["credit_left", "returned", "returned_on"])
        subject = f"write_off:{row.pk}"
        ledger.post(
            kind="credit_returned",
            source=("credit", row.pk),
            legs=[
                ledger.debit(book, "business_credit", row.returned, subject),
                ledger.credit(book, "bank", row.returned, subject),
            ],
            on=row.returned_on,
            at=at,
        )
