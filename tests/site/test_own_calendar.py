"""The private calendar: who knows the address reads dates, nobody else reads anything, and no name stands in it."""

import re
from collections.abc import Iterator
from datetime import UTC, date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from icalendar import Calendar

from investments.investors import calendar as addresses
from investments.models import CalendarAddress, Fund, Holding, Order, Period
from investments.payments import services
from investments.revenue.services import period_rows
from microfund.kernel import clock
from microfund.kernel.audit.models import AuditRow
from microfund.site.calendar_feed import feed
from tests import make
from tests.copies import copy_fund, copy_holding, counted_queries

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


def browser_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def made(user: Any) -> str:
    """The path of a fresh feed of this user."""
    return reverse("calendar_feed", args=[addresses.make_address(user, at=timezone.now()).token])


def read(path: str) -> Calendar:
    answer = Client().get(path)
    assert answer.status_code == 200, answer.status_code
    return Calendar.from_ical(answer.content)


def events_of(calendar: Calendar) -> dict[str, Any]:
    """Events by what stands before the @ of their UID."""
    found = {str(event["uid"]).partition("@")[0]: event for event in calendar.walk("VEVENT")}
    assert len(found) == len(calendar.walk("VEVENT")), "two events with one UID"
    return found


def hold(many: int = 2) -> Order:
    """An unpaid order of an investor who has `many` holdings besides, half of them in their term."""
    order = make.make_order()
    copy_fund(order.fund_id, first=1, last=many)
    copy_holding(order.pk, first=1, last=many, today=clock.today_in())
    return order


# --- The address --------------------------------------------------------------------------------------------------


def test_the_address_is_made_shown_reset_and_turned_off_on_the_page() -> None:
    user = make.make_investor().user
    client = browser_of(user)
    empty = client.get(reverse("calendar")).content.decode()
    assert "Make my address" in empty and ".ics" not in empty
    act = reverse("calendar_address")
    assert "Your calendar has an address now." in client.post(act, {"act": "make"}, follow=True).content.decode()
    page = client.get(reverse("calendar")).content.decode()
    (first,) = set(re.findall(r"/me/calendar/([\w-]+)\.ics", page))
    assert f'value="http://testserver/me/calendar/{first}.ics"' in page
    assert f'href="webcal://testserver/me/calendar/{first}.ics"' in page
    assert len(first) >= 43, "256 bits"
    assert Client().get(reverse("calendar_feed", args=[first])).status_code == 200
    answer = client.post(act, {"act": "make"}, follow=True).content.decode()
    assert "The old one leads nowhere any more." in answer and first not in answer
    assert Client().get(reverse("calendar_feed", args=[first])).status_code == 404
    second = CalendarAddress.objects.get().token
    assert Client().get(reverse("calendar_feed", args=[second])).status_code == 200
    assert "turned off" in client.post(act, {"act": "drop"}, follow=True).content.decode()
    assert Client().get(reverse("calendar_feed", args=[second])).status_code == 404
    assert client.post(act, {"act": "drop"}).status_code == 302 and not CalendarAddress.objects.exists()
    rows = AuditRow.objects.filter(object_type="investments.CalendarAddress").order_by("pk")
    assert [row.action.rpartition(".")[2] for row in rows] == ["made", "reset", "dropped"]
    assert not [row for row in rows if first in str(row.changes) or second in str(row.changes)]


def test_the_database_holds_no_token_that_could_be_used() -> None:
    from django.db import connection

    path = made(make.make_user())
    token = path.rpartition("/")[2].removesuffix(".ics")
    with connection.cursor() as cursor:
        cursor.execute("SELECT token, token_hash FROM investments_calendaraddress")
        stored = " ".join(cursor.fetchone())
    assert token not in stored and addresses.find(stored.split()[1]) is None


def test_two_people_have_two_addresses_and_each_reads_their_own() -> None:
    order = hold(1)
    other = make.make_investor().user
    mine, theirs = made(order.investor.user), made(other)
    assert mine != theirs
    assert events_of(read(mine)) and not events_of(read(theirs))


@pytest.mark.parametrize("token", ["x", "A" * 43, "A" * 65, "A" * 5_000, "%00", "é" * 43, "..%2F..%2Fetc", "'--"])
def test_an_unknown_address_is_not_found(token: str) -> None:
    made(make.make_user())
    assert Client().get(f"/me/calendar/{token}.ics").status_code == 404


def test_the_feed_of_a_closed_account_is_gone() -> None:
    user = make.make_user()
    path = made(user)
    user.is_active = False
    user.save()
    assert Client().get(path).status_code == 404


def test_the_buttons_need_a_login_a_post_and_the_token_of_their_form() -> None:
    act = reverse("calendar_address")
    assert Client().post(act, {"act": "make"})["Location"].startswith(reverse("account_login"))
    user = make.make_user()
    assert browser_of(user).get(act).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    assert strict.post(act, {"act": "make"}).status_code == 403
    assert browser_of(user).post(act, {"act": "<script>"}).status_code == 302
    assert not CalendarAddress.objects.exists()


def test_the_feed_is_kept_private_and_out_of_search_engines_and_only_read() -> None:
    path = made(make.make_user())
    answer = Client().get(path)
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert "private" in answer["Cache-Control"] and "public" not in answer["Cache-Control"]
    assert "noindex" in answer["X-Robots-Tag"]
    assert not answer.cookies
    assert Client().post(path).status_code == 405 and Client().head(path).status_code == 200


# --- What stands in it --------------------------------------------------------------------------------------------


