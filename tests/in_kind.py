"""Distributions taken in kind or given back, for tests: funds that offer both, choices, and what comes of them."""

from __future__ import annotations

from decimal import Decimal

from investments.distributions import came_back, elections
from investments.distributions.elected import ElectedLine, ElectedReturn, Election
from investments.models import Fund, Holding, Period
from microfund.kernel import clock
from tests import make, repay

#: Revenue by which a unit earns ¥312 in the first period: all of it is investment.
REVENUE = 27_900_000


def offered(*units: int, bonus: str = "0.1000", **values) -> Fund:
    """A fund in its term that offers both, with a holder for each number of units."""
    fund = repay.operating(*units, **values)
    elections.make_offer(
        fund,
        in_kind=True,
        bonus=Decimal(bonus),
        give_back=True,
        actor=repay.staff(),
        at=make.at_noon(fund.term_starts_on),
        reason="As agreed with the business.",
    )
    return fund


def held(fund: Fund) -> list[Holding]:
    return list(fund.holdings.order_by("pk"))


def elect(holding: Holding, choice: str, *, number: int = 1, at=None) -> Election | None:
    own = Period.objects.get(fund=holding.fund_id, number=number)
    offer = elections.offer_of(holding.fund)
    return elections.elect(
        holding,
        choice,
        offer_id=offer.pk if offer else None,
        period=own,
        actor=holding.investor.user,
        at=at or clock.end_of_day(own.record_on),
    )


def taken(distribution) -> dict[int, tuple[str, int]]:
    """How each line that was not paid in cash was taken, by units."""
    return {line.units: (line.choice, line.net) for line in distribution.elected_lines.all()}


def approved(*choices: str, units: tuple[int, ...] = (), revenue: int = REVENUE, **values):
    """The approved distribution of a first period, of holders of 10, 11, … units with these choices."""
    units = units or tuple(range(10, 10 + len(choices)))
    fund = offered(*units, **values)
    for holding, choice in zip(held(fund), choices, strict=True):
        elect(holding, choice)
    repay.report(fund, 1, revenue)
    return repay.distribute(fund, 1)


def pay_out(made, *, days: int = 30):
    run = repay.send_run(at=repay.after(made.period, days))
    repay.settle(run)
    return run


def line_of(made, choice: str = "in_kind") -> ElectedLine:
    return made.elected_lines.get(choice=choice)


def come_back(made, amount: int, *, days: int = 200) -> ElectedReturn:
    back = came_back.come_back(line_of(made).pk, amount, at=repay.after(made.period, days))
    made.refresh_from_db()
    return back
