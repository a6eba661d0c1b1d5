"""The demo's businesses and funds, from businesses.json, with dates relative to the day of the demo."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from businesses import services as businesses
from businesses.models import Business, Disaster, Membership, Picture
from businesses.profile.story import parts_of
from investments.offerings import services as offerings
from investments.offerings.models import Fund, Terms
from microfund.kernel import clock
from microfund.site import scenes
from microfund.site.drawing import Drawing
from microfund.site.painting import png
from rewards.models import Offer

from . import people

DATA = Path(__file__).with_name("businesses.json")
# Two risks of each trade, three of every small firm on this coast.
RISKS = json.loads(Path(__file__).with_name("risks.json").read_text(encoding="utf-8"))
# How long ago the raising funds opened and how far off their closing is (days).
RAISING = {
    "mitsuiso-oysters": (45, 40),
    "yukihira-tofu": (12, 75),
    "namioto-ramen": (60, 20),
    "isobe-boats": (25, 60),
}


@dataclass
class Plan:
    """One fund of the demo: what it is and how many units its story sells."""

    key: str
    fund: Fund
    state: str
    sold: int

    @property
    def first_day(self) -> date:
        """The first business day of the offering."""
        return self.fund.opens_on


def read() -> dict[str, Any]:
    """The demo's data as it is kept in the repository."""
    found: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return found


def first_instant(as_of: date) -> datetime:
    """Before anything happened in the demo."""
    return clock.start_of_day(clock.add_months(as_of, -12 * 11))


def dates_of(key: str, fund: dict[str, Any], as_of: date) -> tuple[date, date, date]:
    """(opens on, closes on, term starts on) so that the fund is where its story says on `as_of`."""
    if fund["state"] == "raising":
        ago, ahead = RAISING[key]
        closes = as_of + timedelta(days=ahead)
        return as_of - timedelta(days=ago), closes, _month_start(closes + timedelta(days=40))
    if fund["state"] == "funded":
        closes = as_of + timedelta(days=10)
        return as_of - timedelta(days=80), closes, _month_start(closes + timedelta(days=40))
    if fund["state"] == "closed_unfunded":
        closes = as_of - timedelta(days=40)
        return closes - timedelta(days=90), closes, _month_start(closes + timedelta(days=60))
    # The last finished period ended five months ago (eight for the one that has run its whole term).
    months = 12 * fund["year"] + (8 if fund["state"] == "matured" else 5)
    starts = _month_start(clock.add_months(as_of, -months))
    return starts - timedelta(days=140), starts - timedelta(days=50), starts


def _month_start(day: date) -> date:
    """The first day of the month after `day`, unless it is one."""
    return day if day.day == 1 else clock.add_months(day.replace(day=1), 1)


def build(as_of: date, *, staff: dict[str, Any], hashed: str) -> list[Plan]:
    """Make every business with its owners, pictures, fund (scheduled) and promised rewards."""
    data = read()
    disasters = {}
    for item in data["disasters"]:
        when = item["date"]
        on = clock.add_months(as_of, -13) if when.startswith("as_of") else date.fromisoformat(when)
        disasters[item["key"]] = Disaster.objects.create(
            slug=item["key"], name_en=item["en"], name_ja=item["ja"], happened_on=on
        )
    return [_one(item, disasters[item["disaster"]], as_of, staff=staff, hashed=hashed) for item in data["businesses"]]


def _one(item: dict[str, Any], disaster: Disaster, as_of: date, *, staff: dict[str, Any], hashed: str) -> Plan:
    fund_data = item["fund"]
    opens_on, closes_on, term_starts_on = dates_of(item["slug"], fund_data, as_of)
    at = clock.start_of_day(opens_on - timedelta(days=21)) + timedelta(hours=10)
    business = Business.objects.create(
        slug=item["slug"],
        name_en=item["name_en"],
        name_ja=item["name_ja"],
        trade=item["kind"],
        town_en=item["town_en"],
        town_ja=item["town_ja"],
        disaster=disaster,
        owner_name_en=item["owner_en"],
        owner_name_ja=item["owner_ja"],
        founded_year=item["founded"],
        staff_before=item["staff_before"],
        staff_now=item["staff_now"],
        revenue_before=item["revenue_before_yen"],
        use_line_en=item["uses"][0]["en"],
        use_line_ja=item["uses"][0]["ja"],
        damage_en=item["damage_en"],
        damage_ja=item["damage_ja"],
        map_x=item["map_xy"][0],
        map_y=item["map_xy"][1],
        **_story(item, disaster),
    )
    owners = [item["owner_en"].split()[-1].lower()]
    if item["slug"] == "shiosai-ryokan":
        owners.append(f"{owners[0]}-junior")
    for name in owners:
        Membership.objects.create(business=business, user=people.make_owner(name, hashed))
    _pictures(business, item, actor=staff["reviewer"], at=at)
    businesses.submit(business, actor=staff["operations"], at=at)
    businesses.publish(business, actor=staff["reviewer"], at=at)
    fund = Fund.objects.create(
        business=business,
        slug=item["slug"],
        name_en=f"{item['name_en']} Recovery Fund",
        name_ja=f"{item['name_ja']} 復興ファンド",
        opens_on=opens_on,
        closes_on=closes_on,
        term_starts_on=term_starts_on,
        units_minimum=500 if fund_data["state"] == "closed_unfunded" else 0,
    )
    Terms.objects.create(
        fund=fund,
        investment=fund_data["investment_yen"],
        donation=fund_data["donation_yen"],
        fee=fund_data["fee_yen"],
        units_offered=fund_data["units"],
        rate_before_recoup=_rate(fund_data["rate_before_recoup"]),
        rate_after_recoup=_rate(fund_data["rate_after_recoup"]),
        grace_periods=fund_data["grace_years"],
        periods=fund_data["periods"],
        plan_revenue=fund_data["plan_sales_yen"],
        uses=[{"en": use["en"], "ja": use["ja"], "amount": use["yen"]} for use in item["uses"]],
        risks=RISKS["trade"][item["kind"]] + RISKS["every"],
    )
    for reward in item["rewards"]:
        Offer.objects.create(
            fund=fund,
            minimum_units=reward["min_units"],
            text_en=reward["en"],
            text_ja=reward["ja"],
            when_en=reward["ships"],
            when_ja=_WHEN_JA[reward["ships"]],
        )
    offerings.submit(fund, actor=staff["operations"], at=at)
    offerings.schedule(fund, actor=staff["reviewer"], at=at)
    return Plan(item["slug"], fund, fund_data["state"], fund_data["units_sold"])


