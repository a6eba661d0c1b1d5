"""How a supporter appears: with their name, or counted without one. Theirs to change at any time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from investments.orders.models import Order
from microfund.kernel import locks
from microfund.kernel.audit import services as audit


def show_name(*, investor_id: int, fund_id: int, shown: bool, actor: Any, at: datetime) -> int:
    """Show or hide a person's name among the supporters of a fund, for all their confirmed orders of it.

    Returns how many orders were changed, each of which leaves an audit row; 0 when they were so already.
    """
    with transaction.atomic():
        confirmed = Order.objects.filter(
            investor_id=investor_id, fund_id=fund_id, state=Order.State.CONFIRMED
        ).values_list("pk", flat=True)
        changed = [order for order in locks.lock(Order, confirmed) if order.supporter_name_shown != shown]
        for order in changed:
            order.supporter_name_shown = shown
            order.save(update_fields=["supporter_name_shown"])
            audit.record(
                action="investments.Order.supporter",
                subject=order,
                at=at,
                actor=actor,
                changes={"supporter_name_shown": [not shown, shown]},
            )
        return len(changed)
