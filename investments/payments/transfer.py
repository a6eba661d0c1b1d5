"""Paying an order by bank transfer to the operator's segregated account (domain.md section 4.3)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from investments.offerings.models import Fund
from investments.orders import queries
from investments.orders import services as orders
from investments.orders.models import UNPAID, Order
from microfund.kernel import clock, locks
from microfund.kernel.errors import DomainError

from .models import UNRESOLVED, PaymentAttempt


def begin_transfer(order: Order, *, at: datetime) -> PaymentAttempt:
    """The order's awaited transfer: pay by the end of the fifth bank day; the units are held one bank day longer, so
    that a statement imported the next morning is in time. Raises DomainError("wrong_state")."""
    with transaction.atomic():
        order = locks.lock_one(Order, order.pk)
        if order.state not in UNPAID:
            raise DomainError("wrong_state", _("This order can no longer be paid."))
        unresolved = PaymentAttempt.objects.filter(order=order, state__in=UNRESOLVED).first()
        if unresolved is not None:
            return unresolved
        profile = Fund.objects.select_related("policy").get(pk=order.fund_id).policy
        pay_by = queries.transfer_deadline(profile, at)
        attempt = PaymentAttempt.objects.create(
            order=order,
            method=Order.Method.BANK_TRANSFER,
            state=PaymentAttempt.State.OPEN,
            amount=order.total,
            currency=order.currency,
            created_at=at,
            pay_by=pay_by,
        )
        # pay_by is the first instant of the day after the deadline.
        import_day = clock.next_bank_day(clock.today_in(profile.zone, pay_by))
        orders.mark_awaiting(order, until=clock.start_of_day(import_day + timedelta(days=1), profile.zone), at=at)
        return attempt
