"""Text files that people hand in: UTF-8 with or without a byte order mark, or Shift JIS, as spreadsheets write them."""

from __future__ import annotations

from django.utils.translation import gettext as _

from .errors import DomainError


def decoded(content: bytes, *, field: str, most: int) -> str:
    """The text of a file of at most `most` bytes. Raises DomainError("csv") for the form's `field`."""
    if len(content) > most:
        raise DomainError("csv", _("The file is too large."), field=field)
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DomainError("csv", _("The file is neither UTF-8 nor Shift JIS text."), field=field)
