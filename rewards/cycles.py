"""Cycles: opened, reminded of and closed by sweeps, each step idempotent and set-based (domain.md 6 and 10)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q

from investments.models import Fund, Holding
from investments.offerings import services as offerings
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.outbox.services import publish

from . import calendar, claims, events, heirs
from .models import CYCLE_STATES, Cycle, Entitlement, Offer, Parcel

#: States of a fund in which its cycles open.
OPENS_IN = (Fund.State.OPERATING, Fund.State.MATURED)
REMIND_DAYS = 7
#: A parcel that nobody complained of is taken to have arrived.
DELIVERED_AFTER_DAYS = 14
#: How long after sending an address is kept, for the owner and at all.
ADDRESS_DAYS = 30

#: Who finds again what was to come with a next season that never comes has this long to claim it.
AFTER_ALL_DAYS = 60

# What was carried belongs to the cycle first, so that it is counted once whatever else happens to it meanwhile.
_TAKE_CARRIED = """
UPDATE rewards_entitlement SET carried_to_id = %(cycle)s
 WHERE state = 'carried' AND carried_to_id IS NULL AND cycle_id = ANY(%(before)s)
"""
_OPEN = """
INSERT INTO rewards_entitlement (cycle_id, holding_id, quantity, state)
SELECT %(cycle)s, held.id,
       CASE WHEN %(per_units)s::bigint IS NULL THEN 1 ELSE held.units / %(per_units)s END
       + coalesce(carried.quantity, 0), 'claimable'
  FROM (SELECT holding.id, sum(movement.units)::bigint AS units
          FROM investments_holding AS holding
          JOIN investments_movement AS movement ON movement.holding_id = holding.id
         WHERE holding.fund_id = %(fund)s AND movement.effective_on <= %(record_on)s
           AND (%(holding)s::bigint IS NULL OR holding.id = %(holding)s)
         GROUP BY holding.id
        HAVING sum(movement.units) >= greatest(%(minimum)s, coalesce(%(per_units)s, 1))) AS held
  LEFT JOIN (SELECT holding_id, sum(quantity) AS quantity FROM rewards_entitlement
              WHERE cycle_id = ANY(%(before)s) AND state = 'carried' AND carried_to_id = %(cycle)s
              GROUP BY 1) AS carried ON carried.holding_id = held.id
 ORDER BY held.id
"""
# Whose units are too few for this version of the offer gets what was carried all the same.
_OPEN_CARRIED = """
INSERT INTO rewards_entitlement (cycle_id, holding_id, quantity, state)
SELECT %(cycle)s, carried.holding_id, sum(carried.quantity), 'claimable'
  FROM rewards_entitlement AS carried
 WHERE carried.cycle_id = ANY(%(before)s) AND carried.state = 'carried' AND carried.carried_to_id = %(cycle)s
   AND NOT EXISTS (SELECT FROM rewards_entitlement AS own
                    WHERE own.cycle_id = %(cycle)s AND own.holding_id = carried.holding_id)
 GROUP BY 2 ORDER BY 2
"""


def open_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: open every cycle whose first day has come, in the order of their days."""
    counts = {"opened": 0, "errors": 0}
    offers = Offer.objects.filter(
        ended_at__isnull=True,
        waiting=False,
        fund__state__in=OPENS_IN,
    ).exclude(cycle=Offer.Cycle.NONE)
    due = []
    for offer in offers.select_related("fund__policy"):
        terms = offerings.current_terms(offer.fund)
        for opening in calendar.to_come(offer, calendar.periods_of(offer.fund, terms)):
            if opening.opens_on <= on:
                due.append((opening.opens_on, offer.pk, opening))
    due.sort(key=lambda row: row[:2])
    locks.each(due, lambda row: open_cycle(row[1], row[2], at=at), counts, "opened")
    return counts


def open_cycle(offer_id: int, opening: calendar.Opening, *, at: datetime) -> bool:
    """Open one cycle: an entitlement for every holding of the record date that reaches the offer's units.

    False where it is open already or the offer has ended. Who claims has the whole time, also when it opens late; who
    sends has so as well, where the claims end later than they would begin to send.
    """
    with transaction.atomic():
        offer = locks.lock_one(Offer, offer_id)
        if offer.ended_at is not None or offer.waiting or offer.cycles.filter(number=opening.number).exists():
            return False
        late = max(0, (clock.today_in(None, at) - opening.opens_on).days)
        between = (opening.dispatch_from - opening.closes_on).days - 1 if opening.dispatch_from else 0
        cycle = Cycle.objects.create(
            offer=offer,
            number=opening.number,
            record_on=opening.record_on,
            opens_on=opening.opens_on,
            closes_on=opening.closes_on + timedelta(days=late),
            dispatch_from=opening.dispatch_from,
            dispatch_by=opening.dispatch_by + timedelta(days=max(0, late - max(0, between))),
            stock=offer.stock,
            opened_at=at,
        )
        cycle.entitlements_made = _entitle(cycle, offer)
        cycle.save(update_fields=["entitlements_made"])
        heirs.follow_in(cycle, at=at)
        publish(events.CycleOpened(cycle_id=cycle.pk, at=at), key=str(cycle.pk), at=at)
        return True


def _values(cycle: Cycle, offer: Offer, holding: int | None = None) -> dict[str, Any]:
    """What the statements above need; of one holding, or of all."""
    return {
        "cycle": cycle.pk,
        "fund": offer.fund_id,
        "record_on": cycle.record_on,
        "minimum": offer.minimum_units,
        "per_units": offer.per_units,
        "before": [],
        "holding": holding,
    }


