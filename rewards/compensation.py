"""Money instead of a reward that cannot be delivered: decided by two people, owed by the business, paid in and paid out
through the fund's book (domain.md sections 7 and 10).

Whoever changes a compensation holds the fund's row, so its own needs no place in the order of locks.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from investments.banking import outgoing
from investments.banking import services as banking
from investments.ledger import post as ledger
from investments.models import BankAccount, Fund, Holding, OutgoingTransfer, StatementLine
from investments.orders.place import new_payer_code, payer_codes
from investments.payments.postings import require_in_bank
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.money import format_money
from microfund.kernel.outbox.services import publish

from . import events
from .claims import end_otherwise
from .compensation_models import COMPENSATION_STATES, Compensation
from .models import ENTITLEMENT_STATES, Entitlement

#: The business has this long to pay (days).
PAY_DAYS = 14
#: What can be made good with money: not what was packed or sent and is on its way, nor what was used.
COMPENSATES = ("claimable", "claimed", "returned")


def prepare(row: Entitlement, *, amount: int, actor: Any, at: datetime, reason: str) -> Compensation:
    """Propose to pay `amount` yen instead of an entitlement. `reason` is what the holder reads.

    Raises DomainError: "reason_needed", "wrong_state", "frozen", "no_value" (its offer states none), "amount" (not
    within the value), "under_way".
    """
    require_reason(reason)
    with transaction.atomic():
        row = locks.lock_one(Entitlement, row.pk)
        _require(row)
        if not 0 < amount <= row.value:
            text = _("Between 1 yen and %(value)s, which it is worth.") % {"value": format_money(row.value)}
            raise DomainError("amount", text, field="amount")
        if row.compensations.exclude(state=Compensation.State.WITHDRAWN).exists():
            raise DomainError("under_way", _("Money instead of this reward is proposed already."))
        made = Compensation.objects.create(
            entitlement=row,
            amount=amount,
            value=row.value,
            reason=" ".join(reason.split())[:200],
            payer_code=new_payer_code(),
            maker=actor,
            prepared_at=at,
        )
        audit.record(
            action="rewards.Compensation.prepared",
            subject=made,
            at=at,
            actor=actor,
            reason=reason,
            changes={"entitlement": row.pk, "amount": amount},
        )
        return made


def _require(row: Entitlement) -> None:
    """Raise DomainError unless money can be paid instead of it now."""
    ENTITLEMENT_STATES.require(row.state, Entitlement.State.COMPENSATED)
    if not row.value:
        raise DomainError("no_value", _("The offer of this reward states no value."))
    if row.holding.frozen_at is not None:
        raise DomainError("frozen", _("This holding is frozen; rewards wait until that is over."))


def _fund_of(row: Compensation) -> Fund:
    return locks.lock_one(Fund, row.entitlement.holding.fund_id)


def _subject(row: Compensation) -> str:
    return f"compensation:{row.pk}"


def approve(row: Compensation, *, actor: Any, at: datetime, reason: str = "") -> Compensation:
    """A second person approves: the entitlement ends, the business owes the amount and the fund's book owes it to the
    holder. Raises DomainError: "same_person", "wrong_state" (it was claimed or sent meanwhile), "frozen"."""
    if actor.pk == row.maker_id:
        raise DomainError("same_person", _("You prepared this; another person must approve it."))
    with transaction.atomic():
        fund = _fund_of(row)
        row = locks.lock_one(Compensation, row.pk)
        COMPENSATION_STATES.require(row.state, Compensation.State.APPROVED)
        entitlement = locks.lock_one(Entitlement, row.entitlement_id)
        _require(entitlement)
        end_otherwise(entitlement, Entitlement.State.COMPENSATED, note=row.reason, actor=actor, at=at)
        on = clock.today_in(fund.policy.zone, at)
        row = COMPENSATION_STATES.move(
            row,
            Compensation.State.APPROVED,
            at=at,
            actor=actor,
            reason=reason,
            details={"amount": row.amount},
            checker=actor,
            approved_at=at,
            due_on=clock.next_bank_day(on + timedelta(days=PAY_DAYS)),
        )
        assert fund.book_id is not None
        ledger.post(
            kind="compensation_approved",
            source=("compensation", row.pk),
            legs=[
                ledger.debit(fund.book_id, "receivable_from_business", row.amount, _subject(row)),
                ledger.credit(fund.book_id, "compensations_payable", row.amount, _subject(row)),
            ],
            on=on,
            at=at,
        )
        publish(events.CompensationApproved(compensation_id=row.pk, at=at), key=str(row.pk), at=at)
        return row


def withdraw(row: Compensation, *, actor: Any, at: datetime, reason: str) -> Compensation:
    """A proposal that waits will not be carried out. Raises DomainError("reason_needed", "wrong_state")."""
    require_reason(reason)
    with transaction.atomic():
        _fund_of(row)
        return COMPENSATION_STATES.move(row, Compensation.State.WITHDRAWN, at=at, actor=actor, reason=reason)


# --- The business pays ----------------------------------------------------------------------------------------


def claim(line_id: int, *, at: datetime) -> bool:
    """Apply a receipt that carries the code of a compensation, where it is enough; True when nothing of it is free any
    more. May be called again, and by several workers at once."""
    line = StatementLine.objects.get(pk=line_id)
    if line.free == 0:
        return True
    codes = payer_codes(line.payer_code, line.payer_name)
    row = Compensation.objects.filter(payer_code__in=codes, state=Compensation.State.APPROVED).first()
    if row is None:
        return False
    with transaction.atomic():
        return _pay_in(row, line, actor=None, reason="", at=at)


def apply_by_staff(row: Compensation, line: StatementLine, *, actor: Any, at: datetime, reason: str) -> None:
    """Staff say that a receipt is the payment of the business. Raises DomainError: "reason_needed", "amount" (not so
    much of it is free, or it is paid already)."""
    require_reason(reason)
    with transaction.atomic():
        _pay_in(row, line, actor=actor, reason=reason, at=at)
        row.refresh_from_db()
        if row.use is None or row.use.line_id != line.pk:
            text = _("Not so much of this receipt is free, or it is paid already.")
            raise DomainError("amount", text, field="receipt")


def _pay_in(row: Compensation, line: StatementLine, *, actor: Any, reason: str, at: datetime) -> bool:
    """Book the amount out of the trust account into the fund's bank; what is more than it stays free."""
    fund = _fund_of(row)
    line = locks.lock_one(StatementLine, line.pk)
    row = locks.lock_one(Compensation, row.pk)
    if row.state == Compensation.State.APPROVED and line.free >= row.amount:
        use = banking.take(line, amount=row.amount, target=_subject(row), at=at, actor=actor, reason=reason)
        assert fund.book_id is not None
        ledger.post(
            kind="compensation_paid_in",
            source=("use", use.pk),
            legs=[
                *banking.out_of_trust(line.pk, row.amount),
                ledger.debit(fund.book_id, "bank", row.amount, _subject(row)),
                ledger.credit(fund.book_id, "receivable_from_business", row.amount, _subject(row)),
            ],
            on=clock.today_in(fund.policy.zone, at),
            at=at,
        )
        COMPENSATION_STATES.move(row, Compensation.State.FUNDED, at=at, actor=actor, reason=reason, use=use)
    if line.free:
        line.problem = "short" if row.state == Compensation.State.APPROVED else "over"
        line.save(update_fields=["problem"])
    return line.free == 0


