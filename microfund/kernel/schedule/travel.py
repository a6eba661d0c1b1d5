"""A demo's business date moved forward, day by day: every sweep of every day, as the worker would have run them.

A journey is a row, so that it survives the process that plays it: a task plays some seconds of it and asks for the next
task, and a sweep asks again where none came. Whoever plays holds a lock of its session, which the database lets go of
when the process dies; a day that was cut off is played again, which every sweep bears. Only with settings.TIME_TRAVEL.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from microfund.kernel import clock, jobs
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError

from . import services
from .models import Journey

log = structlog.get_logger(__name__)

TASK = "schedule.travel"
MOST_MONTHS = 120
#: A task plays so many seconds, so that a worker that is told to stop need not be killed.
SLICE_SECONDS = 4
NOON = timedelta(hours=12)
#: When a day's sweeps run: early enough that the clock, which goes on meanwhile, stays on that date.
EVENING = timedelta(hours=23)
_LOCK = "schedule.travel"
_TROUBLES = 20

#: What people would do at an instant, and what goes with the clock, such as the sandbox's own; told by higher layers.
_crew: list[Callable[[datetime], tuple[dict[str, int], list[str]]]] = []
_followers: list[Callable[[datetime], None]] = []


def register_crew(act: Callable[[datetime], tuple[dict[str, int], list[str]]]) -> None:
    """Who works while time travels: called at noon of each day, answers counts and what went wrong."""
    _crew[:] = [act]


def register_follower(follow: Callable[[datetime], None]) -> None:
    """Another clock that is set whenever ours is."""
    _followers[:] = [follow]


def possible() -> bool:
    """Whether these settings have a clock that can be moved."""
    return bool(settings.TIME_TRAVEL and settings.CLOCK_FILE)


def current() -> Journey | None:
    """The journey that is under way."""
    return Journey.objects.filter(ended=False).first()


def start(months: int, *, with_crew: bool, actor: Any, at: datetime) -> Journey:
    """Set out for the same day `months` later; the task begins after the commit.

    Raises DomainError: "impossible" (no demo), "months" (not 1 to 120), "under_way".
    """
    if not possible():
        raise DomainError("impossible", _("Only a demonstration can move its clock."))
    if not 1 <= months <= MOST_MONTHS:
        raise DomainError("months", _("Choose 1 to 120 months."), field="months")
    today = clock.today_in(None, at)
    try:
        with transaction.atomic():
            journey = Journey.objects.create(
                started_by=actor,
                started_on=today,
                reached=today - timedelta(days=1),
                until=clock.add_months(today, months),
                with_crew=with_crew,
            )
            audit.record(
                action="schedule.Journey.started",
                subject=journey,
                at=at,
                actor=actor,
                changes={"until": journey.until.isoformat(), "crew": with_crew},
            )
            jobs.send_soon(TASK)
    except IntegrityError:
        raise DomainError("under_way", _("Time is travelling already.")) from None
    return journey


def stop(journey: Journey, *, actor: Any, at: datetime) -> None:
    """Stay on the day that is being played. A journey that has ended is left as it is."""
    with transaction.atomic():
        if Journey.objects.filter(pk=journey.pk, ended=False).update(ended=True, stopped=True, seen_at=Now()):
            audit.record(action="schedule.Journey.stopped", subject=journey, at=at, actor=actor)


def go_on(seconds: int | None = SLICE_SECONDS) -> bool:
    """Play days of the journey that is under way, for some seconds or to its end; whether more is left to play.

    Another process that plays it is left alone. Raises whatever a day raises: the day will be played again.
    """
    if not possible():
        return False
    with _alone() as alone, jobs.muted():
        end = None if seconds is None else time.monotonic() + seconds
        while alone and (journey := current()):
            try:
                _next_day(journey)
            except Exception as error:
                _note(journey, {}, [f"{type(error).__name__}: {error}"[:500]])
                raise
            if end is not None and time.monotonic() > end:
                return current() is not None
    return False


def wake(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: ask for the task of a journey that stands still because a worker died or a message was lost."""
    if not possible() or current() is None:
        return {}
    jobs.send_soon(TASK)
    return {"woken": 1}


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether this session is the one that plays; let go at the end, or by the database when the session ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [_LOCK])
        alone = bool(cursor.fetchone()[0])
    try:
        yield alone
    finally:
        if alone and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [_LOCK])


def _set(to: datetime) -> datetime:
    """Set the clock, and those that follow it, unless it is there already; the instant that it shows."""
    if to > clock.now():
        clock.move(to)
    now = clock.now()
    for follow in _followers:
        follow(now)
    return now


def _next_day(journey: Journey) -> None:
    """Play the next day whole, or arrive on the last."""
    day = journey.reached + timedelta(days=1)
    at = _set(clock.start_of_day(day) + NOON)
    counts: Counter[str] = Counter()
    troubles: list[str] = []
    if day < journey.until:
        for act in _crew if journey.with_crew else []:
            done, troubles = act(at)
            counts.update(done)
        _set(clock.start_of_day(day) + EVENING)
    # The books are verified at the end of each month, and on arrival.
    thorough = day == journey.until or (day + timedelta(days=1)).day == 1
    for name, (_done, error) in services.run_due(on=day, thorough=thorough).items():
        troubles += [f"{name}: {error}"] if error else []
    _note(journey, counts, [f"{day}: {trouble}"[:500] for trouble in troubles])
    Journey.objects.filter(pk=journey.pk, ended=False).update(reached=day, ended=day == journey.until, seen_at=Now())


def _note(journey: Journey, counts: dict[str, int], troubles: list[str]) -> None:
    if counts or troubles:
        journey.counts = dict(Counter(journey.counts) + Counter(counts))
        journey.troubles = [*journey.troubles, *troubles][-_TROUBLES:]
        Journey.objects.filter(pk=journey.pk).update(counts=journey.counts, troubles=journey.troubles)