def entitle_late(holding: Holding, *, since: date, at: datetime) -> list[Entitlement]:
    """Units that a holding got on a business date, `since`, but after a cycle had opened for that record date (both at
    midnight): what it should have had of it, once. A closed cycle gives it AFTER_ALL_DAYS."""
    made = []
    found = Cycle.objects.filter(offer__fund=holding.fund_id, record_on__gte=since).order_by("pk")
    for cycle in found.select_related("offer"):
        with transaction.atomic():
            locks.lock_one(Offer, cycle.offer_id)
            own = Entitlement.objects.filter(cycle=cycle, holding=holding, replaces=None)
            if own.exists():
                continue
            with connection.cursor() as cursor:
                cursor.execute(_OPEN, _values(cycle, cycle.offer, holding.pk))
            if cycle.state == Cycle.State.CLOSED:
                own.update(claim_by=after_all_until(at))
            Cycle.objects.filter(pk=cycle.pk).update(entitlements_made=F("entitlements_made") + own.count())
            made += list(own)
    return made


def _entitle(cycle: Cycle, offer: Offer) -> int:
    # What was carried by a version that this one replaces comes with this one's first cycle.
    before = Cycle.objects.filter(offer__in=calendar.lineage(offer)).exclude(pk=cycle.pk)
    values = {**_values(cycle, offer), "before": list(before.values_list("pk", flat=True))}
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_CARRIED, values)
        taken = cursor.rowcount
        cursor.execute(_OPEN, values)
        made = cursor.rowcount
        if taken:
            cursor.execute(_OPEN_CARRIED, values)
            made += cursor.rowcount
    return made


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
    """Sweep: close cycles whose last day is over; what was not claimed expires, or comes with the next cycle. What was
    to come with one that never comes, since the offer or the fund has ended, can be claimed after all.

    Three steps, each a transaction of its own: the cycle first, so that no claim is under way any more when the
    entitlements are taken (a claim locks its entitlement before the cycle).
    """
    counts = {"closed": 0, "unclaimed": 0, "after_all": 0, "errors": 0}
    over = Cycle.objects.filter(state=Cycle.State.OPEN, closes_on__lt=on).order_by("closes_on", "pk")
    locks.each(over.values_list("pk", flat=True), lambda pk: _close(pk, at), counts, "closed")
    left = Entitlement.objects.filter(_over(on), cycle=OuterRef("pk"), state=Entitlement.State.CLAIMABLE)
    for cycle in Cycle.objects.filter(Exists(left), state=Cycle.State.CLOSED).select_related("offer__fund__policy"):
        counts["unclaimed"] += _end_unclaimed(cycle, on)
    waits = Entitlement.objects.filter(cycle=OuterRef("pk"), state=Entitlement.State.CARRIED, carried_to=None)
    carrying = Cycle.objects.filter(Exists(waits)).select_related("offer__fund__policy").order_by("pk")
    locks.each(list(carrying), lambda cycle: _after_all(cycle, at), counts, "after_all")
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
    """What nobody claimed: carried where the rule says so and another cycle was to come, else expired. What has a last
    day of its own is carried only where one really comes: it was given all the time that there is."""
    rows = Entitlement.objects.filter(_over(on), cycle=cycle, state=Entitlement.State.CLAIMABLE)
    carried = 0
    if cycle.offer.unclaimed == Offer.Unclaimed.CARRY and _is_planned_after(cycle):
        own = rows if another_comes(cycle) else rows.filter(claim_by=None)
        carried = own.update(state=Entitlement.State.CARRIED)
    return carried + rows.update(state=Entitlement.State.EXPIRED)


def _is_planned_after(cycle: Cycle) -> bool:
    """Whether the calendar of the version of its offer that stands now has a later cycle."""
    offer, fund = calendar.newest(cycle.offer), cycle.offer.fund
    planned = calendar.to_come(offer, calendar.periods_of(fund, offerings.current_terms(fund)))
    return any(opening.opens_on > cycle.opens_on for opening in planned)


def another_comes(cycle: Cycle) -> bool:
    """Whether a later cycle will open with which something could come: neither the offer nor the fund has ended."""
    if calendar.newest(cycle.offer).ended_at is not None or cycle.offer.fund.state not in OPENS_IN:
        return False
    return _is_planned_after(cycle)


def after_all_until(at: datetime) -> date:
    """The last day to claim what was carried and, as is found at an instant, comes with no other cycle."""
    return clock.today_in(None, at) + timedelta(days=AFTER_ALL_DAYS)


def _after_all(cycle: Cycle, at: datetime) -> bool:
    """What was carried and comes with no other cycle can be claimed for AFTER_ALL_DAYS, as its holders are told."""
    with transaction.atomic():
        # Behind the lock of the version that stands, no cycle opens and none is made to come.
        offer = locks.lock_one(Offer, calendar.newest(cycle.offer).pk)
        if Offer.objects.filter(replaces=offer).exists() or another_comes(cycle):
            return False
        until = after_all_until(at)
        waits = Entitlement.objects.filter(cycle=cycle, state=Entitlement.State.CARRIED, carried_to=None)
        found = waits.update(state=Entitlement.State.CLAIMABLE, claim_by=until)
        if not found:
            return False
        changes = {"entitlements": found, "claim_by": until.isoformat()}
        audit.record(action="rewards.Cycle.after_all", subject=cycle, at=at, changes=changes)
        publish(events.CarriedAfterAll(cycle_id=cycle.pk, at=at), key=f"{cycle.pk}:{at.isoformat()}", at=at)
        return True


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
