"""The staff console of this app. It calls services of every sub-package, so it stands above them all."""

from . import banking, funds, journal, orders, payments, people, policy, terms

__all__ = ["banking", "funds", "journal", "orders", "payments", "people", "policy", "terms"]
