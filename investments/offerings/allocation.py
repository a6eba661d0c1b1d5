"""One holding's line of a distribution: principal first, then profit, then the tax on it (domain.md section 5)."""

from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from investments.offerings.exact import RATE_SCALE, RuleError, scaled_rate, whole
from microfund.kernel.money import floor_rate


@dataclass(frozen=True, slots=True)
class Allocation:
    """One holding's line, yen: ``gross = principal + profit = net + tax``. Adding two adds every part."""

    gross: int = 0
    principal: int = 0
    profit: int = 0
    tax: int = 0
    net: int = 0

    def __add__(self, other: "Allocation") -> "Allocation":
        return Allocation(
            self.gross + other.gross,
            self.principal + other.principal,
            self.profit + other.profit,
            self.tax + other.tax,
            self.net + other.net,
        )


def allocate_units(
    per_unit: int, units: int, principal_before: int, investment: int, withholding_rate: Decimal
) -> Allocation:
    """One holding's line: ``units`` at ``per_unit`` yen, after ``principal_before`` yen of principal per unit.

    Principal comes first, up to the investment per unit; the rest is profit, and only profit is taxed, floored to the
    yen for the whole holding. Equal units get equal money. Raises ``RuleError`` on a negative or impossible amount.
    """
    whole("investment", investment, minimum=1)
    if whole("principal_before", principal_before) > investment:
        raise RuleError("principal_before", _("must not exceed the investment"))
    principal_per_unit = min(whole("per_unit", per_unit), investment - principal_before)
    scaled_rate("withholding_rate", withholding_rate)
    gross = per_unit * whole("units", units)
    profit = gross - principal_per_unit * units
    tax = floor_rate(profit, withholding_rate)
    return Allocation(gross, gross - profit, profit, tax, gross - tax)


def allocate_instalment(
    per_unit: int,
    per_unit_before: int,
    principal_per_unit: int,
    units: int,
    tax_before: int,
    withholding_rate: Decimal,
) -> Allocation:
    """One instalment of a distribution that is paid in parts (domain.md section 5, part payment).

    ``per_unit`` yen now after ``per_unit_before``, of a distribution whose principal is ``principal_per_unit``, which
    comes first. The tax is that of all profit up to now less ``tax_before``, so instalments sum to ``allocate_units``.
    """
    upto = whole("per_unit_before", per_unit_before) + whole("per_unit", per_unit)
    principal = min(upto, whole("principal_per_unit", principal_per_unit)) - min(per_unit_before, principal_per_unit)
    scaled_rate("withholding_rate", withholding_rate)
    gross = per_unit * whole("units", units)
    tax = floor_rate(max(0, upto - principal_per_unit) * units, withholding_rate) - whole("tax_before", tax_before)
    return Allocation(gross, principal * units, gross - principal * units, tax, gross - tax)


def redemption_percent(paid_per_unit: int, investment: int) -> str:
    """100 · paid / investment with two decimals, rounded half up, exactly: ``"100.16"``."""
    hundredths = (2 * paid_per_unit * RATE_SCALE + investment) // (2 * investment)
    return f"{hundredths // 100}.{hundredths % 100:02d}"
