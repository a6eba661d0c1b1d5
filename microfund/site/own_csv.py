"""A person's holdings as CSV, and how the pages of this site answer with CSV."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from microfund.kernel.sheets import write

from .own_filters import holding_state
from .own_holdings import Amounts, Row
from .templatetags.tomobune import bilingual_filter


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
