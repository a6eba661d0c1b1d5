"""Cases of the sweeps that come long afterwards: a gift that nobody took, a moratorium, tax of a month, old returns."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from investments.distributions import moratorium
from investments.gifts import services as gifts
from investments.models import Fund, Order
from microfund.kernel import clock
from tests import make, repay
from tests.faults import world
from tests.faults.cases import repayment
from tests.faults.cases.case import Case, Context, charges, context_of, quiet, sweep

_SWEEPS = ("payouts.paid", "payouts.tax", "payouts.unclaimed")


def _gift() -> Context:
    """The morning after the last day on which somebody could have accepted a gift."""
    fund = world.make_fund()
    order = world.paid(fund, "A", gift=make.WISH)
    last = gifts.last_day(Order.objects.select_related("fund__policy").get(pk=order.pk))
    assert last is not None
    at = make.at_noon(last + timedelta(days=1))
    return context_of(fund, at=at)


def _moratorium() -> Context:
    """Two people have declared it; the fund waits for its step."""
    at = quiet("distributions.moratoria", make.at_noon(date(2021, 12, 1)))
    fund = repay.operating(10)
    own = repay.period(fund, 1)
    row = moratorium.prepare(
        [fund],
        title="Storm of May",
        reason="The harbour is gone.",
        action="defer",
        from_on=own.ends_on,
        until_on=own.ends_on,
        actor=repay.staff(),
        at=at,
    )
    moratorium.approve(row, actor=repay.staff("checker"), at=at)
    return context_of(fund, at=at)


def _paid_out() -> tuple[Fund, datetime]:
    """A fund whose whole first period was paid, with profit enough for a tax, and a day after it."""
    fund = repay.operating(30, 19)
    at = make.at_noon(clock.next_bank_day(date(repay.period(fund, 1).ends_on.year, 12, 1)))
    repay.report(fund, 1, 900_000_000, at=at)
    repay.pay_in(repay.distribute(fund, 1, at=at), at=at)
    return fund, at


def _month_of_tax() -> Context:
    """The first day of the month after a run withheld something."""
    repayment.at_rest(make.at_noon(date(2021, 12, 1)))
    fund, at = _paid_out()
    repay.send_run(at=at)
    later = make.at_noon(clock.add_months(at.date().replace(day=1), 1))
    return context_of(fund, at=later)


def _came_back() -> Context:
    """A year after a transfer came back; what came back in earlier cases was set aside before."""
    world.sweeps(("payouts.unclaimed",), at=make.at_noon(date(2023, 2, 1)))
    context = repayment.prepared("return")
    repayment.come_back(context)
    later = datetime.fromisoformat(context["at"]) + timedelta(days=370)
    return {**context, "at": later.isoformat()}


CASES: dict[str, Case] = {
    "a gift that nobody accepted": Case(_gift, sweep("gifts.run_out"), also=charges),
    "a step of a moratorium": Case(_moratorium, sweep("distributions.moratoria"), sweeps=()),
    "tax of a month": Case(_month_of_tax, sweep("payouts.tax"), sweeps=_SWEEPS),
    "an old return is set aside": Case(_came_back, sweep("payouts.unclaimed"), sweeps=_SWEEPS),
}