# --- The business never pays ----------------------------------------------------------------------------------


def propose_loss(row: Compensation, *, actor: Any, at: datetime, reason: str) -> Compensation:
    """Propose to give up what the business owes instead of a reward. `reason` is what the holder reads.

    Raises DomainError: "reason_needed", "too_early" (its day has not passed), "under_way", "wrong_state".
    """
    require_reason(reason)
    with transaction.atomic():
        fund = _fund_of(row)
        row = locks.lock_one(Compensation, row.pk)
        COMPENSATION_STATES.require(row.state, Compensation.State.LOST)
        if row.loss_maker_id is not None:
            raise DomainError("under_way", _("A write-off of it waits for approval."))
        assert row.due_on is not None
        if clock.today_in(fund.policy.zone, at) <= row.due_on:
            raise DomainError("too_early", _("The business can still pay: its day has not passed."))
        row.loss_reason, row.loss_maker, row.loss_prepared_at = " ".join(reason.split())[:200], actor, at
        row.save(update_fields=["loss_reason", "loss_maker", "loss_prepared_at"])
        audit.record(action="rewards.Compensation.loss_prepared", subject=row, at=at, actor=actor, reason=reason)
        return row


def withdraw_loss(row: Compensation, *, actor: Any, at: datetime, reason: str) -> Compensation:
    """A write-off that waits will not be made: the business owes it as before. Raises DomainError("reason_needed",
    "wrong_state")."""
    require_reason(reason)
    with transaction.atomic():
        _fund_of(row)
        row = locks.lock_one(Compensation, row.pk)
        _require_loss_waits(row)
        row.loss_reason, row.loss_maker, row.loss_prepared_at = "", None, None
        row.save(update_fields=["loss_reason", "loss_maker", "loss_prepared_at"])
        audit.record(action="rewards.Compensation.loss_withdrawn", subject=row, at=at, actor=actor, reason=reason)
        return row


