"""Visits: seats are never given twice, the waiting list moves up in its order, everybody concerned is told once."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from investments.models import Fund, Holding, Investor
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from rewards import visit_mails, visits
from rewards.models import Booking, Visit
from tests import make, repay
from tests.investments.test_mails import both_parts_say, check, deliver, mails_of
from tests.rewards.build import visit_values

pytestmark = pytest.mark.django_db


def announced(fund: Fund, **more: Any) -> Visit:
    return visits.make(fund, values=visit_values(**more), actor=repay.owner(fund), at=timezone.now())


def people(fund: Fund) -> list[Investor]:
    return [row.investor for row in Holding.objects.filter(fund=fund).select_related("investor__user").order_by("pk")]


def book(visit: Visit, who: Investor, seats: int = 1, at: datetime | None = None) -> Booking:
    return visits.book(who, visit.pk, seats, actor=who.user, at=at or timezone.now())


def refused(code: str, act: Any) -> None:
    with pytest.raises(DomainError) as error:
        act()
    assert error.value.code == code


def taken(visit: Visit) -> int:
    visit.refresh_from_db()
    booked = sum(Booking.objects.filter(visit=visit, state="booked").values_list("seats", flat=True))
    assert booked == visit.taken
    return booked


def test_seats_are_booked_changed_given_back_and_go_to_who_waits_in_order() -> None:
    fund = repay.operating(1, 1, 1, 1)
    visit = announced(fund)
    one, two, three, four = people(fund)
    assert book(visit, one, 2).state == "booked"
    assert book(visit, two, 2).state == "waiting"
    # One seat is free, but somebody waits before.
    assert book(visit, three, 1).state == "waiting"
    assert taken(visit) == 2
    book(visit, one, 1)
    assert taken(visit) == 3
    assert list(Booking.objects.order_by("pk").values_list("state", flat=True)) == ["booked", "booked", "waiting"]
    told = mails_of("seats_free")
    assert [notice.recipient for notice in told] == [two.user.email]
    visits.cancel(two, visit.pk, actor=two.user, at=timezone.now())
    assert taken(visit) == 2 and Booking.objects.get(holding__investor=three).state == "booked"
    assert book(visit, two, 2).state == "waiting"
    assert book(visit, four, 1).state == "waiting"
    # The first of the list wants less, which is free; nobody behind is passed over or kept waiting for it.
    assert book(visit, two, 1).state == "booked" and taken(visit) == 3
    visits.change(visit, values=visit_values(seats=6), actor=repay.owner(fund), at=timezone.now())
    assert taken(visit) == 4 and not Booking.objects.filter(state="waiting").exists()


def test_who_may_book_what_and_until_when() -> None:
    fund = repay.operating(1, 5)
    visit = announced(fund, minimum_units=5)
    small, large = people(fund)
    refused("not_for_you", lambda: book(visit, small))
    refused("not_for_you", lambda: book(visit, make.make_investor()))
    refused("seats", lambda: book(visit, large, 3))
    refused("seats", lambda: book(visit, large, 0))
    late = make.at_noon(visit.book_until + timedelta(days=1))
    refused("over", lambda: book(visit, large, at=late))
    book(visit, large)
    refused("over", lambda: visits.cancel(large, visit.pk, actor=large.user, at=visit.starts_at))
    Holding.objects.update(frozen_at=timezone.now())
    refused("not_for_you", lambda: book(visit, large))


def test_a_visit_that_cannot_be_is_refused() -> None:
    fund = repay.operating(2)
    for code, more in (
        ("past", {"starts_at": timezone.now()}),
        ("late", {"book_until": clock.today_in(None, timezone.now() + timedelta(days=30))}),
        ("required", {"title_ja": " "}),
    ):
        refused(code, lambda more=more: announced(fund, **more))  # type: ignore[misc]
    visit = announced(fund)
    book(visit, people(fund)[0], 2)
    owner = repay.owner(fund)
    refused("seats", lambda: visits.change(visit, values=visit_values(seats=1), actor=owner, at=timezone.now()))
    refused("reason_needed", lambda: visits.call_off(visit, reason=" ", actor=owner, at=timezone.now()))
    refused("too_early", lambda: visits.note_attendance(visit, set(), actor=owner, at=timezone.now()))


def test_everybody_concerned_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit_mails, "BATCH", 1)
    fund = repay.operating(2, 3)
    visit, owner = announced(fund), repay.owner(fund)
    assert len(mails_of("visit_made")) == 2
    book(visit, people(fund)[0])
    soon = visit.starts_at - timedelta(days=2)
    for _time in range(2):
        visits.remind_due(on=clock.today_in(None, soon), at=soon)
    moved = visit_values(place="The new pier", starts_at=visit.starts_at)
    for found in (moved, {**moved, "text_en": "Boots."}):
        visits.change(visit, values=found, actor=owner, at=timezone.now())
    visits.call_off(visit, reason="A storm is coming.", actor=owner, at=timezone.now())
    for kind, words in (("visit_soon", "The pier"), ("visit_changed", "The new pier"), ("visit_called_off", "A storm")):
        found = mails_of(kind)
        assert len(found) == 1, kind
        check(found[0])
        both_parts_say(found[0], "Raft-side breakfast")
        assert words in found[0].text or kind != "visit_called_off"
    refused("over", lambda: book(visit, people(fund)[1]))


@pytest.mark.django_db(transaction=True)
def test_the_last_seats_go_to_as_many_as_there_are() -> None:
    fund = repay.operating(*[1] * 6)
    visit = announced(fund, seats=2)
    start, told = threading.Barrier(6), []

    def run(who: Investor) -> None:
        try:
            start.wait()
            told.append(book(visit, who).state)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(who,)) for who in people(fund)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["booked"] * 2 + ["waiting"] * 4
    assert taken(visit) == 2


def browser(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_holder_books_in_the_browser_and_takes_the_date_along() -> None:
    fund = repay.operating(2, 3)
    visit = announced(fund)
    one, two = people(fund)
    slug = fund.business.slug
    here = reverse("rewards:visit", args=[slug, visit.pk])
    assert "Sign in to book" in Client().get(here).content.decode()
    assert "Raft-side breakfast" in Client().get(reverse("rewards:visits", args=[slug])).content.decode()
    assert Client().post(here, {"seats": 1}).status_code == 302
    client = browser(one.user)
    assert client.post(here, {"seats": 9}).status_code == 422
    assert "Your seats are booked." in client.post(here, {"seats": 2}, follow=True).content.decode()
    row = Booking.objects.get()
    file = client.get(reverse("rewards:visit_ics", args=[row.pk])).content.decode()
    assert "TZID:Asia/Tokyo" in file and f"UID:visit-{visit.pk}-{row.pk}@" in file
    assert browser(two.user).get(reverse("rewards:visit_ics", args=[row.pk])).status_code == 404
    assert "Raft-side breakfast" in client.get(reverse("rewards:own_visits")).content.decode()
    # The link of an online meeting is for those who have booked.
    Visit.objects.update(place="https://meet.example/secret")
    assert "meet.example" in client.get(here).content.decode()
    for other in (Client(), browser(two.user)):
        assert "meet.example" not in other.get(here).content.decode()
    assert "meet.example" not in Client().get(reverse("rewards:visits", args=[slug])).content.decode()
    away = reverse("rewards:visit_cancel", args=[slug, visit.pk])
    client.post(away)
    assert Booking.objects.get().state == "cancelled"
    assert browser(two.user).post(away).status_code == 404
    assert browser(make.make_user()).post(here, {"seats": 1}).status_code == 404
    elsewhere = reverse("rewards:visit", args=[make.make_business().slug, visit.pk])
    assert client.get(elsewhere).status_code == 404


def test_the_business_announces_changes_and_notes_who_was_there() -> None:
    fund = repay.operating(2, 3)
    client, slug = browser(repay.owner(fund)), fund.business.slug
    desk = reverse("rewards:visit_desk", args=[slug])
    begins = timezone.now().astimezone(clock.business_zone()) + timedelta(days=9)
    data = {
        **visit_values(),
        "fund": fund.pk,
        "day": begins.date().isoformat(),
        "time": "09:30",
        "book_until": (begins.date() - timedelta(days=1)).isoformat(),
    }
    data.pop("starts_at")
    assert client.post(desk, {**data, "day": "2001-01-01"}).status_code == 422
    assert "the holders are told" in client.post(desk, data, follow=True).content.decode()
    visit = Visit.objects.get()
    assert visit.starts_at.astimezone(clock.business_zone()).strftime("%H:%M") == "09:30"
    client.post(reverse("rewards:visit_change", args=[slug, visit.pk]), {**data, "seats": 9})
    visit.refresh_from_db()
    assert visit.seats == 9
    who = people(fund)
    rows = [book(visit, each) for each in who]
    people_page = reverse("rewards:visit_people", args=[slug, visit.pk])
    page = client.get(people_page).content.decode()
    assert who[0].name in page and who[0].user.email not in page
    Visit.objects.update(starts_at=timezone.now() - timedelta(hours=3))
    client.post(people_page, {"do": "present", "present": [rows[0].pk]})
    assert list(Booking.objects.order_by("pk").values_list("state", flat=True)) == ["attended", "absent"]
    stranger = browser(make.make_member(make.make_business()))
    for address in (desk, people_page):
        assert stranger.get(address).status_code == 404
    deliver()
