"""Row 28 of the proofs: years of funds day by day with faults, and the same years with each sweep late: one state.

A fund begins on 29 February, one has its payments fall on the closed days of the new year, one is wound up, of one the
business never pays all, two are of one business; a second disaster puts payments off, another leaves periods uncounted
and is over early; holders take goods or give back; the table of holidays changes on the way; people act at the first
instant, at noon and in the last second of a day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from investments.models import Fund, Period
from investments.payouts import outcome
from investments.payouts.models import PayoutAttempt, PayoutRun
from microfund.kernel import clock
from microfund.kernel.schedule import services as schedule
from tests import repay
from tests.faults import books, decade, years
from tests.faults.decade import Disaster, Shape, Story
from tests.faults.scale import SEED, TORTURE, Tally, rng, rounds

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

#: Of a day of the daily telling, the chance that something goes wrong.
TROUBLE = 0.06
LONG_FUNDS = 50


def short() -> list[Shape]:
    """Funds of half-year periods, and one of years."""
    return [
        Shape(date(2024, 2, 29), 3, 6, f"{SEED}:leap", in_kind=True),
        # Its periods end 120 days before the new year, and before the end of April.
        Shape(date(2024, 3, 3), 3, 6, f"{SEED}:new year", same_business=True),
        Shape(date(2024, 4, 1), 4, 6, f"{SEED}:early end", wound_up_in=3),
        Shape(date(2024, 3, 10), 2, 12, f"{SEED}:given up", written_off_in=1, in_kind=True),
    ]


def short_disasters() -> list[Disaster]:
    """One while the first periods of half a year are open, one before the last year is over."""
    return [Disaster(date(2024, 6, 3), "defer", date(2024, 10, 7)), Disaster(date(2026, 1, 5), "waive")]


def long(number: int) -> list[Shape]:
    """Fifty funds of ten years that begin within two."""
    chance = rng(f"decade {number}")
    shapes = [
        Shape(date(2024, 2, 29), 10, 12, f"{SEED}:{number}:leap"),
        Shape(date(2023, 9, 3), 10, 12, f"{SEED}:{number}:new year"),
    ]
    for own in range(len(shapes), LONG_FUNDS):
        starts = date(2023, 1, 1) + timedelta(days=chance.randint(60, 790))
        early = chance.randint(2, 9) if chance.random() < 0.1 or own == 2 else 0
        shapes.append(
            Shape(
                starts,
                10,
                12,
                f"{SEED}:{number}:{own}",
                wound_up_in=early,
                written_off_in=chance.randint(1, 10) if chance.random() < 0.4 else 0,
                in_kind=chance.random() < 0.5,
                same_business=chance.random() < 0.3,
            )
        )
    return shapes


def long_disasters(number: int) -> list[Disaster]:
    """Three in ten years, one of which is over early."""
    chance = rng(f"disasters {number}")
    first, second, third = (date(year, chance.randint(1, 12), 1) for year in (2026, 2029, 2032))
    return [Disaster(first, "defer"), Disaster(second, "waive", second + timedelta(days=120)), Disaster(third, "waive")]


@pytest.fixture
def holidays(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[date]]:
    """Days that become holidays on the way."""
    more: set[date] = set()
    table = clock.jpholiday.is_holiday
    monkeypatch.setattr(clock.jpholiday, "is_holiday", lambda day: day in more or table(day))
    yield more


def tell(
    shapes: list[Shape], disasters: list[Disaster], holidays: set[date], *, faulty: float | None, seed: str
) -> tuple[Story, years.Years]:
    """One telling, from the first day to the last; a day on which many are to be paid becomes a holiday in the middle
    of the first fund's term."""
    holidays.clear()
    story = Story(shapes, disasters)
    story.begin()
    fund = story.funds[0]
    second = Period.objects.get(fund=fund, number=2)
    known = second.starts_on + timedelta(days=10)

    def declare(at: Any) -> None:
        holidays.add(second.payment_due_on)

    story.at(known, decade.HOURS[1], declare)
    told = years.Years(story, rng(seed), faulty, each_year=repay.books_are_right)
    told.play()
    return story, told


def states(story: Story) -> list[books.State]:
    return [books.state_of(fund.pk) for fund in story.funds]


