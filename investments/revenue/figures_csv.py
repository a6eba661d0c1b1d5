"""The figures of a report from a spreadsheet: CSV with month, amount and, where the basis has several, the line."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Any, NoReturn

from django.utils.translation import gettext as _

from microfund.kernel import clock, textfiles
from microfund.kernel.errors import DomainError

MAX_BYTES = 1024 * 1024
MOST_LINES = 20
#: The columns by what people call them.
_COLUMNS = {
    "month": ("month", "月", "年月"),
    "amount": ("amount", "sales", "金額", "売上", "売上金額"),
    "line": ("line", "item", "項目", "品目"),
}
_MONTH = re.compile(r"(\d{4})\s*(?:-|/|\.|年)\s*(\d{1,2})\s*(?:月|-\d{1,2}|/\d{1,2})?")
_AMOUNT = re.compile(r"[0-9]{1,13}")


def _bad(row: int, message: str) -> NoReturn:
    text = _("Row %(row)d: %(problem)s Nothing was changed.") % {"row": row, "problem": message}
    raise DomainError("csv", text, field="figures", row=row)


def parse(content: bytes, *, starts_on: date, months: int) -> list[dict[str, Any]]:
    """The lines of a report ({"label", "months"}) from a CSV in UTF-8 or Shift JIS: a head with `month` and `amount`
    (or 月 and 金額), `line` (項目) if there are several; one row for every month of the period and line, in any order.

    Raises DomainError("csv"), naming the row, and changing nothing: a file of another kind, a month outside the
    period, twice or missing, an amount that is no whole number of yen.
    """
    rows = textfiles.rows(content, field="figures", most=MAX_BYTES)
    columns = _columns(next(rows, (1, []))[1])
    wanted = [clock.add_months(starts_on, number) for number in range(months)]
    place = {(day.year, day.month): number for number, day in enumerate(wanted)}
    found: dict[str, list[int | None]] = {}
    for number, row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) <= max(columns.values()):
            _bad(number, _("it has too few columns."))
        label = row[columns["line"]].strip()[:80] if "line" in columns else ""
        month = _month(number, row[columns["month"]])
        if month not in place:
            _bad(number, _("this month is not in the period."))
        figures = found.setdefault(label, [None] * months)
        if len(found) > MOST_LINES:
            _bad(number, _("there are more than 20 lines."))
        if figures[place[month]] is not None:
            _bad(number, _("this month stands there twice."))
        figures[place[month]] = _amount(number, row[columns["amount"]])
    if not found:
        raise DomainError("csv", _("The file holds no month."), field="figures")
    for label, figures in found.items():
        for index, figure in enumerate(figures):
            if figure is None:
                missing = {"month": f"{wanted[index]:%Y-%m}", "line": label}
                text = _("%(month)s is missing. %(line)s") % missing
                raise DomainError("csv", text.strip(), field="figures")
    return [{"label": label, "months": figures} for label, figures in found.items()]


def _columns(head: list[str]) -> dict[str, int]:
    names = [unicodedata.normalize("NFKC", cell).strip().lower() for cell in head]
    found = {
        column: next(names.index(word) for word in words if word in names)
        for column, words in _COLUMNS.items()
        if any(word in names for word in words)
    }
    if "month" not in found or "amount" not in found:
        _bad(1, _("the head must name the columns month and amount."))
    return found


def _month(row: int, text: str) -> tuple[int, int]:
    match = _MONTH.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if match is None:
        _bad(row, _("write the month like 2026-04."))
    return int(match[1]), int(match[2])


def _amount(row: int, text: str) -> int:
    digits = unicodedata.normalize("NFKC", text).strip().lstrip("¥\\").removesuffix("円").replace(",", "").strip()
    if not _AMOUNT.fullmatch(digits):
        _bad(row, _("write the amount as whole yen."))
    return int(digits)
