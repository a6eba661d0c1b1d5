"""Cases of the fund's own states and of everybody in it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from investments.offerings.models import Fund
from microfund.kernel import clock
from tests import make
from tests.faults import world
from tests.faults.cases.case import Case, Context, charges, context_of, quiet, sweep

#: The morning after the last day of an offering, and a day on which its outcome is known.
CLOSED = clock.start_of_day(world.DAY + timedelta(days=32)) + timedelta(hours=9)
DECIDED = CLOSED + timedelta(days=15)
#: The first morning of its term.
STARTED = clock.start_of_day(world.DAY + timedelta(days=61)) + timedelta(hours=1)


def _closed(**values: Any) -> Fund:
    """A fund that was closed, with an order that will clear and one that will not."""
    fund = world.make_fund(**values)
    world.paid(fund, "A", units=2)
    world.paid(fund, "B", units=1, investor=make.make_investor(at=world.NOW, verified=False))
    world.sweep("offerings.close", at=CLOSED)
    return fund


def _rest(at: datetime) -> datetime:
    """Close, decide and start what earlier cases left, so that only the case's own fund is due at that instant."""
    world.sweep("offerings.close", at=CLOSED)
    world.sweeps(world.FUND_SWEEPS, at=at)
    return at


def _prepare_identity() -> Context:
    at = _rest(DECIDED)
    return context_of(_closed(), at=at)


def _prepare_fail() -> Context:
    at = _rest(DECIDED)
    fund = _closed(units_minimum=9)
    world.sweeps(["orders.confirm", "payments.identity_deadline"], at=at, times=1)
    return context_of(fund, at=at)


def _prepare_open() -> Context:
    at = clock.start_of_day(world.DAY + timedelta(days=10)) + timedelta(minutes=1)
    quiet("offerings.open", at)
    return context_of(world.make_fund(state="scheduled"), at=at)


def _prepare_close() -> Context:
    at = quiet("offerings.close", CLOSED)
    fund = world.make_fund()
    world.paid(fund, "A", units=2)
    return context_of(fund, at=at)


def _prepare_start() -> Context:
    at = _rest(STARTED)
    fund = _closed()
    for name in ("payments.identity_deadline", "payments.refunds", "orders.confirm"):
        world.sweep(name, at=DECIDED)
    return context_of(fund, at=at)


def _prepare_lower_totals() -> Context:
    at = quiet("orders.lower_totals", world.NOW + timedelta(days=366))
    fund = world.make_fund()
    world.paid(fund, "A", units=2)
    world.sweep("orders.confirm", at=world.COOLED)
    return context_of(fund, at=at)


CASES: dict[str, Case] = {
    "open": Case(_prepare_open, sweep("offerings.open")),
    "close": Case(_prepare_close, sweep("offerings.close"), sweeps=world.FUND_SWEEPS),
    "identity deadline": Case(
        _prepare_identity, sweep("payments.identity_deadline"), sweeps=world.FUND_SWEEPS, also=charges
    ),
    "fail": Case(_prepare_fail, sweep("payments.fail"), sweeps=world.FUND_SWEEPS, also=charges),
    "start of term": Case(_prepare_start, sweep("revenue.start"), sweeps=world.FUND_SWEEPS),
    "twelve months over": Case(_prepare_lower_totals, sweep("orders.lower_totals"), sweeps=("orders.lower_totals",)),
}
