"""The business pays what it owes: bank receipts are matched to distributions, oldest first (domain.md sections 5-7)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.banking import services as banking
from investments.banking.models import StatementLine
from investments.ledger import post as ledger
from investments.offerings.models import Fund
from investments.orders.place import payer_codes
from investments.revenue.models import PERIOD_STATES, Period
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.outbox.services import publish

from . import in_kind
from .changes import WRITE_OFF_STATES, WriteOff
from .models import INSTALMENT_STATES, OWING, Distribution, Instalment, PayIn


def owed_by(fund: Fund) -> int:
    """Yen that the business owes for approved distributions and has not paid in."""
    return sum(row.owed for row in fund.distributions.filter(OWING))


def distribution_of(line: StatementLine) -> Distribution | None:
    """The distribution whose payer code a bank line carries in its code field or in the payer's name."""
    codes = payer_codes(line.payer_code, line.payer_name)
    found = {row.payer_code: row for row in Distribution.objects.filter(payer_code__in=codes, state="approved")}
    return next((found[code] for code in codes if code in found), None)


def claim(line_id: int, *, at: datetime) -> bool:
    """Apply a receipt that carries the code of a distribution to what its fund's business owes, oldest first; True when
    nothing of the receipt is free any more. What is more than is owed stays in the queue as "over".

    May be called again, and by several workers at once.
    """
    line = StatementLine.objects.get(pk=line_id)
    if line.free == 0:
        return True
    distribution = distribution_of(line)
    if distribution is None:
        return False
    with transaction.atomic():
        return _apply(line_id, distribution.fund_id, code=distribution.payer_code, actor=None, reason="", at=at)


def apply_by_staff(line: StatementLine, fund: Fund, *, actor: Any, at: datetime, reason: str) -> bool:
    """Staff say that a receipt without a code is the payment of a fund's business. Raises DomainError: "reason_needed",
    "nothing_owed"."""
    require_reason(reason)
    if not owed_by(fund):
        raise DomainError("nothing_owed", _("The business owes nothing for this fund."))
    with transaction.atomic():
        done = _apply(line.pk, fund.pk, code="", actor=actor, reason=reason, at=at)
        audit.record(
            action="investments.StatementLine.applied",
            subject=line,
            at=at,
            actor=actor,
            reason=reason,
            changes={"fund": fund.slug},
        )
        return done


def _apply(line_id: int, fund_id: int, *, code: str, actor: Any, reason: str, at: datetime) -> bool:
    """Use up the free part of a receipt for the open distributions of a fund; True when nothing of it is left."""
    fund = locks.lock_one(Fund, fund_id)
    open_ones = lock_open(fund)
    line = locks.lock_one(StatementLine, line_id)
    for distribution in open_ones:
        amount = min(line.free, distribution.owed)
        if amount:
            _pay_in(fund, distribution, line, amount, actor=actor, reason=reason, at=at)
    line.problem = "over" if line.free else ""
    line.payer_code = code or line.payer_code
    line.save(update_fields=["problem", "payer_code"])
    return line.free == 0


def lock_open(fund: Fund) -> list[Distribution]:
    """What a fund's business owes, oldest first, locked with everything that a payment may change. The caller holds the
    fund's row."""
    ordered = list(
        fund.distributions.filter(OWING).order_by("period__number", "supplement").values_list("pk", "period_id")
    )
    locks.lock(Period, {period_id for _pk, period_id in ordered})
    held = {row.pk: row for row in locks.lock(Distribution, [pk for pk, _period in ordered])}
    for model in (Instalment, WriteOff):
        waiting = model.objects.filter(distribution__in=held, state="prepared")
        locks.lock(model, waiting.values_list("pk", flat=True))
    return [held[pk] for pk, _period in ordered]


def _pay_in(
    fund: Fund, distribution: Distribution, line: StatementLine, amount: int, *, actor: Any, reason: str, at: datetime
) -> None:
    """Book one part: out of the trust account into the fund's bank, and off what the business owes."""
    subject = f"distribution:{distribution.pk}"
    use = banking.take(line, amount=amount, target=subject, at=at, actor=actor, reason=reason)
    PayIn.objects.create(distribution=distribution, use=use, amount=amount, happened_at=at)
    assert fund.book_id is not None
    ledger.post(
        kind="business_paid_in",
        source=("use", use.pk),
        legs=[
            *banking.out_of_trust(line.pk, amount),
            ledger.debit(fund.book_id, "bank", amount, subject),
            ledger.credit(fund.book_id, "receivable_from_business", amount, subject),
        ],
        on=clock.today_in(fund.policy.zone, at),
        at=at,
    )
    count_in(distribution, amount, at=at)


def count_in(distribution: Distribution, amount: int, *, at: datetime) -> None:
    """So much more (yen) of what is owed is there, and was booked. The caller holds the rows of `lock_open`."""
    distribution.received += amount
    distribution.save(update_fields=["received"])
    release(distribution, at=at)


