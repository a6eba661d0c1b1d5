"""What rewards hear: units that are taken back take rewards and visits with them, those that move to heirs their
entitlements, and what is taken in kind needs vouchers (domain.md section 10)."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from investments.events import DistributionTakenInKind, HoldingRescinded, OrderConfirmed, UnitsInherited
from investments.models import Holding, Inheritance, Investor
from microfund.kernel import clock, locks
from microfund.kernel.outbox.services import subscribe

from . import cycles, heirs, in_kind, mails, visits
from .claims import AT_ONCE, withdraw_rest
from .events import ParcelFailed
from .models import TO_PACK, Entitlement, Offer, Voucher

#: What becomes less, or nothing, with the units: all that is not in anybody's hands. What was sent was sent.
FOLLOWS_UNITS = ("claimable", *TO_PACK, "packing", "returned", "carried")


def register() -> None:
    """Subscribe to what is heard; called once when the app is ready."""
    subscribe(OrderConfirmed, order_confirmed)
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


def order_confirmed(event: OrderConfirmed) -> None:
    """Units of a record date that came after its cycle had opened: their holder gets what everybody has."""
    holding = Holding.objects.select_related("fund__policy").get(investor=event.investor_id, fund=event.fund_id)
    on = clock.today_in(holding.fund.policy.zone, event.at)
    for row in cycles.entitle_late(holding, since=on, at=event.at):
        mails.ready(row, at=event.at)


def holding_rescinded(event: HoldingRescinded) -> None:
    """Entitlements that were not sent yet become fewer or none, also out of a batch; what was sent was sent. A voucher
    is worth less in proportion, and it and a download end once no units are left for them: what was used was used."""
    with transaction.atomic():
        holding = Holding.objects.get(investor_id=event.investor_id, fund_id=event.fund_id)
        open_yet = Q(state__in=FOLLOWS_UNITS, carried_to=None) | Q(
            state=Entitlement.State.DELIVERED, cycle__offer__kind__in=AT_ONCE
        )
        found = list(Entitlement.objects.filter(open_yet, holding=holding).values_list("pk", flat=True))
        rows = locks.lock(Entitlement, found)
        vouchers = Voucher.objects.filter(entitlement__in=found).values_list("pk", flat=True)
        # Whoever is at the till this moment is waited for, and what they take counts as used.
        locks.lock(Voucher, vouchers)
        for row in rows:
            offer = row.cycle.offer
            left = min(row.quantity, _items_for(row, holding.units))
            handed_over = row.state == Entitlement.State.DELIVERED and offer.kind in AT_ONCE
            ends = handed_over and (left == 0 or offer.kind == Offer.Kind.VOUCHER)
            follows = row.state in FOLLOWS_UNITS and row.carried_to_id is None
            if left < row.quantity and (follows or ends):
                withdraw_rest(row, left, at=event.at)


def _items_for(row: Entitlement, units: int) -> int:
    """How many items an entitlement is for so many units, with what was carried to it from before: what another reward
    was exchanged for is for the units of that one, in proportion."""
    origin = row
    while origin.replaces is not None and origin.replaces.holding_id == row.holding_id:
        origin = origin.replaces
    carried = Entitlement.objects.filter(carried_to=origin.cycle_id, holding=origin.holding_id)
    before = sum(min(own.quantity, _items_for(own, units)) for own in carried.select_related("cycle__offer"))
    kept = min(origin.quantity, quantity_of(origin.cycle.offer, units) + before)
    if origin is row:
        return kept
    return origin.value // row.cycle.offer.value * kept // origin.quantity


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
