"""The day of the week on which an account gets its weekly mail (pages.md I9): Monday until another is chosen.

A chosen day is a row that says what was sent and when the next mail is due. So a change makes no second mail within
seven days and skips nothing: the mail after it comes on the first new day that is far enough, and holds all since the
last one.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from businesses.news.models import Post
from microfund.kernel import locks
from microfund.kernel.accounts.models import User
from microfund.kernel.notices.models import Notice

from .mails import BATCH, WEEK, posts_between, rows_by_address, send_digest, weekly_of
from .models import DigestDay, Follow

DAY = timedelta(days=1)


def day_of(user: Any) -> DigestDay | None:
    """The day that the account chose; None where it is still Monday."""
    return DigestDay.objects.filter(user=user).first()


def choose(user: Any, weekday: int, *, on: date, at: datetime) -> None:
    """Let the weekly mail of an account come on this day of the week (0 is Monday), from the next one on.

    The first mail comes after `on`, a week or more after the last. The same day again changes nothing.
    """
    weekday = DigestDay.Weekday(weekday).value
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        rows = Follow.objects.filter(Q(user=user) | Q(email=user.email.lower()))
        # The mail of this Monday, if it is being written just now, is there or sees the choice.
        locks.lock(Follow, rows.values_list("pk", flat=True))
        day = DigestDay.objects.select_for_update().filter(user=user).first()
        if day is None:
            if weekday == DigestDay.Weekday.MONDAY:
                return
            monday = on - timedelta(days=on.weekday())
            day = DigestDay(user=user, since_on=monday if _got(user, monday) else monday - WEEK)
        elif day.weekday == weekday:
            return
        earliest = max(day.since_on + WEEK, on + DAY)
        day.weekday, day.chosen_at = weekday, at
        day.next_on = earliest + timedelta(days=(weekday - earliest.weekday()) % 7)
        day.save()


def _got(user: Any, monday: date) -> bool:
    """Whether the mail of this Monday was written to the account."""
    written = Notice.objects.filter(kind="news_digest", key__startswith=f"news_digest:{monday.isoformat()}:")
    return written.filter(Q(user=user) | Q(recipient=user.email)).exists()


def due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep, E12: the weekly mails of those who chose a day, what was posted since their last one; a batch of them in a
    transaction. What a stopped worker has missed comes in one mail, and the next is a week after the day it was due."""
    people = 0
    while True:
        with transaction.atomic():
            found = DigestDay.objects.filter(next_on__lte=on).select_related("user").order_by("pk")
            days = list(found.select_for_update(of=("self",))[:BATCH])
            _write(days, on, at)
            DigestDay.objects.bulk_update(days, ["since_on", "next_on"])
        people += len(days)
        if len(days) < BATCH:
            return {"people": people}


def _write(days: list[DigestDay], on: date, at: datetime) -> None:
    """One mail each, if there is anything to tell; moves the dates of the rows, which the caller saves."""
    posts: dict[tuple[date, date], dict[int, list[Post]]] = {}
    windows: dict[str, tuple[date, date]] = {}
    for day in days:
        until = day.next_on + (on - day.next_on) // WEEK * WEEK
        window = windows[day.user.email.lower()] = (day.since_on, until)
        if window not in posts:
            posts[window] = posts_between(*window)
        day.since_on, day.next_on = until, until + WEEK
    businesses = {business for told in posts.values() for business in told}
    followed = rows_by_address(weekly_of(businesses).filter(address__in=list(windows)))
    for address, rows in followed.items():
        told = posts[windows[address]]
        own = {business: row for business, row in rows.items() if business in told}
        if own:
            send_digest(own, told, until=windows[address][1], at=at)
