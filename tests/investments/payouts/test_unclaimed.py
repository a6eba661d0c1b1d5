"""What nobody could be paid for a year is set aside, and paid once an account is given (domain.md section 7)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from investments.ledger.post import balance
from investments.models import Entry, Fund, Payout
from investments.payouts import outcome, unclaimed
from microfund.kernel import clock
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
