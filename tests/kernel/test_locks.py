"""Row locks are taken in one declared order; a row that is held already may be asked for again."""

from datetime import date

import pytest
from django.db import transaction

from investments.offerings.models import Fund
from investments.orders.models import Order
from microfund.kernel import locks
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def order() -> Order:
    return make.make_order(at=make.at_noon(date(2026, 7, 1)))


def test_a_row_after_a_later_one_is_refused(order: Order) -> None:
    after = "investments.Fund is locked after investments.Order"
    with pytest.raises(locks.LockOrderError, match=after), transaction.atomic():
        locks.lock_one(Order, order.pk)
        locks.lock_one(Fund, order.fund_id)


def test_a_held_row_may_be_locked_again_after_a_later_one(order: Order) -> None:
    with transaction.atomic():
        locks.lock_one(Order, order.pk)
        locks.note("investments.FundCounter")
        assert locks.lock_one(Order, order.pk).pk == order.pk
        assert locks.try_lock(Order, order.pk, state=Order.State.RESERVED) is not None


def test_another_row_of_the_same_model_is_still_refused_after_a_later_one(order: Order) -> None:
    other = make.make_order(at=order.applied_at)
    with pytest.raises(locks.LockOrderError), transaction.atomic():
        locks.lock_one(Order, order.pk)
        locks.note("investments.FundCounter")
        locks.lock_one(Order, other.pk)


def test_the_next_transaction_begins_anew(order: Order) -> None:
    with transaction.atomic():
        locks.lock_one(Order, order.pk)
    with transaction.atomic():
        assert locks.lock_one(Fund, order.fund_id).pk == order.fund_id


def test_a_row_that_does_not_meet_the_conditions_is_not_remembered_as_held(order: Order) -> None:
    with pytest.raises(locks.LockOrderError), transaction.atomic():
        assert locks.try_lock(Order, order.pk, state=Order.State.PAID) is None
        locks.note("investments.FundCounter")
        locks.lock_one(Order, order.pk)


def test_a_lock_needs_a_transaction(transactional_db: None) -> None:
    with pytest.raises(transaction.TransactionManagementError):
        locks.lock(Order, [1])
