"""Reads around bank accounts: those of investors, and ours."""

from __future__ import annotations

from django.conf import settings

from investments.investors.models import Investor

from .models import BankAccount
from .zengin import BankProfile


def bank_profile() -> BankProfile:
    """The bank profile that is configured now. Raises DomainError("profile") naming what is wrong with it."""
    return BankProfile(**settings.PAYOUT_BANK)


def current_account(investor: Investor | None) -> BankAccount | None:
    """The account to which the investor is paid, or None."""
    if investor is None:
        return None
    return BankAccount.objects.filter(investor=investor, ended_at__isnull=True).first()


def former_accounts(investor: Investor) -> list[BankAccount]:
    """Accounts that were replaced, the newest first."""
    return list(BankAccount.objects.filter(investor=investor, ended_at__isnull=False).order_by("-ended_at", "-pk"))
