"""Staff give up what a business still owes of an approved distribution: one person prepares it, another approves it
(domain.md section 5, write-off). It still counts as distributed, so nothing falls due twice."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.ledger import post as ledger
from investments.offerings.models import Fund
from investments.revenue.models import PERIOD_STATES, Period
from microfund.kernel import clock, locks
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.outbox.services import publish

from . import credit, in_kind, pay_in
from .changes import WRITE_OFF_STATES, WriteOff
from .elected import VOUCHER_OPEN
from .models import OWING, Distribution, Instalment
from .taxed import tax_up_to


@dataclass(frozen=True, slots=True)
class Figures:
    """What a write-off would mean, in yen: `amount` is the claim that is given up, `per_unit` what the holders do not
    get of each unit that is paid in cash (`net` and `tax` in all, with what came back from vouchers and is not paid in,
    and with the tax of what was taken otherwise), `credit` what is left of the cash that is there."""

    amount: int
    per_unit: int
    net: int
    tax: int
    credit: int


def figures(distribution: Distribution) -> Figures:
    """What writing off now would mean: every whole yen per unit that the business has paid in is still paid out."""
    payable = pay_in.payable(distribution)
    lost = distribution.per_unit - payable
    kept, whole = tax_up_to(distribution, payable)
    back = in_kind.unreleased(distribution)
    # The tax of what was taken otherwise comes first: it is there in whole and withheld, or it falls away in whole.
    fallen = distribution.elected_tax if distribution.received < distribution.elected_tax else 0
    net, tax = lost * distribution.cash_units - (whole - kept) + back, whole - kept + fallen
    return Figures(amount=distribution.owed, per_unit=lost, net=net, tax=tax, credit=net + tax - distribution.owed)


def prepare(distribution: Distribution, *, actor: Any, at: datetime, reason: str) -> WriteOff:
    """Staff propose to give up all that the business still owes of a distribution. The reason is public.

    Raises DomainError: "reason_needed", "wrong_state" (not approved, or nothing is owed of it), "under_way",
    "vouchers_open" (of what was taken in kind something may still come back to cash, and would be owed too).
    """
    require_reason(reason)
    with transaction.atomic():
        locks.lock_one(Fund, distribution.fund_id)
        distribution = locks.lock_one(Distribution, distribution.pk)
        if not Distribution.objects.filter(OWING, pk=distribution.pk).exists():
            raise DomainError("wrong_state", _("The business owes nothing of this distribution."))
        _require_vouchers_ended(distribution)
        if distribution.write_offs.filter(state=WriteOff.State.PREPARED).exists():
            raise DomainError("under_way", _("A write-off of this distribution waits for approval."))
        return WriteOff.objects.create(
            distribution=distribution,
            **asdict(figures(distribution)),
            reason=reason.strip()[:200],
            maker=actor,
            prepared_at=at,
        )


def _require_vouchers_ended(distribution: Distribution) -> None:
    if distribution.elected_lines.filter(VOUCHER_OPEN).exists():
        raise DomainError("vouchers_open", _("Vouchers of this distribution are still valid; wait until they end."))


def approve(row: WriteOff, *, actor: Any, at: datetime, reason: str = "") -> WriteOff:
    """A second person gives it up: the claim on the business and what it made for the holders leave the books, what is
    there is released, what is left of it becomes a credit.

    Raises DomainError: "same_person", "wrong_state", "vouchers_open", "stale" (the business has paid, or the tax
    changed, since).
    """
    if actor.pk == row.maker_id:
        raise DomainError("same_person", _("You prepared this write-off; another person must approve it."))
    with transaction.atomic():
        distribution = Distribution.objects.only("fund_id", "period_id").get(pk=row.distribution_id)
        fund = locks.lock_one(Fund, distribution.fund_id)
        pay_in.lock_open(fund)
        distribution = Distribution.objects.get(pk=row.distribution_id)
        row = locks.lock_one(WriteOff, row.pk)
        WRITE_OFF_STATES.require(row.state, WriteOff.State.APPROVED)
        _require_vouchers_ended(distribution)
        now = figures(distribution)
        if now != Figures(row.amount, row.per_unit, row.net, row.tax, row.credit):
            raise DomainError(
                "stale", _("The figures have changed since this was prepared: withdraw it and prepare it again.")
            )
        WRITE_OFF_STATES.move(
            row,
            WriteOff.State.APPROVED,
            at=at,
            actor=actor,
            reason=reason,
            details={"amount": row.amount, "per_unit": row.per_unit, "credit": row.credit},
            checker=actor,
            approved_at=at,
            credit_left=row.credit,
        )
        _release(distribution, row, at=at)
        _book(fund, distribution, row, at=at)
        credit.use(fund, at=at)
        publish(
            events.DistributionWrittenOff(write_off_id=row.pk, distribution_id=distribution.pk, fund_id=fund.pk, at=at),
            key=str(row.pk),
            at=at,
        )
        return row


def _release(distribution: Distribution, row: WriteOff, *, at: datetime) -> None:
    """What is there may be paid out; the period goes on, or ends here when nothing is."""
    pay_in.drop_prepared(distribution, at=at, reason="the rest was written off")
    before = distribution.instalment_per_unit
    rest = distribution.per_unit - row.per_unit - before
    if rest:
        Instalment.objects.create(
            distribution=distribution,
            number=distribution.instalments.count() + 1,
            state=Instalment.State.APPROVED,
            per_unit=rest,
            per_unit_before=before,
            reason=row.reason,
            maker=row.maker,
            prepared_at=row.prepared_at,
            checker=row.checker,
            approved_at=at,
        )
    distribution.instalment_per_unit = before + rest
    distribution.written_off = row.amount
    distribution.written_off_per_unit = row.per_unit
    distribution.save(update_fields=["instalment_per_unit", "written_off", "written_off_per_unit"])
    period = locks.lock_one(Period, distribution.period_id)
    if period.state == Period.State.APPROVED and distribution.supplement == 0:
        there = distribution.instalment_per_unit > 0
        PERIOD_STATES.move(period, Period.State.FUNDED if there else Period.State.PAID, at=at)


def _book(fund: Fund, distribution: Distribution, row: WriteOff, *, at: datetime) -> None:
    """The mirror of what the approval posted, for the part that is given up; what is left of the cash is a credit."""
    book = fund.book_id
    assert book is not None
    subject = f"distribution:{distribution.pk}"
    legs = [ledger.credit(book, "receivable_from_business", row.amount, subject)]
    if row.net:
        legs.append(ledger.debit(book, "distributions_payable", row.net, subject))
    if row.tax:
        legs.append(ledger.debit(book, "withholding_accrued", row.tax, subject))
    if row.credit:
        legs.append(ledger.credit(book, "business_credit", row.credit, f"write_off:{row.pk}"))
    ledger.post(
        kind="written_off",
        source=("write_off", row.pk),
        legs=legs,
        on=clock.today_in(fund.policy.zone, at),
        at=at,
    )


def withdraw(row: WriteOff, *, actor: Any, at: datetime, reason: str) -> WriteOff:
    """A write-off that waits for approval will not be made. Raises DomainError("reason_needed", "wrong_state")."""
    require_reason(reason)
    with transaction.atomic():
        return WRITE_OFF_STATES.move(row, WriteOff.State.WITHDRAWN, at=at, actor=actor, reason=reason)
