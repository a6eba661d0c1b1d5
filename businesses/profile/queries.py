"""Reads of proposed texts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from . import lists
from .models import SECTIONS, Items, Proposal, Text

OPEN = (Proposal.State.DRAFT, Proposal.State.SUBMITTED, Proposal.State.RETURNED)


def open_proposal(business: Any, section: str) -> Proposal | None:
    """What is being prepared or looked at for a section; there is at most one."""
    return Proposal.objects.filter(business=business, section=section, state__in=OPEN).first()


def on_the_page(business: Any, section: str) -> dict[str, Any]:
    """The texts of a section, or its list, as the public page has them, by column."""
    found: dict[str, Any] = {}
    for text in SECTIONS[section]:
        if isinstance(text, Items):
            found[text.name] = lists.read(business, text)
        else:
            found |= {column: getattr(business, column) for column in text.columns}
    return found


def differs(text: Text | Items, before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether either language of a text differs, or anything of a list. What was saved before a text was asked for
    lacks it."""
    return any(before.get(column, text.nothing) != after.get(column, text.nothing) for column in text.columns)


def changed_texts(proposal: Proposal, business: Any) -> list[Text | Items]:
    """The texts that the proposal would change."""
    live = on_the_page(business, proposal.section)
    return [text for text in proposal.fields if differs(text, live, proposal.texts)]


def waiting() -> QuerySet[Proposal]:
    """What waits for staff, the oldest first."""
    return Proposal.objects.filter(state=Proposal.State.SUBMITTED).order_by("submitted_at", "pk")


def returned(businesses: Iterable[Any]) -> QuerySet[Proposal]:
    """What waits for the members of these businesses."""
    wanted = [business.pk for business in businesses]
    found = Proposal.objects.filter(business__in=wanted, state=Proposal.State.RETURNED)
    return found.select_related("business").order_by("pk")
