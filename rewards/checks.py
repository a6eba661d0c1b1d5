"""What must hold of rewards (domain.md section 9.7)."""

from __future__ import annotations

from collections.abc import Iterator

from microfund.kernel.integrity import query, register


def entitlements() -> Iterator[str]:
    """Every holding that reached an offer's units on the record date, or of which something was carried to it, has an
    entitlement of the cycle, and no other."""
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
             UNION
            SELECT carried_to_id, holding_id FROM rewards_entitlement WHERE carried_to_id IS NOT NULL
        )
        SELECT format('rewards_cycle %s: holding %s has %s', coalesce(held.cycle_id, entitlement.cycle_id),
                      coalesce(held.holding_id, entitlement.holding_id),
                      CASE WHEN entitlement.id IS NULL THEN 'no entitlement' ELSE 'an entitlement without units' END)
          FROM held
          FULL JOIN (SELECT * FROM rewards_entitlement WHERE replaces_id IS NULL) AS entitlement
            ON entitlement.cycle_id = held.cycle_id AND entitlement.holding_id = held.holding_id
         WHERE held.cycle_id IS NULL OR entitlement.id IS NULL
         ORDER BY 1
    """)


def stock() -> Iterator[str]:
    """What a cycle says it promised is the sum of what was claimed and not given back, and within its stock; what was
    sent or used stays out of it, also where something else or money followed, or the units went."""
    yield from query("""
        SELECT format('rewards_cycle %s: says %s of %s promised, its entitlements make %s', cycle.id, cycle.promised,
                      coalesce(cycle.stock::text, 'any'), coalesce(own.promised, 0))
          FROM rewards_cycle AS cycle
          LEFT JOIN (SELECT entitlement.cycle_id, sum(entitlement.quantity) AS promised
                       FROM rewards_entitlement AS entitlement
                       LEFT JOIN rewards_parcel AS parcel ON parcel.entitlement_id = entitlement.id
                       LEFT JOIN rewards_voucher AS voucher ON voucher.entitlement_id = entitlement.id
                      WHERE entitlement.state IN ('claimed', 'passed_on', 'packing', 'shipped', 'delivered', 'returned',
                                                  'substituted')
                         OR entitlement.state IN ('moved', 'compensated', 'withdrawn', 'declined')
                        AND (parcel.shipped_on IS NOT NULL OR voucher.balance < voucher.value OR EXISTS
                             (SELECT 1 FROM rewards_download AS taken WHERE taken.entitlement_id = entitlement.id))
                      GROUP BY 1) AS own ON own.cycle_id = cycle.id
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
    """What is left of a voucher is its value less its uses; that of a reward is worth its items, of which the last may
    be there in part, where its units were taken back and more was used."""
    yield from query("""
        SELECT format('rewards_voucher %s: %s of %s are left, its uses make %s', voucher.id, voucher.balance,
                      voucher.value, coalesce(own.used, 0))
          FROM rewards_voucher AS voucher
          LEFT JOIN (SELECT voucher_id, sum(amount) AS used FROM rewards_redemption GROUP BY voucher_id) AS own
            ON own.voucher_id = voucher.id
         WHERE voucher.value - coalesce(own.used, 0) <> voucher.balance
         ORDER BY voucher.id
    """)
    yield from query("""
        SELECT format('rewards_voucher %s: is worth %s, for %s items of %s', voucher.id, voucher.value,
                      entitlement.quantity, offer.value)
          FROM rewards_voucher AS voucher
          JOIN rewards_entitlement AS entitlement ON entitlement.id = voucher.entitlement_id
          JOIN rewards_cycle AS cycle ON cycle.id = entitlement.cycle_id
          JOIN rewards_offer AS offer ON offer.id = cycle.offer_id
         WHERE voucher.value > offer.value * entitlement.quantity
            OR voucher.value < offer.value * entitlement.quantity
               AND (voucher.value <= offer.value * (entitlement.quantity - 1) OR voucher.balance > 0)
         ORDER BY voucher.id
    """)


