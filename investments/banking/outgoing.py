"""Money that leaves by bank: prepared by one person, approved by another, made at the bank, then recorded (domain.md
sections 4.8 and 7).

What a transfer is for is a `Purpose`, registered by the app that owns the rows it is for: it judges whether the money
may leave, each time anew under the locks of those rows, and books it once it has left.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from microfund.kernel import clock
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason

from . import bank_list, zengin
from .models import TRANSFER_STATES, UNDER_WAY, OutgoingTransfer
from .queries import bank_profile

#: The customer code of a transfer's record is this and its id, so that it is none of a payout's attempt.
_CODE = 9 * 10**19


class Purpose:
    """What transfers of one kind are for. `lock` answers the row, which the other methods then get."""

    def ask(self, transfer: OutgoingTransfer) -> None:
        """Ask the outside whether the money may leave; called outside of any transaction. Raises DomainError."""

    def lock(self, source_id: int) -> Any:
        """Lock the row that the transfer is for, and what stands before it in the lock order."""
        raise NotImplementedError

    def judge(self, row: Any, transfer: OutgoingTransfer, *, at: datetime) -> None:
        """Raise DomainError when the money may not leave (any more)."""
        raise NotImplementedError

    def prepared(self, row: Any, transfer: OutgoingTransfer) -> None:
        """It is under way: hold what it needs."""

    def withdrawn(self, row: Any, transfer: OutgoingTransfer, *, at: datetime) -> None:
        """It will not be made: let go what was held."""

    def sent(self, row: Any, transfer: OutgoingTransfer, *, at: datetime) -> None:
        """The money has left: book it."""
        raise NotImplementedError


_purposes: dict[str, Purpose] = {}


def register_purpose(kind: str, purpose: Purpose) -> None:
    """Transfers whose target is `kind:id` are judged and booked by `purpose`. Called in AppConfig.ready()."""
    _purposes[kind] = purpose


def _purpose(transfer: OutgoingTransfer) -> Purpose:
    return _purposes[transfer.target.partition(":")[0]]


def under_way(target: str) -> bool:
    """Whether a transfer for this target is prepared or approved and neither sent nor withdrawn."""
    return OutgoingTransfer.objects.filter(target=target, state__in=UNDER_WAY).exists()


def prepare(
    target: str, *, amount: int, payee: dict[str, str], actor: Any, at: datetime, reason: str, currency: str = "JPY"
) -> OutgoingTransfer:
    """Begin a transfer of `amount` (yen) for `target`; nothing leaves before another person approves it.

    Raises DomainError: "reason_needed", "under_way" (there is one already), and what its purpose refuses.
    """
    require_reason(reason)
    transfer = OutgoingTransfer(
        target=target,
        amount=amount,
        currency=currency,
        payee=payee,
        reason=reason.strip()[:200],
        maker=actor,
        prepared_at=at,
    )
    purpose = _purpose(transfer)
    purpose.ask(transfer)
    with transaction.atomic():
        # Whoever prepares another one for the same row waits here, and then finds this one.
        row = purpose.lock(transfer.source_id)
        if under_way(target):
            raise DomainError("under_way", _("A transfer for this is under way already."))
        purpose.judge(row, transfer, at=at)
        transfer.save()
        purpose.prepared(row, transfer)
        audit.record(
            action="investments.OutgoingTransfer.prepared",
            subject=transfer,
            at=at,
            actor=actor,
            reason=reason,
            changes={"target": target, "amount": amount},
        )
    return transfer


def approve(transfer: OutgoingTransfer, *, actor: Any, at: datetime, reason: str = "") -> OutgoingTransfer:
    """A second person releases a prepared transfer; it may then be made at the bank, by its file or by hand.

    Raises DomainError: "same_person", "wrong_state", what its purpose refuses by now, and what a bank would refuse in a
    file, naming the payee ("letter", "account", "amount").
    """
    if actor.pk == transfer.maker_id:
        raise DomainError("same_person", _("You prepared this transfer; another person must approve it."))
    purpose = _purpose(transfer)
    purpose.ask(transfer)
    with transaction.atomic():
        purpose.judge(purpose.lock(transfer.source_id), transfer, at=at)
        return TRANSFER_STATES.move(
            transfer,
            OutgoingTransfer.State.APPROVED,
            at=at,
            actor=actor,
            reason=reason,
            details={"amount": transfer.amount, "target": transfer.target},
            checker=actor,
            approved_at=at,
            file=_render(transfer, at=at),
        )


def _render(transfer: OutgoingTransfer, *, at: datetime) -> str:
    """The bank file of a transfer on the next bank day, one line of payment in it; empty where its account is not known
    here (the tax office, our own)."""
    payee: dict[str, str] = transfer.payee  # type: ignore[assignment]
    if not payee:
        return ""
    bank, branch = bank_list.bank(payee["bank"]), bank_list.branch(payee["bank"], payee["branch"])
    line = zengin.Transfer(
        _CODE + transfer.pk,
        payee["bank"],
        bank.kana if bank else "",
        payee["branch"],
        branch.kana if branch else "",
        payee["type"],
        payee["number"],
        payee["holder"],
        transfer.amount,
    )
    pay_on = clock.next_bank_day(clock.today_in(None, at))
    return b"".join(zengin.render([line], bank_profile(), pay_on)).decode("shift_jis")


def download(transfer: OutgoingTransfer, *, actor: Any, at: datetime, reason: str) -> bytes:
    """The bank file of an approved transfer, byte for byte as it was approved; who took it and why is an audit row.

    Raises DomainError: "reason_needed", "wrong_state" (not approved, withdrawn, or without a file).
    """
    require_reason(reason)
    transfer.refresh_from_db()
    if not transfer.file or transfer.state == OutgoingTransfer.State.WITHDRAWN:
        raise DomainError("wrong_state", _("This transfer has no file."))
    content = transfer.file.encode("shift_jis")
    audit.record(
        action="investments.OutgoingTransfer.downloaded",
        subject=transfer,
        at=at,
        actor=actor,
        reason=reason,
        changes={"sha256": hashlib.sha256(content).hexdigest()},
    )
    return content


def withdraw(transfer: OutgoingTransfer, *, actor: Any, at: datetime, reason: str) -> OutgoingTransfer:
    """A transfer that was not made at the bank will not be. Raises DomainError: "reason_needed", "wrong_state"."""
    require_reason(reason)
    purpose = _purpose(transfer)
    with transaction.atomic():
        row = purpose.lock(transfer.source_id)
        fresh = TRANSFER_STATES.move(transfer, OutgoingTransfer.State.WITHDRAWN, at=at, actor=actor, reason=reason)
        purpose.withdrawn(row, fresh, at=at)
        return fresh


def record_sent(
    transfer: OutgoingTransfer, *, transferred_on: date, bank_reference: str, actor: Any, at: datetime, reason: str = ""
) -> OutgoingTransfer:
    """Record that an approved transfer was made at the bank, and book it; the same again is nothing.

    Raises DomainError: "future", "before_approval" (the transfer date), "bank_reference" (missing, or another one was
    recorded), "wrong_state", and what its purpose refuses by now.
    """
    reference = bank_reference.strip()[:60]
    if not reference:
        raise DomainError("bank_reference", _("Give the bank's reference of the transfer."))
    if transferred_on > clock.today_in(None, at):
        raise DomainError("future", _("The transfer date has not come yet."))
    transfer.refresh_from_db()
    if transfer.state == OutgoingTransfer.State.SENT:
        if (transfer.transferred_on, transfer.bank_reference) != (transferred_on, reference):
            raise DomainError("bank_reference", _("This transfer was recorded with another date or reference."))
        return transfer
    TRANSFER_STATES.require(transfer.state, OutgoingTransfer.State.SENT)
    if transfer.approved_at is None or transferred_on < clock.today_in(None, transfer.approved_at):
        raise DomainError("before_approval", _("The transfer date lies before the approval."))
    purpose = _purpose(transfer)
    with transaction.atomic():
        row = purpose.lock(transfer.source_id)
        purpose.judge(row, transfer, at=at)
        fresh = TRANSFER_STATES.move(
            transfer,
            OutgoingTransfer.State.SENT,
            at=at,
            actor=actor,
            reason=reason,
            details={"amount": transfer.amount, "target": transfer.target},
            transferred_on=transferred_on,
            bank_reference=reference,
        )
        purpose.sent(row, fresh, at=at)
        return fresh
