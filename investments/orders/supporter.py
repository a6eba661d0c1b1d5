"""How a supporter appears: with their name, or counted without one, which is theirs to change at any time; and with
their message, which staff can hide."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from investments.orders.models import Order
from microfund.kernel import locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError


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


def hide_message(order: Order, *, actor: Any, at: datetime, reason: str) -> Order:
    """Show an order's message to nobody but staff and who wrote it, who reads the reason. Once more changes nothing.

    Raises DomainError: "no_message", "reason_needed".
    """
    reason = " ".join(reason.split())[:200]
    with transaction.atomic():
        fresh = locks.lock_one(Order, order.pk)
        if not fresh.supporter_message:
            raise DomainError("no_message", _("There is no message."))
        if not reason:
            raise DomainError("reason_needed", _("Give a reason."), field="reason")
        if fresh.message_hidden_at is None:
            fresh.message_hidden_at, fresh.message_hidden_reason = at, reason
            fresh.save(update_fields=["message_hidden_at", "message_hidden_reason"])
            audit.record(action="investments.Order.message_hidden", subject=fresh, at=at, actor=actor, reason=reason)
    return fresh