def _rate(value: float) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.0001"))


#: Second firms of a trade: their pictures are the scene's mirror image, so that no two firms share one.
MIRRORED = {"nagisa-kamaboko"}


def _pictures(business: Business, item: dict[str, Any], *, actor: Any, at: datetime) -> None:
    """The main picture, and one for each part of the story that has words."""
    kind, mirror = item["kind"], item["slug"] in MIRRORED
    hero, (alt_en, alt_ja) = _photo(scenes.scene(kind), 1280, mirror), scenes.describe(kind)
    businesses.add_picture(business, hero, alt_en=alt_en, alt_ja=alt_ja, actor=actor, at=at)
    for part in parts_of(business, [])[0]:
        alt_en, alt_ja = scenes.describe_moment(kind, part.moment)
        businesses.add_picture(
            business,
            _photo(scenes.moment(kind, part.moment), 960, mirror),
            alt_en=alt_en,
            alt_ja=alt_ja,
            actor=actor,
            at=at,
            role=Picture.Role.STORY,
            moment=part.moment,
        )


def _photo(drawing: Drawing, width: int, mirror: bool) -> io.BytesIO:
    data = io.BytesIO(png(drawing, width))
    if not mirror:
        return data
    out = io.BytesIO()
    ImageOps.mirror(Image.open(data)).save(out, "PNG")
    out.seek(0)
    return out


def _story(item: dict[str, Any], disaster: Disaster) -> dict[str, str]:
    """Before, now, next: short parts made of the firm's own facts; "that day" is what it lost."""
    first, last = item["uses"][0], item["uses"][-1]
    if item["founded"] > disaster.happened_on.year:
        before_en = f"{item['name_en']} began in {item['town_en']} in {item['founded']}, after the disaster."
        before_ja = f"{item['name_ja']}は災害の後、{item['founded']}年に{item['town_ja']}で始まりました。"
    else:
        before_en = (
            f"{item['name_en']} has worked in {item['town_en']} since {item['founded']}. Before the disaster"
            f" {item['staff_before']} people earned their living here, on yearly sales of"
            f" ¥{item['revenue_before_yen']:,}."
        )
        before_ja = (
            f"{item['name_ja']}は{item['founded']}年から{item['town_ja']}で仕事を続けてきました。災害の前は"
            f"{item['staff_before']}人が働き、年間の売上は{item['revenue_before_yen']:,}円でした。"
        )
    if item["fund"]["state"] == "wound_up":
        now_en = (
            f"We worked for three years with what you gave. Then {item['owner_en']} closed the shop for good, sold the"
            " machines, and shared what was left among the units."
        )
        now_ja = (
            f"お預かりした資金で三年間働きました。その後、{item['owner_ja']}は店を閉じ、機械を売り、残ったお金を"
            "口数に応じて分けました。"
        )
        return {"story_en": before_en, "story_ja": before_ja, "story_now_en": now_en, "story_now_ja": now_ja}
    return {
        "story_en": before_en,
        "story_ja": before_ja,
        "story_now_en": (
            f"Today {item['staff_now']} of us are back at work. {item['owner_en']} opens the doors every morning"
            " and writes to supporters about what was mended and what was not."
        ),
        "story_now_ja": (
            f"いまは{item['staff_now']}人が仕事に戻っています。{item['owner_ja']}は毎朝店を開け、直ったこと、"
            "まだ直らないことを応援者に書き送っています。"
        ),
        "story_next_en": (
            f"With your units we begin with this: {first['en'][0].lower()}{first['en'][1:]}. At the end stands:"
            f" {last['en'][0].lower()}{last['en'][1:]}."
        ),
        "story_next_ja": f"皆さまの口数で、まず「{first['ja']}」から始めます。最後に整えるのは「{last['ja']}」です。",
    }


# The seasons of the rewards, as businesses.json words them.
_WHEN_JA = {
    "any time": "いつでも",
    "each February": "毎年2月",
    "each spring": "毎年春",
    "year 1": "1年目",
    "year 1 on": "1年目から",
    "year 1, 4, 7, 10": "1・4・7・10年目",
    "year 1, April": "1年目の4月",
    "year 1, August": "1年目の8月",
    "year 1, June and December": "1年目の6月と12月",
    "year 1, November": "1年目の11月",
    "year 1, October": "1年目の10月",
    "year 1, September": "1年目の9月",
    "year 2": "2年目",
    "year 2 to 4": "2〜4年目",
    "year 2, December": "2年目の12月",
    "year 2, May": "2年目の5月",
    "year 2, queue order": "2年目、お申し込み順",
    "year 3, June": "3年目の6月",
}
