"""What becomes of a fund and its orders: success is irrevocable, identity is asked to the last (domain.md 3, 4)."""

import itertools
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from investments.banking import services as banking
from investments.investors import identity
from investments.models import Fund, FundCounter, Holding, Investor, Order
from investments.offerings import services as offerings
from investments.orders import services as orders
from investments.payments import services
from investments.revenue import services as revenue
from microfund.kernel import clock, integrity
from microfund.kernel.accounts.models import User
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from tests import make
from tests.investments.banking.files import csv_file

pytestmark = pytest.mark.django_db

APPLIED = make.at_noon(date(2026, 7, 1))
COOLED = clock.cooling_off_end(date(2026, 7, 1), 8)
_rows = itertools.count(1)


@pytest.fixture
def staff() -> User:
    return make.make_user(is_staff=True)


def paid_order(fund: Fund, **values: Any) -> Order:
    order = make.make_order(fund=fund, at=APPLIED, **values)
    services.start_payment(order, at=APPLIED)
    row = {"date": "2026-07-01", "amount": order.total, "payer_code": order.payer_code}
    banking.import_statement(content=csv_file(row, first=next(_rows)), name="s", actor=None, at=APPLIED)
    order.refresh_from_db()
    assert order.state == "paid"
    return order


def confirm(at: datetime = COOLED) -> dict[str, int]:
    return orders.confirm_due(on=clock.today_in(None, at), at=at)


def fail(fund: Fund, staff: User, at: datetime = COOLED) -> bool:
    return services.fail_fund(fund, at=at, actor=staff, reason="the owner died")


def books_hold() -> None:
    assert [(found.check.name, found.differences) for found in integrity.run() if found.differences] == []


# --- Failing a fund -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("minimum", [0, 1])
def test_staff_cannot_fail_a_fund_that_has_succeeded(staff: User, minimum: int) -> None:
    fund = make.make_fund(on=APPLIED.date(), units_minimum=minimum)
    paid_order(fund)
    if minimum:
        orders.clear_order(Order.objects.get().pk, at=COOLED)
        assert offerings.judge_success(fund.pk, at=COOLED)
    for close in (False, True):
        if close:
            offerings.close_fund(fund, at=COOLED, actor=staff, reason="early")
        with pytest.raises(DomainError) as refused:
            fail(fund, staff)
        assert refused.value.code == "succeeded"
    fund.refresh_from_db()
    assert fund.state == "closed" and fund.succeeded_at is not None


def test_staff_cannot_fail_a_fund_whose_minimum_is_cleared_before_the_sweep_has_said_so(staff: User) -> None:
    fund = make.make_fund(on=APPLIED.date(), units_minimum=1)
    orders.clear_order(paid_order(fund).pk, at=COOLED)
    with pytest.raises(DomainError) as refused:
        fail(fund, staff)
    assert refused.value.code == "succeeded"


def test_staff_may_fail_a_fund_that_has_not_succeeded_and_nothing_of_it_clears_any_more(staff: User) -> None:
    fund = make.make_fund(on=APPLIED.date(), units_minimum=1)
    order = paid_order(fund)
    assert fail(fund, staff)
    assert orders.clear_order(order.pk, at=COOLED) is False
    assert confirm() == {"uncleared": 0, "cleared": 0, "funds_succeeded": 0, "confirmed": 0, "errors": 0}
    fund.refresh_from_db()
    assert (fund.state, fund.succeeded_at) == ("failed", None)


def test_a_fund_that_succeeded_fails_once_it_is_closed_without_a_unit_and_keeps_the_date_of_its_success(
    staff: User,
) -> None:
    fund = make.make_fund(on=APPLIED.date())
    order = paid_order(fund)
    offerings.close_fund(fund, at=COOLED, actor=staff, reason="early")
    services.refund_by_staff(order, at=COOLED, actor=staff, reason="the owner died")
    assert services.fail_due(on=COOLED.date(), at=COOLED)["failed"] == 1
    succeeded = fund.succeeded_at
    fund.refresh_from_db()
    assert fund.state == "failed" and fund.succeeded_at == succeeded is not None
    books_hold()


