"""Beginning to pay: only while the units are held, and only what is over before the fund closes (domain.md 3, 4.3)."""

from datetime import date, datetime, timedelta

import pytest

from investments.banking import services as banking
from investments.models import Fund, FundCounter, Order, PaymentAttempt
from investments.offerings import services as offerings
from investments.orders import queries
from investments.payments import checkout, transfer
from investments.payments.models import ATTEMPT_STATES
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from tests import make
from tests.investments.banking.files import csv_file

pytestmark = pytest.mark.django_db

NOON = make.at_noon(date(2026, 7, 1))
MINUTE = timedelta(minutes=1)


@pytest.fixture
def fund() -> Fund:
    return make.make_fund(on=NOON.date())


def refusal(begin: object, order: Order, at: datetime) -> str:
    """The code with which it is refused; what was written is nothing."""
    before = PaymentAttempt.objects.count(), Order.objects.values().get(pk=order.pk)
    with pytest.raises(DomainError) as refused:
        begin(order, at=at)  # type: ignore[operator]
    assert (PaymentAttempt.objects.count(), Order.objects.values().get(pk=order.pk)) == before
    return refused.value.code


def let_go(attempt: PaymentAttempt, at: datetime) -> None:
    """The page of this attempt ran out."""
    ATTEMPT_STATES.move(attempt, PaymentAttempt.State.EXPIRED, at=at, resolved_at=at, next_check_at=None)


def close(fund: Fund, at: datetime) -> None:
    assert offerings.close_fund(fund, at=at, actor=make.make_user(is_staff=True), reason="early")


def test_no_page_is_opened_for_a_fund_that_was_closed(fund: Fund) -> None:
    order = make.make_order(fund=fund, method="card", at=NOON)
    close(fund, NOON + MINUTE)
    assert refusal(checkout.begin, order, NOON + 2 * MINUTE) == "closed"


def test_a_page_that_is_open_already_stays_the_one_page_when_the_fund_closes(fund: Fund) -> None:
    order = make.make_order(fund=fund, method="card", at=NOON)
    attempt = checkout.begin(order, at=NOON)
    close(fund, NOON + MINUTE)
    assert checkout.begin(order, at=NOON + 2 * MINUTE) == attempt


def test_a_second_try_by_card_that_would_outlive_the_fund_is_refused(fund: Fund) -> None:
    at = FundCounter.objects.get(pk=fund.pk).closes_at - 40 * MINUTE
    order = make.make_order(fund=fund, method="card", at=at)
    let_go(checkout.begin(order, at=at), at + 32 * MINUTE)
    assert refusal(checkout.begin, order, at + 33 * MINUTE) == "closed"


def test_a_second_try_by_konbini_never_holds_units_past_the_closing(fund: Fund) -> None:
    """The last minute in which a slip is over in time, and the first in which a new one would not be."""
    closes_at = FundCounter.objects.get(pk=fund.pk).closes_at
    last = closes_at - timedelta(days=3, minutes=36)
    order = make.make_order(fund=fund, method="konbini", at=last)
    let_go(checkout.begin(order, at=last), last + 32 * MINUTE)
    assert refusal(checkout.begin, order, last + 33 * MINUTE) == "closed"
    with pytest.raises(DomainError) as refused:
        make.make_order(fund=fund, method="konbini", at=last + 2 * MINUTE)
    assert refused.value.code == "method"


def test_a_slip_of_two_days_ends_with_the_second_day_after_the_last_minute_of_its_page(fund: Fund) -> None:
    """The provider counts calendar days: a slip made just after midnight lives for almost three."""
    midnight = clock.start_of_day(date(2026, 7, 2))
    ends = {at: queries.ends_at("konbini", fund.policy, at) for at in (midnight, midnight - timedelta(hours=1))}
    assert ends[midnight] == clock.start_of_day(date(2026, 7, 5)) + timedelta(hours=1)
    assert ends[midnight - timedelta(hours=1)] == clock.start_of_day(date(2026, 7, 4)) + timedelta(hours=1)


def test_no_transfer_is_awaited_for_a_reservation_that_is_over(fund: Fund) -> None:
    order = make.make_order(fund=fund, at=NOON)
    assert order.reserved_until is not None
    assert refusal(transfer.begin_transfer, order, order.reserved_until) == "wrong_state"


def test_no_transfer_is_awaited_by_a_closed_fund_or_past_the_closing(fund: Fund) -> None:
    order = make.make_order(fund=fund, at=NOON)
    close(fund, NOON + MINUTE)
    assert refusal(transfer.begin_transfer, order, NOON + 2 * MINUTE) == "closed"
    other = make.make_fund(on=NOON.date())
    # Eight days before the end a transfer ordered before midnight is in time, one begun after it is not.
    first_late = FundCounter.objects.get(pk=other.pk).closes_at
    while queries.transfer_deadline(other.policy, first_late - MINUTE) > FundCounter.objects.get(pk=other.pk).closes_at:
        first_late -= timedelta(days=1)
    order = make.make_order(fund=other, at=first_late - MINUTE)
    assert refusal(transfer.begin_transfer, order, first_late + MINUTE) == "closed"


@pytest.mark.parametrize("closed", [False, True])
def test_money_that_is_there_pays_an_order_whose_transfer_can_no_longer_begin(fund: Fund, closed: bool) -> None:
    order = make.make_order(fund=fund, at=NOON)
    if closed:
        close(fund, NOON + MINUTE)
    at = NOON + timedelta(minutes=2 if closed else 40)
    row = {"date": "2026-07-01", "amount": order.total, "payer_code": order.payer_code}
    banking.import_statement(content=csv_file(row), name="s", actor=None, at=at)
    order.refresh_from_db()
    assert order.state == "paid"
    assert [(own.state, own.captured) for own in order.attempts.all()] == [("succeeded", order.total)]


def test_money_that_is_too_little_extends_no_reservation_that_is_over(fund: Fund) -> None:
    order = make.make_order(fund=fund, at=NOON)
    row = {"date": "2026-07-01", "amount": 500, "payer_code": order.payer_code}
    banking.import_statement(content=csv_file(row), name="s", actor=None, at=NOON + 40 * MINUTE)
    until = order.reserved_until
    order.refresh_from_db()
    assert (order.state, order.reserved_until) == ("reserved", until)
