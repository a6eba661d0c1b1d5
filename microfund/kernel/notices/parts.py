"""What mails of every app are made of."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation


def link(name: str, *args: object) -> str:
    """The absolute address of a page in the active language."""
    return settings.SITE_URL + reverse(name, args=args)


def name_of(thing: Any) -> str:
    """The name of a business or fund in the active language."""
    return in_language(thing, "name")


def in_language(thing: Any, field: str) -> str:
    """A text that a thing has in both languages, in the active one."""
    return getattr(thing, f"{field}_ja" if translation.get_language() == "ja" else f"{field}_en")
