"""Rewards that end in another way than in somebody's hands: money instead of one, at each step of it; another of the
same value; units that were taken back, with what they would have brought. Each step is a call of the services on its
own day.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from investments.banking import outgoing
from investments.investors import addresses
from investments.models import BankAccount, Dispute, Fund
from investments.payments import dispute
from microfund.kernel import clock
from rewards import claims, compensation, offers, reassign
from rewards.claims import Choice
from rewards.models import Compensation, Cycle, Entitlement, Offer

from .repayment import owner_of, payer_of

if TYPE_CHECKING:
    from .story import Story

#: Seasons of which rewards are settled with money, the day after their claims: the fund, days from the day of the demo
#: to the first step, how each of them ends.
MONEY = (
    ("tsubaki-knit", 89, ("paid", "lost")),
    ("homachi-sake", 9, ("funded", "approved", "prepared", "withdrawn")),
)
WHY = "雪害で仕込みが足りず、お届けできません。The snow took part of what we had made; we cannot send it."
NEVER_PAID = "事業者に支払う力がないことを確かめました。The business has shown that it cannot pay."
#: Whose payment of long ago is disputed: one unit of this fund by card.
TAKEN_BACK = {"shiosai-ryokan": 1}
WHO = "cardback"


def tell(story: Story, other: Offer) -> None:
    """Put every step on its day; `other` is the reward that is given instead of cans."""
    for key, days, ends in MONEY:
        story.at(_ago(story, days), lambda at, key=key, ends=ends: _money(story, key, ends, at))  # type: ignore[misc]
        for end, step, later in STEPS:
            if end in ends:
                story.at(_ago(story, days - later), lambda at, key=key, step=step: step(story, key, at))  # type: ignore[misc]
    assert other.starts_on is not None
    story.at(other.starts_on + timedelta(days=10), lambda at: _exchange(story, other, at))
    story.at(_ago(story, 3), lambda at: _propose(story, at))
    for key in TAKEN_BACK:
        opens_on = story.plans[key].fund.opens_on
        story.at(opens_on + timedelta(days=2), lambda at, key=key: _buy(story, key, at))  # type: ignore[misc]
    story.at(_ago(story, 36), lambda at: _take_voucher(story, at))
    story.at(_ago(story, 12), lambda at: story.dispute(at, WHO))
    story.at(_ago(story, 6), lambda at: story.decide(WHO, "lost"))
    story.at(_ago(story, 4), lambda at: _rescind(story, at))


def _ago(story: Story, days: int) -> date:
    return story.as_of - timedelta(days=days)


def _cycle(story: Story, key: str) -> Cycle:
    """The season of the fund's first promise."""
    own = story.plans[key].fund.reward_offers.order_by("pk")[0]
    return own.cycles.order_by("-number")[0]


def _money(story: Story, key: str, ends: tuple[str, ...], at: datetime) -> None:
    """Money is proposed instead of as many rewards as have ends, and each goes as far as it should."""
    known = BankAccount.objects.filter(ended_at__isnull=True).values("investor")
    rows = Entitlement.objects.filter(cycle=_cycle(story, key), state="claimed", holding__investor__in=known)
    rows = rows.exclude(holding__investor=story.named["kenji"]).order_by("-pk")
    for row, end in zip(list(rows[: len(ends)]), ends, strict=True):
        made = compensation.prepare(row, amount=row.value, actor=story.staff["support"], at=at, reason=WHY)
        if end == "withdrawn":
            why = "見本品がもう一本見つかりました。Another bottle was found."
            compensation.withdraw(made, actor=story.staff["support"], at=at + timedelta(hours=2), reason=why)
        if end in ("prepared", "withdrawn"):
            continue
        compensation.approve(made, actor=story.staff["checker"], at=at + timedelta(hours=1))


def _first(story: Story, key: str, state: str) -> Compensation:
    """The first of a fund that is so far."""
    own = Compensation.objects.filter(entitlement__cycle=_cycle(story, key), state=state)
    return own.order_by("pk")[0]


