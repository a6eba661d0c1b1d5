"""What waits for a person, each with its last day; and nothing that does not."""

import io
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from investments.banking import services as banking
from investments.investors import documents, identity
from investments.models import Investor, Order, PaymentAttempt, Refund
from investments.orders import services as orders
from investments.payments import services
from microfund.kernel import clock
from microfund.site.own_todo import Todo, todos
from tests import make
from tests.businesses.hostile_files import jpeg
from tests.copies import counted_queries
from tests.investments.banking.files import csv_file

pytestmark = pytest.mark.django_db

APPLIED = make.at_noon(date(2026, 7, 1))  # a Wednesday; five bank days later is 8 July
NEXT_DAY = make.at_noon(date(2026, 7, 2))
LAST_DAY = date(2026, 7, 8)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


def one(investor: Investor, at: datetime) -> Todo:
    found = todos(investor, at=at)
    assert len(found) == 1, [todo.text for todo in found]
    return found[0]


def order_of(investor: Investor, **values: Any) -> Order:
    return make.make_order(investor=investor, fund=make.make_fund(on=APPLIED.date()), at=APPLIED, **values)


def paid(order: Order) -> Order:
    """The order, paid by a transfer the next day."""
    services.start_payment(order, at=APPLIED)
    row = {"date": "2026-07-02", "amount": order.total, "payer_code": order.payer_code}
    banking.import_statement(content=csv_file(row), name="s", actor=None, at=NEXT_DAY)
    order.refresh_from_db()
    assert order.state == "paid"
    return order


def test_a_transfer_waits_until_the_last_bank_day_and_no_longer() -> None:
    investor = make.make_investor(at=APPLIED)
    order = order_of(investor, units=2)
    services.start_payment(order, at=APPLIED)
    todo = one(investor, NEXT_DAY)
    name = order.fund.business.name_en
    assert todo.text == f"Transfer ¥21,000 for {name} (order {order.reference})."
    assert (todo.on, todo.must) == (LAST_DAY, True)
    assert todo.href == reverse("investments:transfer", args=[order.reference])
    attempt = order.attempts.get()
    assert todos(investor, at=attempt.pay_by - timedelta(microseconds=1))
    assert not todos(investor, at=attempt.pay_by)


def test_a_reservation_says_until_what_time_it_can_be_paid() -> None:
    investor = make.make_investor(at=APPLIED)
    order = order_of(investor, method="card")
    todo = one(investor, APPLIED)
    assert "until 12:35, Japan time" in todo.text and todo.on == APPLIED.date()
    assert todo.href == reverse("order", args=[order.reference])
    assert not todos(investor, at=APPLIED + timedelta(minutes=36))


def test_a_payment_that_is_under_way_waits_for_the_provider_and_a_slip_for_the_payer() -> None:
    investor = make.make_investor(at=APPLIED)
    order = order_of(investor, method="card")
    attempt = PaymentAttempt.objects.create(
        order=order, method="card", state="processing", amount=order.total, currency="JPY", created_at=APPLIED
    )
    assert not todos(investor, at=APPLIED)
    Order.objects.filter(pk=order.pk).update(method="konbini")
    PaymentAttempt.objects.filter(pk=attempt.pk).update(pay_by=clock.start_of_day(date(2026, 7, 4)))
    todo = one(investor, APPLIED)
    assert "at the convenience store" in todo.text and todo.on == date(2026, 7, 3)


def test_a_paid_order_can_be_cancelled_until_the_last_day_of_cooling_off() -> None:
    investor = make.make_investor(at=APPLIED)
    order = paid(order_of(investor))
    todo = one(investor, NEXT_DAY)
    assert "you can cancel your order" in todo.text and (todo.must, todo.on) == (False, clock.today_in(
        None, order.cooling_off_ends_at - timedelta(seconds=1)
    ))  # fmt: skip
    assert not todos(investor, at=order.cooling_off_ends_at)


