"""Sweeps run in their order by business date; an error in one is recorded and stops no other."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from microfund.kernel import clock
from microfund.kernel.schedule import services as schedule
from microfund.kernel.schedule.models import Heartbeat, JobRun

pytestmark = pytest.mark.django_db

calls: list[tuple[str, date, datetime]] = []


@pytest.fixture(autouse=True)
def only_ours(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(schedule, "_sweeps", {})
    calls.clear()

    def sweep(name: str, answer: dict[str, int]) -> Any:
        def run(*, on: date, at: datetime) -> dict[str, int]:
            calls.append((name, on, at))
            if "boom" in answer:
                raise ValueError("boom")
            return answer

        return run

    schedule.register("third", sweep("third", {"done": 0}), cadence="minute", order=3)
    schedule.register("first", sweep("first", {"done": 2}), cadence="minute", order=1)
    schedule.register("second", sweep("second", {"boom": 1}), cadence="day", order=2)
    yield


def test_sweeps_run_in_order_and_an_error_stops_no_other() -> None:
    yesterday = clock.today_in() - timedelta(days=1)
    results = schedule.run_due(on=yesterday)
    assert [name for name, _on, _at in calls] == ["first", "second", "third"]
    assert {at for _name, _on, at in calls} == {clock.end_of_day(yesterday)}
    assert results["first"] == ({"done": 2}, "") and results["second"][1] == "ValueError: boom"
    runs = {run.name: run for run in JobRun.objects.all()}
    assert set(runs) == {"first", "second"}, "a run that found nothing is only a heartbeat"
    assert runs["second"].error == "ValueError: boom"
    beats = {beat.name: beat for beat in Heartbeat.objects.all()}
    assert beats["second"].last_ok_at is None and beats["third"].last_ok_at is not None


def test_a_cadence_wakes_only_its_own_sweeps() -> None:
    schedule.run_due(cadences=["minute"])
    assert [name for name, _on, _at in calls] == ["first", "third"]


def test_the_future_is_refused_without_time_travel(settings: Any) -> None:
    settings.TIME_TRAVEL = False
    tomorrow = clock.today_in() + timedelta(days=1)
    with pytest.raises(clock.FutureDate):
        schedule.run_due(on=tomorrow)
    with pytest.raises(CommandError, match="--date"):
        call_command("run_schedule", "--date", tomorrow.isoformat())
    assert calls == []


def test_run_schedule_plays_dates_in_order_and_fails_when_a_sweep_did() -> None:
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="3 sweeps failed"):
        call_command("run_schedule", "--date", "2026-01-30", "--until", "2026-02-01", stdout=out, stderr=err)
    days = [on for name, on, _at in calls if name == "first"]
    assert days == [date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 1)]
    assert "2026-01 (2 days): first.done 4" in out.getvalue() and "2026-02 (1 days)" in out.getvalue()
    assert "2026-01-30 second: ValueError: boom" in err.getvalue()


def test_run_schedule_refuses_dates_in_the_wrong_order() -> None:
    with pytest.raises(CommandError, match="before --date"):
        call_command("run_schedule", "--date", "2026-02-01", "--until", "2026-01-30")