def test_years_day_by_day_with_faults_end_where_the_same_years_end_with_every_sweep_late(holidays: set[date]) -> None:
    """domain.md section 6: a sweep that was down catches up in order."""
    tally = Tally("28 ten years" if TORTURE else "28 years")
    for number in rounds(short=1, long=100):
        shapes = long(number) if TORTURE else short()
        disasters = long_disasters(number) if TORTURE else short_disasters()
        daily, every_day = tell(shapes, disasters, holidays, faulty=TROUBLE, seed=f"daily {number}")
        late, catch_up = tell(shapes, disasters, holidays, faulty=None, seed=f"late {number}")
        for own, first, second in zip(shapes, states(daily), states(late), strict=True):
            assert not (found := books.difference(first, second)), f"{own}\n{found}"
        for story in (daily, late):
            assert not years.unfinished(story.funds) and not years.open_attempts(story.funds)
            assert not years.open_vouchers(story.funds)
        assert daily.told == late.told
        assert catch_up.sweeps_run * 3 < every_day.sweeps_run, "the late telling was not late"
        for name, times in (every_day.faults + daily.told).items():
            tally.add(name, times)
        tally.add("funds", len(shapes))
        tally.add("days", (daily.last - daily.first).days)
        _dates_are_right(daily.funds)
        print(f"  round {number}: state {books.state_hash({'funds': [books.state_hash(s) for s in states(daily)]})}")
    for name in (
        "cut",
        "twice",
        "back",
        "away",
        "statements refused",
        "restatement",
        "wind-up",
        "run",
        "tax",
        "return",
        "choice",
        "voucher used",
        "write-off",
        "moratorium: defer",
        "moratorium: waive",
        "moratorium over",
        "settled",
    ):
        tally.require(name, 1)
    tally.show()


def _dates_are_right(funds: list[Fund]) -> None:
    """29 February, the closed days of the new year, and the day that became a holiday."""
    leap = Period.objects.filter(fund=funds[0]).order_by("number")
    for own, following in zip(leap, list(leap)[1:], strict=False):
        assert own.ends_on + timedelta(days=1) == following.starts_on
    assert leap[0].starts_on == date(2024, 2, 29)
    again = [own.starts_on for own in leap if own.starts_on.month == 2]
    assert {(day.month, day.day) for day in again if day.year % 4} <= {(2, 28)}
    for own in Period.objects.filter(fund__in=funds):
        assert (own.payment_due_on.month, own.payment_due_on.day) not in {(12, 31), (1, 1), (1, 2), (1, 3)}
    closed = Period.objects.filter(fund=funds[1], payment_due_on__month=1, payment_due_on__day__in=(4, 5, 6))
    assert closed.exists(), "no payment fell on the closed days"
    second = Period.objects.get(fund=funds[0], number=2)
    plain = second.ends_on + timedelta(days=120)
    assert second.payment_due_on > clock.next_bank_day(plain) or not clock.is_bank_day(plain)


def test_control_a_sweep_that_looks_at_one_day_only_is_found(
    holidays: set[date], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transfers are taken to have arrived only by a sweep of exactly the fourth bank day: late, they never arrive."""

    def only_today(*, on: date, at: Any) -> dict[str, int]:
        sent = PayoutRun.objects.filter(state=PayoutRun.State.SENT).order_by("pk")
        due = [run for run in sent if clock.add_bank_days(run.pay_on, 3) + timedelta(days=1) == on]
        return {"paid": sum(outcome.mark_paid(run.pk, at=at) for run in due)}

    schedule_before = dict(schedule._sweeps)
    monkeypatch.setattr(schedule, "_sweeps", schedule_before)
    paid = schedule_before["payouts.paid"]
    schedule.register("payouts.paid", only_today, cadence=paid.cadence, order=paid.order)
    shapes = [Shape(date(2024, 3, 3), 1, 6, "control")]
    story = Story(shapes)
    story.begin()
    years.Years(story, rng("control"), None).play()
    assert years.open_attempts(story.funds), "the spoilt sweep was not noticed"
    assert PayoutAttempt.objects.filter(payout__fund__in=story.funds).exists()
