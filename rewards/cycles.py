"""Cycles: opened, reminded of and closed by sweeps, each step idempotent and set-based (domain.md 6 and 10)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q

from investments.models import Fund
from investments.offerings import services as offerings
from microfund.kernel import clock, locks
from microfund.kernel.outbox.services import publish

from . import calendar, claims, events, heirs
from .models import CYCLE_STATES, Cycle, Entitlement, Offer, Parcel

REMIND_DAYS = 7
#: A parcel that nobody complained of is taken to have arrived.
DELIVERED_AFTER_DAYS = 14
#: How long after sending an address is kept, for the owner and at all.
ADDRESS_DAYS = 30

_OPEN = """
INSERT INTO rewards_entitlement (cycle_id, holding_id, quantity, state)
SELECT %(cycle)s, held.id,
       CASE WHEN %(per_units)s::bigint IS NULL THEN 1 ELSE held.units / %(per_units)s END
       + coalesce(carried.quantity, 0), 'claimable'
  FROM (SELECT holding.id, sum(movement.units)::bigint AS units
          FROM investments_holding AS holding
          JOIN investments_movement AS movement ON movement.holding_id = holding.id
         WHERE holding.fund_id = %(fund)s AND movement.effective_on <= %(record_on)s
         GROUP BY holding.id
        HAVING sum(movement.units) >= greatest(%(minimum)s, coalesce(%(per_units)s, 1))) AS held
  LEFT JOIN (SELECT holding_id, sum(quantity) AS quantity FROM rewards_entitlement
              WHERE cycle_id = %(before)s AND state = 'carried' GROUP BY 1) AS carried ON carried.holding_id = held.id
 ORDER BY held.id
"""


def open_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: open every cycle whose first day has come, in the order of their days."""
    counts = {"opened": 0, "errors": 0}
    offers = Offer.objects.filter(
        ended_at__isnull=True,
        waiting=False,
        fund__state__in=[Fund.State.OPERATING, Fund.State.MATURED],
    ).exclude(cycle=Offer.Cycle.NONE)
    due = []
    for offer in offers.select_related("fund__policy"):
        known = set(offer.cycles.values_list("number", flat=True))
        terms = offerings.current_terms(offer.fund)
        for opening in calendar.openings(offer, calendar.periods_of(offer.fund, terms)):
            if opening.opens_on <= on and opening.number not in known:
                due.append((opening.opens_on, offer.pk, opening))
    due.sort(key=lambda row: row[:2])
    locks.each(due, lambda row: open_cycle(row[1], row[2], at=at), counts, "opened")
    return counts


def open_cycle(offer_id: int, opening: calendar.Opening, *, at: datetime) -> bool:
    """Open one cycle: an entitlement for every holding of the record date that reaches the offer's units.

    False where it is open already or the offer has ended. Who claims has the whole time, also when it opens late.
    """
    with transaction.atomic():
        offer = locks.lock_one(Offer, offer_id)
        if offer.ended_at is not None or offer.waiting or offer.cycles.filter(number=opening.number).exists():
            return False
        late = max(0, (clock.today_in(None, at) - opening.opens_on).days)
        cycle = Cycle.objects.create(
            offer=offer,
            number=opening.number,
            record_on=opening.record_on,
            opens_on=opening.opens_on,
            closes_on=opening.closes_on + timedelta(days=late),
            dispatch_by=opening.dispatch_by + timedelta(days=late),
            stock=offer.stock,
            opened_at=at,
        )
        cycle.entitlements_made = _entitle(cycle, offer)
        cycle.save(update_fields=["entitlements_made"])
        heirs.follow_in(cycle, at=at)
        publish(events.CycleOpened(cycle_id=cycle.pk, at=at), key=str(cycle.pk), at=at)
        return True


def _entitle(cycle: Cycle, offer: Offer) -> int:
    # What was carried by the version that this one replaces comes with this one's first cycle.
    own = Cycle.objects.filter(offer__in=[offer.pk, offer.replaces_id])
    before = own.filter(opens_on__lt=cycle.opens_on).order_by("-opens_on").first()
    with connection.cursor() as cursor:
        cursor.execute(
            _OPEN,
            {
                "cycle": cycle.pk,
                "fund": offer.fund_id,
                "record_on": cycle.record_on,
                "minimum": offer.minimum_units,
                "per_units": offer.per_units,
                "before": before.pk if before else None,
            },
        )
        return int(cursor.rowcount)


