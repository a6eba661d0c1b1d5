"""Entitlements follow units that move to heirs: what could still be claimed is theirs to claim, and no more of it is
promised than before (domain.md sections 9.7, 10 and 11)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import transaction

from investments.models import Holding, Inheritance
from microfund.kernel import clock, locks
from microfund.kernel.outbox.services import publish

from . import events
from .claims import end_otherwise
from .models import Cycle, Entitlement

#: Heirs have this long to say where something should go.
HEIRS_DAYS = 60
#: What follows the units, but for what was carried and has come with another cycle. What was passed on to a school,
#: packed or sent goes where the deceased wanted it.
FOLLOWS = ("claimable", "claimed", "returned", "carried")


def shared_out(quantity: int, units: Sequence[int]) -> list[int]:
    """Items by the units of each heir: whole, together `quantity`; what is left over goes to the largest rests, the
    first of equal ones first."""
    total = sum(units)
    parts = [quantity * own // total for own in units]
    by_rest = sorted(range(len(units)), key=lambda at: (-(quantity * units[at] % total), -units[at], at))
    for place in by_rest[: quantity - sum(parts)]:
        parts[place] += 1
    return parts


def follow(inheritance: Inheritance, *, at: datetime) -> int:
    """Hand every open entitlement of the deceased's holding to the heirs; how many. Again it is nothing."""
    with transaction.atomic():
        found = Entitlement.objects.filter(holding=inheritance.holding_id, state__in=FOLLOWS, carried_to=None)
        count = _hand_over(inheritance, list(found.values_list("pk", flat=True)), at=at)
        if count:
            key = f"{inheritance.pk}:{at.isoformat()}"
            publish(events.RewardsInherited(inheritance_id=inheritance.pk, at=at), key=key, at=at)
        return count


def follow_in(cycle: Cycle, *, at: datetime) -> None:
    """A cycle that has just opened for a record date before units moved: what it made for the deceased is the heirs'.
    Runs in the caller's transaction."""
    moved = Inheritance.objects.filter(state=Inheritance.State.DONE, holding__entitlements__cycle=cycle)
    for inheritance in moved.distinct().order_by("pk"):
        found = Entitlement.objects.filter(cycle=cycle, holding=inheritance.holding_id, state__in=FOLLOWS)
        _hand_over(inheritance, list(found.values_list("pk", flat=True)), at=at)


def _hand_over(inheritance: Inheritance, pks: list[int], *, at: datetime) -> int:
    fund = inheritance.holding.fund_id
    shares = list(inheritance.shares.order_by("heir_id"))
    own = dict(
        Holding.objects.filter(fund=fund, investor__in=[s.heir_id for s in shares]).values_list("investor", "pk")
    )
    until = clock.today_in(None, at) + timedelta(days=HEIRS_DAYS)
    count = 0
    for row in locks.lock(Entitlement, pks):
        if row.state not in FOLLOWS or row.carried_to_id is not None:
            continue
        carried = row.state == Entitlement.State.CARRIED
        end_otherwise(row, Entitlement.State.MOVED, note="", actor=None, at=at)
        parts = shared_out(row.quantity, [share.units for share in shares])
        Entitlement.objects.bulk_create(
            Entitlement(
                cycle=row.cycle,
                holding_id=own[share.heir_id],
                quantity=part,
                replaces=row,
                state=Entitlement.State.CARRIED if carried else Entitlement.State.CLAIMABLE,
                claim_by=None if carried else _last_day(row, until),
            )
            for share, part in zip(shares, parts, strict=True)
            if part
        )
        count += 1
    return count


def _last_day(row: Entitlement, until: date) -> date:
    """Heirs get their own time, and never less than everybody has."""
    return max(row.cycle.closes_on, until)