def release(distribution: Distribution, *, at: datetime) -> None:
    """What the cash that is there allows without a decision: first the tax of what is taken otherwise is withheld; with
    the last of what the distribution pays in cash, the rest may be paid out; then what came back from vouchers. The
    caller holds the distribution's row."""
    in_kind.withhold(distribution, at=at)
    if distribution.gross and distribution.received >= distribution.cash:
        if distribution.instalment_per_unit < distribution.per_unit:
            _release_rest(distribution, at=at)
        in_kind.release_returned(distribution, at=at)


def drop_prepared(distribution: Distribution, *, at: datetime, reason: str) -> None:
    """Part payments that wait for approval are overtaken."""
    for part in Instalment.objects.filter(distribution=distribution, state=Instalment.State.PREPARED):
        INSTALMENT_STATES.move(part, Instalment.State.WITHDRAWN, at=at, reason=reason)


def _release_rest(distribution: Distribution, *, at: datetime) -> None:
    """Everything is there: what is not released yet may be paid out."""
    drop_prepared(distribution, at=at, reason="the rest was paid in")
    for row in WriteOff.objects.filter(distribution=distribution, state=WriteOff.State.PREPARED):
        WRITE_OFF_STATES.move(row, WriteOff.State.WITHDRAWN, at=at, reason="the rest was paid in")
    rest = distribution.per_unit - distribution.instalment_per_unit
    Instalment.objects.create(
        distribution=distribution,
        number=distribution.instalments.count() + 1,
        state=Instalment.State.APPROVED,
        per_unit=rest,
        per_unit_before=distribution.instalment_per_unit,
        prepared_at=at,
        approved_at=at,
        complete=not distribution.cash_units,
    )
    distribution.instalment_per_unit = distribution.per_unit
    distribution.save(update_fields=["instalment_per_unit"])
    period = Period.objects.get(pk=distribution.period_id)
    if period.state == Period.State.APPROVED and distribution.supplement == 0:
        # Nobody is paid in cash: no transfer will ever end the period.
        PERIOD_STATES.move(period, Period.State.FUNDED if distribution.cash_units else Period.State.PAID, at=at)
    publish(
        events.DistributionFunded(distribution_id=distribution.pk, fund_id=distribution.fund_id, at=at),
        key=str(distribution.pk),
        at=at,
    )


# --- Part payment ---------------------------------------------------------------------------------------------


def payable_in_part(distribution: Distribution) -> int:
    """Whole yen per unit that the cash which is there allows beyond what was released: floor(cash / units), of the
    units that are paid in cash, after the tax of the others."""
    return payable(distribution) - distribution.instalment_per_unit


def payable(distribution: Distribution) -> int:
    """Whole yen of each unit that is paid in cash which the cash that is there allows in all."""
    there = distribution.received - distribution.elected_tax
    if not distribution.cash_units:
        return distribution.per_unit if there >= 0 else 0
    return min(distribution.per_unit, max(0, there) // distribution.cash_units)


def prepare_instalment(distribution: Distribution, *, actor: Any, at: datetime, reason: str) -> Instalment:
    """Staff propose to pay what the cash of an approved distribution allows now; the rest stays owed.

    Raises DomainError: "reason_needed", "wrong_state" (not approved, or all of it is there), "under_way", "nothing".
    """
    require_reason(reason)
    with transaction.atomic():
        locks.lock_one(Fund, distribution.fund_id)
        distribution = locks.lock_one(Distribution, distribution.pk)
        if distribution.state != Distribution.State.APPROVED or distribution.in_arrears == 0:
            raise DomainError(
                "wrong_state", _("Only an approved distribution that is not paid in whole is paid in part.")
            )
        if distribution.instalments.filter(state=Instalment.State.PREPARED).exists():
            raise DomainError("under_way", _("A part payment of this distribution waits for approval."))
        per_unit = payable_in_part(distribution)
        if per_unit < 1:
            raise DomainError("nothing", _("The money that is there is less than one yen for each unit."))
        return Instalment.objects.create(
            distribution=distribution,
            number=distribution.instalments.count() + 1,
            per_unit=per_unit,
            per_unit_before=distribution.instalment_per_unit,
            reason=reason.strip()[:200],
            maker=actor,
            prepared_at=at,
        )


def approve_instalment(instalment: Instalment, *, actor: Any, at: datetime, reason: str = "") -> Instalment:
    """A second person releases a part payment. Raises DomainError("same_person", "wrong_state")."""
    if actor.pk == instalment.maker_id:
        raise DomainError("same_person", _("You prepared this part payment; another person must approve it."))
    with transaction.atomic():
        locks.lock_one(Fund, instalment.distribution.fund_id)
        distribution = locks.lock_one(Distribution, instalment.distribution_id)
        INSTALMENT_STATES.move(
            instalment, Instalment.State.APPROVED, at=at, actor=actor, reason=reason, checker=actor, approved_at=at
        )
        distribution.instalment_per_unit += instalment.per_unit
        distribution.save(update_fields=["instalment_per_unit"])
        return instalment


def withdraw_instalment(instalment: Instalment, *, actor: Any, at: datetime, reason: str) -> Instalment:
    """A part payment that waits for approval will not be made. Raises DomainError("reason_needed", "wrong_state")."""
    require_reason(reason)
    with transaction.atomic():
        return INSTALMENT_STATES.move(instalment, Instalment.State.WITHDRAWN, at=at, actor=actor, reason=reason)
