"""What a projection would be as a yearly rate (XIRR), for those who ask to compare (pages.md 1.3). Never shown unasked:
a rate hides that the amounts are small, late and uncertain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

DAYS = Decimal(365)
#: From losing nearly everything to ten times a year; nothing of a fund lies outside.
LOWEST, HIGHEST = Decimal("-0.9999"), Decimal(10)
#: Halvings of that span: far finer than what is shown.
STEPS = 60


def xirr(paid_on: date, paid: int, received: Sequence[tuple[date, int]]) -> Decimal | None:
    """The yearly rate at which what is received is worth, on the day of paying, just what was paid.

    `paid` in yen, `received` as (day, yen). None where nothing comes back, which has no rate.
    """
    if paid <= 0 or not any(amount for _day, amount in received):
        return None
    low, high = LOWEST, HIGHEST
    for _step in range(STEPS):
        middle = (low + high) / 2
        worth = sum(amount / (1 + middle) ** (Decimal((day - paid_on).days) / DAYS) for day, amount in received)
        low, high = (middle, high) if worth > paid else (low, middle)
    return low


def in_percent(rate: Decimal | None) -> str:
    """With one digit behind the point and a sign that can be read: ``−7.4%``."""
    if rate is None:
        return "−100%"
    percent = rate.scaleb(2).quantize(Decimal("0.1"))
    return f"−{abs(percent)}%" if percent < 0 else f"{abs(percent)}%"