def _pay_in(story: Story, key: str, at: datetime) -> None:
    row = _first(story, key, "approved")
    story.transfer(payer_of(row.entitlement.holding.fund), row.amount, row.payer_code, at)


def _pay_out(story: Story, key: str, at: datetime) -> None:
    maker, row = story.staff["maker"], _first(story, key, "funded")
    transfer = compensation.pay(row, actor=maker, at=at, reason="The business has paid.")
    outgoing.approve(transfer, actor=story.staff["checker"], at=at + timedelta(hours=1))
    outgoing.record_sent(
        transfer,
        transferred_on=clock.today_in(None, at),
        bank_reference=f"C{transfer.pk:05d}",
        actor=maker,
        at=at + timedelta(hours=2),
    )


def _give_up(story: Story, key: str, at: datetime) -> None:
    row = _first(story, key, "approved")
    compensation.propose_loss(row, actor=story.staff["maker"], at=at, reason=NEVER_PAID)
    compensation.approve_loss(row, actor=story.staff["checker"], at=at + timedelta(hours=1))


def _exchange(story: Story, other: Offer, at: datetime) -> None:
    """A holder who has not claimed gets another reward of the same fund, worth the same."""
    rows = Entitlement.objects.filter(cycle=_cycle(story, "kaneshige-can"), state="claimable")
    row = rows.exclude(holding__investor=story.named["kenji"]).order_by("pk")[0]
    why = "さば缶が足りなくなりました。There are not enough cans of mackerel."
    reassign.exchange(row.pk, other.cycles.get(), actor=story.staff["support"], at=at, reason=why)


def _propose(story: Story, at: datetime) -> None:
    """An owner proposes a reward, which waits for the fund's staff."""
    fund = Fund.objects.get(pk=story.plans["kurosaki-shoyu"].fund.pk)
    row = Offer(
        fund=fund,
        value=1_500,
        text_en="A bottle of ponzu of the year's citron",
        text_ja="今年の柚子で仕込むぽん酢一本",
        cycle=Offer.Cycle.SEASON,
        season_month=11,
        season_day=20,
        season_until_month=2,
        season_until_day=29,
        claim_month=9,
        claim_day=1,
        claim_until_month=9,
        claim_until_day=30,
        allergens_en="soy, wheat",
        allergens_ja="大豆・小麦",
    )
    row.full_clean()
    offers.propose(row, actor=owner_of(fund), at=at)


# --- Units that were taken back -----------------------------------------------------------------------------------


def _buy(story: Story, key: str, at: datetime) -> None:
    """One unit by card, long ago; what the provider holds goes to the bank the same day."""
    story.by_card(story.plans[key], story.named[WHO], TAKEN_BACK[key], at, WHO)
    story.sandbox.control("payouts/make")


def _take_voucher(story: Story, at: datetime) -> None:
    """They take their voucher; the name on the page they leave for later."""
    investor = story.named[WHO]
    row = Entitlement.objects.get(holding__investor=investor, cycle__offer__kind=Offer.Kind.VOUCHER)
    choice = Choice(address=addresses.registered(investor) or {})
    claims.claim(investor, row.pk, choice, actor=investor.user, at=at)


def _rescind(story: Story, at: datetime) -> None:
    """The payer's bank has taken the money back: staff end the units, and what was not taken of rewards goes along."""
    own = Dispute.objects.get(order=story.orders[WHO])
    dispute.rescind(own, actor=story.staff["checker"], at=at, reason="The card had been stolen.")


#: What follows of money that is owed: by its end, the step, so many days later.
STEPS: tuple[tuple[str, Callable[[Story, str, datetime], None], int], ...] = (
    ("funded", _pay_in, 4),
    ("paid", _pay_in, 4),
    ("paid", _pay_out, 7),
    ("lost", _give_up, 30),
)
