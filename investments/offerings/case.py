"""Case files: one fund's terms, holdings and reports as JSON, read strictly, run through the real rule.

``tests/cases/README.md`` describes the format. What is wrong is refused with the path of the field, such as
``input.reports[3].revenue: must be a whole number``: a case that is read loosely proves nothing. No database is used.
"""

import json
import re
import sys
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from investments.offerings.rule import (
    REPORT_ACTIONS,
    Action,
    Allocation,
    PeriodResult,
    Report,
    RuleError,
    RuleTerms,
    Standing,
    allocate_units,
    judge,
    recoup_revenue,
    redemption_percent,
)
from microfund.kernel.money import MAX_AMOUNT, MoneyError, minor_digits

#: A case with a hundred thousand holders is a third of this.
MAX_BYTES = 16 * 1024 * 1024

_TOP = ("name", "why", "input", "expected")
_TERMS = (
    "currency",
    "investment",
    "donation",
    "fee",
    "units_offered",
    "rate_before_recoup",
    "rate_after_recoup",
    "grace_periods",
    "periods",
    "period_cap",
    "revenue_floor",
    "withholding_rate",
)
_RATE = re.compile(r"-?(?:0|[1-9][0-9]{0,19})(?:\.([0-9]{1,40}))?")
_PERIOD = re.compile(r"[1-9][0-9]{0,8}")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")


class CaseError(ValueError):
    """A case file is refused. Its text is one line of English, ``path: what is wrong``."""

    def __init__(self, path: str, message: object) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


@dataclass(frozen=True, slots=True)
class Case:
    """A case that was read. ``holdings`` are (holder, units), ``results`` one per report; amounts in minor units."""

    terms: RuleTerms
    withholding_rate: Decimal
    holdings: tuple[tuple[str, int], ...]
    results: tuple[PeriodResult, ...]


class _Object(dict[str, Any]):
    """A JSON object that remembers the first key it was given twice."""

    repeated: str | None = None


class _Odd:
    """A number that is not whole, or has more digits than any amount."""

    def __init__(self, message: str) -> None:
        self.message = message


class _Constant(_Odd):
    """NaN or an infinity, which Python reads although JSON has none."""


def read_case_file(path: str) -> Case:
    """The case in the file ``path``, or on standard input for ``-``. Raises ``CaseError``."""
    try:
        if path == "-":
            if sys.stdin is None:
                raise CaseError("case", "standard input is closed")
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, CaseError):
            raise
        reason = getattr(error, "strerror", None) or "not a file name"
        raise CaseError("case", f"{_quoted(path)} cannot be read: {reason}") from error
    return read_case(content)


def read_case(content: bytes) -> Case:
    """The case in these bytes, with every report judged by the rule. Raises ``CaseError`` at the first thing wrong."""
    top = _object("", _parse(content), _TOP)
    for key in ("name", "why"):
        _text(key, top[key])
    given = _object("input", top["input"], ("terms", "holdings", "reports"))
    terms, withholding_rate = _terms(given["terms"])
    holdings = _holdings(given["holdings"], terms)
    return Case(terms, withholding_rate, holdings, tuple(_results(given["reports"], terms)))


def outcome(case: Case) -> dict[str, Any]:
    """What the case comes to, in the shape of ``expected``: keys in the same order, integers as integers."""
    totals, periods = Allocation(), []
    for result in case.results:
        allocations = []
        for holder, units in case.holdings:
            line = allocate_units(
                result.per_unit, units, result.principal_before, case.terms.investment, case.withholding_rate
            )
            totals += line
            allocations.append({"holder": holder, **_parts(line)})
        periods.append(
            {
                "period": result.period,
                "action": result.action.value,
                "counted_revenue": result.counted_revenue,
                "per_unit": result.per_unit,
                "paid_per_unit": result.paid_per_unit,
                "carried_per_unit": result.carried_per_unit,
                "allocations": allocations,
            }
        )
    paid = case.results[-1].paid_per_unit if case.results else 0
    return {
        "recoup_revenue": recoup_revenue(case.terms),
        "periods": periods,
        "totals": _parts(totals),
        "redemption_percent": redemption_percent(paid, case.terms.investment),
    }


