"""After PostgreSQL was killed again and again (`buyers.py`): everybody finishes what was begun, and what is there is
compared with funds in which the same was done and nothing was killed.

An order may have come as far as any order may; it must then have the rows of an undisturbed one that came as far.
What a fund of a payday pays, and every sum of its book by kind of entry and account, must be that of an undisturbed
fund with the same reports; into how many runs it was put is nobody's matter.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

#: Funds of the payday that are compared: the oldest, which saw the most kills.
COMPARED = 3


def compare(buyers: Any, payday: Any) -> tuple[int, list[str]]:
    """How many orders and funds were compared, and what differs."""
    orders, differs = _orders(buyers)
    funds, more = _funds(payday)
    return orders + funds, [*differs, *more]


def _orders(buyers: Any) -> tuple[int, list[str]]:
    from microfund.kernel.outbox import services as outbox
    from tests.faults import books, provider, world

    twin = _undisturbed_orders()
    later = world.NOW + timedelta(hours=1)
    provider.set_clock(later)
    world.sweeps(at=later)
    while outbox.dispatch()["events"]:
        continue
    allowed = {books.state_hash(state) for state in books.states_by_label(twin.pk).values()}
    found = {label: state for fund in buyers.funds for label, state in books.states_by_label(fund.pk).items()}
    wrong = [
        f"order {label}: {dict(state)}" for label, state in found.items() if books.state_hash(state) not in allowed
    ]
    return len(found), wrong


def _undisturbed_orders() -> Any:
    """A fund with an order for each way that a buyer of the proof may go, as far as it leads."""
    from investments.payments import checkout, settle
    from investments.payments import services as payments
    from tests.faults import provider, world

    fund = world.make_fund(units_offered=19_000)
    _left, begun, asked, paid, cancelled = (
        world.place_again(world.form(fund, f"<{label}>", units=1))
        for label in ("left", "never asked for a page", "not paid", "paid", "cancelled")
    )
    checkout.begin(begun, at=world.NOW)
    world.open_page(asked)
    attempt = world.open_page(paid)
    provider.pay(attempt)
    settle.settle(attempt.pk, at=world.NOW)
    payments.cancel_order(cancelled, at=world.NOW, actor=None)
    return fund


def _funds(payday: Any) -> tuple[int, list[str]]:
    from investments.models import RevenueReport
    from tests import repay
    from tests.faults import books, world

    pairs = []
    for fund in payday.funds[:COMPARED]:
        twin = repay.operating(20, 7)
        accepted = RevenueReport.objects.filter(period__fund=fund, state="accepted").order_by("period__number")
        for number, revenue in accepted.values_list("period__number", "revenue"):
            repay.report(twin, number, revenue)
        pairs.append((fund, twin))
    payday.finish()
    for _time in range(2):
        world.sweep("payouts.paid", at=payday.at + timedelta(days=14))
    wrong = []
    for fund, twin in pairs:
        differs = books.difference(books.sums_of(twin.pk), books.sums_of(fund.pk))
        wrong += [f"fund {fund.pk} and its twin:\n{differs}"] if differs else []
    return len(pairs), wrong
