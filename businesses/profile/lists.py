"""The lists of a business's page, its team and its pictures: read, judged and written as a whole (pages.md O2).

An item is a dict of its words, `name_en` and so on, and of its picture: {"digest", "widths", "width", "height"}, which
the image pipeline has made, or None.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from businesses.models import Business, Picture, TeamPerson
from microfund.kernel.errors import DomainError

from .models import Items

Item = dict[str, Any]
PICTURE = ("digest", "widths", "width", "height")
MODELS: dict[str, type[Picture] | type[TeamPerson]] = {"pictures": Picture, "team": TeamPerson}


def columns_of(items: Items) -> list[tuple[str, int]]:
    """The words of an item, by column, with their most letters."""
    return [(f"{field}_{language}", longest) for field, longest in items.fields for language in ("en", "ja")]


def read(business: Business, items: Items) -> list[Item]:
    """The list as the public page has it, in its order; the main picture first."""
    rows = sorted(getattr(business, items.name).all(), key=lambda row: getattr(row, "role", "") == Picture.Role.STORY)
    return [
        {
            **{column: getattr(row, column) for column, _longest in columns_of(items)},
            "picture": {name: getattr(row, name) for name in PICTURE} if row.digest else None,
        }
        for row in rows
    ]


def judged(items: Items, given: list[Item]) -> list[Item]:
    """The list with its words cleaned. Raises DomainError "too_many", or "too_long" with the field and the number of
    the item."""
    if len(given) > items.most:
        raise DomainError("too_many", _("There is room for %(most)d.") % {"most": items.most})
    return [_judged_item(items, number, item) for number, item in enumerate(given)]


def _judged_item(items: Items, number: int, item: Item) -> Item:
    clean: Item = {"picture": item["picture"]}
    for column, longest in columns_of(items):
        value = " ".join(item[column].split())
        if len(value) > longest:
            message = _("This text has more than %(most)d letters.") % {"most": longest}
            raise DomainError("too_long", message, field=column, item=number)
        clean[column] = value
    return clean


def need_whole(items: Items, given: list[Item]) -> None:
    """Raises DomainError "empty" with the field and the number of the item where words are missing, or said in one
    language only; without an item where the list itself may not be empty."""
    if not given and not items.optional:
        raise DomainError("empty", _("The page needs a picture."))
    for number, item in enumerate(given):
        for field, _longest in items.fields:
            values = {column: item[column] for column in (f"{field}_en", f"{field}_ja")}
            if field not in items.needed and not any(values.values()):
                continue
            for column, value in values.items():
                if not value:
                    raise DomainError("empty", _("Write this in both languages."), field=column, item=number)


def write(business: Business, items: Items, given: list[Item]) -> None:
    """Let the page show this list, in this order; of pictures the first is the main one."""
    model = MODELS[items.name]
    rows = []
    for number, item in enumerate(given):
        row = model(business=business, position=number, **{column: item[column] for column, _most in columns_of(items)})
        for name, value in (item["picture"] or {}).items():
            setattr(row, name, value)
        if isinstance(row, Picture):
            row.role = Picture.Role.STORY if number else Picture.Role.HERO
        rows.append(row)
    with transaction.atomic():
        model.objects.filter(business=business).delete()
        model.objects.bulk_create(rows)  # type: ignore[arg-type]
