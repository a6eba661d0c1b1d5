"""Read a bank statement: our bank's CSV, or Zengin deposit notifications (振込入金通知, 200-byte records).

Strict on purpose: a file that is cut, changed or of another kind is one DomainError that names the row, and nothing of
it is imported. What the bank counts itself (running balances, counts and totals) is checked against the rows.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NoReturn

from django.utils.translation import gettext_lazy as _

from microfund.kernel.errors import DomainError

CSV_HEADER = ("row_id", "date", "kind", "amount", "payer_name", "payer_code", "balance", "memo")
RECORD = 200
MAX_BYTES = 20 * 1024 * 1024
_REIWA, _HEISEI = date(2019, 5, 1), date(1989, 1, 8)
_WHOLE = re.compile(r"[0-9]{1,13}")
_SIGNED = re.compile(r"-?[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Credit:
    """One deposit. `row` is the line of the file, from 1; `bank_row` the bank's own number of it ("" when it has none);
    `amount` whole yen. `cancelled`: the bank takes back a deposit of the same facts (取消)."""

    row: int
    bank_row: str
    booked_on: date
    amount: int
    payer_name: str
    payer_code: str
    memo: str
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """A file that was read: its format ("csv" or "zengin") and its deposits in the bank's order."""

    format: str
    credits: list[Credit]


def _bad(row: int, code: str, message: Any, **data: Any) -> NoReturn:
    """Refuse the file because of one row."""
    raise DomainError(
        code, _("Row %(row)d: %(problem)s Nothing was imported.") % {"row": row, "problem": message}, row=row, **data
    )


def parse(content: bytes, *, format: str = "auto", today: date) -> Statement:  # noqa: A002 - the service's own word
    """The deposits of a statement. `format` is "csv", "zengin" or "auto"; `today` is the business date of the import.

    Raises DomainError: "too_large", "empty", "format", "encoding", "header", "cut", "fields", "date", "future", "kind",
    "amount", "name", "balance", "row_id", "record", "order", "count", "total"; all but the first three name the row.
    """
    if len(content) > MAX_BYTES:
        raise DomainError("too_large", _("The file is larger than a statement can be. Nothing was imported."))
    if not content.strip():
        raise DomainError("empty", _("The file is empty. Nothing was imported."))
    if format == "auto":
        format = _guess(content)  # noqa: A001
    if format == "csv":
        return Statement("csv", _csv(content, today))
    if format == "zengin":
        return Statement("zengin", _Zengin(content, today).credits())
    raise DomainError("format", _("This is neither our bank's CSV nor a Zengin file. Nothing was imported."))


def _guess(content: bytes) -> str:
    start = content.removeprefix(b"\xef\xbb\xbf")
    if start.startswith(CSV_HEADER[0].encode()):
        return "csv"
    return "zengin" if start.startswith(b"1") else ""


def _text(row: int, text: str, limit: int) -> str:
    """A text of the bank without its padding. Refuses control characters, which no bank writes."""
    text = text.strip(" \u3000")
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        _bad(row, "name", _("it holds a control character."))
    if len(text) > limit:
        _bad(row, "name", _("a text is longer than %(limit)d characters.") % {"limit": limit})
    return text


def _not_future(row: int, booked_on: date, today: date) -> date:
    if booked_on > today:
        _bad(row, "future", _("its date %(date)s has not come yet.") % {"date": booked_on.isoformat()})
    return booked_on


# --- CSV ------------------------------------------------------------------------------------------------------


