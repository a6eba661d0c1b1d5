"""Whole-number money: a value object, minor units, reading and writing amounts in both languages.

Every amount in the project is an ``int`` in the currency's minor unit (domain.md section 2): the yen has none, so
10,500 yen is ``10500``. Rates are ``Decimal``. There is no float here, and no rounding that is not named.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from microfund.kernel.errors import DomainError

#: The largest amount a ``BigIntegerField`` holds.
MAX_AMOUNT = 2**63 - 1

#: ISO 4217 currencies that have no minor unit, and those that have hundredths.
ZERO_DECIMAL = frozenset(("CLP", "JPY", "KRW", "PYG", "VND", "XAF", "XOF", "XPF"))
TWO_DECIMAL = frozenset(
    ("AUD", "CAD", "CHF", "CNY", "DKK", "EUR", "GBP", "HKD", "IDR", "INR", "MYR", "NOK", "NZD", "PHP", "SEK", "SGD")
    + ("THB", "TWD", "USD")
)

#: Signs a person may type in front of or behind the digits (after NFKC, which makes ￥ into ¥). A Japanese keyboard's
#: yen key sends a backslash.
_SIGNS: Mapping[str, tuple[str, ...]] = {
    "JPY": ("¥", "円", "\\"),
    "CNY": ("¥", "元"),
    "KRW": ("₩", "ウォン"),
    "USD": ("US$", "$", "米ドル"),
    "EUR": ("€", "ユーロ"),
    "GBP": ("£", "ポンド"),
}
_ENGLISH = {"JPY": "¥", "KRW": "₩", "USD": "$", "EUR": "€", "GBP": "£"}
_JAPANESE = {"JPY": "円", "KRW": "ウォン", "USD": "米ドル", "EUR": "ユーロ", "GBP": "ポンド", "CNY": "元"}

#: Longer input is not an amount; it bounds the work done on it.
_LONGEST = 100
_MINUS = re.compile("[-\u2010-\u2015\u2212\u25b2\u25b3]")
_DIGITS = re.compile(r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.(?P<fraction>[0-9]*))?")


class MoneyError(DomainError, ValueError):
    """An amount that cannot be read or must not be combined."""


def minor_digits(currency: str) -> int:
    """Digits after the decimal point: 0 for JPY and KRW, 2 for USD and EUR.

    Raises ``MoneyError`` (``unknown_currency``) for any other code: guessing would be wrong by a factor of a hundred.
    """
    if currency in ZERO_DECIMAL:
        return 0
    if currency in TWO_DECIMAL:
        return 2
    raise MoneyError("unknown_currency", _("The currency %(currency)s is not known here.") % {"currency": currency})


def _require_whole(amount: object) -> None:
    # bool is an int to Python, but True yen is always a mistake.
    if type(amount) is not int:
        raise MoneyError("not_whole", _("An amount of money must be a whole number."))


@dataclass(frozen=True, slots=True)
class Money:
    """``amount`` in minor units of ``currency``. Adding or comparing two currencies raises ``MoneyError``."""

    amount: int
    currency: str = "JPY"

    def __post_init__(self) -> None:
        _require_whole(self.amount)
        minor_digits(self.currency)

    def _amount_of(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise MoneyError(
                "mixed_currencies",
                _("Amounts in %(first)s and %(second)s cannot be combined.")
                % {"first": self.currency, "second": other.currency},
            )
        return other.amount

    def __add__(self, other: object) -> "Money":
        if not isinstance(other, Money):
            return NotImplemented
        return Money(self.amount + self._amount_of(other), self.currency)

    def __sub__(self, other: object) -> "Money":
        if not isinstance(other, Money):
            return NotImplemented
        return Money(self.amount - self._amount_of(other), self.currency)

    def __mul__(self, times: object) -> "Money":
        if type(times) is not int:  # a rate has to say how it rounds
            return NotImplemented
        return Money(self.amount * times, self.currency)

    __rmul__ = __mul__

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __bool__(self) -> bool:
        return self.amount != 0

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.amount < self._amount_of(other)

    def __le__(self, other: object) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.amount <= self._amount_of(other)

    def __gt__(self, other: object) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.amount > self._amount_of(other)

    def __ge__(self, other: object) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.amount >= self._amount_of(other)

    def __str__(self) -> str:
        return format_money(self.amount, self.currency, "en")


def total(amounts: Iterable[Money], currency: str = "JPY") -> Money:
    """Sum of amounts, all in ``currency``; zero of it when there are none. Raises ``MoneyError`` for a stranger."""
    result = Money(0, currency)
    for amount in amounts:
        result += amount
    return result


def parse_money(text: str, currency: str = "JPY") -> int:
    """The minor units a person meant by ``text``: ``"１０，５００円"`` is ``10500``, ``"$10.50"`` in USD is ``1050``.

    Full-width characters, the currency's signs, its code, spaces and commas before each three digits are accepted.
    Raises ``MoneyError`` with the code ``empty``, ``negative``, ``fraction``, ``not_a_number`` or ``too_large``.
    """
    digits = minor_digits(currency)
    if len(text) > _LONGEST:
        raise MoneyError("too_large", _("The amount is too large."))
    plain = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    signs = (*_SIGNS.get(currency, ()), currency)
    plain = plain.removeprefix(next((sign for sign in signs if plain.startswith(sign)), ""))
    plain = plain.removesuffix(next((sign for sign in signs if plain.endswith(sign)), ""))
    if not plain:
        raise MoneyError("empty", _("Enter an amount."))
    if _MINUS.match(plain):
        raise MoneyError("negative", _("The amount cannot be negative."))
    match = _DIGITS.fullmatch(plain)
    if match is None:
        raise MoneyError("not_a_number", _("Enter the amount in digits, like 10,500."))
    fraction = match["fraction"]
    if fraction is not None and not 1 <= len(fraction) <= digits:
        if digits == 0:
            message = _("Enter a whole amount: %(currency)s has no decimals.") % {"currency": currency}
        else:
            message = _("Enter at most %(digits)s decimals for %(currency)s.") % {
                "digits": digits,
                "currency": currency,
            }
        raise MoneyError("fraction", message)
    amount = int(match["whole"].replace(",", "") + (fraction or "").ljust(digits, "0"))
    if amount > MAX_AMOUNT:
        raise MoneyError("too_large", _("The amount is too large."))
    return amount


def format_money(amount: int, currency: str = "JPY", language: str | None = None) -> str:
    """An amount as people write it: ``¥10,500`` in English, ``10,500円`` in Japanese; ``$10.50`` and ``10.50米ドル``.

    ``language`` is a code such as ``en`` or ``ja-jp``; the active one when omitted.
    """
    _require_whole(amount)
    digits = minor_digits(currency)
    whole, fraction = divmod(abs(amount), 10**digits)
    number = f"{whole:,}.{fraction:0{digits}d}" if digits else f"{whole:,}"
    minus = "-" if amount < 0 else ""
    if language is None:
        language = get_language() or "en"
    if language.lower().split("-")[0].split("_")[0] == "ja":
        name = _JAPANESE.get(currency)
        return f"{minus}{number}{name}" if name else f"{minus}{number} {currency}"
    sign = _ENGLISH.get(currency)
    return f"{minus}{sign}{number}" if sign else f"{minus}{currency} {number}"


def floor_rate(amount: int, rate: Decimal) -> int:
    """``floor(amount · rate)``, exactly, for an amount that is not negative. Used for every tax that is floored."""
    _require_whole(amount)
    if amount < 0:
        raise MoneyError("negative", _("The amount cannot be negative."))
    numerator, denominator = _fraction(rate)
    return amount * numerator // denominator


def split_inclusive_tax(gross: int, rate: Decimal) -> tuple[int, int]:
    """``(net, tax)`` of an amount with the tax inside; the tax is floored: a fee of 500 at 10 % is ``(455, 45)``.

    Raises ``MoneyError`` for a negative amount or rate, and ``TypeError`` for a rate that is not a ``Decimal``.
    """
    _require_whole(gross)
    if gross < 0:
        raise MoneyError("negative", _("The amount cannot be negative."))
    numerator, denominator = _fraction(rate)
    tax = gross * numerator // (denominator + numerator)
    return gross - tax, tax


def _fraction(rate: Decimal) -> tuple[int, int]:
    if not isinstance(rate, Decimal):
        raise TypeError("a rate is a Decimal")
    if not rate.is_finite() or rate < 0:
        raise MoneyError("bad_rate", _("A rate cannot be negative."))
    return rate.as_integer_ratio()
