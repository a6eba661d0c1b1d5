"""What must hold of orders, their counters, acceptances, holdings and confirmations (domain.md sections 4, 9.2)."""

from __future__ import annotations

from collections.abc import Iterator

from investments.offerings.models import Document
from microfund.kernel.integrity import query, register


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
    return query("""
        SELECT format('investments_personfund %s: investor %s in fund %s: %s units, the orders say %s',
                      coalesce(own.id::text, 'missing'), coalesce(own.investor_id, orders.investor_id),
                      coalesce(own.fund_id, orders.fund_id), coalesce(own.units, 0), coalesce(orders.units, 0))
          FROM investments_personfund AS own
          FULL JOIN (SELECT investor_id, fund_id, sum(units) AS units FROM investments_order
                      WHERE state IN ('reserved', 'awaiting_payment', 'paid', 'confirmed') GROUP BY 1, 2) AS orders
            ON orders.investor_id = own.investor_id AND orders.fund_id = own.fund_id
          LEFT JOIN investments_fund AS fund ON fund.id = own.fund_id
          LEFT JOIN investments_policyprofile AS policy ON policy.id = fund.policy_id
         WHERE coalesce(own.units, 0) <> coalesce(orders.units, 0) OR own.units > policy.units_per_person
         ORDER BY 1
    """)


def person_businesses() -> Iterator[str]:
    """A person's total in a business is the investment of their orders of the last twelve months."""
    return query("""
        SELECT format('investments_personbusiness %s: investor %s in business %s: %s yen, the orders say %s',
                      coalesce(own.id::text, 'missing'), coalesce(own.investor_id, orders.investor_id),
                      coalesce(own.business_id, orders.business_id), coalesce(own.invested, 0),
                      coalesce(orders.invested, 0))
          FROM investments_personbusiness AS own
          FULL JOIN (SELECT "order".investor_id, fund.business_id, sum("order".investment) AS invested
                       FROM investments_order AS "order" JOIN investments_fund AS fund ON fund.id = "order".fund_id
                      WHERE "order".state IN ('reserved', 'awaiting_payment', 'paid', 'confirmed') AND "order".counted
                      GROUP BY 1, 2) AS orders
            ON orders.investor_id = own.investor_id AND orders.business_id = own.business_id
         WHERE coalesce(own.invested, 0) <> coalesce(orders.invested, 0)
         ORDER BY 1
    """)


def acceptances() -> Iterator[str]:
    """Every order has accepted every document of its terms, in the bytes that are stored."""
    yield from query("""
        SELECT format('investments_acceptance %s (order %s): accepts %s, document %s is %s of terms %s', acceptance.id,
                      acceptance.order_id, left(acceptance.sha256, 12), document.id, left(document.sha256, 12),
                      document.terms_id)
          FROM investments_acceptance AS acceptance
          JOIN investments_order AS "order" ON "order".id = acceptance.order_id
          JOIN investments_document AS document ON document.id = acceptance.document_id
         WHERE acceptance.sha256 <> document.sha256
            OR acceptance.investor_id = "order".investor_id AND document.terms_id <> "order".terms_id
            OR acceptance.investor_id NOT IN ("order".investor_id, "order".payer_id)
         ORDER BY acceptance.id
    """)
    yield from query(
        """
        SELECT format('investments_order %s (%s): has accepted %s of %s kinds of documents', "order".id,
                      "order".reference, coalesce(own.kinds, 0), %(kinds)s)
          FROM investments_order AS "order"
          LEFT JOIN (SELECT acceptance.order_id, acceptance.investor_id, count(DISTINCT document.kind) AS kinds
                       FROM investments_acceptance AS acceptance
                       JOIN investments_document AS document ON document.id = acceptance.document_id
                      GROUP BY 1, 2) AS own
            ON own.order_id = "order".id AND own.investor_id = "order".investor_id
         WHERE coalesce(own.kinds, 0) < %(kinds)s
         ORDER BY "order".id
        """,
        {"kinds": len(Document.Kind.values)},
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
            SELECT entry.id, entry.reference, part.total, part.donation, part.investment, part.fee, part.book_id
              FROM (SELECT line.entry_id,
                           coalesce(sum(line.amount) FILTER (WHERE account.code = 'applicant_deposits'
                                                               AND line.side = 'D'), 0) AS total,
                           coalesce(sum(line.amount) FILTER (WHERE account.code = 'donation_payable'
                                                               AND line.side = 'C'), 0) AS donation,
                           coalesce(sum(line.amount) FILTER (WHERE account.code = 'investment_payable'
                                                               AND line.side = 'C'), 0) AS investment,
                           coalesce(sum(line.amount) FILTER (WHERE account.code = 'due_to_operator'
                                                               AND line.side = 'C'), 0) AS fee,
                           min(account.book_id) AS book_id
                      FROM investments_line AS line
                      JOIN investments_account AS account ON account.id = line.account_id
                       AND account.code IN ('applicant_deposits', 'donation_payable', 'investment_payable',
                                            'due_to_operator')
                     GROUP BY line.entry_id) AS part
              JOIN investments_entry AS entry ON entry.id = part.entry_id AND entry.kind = 'order_confirmed'
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
