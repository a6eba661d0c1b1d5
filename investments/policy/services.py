"""Read the policy as of a date; make sure that a new database has one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from .methods import BANK_TRANSFER, CARD, DELAYED, KONBINI, METHODS
from .models import PolicyProfile, TaxRate

__all__ = [
    "BANK_TRANSFER",
    "CARD",
    "DELAYED",
    "KONBINI",
    "METHODS",
    "current",
    "ensure_baseline",
    "tax_rate",
    "withholding_rate",
]


def current(on: date) -> PolicyProfile:
    """The policy in force on a business date. Raises PolicyProfile.DoesNotExist before the first one."""
    profile = PolicyProfile.objects.filter(effective_from__lte=on).order_by("-effective_from", "-version").first()
    if profile is None:
        raise PolicyProfile.DoesNotExist(f"no policy is in force on {on}")
    return profile


def tax_rate(kind: str, on: date, payee_class: str = "") -> Decimal:
    """The rate by date (4 places). Raises TaxRate.DoesNotExist when none is known: money is never taxed by a guess."""
    rate = (
        TaxRate.objects.filter(kind=kind, payee_class=payee_class, valid_from__lte=on).order_by("-valid_from").first()
    )
    if rate is None:
        raise TaxRate.DoesNotExist(f"no {kind} rate is known for {on}")
    return rate.rate


def withholding_rate(on: date, payee_class: str) -> Decimal:
    """The rate withheld from profit paid on a date to a class of payee ("person", "company"): the rate of the class, or
    the general one. Raises TaxRate.DoesNotExist when none is known."""
    own = TaxRate.objects.filter(kind=TaxRate.Kind.WITHHOLDING, payee_class=payee_class, valid_from__lte=on)
    return tax_rate("withholding", on, payee_class if own.exists() else "")


def ensure_baseline(*, demo: bool) -> None:
    """The first policy and the known tax rates, on a database that has none.

    The demo allows every way to pay; production allows bank transfers until staff record a legal opinion.
    """
    methods = {BANK_TRANSFER: "operator's own account"}
    if demo:
        methods = {CARD: "demo", KONBINI: "demo", BANK_TRANSFER: "demo"}
    if not PolicyProfile.objects.exists():
        PolicyProfile.objects.get_or_create(
            version=1,
            defaults={
                "effective_from": date(2011, 1, 1),
                "reason": "First policy",
                "payment_methods": methods,
            },
        )
    rates = [
        (TaxRate.Kind.CONSUMPTION, "", date(1997, 4, 1), "0.05"),
        (TaxRate.Kind.CONSUMPTION, "", date(2014, 4, 1), "0.08"),
        (TaxRate.Kind.CONSUMPTION, "", date(2019, 10, 1), "0.10"),
        (TaxRate.Kind.WITHHOLDING, "", date(2003, 1, 1), "0.20"),
        # Reconstruction surtax: 20 % × 102.1 % from 2013 (Act on Special Measures for Reconstruction Funding).
        (TaxRate.Kind.WITHHOLDING, "", date(2013, 1, 1), "0.2042"),
    ]
    for kind, payee_class, valid_from, rate in rates:
        TaxRate.objects.get_or_create(
            kind=kind, payee_class=payee_class, valid_from=valid_from, defaults={"rate": Decimal(rate)}
        )
