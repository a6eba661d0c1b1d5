"""Whether a payment may still begin, whatever the way to pay (domain.md sections 3 and 4.3).

Asked of new attempts only: one that was begun in time goes on to its end, and money that is there is not turned away.
"""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from investments.offerings.models import FundCounter
from investments.orders import queries
from investments.orders.models import UNPAID, Order
from investments.policy.models import PolicyProfile
from microfund.kernel.errors import DomainError


def require_reserved(order: Order, *, at: datetime) -> None:
    """Raise DomainError("wrong_state") unless the locked order awaits its payment and its units are still held."""
    if order.state not in UNPAID or order.reserved_until is None or order.reserved_until <= at:
        raise DomainError("wrong_state", _("This order can no longer be paid."))


def require_time(order: Order, *, at: datetime) -> PolicyProfile:
    """The fund's frozen policy, if a payment of the order that begins now is over before the fund closes.

    From `closed` nothing is sold, and units are never held beyond the closing. Raises DomainError("closed").
    """
    counter = FundCounter.objects.select_related("fund__policy").get(pk=order.fund_id)
    profile: PolicyProfile = counter.fund.policy
    if not counter.accepting:
        raise DomainError("closed", _("This fund does not take orders now."))
    if not queries.method_allowed(order.method, profile, closes_at=counter.closes_at, total=order.total, at=at):
        raise DomainError("closed", _("The fund closes before this payment would be over. You have not been charged."))
    return profile