def _csv(content: bytes, today: date) -> list[Credit]:
    """Columns of `CSV_HEADER`, UTF-8 (with or without a byte order mark) or cp932; credits and debits, of which only
    the credits are returned. The running balance must follow from row to row, so a missing row is seen."""
    if not content.endswith(b"\n"):
        _bad(content.count(b"\n") + 1, "cut", _("the file ends in the middle of it."))
    text = _decoded(content)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[Credit] = []
    row_ids: set[str] = set()
    balance: int | None = None
    try:
        if tuple(next(reader)) != CSV_HEADER:
            _bad(1, "header", _("its columns are not those of our bank's statement."))
        for cells in reader:
            row = reader.line_num
            if len(cells) != len(CSV_HEADER):
                _bad(row, "fields", _("it does not have the eight columns of the statement."))
            cell = dict(zip(CSV_HEADER, cells, strict=True))
            row_id = _text(row, cell["row_id"], 40)
            if not row_id or row_id in row_ids:
                _bad(row, "row_id", _("its number is missing or stands twice in the file."))
            row_ids.add(row_id)
            booked_on = _csv_date(row, cell["date"], today)
            if cell["kind"] not in ("credit", "debit"):
                _bad(row, "kind", _("it is neither a credit nor a debit."))
            amount = _whole(row, cell["amount"])
            if not _SIGNED.fullmatch(cell["balance"]):
                _bad(row, "balance", _("its balance is not a whole amount."))
            after = int(cell["balance"])
            signed = amount if cell["kind"] == "credit" else -amount
            if balance is not None and after != balance + signed:
                _bad(row, "balance", _("its balance does not follow from the row before; rows are missing or changed."))
            balance = after
            if cell["kind"] == "credit":
                found.append(
                    Credit(
                        row=row,
                        bank_row=row_id,
                        booked_on=booked_on,
                        amount=amount,
                        payer_name=_text(row, cell["payer_name"], 120),
                        payer_code=_text(row, cell["payer_code"], 20),
                        memo=_text(row, cell["memo"], 200),
                    )
                )
    except csv.Error as error:
        _bad(reader.line_num, "fields", _("it cannot be read (%(error)s).") % {"error": error})
    return found


def _decoded(content: bytes) -> str:
    wrong = 0
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as error:
            # The encoding that came further is the one that the file was meant to be in.
            wrong = max(wrong, error.start)
    _bad(content[:wrong].count(b"\n") + 1, "encoding", _("it is neither UTF-8 nor Shift_JIS."))


def _csv_date(row: int, text: str, today: date) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        _bad(row, "date", _("its date is not written like 2027-03-01."))
    try:
        return _not_future(row, date.fromisoformat(text), today)
    except ValueError:
        _bad(row, "date", _("its date does not exist."))


def _whole(row: int, text: str) -> int:
    if not _WHOLE.fullmatch(text) or int(text) == 0:
        _bad(row, "amount", _("its amount is not a whole positive number."))
    return int(text)


# --- Zengin ---------------------------------------------------------------------------------------------------


