"""What must hold of units given as a gift (domain.md section 4; pages.md, gifts)."""

from __future__ import annotations

from collections.abc import Iterator

from microfund.kernel.integrity import query, register


def contracts() -> Iterator[str]:
    """An order is another's than its payer's exactly when its gift was accepted, and none is cleared or confirmed while
    its gift waits for an answer."""
    return query("""
        SELECT format('investments_order %s (%s): is investor %s''s, paid by %s; its gift is %s, cleared %s, '
                      'confirmed %s', "order".id, "order".reference, "order".investor_id, "order".payer_id,
                      coalesce(gift.state, 'none'), coalesce("order".cleared_at::text, 'never'),
                      coalesce("order".confirmed_at::text, 'never'))
          FROM investments_order AS "order" LEFT JOIN investments_gift AS gift ON gift.order_id = "order".id
         WHERE ("order".investor_id <> "order".payer_id) <> (coalesce(gift.state, '') = 'accepted')
            OR gift.state IN ('open', 'declined')
           AND ("order".cleared_at IS NOT NULL OR "order".confirmed_at IS NOT NULL)
         ORDER BY "order".id
    """)


def register_checks() -> None:
    """Called once when the app is ready."""
    register("gifts.contracts", "4.5", contracts)
