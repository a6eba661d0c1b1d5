"""What must hold of inheritances (domain.md sections 9.2 and 11)."""

from __future__ import annotations

from collections.abc import Iterator

from microfund.kernel.integrity import query, register


def movements() -> Iterator[str]:
    """An inheritance that is done has moved all of a holding's units to its heirs by its shares, and no other units
    move so; two people decided it."""
    yield from query("""
        WITH wanted AS (
            SELECT 'inheritance:' || own.id AS source, holding.investor_id, holding.fund_id, -own.units AS units,
                   own.moved_on
              FROM investments_inheritance AS own
              JOIN investments_holding AS holding ON holding.id = own.holding_id
             WHERE own.state = 'done'
             UNION ALL
            SELECT 'inheritance:' || own.id, share.heir_id, holding.fund_id, share.units, own.moved_on
              FROM investments_inheritance AS own
              JOIN investments_holding AS holding ON holding.id = own.holding_id
              JOIN investments_inheritanceshare AS share ON share.inheritance_id = own.id
             WHERE own.state = 'done'
        ), moved AS (
            SELECT movement.source, holding.investor_id, holding.fund_id, movement.units, movement.effective_on
              FROM investments_movement AS movement
              JOIN investments_holding AS holding ON holding.id = movement.holding_id
             WHERE movement.kind = 'inherit'
        )
        SELECT format('investments_movement (%s): %s units of investor %s, the inheritance says %s',
                      coalesce(wanted.source, moved.source), coalesce(moved.units, 0),
                      coalesce(wanted.investor_id, moved.investor_id), coalesce(wanted.units, 0))
          FROM wanted
          FULL JOIN moved ON moved.source = wanted.source AND moved.investor_id = wanted.investor_id
         WHERE (moved.units, moved.fund_id, moved.effective_on)
               IS DISTINCT FROM (wanted.units, wanted.fund_id, wanted.moved_on)
         ORDER BY 1
    """)
    yield from query("""
        SELECT format('investments_inheritance %s: %s units, its shares make %s; prepared by %s, approved by %s',
                      own.id, own.units, coalesce(share.units, 0), own.maker_id,
                      coalesce(own.checker_id::text, 'nobody'))
          FROM investments_inheritance AS own
          LEFT JOIN (SELECT inheritance_id, sum(units) AS units FROM investments_inheritanceshare GROUP BY 1) AS share
            ON share.inheritance_id = own.id
         WHERE own.units <> coalesce(share.units, 0)
            OR own.state = 'done' AND (own.checker_id IS NULL OR own.checker_id = own.maker_id)
         ORDER BY own.id
    """)


def payees() -> Iterator[str]:
    """What a deceased holder is still owed goes to the heir whom the inheritance names, and nobody else's goes to
    another."""
    yield from query("""
        SELECT format('investments_holding %s (%s): is paid to investor %s, its inheritance names %s', holding.id,
                      holding.reference, coalesce(holding.paid_to_id::text, 'nobody else'),
                      coalesce(own.payee_id::text, 'nobody'))
          FROM investments_holding AS holding
          LEFT JOIN investments_inheritance AS own ON own.holding_id = holding.id AND own.state = 'done'
         WHERE holding.paid_to_id IS DISTINCT FROM own.payee_id
            OR own.id IS NOT NULL AND NOT EXISTS (SELECT FROM investments_inheritanceshare AS share
                                                   WHERE share.inheritance_id = own.id
                                                     AND share.heir_id = own.payee_id)
         ORDER BY holding.id
    """)
    yield from query("""
        SELECT format('investments_payoutattempt %s: payout %s of investor %s goes to an account of investor %s',
                      attempt.id, payout.id, payout.investor_id, account.investor_id)
          FROM investments_payoutattempt AS attempt
          JOIN investments_payout AS payout ON payout.id = attempt.payout_id
          JOIN investments_bankaccount AS account ON account.id = attempt.account_id
          LEFT JOIN investments_holding AS holding
            ON holding.fund_id = payout.fund_id AND holding.investor_id = payout.investor_id
         WHERE account.investor_id <> payout.investor_id AND account.investor_id IS DISTINCT FROM holding.paid_to_id
         ORDER BY attempt.id
    """)


def register_checks() -> None:
    """Called once when the app is ready."""
    register("inheritance.movements", "9.2", movements)
    register("inheritance.payees", "11", payees)
