"""Tables that are given out as CSV (RFC 4180): for people with a spreadsheet, so nothing in them may be taken for a
formula. Long ones are written line by line into a temporary file, so that memory stays flat and a table that breaks off
is never given out."""

from __future__ import annotations

import csv
import hashlib
import io
import tempfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import chain, islice
from typing import IO, Any, NamedTuple

from django.http import FileResponse

#: A cell that begins with one of these is a formula to a spreadsheet, a tab or a line break in front of it or not.
DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
#: Excel in Japan takes a file without this mark for Shift JIS.
BOM = "\ufeff"
_BATCH = 1_000
_IN_MEMORY = 1_000_000


def cell(value: Any) -> str:
    """A value as it may stand in a cell: dates in ISO form, whole yen as digits, texts that are no formula."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int):
        return str(value)
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(DANGEROUS) else text


def write(lines: Iterable[Iterable[Any]], *, bom: bool) -> str:
    """The lines as CSV with CRLF, with a byte order mark in front if wanted."""
    out = io.StringIO(BOM if bom else "", newline="")
    out.seek(0, io.SEEK_END)
    writer = csv.writer(out)
    writer.writerows([cell(value) for value in line] for line in lines)
    return out.getvalue()


class Sheet(NamedTuple):
    """A table in a file that is gone once it is closed: how many rows under its head, and the SHA-256 of its bytes."""

    file: IO[bytes]
    rows: int
    sha256: str

    def answer(self, name: str) -> FileResponse:
        """The table to be saved under a name, kept by no cache."""
        response = FileResponse(self.file, as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")
        response.headers["Cache-Control"] = "private, no-store"
        return response


def sheet(head: Iterable[Any], rows: Iterable[Iterable[Any]]) -> Sheet:
    """A table with its head, in UTF-8 with a byte order mark, written as its rows come."""
    # Closed by the answer that gives it out, and gone then.
    file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
    digest, count = hashlib.sha256(), 0
    lines: Iterator[Iterable[Any]] = chain([head], rows)
    while batch := list(islice(lines, _BATCH)):
        content = write(batch, bom=count == 0).encode()
        digest.update(content)
        file.write(content)
        count += len(batch)
    file.seek(0)
    return Sheet(file, count - 1, digest.hexdigest())
