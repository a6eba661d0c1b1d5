"""A fund whose holders may be paid in kind or give back: its offer, who chose what, a voucher that is used in part, and
what was left of another, paid in cash again. Each step is a call of the services on its own day.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from investments.distributions import elections
from investments.distributions.elected import Choice
from investments.models import Distribution, Fund, Holding, Period
from investments.offerings import services as offerings
from investments.policy import services as policy
from investments.revenue.services import period_rows
from microfund.kernel import clock
from rewards import in_kind, vouchers
from rewards.models import Voucher

from .repayment import REPORT_AFTER, owner_of, payer_of

if TYPE_CHECKING:
    from .story import Story

#: The fund, and the first period for which holders chose.
FUND, SINCE = "tsubaki-knit", 5
BONUS = Decimal("0.1")


def tell(story: Story) -> None:
    """Put the offer, the choices and what becomes of the vouchers on their days."""
    plan = story.plans[FUND]
    terms = offerings.current_terms(plan.fund)
    rows = period_rows(plan.fund, terms, policy.current(plan.fund.opens_on))
    day = rows[SINCE - 1].record_on - timedelta(days=20)
    story.at(day - timedelta(days=15), lambda at: _offer(story, at))
    story.at(day, lambda at: _choose(story, at))
    for number in (SINCE, SINCE + 1):
        approved_on = rows[number - 1].ends_on + timedelta(days=REPORT_AFTER)
        story.at(approved_on + timedelta(days=12), lambda at, number=number: _use(story, number, at))  # type: ignore[misc]
        over = clock.add_months(approved_on, in_kind.MONTHS) + timedelta(days=1)
        story.at(over, lambda at: None)
        story.at(over + timedelta(days=5), lambda at, number=number: _pay(story, number, at))  # type: ignore[misc]


def _fund(story: Story) -> Fund:
    return Fund.objects.get(pk=story.plans[FUND].fund.pk)


def _offer(story: Story, at: datetime) -> None:
    elections.make_offer(
        _fund(story),
        in_kind=True,
        bonus=BONUS,
        give_back=True,
        actor=story.staff["maker"],
        at=at,
        reason="The workshop has agreed in writing.",
    )


def _choose(story: Story, at: datetime) -> None:
    """Kenji and every fifth holder would rather have wool than money; a few ask for nothing back."""
    fund = _fund(story)
    offer, period = elections.offer_of(fund), Period.objects.get(fund=fund, number=SINCE)
    assert offer is not None
    kenji = story.named["kenji"]
    held = Holding.objects.filter(fund=fund, units__gt=0).select_related("investor__user").order_by("pk")
    for number, holding in enumerate(held):
        choice = Choice.CASH
        if holding.investor == kenji or number % 5 == 0:
            choice = Choice.IN_KIND
        elif number % 9 == 2:
            choice = Choice.GIVE_BACK
        elections.elect(holding, choice, offer_id=offer.pk, period=period, actor=holding.investor.user, at=at)


def _use(story: Story, number: int, at: datetime) -> None:
    """Every second voucher is used up, Kenji's in part, the others not at all."""
    fund = _fund(story)
    own = Voucher.objects.filter(line__distribution__fund=fund, line__distribution__period__number=number)
    for place, voucher in enumerate(own.select_related("line__allocation__holding").order_by("pk")):
        kenjis = voucher.line.allocation.holding.investor_id == story.named["kenji"].pk
        amount = voucher.value // 3 if kenjis else voucher.value if place % 2 else 0
        if amount:
            token = UUID(int=story.chance.getrandbits(128))
            vouchers.redeem(fund.business, voucher.code, amount, form_token=token, actor=owner_of(fund), at=at)


def _pay(story: Story, number: int, at: datetime) -> None:
    """The workshop pays what came back of its vouchers."""
    fund = _fund(story)
    made = Distribution.objects.get(fund=fund, period__number=number, state=Distribution.State.APPROVED, supplement=0)
    if made.owed:
        story.transfer(payer_of(fund), made.owed, made.payer_code, at)