def remind_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: a week before a cycle closes, remind those who have not claimed, once."""
    counts = {"reminded": 0, "errors": 0}
    due = Cycle.objects.filter(
        state=Cycle.State.OPEN, reminded_at__isnull=True, closes_on__lt=on + timedelta(days=REMIND_DAYS)
    )
    locks.each(
        due.order_by("closes_on", "pk").values_list("pk", flat=True), lambda pk: _remind(pk, at), counts, "reminded"
    )
    return counts


def _remind(cycle_id: int, at: datetime) -> bool:
    with transaction.atomic():
        cycle = locks.try_lock(Cycle, cycle_id, state=Cycle.State.OPEN, reminded_at=None)
        if cycle is None:
            return False
        cycle.reminded_at = at
        cycle.save(update_fields=["reminded_at"])
        publish(events.CycleEnding(cycle_id=cycle.pk, at=at), key=str(cycle.pk), at=at)
        return True


def close_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: close cycles whose last day is over; what was not claimed expires, or comes with the next cycle.

    Two steps, each its own transaction: the cycle first, so that no claim is under way any more when the entitlements
    are taken (a claim locks its entitlement before the cycle).
    """
    counts = {"closed": 0, "unclaimed": 0, "errors": 0}
    over = Cycle.objects.filter(state=Cycle.State.OPEN, closes_on__lt=on).order_by("closes_on", "pk")
    locks.each(over.values_list("pk", flat=True), lambda pk: _close(pk, at), counts, "closed")
    left = Entitlement.objects.filter(_over(on), cycle=OuterRef("pk"), state=Entitlement.State.CLAIMABLE)
    for cycle in Cycle.objects.filter(Exists(left), state=Cycle.State.CLOSED).select_related("offer__fund"):
        counts["unclaimed"] += _end_unclaimed(cycle, on)
    return counts


def _over(on: date) -> Q:
    """Entitlements whose own last day, if they have one, is over."""
    return Q(claim_by__isnull=True) | Q(claim_by__lt=on)


def _close(cycle_id: int, at: datetime) -> bool:
    with transaction.atomic():
        cycle = locks.try_lock(Cycle, cycle_id, state=Cycle.State.OPEN)
        if cycle is None:
            return False
        CYCLE_STATES.move(cycle, Cycle.State.CLOSED, at=at)
        publish(events.CycleClosed(cycle_id=cycle.pk, at=at), key=str(cycle.pk), at=at)
        return True


def _end_unclaimed(cycle: Cycle, on: date) -> int:
    """What nobody claimed: carried where the rule says so and another cycle comes, of this version or of the one that
    replaces it, else expired."""
    offer = cycle.offer
    state = Entitlement.State.EXPIRED
    comes = offer.ended_at is None or Offer.objects.filter(replaces=offer, ended_at=None).exists()
    if offer.unclaimed == Offer.Unclaimed.CARRY and comes:
        fund = offer.fund
        later = calendar.openings(offer, calendar.periods_of(fund, offerings.current_terms(fund)))
        known = set(offer.cycles.values_list("number", flat=True))
        if any(opening.number > cycle.number and opening.number not in known for opening in later):
            state = Entitlement.State.CARRIED
    return Entitlement.objects.filter(_over(on), cycle=cycle, state=Entitlement.State.CLAIMABLE).update(state=state)


def deliver_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: what was sent two weeks ago, did not come back and is not complained of has arrived; addresses are erased
    when their time is over, also of what came back and is not answered."""
    sent = Parcel.objects.filter(
        entitlement__state=Entitlement.State.SHIPPED,
        shipped_on__lt=on - timedelta(days=DELIVERED_AFTER_DAYS),
        complaint="",
    )
    arrived = Entitlement.objects.filter(pk__in=sent.values("entitlement_id"), state=Entitlement.State.SHIPPED).update(
        state=Entitlement.State.DELIVERED
    )
    old = Parcel.objects.filter(
        erased_at__isnull=True,
        shipped_on__lt=on - timedelta(days=ADDRESS_DAYS),
        entitlement__state__in=[
            Entitlement.State.SHIPPED,
            Entitlement.State.DELIVERED,
            Entitlement.State.RETURNED,
            Entitlement.State.SUBSTITUTED,
        ],
    )
    return {"arrived": arrived, "erased": claims.erase(old, at=at)}