def _require_loss_waits(row: Compensation) -> None:
    COMPENSATION_STATES.require(row.state, Compensation.State.LOST)
    if row.loss_maker_id is None:
        raise DomainError("wrong_state", _("No write-off of it waits for approval."))


def approve_loss(row: Compensation, *, actor: Any, at: datetime, reason: str = "") -> Compensation:
    """A second person gives it up: the claim on the business and what the fund's book owes the holder leave the books;
    both are told. Raises DomainError: "same_person", "wrong_state" (the business has paid meanwhile, or none waits)."""
    with transaction.atomic():
        fund = _fund_of(row)
        row = locks.lock_one(Compensation, row.pk)
        _require_loss_waits(row)
        if actor.pk == row.loss_maker_id:
            raise DomainError("same_person", _("You prepared this write-off; another person must approve it."))
        on = clock.today_in(fund.policy.zone, at)
        row = COMPENSATION_STATES.move(
            row,
            Compensation.State.LOST,
            at=at,
            actor=actor,
            reason=reason,
            details={"amount": row.amount},
            loss_checker=actor,
            lost_on=on,
        )
        assert fund.book_id is not None
        ledger.post(
            kind="compensation_written_off",
            source=("compensation", row.pk),
            legs=[
                ledger.debit(fund.book_id, "compensations_payable", row.amount, _subject(row)),
                ledger.credit(fund.book_id, "receivable_from_business", row.amount, _subject(row)),
            ],
            on=on,
            at=at,
        )
        publish(events.CompensationLost(compensation_id=row.pk, at=at), key=str(row.pk), at=at)
        return row


# --- The holder is paid ---------------------------------------------------------------------------------------


def payee_account(row: Compensation) -> BankAccount | None:
    """The account to which it is paid now: the holder's, or that of the heir who was named for it."""
    holding = Holding.objects.get(pk=row.entitlement.holding_id)
    investor = holding.paid_to_id or holding.investor_id
    return BankAccount.objects.filter(investor=investor, ended_at__isnull=True).first()


def pay(row: Compensation, *, actor: Any, at: datetime, reason: str) -> OutgoingTransfer:
    """Prepare the transfer to the holder; another person approves it. Raises DomainError: "no_account", "wrong_state"
    (the business has not paid), "frozen", "bank_short", and those of `outgoing.prepare`."""
    account = payee_account(row)
    if account is None:
        raise DomainError("no_account", _("The holder has given no bank account."))
    return outgoing.prepare(_subject(row), amount=row.amount, payee=account.payee, actor=actor, at=at, reason=reason)


class CompensationToHolder(outgoing.Purpose):
    """Out of the fund's bank, to the holder of the entitlement."""

    def lock(self, source_id: int) -> Compensation:
        _fund_of(Compensation.objects.select_related("entitlement__holding").get(pk=source_id))
        return Compensation.objects.select_related("entitlement__holding__fund").get(pk=source_id)

    def judge(self, row: Compensation, transfer: OutgoingTransfer, *, at: datetime) -> None:
        COMPENSATION_STATES.require(row.state, Compensation.State.PAID)
        holding = row.entitlement.holding
        if holding.frozen_at is not None and holding.paid_to_id is None:
            raise DomainError("frozen", _("This holding is frozen; it is paid once that is over."))
        if transfer.amount != row.amount:
            raise DomainError("amount", _("The transfer is not of the amount of the compensation."))
        require_in_bank(holding.fund, row.amount)

    def sent(self, row: Compensation, transfer: OutgoingTransfer, *, at: datetime) -> None:
        paid(row, transfer, at=at)


def paid(row: Compensation, transfer: OutgoingTransfer, *, at: datetime) -> None:
    """The transfer was made: the holder has the money. The caller holds the fund's row."""
    book = row.entitlement.holding.fund.book_id
    assert book is not None and transfer.transferred_on is not None
    ledger.post(
        kind="compensation_paid",
        source=("compensation", row.pk),
        legs=[
            ledger.debit(book, "compensations_payable", row.amount, _subject(row)),
            ledger.credit(book, "bank", row.amount, _subject(row)),
        ],
        on=transfer.transferred_on,
        at=at,
    )
    COMPENSATION_STATES.move(row, Compensation.State.PAID, at=at, actor=transfer.maker, paid_on=transfer.transferred_on)
    publish(events.CompensationPaid(compensation_id=row.pk, at=at), key=str(row.pk), at=at)
