"""A person's holdings as CSV: for people with a spreadsheet, so nothing in it may be taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from .own_filters import holding_state
from .own_holdings import Amounts, Row
from .templatetags.tomobune import bilingual_filter

#: A cell that begins with one of these is a formula to a spreadsheet, a tab or a line break in front of it or not.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
#: Excel in Japan takes a file without this mark for Shift JIS.
BOM = "\ufeff"


def cell(value: Any) -> str:
    """A value as it may stand in a cell: dates in ISO form, whole yen as digits, texts that are no formula."""
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int):
        return str(value)
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(DANGEROUS) else text


def write(lines: Iterable[Iterable[Any]], *, bom: bool) -> str:
    """The lines as CSV with CRLF (RFC 4180), with a byte order mark in front if wanted."""
    out = io.StringIO(BOM if bom else "", newline="")
    out.seek(0, io.SEEK_END)
    writer = csv.writer(out)
    writer.writerows([cell(value) for value in line] for line in lines)
    return out.getvalue()


def answer(request: HttpRequest, lines: Iterable[Iterable[Any]], *, name: str) -> HttpResponse:
    """The lines as a file to save, in UTF-8; `bom=1` in the address puts a byte order mark in front."""
    text = write(lines, bom=request.GET.get("bom") == "1")
    response = HttpResponse(text.encode(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="tomobune-{name}.csv"'
    return response


def holdings_lines(rows: Iterable[Row], totals: Amounts) -> list[list[Any]]:
    """The table of holdings with its head and its totals; amounts in whole yen, shares in percent."""
    lines: list[list[Any]] = [
        [
            _("Holding"),
            _("Business"),
            _("Fund"),
            _("Date"),
            _("Units"),
            _("Investment (yen)"),
            _("Donation (yen)"),
            _("Fee (yen)"),
            _("Received (yen)"),
            _("Share of investment back (%)"),
            _("State"),
            _("Next date"),
            _("Next"),
        ]
    ]
    units = 0
    for row in rows:
        fund = row.holding.fund
        units += row.holding.units
        lines.append(
            [
                row.holding.reference,
                bilingual_filter(fund.business, "name"),
                bilingual_filter(fund, "name"),
                row.confirmed_on,
                row.holding.units,
                *_amounts(row.amounts),
                holding_state(row.holding),
                row.next_on,
                row.next_words,
            ]
        )
    return [*lines, [_("Total"), "", "", "", units, *_amounts(totals), "", "", ""]]


def _amounts(amounts: Amounts) -> list[Any]:
    return [amounts.invested, amounts.donated, amounts.fees, amounts.received, amounts.share_back]
