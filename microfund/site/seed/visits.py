"""The demo's visits (one that was, one that is nearly full, one that was called off) and the letters of two owners."""

from __future__ import annotations

import io
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from investments.models import Fund, Holding
from microfund.kernel import clock
from microfund.site import scenes
from rewards import letters, visits
from rewards.models import Booking, Visit

if TYPE_CHECKING:
    from .story import Story

#: Fund, titles, place, seats, days from the day of the demo to the visit, and how many ask for two seats.
VISITS = (
    ("shiosai-ryokan", "An evening for those who rebuilt the bath",
     "湯処を建て直してくださった方の夕べ", "潮騒旅館 大広間", 12, -40, 5),
    ("kaneshige-can", "See the new canning line run", "新しい缶詰ラインの見学", "かねしげ缶詰 第一工場", 6, 25, 5),
    ("homachi-sake", "Tasting at the press, online",
     "搾りたてを味わう会（オンライン）", "https://meet.example.org/homachi", 20, 10, 3),
)  # fmt: skip
CALLED_OFF = "homachi-sake"
LETTERS = (
    ("kaneshige-can", "reopened",
     "The first cans left the line this morning. Each of you is in them.\n\nPlease come and see it once.",
     "今朝、最初の缶がラインを出ました。お一人おひとりの力が詰まっています。\n\nどうか一度、見にいらしてください。"),
    ("shiosai-ryokan", "funded",
     "The goal is reached. The bath will steam again by spring.",
     "目標に届きました。春までに、湯処にまた湯気を立てます。"),
    ("minatoya-fish", "recoup",
     "What you put in has come back, as saury and as money. The rest is yours and ours together.",
     "お預かりした元手が、さんまとお金になって戻りました。これからは、皆さまと一緒の実りです。"),
    ("minatoya-fish", "matured",
     "Ten years. We did not count on so many letters. Thank you for every one of them.",
     "十年が経ちました。これほど多くのお便りをいただけるとは思いませんでした。ありがとうございました。"),
)  # fmt: skip


def tell(story: Story) -> None:
    """Put every visit and letter on its day."""
    for row in VISITS:
        _visit(story, *row)
    for key, moment, text_en, text_ja in LETTERS:
        fund = story.plans[key].fund
        story.at(
            story.as_of - timedelta(days=60), lambda at, values=(fund, moment, text_en, text_ja): _letter(*values, at)
        )
    story.at(story.as_of - timedelta(days=1), lambda at: _draft(story, at))


def _owner(fund: Fund) -> Any:
    return fund.business.memberships.order_by("pk")[0].user


def _letter(fund: Fund, moment: str, text_en: str, text_ja: str, at: datetime) -> None:
    actor = _owner(fund)
    drawn = io.BytesIO(scenes.rasterise(fund.business.trade)) if moment == "matured" else None
    row = letters.save(fund, moment, text_en=text_en, text_ja=text_ja, actor=actor, at=at, picture=drawn)
    letters.publish(row, actor=actor, at=at)


def _draft(story: Story, at: datetime) -> None:
    """A letter that its owner writes at night and has not sent."""
    fund = story.plans[CALLED_OFF].fund
    words = {"text_en": "", "text_ja": "今年も無事に仕込みが始まりました。"}
    letters.save(fund, "recoup", actor=_owner(fund), at=at, **words)


def _visit(story: Story, key: str, en: str, ja: str, place: str, seats: int, days: int, askers: int) -> None:
    fund = story.plans[key].fund
    day = story.as_of + timedelta(days=days)
    announced = min(day, story.as_of) - timedelta(days=45)
    values = {
        "title_en": en, "title_ja": ja, "place": place, "text_en": "Stairs and a wet floor: wear shoes that hold.",
        "text_ja": "階段と濡れた床があります。滑りにくい靴でお越しください。", "minutes": 120, "seats": seats,
        "starts_at": datetime.combine(day, time(14), tzinfo=clock.business_zone()),
        "book_until": day - timedelta(days=5), "minimum_units": 1, "most_each": 2,
    }  # fmt: skip
    story.at(announced, lambda at: visits.make(fund, values=values, actor=_owner(fund), at=at) and None)
    story.at(announced + timedelta(days=3), lambda at: _book(story, fund, askers, at))
    if days < 0:
        story.at(day + timedelta(days=1), lambda at: _was_there(fund, at))
    elif key == CALLED_OFF:
        reason = "蔵の設備点検のため、日を改めます。 The press is being inspected; we choose another day."
        story.at(
            story.as_of - timedelta(days=2),
            lambda at: visits.call_off(Visit.objects.get(fund=fund), reason=reason, actor=_owner(fund), at=at) and None,
        )


def _book(story: Story, fund: Fund, askers: int, at: datetime) -> None:
    """Two seats each, Kenji first; the last ones wait, and one gives the seats back."""
    visit = Visit.objects.get(fund=fund)
    kenji = story.named["kenji"]
    own = list(Holding.objects.filter(fund=fund).select_related("investor__user").order_by("pk"))
    rows = sorted(own, key=lambda row: (row.investor_id != kenji.pk, row.pk))[:askers]
    for row in rows:
        visits.book(row.investor, visit.pk, 2, actor=row.investor.user, at=at)
    if len(rows) > 1:
        visits.cancel(rows[1].investor, visit.pk, actor=rows[1].investor.user, at=at + timedelta(hours=2))


def _was_there(fund: Fund, at: datetime) -> None:
    """All but the last came."""
    visit = Visit.objects.get(fund=fund)
    booked = list(Booking.objects.filter(visit=visit, state="booked").order_by("pk").values_list("pk", flat=True))
    visits.note_attendance(visit, set(booked[:-1]), actor=_owner(fund), at=at)
    words = {
        "text_en": "We lit the lamps at dusk, and some of you bathed until the stars came out.",
        "text_ja": "日暮れに灯をともしました。星が出るまで湯に浸かってくださった方もいました。",
    }
    visits.report(visit, actor=_owner(fund), at=at, **words)
