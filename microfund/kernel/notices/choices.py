"""Which mails a person wants: only kinds that were declared as a matter of choice can be switched off.

Everything else always comes: what is owed, paid, decided or changed is never left to a switch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from .models import NoticeChoice


@dataclass(frozen=True, slots=True)
class OptionalKind:
    """A kind of mail that may be switched off, in words of the page where that is done."""

    kind: str
    label: Any
    hint: Any = ""


_optional: dict[str, OptionalKind] = {}


def declare_optional(kind: str, label: Any, hint: Any = "") -> None:
    """Mails of this kind are sent unless a person switched them off. Called in AppConfig.ready()."""
    _optional[kind] = OptionalKind(kind, label, hint)


def optional_kinds() -> list[OptionalKind]:
    """The kinds that may be switched off, in the order of their declaration."""
    return list(_optional.values())


def is_wanted(user: Any, kind: str) -> bool:
    """Whether mails of this kind go to this person. Costs no query for a kind that always comes."""
    if user is None or kind not in _optional:
        return True
    return not NoticeChoice.objects.filter(user=user, kind=kind, wanted=False).exists()


def wanted_kinds(user: Any) -> set[str]:
    """The optional kinds that this person gets."""
    off = set(NoticeChoice.objects.filter(user=user, wanted=False).values_list("kind", flat=True))
    return set(_optional) - off


def choose(user: Any, wanted: Iterable[str], *, at: datetime) -> None:
    """Keep which of the optional kinds this person wants; names of other kinds are ignored."""
    chosen = set(wanted)
    with transaction.atomic():
        NoticeChoice.objects.bulk_create(
            [NoticeChoice(user=user, kind=kind, wanted=kind in chosen, changed_at=at) for kind in _optional],
            update_conflicts=True,
            unique_fields=["user", "kind"],
            update_fields=["wanted", "changed_at"],
        )
