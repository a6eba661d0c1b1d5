"""Reads around bank accounts of investors."""

from __future__ import annotations

from investments.investors.models import Investor

from .models import BankAccount


def current_account(investor: Investor | None) -> BankAccount | None:
    """The account to which the investor is paid, or None."""
    if investor is None:
        return None
    return BankAccount.objects.filter(investor=investor, ended_at__isnull=True).first()


def former_accounts(investor: Investor) -> list[BankAccount]:
    """Accounts that were replaced, the newest first."""
    return list(BankAccount.objects.filter(investor=investor, ended_at__isnull=False).order_by("-ended_at", "-pk"))