def test_an_identity_that_is_being_checked_is_told_with_its_deadline_while_an_order_waits_for_it(
    tmp_path: Path, settings: Any
) -> None:
    settings.PRIVATE_ROOT = tmp_path
    investor = make.make_investor(at=APPLIED, verified=False)
    assert one(investor, APPLIED).href == reverse("investments:identity") and one(investor, APPLIED).on is None
    order = paid(order_of(investor))
    over = order.cooling_off_ends_at
    todo = one(investor, over)
    assert "We need a picture" in todo.text and todo.must and todo.on == order.fund.closes_on + timedelta(days=14)
    picture = {"front": io.BytesIO(jpeg())}
    documents.submit(investor, kind="licence", files=picture, at=over, actor=investor.user)
    todo = one(investor, over)
    assert "We check your identity." in todo.text and not todo.must
    assert todo.on == order.fund.closes_on + timedelta(days=14)
    make.verify(investor, at=over)
    assert not todos(Investor.objects.get(pk=investor.pk), at=over)


def test_a_rejected_or_unfinished_identity_comes_first_and_has_no_day() -> None:
    investor = make.make_investor(at=APPLIED, verified=False)
    order_of(investor)
    identity.reject_identity(investor, actor=make.make_user(is_staff=True), at=APPLIED, reason="Another name")
    first, second = todos(Investor.objects.get(pk=investor.pk), at=APPLIED)
    assert "We could not verify your identity." in first.text and first.on is None and first.must
    assert second.on is not None
    unfinished = make.make_investor(at=APPLIED, phone="")
    assert "Some of your details are missing." in one(unfinished, APPLIED).text


def test_a_refund_that_waits_for_its_payer_is_named() -> None:
    investor = make.make_investor(at=APPLIED)
    order = paid(order_of(investor))
    services.cancel_order(order, at=NEXT_DAY, actor=investor.user, reason="")
    assert not todos(investor, at=NEXT_DAY)
    Refund.objects.update(state="requires_action")
    assert one(investor, NEXT_DAY).text.startswith("¥10,500 waits for you")


def test_a_disputed_or_ended_or_confirmed_order_waits_for_nothing_of_the_person() -> None:
    investor = make.make_investor(at=APPLIED)
    order = order_of(investor)
    Order.objects.filter(pk=order.pk).update(frozen_at=APPLIED)
    assert not todos(investor, at=APPLIED)
    other = make.make_investor(at=APPLIED)
    done = paid(order_of(other))
    over = done.cooling_off_ends_at
    orders.confirm_due(on=over.date(), at=over)
    done.refresh_from_db()
    assert done.state == "confirmed"
    account = one(other, over)
    assert (account.href, account.must) == (reverse("investments:bank"), False), "payments have nowhere to go"


def test_things_come_by_day_and_nobody_elses_are_among_them() -> None:
    investor = make.make_investor(at=APPLIED)
    late = make.make_order(investor=investor, fund=make.make_fund(on=APPLIED.date()), at=NEXT_DAY)
    services.start_payment(late, at=NEXT_DAY)
    early = order_of(investor)
    services.start_payment(early, at=APPLIED)
    make.make_order(at=APPLIED)
    found = todos(investor, at=NEXT_DAY)
    assert [early.reference in found[0].text, late.reference in found[1].text] == [True, True]
    assert [todo.on for todo in found] == sorted(todo.on for todo in found if todo.on)


def test_as_many_queries_for_ten_orders_as_for_one() -> None:
    investor = make.make_investor()
    counts = []
    for many in (1, 9):
        for _number in range(many):
            services.start_payment(make.make_order(investor=investor), at=timezone.now())
        with counted_queries() as statements:
            found = todos(investor, at=timezone.now())
        counts.append(len(statements))
    assert len(found) == 10 and counts == [9, 9]


def test_the_words_are_japanese_on_a_japanese_page() -> None:
    investor = make.make_investor(at=APPLIED)
    order = order_of(investor)
    services.start_payment(order, at=APPLIED)
    with translation.override("ja"):
        text = one(investor, NEXT_DAY).text
    assert "10,500円" in text and order.fund.business.name_ja in text and "お振り込みください" in text
