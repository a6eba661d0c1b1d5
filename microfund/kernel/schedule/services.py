"""Sweeps: short, idempotent steps over due rows, run by business date in one declared order (domain.md section 6).

An app registers its sweeps in `ready()`; beat wakes `run_due` by cadence; `manage.py run_schedule` replays dates.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

import structlog
from django.conf import settings
from django.db import connection

from microfund.kernel import clock

from .models import JobRun

log = structlog.get_logger(__name__)

CADENCES = ("minute", "hour", "day")


@dataclass(frozen=True)
class Sweep:
    """One registered sweep: `run(on=business date, at=instant)` returns counts and may be repeated at any time.

    One that looks at everything (`thorough`) is left out on most days when a demo's years pass in minutes.
    """

    name: str
    cadence: str
    order: int
    run: Callable[..., dict[str, int]]
    thorough: bool = False


_sweeps: dict[str, Sweep] = {}


def register(
    name: str, run: Callable[..., dict[str, int]], *, cadence: str, order: int, thorough: bool = False
) -> None:
    """Register a sweep; a lower `order` runs first. Raises ValueError for an unknown cadence."""
    if cadence not in CADENCES:
        raise ValueError(f"unknown cadence {cadence!r}")
    _sweeps[name] = Sweep(name, cadence, order, run, thorough)


def sweeps(cadences: Iterable[str] = CADENCES) -> list[Sweep]:
    """The registered sweeps of these cadences, in running order."""
    wanted = set(cadences)
    return sorted((sweep for sweep in _sweeps.values() if sweep.cadence in wanted), key=lambda s: (s.order, s.name))


def _beat(name: str, ok: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO schedule_heartbeat (name, last_run_at, last_ok_at, runs)
            VALUES (%(name)s, now(), CASE WHEN %(ok)s THEN now() END, 1)
            ON CONFLICT (name) DO UPDATE SET
                last_run_at = now(), runs = schedule_heartbeat.runs + 1,
                last_ok_at = CASE WHEN %(ok)s THEN now() ELSE schedule_heartbeat.last_ok_at END
            """,
            {"name": name, "ok": ok},
        )


def run_sweep(sweep: Sweep, *, on: date, at: datetime, always_record: bool = False) -> tuple[dict[str, int], str]:
    """Run one sweep and leave its JobRun; returns (counts, error). An error is recorded, not raised."""
    started, clock_start = clock.machine(), time.monotonic()
    counts: dict[str, int] = {}
    error = ""
    try:
        counts = {key: value for key, value in sweep.run(on=on, at=at).items() if value}
        # A sweep that goes on after a row it could not treat says so in its counts.
        error = "" if not counts.get("errors") else f"{counts['errors']} rows failed, see the log"
    except Exception as failure:  # one sweep must never stop the others; the reason is kept for staff
        log.exception("sweep.failed", sweep=sweep.name, on=on.isoformat())
        error = f"{type(failure).__name__}: {failure}"[:4000]
    if counts or error or always_record:
        JobRun.objects.create(
            name=sweep.name,
            business_date=on,
            as_of=at,
            started_at=started,
            duration_ms=int((time.monotonic() - clock_start) * 1000),
            counts=counts,
            error=error,
        )
    _beat(sweep.name, ok=not error)
    return counts, error


def run_due(
    *,
    on: date | None = None,
    cadences: Iterable[str] = CADENCES,
    always_record: bool = False,
    thorough: bool = True,
    leave_out: Collection[str] = (),
) -> dict[str, tuple[dict[str, int], str]]:
    """Run the sweeps of these cadences for one business date (default: today, up to now); name → (counts, error).
    Those named in `leave_out` are another process's to run.

    Does what is due before `on` + 1 begins. Raises clock.FutureDate for a later date unless settings.TIME_TRAVEL.
    """
    now = clock.now()
    on = on or clock.today_in(settings.BUSINESS_TIME_ZONE, now)
    at = clock.business_instant(on, now)
    wanted = [sweep for sweep in sweeps(cadences) if sweep.name not in leave_out and (thorough or not sweep.thorough)]
    return {sweep.name: run_sweep(sweep, on=on, at=at, always_record=always_record) for sweep in wanted}
