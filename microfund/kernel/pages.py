"""What the pages of every app answer alike."""

from __future__ import annotations

from typing import Any

from django.forms import BaseForm
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods

from .errors import DomainError

#: A page of one person: kept by no cache, not even the browser's own.
private = cache_control(private=True, no_store=True)
#: A page with a form that is sent to its own address.
form_methods = require_http_methods(["GET", "HEAD", "POST"])
#: What a form that is refused answers; it is shown again as it was typed.
REFUSED = 422


#: Longest number that a row can have.
_ID_DIGITS = 18


def row_id(text: str) -> int:
    """The id of a row as a form sends it; 0, which no row has, for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS else 0


def refuse(form: BaseForm, error: DomainError, *, field: Any = None) -> None:
    """Say in a form what a service refused: beside the field that the error names, or `field`, or else above all."""
    named = field or error.data.get("field")
    form.add_error(named if named in form.fields else None, str(error))
