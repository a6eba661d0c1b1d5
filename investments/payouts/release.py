"""Money released to the business: donations once its fund has succeeded, investment once the term has begun
(domain.md sections 4.8 and 7). Two people decide each transfer (`outgoing.py`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.banking import outgoing
from investments.banking.models import OutgoingTransfer
from investments.ledger import post as ledger
from investments.offerings.models import Fund
from investments.payments.postings import require_in_bank
from microfund.kernel import locks
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.outbox.services import publish

from .models import Release

ACCOUNTS = {Release.Part.DONATION: "donation_payable", Release.Part.INVESTMENT: "investment_payable"}
#: The term has begun; a fund that has ended may still owe the business what was confirmed late.
_BEGUN = (Fund.State.OPERATING, Fund.State.MATURED, Fund.State.WOUND_UP)


def releasable(fund: Fund, part: str) -> int:
    """Yen of a part that may be released to the business by now, whether the fund's bank holds it or not: what orders
    were confirmed for and has not been released."""
    if fund.book_id is None or fund.succeeded_at is None:
        return 0
    if part == Release.Part.INVESTMENT and fund.state not in _BEGUN:
        return 0
    return ledger.balance(fund.book_id, ACCOUNTS[Release.Part(part)])


def prepare(
    fund: Fund, *, part: str, amount: int, payee: dict[str, str], actor: Any, at: datetime, reason: str
) -> OutgoingTransfer:
    """Prepare the transfer of `amount` yen to the business; nothing leaves before another person approved it.

    Raises DomainError: "under_way" (one of this part waits), "nothing", "amount" (more than may be released, or not
    positive), "bank_short", and those of `outgoing.prepare`.
    """
    require_reason(reason)
    with transaction.atomic():
        fund = locks.lock_one(Fund, fund.pk)
        if fund.releases.filter(part=part, released_on__isnull=True, withdrawn_at__isnull=True).exists():
            raise DomainError("under_way", _("A transfer for this is under way already."))
        _require(fund, part, amount)
        release = Release.objects.create(fund=fund, part=part, amount=amount, created_at=at)
        return outgoing.prepare(
            f"release:{release.pk}",
            amount=amount,
            payee=payee,
            actor=actor,
            at=at,
            reason=reason,
            currency=fund.currency,
        )


def _require(fund: Fund, part: str, amount: int) -> None:
    """Raise DomainError unless this much of the part may leave now. The caller holds the fund's row."""
    there = releasable(fund, part)
    if not there:
        raise DomainError("nothing", _("Nothing of this can be released to the business now."))
    if not 0 < amount <= there:
        raise DomainError(
            "amount",
            _("Between 1 and %(there)d yen can be released.") % {"there": there},
            there=there,
            field="amount",
        )
    require_in_bank(fund, amount)


class ReleaseToBusiness(outgoing.Purpose):
    """Out of the fund's bank, to the business."""

    def lock(self, source_id: int) -> Release:
        locks.lock_one(Fund, Release.objects.values_list("fund_id", flat=True).get(pk=source_id))
        return Release.objects.select_related("fund").get(pk=source_id)

    def judge(self, row: Release, transfer: OutgoingTransfer, *, at: datetime) -> None:
        if row.withdrawn_at is not None or row.released_on is not None:
            raise DomainError("done", _("This release was made or withdrawn before."))
        if transfer.amount != row.amount:
            raise DomainError("amount", _("The transfer is not of the amount of the release."))
        _require(row.fund, row.part, row.amount)

    def withdrawn(self, row: Release, transfer: OutgoingTransfer, *, at: datetime) -> None:
        row.withdrawn_at = at
        row.save(update_fields=["withdrawn_at"])

    def sent(self, row: Release, transfer: OutgoingTransfer, *, at: datetime) -> None:
        released(row, transfer, at=at)


def released(row: Release, transfer: OutgoingTransfer, *, at: datetime) -> None:
    """The transfer was made: the money is the business's. The caller holds the fund's row."""
    book = row.fund.book_id
    assert book is not None and transfer.transferred_on is not None
    row.released_on = transfer.transferred_on
    row.save(update_fields=["released_on"])
    subject = f"release:{row.pk}"
    ledger.post(
        kind="released",
        source=("release", row.pk),
        legs=[
            ledger.debit(book, ACCOUNTS[Release.Part(row.part)], row.amount, subject),
            ledger.credit(book, "bank", row.amount, subject),
        ],
        on=row.released_on,
        at=at,
    )
    publish(events.FundsReleased(fund_id=row.fund_id, part=row.part, amount=row.amount, at=at), key=str(row.pk), at=at)
