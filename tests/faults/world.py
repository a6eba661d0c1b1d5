"""Funds, orders and the passing of time for the proofs: everything through the services, at a fixed present.

An order carries a label (its supporter message), which names it in a state hash instead of its id.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from investments.investors.models import Investor
from investments.offerings.models import Fund
from investments.orders import services as orders
from investments.orders.models import Order
from investments.payments import services as payments
from investments.payments import settle
from investments.payments.models import PaymentAttempt
from microfund.kernel import clock
from microfund.kernel.schedule import services as schedule
from tests import make
from tests.faults import provider

#: The present of the proofs: a Monday, noon in Tokyo.
DAY = date(2027, 3, 1)
NOW = make.at_noon(DAY)
#: Cooling-off of an order paid at NOW is over from this instant on.
COOLED = clock.cooling_off_end(DAY, 8) + timedelta(hours=1)

#: The sweeps over orders and payments. The provider's lists are left out, since they answer for every fund at once;
#: they have cases of their own. So has the outbox, whose events wait in every other case.
SWEEPS = (
    "payments.webhooks",
    "payments.reconcile",
    "payments.expire",
    "orders.confirm",
    "payments.refunds",
)
#: And those over funds.
FUND_SWEEPS = (*SWEEPS, "offerings.close", "payments.identity_deadline", "payments.fail", "revenue.start")


def make_fund(**values: Any) -> Fund:
    """A fund of ten units, open since ten days, unless said otherwise.

    Its documents are one line each: rendering the real ones takes longer than all the rest of a case.
    """
    with make.short_documents():
        return make.make_fund(**{"on": DAY, "units_offered": 10, "uses": [], **values})


def place(fund: Fund, label: str = "A", *, at: datetime = NOW, **values: Any) -> Order:
    """A reserved order by card, named `label`."""
    return make.make_order(**{"fund": fund, "method": "card", "message": label, "at": at, **values})


def place_again(facts: dict[str, Any]) -> Order:
    """The same form, sent again: what a browser does when it got no answer. See `form`."""
    fund, at = Fund.objects.get(pk=facts["fund"]), datetime.fromisoformat(facts["at"])
    return orders.place_order(
        investor=Investor.objects.get(pk=facts["investor"]),
        fund=fund,
        units=facts["units"],
        method=facts["method"],
        form_token=uuid.UUID(facts["token"]),
        acceptances=make.make_acceptances(fund, at=at),
        answers={},
        language="en",
        at=at,
        message=facts["label"],
    )


def form(
    fund: Fund, label: str = "A", *, units: int = 2, method: str = "card", at: datetime = NOW, **investor: Any
) -> dict[str, Any]:
    """A filled-in check form as plain values."""
    buyer = make.make_investor(at=at, **investor)
    return {
        "fund": fund.pk,
        "investor": buyer.pk,
        "units": units,
        "method": method,
        "token": str(uuid.uuid4()),
        "label": label,
        "at": at.isoformat(),
    }


def open_page(order: Order, *, at: datetime = NOW) -> PaymentAttempt:
    """The order's attempt with a payment page."""
    attempt = payments.start_payment(order, at=at)
    assert attempt.url or attempt.method == Order.Method.BANK_TRANSFER, attempt.problem
    return attempt


def paid(fund: Fund, label: str = "A", *, at: datetime = NOW, **values: Any) -> Order:
    """An order paid by card and settled."""
    order = place(fund, label, at=at, **values)
    attempt = open_page(order, at=at)
    provider.pay(attempt)
    settle.settle(attempt.pk, at=at)
    order.refresh_from_db()
    assert order.state == Order.State.PAID
    return order


def sweep(name: str, *, at: datetime) -> dict[str, int]:
    """Run one sweep for the business date of `at`; raises when it reports an error."""
    found = next(sweep for sweep in schedule.sweeps() if sweep.name == name)
    counts, error = schedule.run_sweep(found, on=clock.today_in(None, at), at=at)
    assert not error, f"{name}: {error}"
    return counts


def sweeps(names: Iterable[str] = SWEEPS, *, at: datetime, times: int = 2) -> None:
    """Run the named sweeps in their declared order."""
    wanted = set(names)
    for _time in range(times):
        for found in schedule.sweeps():
            if found.name in wanted:
                sweep(found.name, at=at)
    # Listeners publish events of their own.
    while "outbox.dispatch" in wanted and sweep("outbox.dispatch", at=at):
        pass


def past(fund: Fund, *steps: Sequence[str], at: datetime) -> Fund:
    """The fund after these sweeps."""
    for names in steps:
        sweeps(names, at=at, times=1)
    fund.refresh_from_db()
    return fund
