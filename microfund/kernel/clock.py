"""Time: instants are aware UTC; dates are business dates in a zone (domain.md sections 2, 3 and 6).

Services take ``at`` or ``on``; ``now()`` is called at the edges only. A zone argument is a ``ZoneInfo``, its name, or
``None`` for ``settings.BUSINESS_TIME_ZONE``. Steps of a calendar are counted from the anchor, never from the step
before, so that 31 January monthly never drifts to the 28th.
"""

import calendar
import os
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jpholiday
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from microfund.kernel.errors import DomainError

DEFAULT_ZONE_NAME = "Asia/Tokyo"
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)

Zone = ZoneInfo | str | None


class FutureDate(DomainError, ValueError):
    """A sweep was asked to run for a business date that has not begun, and time travel is off."""

    def __init__(self, on: date, today: date) -> None:
        dates = {"on": on.isoformat(), "today": today.isoformat()}
        super().__init__("future_date", _("%(on)s is in the future; today is %(today)s.") % dates, **dates)


def business_zone(zone: Zone = None) -> ZoneInfo:
    """The zone meant: itself, by name, or the site's ``BUSINESS_TIME_ZONE`` (Asia/Tokyo). Raises on an unknown name."""
    if isinstance(zone, ZoneInfo):
        return zone
    return _named_zone(zone or getattr(settings, "BUSINESS_TIME_ZONE", DEFAULT_ZONE_NAME))


@lru_cache(maxsize=32)
def _named_zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def __getattr__(name: str) -> Any:
    # Read when first asked for, so that importing this module needs no settings.
    if name == "BUSINESS_ZONE":
        return business_zone()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def now() -> datetime:
    """This instant, aware, in UTC. One place, so that a test or a demo can move it (`move`)."""
    return machine() + moved()


def machine() -> datetime:
    """This instant by the machine's own clock, which nothing moves: for leases, retries, ages of files and running
    times, never for what happened to money."""
    return timezone.now().astimezone(UTC)


def moved() -> timedelta:
    """How far ahead of the real time a demo's clock is; nothing unless `settings.TIME_TRAVEL` is set.

    It stands in `settings.CLOCK_FILE`, whole seconds as text, which every process of a demo reads each time, so that
    web, worker and commands are on one date at once and after a restart. Machine time (`machine`, sessions, heartbeats,
    what the database records) does not move.
    """
    if not (settings.TIME_TRAVEL and settings.CLOCK_FILE):
        return timedelta(0)
    try:
        return timedelta(seconds=int(Path(settings.CLOCK_FILE).read_text(encoding="ascii")))
    except FileNotFoundError:
        return timedelta(0)


def move(to: datetime | None) -> None:
    """Let the demo's clock go on from an instant; `None` is the real time again. Raises `RuntimeError` where the
    settings have no clock that can be moved."""
    if not (settings.TIME_TRAVEL and settings.CLOCK_FILE):
        raise RuntimeError("these settings have no clock that can be moved")
    path = Path(settings.CLOCK_FILE)
    if to is None:
        path.unlink(missing_ok=True)
        return
    # Rounded up, so that what happens next never lies before the instant asked for.
    ahead = -((machine() - require_aware(to)) // timedelta(seconds=1))
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(str(ahead), encoding="ascii")
    fresh.replace(path)


def require_aware(at: datetime) -> datetime:
    """``at`` itself; raises ``ValueError`` for a naive instant, which would silently mean some machine's local time."""
    if at.tzinfo is None or at.utcoffset() is None:
        raise ValueError("an instant must carry its time zone")
    return at


def today_in(zone: Zone = None, at: datetime | None = None) -> date:
    """The business date in ``zone`` at the instant ``at`` (now, if omitted)."""
    return require_aware(at or now()).astimezone(business_zone(zone)).date()


def start_of_day(on: date, zone: Zone = None) -> datetime:
    """The first instant of a business date, in UTC: 00:00:00, or what follows where a clock change skips midnight."""
    return datetime.combine(on, time.min, tzinfo=business_zone(zone)).astimezone(UTC)


def end_of_day(on: date, zone: Zone = None) -> datetime:
    """The last microsecond of a business date (23:59:59.999999 on its clock), in UTC."""
    # By way of the next day: an hour repeated before midnight would otherwise name the earlier of two instants.
    return start_of_day(on + _DAY, zone) - _MICROSECOND


def add_months(anchor: date, months: int) -> date:
    """``months`` after the anchor (before, if negative), on its day of month or the last one there is: 29 Feb -> 28."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    month += 1
    return date(year, month, min(anchor.day, calendar.monthrange(year, month)[1]))


def period_bounds(anchor: date, months: int, number: int) -> tuple[date, date]:
    """First and last day of period ``number`` (from 1) of ``months`` each: end = next start - 1 day (domain.md 6)."""
    if months < 1 or number < 1:
        raise ValueError("periods are counted from 1 and last at least one month")
    return add_months(anchor, months * (number - 1)), add_months(anchor, months * number) - _DAY


def is_bank_day(on: date) -> bool:
    """Whether Japanese banks settle on this date: no weekend, no public holiday, not 31 December to 3 January."""
    if on.weekday() >= 5 or (on.month, on.day) in {(12, 31), (1, 1), (1, 2), (1, 3)}:
        return False
    return not jpholiday.is_holiday(on)


def next_bank_day(on: date) -> date:
    """``on`` itself if banks settle on it, else the first later date on which they do."""
    while not is_bank_day(on):
        on += _DAY
    return on


def add_bank_days(on: date, days: int) -> date:
    """The ``days``-th bank day strictly after ``on``; with 0, ``next_bank_day(on)``. Raises on a negative count."""
    if days < 0:
        raise ValueError("bank days are counted forward")
    if days == 0:
        return next_bank_day(on)
    for _step in range(days):
        on = next_bank_day(on + _DAY)
    return on


def cooling_off_last_day(first_day: date, days: int) -> date:
    """The date on which cooling-off ends, at 23:59:59; day 1 is ``first_day`` (domain.md section 4.4)."""
    if days < 1:
        raise ValueError("cooling-off lasts at least its first day")
    return first_day + timedelta(days=days - 1)


def cooling_off_end(first_day: date, days: int, zone: Zone = None) -> datetime:
    """The **exclusive** end of cooling-off in UTC: 00:00:00 of the day after its last day.

    Store it and compare ``at < cooling_off_end``: 23:59:59.999999 of day ``days`` is still inside, 00:00:00 is not.
    Pages show ``cooling_off_last_day``. ``first_day`` is the later of application and availability of the documents.
    """
    return start_of_day(cooling_off_last_day(first_day, days) + _DAY, zone)


def business_instant(on: date, now: datetime, zone: Zone = None) -> datetime:
    """The instant at which a sweep for the business date ``on`` acts (domain.md section 6).

    A past date acts at its last microsecond, so that everything due before the next day began is due; today acts at
    ``now``. A later date raises ``FutureDate`` unless ``settings.TIME_TRAVEL`` is set (demo, tests): then it acts at
    that date's last microsecond, as it will when the day is over.
    """
    today = today_in(zone, now)
    if on > today:
        if not getattr(settings, "TIME_TRAVEL", False):
            raise FutureDate(on, today)
        return end_of_day(on, zone)
    return min(now.astimezone(UTC), end_of_day(on, zone))
