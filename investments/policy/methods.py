"""The ways to pay that the house knows, and what a policy may say of them and of its time zone (domain.md 2)."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

CARD = "card"
KONBINI = "konbini"
BANK_TRANSFER = "bank_transfer"
METHODS = (CARD, KONBINI, BANK_TRANSFER)
# A delayed method holds units for hours or days before the money comes.
DELAYED = (KONBINI, BANK_TRANSFER)


def validate_methods(value: Any) -> None:
    """One known method or more, each with the reference of the legal opinion that allows it. Raises ValidationError."""
    if not isinstance(value, dict) or not value:
        raise ValidationError(_('Name each way to pay with its legal opinion, like {"card": "opinion 7"}.'))
    unknown = sorted(set(value) - set(METHODS))
    if unknown:
        raise ValidationError(
            _("These ways to pay are not known: %(names)s. Known are: %(known)s."),
            params={"names": ", ".join(unknown), "known": ", ".join(METHODS)},
        )
    for name, opinion in value.items():
        if not isinstance(opinion, str) or not opinion.strip():
            raise ValidationError(
                _("Name the legal opinion that allows “%(name)s”, or leave this way to pay out."), params={"name": name}
            )


def validate_zone(value: str) -> None:
    """A time zone by its name in the time zone database. Raises ValidationError."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError(_("“%(zone)s” is not a time zone. Name one like Asia/Tokyo."), params={"zone": value})
