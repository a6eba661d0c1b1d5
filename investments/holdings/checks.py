"""What must hold of holdings and their movements (domain.md section 9.2)."""

from __future__ import annotations

from collections.abc import Iterator

from microfund.kernel.integrity import query, register


def movements() -> Iterator[str]:
    """A holding's units are the sum of its movements."""
    return query("""
        SELECT format('investments_holding %s (%s): holds %s units, its movements make %s', holding.id,
                      holding.reference, holding.units, coalesce(moved.units, 0))
          FROM investments_holding AS holding
          LEFT JOIN (SELECT holding_id, sum(units) AS units FROM investments_movement GROUP BY holding_id) AS moved
            ON moved.holding_id = holding.id
         WHERE holding.units <> coalesce(moved.units, 0)
         ORDER BY holding.id
    """)


def register_checks() -> None:
    """Called once when the app is ready."""
    register("holdings.movements", "9.2", movements)
