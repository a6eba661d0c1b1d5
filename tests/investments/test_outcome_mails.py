"""How an offering ended, told to those who only follow (E10), and what is bought first, told to the holders (E11)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from businesses.following import services as following
from businesses.models import Follow
from investments import events, outcome_mails
from investments.models import Fund, Holding
from investments.orders import services as orders
from microfund.kernel.notices.models import Notice
from tests import make, repay
from tests.investments.test_mails import deliver

pytestmark = pytest.mark.django_db


def follow(fund: Fund, user: Any = None, *, language: str = "en") -> Any:
    user = user or make.make_user(language=language)
    following.follow_by_account(fund.business, user, cadence="weekly", language=language, at=timezone.now())
    return user


def to(kind: str) -> dict[str, Notice]:
    return {row.recipient: row for row in Notice.objects.filter(kind=kind)}


@pytest.mark.parametrize("kind", ["follow_fund_succeeded", "follow_fund_failed"])
def test_followers_hear_it_but_not_those_who_hear_it_as_something_else(kind: str) -> None:
    order = make.make_order(method="card")
    fund = order.fund
    with transaction.atomic():
        orders.mark_paid(order, at=timezone.now())
    Fund.objects.filter(pk=fund.pk).update(units_minimum=1)
    mine, japanese = follow(fund), follow(fund, language="ja")
    follow(fund, order.investor.user)
    follow(fund, make.make_member(fund.business))
    other = make.make_fund()
    follow(other)
    event = {"follow_fund_succeeded": events.FundSucceeded, "follow_fund_failed": events.FundFailed}[kind]
    tell = {"follow_fund_succeeded": outcome_mails.fund_succeeded, "follow_fund_failed": outcome_mails.fund_failed}
    for _twice in range(2):
        tell[kind](event(fund.pk, timezone.now()))
        deliver()
    found = to(kind)
    assert set(found) == {mine.email, japanese.email}
    row = found[mine.email]
    assert fund.name_en in row.subject and "which you follow" in row.text
    assert row.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click" and "/unfollow/" in row.text
    assert "/unfollow/" in row.html and "フォロー" in found[japanese.email].text


def test_a_fund_without_a_minimum_is_no_news_when_it_opens() -> None:
    fund = make.make_fund()
    follow(fund)
    outcome_mails.fund_succeeded(events.FundSucceeded(fund.pk, timezone.now()))
    deliver()
    assert not to("follow_fund_succeeded")


def test_batches_go_on_where_the_one_before_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome_mails, "BATCH", 2)
    fund = make.make_fund()
    users = [follow(fund) for _number in range(5)]
    outcome_mails.fund_failed(events.FundFailed(fund.pk, timezone.now()))
    deliver()
    assert set(to("follow_fund_failed")) == {user.email for user in users}
    Follow.objects.all().delete()


def test_holders_hear_of_a_release_and_what_is_bought_first() -> None:
    fund = repay.operating(3, 1)
    for part, words in (("donation", "of the donations"), ("investment", "of the investments")):
        event = events.FundsReleased(fund.pk, part, 20_000, timezone.now())
        for _twice in range(2):
            outcome_mails.funds_released(event)
            deliver()
        rows = Notice.objects.filter(kind="funds_released", text__contains=words)
        holders = {own.investor.user.email for own in Holding.objects.filter(fund=fund)}
        assert {row.recipient for row in rows} == holders and rows.count() == 2
        first = fund.terms.get().uses[0]
        assert f"What is bought first: {first['en']}." in rows[0].text or first["ja"] in rows[0].text
        assert "20,000" in rows[0].subject
