"""Text files that people hand in: UTF-8 with or without a byte order mark, or Shift JIS, as spreadsheets write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from django.utils.translation import gettext as _

from .errors import DomainError


def decoded(content: bytes, *, field: str, most: int) -> str:
    """The text of a file of at most `most` bytes. Raises DomainError("csv") for the form's `field`."""
    if len(content) > most:
        raise DomainError("csv", _("The file is too large."), field=field)
    for encoding in ("utf-8-sig", "cp932"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return text
    raise DomainError("csv", _("The file is neither UTF-8 nor Shift JIS text."), field=field)


def rows(content: bytes, *, field: str, most: int) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV with the numbers of the lines on which they end, from 1. Raises DomainError("csv") as `decoded`
    does, and naming the line where the file is no CSV, such as after a quote that nothing closes."""
    reader = csv.reader(io.StringIO(decoded(content, field=field, most=most), newline=""), strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error:
        text = _("Row %(row)d: it cannot be read; is a quotation mark missing?") % {"row": reader.line_num}
        raise DomainError("csv", text, field=field, row=reader.line_num) from None
