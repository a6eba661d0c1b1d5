"""A death: holdings freeze, heirs are checked, units move to them with their history (domain.md section 11).

Locks: the fund first, so that no order is confirmed, disputed or rescinded meanwhile; the holdings last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from investments import events
from investments.holdings import services as holdings
from investments.holdings.models import Holding
from investments.investors.models import Investor
from investments.offerings.models import Fund
from investments.orders import services as orders
from investments.orders.models import OPEN, Order
from investments.payments.models import Refund
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.outbox.services import publish

from .models import INHERITANCE_STATES, Inheritance, InheritanceShare

#: Refunds that are neither made nor given up.
_REFUNDS_OPEN = ("requested", "requires_action", "pending")


# --- The death ------------------------------------------------------------------------------------------------


def record_death(investor: Investor, *, died_on: date, actor: Any, at: datetime, reason: str) -> Investor:
    """Somebody has died: their login ends and their holdings freeze. What they pay accrues, rewards stop.

    Raises DomainError: "reason_needed", "future", "not_a_person", "recorded" (it is known already).
    """
    require_reason(reason)
    if died_on > clock.today_in(None, at):
        raise DomainError("future", _("The date has not come yet."), field="died_on")
    if investor.kind != Investor.Kind.PERSON:
        raise DomainError("not_a_person", _("A company has no heirs."))
    with transaction.atomic():
        investor, funds = _hold(investor)
        if investor.died_on is not None:
            raise DomainError("recorded", _("This death is recorded already."))
        _note(investor, died_on, at=at)
        _refreeze(investor, funds)
        _login(investor, active=False)
        audit.record(
            action="investments.Investor.died",
            subject=investor,
            at=at,
            actor=actor,
            reason=reason,
            changes={"died_on": died_on.isoformat()},
        )
        return investor


def undo_death(investor: Investor, *, actor: Any, at: datetime, reason: str) -> Investor:
    """The death was recorded by mistake: everything is as before. Raises DomainError: "reason_needed",
    "not_recorded", "under_way" (units wait to be moved, or have moved)."""
    require_reason(reason)
    with transaction.atomic():
        investor, funds = _hold(investor)
        if investor.died_on is None:
            raise DomainError("not_recorded", _("No death of this person is recorded."))
        made = Inheritance.objects.filter(holding__investor=investor).exclude(state=Inheritance.State.WITHDRAWN)
        if made.exists():
            raise DomainError("under_way", _("Units of this person have moved to heirs, or wait to be moved."))
        _note(investor, None, at=None)
        _refreeze(investor, funds)
        _login(investor, active=investor.closed_at is None)
        audit.record(action="investments.Investor.alive", subject=investor, at=at, actor=actor, reason=reason)
        return investor


def _hold(investor: Investor) -> tuple[Investor, list[Fund]]:
    """Lock every fund in which the person holds or may come to hold units, then the person's row."""
    of_person = Q(holdings__investor=investor) | Q(orders__investor=investor, orders__state__in=OPEN)
    funds = locks.lock(Fund, Fund.objects.filter(of_person).values_list("pk", flat=True))
    return Investor.objects.select_related("user").select_for_update(of=("self",)).get(pk=investor.pk), funds


def _note(investor: Investor, died_on: date | None, *, at: datetime | None) -> None:
    investor.died_on, investor.death_recorded_at = died_on, at
    investor.save(update_fields=["died_on", "death_recorded_at"])


def _refreeze(investor: Investor, funds: Iterable[Fund]) -> None:
    for fund in funds:
        orders.refreeze_holding(investor_id=investor.pk, fund_id=fund.pk)


def _login(investor: Investor, *, active: bool) -> None:
    investor.user.is_active = active
    investor.user.save(update_fields=["is_active"])


# --- The units ------------------------------------------------------------------------------------------------


def _require_heirs(fund: Fund, holding: Holding, people: Iterable[Investor]) -> None:
    """Raise DomainError("heir") unless each of them is verified, alive and somebody else."""
    for heir in people:
        if heir.pk == holding.investor_id:
            raise DomainError("heir", _("The deceased cannot be an heir."), field="shares")
        if heir.identity_state != Investor.Identity.VERIFIED or heir.closed_at is not None or heir.died_on is not None:
            text = _("%(name)s is not a verified investor of the platform.") % {"name": heir.name}
            raise DomainError("heir", text, field="shares")


def _require_quiet(fund: Fund, holding: Holding) -> None:
    """Raise DomainError unless nothing can still change these units: no order, refund or dispute is open."""
    if holding.investor.died_on is None:
        raise DomainError("not_recorded", _("No death of this person is recorded."))
    own = Order.objects.filter(investor=holding.investor_id, fund=fund)
    if own.filter(Q(state__in=OPEN) | Q(frozen_at__isnull=False)).exists():
        raise DomainError("order_open", _("An order of this holding is open or disputed; it must be settled first."))
    if Refund.objects.filter(order__in=own, state__in=_REFUNDS_OPEN).exists():
        raise DomainError("refund_open", _("A refund of this holding is open; it must be settled first."))


