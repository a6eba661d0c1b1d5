"""What must hold of orders, their counters, acceptances, holdings and confirmations (domain.md sections 4, 9.2)."""

from __future__ import annotations

from collections.abc import Iterator

from investments.offerings.models import Document
from microfund.kernel.integrity import query, register, rows


def amounts() -> Iterator[str]:
    """An order's amounts are those of its terms times its units, in the fund's currency and within the limits."""
    return query("""
        SELECT format('investments_order %s (%s): %s units for %s+%s+%s=%s %s, its terms say %s+%s+%s %s each',
                      "order".id, "order".reference, "order".units, "order".investment, "order".donation, "order".fee,
                      "order".total, "order".currency, terms.investment, terms.donation, terms.fee, fund.currency)
          FROM investments_order AS "order"
          JOIN investments_terms AS terms ON terms.id = "order".terms_id
          JOIN investments_fund AS fund ON fund.id = "order".fund_id
          LEFT JOIN investments_policyprofile AS policy ON policy.id = fund.policy_id
         WHERE terms.fund_id <> "order".fund_id OR "order".currency <> fund.currency
            OR "order".investment <> terms.investment * "order".units
            OR "order".donation <> terms.donation * "order".units
            OR "order".fee <> terms.fee * "order".units
            OR "order".total <> "order".investment + "order".donation + "order".fee
            OR "order".units > coalesce(policy.units_per_order, 0)
         ORDER BY "order".id
    """)


def fund_counters() -> Iterator[str]:
    """A fund's counter says what its orders say, and offers at least what is reserved and sold."""
    return query("""
        SELECT format('investments_fundcounter %s (%s): reserved %s, delayed %s, sold %s, cleared %s of %s; '
                      'its orders say %s, %s, %s, %s', counter.fund_id, fund.slug, counter.reserved,
                      counter.reserved_delayed, counter.sold, counter.cleared, counter.offered,
                      coalesce(orders.reserved, 0), coalesce(orders.delayed, 0), coalesce(orders.sold, 0),
                      coalesce(orders.cleared, 0))
          FROM investments_fundcounter AS counter
          JOIN investments_fund AS fund ON fund.id = counter.fund_id
          LEFT JOIN (
                SELECT fund_id,
                       sum(units) FILTER (WHERE state IN ('reserved', 'awaiting_payment')) AS reserved,
                       sum(units) FILTER (WHERE state IN ('reserved', 'awaiting_payment') AND method <> 'card')
                           AS delayed,
                       sum(units) FILTER (WHERE state IN ('paid', 'confirmed')) AS sold,
                       sum(units) FILTER (WHERE state IN ('paid', 'confirmed') AND cleared_at IS NOT NULL) AS cleared
                  FROM investments_order GROUP BY fund_id
               ) AS orders ON orders.fund_id = counter.fund_id
         WHERE (counter.reserved, counter.reserved_delayed, counter.sold, counter.cleared)
               IS DISTINCT FROM (coalesce(orders.reserved, 0), coalesce(orders.delayed, 0), coalesce(orders.sold, 0),
                                 coalesce(orders.cleared, 0))
            OR counter.offered < counter.reserved + counter.sold
         ORDER BY counter.fund_id
    """)


def person_funds() -> Iterator[str]:
    """A person's units in a fund are those of their orders, and within the fund's limit."""
    yield from query("""
        SELECT format('investments_personfund %s: investor %s in fund %s: %s units, the orders say %s',
                      coalesce(max(id)::text, 'missing'), investor_id, fund_id, sum(own), sum(ordered))
          FROM (SELECT id, investor_id, fund_id, units AS own, 0 AS ordered FROM investments_personfund
                 UNION ALL
                SELECT NULL, investor_id, fund_id, 0, units FROM investments_order
                 WHERE state IN ('reserved', 'awaiting_payment', 'paid', 'confirmed')) AS part
         GROUP BY investor_id, fund_id HAVING sum(own) <> sum(ordered) OR count(id) > 1
         ORDER BY 1
    """)
    yield from query("""
        SELECT format('investments_personfund %s: investor %s in fund %s: %s units, the limit is %s', own.id,
                      own.investor_id, own.fund_id, own.units, policy.units_per_person)
          FROM investments_personfund AS own
          JOIN investments_fund AS fund ON fund.id = own.fund_id
          JOIN investments_policyprofile AS policy ON policy.id = fund.policy_id
         WHERE own.units > policy.units_per_person
         ORDER BY own.id
    """)