# --- Identity -------------------------------------------------------------------------------------------------


def moves_house(investor: Investor, at: datetime) -> None:
    """A changed address is looked at again: the identity leaves `verified`."""
    identity.submit_identity(investor, at=at, actor=investor.user, reason="details changed")


def test_an_order_whose_investor_is_no_longer_verified_is_not_confirmed(staff: User) -> None:
    order = paid_order(make.make_fund(on=APPLIED.date()))
    assert orders.clear_order(order.pk, at=COOLED)
    moves_house(order.investor, COOLED)
    assert orders.confirm_order(order.pk, at=COOLED) is False
    assert not Holding.objects.exists()


def test_an_order_is_uncleared_when_the_identity_leaves_verified_and_cleared_again_with_it(staff: User) -> None:
    fund = make.make_fund(on=APPLIED.date(), units_minimum=5)
    order = paid_order(fund, units=2)
    assert confirm()["cleared"] == 1
    moves_house(order.investor, COOLED)
    assert confirm()["uncleared"] == 1
    order.refresh_from_db()
    assert order.cleared_at is None and FundCounter.objects.get(pk=fund.pk).cleared == 0
    row = AuditRow.objects.get(action="investments.Order.uncleared", object_id=str(order.pk))
    assert row.reason == "identity no longer verified"
    books_hold()
    assert confirm()["uncleared"] == 0
    identity.verify_identity(order.investor, actor=staff, at=COOLED)
    later = COOLED + timedelta(hours=1)
    assert confirm(later)["cleared"] == 1
    order.refresh_from_db()
    assert order.cleared_at == later and FundCounter.objects.get(pk=fund.pk).cleared == 2


def test_units_that_are_uncleared_do_not_count_for_the_success_judged_in_the_same_sweep(staff: User) -> None:
    fund = make.make_fund(on=APPLIED.date(), units_minimum=2)
    order = paid_order(fund, units=2)
    assert orders.clear_order(order.pk, at=COOLED)
    moves_house(order.investor, COOLED)
    assert confirm() == {"uncleared": 1, "cleared": 0, "funds_succeeded": 0, "confirmed": 0, "errors": 0}
    fund.refresh_from_db()
    assert fund.succeeded_at is None


def test_a_confirmed_order_stays_confirmed_when_the_identity_leaves_verified() -> None:
    order = paid_order(make.make_fund(on=APPLIED.date()))
    assert confirm()["confirmed"] == 1
    moves_house(order.investor, COOLED)
    assert confirm()["uncleared"] == 0
    order.refresh_from_db()
    assert order.state == "confirmed" and order.cleared_at is not None


def test_an_unverified_order_that_was_frozen_when_the_term_began_is_refunded_once_its_dispute_is_won() -> None:
    fund = make.make_fund(on=APPLIED.date())
    paid_order(fund)
    stuck = paid_order(fund, investor=make.make_investor(verified=False, at=APPLIED))
    Order.objects.filter(pk=stuck.pk).update(frozen_at=COOLED)
    confirm()
    end = clock.start_of_day(fund.closes_on + timedelta(days=1))
    assert offerings.close_fund(fund, at=end)
    started = make.at_noon(fund.term_starts_on)
    assert revenue.start_term(fund, at=started)
    assert services.identity_deadline_due(on=fund.term_starts_on, at=started) == {"refunded": 0, "errors": 0}
    # The dispute is won.
    Order.objects.filter(pk=stuck.pk).update(frozen_at=None)
    later = make.at_noon(fund.term_starts_on + timedelta(days=20))
    assert services.identity_deadline_due(on=later.date(), at=later) == {"refunded": 1, "errors": 0}
    stuck.refresh_from_db()
    assert (stuck.state, stuck.refunds.get().reason) == ("refunded", "identity")
    books_hold()


def test_an_unverified_order_of_an_open_fund_waits() -> None:
    fund = make.make_fund(on=APPLIED.date())
    paid_order(fund, investor=make.make_investor(verified=False, at=APPLIED))
    later = make.at_noon(fund.closes_on + timedelta(days=30))
    assert services.identity_deadline_due(on=later.date(), at=later) == {"refunded": 0, "errors": 0}
