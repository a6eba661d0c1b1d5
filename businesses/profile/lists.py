"""The lists of a business's page, such as its team and its pictures: read, judged and written as a whole (pages.md O2).

An item is a dict of its words, `name_en` and so on, of its values that say something, and of its picture: {"digest",
"widths", "width", "height"}, which the image pipeline has made, or None.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _

from businesses.models import Business, Milestone, Picture, Spending, TeamPerson
from microfund.kernel.errors import DomainError

from .models import Items, Value

Item = dict[str, Any]
PICTURE = ("digest", "widths", "width", "height")
MODELS: dict[str, type[models.Model]] = {
    "pictures": Picture,
    "team": TeamPerson,
    "milestones": Milestone,
    "spending": Spending,
}
#: The largest number that an item may hold: more yen than there are.
MOST = 10**15


@dataclass(frozen=True, slots=True)
class Source:
    """Who gives the items of a list that its members only fill in. `items` are their words and keys in their order;
    `check` raises DomainError, with the number of the `item`, for what cannot be."""

    items: Callable[[Business], list[Item]]
    check: Callable[[Business, list[Item]], None]


_sources: dict[str, Source] = {}


def register(name: str, source: Source) -> None:
    """Say who gives the items of a `given` list."""
    _sources[name] = source


def columns_of(items: Items) -> list[tuple[str, int]]:
    """The words of an item, by column, with their most letters."""
    return [(f"{field}_{language}", longest) for field, longest in items.fields for language in ("en", "ja")]


def read(business: Business, items: Items) -> list[Item]:
    """The list as the public page has it, in its order; the main picture first. A given one with what is filled in."""
    rows = sorted(getattr(business, items.name).all(), key=lambda row: getattr(row, "role", "") == Picture.Role.STORY)
    found = [
        {
            **{column: getattr(row, column) for column, _longest in columns_of(items)},
            **_said(items, lambda value, row=row: _plain(getattr(row, value.name))),
            "picture": {name: getattr(row, name) for name in PICTURE}
            if items.pictures != "none" and row.digest
            else None,
        }
        for row in rows
    ]
    return _filled(business, items, found) if items.given else found


def _said(items: Items, of: Callable[[Value], Any]) -> Item:
    """The values of an item that say something."""
    return {value.name: said for value in items.values if (said := of(value)) != value.nothing}


def _plain(value: Any) -> str | int:
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else value


def _filled(business: Business, items: Items, found: list[Item]) -> list[Item]:
    """The items that are given, each with the values of the one among `found` that has its keys and words."""
    keys = [*(column for column, _most in columns_of(items)), *(v.name for v in items.values if v.kind == "key")]
    known = {tuple(item.get(key) for key in keys): item for item in found}
    filled = []
    for own in _sources[items.name].items(business):
        before = known.get(tuple(own[key] for key in keys), {})
        filled.append(
            {**_said(items, lambda value, before=before: before.get(value.name, value.nothing)), **own, "picture": None}
        )
    return filled


def judged(business: Business, items: Items, given: list[Item], *, on: date) -> list[Item]:
    """The list with its words and values cleaned. Raises DomainError with the field and the number of the item:
    "too_many" (without), "too_long", "bad_date", "not_yet" (a date to come), "bad_number", "bad_choice"; for a given
    list what its source raises."""
    if items.given:
        given = _filled(business, items, given)
    if len(given) > items.most:
        raise DomainError("too_many", _("There is room for %(most)d.") % {"most": items.most})
    clean = [_judged_item(items, number, item, on) for number, item in enumerate(given)]
    if items.dated:
        (first, *_others) = items.values
        clean.sort(key=lambda item: item.get(first.name, "9999"))
    if items.given:
        _sources[items.name].check(business, clean)
    return clean


def _judged_item(items: Items, number: int, item: Item, on: date) -> Item:
    clean: Item = {"picture": item["picture"]}
    for column, longest in columns_of(items):
        value = item[column] if items.given else " ".join(item[column].split())
        if len(value) > longest:
            message = _("This text has more than %(most)d letters.") % {"most": longest}
            raise DomainError("too_long", message, field=column, item=number)
        clean[column] = value
    return clean | _said(items, lambda value: _judged_value(value, item.get(value.name, value.nothing), number, on))


def _judged_value(value: Value, said: Any, number: int, on: date) -> str | int:
    place = {"field": value.name, "item": number}
    if value.kind == "number":
        if not isinstance(said, int) or not 0 <= said <= MOST:
            raise DomainError("bad_number", _("Enter a whole number from 0."), **place)
        return said
    if value.kind == "choice" and said not in dict(value.choices):
        raise DomainError("bad_choice", _("Choose one of the places."), **place)
    if value.kind == "date" and said:
        try:
            day = date.fromisoformat(said)
        except ValueError as error:
            raise DomainError("bad_date", _("Enter a date."), **place) from error
        if value.past and day > on:
            raise DomainError("not_yet", _("This date has not come yet."), **place)
    return str(said)


def need_whole(items: Items, given: list[Item]) -> None:
    """Raises DomainError "empty" with the field and the number of the item where words are missing, or said in one
    language only, or a value that is needed; without an item where the list itself may not be empty."""
    if not given and not items.optional:
        raise DomainError("empty", _("The page needs a picture."))
    for number, item in enumerate(given):
        for field, _longest in items.fields:
            values = {column: item[column] for column in (f"{field}_en", f"{field}_ja")}
            if field not in items.needed and not any(values.values()):
                continue
            for column, words in values.items():
                if not words:
                    raise DomainError("empty", _("Write this in both languages."), field=column, item=number)
        for value in items.values:
            if value.needed and value.kind != "number" and value.name not in item:
                raise DomainError("empty", _("This is needed."), field=value.name, item=number)


def rows_of(business: Business, items: Items, given: list[Item], *, on: date) -> list[Any]:
    """The list as rows for the page, not yet saved; of pictures the first is the main one. What is reported is
    reported `on` that date."""
    rows = []
    for number, item in enumerate(given):
        row: Any = MODELS[items.name](business=business, position=number)
        for column, _most in columns_of(items):
            setattr(row, column, item[column])
        for value in items.values:
            said = item.get(value.name, value.nothing)
            setattr(row, value.name, (date.fromisoformat(said) if said else None) if value.kind == "date" else said)
        for name, part in (item["picture"] or {}).items():
            setattr(row, name, part)
        if isinstance(row, Picture):
            row.role = Picture.Role.STORY if number else Picture.Role.HERO
        if isinstance(row, Spending):
            row.reported_on = on
        rows.append(row)
    return rows


def write(business: Business, items: Items, given: list[Item], *, on: date) -> None:
    """Let the page show this list, in this order."""
    model = MODELS[items.name]
    with transaction.atomic():
        model._default_manager.filter(business=business).delete()
        model._default_manager.bulk_create(rows_of(business, items, given, on=on))
