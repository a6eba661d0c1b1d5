"""The sweeps of a story's years (`decade.py`): at the end of every day, with faults, or only when somebody is about to
act, so that each of them catches up with weeks at once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db import OperationalError, connection

from investments.models import Fund, Period
from investments.payouts.models import PayoutAttempt
from microfund.kernel import clock
from microfund.kernel.outbox.models import Event
from microfund.kernel.schedule import services as schedule
from rewards.models import Voucher
from tests.faults.decade import Story

#: The sweeps over a term. Those that ask the provider have years of their own (tests/investments/payments).
SWEEPS = (
    "banking.claim",
    "orders.confirm",
    "offerings.close",
    "revenue.start",
    "distributions.moratoria",
    "revenue.reports",
    "revenue.reschedule",
    "payouts.paid",
    "payouts.tax",
    "payouts.unclaimed",
    "rewards.vouchers",
    "outbox.dispatch",
)


class SweepFailed(Exception):
    """A sweep failed without a fault."""


@dataclass
class Years:
    """Plays a story. `faulty` is the chance of a day's trouble; None: sweeps run only before somebody acts."""

    story: Story
    chance: random.Random
    faulty: float | None
    faults: Counter[str] = field(default_factory=Counter)
    sweeps_run: int = 0
    each_year: Callable[[], None] = lambda: None

    def play(self) -> None:
        """Every day from the first to the last."""
        day, swept, away_until = self.story.first, self.story.first - timedelta(days=1), self.story.first
        while day <= self.story.last:
            steps = self.story.steps.get(day, [])
            if steps and swept < day - timedelta(days=1):
                self.sweep(day - timedelta(days=1))
                swept = day - timedelta(days=1)
            for at, step in steps:
                step(at)
            if self.faulty is not None and day >= away_until:
                away_until = self._evening(day)
                swept = day if away_until <= day + timedelta(days=1) else swept
            if (day.month, day.day) == (12, 31):
                self.each_year()
            day += timedelta(days=1)
        self.sweep(self.story.last)
        self.each_year()

    def _evening(self, day: date) -> date:
        """The sweeps of a day, perhaps with trouble; from which day on they run again."""
        assert self.faulty is not None
        trouble = self.chance.choice(("cut", "twice", "back", "away")) if self.chance.random() < self.faulty else ""
        if trouble:
            self.faults[trouble] += 1
        if trouble == "away":
            return day + timedelta(days=self.chance.randint(2, 40))
        if trouble == "cut":
            with _cut(self.chance.randint(1, 40)) as happened:
                self.sweep(day, tolerant=True)
            self.faults["statements refused"] += happened[0]
            # An event that failed is tried again some seconds of the machine later, which are over by the next evening.
            Event.objects.filter(done_at__isnull=True).update(next_try_at=clock.machine())
        if trouble == "back":
            self.sweep(day - timedelta(days=self.chance.choice((1, 7, 400))))
        if trouble == "twice":
            self.sweep(day)
        self.sweep(day)
        return day + timedelta(days=1)

    def sweep(self, day: date, *, tolerant: bool = False) -> None:
        """All sweeps of a business date, at its last instant."""
        for found in schedule.sweeps():
            if found.name in SWEEPS:
                _counts, error = schedule.run_sweep(found, on=day, at=clock.end_of_day(day))
                self.sweeps_run += 1
                if error and not tolerant:
                    raise SweepFailed(f"{day} {found.name}: {error}")


@contextmanager
def _cut(number: int) -> Iterator[list[int]]:
    """The database refuses one statement: the `number`-th from here on that writes."""
    left, happened = [number], [0]

    def execute(run: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.lstrip().startswith(("INSERT", "UPDATE", "DELETE", "WITH", "SELECT")) and "schedule_" not in sql:
            left[0] -= 1
            if left[0] == 0:
                happened[0] += 1
                raise OperationalError("cut")
        return run(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield happened


def unfinished(funds: list[Fund]) -> list[str]:
    """Periods that did not reach their end, a year after the last of them."""
    left = Period.objects.filter(fund__in=funds).exclude(state__in=[Period.State.PAID, Period.State.WOUND_UP])
    return [f"fund {own.fund_id}, period {own.number}: {own.state}" for own in left.order_by("fund_id", "number")]


def open_vouchers(funds: list[Fund]) -> int:
    """Vouchers of distributions that have not ended."""
    return Voucher.objects.filter(line__distribution__fund__in=funds, ended_at__isnull=True).count()


def open_attempts(funds: list[Fund]) -> int:
    """Transfers that are neither done nor back."""
    return PayoutAttempt.objects.filter(payout__fund__in=funds, state__in=["in_run", "sent"]).count()
