"""What must hold of rewards (domain.md section 9.7)."""

from __future__ import annotations

from collections.abc import Iterator

from microfund.kernel.integrity import query, register


def entitlements() -> Iterator[str]:
    """Every holding that reached an offer's units on the record date has an entitlement of the cycle, and no other."""
    yield from query("""
        WITH held AS (
            SELECT cycle.id AS cycle_id, holding.id AS holding_id
              FROM rewards_cycle AS cycle
              JOIN rewards_offer AS offer ON offer.id = cycle.offer_id
              JOIN investments_holding AS holding ON holding.fund_id = offer.fund_id
              JOIN investments_movement AS movement
                ON movement.holding_id = holding.id AND movement.effective_on <= cycle.record_on
             GROUP BY cycle.id, holding.id, offer.minimum_units, offer.per_units
            HAVING sum(movement.units) >= greatest(offer.minimum_units, coalesce(offer.per_units, 1))
        )
        SELECT format('rewards_cycle %s: holding %s has %s', coalesce(held.cycle_id, entitlement.cycle_id),
                      coalesce(held.holding_id, entitlement.holding_id),
                      CASE WHEN entitlement.id IS NULL THEN 'no entitlement' ELSE 'an entitlement without units' END)
          FROM held
          FULL JOIN rewards_entitlement AS entitlement
            ON entitlement.cycle_id = held.cycle_id AND entitlement.holding_id = held.holding_id
         WHERE held.cycle_id IS NULL OR entitlement.id IS NULL
         ORDER BY 1
    """)


def stock() -> Iterator[str]:
    """What a cycle says it promised is the sum of what was claimed and not given back, and within its stock."""
    yield from query("""
        SELECT format('rewards_cycle %s: says %s of %s promised, its entitlements make %s', cycle.id, cycle.promised,
                      coalesce(cycle.stock::text, 'any'), coalesce(own.promised, 0))
          FROM rewards_cycle AS cycle
          LEFT JOIN (SELECT cycle_id, sum(quantity) AS promised FROM rewards_entitlement
                      WHERE state IN ('claimed', 'passed_on', 'packing', 'shipped', 'delivered', 'returned',
                                      'substituted')
                      GROUP BY cycle_id) AS own ON own.cycle_id = cycle.id
         WHERE cycle.promised <> coalesce(own.promised, 0) OR cycle.promised > cycle.stock
         ORDER BY cycle.id
    """)


def parcels() -> Iterator[str]:
    """What is claimed travels in one parcel or is a voucher; what is packed is in a batch of its cycle."""
    yield from query("""
        SELECT format('rewards_entitlement %s: is %s with %s', entitlement.id, entitlement.state,
                      CASE WHEN parcel.id IS NULL THEN 'no parcel' ELSE format('batch %s', batch.id) END)
          FROM rewards_entitlement AS entitlement
          JOIN rewards_cycle AS cycle ON cycle.id = entitlement.cycle_id
          JOIN rewards_offer AS offer ON offer.id = cycle.offer_id
          LEFT JOIN rewards_parcel AS parcel ON parcel.entitlement_id = entitlement.id
          LEFT JOIN rewards_batch AS batch ON batch.id = parcel.batch_id
         WHERE entitlement.state IN ('claimed', 'passed_on', 'packing', 'shipped') AND parcel.id IS NULL
            OR entitlement.state IN ('packing', 'shipped') AND batch.cycle_id IS DISTINCT FROM entitlement.cycle_id
            OR entitlement.state IN ('claimed', 'passed_on') AND parcel.batch_id IS NOT NULL
         ORDER BY entitlement.id
    """)


def vouchers() -> Iterator[str]:
    """What is left of a voucher is its value less its uses."""
    yield from query("""
        SELECT format('rewards_voucher %s: %s of %s are left, its uses make %s', voucher.id, voucher.balance,
                      voucher.value, coalesce(own.used, 0))
          FROM rewards_voucher AS voucher
          LEFT JOIN (SELECT voucher_id, sum(amount) AS used FROM rewards_redemption GROUP BY voucher_id) AS own
            ON own.voucher_id = voucher.id
         WHERE voucher.value - coalesce(own.used, 0) <> voucher.balance
         ORDER BY voucher.id
    """)


def visits() -> Iterator[str]:
    """The seats that a visit says are taken are those of its bookings."""
    yield from query("""
        SELECT format('rewards_visit %s: says %s of %s seats taken, its bookings make %s', visit.id, visit.taken,
                      visit.seats, coalesce(own.taken, 0))
          FROM rewards_visit AS visit
          LEFT JOIN (SELECT visit_id, sum(seats) AS taken FROM rewards_booking
                      WHERE state IN ('booked', 'attended', 'absent') GROUP BY visit_id) AS own
            ON own.visit_id = visit.id
         WHERE visit.taken <> coalesce(own.taken, 0)
         ORDER BY visit.id
    """)


def register_checks() -> None:
    """Called once when the app is ready."""
    register("rewards.entitlements", "9.7", entitlements)
    register("rewards.stock", "9.7", stock)
    register("rewards.parcels", "9.7", parcels)
    register("rewards.vouchers", "9.7", vouchers)
    register("rewards.visits", "10", visits)
