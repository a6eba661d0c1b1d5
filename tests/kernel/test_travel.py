"""A demo's clock is moved day by day; where money is real there is no such thing."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone

from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.schedule import services as schedule
from microfund.kernel.schedule import travel
from microfund.kernel.schedule.models import Journey
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)

#: What the sweeps were called for, and what the clock showed then.
played: list[tuple[str, date, date]] = []


@pytest.fixture(autouse=True)
def movable(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Iterator[None]:
    """A clock of this test, two sweeps that write down their days, and nobody that works."""
    settings.CLOCK_FILE = tmp_path / "clock"
    monkeypatch.setattr(schedule, "_sweeps", {})
    monkeypatch.setattr(travel, "_crew", [])
    monkeypatch.setattr(travel, "_followers", [])
    played.clear()

    def sweep(name: str) -> Any:
        def run(*, on: date, at: datetime) -> dict[str, int]:
            played.append((name, on, clock.today_in()))
            return {}

        return run

    schedule.register("books", sweep("books"), cadence="day", order=2, thorough=True)
    schedule.register("quick", sweep("quick"), cadence="minute", order=1)
    yield


def start(months: int = 1, **values: Any) -> Journey:
    return travel.start(months, **{"with_crew": False, "actor": None, "at": clock.now(), **values})


def days(name: str) -> list[date]:
    return [on for played_name, on, _clock in played if played_name == name]


def test_every_day_is_played_in_order_and_the_clock_goes_along() -> None:
    today = clock.today_in()
    journey = start(2)
    assert not travel.go_on(None)
    journey.refresh_from_db()
    assert journey.ended and not journey.stopped and journey.reached == journey.until == clock.add_months(today, 2)
    assert days("quick") == [today + timedelta(days=n) for n in range((journey.until - today).days + 1)]
    assert all(on == shown for name, on, shown in played), "a sweep saw another date than its own"
    assert clock.today_in() == journey.until
    month_ends = [day for day in days("quick")[:-1] if (day + timedelta(days=1)).day == 1]
    assert days("books") == [*month_ends, journey.until]
    assert journey.days_done == journey.days
    # It goes on by itself, and the next journey starts from there.
    assert clock.now() > clock.start_of_day(journey.until)
    assert start(1).started_on == journey.until


def test_the_clock_is_kept_outside_of_the_process_and_can_be_given_back(settings: Any) -> None:
    to = datetime(2031, 5, 1, 3, tzinfo=UTC)
    clock.move(to)
    assert timedelta(0) <= clock.now() - to < timedelta(seconds=5)
    assert int(Path(settings.CLOCK_FILE).read_text()) == clock.moved().total_seconds()
    clock.move(None)
    assert clock.moved() == timedelta(0) and abs(clock.now() - timezone.now()) < timedelta(seconds=5)


def test_one_journey_at_a_time_and_never_beyond_ten_years() -> None:
    start()
    with pytest.raises(DomainError) as refused:
        start()
    assert refused.value.code == "under_way"
    for months in (0, 121):
        with pytest.raises(DomainError) as refused:
            start(months)
        assert refused.value.code == "months"
    assert Journey.objects.count() == 1


def test_a_day_that_was_cut_off_is_played_again_and_nothing_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    today, broken = clock.today_in(), clock.today_in() + timedelta(days=3)

    def crew(at: datetime) -> tuple[dict[str, int], list[str]]:
        if clock.today_in(None, at) == broken and crew_failures:
            raise OSError(crew_failures.pop())
        return {"report": 1}, []

    crew_failures = ["the sandbox is away"]
    travel.register_crew(crew)
    journey = start(1, with_crew=True)
    with pytest.raises(OSError, match="away"):
        travel.go_on(None)
    journey.refresh_from_db()
    assert journey.reached == broken - timedelta(days=1) and "away" in journey.troubles[0]
    assert not travel.go_on(None)
    journey.refresh_from_db()
    assert days("quick") == [today + timedelta(days=n) for n in range((journey.until - today).days + 1)]
    assert journey.counts == {"report": (journey.until - today).days}


def test_a_second_worker_leaves_it_alone_and_the_sweep_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("microfund.kernel.jobs.send_soon", lambda name, *args: asked.append(name))
    start()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended('schedule.travel', 0))")
    assert not travel.go_on(None) and not played
    other.close()
    assert travel.wake(on=clock.today_in(), at=clock.now()) == {"woken": 1}
    assert asked == [travel.TASK] * 2
    assert not travel.go_on(None) and played
    assert travel.wake(on=clock.today_in(), at=clock.now()) == {}


def test_it_stops_where_it_is_told_to() -> None:
    actor = make.make_user(is_staff=True)
    journey = start(12)
    assert travel.go_on(0)
    travel.stop(Journey.objects.get(), actor=actor, at=clock.now())
    assert not travel.go_on(None)
    journey.refresh_from_db()
    assert (journey.ended, journey.stopped, journey.days_done) == (True, True, 1)
    assert clock.today_in() == journey.started_on


def test_without_a_clock_to_move_everything_refuses(settings: Any) -> None:
    for name, value in (("TIME_TRAVEL", False), ("CLOCK_FILE", None)):
        before = getattr(settings, name)
        setattr(settings, name, value)
        with pytest.raises(DomainError) as refused:
            start()
        assert refused.value.code == "impossible"
        with pytest.raises(CommandError):
            call_command("time_travel", "--months", "1")
        with pytest.raises(RuntimeError):
            clock.move(clock.now() + timedelta(days=1))
        assert not travel.go_on(None) and travel.wake(on=clock.today_in(), at=clock.now()) == {}
        setattr(settings, name, before)
    Path(settings.CLOCK_FILE).write_text("86400", encoding="ascii")
    settings.TIME_TRAVEL = False
    assert clock.moved() == timedelta(0), "a file alone moves nothing"


def test_a_site_with_real_money_does_not_start_with_a_clock_that_moves(settings: Any) -> None:
    settings.DEMO_MODE = False
    assert "microfund.E001" in {found.id for found in checks.run_checks()}
    settings.TIME_TRAVEL = settings.CLOCK_FILE = None
    assert "microfund.E001" not in {found.id for found in checks.run_checks()}


def test_the_command_plays_to_the_end_and_goes_on_with_what_was_begun() -> None:
    start(1)
    assert travel.go_on(0)
    out = StringIO()
    call_command("time_travel", stdout=out)
    assert f"It is {Journey.objects.get().until}." in out.getvalue()
    with pytest.raises(CommandError, match="no journey"):
        call_command("time_travel")
