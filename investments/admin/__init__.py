"""The staff console of this app. It calls services of every sub-package, so it stands above them all."""

from . import (
    accounts,
    banking,
    distributions,
    frozen,
    funds,
    identity,
    journal,
    orders,
    payments,
    payouts,
    people,
    policy,
    provider,
    releases,
    reports,
    resemblances,
)

__all__ = [
    "accounts",
    "banking",
    "distributions",
    "frozen",
    "funds",
    "identity",
    "journal",
    "orders",
    "payments",
    "payouts",
    "people",
    "policy",
    "provider",
    "releases",
    "reports",
    "resemblances",
]
