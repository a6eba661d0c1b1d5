"""The chosen day of the weekly mail (pages.md I9): never two within a week, and no post skipped or told twice."""

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from businesses.following import digest_day, mails, services
from businesses.models import Business, DigestDay
from microfund.kernel import clock
from microfund.kernel.accounts.models import User
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox.services import dispatch
from tests import make

pytestmark = pytest.mark.django_db

MONDAY = date(2026, 11, 2)
MON, WED, FRI, SUN = 0, 2, 4, 6


def noon(on: date) -> datetime:
    return make.at_noon(on)


class World:
    """One business that posts every day, one reader; days go by with both sweeps and their deliveries."""

    def __init__(self) -> None:
        self.business: Business = make.make_business()
        self.user: User = make.make_user(email="ann@example.com")
        self.on = MONDAY - timedelta(days=14)
        self.first = self.on
        services.follow_by_account(self.business, self.user, cadence="weekly", language="en", at=noon(self.on))

    def days(self, number: int, *, sweep: bool = True) -> None:
        for _day in range(number):
            make.make_post(business=self.business, title=f"Post of {self.on.isoformat()}", at=noon(self.on))
            self.on += timedelta(days=1)
            if sweep:
                self.sweep()

    def sweep(self) -> None:
        mails.digest_due(on=self.on, at=noon(self.on))
        digest_day.due(on=self.on, at=noon(self.on))
        dispatch()

    def choose(self, weekday: int) -> None:
        digest_day.choose(self.user, weekday, on=self.on, at=noon(self.on))

    def sent(self) -> list[tuple[date, list[date]]]:
        """The mails by the day that is in their key, and the days whose posts they hold."""
        found = []
        for notice in Notice.objects.filter(kind="news_digest", user=self.user).order_by("happened_at"):
            told = [date.fromisoformat(day) for day in re.findall(r"Post of (\d{4}-\d\d-\d\d)", notice.text)]
            found.append((date.fromisoformat(notice.key.split(":")[1]), sorted(set(told))))
        return found

    def check(self) -> list[date]:
        """Whatever was chosen: a week between two mails, every post until the last one told, each once."""
        sent = self.sent()
        days = [day for day, _told in sent]
        assert all(later - former >= timedelta(days=7) for former, later in zip(days, days[1:], strict=False)), days
        told = [post for _day, posts in sent for post in posts]
        begin = days[0] - timedelta(days=7)
        whole = [begin + timedelta(days=n) for n in range((days[-1] - begin).days)]
        assert told == [day for day in whole if day >= self.first]
        return days


def test_without_a_choice_the_mail_comes_on_monday_as_before() -> None:
    world = World()
    world.choose(MON)
    assert not DigestDay.objects.exists()
    world.days(22)
    assert [day.weekday() for day in world.check()] == [MON] * 3


@pytest.mark.parametrize("weekday", (WED, SUN))
@pytest.mark.parametrize("when", range(7))
def test_a_first_choice_on_any_day_skips_nothing_and_comes_once_a_week(when: int, weekday: int) -> None:
    world = World()
    world.days(14 + when)
    world.choose(weekday)
    world.days(28)
    days = world.check()
    assert [day.weekday() for day in days[-3:]] == [weekday] * 3


def test_changes_every_other_day_skip_nothing_and_come_once_a_week_at_most() -> None:
    world = World()
    world.days(15)
    for weekday in (WED, FRI, SUN, MON, WED, SUN, FRI, MON):
        world.choose(weekday)
        world.days(2)
    world.days(21)
    assert world.check()[-1].weekday() == MON


def test_a_choice_before_the_mondays_sweep_moves_its_posts_to_the_new_day() -> None:
    world = World()
    world.days(13)
    world.days(1, sweep=False)
    assert world.on == MONDAY
    world.choose(WED)
    world.sweep()
    world.days(3)
    days = world.check()
    assert days[-1] == MONDAY + timedelta(days=2)


def test_a_choice_while_the_mondays_mails_are_under_way_is_kept_to() -> None:
    """The batch has begun, and this reader's turn has not come."""
    world = World()
    world.days(13)
    world.days(1, sweep=False)
    mails.digest_due(on=world.on, at=noon(world.on))
    world.choose(FRI)
    dispatch()
    assert MONDAY not in [day for day, _told in world.sent()]
    world.days(5)
    assert world.check()[-1] == MONDAY + timedelta(days=4)


def test_a_worker_that_stood_still_for_weeks_sends_one_mail_with_everything() -> None:
    world = World()
    world.days(15)
    world.choose(WED)
    world.days(23, sweep=False)
    world.sweep()
    world.sweep()
    days = world.check()
    assert len(days) == 3 and days[-1].weekday() == WED
    assert DigestDay.objects.get().next_on == days[-1] + timedelta(days=7)


def test_readers_are_taken_in_batches_and_one_without_news_gets_no_mail(monkeypatch: Any) -> None:
    monkeypatch.setattr(digest_day, "BATCH", 2)
    business, silent = make.make_business(), make.make_business()
    users = [make.make_user(email=f"{name}@example.com") for name in "abcde"]
    for user in users:
        followed = silent if user is users[-1] else business
        services.follow_by_account(followed, user, cadence="weekly", language="en", at=noon(MONDAY))
        digest_day.choose(user, WED, on=MONDAY, at=noon(MONDAY))
    make.make_post(business=business, title="The only one", at=noon(MONDAY))
    on = MONDAY + timedelta(days=2)
    assert digest_day.due(on=on, at=noon(on)) == {"people": 5}
    assert digest_day.due(on=on, at=noon(on)) == {"people": 0}
    assert Notice.objects.filter(kind="news_digest").count() == 4


def test_the_same_address_without_an_account_belongs_to_the_same_mail() -> None:
    world = World()
    other = make.make_business()
    services.ask_by_email([other], "ann@example.com", cadence="weekly", language="en", at=noon(MONDAY))
    other.follows.update(confirmed_at=noon(MONDAY))
    world.days(14)
    world.choose(WED)
    make.make_post(business=other, title="Of the other", at=noon(MONDAY))
    world.days(9)
    mine = Notice.objects.filter(kind="news_digest", recipient="ann@example.com", text__contains="Of the other")
    assert mine.count() == 1 and world.check()


def test_the_database_keeps_a_week_between_two_mails() -> None:
    with pytest.raises(IntegrityError, match="digest_day_a_week_apart"), transaction.atomic():
        DigestDay.objects.create(
            user=make.make_user(),
            weekday=WED,
            since_on=MONDAY,
            next_on=MONDAY + timedelta(days=2),
            chosen_at=clock.now(),
        )


def test_the_page_keeps_the_day_and_tells_the_next_mail(client: Client) -> None:
    user = make.make_user()
    client.force_login(user)
    page = client.get(reverse("notifications")).content.decode()
    assert '<option value="0" selected>Monday</option>' in page and "Your next one" not in page
    assert client.post(reverse("notifications"), {"weekday": "4"}).status_code == 302
    page = client.get(reverse("notifications")).content.decode()
    assert '<option value="4" selected>Friday</option>' in page and "Your next one comes on" in page
    assert DigestDay.objects.get().next_on.weekday() == FRI
    refused = client.post(reverse("notifications"), {"weekday": "7"}).content.decode()
    assert "Error:" in refused and DigestDay.objects.get().weekday == FRI