def in_kind() -> Iterator[str]:
    """Every line taken in kind has one voucher once its event was heard, worth its net and bonus, for at most six
    months; one that has ended left what came back to cash, and one that has not ended nothing."""
    yield from query("""
        SELECT format('investments_electedline %s: net %s and a bonus of %s; voucher %s is worth %s until %s', line.id,
                      line.net, line.bonus, coalesce(voucher.id::text, 'none'), coalesce(voucher.value, 0),
                      coalesce(voucher.valid_until::text, '-'))
          FROM (SELECT line.*, distribution.approved_at, policy.zone, fund.business_id
                  FROM investments_electedline AS line
                  JOIN investments_distribution AS distribution
                    ON distribution.id = line.distribution_id AND distribution.state = 'approved'
                  JOIN investments_fund AS fund ON fund.id = distribution.fund_id
                  JOIN investments_policyprofile AS policy ON policy.id = fund.policy_id
                 WHERE line.choice = 'in_kind') AS line
          FULL JOIN (SELECT * FROM rewards_voucher WHERE line_id IS NOT NULL) AS voucher ON voucher.line_id = line.id
         WHERE line.id IS NULL
            OR voucher.id IS NULL AND EXISTS (
               SELECT FROM outbox_event AS event
                 JOIN outbox_delivery AS delivery
                   ON delivery.event_id = event.id AND delivery.subscriber = 'rewards.in_kind.taken_in_kind'
                WHERE event.kind = 'DistributionTakenInKind'
                  AND (event.payload ->> 'distribution_id')::bigint = line.distribution_id)
            OR voucher.value <> line.net + floor(line.net * line.bonus) OR voucher.business_id <> line.business_id
            OR voucher.valid_until > ((line.approved_at AT TIME ZONE line.zone)::date + interval '6 months')::date
         ORDER BY 1
    """)
    yield from query("""
        SELECT format('rewards_voucher %s: %s of %s are left, ended %s, %s of %s came back to cash', voucher.id,
                      voucher.balance, voucher.value, coalesce(voucher.ended_at::text, '-'),
                      coalesce(back.amount::text, 'nothing'), line.net)
          FROM rewards_voucher AS voucher
          JOIN investments_electedline AS line ON line.id = voucher.line_id
          LEFT JOIN investments_electedreturn AS back ON back.line_id = line.id
         WHERE back.id IS NOT NULL
               AND (voucher.ended_at IS NULL OR back.amount <> voucher.balance * line.net / voucher.value)
         ORDER BY voucher.id
    """)


def replaced() -> Iterator[str]:
    """What replaces an entitlement is of its fund, and together worth what it was, or less where units of its holding
    were taken back since; nothing else has passed on."""
    yield from query("""
        SELECT format('rewards_entitlement %s: is %s, worth %s, %s items; what replaces it is worth %s, %s items',
                      old.id, old.state, offer.value * old.quantity, old.quantity, coalesce(made.value, 0),
                      coalesce(made.quantity, 0))
          FROM rewards_entitlement AS old
          JOIN rewards_cycle AS cycle ON cycle.id = old.cycle_id
          JOIN rewards_offer AS offer ON offer.id = cycle.offer_id
          LEFT JOIN (SELECT entitlement.replaces_id, sum(offer.value * entitlement.quantity) AS value,
                            sum(entitlement.quantity) AS quantity, min(entitlement.cycle_id) AS first,
                            max(entitlement.cycle_id) AS last, min(offer.fund_id) AS fund_id,
                            bool_or(EXISTS (SELECT FROM investments_movement AS movement
                                             WHERE movement.holding_id = entitlement.holding_id
                                               AND movement.units < 0)) AS taken_back
                       FROM rewards_entitlement AS entitlement
                       JOIN rewards_cycle AS cycle ON cycle.id = entitlement.cycle_id
                       JOIN rewards_offer AS offer ON offer.id = cycle.offer_id
                      WHERE entitlement.replaces_id IS NOT NULL GROUP BY 1) AS made ON made.replaces_id = old.id
         WHERE (old.state = 'moved') <> (made.replaces_id IS NOT NULL)
            OR made.replaces_id IS NOT NULL
               AND (made.fund_id <> offer.fund_id OR made.value > offer.value * old.quantity
                    OR made.first = old.cycle_id AND made.last = old.cycle_id AND made.quantity > old.quantity
                    OR NOT made.taken_back
                       AND (made.value < offer.value * old.quantity
                            OR made.first = old.cycle_id AND made.last = old.cycle_id AND made.quantity < old.quantity))
         ORDER BY old.id
    """)


