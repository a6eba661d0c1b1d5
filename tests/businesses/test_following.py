"""Followers: double opt-in, one mail a post and person, a digest a week, an end by one click."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
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
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_counters() -> None:
    cache.clear()


def ask(business: Business, email: str = "ann@example.com", cadence: str = "instant") -> None:
    services.ask_by_email(business, email, cadence=cadence, language="en", at=timezone.now())


def token_of(kind: str, word: str) -> str:
    found = Notice.objects.filter(kind=kind).order_by("-pk").first()
    assert found is not None
    match = re.search(rf"/{word}/([^/\s]+)/", found.text)
    assert match
    return match[1]


def follow(business: Business, email: str = "ann@example.com", cadence: str = "instant") -> Follow:
    ask(business, email, cadence)
    return services.confirm(token_of("follow_confirm", "follow"), at=timezone.now())


def deliver() -> None:
    """Everything the worker does about events, twice: nothing may happen twice."""
    for _time in range(4):
        assert outbox.dispatch()["errors"] == 0


# --- Double opt-in ------------------------------------------------------------------------------------------------


def test_an_address_follows_only_once_its_mail_was_confirmed() -> None:
    business = make.make_business()
    ask(business, "  Ann@Example.com ")
    assert not queries.live().exists()
    row = services.confirm(token_of("follow_confirm", "follow"), at=timezone.now())
    assert (row.email, row.cadence, queries.count(business)) == ("ann@example.com", "instant", 1)
    first = row.confirmed_at
    assert services.confirm(token_of("follow_confirm", "follow"), at=timezone.now()).confirmed_at == first
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


def test_a_closed_account_is_not_written_to() -> None:
    business = make.make_business()
    user = make.make_user(is_active=False)
    services.follow_by_account(business, user, cadence="instant", language="en", at=timezone.now())
    make.make_post(business=business)
    deliver()
    assert not Notice.objects.filter(kind="news_posted").exists()
