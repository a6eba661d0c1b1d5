"""What staff change about a reward: where it goes, in which batch, or what is given instead (domain.md section 10).
Each act has a reason, which the holder reads, and never promises more than there is."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.money import format_money
from microfund.kernel.outbox.services import publish

from . import events, fulfilment
from .claims import Choice, end_otherwise, place, take_stock, write_parcel
from .models import ENTITLEMENT_STATES, Cycle, Entitlement, Offer, Parcel

#: Who is given something else has at least this long to claim it.
CLAIM_DAYS = 30
#: States in which staff may say where it goes: claimed, or come back.
REDIRECTS = ("claimed", "passed_on", "returned")
#: States in which something else of the same value may be given.
EXCHANGES = ("claimable", "claimed", "returned")


def _require_reason(reason: str) -> str:
    require_reason(reason)
    return " ".join(reason.split())[:200]


def redirect(entitlement_id: int, choice: Choice, *, actor: Any, at: datetime, reason: str) -> Entitlement:
    """A reward that was claimed or came back goes to another address, person or place. The holder is told.

    Raises DomainError: "reason_needed", "wrong_state", and those of `claims.claim`.
    """
    reason = _require_reason(reason)
    with transaction.atomic():
        row = locks.lock_one(Entitlement, entitlement_id)
        if row.state not in REDIRECTS:
            raise DomainError("wrong_state", _("Only what is claimed and not packed, or came back, can be redirected."))
        before = row.state
        row = place(row.pk, choice, actor=actor, at=at, reason=reason)
        _note(row, reason, at=at)
        # Never the address: the trail outlives it.
        audit.record(
            action="rewards.Entitlement.redirected",
            subject=row,
            at=at,
            actor=actor,
            reason=reason,
            changes={"state": [before, row.state], "donee": choice.donee_id},
        )
        return row


def _note(row: Entitlement, reason: str, *, at: datetime) -> None:
    row.note = reason
    row.save(update_fields=["note"])
    event = events.RewardReassigned(entitlement_id=row.pk, reason=reason, at=at)
    publish(event, key=f"{row.pk}:{at.isoformat()}", at=at)


def to_next_batch(entitlement_id: int, *, actor: Any, at: datetime, reason: str) -> None:
    """A parcel that is being packed is taken out of its batch and goes with the next one. Raises
    DomainError("reason_needed", "wrong_state")."""
    reason = _require_reason(reason)
    parcel = Parcel.objects.select_related("batch").filter(entitlement=entitlement_id).first()
    if parcel is None or parcel.batch is None:
        raise DomainError("wrong_state", _("This parcel is in no batch."))
    fulfilment.unpack(parcel.batch, entitlement_id, actor=actor, at=at, reason=reason)


def exchange(entitlement_id: int, cycle: Cycle, *, actor: Any, at: datetime, reason: str) -> Entitlement:
    """Give another reward of the same fund and the same value instead. What was claimed for an address is claimed anew
    for it, unless it has allergens or is for adults; else the holder is asked. What was not sent is in stock again.

    Raises DomainError: "reason_needed", "wrong_state", "frozen", "same", "fund", "value" (no whole number of it is
    worth the same), "too_late" (its parcels have left), "out_of_stock", "region".
    """
    reason = _require_reason(reason)
    with transaction.atomic():
        row = locks.lock_one(Entitlement, entitlement_id)
        ENTITLEMENT_STATES.require(row.state, Entitlement.State.MOVED)
        # Both seasons in one order, so that two exchanges never wait for each other.
        locked = {own.pk: own for own in locks.lock(Cycle, [row.cycle_id, cycle.pk])}
        cycle = locked[cycle.pk]
        quantity = _quantity_instead(row, cycle, on=clock.today_in(None, at))
        claimed, parcel = row.state == Entitlement.State.CLAIMED, Parcel.objects.filter(entitlement=row).first()
        choice = Choice(address=dict(parcel.address), gift=parcel.gift, card=parcel.card) if parcel else Choice()
        end_otherwise(row, Entitlement.State.MOVED, note=reason, actor=actor, at=at)
        # Of what must be known to whoever receives it, its holder is asked.
        asks = cycle.offer.adults_only or cycle.offer.allergens_en or cycle.offer.allergens_ja
        goods = Offer.Kind.GOODS == cycle.offer.kind == row.cycle.offer.kind and not asks
        new = Entitlement.objects.create(
            cycle=cycle,
            holding=row.holding,
            quantity=quantity,
            state=Entitlement.State.CLAIMED if claimed and goods else Entitlement.State.CLAIMABLE,
            replaces=row,
            claim_by=max(cycle.closes_on, clock.today_in(None, at) + timedelta(days=CLAIM_DAYS)),
        )
        if new.state == Entitlement.State.CLAIMED:
            write_parcel(new, cycle, choice, at=at)
            take_stock(cycle, new)
        audit.record(
            action="rewards.Entitlement.exchanged",
            subject=new,
            at=at,
            actor=actor,
            reason=reason,
            changes={"replaces": row.pk, "quantity": quantity},
        )
        _note(new, reason, at=at)
        return new


def _quantity_instead(row: Entitlement, cycle: Cycle, *, on: date) -> int:
    """How many items of another season are worth what this entitlement is. Raises DomainError."""
    old, new = row.cycle.offer, cycle.offer
    if row.holding.frozen_at is not None:
        raise DomainError("frozen", _("This holding is frozen; rewards wait until that is over."))
    if cycle.pk == row.cycle_id:
        raise DomainError("same", _("This is the season that it is in."), field="season")
    if new.fund_id != old.fund_id:
        raise DomainError("fund", _("Only another reward of the same fund can be given."), field="season")
    if not new.value or not row.value or row.value % new.value:
        text = _("No whole number of it is worth %(value)s.") % {"value": format_money(row.value)}
        raise DomainError("value", text, field="season")
    if cycle.dispatch_by < on:
        raise DomainError("too_late", _("The parcels of this season should have left by now."), field="season")
    quantity = row.value // new.value
    if cycle.stock is not None and cycle.stock - cycle.promised < quantity:
        raise DomainError("out_of_stock", _("So many are not left of it."), field="season")
    return quantity


def seasons_instead(row: Entitlement, *, on: date) -> QuerySet[Cycle]:
    """The seasons of the same fund from which something of the same value could be given."""
    found = Cycle.objects.filter(offer__fund=row.cycle.offer.fund_id, offer__value__gt=0, dispatch_by__gte=on)
    fitting = [own.pk for own in found.select_related("offer") if row.value and row.value % own.offer.value == 0]
    return found.filter(pk__in=fitting).exclude(pk=row.cycle_id).select_related("offer").order_by("opens_on", "pk")