def _parts(line: Allocation) -> dict[str, int]:
    return {
        "gross": line.gross,
        "principal": line.principal,
        "profit": line.profit,
        "tax": line.tax,
        "net": line.net,
    }


# --- JSON, strictly ---------------------------------------------------------------------------------------------------


def _parse(content: bytes) -> object:
    if len(content) > MAX_BYTES:
        raise CaseError("case", f"is larger than {MAX_BYTES // 1024 // 1024} MiB")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CaseError("case", f"is not UTF-8 text (byte {error.start})") from error
    try:
        document = json.loads(
            text,
            object_pairs_hook=_pairs,
            parse_int=_integer,
            parse_float=lambda token: _Odd("must be a whole number"),
            parse_constant=lambda token: _Constant(f"{token} is not JSON"),
        )
    except json.JSONDecodeError as error:
        what = error.msg[:1].lower() + error.msg[1:]
        raise CaseError("case", f"is not JSON: {what} (line {error.lineno}, column {error.colno})") from error
    except RecursionError as error:
        raise CaseError("case", "is nested too deeply") from error
    _refuse_repeats_and_constants(document)
    return document


def _pairs(pairs: list[tuple[str, Any]]) -> _Object:
    result = _Object()
    for key, value in pairs:
        if key in result and result.repeated is None:
            result.repeated = key
        result[key] = value
    return result


def _integer(token: str) -> int | _Odd:
    # Python refuses to convert thousands of digits, and no amount has more than nineteen.
    return int(token) if len(token) <= 20 else _Odd("is out of range")


