"""Checked whole numbers and four-place rates, for the distribution rule and its allocation (domain.md section 5)."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from microfund.kernel.errors import DomainError

#: Rates carry four places: 0.0336 is 336 of this.
RATE_SCALE = 10_000
_RATE_PLACES = 4


class RuleError(DomainError, ValueError):
    """Terms or a report that the rule refuses. ``field`` is a path inside it, such as ``restate.3``, or empty."""

    def __init__(self, path: str, message: Any, code: str = "rule") -> None:
        super().__init__(code, message, field=path)
        self.field = path


def whole(path: str, value: object, minimum: int = 0) -> int:
    """``value`` itself. Raises ``RuleError`` at ``path`` unless it is a whole number of at least ``minimum``."""
    # bool is an int to Python, but never an amount.
    if type(value) is not int:
        raise RuleError(path, _("must be a whole number"))
    if value < minimum:
        if minimum == 0:
            raise RuleError(path, _("must not be negative"))
        raise RuleError(path, _("must be at least %(minimum)s") % {"minimum": minimum})
    return value


def scaled_rate(path: str, value: object) -> int:
    """The rate in ten-thousandths. Raises ``RuleError`` unless it is a Decimal from 0 to 1 with at most four places."""
    if not isinstance(value, Decimal) or not value.is_finite():
        raise RuleError(path, _("must be a decimal rate"))
    if not 0 <= value <= 1:
        raise RuleError(path, _("must be from 0 to 1"))
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_RATE_PLACES:
        raise RuleError(path, _("must have at most 4 decimals"))
    return int(value.scaleb(_RATE_PLACES))
