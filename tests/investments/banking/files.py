"""Statements as our bank writes them, without the sandbox: for files that no bank would give."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

HEADER = ("row_id", "date", "kind", "amount", "payer_name", "payer_code", "balance", "memo")


def csv_file(*rows: dict[str, Any], first: int = 1, balance: int = 0) -> bytes:
    """A CSV of credits (and debits, if a row says so) with right balances; a row may replace any column."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, HEADER, lineterminator="\r\n")
    writer.writeheader()
    for number, row in enumerate(rows, first):
        filled = {
            "row_id": f"B{number:08d}",
            "date": "2026-07-02",
            "kind": "credit",
            "amount": 10_500,
            "payer_name": "ｲﾄｳ ﾊﾙｶ",
            "payer_code": "",
            "memo": "",
            **row,
        }
        balance += filled["amount"] if filled["kind"] == "credit" else -filled["amount"]
        writer.writerow({"balance": balance, **filled})
    return out.getvalue().encode()


def era(day: date) -> str:
    """YYMMDD of Reiwa."""
    return f"{day.year - 2018:02d}{day:%m%d}"


def zengin_file(*rows: dict[str, Any], crlf: bool = True, days: tuple[date, date] | None = None) -> bytes:
    """A deposit notification of data records; a row may give number, day, amount, code, name, cancelled, edi."""
    first, last = days or (date(2026, 7, 1), date(2026, 7, 2))
    records = [
        "1010" + era(last) + era(first) + era(last) + "9990" + "ｻﾝﾄﾞﾎﾞﾂｸｽ".ljust(15) + "001" + "ﾎﾝﾃﾝ".ljust(15) + "1"
        + "0012345" + "ﾄﾓﾌﾞﾈ ｼﾝﾀｸｸﾞﾁ".ljust(40)
    ]  # fmt: skip
    sums = {False: [0, 0], True: [0, 0]}
    for place, row in enumerate(rows, 1):
        given = {"number": place, "day": last, "amount": 10_500, "code": "", "name": "ｲﾄｳ ﾊﾙｶ", "cancelled": False,
                 "edi": "", **row}  # fmt: skip
        sums[given["cancelled"]][0] += 1
        sums[given["cancelled"]][1] += given["amount"]
        day = era(given["day"])
        records.append(
            f"2{given['number']:06d}{day}{day}{given['amount']:010d}{0:010d}" + given["code"].ljust(10)
            + given["name"].ljust(48) + "ｻﾝﾘｸ".ljust(15) + "ﾎﾝﾃﾝ".ljust(15) + ("1" if given["cancelled"] else " ")
            + given["edi"].ljust(20)
        )  # fmt: skip
    records.append(f"8{sums[False][0]:06d}{sums[False][1]:012d}{sums[True][0]:06d}{sums[True][1]:012d}")
    records.append(f"9{len(records) + 1:010d}00001")
    end = b"\r\n" if crlf else b""
    return b"".join(record.encode("cp932").ljust(200) + end for record in records)
