"""Visits: seats are never given twice, the waiting list moves up in its order, everybody concerned is told once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from investments import letters
from investments.events import HoldingRescinded
from investments.models import Fund, Holding, Investor
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.notices import choices, services
from microfund.site import calendar_feed
from rewards import handlers, visit_views, visits
from rewards.models import Booking, Visit
from rewards.visit_views import calendar_file
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
    monkeypatch.setattr(letters, "BATCH", 1)
    fund = repay.operating(2, 3)
    visit, owner = announced(fund), repay.owner(fund)
    assert len(mails_of("visit_made")) == 2
    for who in people(fund):
        book(visit, who)
    soon = visit.starts_at - timedelta(days=2)
    for _time in range(2):
        visits.remind_due(on=clock.today_in(None, soon), at=soon)
    deliver()
    moved = visit_values(place="The new pier", starts_at=visit.starts_at)
    for found in (moved, {**moved, "text_en": "Boots."}):
        visits.change(visit, values=found, actor=owner, at=timezone.now())
    deliver()
    visits.call_off(visit, reason="A storm is coming.", actor=owner, at=timezone.now())
    for kind, words in (("visit_soon", "The pier"), ("visit_changed", "The new pier"), ("visit_called_off", "A storm")):
        found = mails_of(kind)
        assert len(found) == 2, kind
        check(found[0])
        both_parts_say(found[0], "Raft-side breakfast")
        assert words in found[0].text or kind != "visit_called_off"
    refused("over", lambda: book(visit, people(fund)[1]))


def test_a_visit_that_is_called_off_or_has_begun_stays_as_it_is() -> None:
    fund = repay.operating(1, 1, 1)
    owner, (one, two, three) = repay.owner(fund), people(fund)
    off, held = announced(fund, seats=2), announced(fund, seats=2)
    for visit in (off, held):
        book(visit, one, 2)
        book(visit, two, 1)
    visits.call_off(off, reason="A storm.", actor=owner, at=timezone.now())
    refused("wrong_state", lambda: visits.cancel(one, off.pk, actor=one.user, at=timezone.now()))
    refused("wrong_state", lambda: visits.note_attendance(off, set(), actor=owner, at=off.starts_at))
    assert not mails_of("seats_free")
    client = browser(one.user)
    row = Booking.objects.get(visit=off, holding__investor=one)
    file = client.get(reverse("rewards:visit_ics", args=[row.pk])).content.decode()
    assert "METHOD:CANCEL" in file and "STATUS:CANCELLED" in file and "SEQUENCE:1" in file
    page = client.get(reverse("rewards:visit", args=[fund.business.slug, off.pk])).content.decode()
    assert (
        "A storm." in page
        and "Into my calendar" not in page
        and "Out of my calendar" in page
        and "give the seats back" not in page
    )
    begun = held.starts_at
    Visit.objects.filter(pk=held.pk).update(book_until=clock.today_in(None, begun))
    refused("over", lambda: book(held, three, at=begun))
    visits.note_attendance(held, set(), actor=owner, at=begun)
    refused("over", lambda: book(held, one, 1, at=begun))
    for act in (
        lambda: visits.call_off(held, reason="Late.", actor=owner, at=begun),
        lambda: visits.change(held, values=visit_values(), actor=owner, at=begun),
    ):
        refused("over", act)
    assert Booking.objects.get(visit=held, holding__investor=one).state == "absent"


def test_nobody_passes_the_list_and_no_wish_blocks_it() -> None:
    fund = repay.operating(1, 1, 1)
    one, two, three = people(fund)
    visit = announced(fund, seats=3, most_each=9)
    assert visit.most_each == 3
    book(visit, one, 2)
    book(visit, two, 2)
    refused("seats", lambda: book(visit, one, 3))
    # Fewer for each: the wish that waits is made as small, and fits.
    visits.change(visit, values=visit_values(seats=3, most_each=1), actor=repay.owner(fund), at=timezone.now())
    assert Booking.objects.get(holding__investor=two).state == "booked" and taken(visit) == 3
    # Who may not come now neither moves up nor holds up those behind.
    visits.cancel(two, visit.pk, actor=two.user, at=timezone.now())
    assert book(visit, three).state == "booked"
    assert book(visit, two).state == "waiting"
    Holding.objects.filter(investor=two).update(frozen_at=timezone.now())
    visits.cancel(three, visit.pk, actor=three.user, at=timezone.now())
    assert Booking.objects.get(holding__investor=two).state == "waiting" and taken(visit) == 2
    # It stays in sight all the same, and can be given back.
    page = browser(two.user).get(reverse("rewards:visit", args=[fund.business.slug, visit.pk])).content.decode()
    assert "give the seats back" in page
    for _time in range(2):
        assert visits.cancel(two, visit.pk, actor=two.user, at=timezone.now()).state == "cancelled"


def test_units_that_are_taken_back_and_closed_accounts_give_their_seats_back() -> None:
    fund = repay.operating(2, 2, 2)
    visit = announced(fund, seats=2, minimum_units=2)
    one, two, three = people(fund)
    for who in (one, two):
        book(visit, who, 2)
    book(visit, three)
    Holding.objects.filter(investor=one).update(units=1)
    handlers.seats_of_rescinded(HoldingRescinded(1, one.pk, fund.pk, 1, timezone.now()))
    states = dict(Booking.objects.values_list("holding__investor", "state"))
    assert states == {one.pk: "cancelled", two.pk: "booked", three.pk: "waiting"} and taken(visit) == 2
    assert visits.give_up(two, at=timezone.now(), everything=True) == 1
    assert taken(visit) == 1 and visits.give_up(two, at=timezone.now(), everything=True) == 0


def test_a_visit_that_moves_is_reminded_of_anew() -> None:
    fund = repay.operating(2)
    visit = announced(fund)
    book(visit, people(fund)[0])
    assert visits.remind_due(on=clock.today_in(None, visit.starts_at), at=timezone.now())["reminded"] == 1
    later = visit.starts_at + timedelta(days=60)
    visits.change(visit, values=visit_values(starts_at=later), actor=repay.owner(fund), at=timezone.now())
    assert visits.remind_due(on=clock.today_in(None, later), at=timezone.now())["reminded"] == 1
    assert len(mails_of("visit_soon")) == 2


def test_mails_to_those_who_booked_carry_the_date_and_those_to_others_do_not() -> None:
    fund = repay.operating(1, 1)
    visit = announced(fund, seats=1)
    first, second = people(fund)
    book(visit, first)
    book(visit, second)
    assert [notice.recipient for notice in mails_of("visit_booked")] == [first.user.email]
    check(mails_of("visit_booked")[0])
    visits.call_off(visit, reason="A typhoon.", actor=repay.owner(fund), at=timezone.now())
    deliver()
    mail.outbox.clear()
    services.send_due()
    carried = {
        (message.to[0], message.subject.split(":")[0]): [name for name, _content, _kind in message.attachments]
        for message in mail.outbox
    }
    booked = [names for (to, _subject), names in carried.items() if to == first.user.email and names]
    assert booked == [["tomobune-visit.ics"]] * 2
    assert not any(names for (to, _subject), names in carried.items() if to == second.user.email)
    off = [message for message in mail.outbox if message.to == [first.user.email] and "called off" in message.subject]
    assert "METHOD:CANCEL" in off[0].attachments[0][1]


def test_owners_hear_who_has_booked_that_it_is_soon_and_that_it_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    fund = repay.operating(1, 1)
    visit, owner = announced(fund, seats=1), repay.owner(fund)
    first, second = people(fund)
    book(visit, first)
    book(visit, second)  # waits: nothing to prepare for yet
    (booked,) = mails_of("owner_visit_booked")
    check(booked)
    both_parts_say(booked, "Raft-side breakfast", first.name, "1 of 1")
    assert reverse("rewards:visit_people", args=[fund.business.slug, visit.pk]) in booked.html
    assert booked.recipient == owner.email
    visits.cancel(first, visit.pk, actor=first.user, at=timezone.now())
    assert second.name in mails_of("owner_visit_booked")[1].text
    soon = visit.starts_at - timedelta(days=2)
    for _time in range(2):
        visits.remind_due(on=clock.today_in(None, soon), at=soon)
    moved = visit_values(place="The new pier", starts_at=visit.starts_at, seats=1)
    visits.change(visit, values=moved, actor=owner, at=timezone.now())
    deliver()
    visits.call_off(visit, reason="A storm is coming.", actor=None, at=timezone.now())
    for kind, words in (
        ("owner_visit_soon", "three days"),
        ("owner_visit_changed", "The new pier"),
        ("owner_visit_called_off", "A storm is coming."),
    ):
        (told,) = mails_of(kind)
        check(told)
        assert words in told.text and told.recipient == owner.email
    mail.outbox.clear()
    services.send_due()
    ours = [message for message in mail.outbox if message.to == [owner.email] and message.attachments]
    carried = {message.subject: message.attachments[0][1] for message in ours}
    assert len(ours) == 5
    assert "METHOD:CANCEL" in carried["Called off: Raft-side breakfast"]
    uids = {line for file in carried.values() for line in file.splitlines() if line.startswith("UID:")}
    assert len(uids) == 1, "each version replaces the one before in the owner's calendar"


def test_an_owner_may_do_without_a_mail_for_every_booking() -> None:
    fund = repay.operating(1)
    visit, owner = announced(fund), repay.owner(fund)
    choices.choose(owner, set(), at=timezone.now())
    book(visit, people(fund)[0])
    assert not mails_of("owner_visit_booked") and mails_of("visit_booked")


def test_a_calendar_knows_which_version_is_newer() -> None:
    fund = repay.operating(2)
    visit, owner, who = announced(fund), repay.owner(fund), people(fund)[0]
    row = book(visit, who)
    at = timezone.now()
    visits.change(visit, values=visit_values(text_en="Boots.", starts_at=visit.starts_at), actor=owner, at=at)
    assert b"SEQUENCE:0" in calendar_file(Booking.objects.get(pk=row.pk))
    visits.change(visit, values=visit_values(minutes=120, starts_at=visit.starts_at), actor=owner, at=at)
    file = calendar_file(Booking.objects.get(pk=row.pk)).decode()
    stamp = f"{at.astimezone(UTC):%Y%m%dT%H%M%S}Z"
    assert "SEQUENCE:1" in file and f"LAST-MODIFIED:{stamp}" in file and f"DTSTAMP:{stamp}" in file
    feed = calendar_feed.feed(who.user, at=at).decode()
    assert "SEQUENCE:1" in feed and f"LAST-MODIFIED:{stamp}" in feed


def test_the_nearest_visits_are_shown_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit_views, "SHOWN", 2)
    fund = repay.operating(2)
    for days in (40, 20, 30):
        begins = timezone.now() + timedelta(days=days)
        values = visit_values(
            title_en=f"In {days} days", starts_at=begins, book_until=begins.date() - timedelta(days=3)
        )
        visit = visits.make(fund, values=values, actor=repay.owner(fund), at=timezone.now())
        book(visit, people(fund)[0])
    desk = reverse("rewards:visit_desk", args=[fund.business.slug])
    pages = (
        Client().get(reverse("rewards:visits", args=[fund.business.slug])),
        browser(people(fund)[0].user).get(reverse("rewards:own_visits")),
        browser(repay.owner(fund)).get(desk),
    )
    for answer in pages:
        page = answer.content.decode()
        assert page.index("In 20 days") < page.index("In 30 days") and "In 40 days" not in page


def test_odd_input_is_refused_without_an_error_of_the_server() -> None:
    fund = repay.operating(2)
    client, slug = browser(repay.owner(fund)), fund.business.slug
    desk = reverse("rewards:visit_desk", args=[slug])
    begins = clock.today_in() + timedelta(days=9)
    data = {**visit_values(), "fund": fund.pk, "day": begins.isoformat(), "time": "09:30", "book_until": "0001-01-01"}
    data.pop("starts_at")
    assert client.post(desk, data).status_code == 422
    assert client.post(desk, {**data, "minimum_units": 2**31}).status_code == 422
    visit = announced(fund, place="Zoom: HTTPS://meet.example/secret")
    assert visit.online
    page = reverse("rewards:visit_people", args=[slug, visit.pk])
    for sent in ({"do": "call_off", "reason": "a\x00b"}, {"do": "present", "present": "9" * 5_000}):
        assert client.post(page, sent).status_code == 302
    visit.refresh_from_db()
    assert visit.state == "open"


def rush(visit: Visit, fund: Fund) -> list[str]:
    """Every holder books a seat at the same moment; what each got."""
    who_come = people(fund)
    start, told = threading.Barrier(len(who_come)), []

    def run(who: Investor) -> None:
        try:
            start.wait()
            told.append(book(visit, who).state)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(who,)) for who in who_come]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(told)


@pytest.mark.django_db(transaction=True)
def test_the_last_seats_go_to_as_many_as_there_are() -> None:
    fund = repay.operating(*[1] * 6)
    visit = announced(fund, seats=2)
    assert rush(visit, fund) == ["booked"] * 2 + ["waiting"] * 4
    assert taken(visit) == 2


@pytest.mark.django_db(transaction=True)
def test_without_the_visits_lock_a_seat_is_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: every rival has read the visit before one of them writes it."""
    together, lock_one = threading.Barrier(3, timeout=20), visits.locks.lock_one

    def unlocked(model: Any, pk: int) -> Any:
        if model is not Visit:
            return lock_one(model, pk)
        row = Visit.objects.get(pk=pk)
        together.wait()
        return row

    fund = repay.operating(*[1] * 3)
    visit = announced(fund, seats=1)
    monkeypatch.setattr(visits, "_waiting", lambda _visit: Booking.objects.none())
    monkeypatch.setattr(visits.locks, "lock_one", unlocked)
    assert rush(visit, fund).count("booked") > 1


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
    assert "METHOD:PUBLISH" in file and "SEQUENCE:0" in file
    assert browser(two.user).get(reverse("rewards:visit_ics", args=[row.pk])).status_code == 404
    assert "Raft-side breakfast" in client.get(reverse("rewards:own_visits")).content.decode()
    # The link of an online meeting is for those who have booked.
    Visit.objects.update(place="https://meet.example/secret")
    assert "meet.example" in client.get(here).content.decode()
    for other in (Client(), browser(two.user)):
        assert "meet.example" not in other.get(here).content.decode()
    assert "meet.example" not in Client().get(reverse("rewards:visits", args=[slug])).content.decode()
    # Once it is called off, nobody is led there any more.
    Visit.objects.update(state="cancelled", reason="A storm.")
    for page in (here, reverse("rewards:own_visits")):
        shown = client.get(page).content.decode()
        assert "A storm." in shown and "meet.example" not in shown and "Booked" not in shown
    Visit.objects.update(state="open")
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
