"""The operator's trust account at a bank: transfers in, debits, and the statement as CSV and as Zengin records."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import TYPE_CHECKING, Any

from .kana import half_width

if TYPE_CHECKING:
    from .engine import Sandbox

ACCOUNT = {
    "bank_code": "0999",
    "bank_name": "ｻﾝﾘｸ",
    "branch_code": "001",
    "branch_name": "ﾎﾝﾃﾝ",
    "type": "1",
    "number": "1234567",
    "holder": "ﾄﾓﾌﾞﾈﾌｱﾝﾄﾞ ｼﾝﾀｸｸﾞﾁ",
}
"""The trust account that the product names by default. The bank code is one that no bank has."""

PROVIDER_NAME = "ｶ)ｻﾝﾄﾞﾎﾞﾂｸｽｹﾂｻｲ"
"""The payment provider's name on the statement, as banks write it."""

NAME_LENGTH = 48
CODE_LENGTH = 10
EDI_LENGTH = 20
CSV_HEADER = ("row_id", "date", "kind", "amount", "payer_name", "payer_code", "balance", "memo")


class BankError(ValueError):
    """What was asked of the bank cannot be done. ``field`` names the input."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def book(
    box: Sandbox,
    *,
    amount: int,
    payer_name: str,
    payer_code: str = "",
    kind: str = "credit",
    day: date | None = None,
    edi: str = "",
    memo: str = "",
) -> dict[str, Any]:
    """Enter a credit (a transfer in) or a debit. Yen; ``day`` is the business date, today's when None.

    Raises BankError for what no bank would take: a name that is not kana, a code that is too long, no money.
    """
    if kind not in ("credit", "debit"):
        raise BankError("kind", "credit or debit")
    if not 0 < amount < 10**10:
        raise BankError("amount", "from 1 to 9,999,999,999 yen")
    name = written("payer_name", payer_name, NAME_LENGTH)
    if not name:
        raise BankError("payer_name", "a name in kana or letters")
    code = written("payer_code", payer_code, CODE_LENGTH)
    row = box.store.sql(
        "INSERT INTO bank_row (date, kind, amount, payer_name, payer_code, edi, memo) VALUES (?,?,?,?,?,?,?)"
        " RETURNING *",
        (
            (day or box.clock.today()).isoformat(),
            kind,
            amount,
            name,
            code,
            written("edi", edi, EDI_LENGTH),
            " ".join(memo.split())[:200],
        ),
    )[0]
    return _row(dict(row))


def statement(box: Sandbox, *, start: date | None = None, end: date | None = None) -> list[dict[str, Any]]:
    """Rows of business dates ``start`` to ``end``, both included, in the bank's order, with running balances."""
    rows = box.store.sql(
        "SELECT * FROM (SELECT *, SUM(CASE kind WHEN 'credit' THEN amount ELSE -amount END) OVER (ORDER BY date, seq)"
        " AS balance FROM bank_row) WHERE date >= ? AND date <= ? ORDER BY date, seq",
        ((start or date.min).isoformat(), (end or date.max).isoformat()),
    )
    return [_row(dict(row)) for row in rows]


def statement_csv(rows: list[dict[str, Any]]) -> bytes:
    """UTF-8, with a header, CRLF."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, CSV_HEADER, extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def statement_zengin(rows: list[dict[str, Any]], *, start: date, end: date, made_on: date) -> bytes:
    """Deposit notification (振込入金通知): 200-byte records in JIS X 0201 with CRLF. Credits only."""
    credits = [row for row in rows if row["kind"] == "credit"]
    header = (
        "1010" + _era(made_on) + _era(start) + _era(end) + ACCOUNT["bank_code"] + ACCOUNT["bank_name"].ljust(15)
        + ACCOUNT["branch_code"] + ACCOUNT["branch_name"].ljust(15) + ACCOUNT["type"] + ACCOUNT["number"]
        + ACCOUNT["holder"].ljust(40)
    )  # fmt: skip
    records = [header]
    for row in credits:
        day = _era(date.fromisoformat(row["date"]))
        code = row["payer_code"]
        records.append(
            "2" + row["row_id"][-6:] + day + day + f"{row['amount']:010d}" + "0" * 10
            + (code.rjust(10, "0") if code.isdigit() else code.ljust(10)) + row["payer_name"].ljust(NAME_LENGTH)
            + ACCOUNT["bank_name"].ljust(15) + ACCOUNT["branch_name"].ljust(15) + " " + row["edi"].ljust(EDI_LENGTH)
        )  # fmt: skip
    total = sum(row["amount"] for row in credits)
    records.append("8" + f"{len(credits):06d}{total:012d}" + "0" * 18)
    records.append("9" + f"{len(credits) + 3:010d}" + "00001")
    return b"".join(_record(text) for text in records)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {"row_id": f"B{row.pop('seq'):08d}", **row}


def _record(text: str) -> bytes:
    data = text.encode("cp932").ljust(200)
    if len(data) != 200:
        raise ValueError(f"a record of {len(data)} bytes")
    return data + b"\r\n"


def _era(day: date) -> str:
    """YYMMDD of the Japanese calendar: Reiwa from May 2019, Heisei before it."""
    year = day.year - (2018 if day >= date(2019, 5, 1) else 1988)
    return f"{year % 100:02d}{day:%m%d}"


def written(field: str, text: str, length: int) -> str:
    """The text as the bank writes it. Raises BankError, with ``field``, for what it cannot write or has no room for."""
    try:
        written = half_width(text)
    except ValueError as error:
        raise BankError(field, f"banks cannot write {error}: use kana, letters A-Z and digits") from None
    if len(written) > length:
        raise BankError(field, f"at most {length} characters")
    return written
