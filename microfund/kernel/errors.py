"""The one error that services raise for a refusal that a person should read."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _


class DomainError(Exception):
    """A rule of the house was about to be broken.

    `code` is stable and tested; `message` is translated and may be shown; `data` carries figures (yen, units, dates)
    that a page may offer instead, such as the units that are left.
    """

    def __init__(self, code: str, message: Any, **data: Any) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.data = data

    def __str__(self) -> str:
        return str(self.message)


def require_reason(reason: str) -> None:
    """Raise DomainError("reason_needed") unless somebody has said why."""
    if not reason.strip():
        raise DomainError("reason_needed", _("Give a reason."))
