"""The story of a business in its four parts, each with the picture that stands beside it (pages.md 1.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .models import MOMENTS

#: The text of each part, in their order.
TEXTS = {"before": "story", "day": "damage", "now": "story_now", "next": "story_next"}


@dataclass(frozen=True, slots=True)
class Part:
    """One part: the text `field` of the business under a heading, and a picture or None."""

    moment: str
    field: str
    heading: Any
    picture: Any


def parts_of(source: Any, pictures: Iterable[Any]) -> tuple[list[Part], list[Any]]:
    """The parts that have words, and the pictures that stand beside none of them.

    `source` has the texts of a business, `pictures` are those of its story in their order. A story that was written
    before there were parts says all of it in its first; that one then has no heading.
    """
    whole = not any(
        getattr(source, f"{TEXTS[moment]}_{language}") for moment in ("now", "next") for language in ("en", "ja")
    )
    left, parts = list(pictures), []
    for moment, heading in MOMENTS:
        field = TEXTS.get(moment, "")
        if not field or not any(getattr(source, f"{field}_{language}") for language in ("en", "ja")):
            continue
        picture = next((each for each in left if each.moment == moment), None)
        if picture is not None:
            left.remove(picture)
        parts.append(Part(moment, field, "" if whole and moment == "before" else heading, picture))
    return parts, left
