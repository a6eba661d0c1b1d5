"""The integrity checks of this app in the order of the money's flow (domain.md section 9)."""

from __future__ import annotations

from investments.banking import checks as banking
from investments.distributions import checks as distributions
from investments.distributions import election_checks as elections
from investments.gifts import checks as gifts
from investments.holdings import checks as holdings
from investments.inheritance import checks as inheritance
from investments.ledger import checks as ledger
from investments.offerings import checks as offerings
from investments.orders import checks as orders
from investments.payments import checks as payments
from investments.payouts import checks as payouts
from investments.revenue import checks as revenue


def register() -> None:
    """Called once when the app is ready."""
    for module in (
        ledger,
        banking,
        offerings,
        holdings,
        orders,
        payments,
        gifts,
        revenue,
        distributions,
        elections,
        payouts,
        inheritance,
    ):
        module.register_checks()