class _Zengin:
    """One account's deposit notification: header 1, data 2, trailer 8, end 9; single-byte JIS X 0201.

    | record | fields (length) |
    | --- | --- |
    | 1 | type 1, kind `01` 2, code 1, made on 6, from 6, to 6, bank 4, name 15, branch 3, name 15, account type 1, account 7, holder 40, blank 93 |
    | 2 | type 1, inquiry no. 6, booked on 6, value date 6, amount 10, other banks' cheques 10, payer code 10, payer name 48, bank name 15, branch name 15, cancellation 1, EDI 20, blank 52 |
    | 8 | type 1, count 6, total 12, cancelled count 6, cancelled total 12, blank 163 |
    | 9 | type 1, count of records 10, count of accounts 5, blank 184 |

    Dates are YYMMDD of the Japanese calendar.
    """  # noqa: E501 - a table

    def __init__(self, content: bytes, today: date) -> None:
        self.today = today
        self.records = _split(content)
        self.start = self.end = today

    def credits(self) -> list[Credit]:
        """All data records, checked against header, trailer and end. Raises DomainError."""
        kinds = "".join(record[0] for record in self.records)
        if not re.fullmatch("12*89", kinds):
            self._refuse_order(kinds)
        self._header(self.records[0])
        found = [self._data(row, record) for row, record in enumerate(self.records, 1) if record[0] == "2"]
        self._trailer(len(self.records) - 1, self.records[-2], found)
        end = self.records[-1]
        if int(self._digits(len(self.records), end, 1, 10)) != len(self.records):
            _bad(len(self.records), "count", _("the end record counts other records than the file has."))
        # A bank that does not number its rows leaves zeros: such a number says nothing.
        numbers = [(credit.booked_on, credit.bank_row) for credit in found]
        if len(set(numbers)) == len(numbers):
            return found
        return [Credit(**{name: getattr(c, name) for name in Credit.__slots__} | {"bank_row": ""}) for c in found]

    def _refuse_order(self, kinds: str) -> NoReturn:
        if kinds.count("1") > 1:
            _bad(kinds.index("1", 1) + 1, "order", _("the file holds a second account; download one account a file."))
        if not kinds.endswith("9"):
            _bad(len(kinds), "cut", _("the end record is missing: the file is cut off."))
        wrong = next((place for place in range(1, len(kinds) + 1) if not _could_begin(kinds[:place])), len(kinds))
        _bad(wrong, "order", _("a record of this kind cannot stand here."))

    def _digits(self, row: int, record: str, start: int, length: int) -> str:
        text = record[start : start + length]
        if not (text.isascii() and text.isdigit()):
            _bad(
                row,
                "record",
                _("characters %(from)d to %(to)d must be digits.") % {"from": start + 1, "to": start + length},
            )
        return text

    def _date(self, row: int, record: str, start: int, latest: date) -> date:
        """YYMMDD of Reiwa, or of Heisei when that would be after `latest`."""
        digits = self._digits(row, record, start, 6)
        year, month, day = int(digits[:2]), int(digits[2:4]), int(digits[4:])
        for first, last, before in ((_REIWA, latest, 2018), (_HEISEI, min(latest, _REIWA - timedelta(days=1)), 1988)):
            try:
                found = date(before + year, month, day)
            except ValueError:
                continue
            if first <= found <= last:
                return found
        _bad(row, "date", _("its date %(digits)s is none of Reiwa or Heisei that has come.") % {"digits": digits})

    def _header(self, record: str) -> None:
        if record[1:3] != "01":
            _bad(1, "header", _("this is not a deposit notification (kind 01)."))
        # A statement may be asked for up to a day that has not come yet, such as the end of the month.
        self.end = self._date(1, record, 16, self.today + timedelta(days=366))
        self.start = self._date(1, record, 10, self.end)

    def _data(self, row: int, record: str) -> Credit:
        booked_on = self._date(row, record, 7, self.today)
        if not self.start <= booked_on <= self.end:
            _bad(row, "date", _("its date lies outside the statement."))
        amount = int(self._digits(row, record, 19, 10))
        if amount == 0:
            _bad(row, "amount", _("its amount is not a whole positive number."))
        if record[127] not in " 01":
            _bad(row, "record", _("its mark of cancellation is unknown."))
        bank = " ".join(part for part in (record[97:112].strip(), record[112:127].strip()) if part)
        edi = record[128:148].strip()
        return Credit(
            row=row,
            bank_row=self._digits(row, record, 1, 6),
            booked_on=booked_on,
            amount=amount,
            payer_name=_text(row, record[49:97], 120),
            payer_code=_text(row, record[39:49], 20),
            memo=_text(row, f"{bank} / {edi}" if bank and edi else bank or edi, 200),
            cancelled=record[127] == "1",
        )

    def _trailer(self, row: int, record: str, found: list[Credit]) -> None:
        for start, cancelled in ((1, False), (19, True)):
            of_kind = [credit for credit in found if credit.cancelled is cancelled]
            if int(self._digits(row, record, start, 6)) != len(of_kind):
                _bad(row, "count", _("the trailer counts other deposits than the file has."))
            if int(self._digits(row, record, start + 6, 12)) != sum(credit.amount for credit in of_kind):
                _bad(row, "total", _("the trailer's total is not the sum of the deposits."))


def _could_begin(kinds: str) -> bool:
    return re.fullmatch("1(2*|2*8|2*89)", kinds) is not None


def _split(content: bytes) -> list[str]:
    """The records as text of one character a byte; lines with CRLF or LF, or none at all; an end-of-file byte is left
    out. Raises DomainError for a record that is not of 200 single bytes."""
    content = content.removesuffix(b"\x1a")
    if b"\n" in content:
        lines = content.removesuffix(b"\n").removesuffix(b"\r").split(b"\n")
        parts = [line.removesuffix(b"\r") for line in lines]
    else:
        parts = [content[start : start + RECORD] for start in range(0, len(content), RECORD)]
    records = []
    for row, part in enumerate(parts, 1):
        if len(part) != RECORD:
            if row == len(parts):
                _bad(row, "cut", _("the file ends in the middle of it."))
            _bad(row, "record", _("it has %(length)d bytes instead of 200.") % {"length": len(part)})
        if any(not (0x20 <= byte <= 0x7E or 0xA1 <= byte <= 0xDF) for byte in part):
            _bad(row, "encoding", _("it holds a byte that is no single-byte kana, letter or digit."))
        records.append(part.decode("cp932"))
    return records
