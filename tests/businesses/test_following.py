"""Followers: double opt-in, one mail a post and person, a digest a week, an end by one click."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail, signing
from django.core.cache import cache
from django.utils import timezone

from businesses.following import mails, queries, services
from businesses.models import Business, Follow
from businesses.news import services as news
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.notices import services as notices
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox import services as outbox
from microfund.site.follow_pages import ASKED_AN_HOUR
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_counters() -> None:
    cache.clear()


def ask(business: Business, email: str = "ann@example.com", cadence: str = "instant") -> None:
    services.ask_by_email([business], email, cadence=cadence, language="en", at=timezone.now())


def token_of(kind: str, word: str) -> str:
    found = Notice.objects.filter(kind=kind).order_by("-pk").first()
    assert found is not None
    match = re.search(rf"/{word}/([^/\s]+)/", found.text)
    assert match
    return match[1]


def follow(business: Business, email: str = "ann@example.com", cadence: str = "instant") -> Follow:
    ask(business, email, cadence)
    return services.confirm(token_of("follow_confirm", "follow"), at=timezone.now())[0]


def deliver() -> None:
    """Everything the worker does about events, twice: nothing may happen twice."""
    for _time in range(4):
        assert outbox.dispatch()["errors"] == 0


# --- Double opt-in ------------------------------------------------------------------------------------------------


def test_an_address_follows_only_once_its_mail_was_confirmed() -> None:
    business = make.make_business()
    ask(business, "  Ann@Example.com ")
    assert not queries.live().exists()
    (row,) = services.confirm(token_of("follow_confirm", "follow"), at=timezone.now())
    assert (row.email, row.cadence, queries.count(business)) == ("ann@example.com", "instant", 1)
    first = row.confirmed_at
    assert services.confirm(token_of("follow_confirm", "follow"), at=timezone.now())[0].confirmed_at == first
    assert Follow.objects.count() == 1


def test_a_link_that_is_old_forged_or_of_another_kind_confirms_nothing(monkeypatch: Any) -> None:
    business = make.make_business()
    ask(business)
    token = token_of("follow_confirm", "follow")
    ended = mails.token_to_end(Follow.objects.get())
    for wrong in (token[:-1] + ("a" if token[-1] != "a" else "b"), "x", "", ended):
        with pytest.raises(DomainError):
            services.confirm(wrong, at=timezone.now())
    monkeypatch.setattr(services, "CONFIRM_WITHIN", timedelta(seconds=-1))
    with pytest.raises(DomainError):
        services.confirm(token, at=timezone.now())
    assert not queries.live().exists()


def test_one_address_gets_three_such_mails_a_day_whoever_asks() -> None:
    for _time in range(6):
        ask(make.make_business(), "ann@example.com")
    ask(make.make_business(), "ben@example.com")
    assert Notice.objects.filter(recipient="ann@example.com").count() == services.MAILS_A_DAY
    assert Notice.objects.filter(recipient="ben@example.com").count() == 1


def test_somebody_who_follows_already_gets_the_same_mail_and_may_change_how_often() -> None:
    business = make.make_business()
    follow(business)
    Notice.objects.update(key="earlier")
    row = follow(business, cadence="weekly")
    assert row.cadence == "weekly" and Follow.objects.count() == 1
    assert Notice.objects.filter(kind="follow_confirm").count() == 2


def test_addresses_that_were_never_confirmed_and_old_ends_are_forgotten() -> None:
    business = make.make_business()
    ask(business)
    kept = follow(business, "kept@example.com")
    ended = follow(business, "ended@example.com")
    services.end(ended, at=timezone.now())
    week = timezone.now() + timedelta(days=8)
    assert services.forget_due(on=week.date(), at=week) == {"unconfirmed": 1, "ended": 0}
    later = timezone.now() + timedelta(days=91)
    assert services.forget_due(on=later.date(), at=later) == {"unconfirmed": 0, "ended": 1}
    assert list(Follow.objects.all()) == [kept]


# --- E12 ----------------------------------------------------------------------------------------------------------


def test_each_person_gets_one_mail_a_post_however_often_anything_runs(monkeypatch: Any) -> None:
    monkeypatch.setattr(mails, "BATCH", 2)
    business = make.make_business()
    user = make.make_user(email="both@example.com")
    services.follow_by_account(business, user, cadence="instant", language="ja", at=timezone.now())
    for number in range(5):
        follow(business, f"p{number}@example.com")
    follow(business, "both@example.com")
    follow(business, "weekly@example.com", cadence="weekly")
    ask(business, "unconfirmed@example.com")
    follow(make.make_business(), "other@example.com")
    stopped = follow(business, "stopped@example.com")
    services.end(stopped, at=timezone.now())
    post = make.make_post(business=business)
    deliver()
    mails.news_mail_batch(mails.NewsMailBatch(post.pk, 0, timezone.now()))
    got = sorted(Notice.objects.filter(kind="news_posted").values_list("recipient", flat=True))
    assert got == ["both@example.com", *(f"p{number}@example.com" for number in range(5))]


def test_the_mail_is_in_the_readers_language_and_can_be_stopped_by_one_click() -> None:
    business = make.make_business()
    user = make.make_user()
    services.follow_by_account(business, user, cadence="instant", language="ja", at=timezone.now())
    post = make.make_post(business=business, title="筏が戻りました", language="ja")
    deliver()
    notices.send_due()
    sent = next(message for message in mail.outbox if message.to == [user.email])
    assert "筏が戻りました" in sent.subject and business.name_ja in sent.subject
    address = sent.extra_headers["List-Unsubscribe"].strip("<>")
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert address in sent.body and f"/ja/businesses/{business.slug}/news/{post.pk}-news/" in sent.body
    raw = sent.message().as_bytes()
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in raw


def test_a_mail_about_news_for_supporters_holds_its_beginning_only() -> None:
    business = make.make_business()
    follow(business)
    make.make_post(business=business, visibility="supporters", source="We begin. " * 5 + "The secret is a new boat.")
    deliver()
    notice = Notice.objects.get(kind="news_posted")
    assert "secret" not in notice.text + notice.html and "We begin" in notice.text
    assert "for supporters" in notice.text


def test_hostile_titles_stay_text_in_the_mail() -> None:
    business = make.make_business()
    follow(business)
    make.make_post(business=business, title='<script>alert("1")</script> & Bcc: x@example.com')
    deliver()
    notice = Notice.objects.get(kind="news_posted")
    assert "<script>" not in notice.html and "&lt;script&gt;" in notice.html
    assert "\n" not in notice.subject and '<script>alert("1")</script> &' in notice.subject


def test_a_post_that_was_withdrawn_meanwhile_is_not_mailed() -> None:
    business = make.make_business()
    follow(business)
    post = make.make_post(business=business)
    news.withdraw(post, actor=post.author, at=timezone.now(), reason="A mistake")
    deliver()
    assert not Notice.objects.filter(kind="news_posted").exists()


def test_the_digest_holds_last_weeks_news_once() -> None:
    monday = clock.today_in() - timedelta(days=clock.today_in().weekday())
    business, silent = make.make_business(), make.make_business()
    follow(business, "weekly@example.com", cadence="weekly")
    follow(business, "instant@example.com")
    follow(silent, "silent@example.com", cadence="weekly")
    within = clock.start_of_day(monday) - timedelta(hours=1)
    make.make_post(business=business, title="On Sunday", at=within)
    make.make_post(business=business, title="Before", at=within - timedelta(days=7))
    make.make_post(business=business, title="On Monday", at=within + timedelta(hours=2))
    at = clock.start_of_day(monday) + timedelta(hours=9)
    assert mails.digest_due(on=monday, at=at) == {"weeks": 1}
    for day in range(7):
        on = monday + timedelta(days=day)
        assert mails.digest_due(on=on, at=at + timedelta(days=day)) == {"weeks": 0}
    deliver()
    (notice,) = Notice.objects.filter(kind="news_digest")
    assert notice.recipient == "weekly@example.com" and "On Sunday" in notice.text
    assert "Before" not in notice.text and "On Monday" not in notice.text
    assert "List-Unsubscribe" in notice.headers


def test_one_confirmation_makes_an_address_follow_all_that_it_asked_for_and_nothing_else() -> None:
    three = [make.make_business() for _number in range(3)]
    services.ask_by_email(three[:2], "ann@example.com", cadence="weekly", language="ja", at=timezone.now())
    token = token_of("follow_confirm", "follow")
    ask(three[2])
    (notice, _other) = Notice.objects.filter(kind="follow_confirm").order_by("pk")
    assert all(business.name_ja in notice.text for business in three[:2])
    rows = services.confirm(token, at=timezone.now())
    assert {row.business for row in rows} == set(three[:2]) == {row.business for row in queries.live()}
    assert {(row.cadence, row.language) for row in rows} == {("weekly", "ja")}


def test_a_link_of_an_earlier_release_confirms_its_one_business() -> None:
    business = make.make_business()
    services.ask_by_email(
        [business, make.make_business()], "ann@example.com", cadence="weekly", language="en", at=timezone.now()
    )
    row = Follow.objects.get(business=business)
    token = signing.dumps([row.key.hex, "instant", "ja"], salt=services._CONFIRM)
    assert services.confirm(token, at=timezone.now()) == [row]


def monday_news(*businesses: Business) -> Any:
    """A post of each in the week before this Monday, and the sweep that begins the digest."""
    monday = clock.today_in() - timedelta(days=clock.today_in().weekday())
    for business in businesses:
        make.make_post(
            business=business, title=f"At {business.name_en}", at=clock.start_of_day(monday) - timedelta(hours=1)
        )
    return mails.digest_due(on=monday, at=clock.start_of_day(monday) + timedelta(hours=9))


def test_the_digest_is_one_mail_a_person_whatever_they_follow(monkeypatch: Any) -> None:
    monkeypatch.setattr(mails, "BATCH", 2)
    one, two = make.make_business(name_en="Raft One"), make.make_business(name_en="Raft Two")
    user = make.make_user(email="both@example.com")
    services.follow_by_account(two, user, cadence="weekly", language="en", at=timezone.now())
    for email in ("a@example.com", "b@example.com", "c@example.com", "both@example.com"):
        for business in (one, two):
            follow(business, email, cadence="weekly")
            cache.clear()
    follow(two, "single@example.com", cadence="weekly")
    monday_news(one, two)
    deliver()
    mails.news_digest_batch(
        mails.NewsDigestBatch(
            (clock.today_in() - timedelta(days=clock.today_in().weekday())).isoformat(), 0, timezone.now()
        )
    )
    notices_of = Notice.objects.filter(kind="news_digest").order_by("recipient")
    assert [notice.recipient for notice in notices_of] == [
        *(f"{name}@example.com" for name in ("a", "b", "both", "c", "single"))
    ]
    for notice in notices_of:
        alone = notice.recipient == "single@example.com"
        assert ("At Raft One" in notice.text, notice.text.count("At Raft Two")) == (not alone, 1)
        assert ("others (2 businesses)" in notice.subject) is not alone


def test_one_click_in_a_digest_stops_all_weekly_mails_and_no_other(client: Any) -> None:
    one, two, third = (make.make_business() for _number in range(3))
    for business in (one, two):
        follow(business, cadence="weekly")
    cache.clear()
    follow(third)
    monday_news(one, two)
    deliver()
    address = Notice.objects.get(kind="news_digest").headers["List-Unsubscribe"].strip("<>")
    path = address[address.index("/unfollow/") :]
    page = client.get(path).content.decode()
    assert one.name_en in page and two.name_en in page and third.name_en not in page
    assert client.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert [row.business for row in queries.live()] == [third]
    assert "You get no more" in client.get(path).content.decode()


# --- All that an address follows ----------------------------------------------------------------------------------


def test_the_link_of_a_mail_leads_to_all_that_the_address_follows_and_to_nobody_elses(client: Any) -> None:
    one, two = make.make_business(), make.make_business()
    first, second = follow(one), follow(two, cadence="weekly")
    other = follow(two, "ben@example.com")
    make.make_post(business=one)
    deliver()
    path = f"/following/{token_of('news_posted', 'following')}/"
    answer = client.get(path)
    page = answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"] and 'content="noindex"' in page
    assert one.name_en in page and two.name_en in page
    assert "a…@example.com" in page and "ann@example.com" not in page
    assert (
        client.post(path, {str(first.pk): "weekly", str(second.pk): "none", str(other.pk): "none"}).status_code == 302
    )
    assert {(row.pk, row.cadence) for row in queries.live()} == {(first.pk, "weekly"), (other.pk, "instant")}
    refused = client.post(path, {str(first.pk): "hourly"})
    assert refused.status_code == 200 and "Error:" in refused.content.decode()
    client.post(path, {"do": "stop"})
    assert list(queries.live()) == [other]
    assert "follows no business" in client.get(path).content.decode()


def test_a_link_to_all_that_is_forged_of_another_kind_or_of_an_account_opens_nothing(client: Any) -> None:
    business = make.make_business()
    row = follow(business)
    by_account = services.follow_by_account(
        business, make.make_user(), cadence="weekly", language="en", at=timezone.now()
    )
    token = mails.token_to_manage(row)
    for wrong in (
        f"{token[:-1]}{'a' if token[-1] != 'a' else 'b'}",
        mails.token_to_end(row),
        "x",
        mails.token_to_manage(by_account),
    ):
        assert client.get(f"/following/{wrong}/").status_code == 404
        assert client.post(f"/following/{wrong}/", {"do": "stop"}).status_code == 404
    assert client.get(f"/unfollow/{token}/").status_code == 404
    assert queries.live().count() == 2


def test_several_are_followed_by_one_form_and_a_bad_one_says_what_is_wrong(client: Any) -> None:
    businesses = [make.make_business(state="published") for _number in range(3)]
    hidden = make.make_business(state="draft")
    page = client.get(f"/follow/?business={businesses[1].slug}").content.decode()
    assert page.count("checked") == 2 and hidden.name_en not in page  # the business, and how often
    data = {"businesses": [businesses[0].slug, businesses[2].slug], "email": "ann@example.com", "cadence": "weekly"}
    assert client.post("/follow/", data).headers["Location"] == "/follow/asked/"
    assert client.get("/follow/asked/").status_code == 200
    services.confirm(token_of("follow_confirm", "follow"), at=timezone.now())
    assert {row.business for row in queries.live()} == {businesses[0], businesses[2]}
    assert "Choose at least one business." in client.post("/follow/", {**data, "businesses": []}).content.decode()
    assert client.get("/follow/?business=%00&q=%00").status_code == 200
    for wrong in ({"businesses": [hidden.slug]}, {"businesses": ["\0"]}, {"email": "ann"}, {"cadence": "daily"}):
        answer = client.post("/follow/", {**data, **wrong})
        assert answer.status_code == 200 and "Error:" in answer.content.decode()
    user = make.make_user()
    client.force_login(user)
    client.post("/follow/", {"businesses": [business.slug for business in businesses], "cadence": "instant"})
    assert queries.followed_by(user).count() == 3


def test_who_asks_for_too_much_is_slowed_down(client: Any) -> None:
    business = make.make_business(state="published")
    for number in range(ASKED_AN_HOUR):
        data = {"businesses": [business.slug], "email": f"p{number}@example.com", "cadence": "weekly"}
        assert client.post("/follow/", data).status_code == 302
    assert client.post("/follow/", {**data, "email": "more@example.com"}).status_code == 429
    one = {"email": "more@example.com", "cadence": "weekly"}
    assert client.post(f"/businesses/{business.slug}/follow/", one).status_code == 429
    assert not Follow.objects.filter(email="more@example.com").exists()


def test_a_page_offers_as_many_as_it_can_hold_and_looks_for_the_others(client: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(services, "MOST_AT_ONCE", 2)
    for name in ("Alpha", "Beta", "Gamma"):
        make.make_business(state="published", name_en=name)
    page = client.get("/follow/").content.decode()
    assert "Alpha" in page and "Gamma" not in page and "There are more businesses" in page
    assert "Gamma" in client.get("/follow/?q=gamma&business=x").content.decode()


def test_a_closed_account_is_not_written_to() -> None:
    business = make.make_business()
    user = make.make_user(is_active=False)
    services.follow_by_account(business, user, cadence="instant", language="en", at=timezone.now())
    make.make_post(business=business)
    deliver()
    assert not Notice.objects.filter(kind="news_posted").exists()