def _refuse_repeats_and_constants(document: object) -> None:
    """Faults of the JSON itself, anywhere in the file, also where its content is not read (``expected``)."""
    waiting: list[tuple[str, object]] = [("", document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, _Object):
            if value.repeated is not None:
                raise CaseError(_member(path, value.repeated), "appears twice")
            waiting.extend((_member(path, key), item) for key, item in reversed(value.items()))
        elif isinstance(value, list):
            waiting.extend((f"{path}[{index}]", item) for index, item in reversed([*enumerate(value)]))
        elif isinstance(value, _Constant):
            raise CaseError(path or "case", value.message)


# --- Fields -----------------------------------------------------------------------------------------------------------


def _terms(value: object) -> tuple[RuleTerms, Decimal]:
    path = "input.terms"
    terms = _object(path, value, _TERMS)
    currency = _text(f"{path}.currency", terms["currency"])
    try:
        minor_digits(currency)
    except MoneyError as error:
        raise CaseError(f"{path}.currency", "is not a known currency") from error
    amounts = {
        key: _amount(f"{path}.{key}", terms[key], least)
        for key, least in (
            ("investment", 1),
            ("donation", 0),
            ("fee", 0),
            ("units_offered", 1),
            ("grace_periods", 0),
            ("periods", 1),
            ("revenue_floor", 0),
        )
    }
    rates = {
        key: _rate(f"{path}.{key}", terms[key])
        for key in ("rate_before_recoup", "rate_after_recoup", "withholding_rate")
    }
    caps = terms["period_cap"]
    if caps is not None:
        caps = tuple(
            None if cap is None else _amount(f"{path}.period_cap[{index}]", cap)
            for index, cap in enumerate(_list(f"{path}.period_cap", caps, "must be null or a list"))
        )
    try:
        rule_terms = RuleTerms(
            units_offered=amounts["units_offered"],
            investment=amounts["investment"],
            rate_before_recoup=rates["rate_before_recoup"],
            rate_after_recoup=rates["rate_after_recoup"],
            periods=amounts["periods"],
            grace_periods=amounts["grace_periods"],
            period_cap=caps,
            revenue_floor=amounts["revenue_floor"],
        )
    except RuleError as error:
        raise CaseError(f"{path}.{error.field}", error) from error
    return rule_terms, rates["withholding_rate"]


def _holdings(value: object, terms: RuleTerms) -> tuple[tuple[str, int], ...]:
    holdings: dict[str, int] = {}
    held = 0
    for index, item in enumerate(_list("input.holdings", value)):
        path = f"input.holdings[{index}]"
        holding = _object(path, item, ("holder", "units"))
        holder = _text(f"{path}.holder", holding["holder"])
        if holder in holdings:
            raise CaseError(f"{path}.holder", "is named twice")
        holdings[holder] = _amount(f"{path}.units", holding["units"], 1)
        held += holdings[holder]
        if held > terms.units_offered:
            raise CaseError(f"{path}.units", "more units are held than were offered")
    return tuple(holdings.items())


def _results(value: object, terms: RuleTerms) -> Iterator[PeriodResult]:
    standing = Standing()
    for index, item in enumerate(_list("input.reports", value)):
        path = f"input.reports[{index}]"
        try:
            standing, result = judge(terms, standing, _report(path, item, standing))
        except RuleError as error:
            raise CaseError(f"{path}.{error.field}" if error.field else path, error) from error
        yield result


def _report(path: str, value: object, standing: Standing) -> Report:
    if standing.wound_up:
        raise CaseError(path, "nothing may follow a wind-up")
    if not isinstance(value, _Object):
        raise CaseError(path, "must be an object")
    action = value.get("action", Action.REPORT)
    if not isinstance(action, str) or action not in REPORT_ACTIONS:
        raise CaseError(f"{path}.action", "must be report, defer, waive or wind_up")
    residual = ("residual_per_unit",) if action == Action.WIND_UP else ()
    report = _object(path, value, ("period", "revenue", "action", *residual), optional=("restate",))
    period = _amount(f"{path}.period", report["period"], 1)
    restated = report.get("restate", _Object())
    if not isinstance(restated, _Object):
        raise CaseError(f"{path}.restate", "must be an object of periods and revenues")
    for key in restated:
        if not _PERIOD.fullmatch(key):
            raise CaseError(_member(f"{path}.restate", key), "must name a period by its number")
    return Report(
        period=period,
        revenue=_amount(f"{path}.revenue", report["revenue"]),
        action=Action(action),
        residual_per_unit=_amount(f"{path}.residual_per_unit", report["residual_per_unit"]) if residual else None,
        restate={int(key): _amount(f"{path}.restate.{key}", revenue) for key, revenue in restated.items()},
    )


def _object(path: str, value: object, keys: Collection[str], optional: Collection[str] = ()) -> _Object:
    if not isinstance(value, _Object):
        raise CaseError(path or "case", "must be an object")
    for key in value:
        if key not in keys and key not in optional:
            raise CaseError(_member(path, key), "is not a known key")
    for key in keys:
        if key not in value:
            raise CaseError(_member(path, key), "is missing")
    return value


def _list(path: str, value: object, message: str = "must be a list") -> list[Any]:
    if not isinstance(value, list):
        raise CaseError(path, message)
    return value


def _text(path: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise CaseError(path, "must be text")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise CaseError(path, "must not hold control characters")
    return value


def _amount(path: str, value: object, least: int = 0) -> int:
    if isinstance(value, _Odd):
        raise CaseError(path, value.message)
    if type(value) is not int:  # JSON's true is an int to Python
        raise CaseError(path, "must be a whole number")
    if value < least:
        raise CaseError(path, f"must be at least {least}" if least else "must not be negative")
    if value > MAX_AMOUNT:
        raise CaseError(path, "is out of range")
    return value


def _rate(path: str, value: object) -> Decimal:
    if not isinstance(value, str):
        _refuse_rate(path, 'must be a rate written as text, like "0.0336"')
    match = _RATE.fullmatch(value)
    if match is None:
        _refuse_rate(path, 'must be a decimal rate, like "0.0336"')
    if len(match[1] or "") > 4:
        _refuse_rate(path, "must have at most 4 decimals")
    rate = Decimal(value)
    if not 0 <= rate <= 1:
        _refuse_rate(path, "must be from 0 to 1")
    return rate


def _refuse_rate(path: str, message: str) -> NoReturn:
    raise CaseError(path, message)


def _member(path: str, key: str) -> str:
    if not _PLAIN_KEY.fullmatch(key):
        return f"{path}[{_quoted(key)}]"
    return f"{path}.{key}" if path else key


def _quoted(text: str) -> str:
    """One line of ASCII, whatever the text holds, and not too long for it."""
    return json.dumps(text if len(text) <= 80 else text[:80] + "...")
