"""Row 8 of the proofs: clocks set back and forward, leap days, clocks apart, midnight, a month without sweeps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from unittest import mock

import pytest

from investments.orders import services as orders
from investments.orders.models import Order
from microfund.kernel import locks
from microfund.kernel.schedule import services as schedule
from microfund.kernel.schedule.services import Sweep
from tests.faults import books, clock_cases
from tests.faults.scale import Tally
from tests.sandbox_client import SandboxProcess

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

#: The number of cases that the row promises.
PLANNED = 24


@pytest.fixture(autouse=True)
def _fresh(sandbox: SandboxProcess) -> Iterator[None]:
    """The provider, and no state of another database."""
    clock_cases.forget()
    yield
    clock_cases.forget()


def test_no_clock_loses_a_yen() -> None:
    """domain.md sections 4.4 and 6."""
    tally, wrong = Tally("8 clock"), []
    for name, case in clock_cases.CASES.items():
        wrong += [f"{name}: {line}" for line in case()]
        tally.add("cases")
    assert not wrong, "\n".join(wrong)
    tally.require("cases", PLANNED)
    tally.show(month=books.state_hash(clock_cases._known["month"]))
    books.verify_everything()


def test_control_a_sweep_by_its_last_run_misses_rows() -> None:
    """The same month with a sweep that looks only at what became due since it ran last: who was verified late is not
    confirmed, whether or not anything was down."""
    clock_cases.month_missed(("orders.confirm",))
    last: list[datetime] = []

    def confirm_since(*, on: date, at: datetime) -> dict[str, int]:
        counts = {"cleared": 0, "errors": 0}
        due = Order.objects.filter(state=Order.State.PAID, cleared_at=None, cooling_off_ends_at__lte=at)
        if last:
            due = due.filter(cooling_off_ends_at__gt=last[-1])
        last.append(at)
        locks.each(due.values_list("pk", flat=True), lambda pk: orders.clear_order(pk, at=at), counts, "cleared")
        return {**counts, **_after_clearing(on=on, at=at)}

    def _after_clearing(**when: Any) -> dict[str, int]:
        # What follows for the orders that are cleared; nothing else is found anew.
        with mock.patch.object(orders, "clear_order", lambda pk, at: False):
            return orders.confirm_due(**when)

    kept = schedule._sweeps["orders.confirm"]
    spoilt = Sweep(kept.name, kept.cadence, kept.order, confirm_since)
    with mock.patch.dict(schedule._sweeps, {"orders.confirm": spoilt}):
        fund, late = clock_cases.month()
        clock_cases.run_days(fund, late)
    difference = books.difference(clock_cases._known["month"], books.state_of(fund.pk))
    print(f"\n  by its last run:\n{difference[:500]}")
    assert "verified late" in difference
