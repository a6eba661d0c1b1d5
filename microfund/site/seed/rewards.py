"""The last year of rewards: seasons that are over, one that is being packed, one that can be claimed, vouchers.

Each step is a call of the services on its own day, so that every state is one that people reached.
"""

from __future__ import annotations

import io
import math
import struct
import wave
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from investments.investors import addresses
from microfund.kernel import clock
from rewards import arrival, claims, downloads, fulfilment, vouchers
from rewards.claims import Choice
from rewards.models import Cycle, Donee, Entitlement, Offer, Parcel, Voucher

from . import settled

if TYPE_CHECKING:
    from .story import Story

#: The fund, which of its offers, what it is, and how many days ago its claims opened.
SEASONS: tuple[tuple[str, int, dict[str, Any], int], ...] = (
    ("tsubaki-knit", 0, {"value": 4_000, "claim_days": 30, "dispatch_days": 20, "stock": 400,
                          "unclaimed": Offer.Unclaimed.CARRY}, 120),
    ("homachi-sake", 0, {"value": 2_200, "claim_days": 60, "dispatch_days": 40, "adults_only": True, "cold": True,
                          "text_en": "A 720 ml bottle of first-press", "text_ja": "初しぼり720ml"}, 70),
    ("kaneshige-can", 0, {"value": 3_600, "claim_days": 60, "dispatch_days": 30,
                          "allergens_en": "mackerel, soy, wheat", "allergens_ja": "さば・大豆・小麦"}, 20),
)  # fmt: skip
#: The brewery takes claims before its season: this begins so many days after they open.
BREWS_AFTER = {"homachi-sake": 62}
VOUCHERS = ("shiosai-ryokan", 45)
DONEES = (
    ("Minami Food Bank", "みなみフードバンク", "岩手県", "大槌町末広町1-1"),
    ("Tsubaki Primary School", "椿小学校", "宮城県", "気仙沼市本町2-3"),
)


def tell(story: Story) -> None:
    """Put every step of every season on its day; the sweeps of that day open and close the cycles."""
    for name_en, name_ja, prefecture, rest in DONEES:
        address = {
            "name": name_ja, "postal_code": "028-1121", "prefecture": prefecture, "city": rest[:3], "street": rest[3:],
            "building": "", "phone": "0193-42-0000",
        }  # fmt: skip
        Donee.objects.create(name_en=name_en, name_ja=name_ja, address=addresses.checked(address))
    for key, which, values, days in SEASONS:
        _season(story, key, which, values, days)
    _vouchers(story)
    _at_once(story)
    settled.tell(story, _sardines(story))


def _offer(story: Story, key: str, which: int, days: int, values: dict[str, Any]) -> Offer:
    """An offer of the fund gets its dates: every year, claimed from so many days ago on."""
    offer = list(Offer.objects.filter(fund=story.plans[key].fund).order_by("pk"))[which]
    day = story.as_of - timedelta(days=days)
    for name, value in values.items():
        setattr(offer, name, value)
    offer.cycle, offer.starts_on = Offer.Cycle.SEASON, day
    last = day + timedelta(days=offer.claim_days + offer.dispatch_days)
    first = day + timedelta(days=BREWS_AFTER.get(key, 0))
    offer.season_month, offer.season_day = first.month, first.day
    offer.season_until_month, offer.season_until_day = last.month, last.day
    if first > day:
        closes = day + timedelta(days=offer.claim_days - 1)
        offer.claim_month, offer.claim_day = day.month, day.day
        offer.claim_until_month, offer.claim_until_day = closes.month, closes.day
    offer.full_clean()
    offer.save()
    return offer


def _sardines(story: Story) -> Offer:
    """A second reward of the canning firm, of which two are worth one of the first."""
    return _yearly(
        story,
        "kaneshige-can",
        story.as_of - timedelta(days=18),
        value=1_800,
        text_en="Six cans of sardines in oil",
        text_ja="いわしのオイル漬け6缶",
        not_to=["沖縄県"],
    )


def _season(story: Story, key: str, which: int, values: dict[str, Any], days: int) -> None:
    offer = _offer(story, key, which, days, values)
    opens = story.as_of - timedelta(days=days)
    closes = opens + timedelta(days=offer.claim_days)
    story.at(opens, lambda at: None)
    story.at(opens + timedelta(days=9), lambda at: _claim(story, offer, at))
    if closes > story.as_of:
        return
    # The day after its last one a season is closed.
    story.at(closes, lambda at: None)
    story.at(closes + timedelta(days=4), lambda at: _pack(story, offer, at))
    arrived = closes + timedelta(days=4 + 16)
    if arrived < story.as_of:
        story.at(arrived, lambda at: _troubles(story, offer, at))