def person_businesses() -> Iterator[str]:
    """A person's total in a business is the investment of their orders of the last twelve months."""
    return query("""
        SELECT format('investments_personbusiness %s: investor %s in business %s: %s yen, the orders say %s',
                      coalesce(max(id)::text, 'missing'), investor_id, business_id, bigint_sum(own),
                      bigint_sum(ordered))
          FROM (SELECT id, investor_id, business_id, invested AS own, 0::bigint AS ordered
                  FROM investments_personbusiness
                 UNION ALL
                SELECT NULL, "order".investor_id, fund.business_id, 0, "order".investment
                  FROM investments_order AS "order" JOIN investments_fund AS fund ON fund.id = "order".fund_id
                 WHERE "order".state IN ('reserved', 'awaiting_payment', 'paid', 'confirmed') AND "order".counted)
               AS part
         GROUP BY investor_id, business_id HAVING bigint_sum(own) <> bigint_sum(ordered) OR count(id) > 1
         ORDER BY 1
    """)


def acceptances() -> Iterator[str]:
    """Every order has accepted every document of its terms, in the bytes that are stored."""
    kinds = list(Document.Kind.values)
    # One pass finds the orders in which something differs, or which a giver has accepted too: only theirs are looked at
    # again.
    wrong = rows(
        """
        WITH document AS MATERIALIZED (
            SELECT id, terms_id, sha256, 1 << array_position(%(kinds)s::text[], kind::text) AS kind
              FROM investments_document
        )
        SELECT DISTINCT coalesce("order".id, own.order_id)
          FROM investments_order AS "order"
          FULL JOIN (SELECT acceptance.order_id, acceptance.investor_id, bit_or(document.kind) AS kinds,
                            min(document.terms_id) AS first_terms, max(document.terms_id) AS last_terms,
                            bool_or(acceptance.sha256 <> document.sha256) AS other_bytes
                       FROM investments_acceptance AS acceptance
                       JOIN document ON document.id = acceptance.document_id
                      GROUP BY 1, 2) AS own
            ON own.order_id = "order".id AND own.investor_id = "order".investor_id
         WHERE own.kinds IS DISTINCT FROM %(all)s OR own.other_bytes
            OR own.first_terms <> "order".terms_id OR own.last_terms <> "order".terms_id
        """,
        {"kinds": kinds, "all": sum(1 << number for number in range(1, len(kinds) + 1))},
    )
    values = {"kinds": kinds, "orders": [order_id for (order_id,) in wrong]}
    yield from query(
        """
        SELECT format('investments_acceptance %s (order %s): accepts %s, document %s is %s of terms %s', acceptance.id,
                      acceptance.order_id, left(acceptance.sha256, 12), document.id, left(document.sha256, 12),
                      document.terms_id)
          FROM investments_acceptance AS acceptance
          JOIN investments_order AS "order" ON "order".id = acceptance.order_id
          JOIN investments_document AS document ON document.id = acceptance.document_id
         WHERE acceptance.order_id = ANY(%(orders)s)
           AND (acceptance.sha256 <> document.sha256
                OR acceptance.investor_id = "order".investor_id AND document.terms_id <> "order".terms_id
                OR acceptance.investor_id NOT IN ("order".investor_id, "order".payer_id))
         ORDER BY acceptance.id
        """,
        values,
    )
    yield from query(
        """
        SELECT format('investments_order %s (%s): has accepted %s of %s kinds of documents', "order".id,
                      "order".reference, count(DISTINCT document.kind), cardinality(%(kinds)s))
          FROM investments_order AS "order"
          LEFT JOIN (investments_acceptance AS acceptance
                     JOIN investments_document AS document
                       ON document.id = acceptance.document_id AND document.kind = ANY(%(kinds)s))
            ON acceptance.order_id = "order".id AND acceptance.investor_id = "order".investor_id
         WHERE "order".id = ANY(%(orders)s)
         GROUP BY "order".id HAVING count(DISTINCT document.kind) < cardinality(%(kinds)s)
         ORDER BY "order".id
        """,
        values,
    )


def dates() -> Iterator[str]:
    """No order is cleared before its cooling-off is over, or confirmed before it is cleared and its fund succeeded."""
    return query("""
        SELECT format('investments_order %s (%s): is %s, cooling-off ends %s, cleared %s, confirmed %s, '
                      'fund succeeded %s', "order".id, "order".reference, "order".state,
                      coalesce("order".cooling_off_ends_at::text, 'never'),
                      coalesce("order".cleared_at::text, 'never'), coalesce("order".confirmed_at::text, 'never'),
                      coalesce(fund.succeeded_at::text, 'never'))
          FROM investments_order AS "order" JOIN investments_fund AS fund ON fund.id = "order".fund_id
         WHERE "order".cleared_at < "order".cooling_off_ends_at
            OR "order".confirmed_at < "order".cooling_off_ends_at
            OR ("order".state = 'confirmed') AND ("order".confirmed_at IS NULL OR "order".cleared_at IS NULL
                OR "order".confirmed_at < "order".cleared_at OR fund.succeeded_at IS NULL
                OR "order".confirmed_at < fund.succeeded_at)
            OR ("order".state IN ('expired', 'cancelled', 'failed', 'refunded')) <> ("order".ended_at IS NOT NULL)
         ORDER BY "order".id
    """)