def compensations() -> Iterator[str]:
    """Money instead of a reward was decided by two people, is no more than its value, ended the entitlement, and is
    journaled at each step with its amount, also where it is written off; what a fund's book owes is what is decided
    and neither paid nor given up."""
    yield from query("""
        WITH posted AS (
            SELECT split_part(min(line.subject), ':', 2)::bigint AS id, entry.kind,
                   sum(line.amount) FILTER (WHERE line.side = 'D') AS amount
              FROM investments_entry AS entry
              JOIN investments_line AS line ON line.entry_id = entry.id
              JOIN investments_account AS account ON account.id = line.account_id
              JOIN investments_book AS book ON book.id = account.book_id AND book.kind = 'fund'
             WHERE entry.kind IN ('compensation_approved', 'compensation_paid_in', 'compensation_paid',
                                  'compensation_written_off')
             GROUP BY entry.id
        ), steps AS (
            SELECT coalesce(own.id, posted.id) AS id,
                   max(posted.amount) FILTER (WHERE posted.kind = 'compensation_approved') AS approved,
                   max(posted.amount) FILTER (WHERE posted.kind = 'compensation_paid_in') AS paid_in,
                   max(posted.amount) FILTER (WHERE posted.kind = 'compensation_paid') AS paid,
                   max(posted.amount) FILTER (WHERE posted.kind = 'compensation_written_off') AS lost
              FROM rewards_compensation AS own FULL JOIN posted ON posted.id = own.id
             GROUP BY 1
        )
        SELECT format('rewards_compensation %s: %s of %s is %s for an entitlement that is %s; journaled %s, %s, %s, %s',
                      steps.id, own.amount, own.value, coalesce(own.state, 'missing'), entitlement.state,
                      coalesce(steps.approved, 0), coalesce(steps.paid_in, 0), coalesce(steps.paid, 0),
                      coalesce(steps.lost, 0))
          FROM steps
          LEFT JOIN rewards_compensation AS own ON own.id = steps.id
          LEFT JOIN rewards_entitlement AS entitlement ON entitlement.id = own.entitlement_id
         WHERE own.id IS NULL OR own.amount > own.value OR own.checker_id = own.maker_id
            OR own.loss_checker_id = own.loss_maker_id
            OR (entitlement.state = 'compensated') <> (own.state IN ('approved', 'funded', 'paid', 'lost'))
               AND own.state <> 'withdrawn'
            OR coalesce(steps.approved, 0) <>
               CASE WHEN own.state IN ('approved', 'funded', 'paid', 'lost') THEN own.amount ELSE 0 END
            OR coalesce(steps.lost, 0) <> CASE own.state WHEN 'lost' THEN own.amount ELSE 0 END
            OR coalesce(steps.paid_in, 0) <> CASE WHEN own.state IN ('funded', 'paid') THEN own.amount ELSE 0 END
            OR coalesce(steps.paid, 0) <> CASE own.state WHEN 'paid' THEN own.amount ELSE 0 END
         ORDER BY steps.id
    """)
    yield from query("""
        SELECT format('investments_fund %s (%s): owes %s instead of rewards, the compensations make %s', fund.id,
                      fund.slug, coalesce(posted.amount, 0), coalesce(own.amount, 0))
          FROM investments_fund AS fund
          LEFT JOIN (SELECT account.book_id,
                            sum(CASE line.side WHEN 'C' THEN line.amount ELSE -line.amount END) AS amount
                       FROM investments_line AS line
                       JOIN investments_account AS account
                         ON account.id = line.account_id AND account.code = 'compensations_payable'
                      GROUP BY 1) AS posted ON posted.book_id = fund.book_id
          LEFT JOIN (SELECT offer.fund_id, sum(compensation.amount) AS amount
                       FROM rewards_compensation AS compensation
                       JOIN rewards_entitlement AS entitlement ON entitlement.id = compensation.entitlement_id
                       JOIN rewards_cycle AS cycle ON cycle.id = entitlement.cycle_id
                       JOIN rewards_offer AS offer ON offer.id = cycle.offer_id
                      WHERE compensation.state IN ('approved', 'funded') GROUP BY 1) AS own ON own.fund_id = fund.id
         WHERE coalesce(posted.amount, 0) <> coalesce(own.amount, 0)
         ORDER BY fund.id
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
    register("rewards.in_kind", "10", in_kind)
    register("rewards.replaced", "9.7", replaced)
    register("rewards.compensations", "7", compensations)
    register("rewards.visits", "10", visits)