def _claim(story: Story, offer: Offer, at: datetime) -> None:
    """Most claim to their home; some give it away, some do not want it, some forget."""
    cycle = Cycle.objects.get(offer=offer)
    places = list(Donee.objects.order_by("pk"))
    kenji = story.named["kenji"]
    rows = Entitlement.objects.filter(cycle=cycle, state="claimable").exclude(holding__investor=kenji)
    for number, row in enumerate(rows.select_related("holding__investor__user").order_by("pk")):
        investor = row.holding.investor
        if number % 11 == 10:
            continue
        if number % 23 == 22:
            claims.decline(investor, row.pk, actor=investor.user, at=at)
            continue
        choice = Choice(address=addresses.registered(investor) or {}, of_age=True, read_allergens=True)
        if number % 17 == 16 and not offer.adults_only:
            choice = Choice(donee_id=places[number % len(places)].pk)
        elif number % 13 == 12:
            choice = replace(choice, gift=True, card="いつもありがとう。")
        claims.claim(investor, row.pk, choice, actor=investor.user, at=at)


def _owner(story: Story, offer: Offer) -> Any:
    return offer.fund.business.memberships.order_by("pk")[0].user


def _pack(story: Story, offer: Offer, at: datetime) -> None:
    """Two batches; the first is sent with its numbers, of a season that is over the second as well."""
    cycle, actor = Cycle.objects.get(offer=offer), _owner(story, offer)
    waiting = Entitlement.objects.filter(cycle=cycle, state__in=["claimed", "passed_on"]).count()
    first = fulfilment.pack(cycle, actor=actor, at=at, most=max(1, waiting // 2))
    later = at + timedelta(hours=3)
    over = cycle.dispatch_by < story.as_of
    batches = [first, fulfilment.pack(cycle, actor=actor, at=at)] if over else [first]
    for batch in batches:
        pks = batch.parcels.values_list("entitlement_id", flat=True)
        fulfilment.ship(
            batch,
            carrier="yamato",
            shipped_on=clock.today_in(None, later),
            tracking={pk: f"4012-{pk:08}" for pk in pks},
            actor=actor,
            at=later,
        )
    if not over:
        fulfilment.pack(cycle, actor=actor, at=later, most=max(1, waiting // 4))


def _troubles(story: Story, offer: Offer, at: datetime) -> None:
    """Two parcels came back and wait for an answer; one was lost and is claimed again; one arrived broken and was
    replaced."""
    actor = _owner(story, offer)
    own = Parcel.objects.filter(entitlement__cycle__offer=offer, donee=None, shipped_on__isnull=False)
    back, moved, lost, broken = own.select_related("entitlement__holding__investor__user").order_by("pk")[:4]
    for parcel, problem in ((back, "unknown"), (moved, "returned"), (lost, "lost")):
        fulfilment.report_problem(parcel.entitlement_id, problem=problem, note="", actor=actor, at=at)
    investor = lost.entitlement.holding.investor
    choice = Choice(address=addresses.registered(investor) or {})
    claims.claim(investor, lost.entitlement_id, choice, actor=investor.user, at=at + timedelta(hours=2))
    fulfilment.report_problem(
        broken.entitlement_id, problem="damaged", note="編み目がほつれていました。", actor=actor, at=at
    )
    fulfilment.substitute(broken.entitlement_id, note="椿のマフラー A scarf", actor=actor, at=at)
    late = Parcel.objects.filter(
        entitlement__cycle__offer=offer, donee=None, entitlement__state__in=["shipped", "delivered"]
    )
    for number, parcel in enumerate(late.select_related("entitlement__holding__investor__user").order_by("pk")[:2]):
        row = parcel.entitlement
        investor = row.holding.investor
        problem, note = ("damaged", "箱の角がつぶれていました。") if number else ("lost", "まだ届いていません。")
        arrival.complain(investor, row.pk, problem=problem, note=note, actor=investor.user, at=at)
        if number:
            arrival.answer(row.pk, note="次の季節に一枚多くお入れします。", actor=actor, at=at)


def _at_once(story: Story) -> None:
    """A recording that can be downloaded, and names that stand on the page of the business."""
    for key, values, act in (
        (
            "homachi-sake",
            {
                "kind": Offer.Kind.DIGITAL, "text_en": "The brewers' song at the mash, a recording",
                "text_ja": "酛摺り唄の録音",
            },
            _listen,
        ),
        (
            "shiosai-ryokan",
            {
                "kind": Offer.Kind.ACKNOWLEDGEMENT, "text_en": "Your name on our page of thanks",
                "text_ja": "感謝のページにお名前を掲載",
            },
            _be_named,
        ),
    ):  # fmt: skip
        opens = story.as_of - timedelta(days=40)
        offer = _yearly(story, key, opens, **values)
        story.at(opens + timedelta(days=6), partial(act, story, offer))


def _yearly(story: Story, key: str, opens: date, **values: Any) -> Offer:
    """An offer of a business that comes every year, from this day on."""
    last = opens + timedelta(days=120)
    offer = Offer(
        fund=story.plans[key].fund,
        cycle=Offer.Cycle.SEASON,
        season_month=opens.month,
        season_day=opens.day,
        season_until_month=last.month,
        season_until_day=last.day,
        starts_on=opens,
        claim_days=90,
        when_en="every year",
        when_ja="毎年",
        **values,
    )
    offer.full_clean()
    offer.save()
    story.at(opens, lambda at: None)
    return offer


def _some(story: Story, offer: Offer) -> list[Entitlement]:
    rows = Entitlement.objects.filter(cycle__offer=offer).exclude(holding__investor=story.named["kenji"])
    return list(rows.select_related("holding__investor__user").order_by("pk"))[::4]


def _listen(story: Story, offer: Offer, at: datetime) -> None:
    """The owner puts a file there, after one that was the wrong one; some take it."""
    wrong = downloads.add(offer, io.BytesIO(_tone(0.2)), name="take-1.wav", actor=_owner(story, offer), at=at)
    downloads.remove(offer.fund.business, wrong.pk, actor=_owner(story, offer), at=at)
    file = downloads.add(offer, io.BytesIO(_tone()), name="motosuri-uta.wav", actor=_owner(story, offer), at=at)
    for row in _some(story, offer):
        investor = row.holding.investor
        claims.claim(investor, row.pk, Choice(), actor=investor.user, at=at)
        downloads.take(investor, row.pk, file.pk, actor=investor.user, at=at)


def _tone(seconds: float = 2) -> bytes:
    """So much of a low A as a WAV file."""
    made, rate = io.BytesIO(), 8_000
    with wave.open(made, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        steps = (int(8_000 * math.sin(2 * math.pi * 220 * step / rate)) for step in range(int(seconds * rate)))
        sound.writeframes(b"".join(struct.pack("<h", step) for step in steps))
    return made.getvalue()


def _be_named(story: Story, offer: Offer, at: datetime) -> None:
    """Some want their name there."""
    for row in _some(story, offer):
        investor = row.holding.investor
        claims.claim(investor, row.pk, Choice(card=investor.name), actor=investor.user, at=at)


def _vouchers(story: Story) -> None:
    key, days = VOUCHERS
    opens = story.as_of - timedelta(days=days)
    offer = _yearly(
        story,
        key,
        opens,
        kind=Offer.Kind.VOUCHER,
        value=2_000,
        text_en="A ¥2,000 voucher for the bath house and the shop",
        text_ja="湯処と売店で使える2,000円の商品券",
    )
    story.at(opens + timedelta(days=10), lambda at: _redeem(story, offer, at))


def _redeem(story: Story, offer: Offer, at: datetime) -> None:
    """Every third holder has taken a voucher; some have used theirs, in part or whole."""
    found = Entitlement.objects.filter(cycle__offer=offer, state="claimable")
    found = found.exclude(holding__investor=story.named["kenji"]).select_related("holding__investor__user")
    rows = list(found.order_by("pk"))[::3]
    for row in rows:
        investor = row.holding.investor
        claims.claim(investor, row.pk, Choice(), actor=investor.user, at=at)
    business, actor = offer.fund.business, _owner(story, offer)
    taken = Voucher.objects.filter(entitlement__in=[row.pk for row in rows]).order_by("pk")
    for number, voucher in enumerate(taken[:6]):
        amount = voucher.value if number % 2 else 800
        vouchers.redeem(
            business, voucher.code, amount, form_token=UUID(int=story.chance.getrandbits(128)), actor=actor, at=at
        )