def confirmations() -> Iterator[str]:
    """A confirmed order has exactly one confirm movement of its units, a refunded one also its opposite."""
    return query("""
        WITH wanted AS (
            SELECT 'confirm' AS kind, id, reference, investor_id, fund_id, units
              FROM investments_order WHERE confirmed_at IS NOT NULL
             UNION ALL
            SELECT 'rescind', id, reference, investor_id, fund_id, -units
              FROM investments_order WHERE confirmed_at IS NOT NULL AND state = 'refunded'
        ), moved AS (
            SELECT movement.id, movement.kind, movement.source, movement.units, holding.investor_id, holding.fund_id
              FROM investments_movement AS movement
              JOIN investments_holding AS holding ON holding.id = movement.holding_id
             WHERE movement.kind IN ('confirm', 'rescind')
        )
        SELECT CASE WHEN moved.id IS NULL THEN format('investments_order %s (%s): has no movement %s', wanted.id,
                                                      wanted.reference, wanted.kind)
                    WHEN wanted.id IS NULL THEN format('investments_movement %s: %s of %s units, but no such order is',
                                                       moved.id, moved.kind || ' ' || moved.source, moved.units)
                    ELSE format('investments_movement %s: %s units of investor %s in fund %s; order %s has %s, %s, %s',
                                moved.id, moved.units, moved.investor_id, moved.fund_id, wanted.reference,
                                wanted.units, wanted.investor_id, wanted.fund_id) END
          FROM wanted FULL JOIN moved ON moved.kind = wanted.kind AND moved.source = 'order:' || wanted.id
         WHERE (moved.units, moved.investor_id, moved.fund_id)
               IS DISTINCT FROM (wanted.units, wanted.investor_id, wanted.fund_id)
    """)


def confirmed_money() -> Iterator[str]:
    """A confirmed order has left the deposits once: donation and investment payable, fee to the operator."""
    return query("""
        WITH posted AS (
            SELECT entry.id, entry.reference, min(account.book_id) AS book_id,
                   coalesce(bigint_sum(line.amount) FILTER (WHERE account.code = 'applicant_deposits'
                                                              AND line.side = 'D'), 0) AS total,
                   coalesce(bigint_sum(line.amount) FILTER (WHERE account.code = 'donation_payable'
                                                              AND line.side = 'C'), 0) AS donation,
                   coalesce(bigint_sum(line.amount) FILTER (WHERE account.code = 'investment_payable'
                                                              AND line.side = 'C'), 0) AS investment,
                   coalesce(bigint_sum(line.amount) FILTER (WHERE account.code = 'due_to_operator'
                                                              AND line.side = 'C'), 0) AS fee
              FROM investments_entry AS entry
              JOIN investments_line AS line ON line.entry_id = entry.id
              JOIN investments_account AS account ON account.id = line.account_id
               AND account.code IN ('applicant_deposits', 'donation_payable', 'investment_payable', 'due_to_operator')
             WHERE entry.kind = 'order_confirmed'
             GROUP BY entry.id
        )
        SELECT CASE WHEN posted.id IS NULL THEN format('investments_order %s (%s): confirmed without an entry',
                                                       own.id, own.reference)
                    WHEN own.id IS NULL THEN format('investments_entry %s (%s): no such order is confirmed',
                                                    posted.id, posted.reference)
                    ELSE format('investments_entry %s (%s): is not the confirmation of order %s', posted.id,
                                posted.reference, own.reference) END
          FROM (SELECT "order".id, "order".reference, "order".total, "order".donation, "order".investment, "order".fee,
                       fund.book_id
                  FROM investments_order AS "order"
                  JOIN investments_fund AS fund ON fund.id = "order".fund_id
                 WHERE "order".confirmed_at IS NOT NULL) AS own
          FULL JOIN posted ON posted.reference = 'order_confirmed:order:' || own.id
         WHERE (posted.total, posted.donation, posted.investment, posted.fee, posted.book_id)
               IS DISTINCT FROM (own.total, own.donation, own.investment, own.fee, own.book_id)
    """)


def register_checks() -> None:
    """Called once when the app is ready."""
    register("orders.amounts", "4", amounts)
    register("orders.fund_counters", "9.2", fund_counters)
    register("orders.person_funds", "4.2", person_funds)
    register("orders.person_businesses", "4.2", person_businesses)
    register("orders.acceptances", "4.1", acceptances)
    register("orders.dates", "4.5", dates)
    register("orders.confirmations", "9.2", confirmations)
    register("orders.confirmed_money", "9.3", confirmed_money)
