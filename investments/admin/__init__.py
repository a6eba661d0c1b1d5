"""The staff console of this app. It calls services of every sub-package, so it stands above them all."""

from . import (
    accounts,
    banking,
    frozen,
    funds,
    identity,
    journal,
    orders,
    payments,
    people,
    policy,
    provider,
    resemblances,
)

__all__ = [
    "accounts",
    "banking",
    "frozen",
    "funds",
    "identity",
    "journal",
    "orders",
    "payments",
    "people",
    "policy",
    "provider",
    "resemblances",
]
