"""The waiting list of a fund: places in the order of asking, one person told for each unit that is free."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from investments.models import Fund, Order, WaitingEntry
from investments.offerings import waiting
from investments.payments import services as payments
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from tests import make
from tests.investments.test_mails import both_parts_say, check, mails_of

pytestmark = pytest.mark.django_db


def sold_out(units: int = 3) -> tuple[Fund, Order]:
    fund = make.make_fund(units_offered=units)
    order = make.make_order(fund=fund, units=units, method="card")
    fund.counter.refresh_from_db()
    assert fund.counter.available == 0
    return fund, order


def free(fund: Fund, units: int) -> None:
    fund.counter.__class__.objects.filter(pk=fund.pk).update(reserved=fund.counter.offered - units)


def tell(at: Any = None) -> int:
    at = at or timezone.now()
    counts = waiting.tell_due(on=clock.today_in(None, at), at=at)
    assert counts["errors"] == 0
    return counts["told"]


def test_people_are_told_in_order_one_for_each_free_unit_and_the_next_a_day_later() -> None:
    fund, _order = sold_out()
    users = [make.make_user() for _number in range(4)]
    at = timezone.now()
    for user in users:
        waiting.join(user, fund, at=at)
    first = waiting.join(users[0], fund, at=at + timedelta(hours=1))
    assert first.asked_at == at and waiting.before(waiting.entry_of(users[2], fund)) == 2  # type: ignore[arg-type]
    assert tell() == 0
    free(fund, 2)
    assert [tell(), tell()] == [2, 0]
    told = mails_of("units_free")
    assert {notice.recipient for notice in told} == {users[0].email, users[1].email}
    check(told[0])
    both_parts_say(told[0], "some are free again")
    # Who was told and has ordered does not keep the next one waiting.
    order = make.make_order(fund=fund, units=1, method="card", investor=make.make_investor(user=users[0]))
    assert order.applied_at >= waiting.entry_of(users[0], fund).told_at  # type: ignore[union-attr,operator]
    free(fund, 2)
    assert tell() == 1
    assert tell(at + timedelta(hours=25)) == 1
    assert len(mails_of("units_free")) == 4 and tell(at + timedelta(hours=60)) == 0


def test_a_cancelled_order_is_what_they_wait_for() -> None:
    fund, order = sold_out()
    user = make.make_user()
    waiting.join(user, fund, at=timezone.now())
    payments.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    assert tell() == 1


def test_nobody_waits_for_what_can_be_bought_or_is_over() -> None:
    fund = make.make_fund()
    user = make.make_user()
    with pytest.raises(DomainError) as error:
        waiting.join(user, fund, at=timezone.now())
    assert error.value.code == "units_free"
    with pytest.raises(DomainError) as error:
        waiting.join(user, fund, at=fund.counter.closes_at)
    assert error.value.code == "not_open"
    over, _order = sold_out()
    waiting.join(user, over, at=timezone.now())
    Fund.objects.filter(pk=over.pk).update(state="closed")
    tell()
    assert not WaitingEntry.objects.exists()


def test_join_and_leave_in_the_browser() -> None:
    fund, _order = sold_out()
    here = reverse("investments:waiting", args=[fund.slug])
    page = Client().get(reverse("businesses:detail", args=[fund.business.slug])).content.decode()
    assert here in page and "Join the waiting list" in page
    assert Client().post(here, {"do": "join"}).status_code == 302 and not WaitingEntry.objects.exists()
    client = Client()
    client.force_login(make.make_user())
    for _time in range(2):
        page = client.post(here, {"do": "join"}, follow=True).content.decode()
        assert "You are on the list" in page and "Nobody waits before you" in page
    assert WaitingEntry.objects.count() == 1
    # Who was told can ask again once the units are gone.
    WaitingEntry.objects.update(told_at=timezone.now())
    assert "and we told you" in client.get(here).content.decode()
    client.post(here, {"do": "join"})
    assert WaitingEntry.objects.get().told_at is None
    assert "You are off the list." in client.post(here, {"do": "leave"}, follow=True).content.decode()
    assert not WaitingEntry.objects.exists()
    free(fund, 1)
    page = client.post(here, {"do": "join"}, follow=True).content.decode()
    assert "you can order now" in page and not WaitingEntry.objects.exists()
