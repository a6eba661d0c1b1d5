"""What rewards hear: units that are taken back take rewards and visits with them, those that move to heirs their
entitlements, and what is taken in kind needs vouchers (domain.md section 10)."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from investments.events import DistributionTakenInKind, HoldingRescinded, UnitsInherited
from investments.models import Holding, Inheritance, Investor
from microfund.kernel import locks
from microfund.kernel.outbox.services import subscribe

from . import heirs, in_kind, visits
from .claims import give_stock_back
from .events import ParcelFailed
from .models import ENTITLEMENT_STATES, TO_PACK, Cycle, Entitlement, Offer, Parcel


def register() -> None:
    """Subscribe to what is heard; called once when the app is ready."""
    subscribe(HoldingRescinded, holding_rescinded)
    subscribe(HoldingRescinded, seats_of_rescinded)
    subscribe(UnitsInherited, units_inherited)
    subscribe(UnitsInherited, seats_of_inherited)
    subscribe(ParcelFailed, parcel_failed)
    subscribe(DistributionTakenInKind, in_kind.taken_in_kind)


def quantity_of(offer: Offer, units: int) -> int:
    """How many items an offer gives for so many units."""
    if units < offer.minimum_units:
        return 0
    return 1 if offer.per_units is None else units // offer.per_units


def holding_rescinded(event: HoldingRescinded) -> None:
    """Entitlements that were not packed yet become fewer or none; what was sent was sent."""
    with transaction.atomic():
        holding = Holding.objects.get(investor_id=event.investor_id, fund_id=event.fund_id)
        waiting = Entitlement.objects.filter(holding=holding, state__in=["claimable", *TO_PACK])
        for row in locks.lock(Entitlement, waiting.values_list("pk", flat=True)):
            offer = row.cycle.offer
            left = min(row.quantity, quantity_of(offer, holding.units))
            if left == row.quantity or row.state not in ("claimable", *TO_PACK):
                continue
            give_stock_back(row)
            if left == 0:
                Parcel.objects.filter(entitlement=row).update(address={}, erased_at=event.at)
                ENTITLEMENT_STATES.move(row, Entitlement.State.WITHDRAWN, at=event.at)
                continue
            row.quantity = left
            row.save(update_fields=["quantity"])
            if row.state in TO_PACK:
                Cycle.objects.filter(pk=row.cycle_id).update(promised=F("promised") + left)


def seats_of_rescinded(event: HoldingRescinded) -> None:
    """Seats at visits for which the units are too few now go back. A transaction of its own: a season's row is locked
    last, and a visit's before it."""
    visits.give_up(Investor.objects.get(pk=event.investor_id), at=event.at)


def units_inherited(event: UnitsInherited) -> None:
    """What the deceased could still claim is the heirs' to claim."""
    heirs.follow(Inheritance.objects.select_related("holding").get(pk=event.inheritance_id), at=event.at)


def parcel_failed(event: ParcelFailed) -> None:
    """What comes back after the units of its holder have moved is the heirs' to claim."""
    done = Inheritance.objects.filter(state=Inheritance.State.DONE, holding__entitlements=event.entitlement_id)
    for row in done.select_related("holding"):
        heirs.follow(row, at=event.at)


def seats_of_inherited(event: UnitsInherited) -> None:
    """The deceased's seats at visits go back."""
    row = Inheritance.objects.select_related("holding__investor").get(pk=event.inheritance_id)
    visits.give_up(row.holding.investor, at=event.at)
