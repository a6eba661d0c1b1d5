"""Two gifts of one giver: one that was accepted, one that waits for its receiver."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING

from investments.gifts import services as gifts
from investments.orders.giving import Wish
from investments.orders.models import Gift

from .world import Plan

if TYPE_CHECKING:
    from .story import Story

GROWN_UP = Wish("林 芽衣", "", "成人おめでとう。", "ja")
MARRIED = Wish("小川 さち", "sachi@example.jp", "結婚のお祝いに。海の仕事を、十年いっしょに見守りましょう。", "ja")


def plan(story: Story, boats: Plan, oysters: Plan, ago: Callable[[int], date]) -> None:
    """Put the acts on the story's days: `ago` says which day lies so many before the demo's."""
    giver = story.named["giver"]
    story.at(ago(17), lambda at: story.by_card(boats, giver, 1, at, "gift-mei", gift=GROWN_UP) and None)
    story.at(ago(13), lambda at: _accept(story, boats, at))
    story.at(ago(3), lambda at: story.by_card(oysters, giver, 1, at, "gift-sachi", gift=MARRIED) and None)


def _accept(story: Story, boats: Plan, at: datetime) -> None:
    investor = story.named["mei"]
    gifts.accept(
        Gift.objects.get(order=story.orders["gift-mei"]),
        investor,
        acceptances=story.accepted(boats, investor, at),
        answers={"understood": True},
        language=investor.user.language,
        at=at,
    )
