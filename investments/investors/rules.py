"""What an investor's details must look like: pure functions that tidy a text or refuse it (domain.md section 11).

Each takes what a person typed and returns it as it is kept, or raises DomainError with a message that says what to do.
Width is never the typist's problem: full-width digits and half-width katakana are normalised (NFKC), hiragana in a
kana field becomes katakana.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

import jaconv
from django.utils.translation import gettext as _

from microfund.kernel import clock
from microfund.kernel.errors import DomainError

LONGEST = 120
_DASHES = re.compile("[\u2010-\u2015\u2212\u30fc\uff0d\uff70\ufe63]")
_KANA = re.compile(r"[ァ-ヺー・ ]+")
_KANA_COMPANY = re.compile(r"[ァ-ヺー・ 0-9A-Z&.\-]+")
_NAME_CATEGORIES = ("L", "M")
_NAME_SIGNS = " '’-‐・.,"


def _tidy(text: str) -> str:
    """One line without control and invisible characters: runs of white space become one space."""
    kept = "".join(
        character
        for character in text
        if character.isspace() or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
    )
    return " ".join(kept.split())


def _require(text: str, longest: int = LONGEST) -> str:
    if not text:
        raise DomainError("required", _("Please fill this in."))
    if len(text) > longest:
        raise DomainError(
            "too_long",
            _("At most %(limit)d characters; this has %(length)d.") % {"limit": longest, "length": len(text)},
        )
    return text


def line(text: str, *, longest: int = LONGEST) -> str:
    """A line of an address: any script, no angle brackets."""
    text = _require(_tidy(text), longest)
    if "<" in text or ">" in text:
        raise DomainError("characters", _("Please leave out the characters < and >."))
    return text


def person_name(text: str) -> str:
    """A person's name as it is registered. It is not normalised: old forms of characters are part of a name."""
    text = _require(_tidy(text))
    if not all(
        unicodedata.category(character)[0] in _NAME_CATEGORIES or character in _NAME_SIGNS for character in text
    ):
        raise DomainError("characters", _("Please use letters only, as on your identity document."))
    return text


def kana(text: str, *, company: bool = False) -> str:
    """A name in full-width katakana, as banks know it."""
    text = _tidy(jaconv.hira2kata(unicodedata.normalize("NFKC", text)))
    # A dash typed for the long-vowel mark, between katakana.
    text = _require(re.sub(r"(?<=[ァ-ヺー])[-‐-―−]", "ー", text))
    if company:
        text = text.upper()
    if not (_KANA_COMPANY if company else _KANA).fullmatch(text) or not re.search("[ァ-ヺ]", text):
        raise DomainError("kana", _("Please write the name in katakana, like トウホク ハナコ."))
    return text


def corporate_number(text: str) -> str:
    """The 13 digits that the National Tax Agency gave a company; the first is a check digit of the other twelve."""
    text = re.sub(r"[\s-]", "", _DASHES.sub("-", unicodedata.normalize("NFKC", text))).upper().removeprefix("T")
    if not re.fullmatch("[0-9]{13}", text):
        raise DomainError("corporate_number", _("A corporate number has 13 digits."))
    if int(text[0]) != corporate_check_digit(text[1:]):
        raise DomainError(
            "corporate_number", _("This corporate number has a typing mistake: its check digit is wrong.")
        )
    return text


def corporate_check_digit(base: str) -> int:
    """The check digit of twelve digits: 9 − (Σ digit·weight mod 9), the weights 1, 2, 1, … from the right."""
    return 9 - sum(int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(base))) % 9


def postal_code(text: str) -> str:
    """A Japanese postal code as 000-0000."""
    digits = re.sub(r"[\s〒-]", "", _DASHES.sub("-", unicodedata.normalize("NFKC", text)))
    if not re.fullmatch("[0-9]{7}", digits):
        raise DomainError("postal_code", _("A postal code has seven digits, like 980-0811."))
    return f"{digits[:3]}-{digits[3:]}"


def phone(text: str) -> str:
    """A telephone number as digits and hyphens, with + in front of a country code."""
    text = _DASHES.sub("-", unicodedata.normalize("NFKC", text))
    text = re.sub(r"[\s().]+", "-", text.strip()).strip("-")
    digits = text.replace("-", "").removeprefix("+")
    sound = re.fullmatch(r"\+?[0-9]+(?:-+[0-9]+)*", text)
    if not sound or not (9 if text.startswith("+") else 10) <= len(digits) <= 15:
        raise DomainError("phone", _("Please give the whole telephone number, like 022-000-0000 or +44 20 7946 0000."))
    if not text.startswith(("+", "0")):
        raise DomainError("phone", _("Please begin with 0, or with + and the country code."))
    return re.sub("-+", "-", text)


def age_on(born: date, on: date) -> int:
    """Whole years lived on a date; who is born on 29 February has a birthday on the 28th in other years."""
    years = on.year - born.year
    return years if clock.add_months(born, 12 * years) <= on else years - 1


def birth_date(born: date, *, on: date, minimum_age: int) -> date:
    """A date of birth of somebody old enough on the business date `on`. Raises "age" when too young."""
    if born > on:
        raise DomainError("birth_date", _("The date of birth is in the future."))
    if born.year < 1900:
        raise DomainError("birth_date", _("Please check the year of birth."))
    if age_on(born, on) < minimum_age:
        raise DomainError(
            "age", _("You must be at least %(age)d years old to invest.") % {"age": minimum_age}, age=minimum_age
        )
    return born
