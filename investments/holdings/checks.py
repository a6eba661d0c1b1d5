"""What must hold of holdings and their movements (domain.md section 9.2)."""

from __future__ import annotations

from collections.abc import Iterator

from microfund.kernel.integrity import query, register


def movements() -> Iterator[str]:
    """A holding's units are the sum of its movements."""
    # One pass over both: a holding says its units once, each movement says its own.
    return query("""
        SELECT format('investments_holding %s (%s): holds %s units, its movements make %s', holding.id,
                      holding.reference, holding.units, coalesce(wrong.moved, 0))
          FROM (SELECT id, sum(moved) AS moved
                  FROM (SELECT id, units AS held, 0 AS moved FROM investments_holding
                         UNION ALL
                        SELECT holding_id, 0, units FROM investments_movement) AS part
                 GROUP BY id HAVING sum(held) <> sum(moved)) AS wrong
          JOIN investments_holding AS holding ON holding.id = wrong.id
         ORDER BY holding.id
    """)


def register_checks() -> None:
    """Called once when the app is ready."""
    register("holdings.movements", "9.2", movements)