def test_every_report_and_payment_of_every_term_stands_in_it_with_the_planned_days() -> None:
    order = hold(2)
    found = events_of(read(made(order.investor.user)))
    waiting = Fund.objects.select_related("policy").get(slug="copy-1")
    planned = period_rows(waiting, waiting.terms.get(), waiting.policy)
    running = list(Period.objects.filter(fund__slug="copy-2").order_by("number"))
    for reference, fund, periods in (
        ("H-COPY1", waiting, planned),
        ("H-COPY2", Fund.objects.get(slug="copy-2"), running),
    ):
        assert found[f"{reference}-term"].decoded("dtstart") == fund.term_starts_on
        assert len(periods) == 10
        for period in periods:
            assert found[f"{reference}-report-{period.number}"].decoded("dtstart") == period.report_due_on
            payment = found[f"{reference}-payment-{period.number}"]
            assert payment.decoded("dtstart") == period.payment_due_on
            assert payment.decoded("dtend") == period.payment_due_on + timedelta(days=1)
    assert len([key for key in found if key.startswith("H-")]) == 42
    assert "period 3" in str(found["H-COPY1-report-3"]["summary"])
    assert str(found["H-COPY1-term"]["url"]).endswith(reverse("holding", args=["H-COPY1"]))


def test_a_transfer_and_the_end_of_cooling_off_stand_in_it_while_they_matter() -> None:
    order = make.make_order()
    attempt = services.start_payment(order, at=timezone.now())
    path = made(order.investor.user)
    key = f"{order.reference}-payment-{attempt.pk}"
    event = events_of(read(path))[key]
    assert event.decoded("dtstart") == clock.today_in(None, attempt.pay_by - timedelta(seconds=1))
    assert "¥10,500" in str(event["summary"])
    ends = clock.start_of_day(clock.today_in() + timedelta(days=8))
    Order.objects.filter(pk=order.pk).update(state="paid", paid_at=timezone.now(), cooling_off_ends_at=ends)
    calendar = read(path)
    found = events_of(calendar)
    assert set(found) == {f"{order.reference}-cooling-off"}
    start = found[f"{order.reference}-cooling-off"]["dtstart"]
    assert start.params["TZID"] == "Asia/Tokyo"
    assert start.dt.astimezone(UTC) == ends - timedelta(minutes=1) and (start.dt.hour, start.dt.minute) == (23, 59)
    Order.objects.filter(pk=order.pk).update(cooling_off_ends_at=timezone.now() - timedelta(seconds=1))
    assert not events_of(read(path))


def test_the_zone_stands_in_it_and_uids_and_bytes_stay_the_same() -> None:
    order = hold(1)
    path = made(order.investor.user)
    first, second = Client().get(path).content, Client().get(path).content
    assert first == second
    calendar = Calendar.from_ical(first)
    (zone,) = calendar.walk("VTIMEZONE")
    assert str(zone["tzid"]) == "Asia/Tokyo"
    assert (str(calendar["version"]), str(calendar["method"])) == ("2.0", "PUBLISH") and calendar["prodid"]
    before = set(events_of(calendar))
    Fund.objects.filter(slug="copy-1").update(term_starts_on=date(2030, 2, 1))
    assert set(events_of(read(path))) == before, "a date that is computed again is the same event"
    assert all(line in (b"",) or len(line) <= 75 for line in first.split(b"\r\n"))
    assert all("dtstamp" in event for event in calendar.walk("VEVENT"))


def test_no_person_stands_in_it() -> None:
    order = hold(1)
    services.start_payment(order, at=timezone.now())
    investor = order.investor
    text = Calendar.from_ical(feed(investor.user, at=timezone.now())).to_ical().decode()
    unfolded = text.replace("\r\n ", "")
    business = order.fund.business
    for name in (investor.name, investor.name_kana, investor.user.email, business.owner_name_en, order.payer_code):
        assert name not in unfolded
    assert business.name_en in unfolded


def test_it_is_in_the_language_of_the_account() -> None:
    order = hold(1)
    user = order.investor.user
    user.language = "ja"
    user.save()
    path = made(user)
    assert path.startswith("/me/")
    answer = Client(HTTP_ACCEPT_LANGUAGE="en").get(path)
    text = answer.content.decode().replace("\r\n ", "")
    assert "売上報告の期限" in text and "日の出" in text and "/ja/me/holdings/" in text and "Sales report" not in text
    assert answer["Content-Language"] == "ja"
    assert translation.get_language() == "en"


def test_hostile_words_in_a_name_make_no_event_of_their_own() -> None:
    order = hold(1)
    evil = "Oysters\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:evil"
    Holding.objects.get().fund.business.__class__.objects.filter(slug="copy-1").update(name_en=evil)
    found = events_of(read(made(order.investor.user)))
    assert not [key for key in found if "evil" in key] and len(found) >= 21


def test_a_holding_without_units_has_no_dates() -> None:
    order = hold(1)
    assert events_of(read(made(order.investor.user)))
    Holding.objects.update(units=0)
    assert not [key for key in events_of(read(made(order.investor.user))) if key.startswith("H-")]


def test_as_many_queries_for_sixty_holdings_as_for_three() -> None:
    order = hold(3)
    user = order.investor.user
    feed(user, at=timezone.now())
    counts = []
    for last in (3, 60):
        if last > 3:
            copy_fund(order.fund_id, first=4, last=last)
            copy_holding(order.pk, first=4, last=last, today=clock.today_in())
        with counted_queries() as statements:
            feed(user, at=timezone.now())
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 7
