"""Japan's banks and branches by number, name or reading: about 1,150 banks, 29,000 branches (package zengin-code).

The package reads its lists when it is imported, which takes a moment, so it is imported by who first asks.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .names import plain_name

#: Rows that a search shows.
MOST = 30
# What people type behind the name, which the lists leave out.
_SUFFIX = re.compile(r"(?:銀行|信用金庫|信用組合|労働金庫|ギンコウ|支店|シテン|出張所|BANK|BRANCH)$")


@dataclass(frozen=True, slots=True)
class Place:
    """A bank or a branch: its number, its name, and its name in full-width katakana."""

    code: str
    name: str
    kana: str


@dataclass(frozen=True, slots=True)
class Found:
    """The places of a search in the order of their fit, at most MOST of `count`."""

    places: list[Place]
    count: int


@lru_cache(maxsize=1)
def _banks() -> dict[str, Any]:
    from zengin_code import Bank

    return dict(Bank.all)


def _place(row: Any) -> Place:
    return Place(row.code, row.name, row.kana)


def bank(code: str) -> Place | None:
    """The bank of this number, or None."""
    row = _banks().get(code)
    return _place(row) if row else None


def branch(bank_code: str, code: str) -> Place | None:
    """The branch of this bank and number, or None."""
    bank_row = _banks().get(bank_code)
    row = bank_row.branches.get(code) if bank_row else None
    return _place(row) if row else None


def banks(text: str) -> Found:
    """Banks by number (or its beginning), name, kana, hiragana or Latin letters; none for an empty text."""
    return _search(_banks().values(), text) if text.strip() else Found([], 0)


def branches(bank_code: str, text: str) -> Found:
    """Branches of a bank as `banks`; the first ones for an empty text."""
    row = _banks().get(bank_code)
    rows = list(row.branches.values()) if row else []
    if text.strip():
        return _search(rows, text)
    return Found([_place(each) for each in rows[:MOST]], len(rows))


def _search(rows: Any, text: str) -> Found:
    wanted = plain_name(text[:60])
    wanted = _SUFFIX.sub("", wanted) or wanted
    latin = unicodedata.normalize("NFKC", text[:60]).strip().lower()
    fits = []
    for row in rows:
        fit = _fit(row, wanted, latin)
        if fit is not None:
            fits.append((fit, row.code, row))
    fits.sort(key=lambda found: found[:2])
    return Found([_place(row) for _fit_, _code, row in fits[:MOST]], len(fits))


def _fit(row: Any, wanted: str, latin: str) -> int | None:
    """0 for the very one, 1 for a beginning, 2 for a part, None for no fit."""
    keys = (plain_name(row.name), plain_name(row.kana))
    if wanted in (row.code, *keys) or latin == row.roma:
        return 0
    if row.code.startswith(wanted) or any(key.startswith(wanted) for key in keys) or row.roma.startswith(latin):
        return 1
    return 2 if any(wanted in key for key in keys) else None
