"""What nobody could be paid for a year is set aside, and paid once an account is given (domain.md section 7)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from investments.ledger.post import balance
from investments.models import Entry, Fund, Investor, Payout, UnclaimedPart
from investments.payouts import outcome, select, unclaimed
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from tests import make, repay
from tests.repay import books_are_right

pytestmark = pytest.mark.django_db


@pytest.fixture
def came_back() -> tuple[Fund, Payout, date]:
    """A fund of which one payout came back."""
    fund = repay.operating(40, 45, periods=10)
    repay.report(fund, 1, 27_900_000)
    repay.pay_in(repay.distribute(fund, 1))
    run = repay.send_run(at=repay.after(repay.period(fund, 1), 30))
    attempt = run.attempts.order_by("pk")[0]
    on = run.pay_on + timedelta(days=1)
    outcome.record_return(attempt, returned_on=on, actor=repay.staff(), at=make.at_noon(on), cause="closed")
    repay.settle(run)
    return fund, attempt.payout, on


def sweep(day: date) -> dict[str, int]:
    return unclaimed.set_aside_due(on=day, at=make.at_noon(day))


def state(payout: Payout) -> str:
    payout.refresh_from_db()
    return payout.state


def test_after_a_year_it_is_set_aside_once_and_stays_the_investors(came_back: tuple[Fund, Payout, Any]) -> None:
    fund, payout, on = came_back
    year = clock.add_months(on, 12)
    sweep(year - timedelta(days=1))
    assert state(payout) == "returned"
    for _time in range(2):
        sweep(year)
    assert state(payout) == "unclaimed"
    assert balance(fund.book_id, "unclaimed_distributions") == payout.net
    assert Entry.objects.filter(kind="payout_set_aside").count() == 1
    books_are_right()


def test_a_new_account_brings_it_back_into_the_next_run(came_back: tuple[Fund, Payout, Any]) -> None:
    fund, payout, on = came_back
    year = clock.add_months(on, 12)
    sweep(year)
    repay.give_account(payout.investor, number="7654321", at=make.at_noon(year))
    assert sweep(year)["claimed"] == 1
    assert sweep(year + timedelta(days=1)) == {"set_aside": 0, "claimed": 0, "errors": 0}
    assert state(payout) == "returned" and balance(fund.book_id, "unclaimed_distributions") == 0
    repay.settle(repay.send_run(at=make.at_noon(year + timedelta(days=2))))
    assert state(payout) == "paid"
    books_are_right()


def test_it_can_be_set_aside_again_when_the_new_account_fails_for_another_year(
    came_back: tuple[Fund, Payout, Any],
) -> None:
    fund, payout, on = came_back
    year = clock.add_months(on, 12)
    sweep(year)
    repay.give_account(payout.investor, number="7654321", at=make.at_noon(year))
    sweep(year)
    run = repay.send_run(at=make.at_noon(year + timedelta(days=2)))
    back = run.pay_on + timedelta(days=1)
    attempt = run.attempts.get(payout=payout)
    outcome.record_return(attempt, returned_on=back, actor=repay.staff(), at=make.at_noon(back), cause="closed")
    sweep(back)
    assert state(payout) == "returned"
    sweep(clock.add_months(back, 12))
    assert state(payout) == "unclaimed" and balance(fund.book_id, "unclaimed_distributions") == payout.net
    books_are_right()


# --- Never an account ---------------------------------------------------------------------------------------------


@pytest.fixture
def nobody_knows_where() -> tuple[Fund, Investor, date]:
    """A fund of which one holder never gave an account, and the day a year after the payment date."""
    at = make.at_noon(repay.BOUGHT_ON)
    owners = [repay.holder("サトウ ケン", account=None, at=at), repay.holder(at=at)]
    fund = repay.operating(40, 45, investors=owners, periods=10)
    own = repay.whole_period(fund, 1, 27_900_000)
    return fund, owners[0], clock.add_months(own.payment_on, 12)


def test_without_an_account_it_is_set_aside_a_year_after_the_payment_date(
    nobody_knows_where: tuple[Fund, Investor, date],
) -> None:
    fund, investor, year = nobody_knows_where
    assert sweep(year - timedelta(days=1))["set_aside"] == 0
    assert [sweep(year)["set_aside"] for _time in range(2)] == [1, 0]
    part = UnclaimedPart.objects.get()
    assert (part.investor, part.net, part.claimed_at) == (investor, 40 * 312, None)
    assert balance(fund.book_id, "unclaimed_distributions") == 40 * 312
    assert balance(fund.book_id, "distributions_payable") == 0
    books_are_right()


def test_an_account_brings_it_back_and_no_run_takes_it_before(nobody_knows_where: tuple[Fund, Investor, date]) -> None:
    fund, investor, year = nobody_knows_where
    sweep(year)
    repay.give_account(investor, number="7654321", at=make.at_noon(year))
    assert [(line.excluded, line.amount) for line in select.preview(year)] == [("unclaimed", 40 * 312)]
    with pytest.raises(DomainError):
        repay.send_run(at=make.at_noon(year))
    assert [sweep(year + timedelta(days=1))["claimed"] for _time in range(2)] == [1, 0]
    assert balance(fund.book_id, "unclaimed_distributions") == 0
    books_are_right()
    run = repay.send_run(at=make.at_noon(year + timedelta(days=2)))
    assert run.amount == 40 * 312
    repay.settle(run)
    assert set(Payout.objects.values_list("state", flat=True)) == {"paid"}
    books_are_right()


def test_each_instalment_has_its_own_year(nobody_knows_where: tuple[Fund, Investor, date]) -> None:
    fund, _investor, year = nobody_knows_where
    second = repay.whole_period(fund, 2, 27_900_000)
    sweep(year)
    assert UnclaimedPart.objects.count() == 1
    sweep(clock.add_months(second.payment_on, 12))
    assert UnclaimedPart.objects.count() == 2
    assert balance(fund.book_id, "unclaimed_distributions") == 2 * 40 * 312
    books_are_right()


def test_what_is_set_aside_is_in_no_payout_and_never_changes(nobody_knows_where: tuple[Fund, Investor, date]) -> None:
    _fund, _investor, year = nobody_knows_where
    sweep(year)
    part = UnclaimedPart.objects.get()
    payout = Payout.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        UnclaimedPart.objects.filter(pk=part.pk).update(net=1)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO investments_payoutitem (payout_id, instalment_id, allocation_id, gross, principal, profit,"
            " tax, net) VALUES (%s, %s, %s, 1, 1, 0, 0, 1)",
            [payout.pk, part.instalment_id, part.allocation_id],
        )
