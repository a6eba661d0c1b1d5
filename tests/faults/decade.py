"""Ten years of funds as people live them: who reports what and when, who pays late, whose account is closed, which fund
ends early. The same seed tells the same story; what a step finds to do, it reads from the rows.

A story is played against the sweeps in two ways (`Years`): they run at the end of every day, with faults; or only when
somebody is about to act, so that each of them catches up with weeks at once.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db import OperationalError, connection

from investments.banking import outgoing
from investments.distributions import pay_in
from investments.distributions import services as distributions
from investments.models import Distribution, Fund, Period, TaxPayment
from investments.offerings.rule import Action
from investments.payouts import outcome, select, tax
from investments.payouts.models import Payout, PayoutAttempt
from investments.revenue import reports
from microfund.kernel import clock
from microfund.kernel.schedule import services as schedule
from tests import repay

#: The sweeps over a term. Those that ask the provider have years of their own (tests/investments/payments).
SWEEPS = (
    "banking.claim",
    "orders.confirm",
    "offerings.close",
    "revenue.start",
    "revenue.reports",
    "revenue.reschedule",
    "payouts.paid",
    "payouts.tax",
    "payouts.unclaimed",
    "outbox.dispatch",
)
#: The months in which runs are sent: on the 28th, or the bank day after it.
PAYDAYS = (1, 3, 6, 7, 9, 10, 12)
#: When somebody acts within a day: at its first instant, at noon, at its last second.
HOURS = (time(0, 0, 0), time(12), time(23, 59, 59))

Step = Callable[[datetime], Any]


@dataclass(frozen=True)
class Shape:
    """What a fund of the story is: when its term begins, its periods, and where it ends early."""

    starts: date
    periods: int
    months: int
    seed: str
    wound_up_in: int = 0


@dataclass
class Story:
    """The funds of one telling and their dated steps."""

    shapes: list[Shape]
    funds: list[Fund] = field(default_factory=list)
    steps: dict[date, list[tuple[datetime, Step]]] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)

    def at(self, day: date, hour: time, step: Step) -> None:
        at = datetime.combine(day, hour, tzinfo=clock.business_zone())
        self.steps.setdefault(day, []).append((at, step))

    def begin(self) -> None:
        """Sell and start every fund, then lay out its years."""
        for name in ("maker", "checker", "reviewer"):
            repay.staff(name)
        for shape in self.shapes:
            self._fund(shape)
        first, last = self.first, self.last
        day = first.replace(day=1)
        while day <= last:
            if day.month in PAYDAYS:
                self.at(clock.next_bank_day(day.replace(day=28)), time(15), self._payday)
            day = clock.add_months(day, 1)
        for steps in self.steps.values():
            steps.sort(key=lambda step: step[0])

    @property
    def first(self) -> date:
        return min(shape.starts for shape in self.shapes)

    @property
    def last(self) -> date:
        """Long enough for the last report, the last payment and the transfer that came back."""
        ends = [
            clock.add_months(shape.starts, (shape.wound_up_in or shape.periods) * shape.months) for shape in self.shapes
        ]
        return clock.add_months(max(ends), 10)

    # -- one fund --------------------------------------------------------------------------------------------------

    def _fund(self, shape: Shape) -> None:
        chance = random.Random(shape.seed)
        bought = shape.starts - timedelta(days=75)
        fund = repay.operating(
            *(chance.randint(1, 13) for _holder in range(3)),
            on=bought,
            closes_on=bought + timedelta(days=20),
            term_starts_on=shape.starts,
            units_offered=200,
            periods=shape.periods,
            period_months=shape.months,
            plan_revenue=[3_000_000] * shape.periods,
            uses=[],
            rate_before_recoup=Decimal("0.12"),
            rate_after_recoup=Decimal("0.06"),
        )
        repay.owner(fund)
        self.funds.append(fund)
        for number in range(1, shape.periods + 1):
            _first, ends = clock.period_bounds(shape.starts, shape.months, number)
            if number == shape.wound_up_in:
                self.at(ends + timedelta(days=50), HOURS[1], lambda at: self._wind_up(fund, at))
                return
            self._period(fund, number, ends, last=number == shape.periods, chance=chance)

    def _period(self, fund: Fund, number: int, ends: date, *, last: bool, chance: random.Random) -> None:
        """One period: some report late or wrongly, some put off, some pay in two parts, some transfer comes back."""
        revenue = chance.randint(0, 6_000_000)
        action = chance.choice(["report"] * 6 + ["waive"] + ([] if last else ["defer", "defer"]))
        reported = ends + timedelta(days=chance.choice([2, 30, 60, 85]))
        pick = iter(chance.choices(HOURS, k=8))
        self.at(reported, next(pick), lambda at: self._report(fund, number, revenue, action, at))
        self.at(reported + timedelta(days=2), next(pick), lambda at: self._decide(fund, number, at))
        paid = reported + timedelta(days=chance.randint(4, 25))
        if chance.random() < 0.25:
            self.at(paid, next(pick), lambda at: self._pay(fund, at, part=True))
            paid += timedelta(days=chance.randint(20, 120))
        self.at(paid, next(pick), lambda at: self._pay(fund, at))
        if number > 1 and chance.random() < 0.4:
            better = chance.randint(0, 7_000_000)
            self.at(ends - timedelta(days=20), next(pick), lambda at: self._restate(fund, number - 1, better, at))
        if chance.random() < 0.3:
            self.at(ends + timedelta(days=150), next(pick), lambda at: self._comes_back(fund, at))
            if chance.random() < 0.7:
                self.at(ends + timedelta(days=170), next(pick), lambda at: self._new_account(fund, at))

    def _report(self, fund: Fund, number: int, revenue: int, action: str, at: datetime) -> None:
        own = repay.period(fund, number)
        months = own.fund.terms.get().period_months
        draft = reports.save_draft(
            own,
            lines=[{"label": "", "months": [0] * (months - 1) + [revenue]}],
            actor=repay.owner(fund),
            at=at,
            action=action,
            comment="The boats came late.",
            reason="The harbour was closed." if action != "report" else "",
        )
        reports.submit(draft, actor=repay.owner(fund), at=at)
        reports.accept(draft, actor=repay.staff("reviewer"), at=at)
        self.told[action] += 1

    def _decide(self, fund: Fund, number: int, at: datetime) -> None:
        made = distributions.prepare(repay.period(fund, number), actor=repay.staff(), at=at)
        distributions.approve(made, actor=repay.staff("checker"), at=at)

    def _pay(self, fund: Fund, at: datetime, *, part: bool = False) -> None:
        """The business pays what it owes, the oldest first; a half of it is paid out in part."""
        for made in Distribution.objects.filter(fund=fund, state="approved").order_by("pk"):
            amount = made.owed // 2 if part else made.owed
            if amount <= 0:
                continue
            repay.receive({"amount": amount, "payer_code": made.payer_code, "payer_name": "ﾋﾉﾃﾞ"}, at=at)
            made.refresh_from_db()
            if part and pay_in.payable_in_part(made) >= 1:
                own = pay_in.prepare_instalment(made, actor=repay.staff(), at=at, reason="The rest comes later.")
                pay_in.approve_instalment(own, actor=repay.staff("checker"), at=at)
                self.told["part"] += 1

    def _restate(self, fund: Fund, number: int, revenue: int, at: datetime) -> None:
        """An earlier figure was wrong; only what was reported or put off can be mended."""
        own = repay.period(fund, number)
        first = own.reports.filter(state="accepted", restatement=False).first()
        if first is None or first.action == Action.WAIVE or own.state not in ("approved", "funded", "paying", "paid"):
            return
        months = fund.terms.get().period_months
        draft = reports.save_draft(
            own,
            lines=[{"label": "", "months": [0] * (months - 1) + [revenue]}],
            actor=repay.owner(fund),
            at=at,
            restatement=True,
            comment="The boats came late.",
            reason="The books were wrong.",
        )
        reports.submit(draft, actor=repay.owner(fund), at=at)
        reports.accept(draft, actor=repay.staff("reviewer"), at=at)
        self.told["restatement"] += 1

    def _comes_back(self, fund: Fund, at: datetime) -> None:
        """The bank sends the newest transfer to the first holder back."""
        on = clock.today_in(None, at)
        sent = PayoutAttempt.objects.filter(payout__fund=fund, state__in=["sent", "paid"], run__pay_on__lte=on)
        newest = sent.order_by("payout__investor_id", "-pk").first()
        if newest is not None and newest.payout.state in (Payout.State.SENT, Payout.State.PAID):
            outcome.record_return(newest, returned_on=on, actor=repay.staff(), at=at, cause="closed")
            self.told["return"] += 1

    def _new_account(self, fund: Fund, at: datetime) -> None:
        back = Payout.objects.filter(fund=fund, state__in=["returned", "unclaimed"]).order_by("pk").first()
        if back is not None:
            repay.give_account(back.investor, number=f"{at.toordinal():07}", at=at)
            self.told["new account"] += 1

    def _wind_up(self, fund: Fund, at: datetime) -> None:
        made = distributions.prepare_wind_up(
            fund, residual_per_unit=321, actor=repay.staff(), at=at, reason="The business has closed."
        )
        made = distributions.approve(made, actor=repay.staff("checker"), at=at)
        repay.receive({"amount": made.gross, "payer_code": made.payer_code, "payer_name": "ﾋﾉﾃﾞ"}, at=at)
        self.told["wind-up"] += 1

    def _payday(self, at: datetime) -> None:
        """A run of all that may be sent, and the withheld tax of the months before."""
        on = clock.today_in(None, at)
        if any(line.excluded == "" for line in select.preview(on)):
            repay.send_run(at=at)
            self.told["run"] += 1
        for row in TaxPayment.objects.filter(paid_on=None).exclude(amount=0).order_by("pk"):
            made = tax.pay_over(row, actor=repay.staff(), at=at, reason="Paid over for the month.")
            made = outgoing.approve(made, actor=repay.staff("checker"), at=at)
            outgoing.record_sent(made, transferred_on=on, bank_reference=f"T{row.pk}", actor=repay.staff(), at=at)
            self.told["tax"] += 1


# --- The sweeps of those years ------------------------------------------------------------------------------------


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


def open_attempts(funds: list[Fund]) -> int:
    """Transfers that are neither done nor back."""
    return PayoutAttempt.objects.filter(payout__fund__in=funds, state__in=["in_run", "sent"]).count()