def prepare(
    holding: Holding, *, shares: Mapping[int, int], payee_id: int, actor: Any, at: datetime, reason: str
) -> Inheritance:
    """Propose to move all units of a deceased person's holding: `shares` are units by heir (Investor ids), `payee_id`
    is the heir who gets what is still to be paid.

    Raises DomainError: "reason_needed", "not_recorded", "order_open", "refund_open", "heir" (not a verified investor),
    "units" (not whole, or not all of them), "payee" (no heir), "under_way".
    """
    require_reason(reason)
    with transaction.atomic():
        fund = locks.lock_one(Fund, holding.fund_id)
        holding = locks.lock_one(Holding, holding.pk)
        _require_quiet(fund, holding)
        if Inheritance.objects.filter(holding=holding).exclude(state=Inheritance.State.WITHDRAWN).exists():
            raise DomainError("under_way", _("These units have moved to heirs, or wait to be moved."))
        heirs = list(Investor.objects.filter(pk__in=shares).order_by("pk"))
        _require_heirs(fund, holding, heirs)
        if (
            len(heirs) != len(shares)
            or not holding.units
            or sum(shares.values()) != holding.units
            or min(shares.values()) < 1
        ):
            text = _("The shares must be whole units and make %(units)d together.") % {"units": holding.units}
            raise DomainError("units", text, field="shares")
        if payee_id not in shares:
            raise DomainError("payee", _("What is still to be paid goes to one of the heirs."), field="payee")
        row = Inheritance.objects.create(
            holding=holding,
            units=holding.units,
            payee_id=payee_id,
            reason=reason.strip()[:200],
            maker=actor,
            prepared_at=at,
        )
        InheritanceShare.objects.bulk_create(
            InheritanceShare(inheritance=row, heir=heir, units=shares[heir.pk]) for heir in heirs
        )
        audit.record(
            action="investments.Inheritance.prepared",
            subject=row,
            at=at,
            actor=actor,
            reason=reason,
            changes={"holding": holding.reference, "units": {str(pk): units for pk, units in shares.items()}},
        )
        return row


def approve(row: Inheritance, *, actor: Any, at: datetime, reason: str = "") -> Inheritance:
    """A second person approves: the units move today, whatever the limits of a person are. Distributions of earlier
    record dates stay those of the deceased, and are paid to the payee.

    Raises DomainError: "same_person", "wrong_state", "stale" (the holding has other units by now), and those of
    `prepare` about heirs and what is open.
    """
    if actor.pk == row.maker_id:
        raise DomainError("same_person", _("You prepared this; another person must approve it."))
    with transaction.atomic():
        fund = locks.lock_one(Fund, row.holding.fund_id)
        row = locks.lock_one(Inheritance, row.pk)
        INHERITANCE_STATES.require(row.state, Inheritance.State.DONE)
        shares = list(row.shares.select_related("heir").order_by("heir_id"))
        people = [share.heir_id for share in shares] + [row.holding.investor_id]
        held = Holding.objects.filter(fund=fund, investor__in=people)
        holding = next(
            own for own in locks.lock(Holding, held.values_list("pk", flat=True)) if own.pk == row.holding_id
        )
        _require_quiet(fund, holding)
        _require_heirs(fund, holding, [share.heir for share in shares])
        if holding.units != row.units:
            raise DomainError("stale", _("The holding has other units by now: withdraw this and prepare it again."))
        on = clock.today_in(fund.policy.zone, at)
        moves = [(holding.investor_id, -row.units), *((share.heir_id, share.units) for share in shares)]
        for investor_id, units in moves:
            holdings.record_movement(
                investor_id=investor_id,
                fund_id=fund.pk,
                kind="inherit",
                units=units,
                source=f"inheritance:{row.pk}",
                on=on,
                at=at,
            )
            orders.refreeze_holding(investor_id=investor_id, fund_id=fund.pk)
        Holding.objects.filter(pk=holding.pk).update(paid_to=row.payee_id)
        row = INHERITANCE_STATES.move(
            row,
            Inheritance.State.DONE,
            at=at,
            actor=actor,
            reason=reason,
            details={"units": row.units},
            checker=actor,
            approved_at=at,
            moved_on=on,
        )
        publish(events.UnitsInherited(inheritance_id=row.pk, fund_id=fund.pk, at=at), key=str(row.pk), at=at)
        return row


def withdraw(row: Inheritance, *, actor: Any, at: datetime, reason: str) -> Inheritance:
    """A proposal that waits will not be carried out. Raises DomainError("reason_needed", "wrong_state")."""
    require_reason(reason)
    with transaction.atomic():
        locks.lock_one(Fund, row.holding.fund_id)
        return INHERITANCE_STATES.move(row, Inheritance.State.WITHDRAWN, at=at, actor=actor, reason=reason)
