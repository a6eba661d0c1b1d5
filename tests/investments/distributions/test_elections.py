"""Choices of holders, and offers of funds, besides cash (domain.md section 10)."""

from datetime import timedelta
from decimal import Decimal

import pytest

from investments.distributions import elections
from investments.distributions import services as distributions
from investments.distributions.elected import Election
from investments.holdings import services as holdings
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from tests import make, repay
from tests.in_kind import REVENUE, elect, held, offered, pay_out, taken

pytestmark = pytest.mark.django_db


def test_a_choice_counts_in_the_last_second_of_the_record_date_and_not_after_it() -> None:
    fund = offered(10, 11)
    early, late = held(fund)
    own = repay.period(fund, 1)
    end = clock.start_of_day(own.record_on + timedelta(days=1), fund.policy.zone)
    elect(early, "in_kind", at=end - timedelta(microseconds=1))
    with pytest.raises(DomainError) as refused:
        elect(late, "in_kind", at=end)
    assert (refused.value.code, refused.value.data["date"]) == ("closed", own.record_on)
    elect(late, "in_kind", number=2, at=end)
    repay.report(fund, 1, REVENUE)
    assert taken(repay.distribute(fund, 1)) == {10: ("in_kind", 3_120)}
    repay.books_are_right()


def test_a_choice_holds_until_another_is_made() -> None:
    fund = offered(10)
    holding = held(fund)[0]
    elect(holding, "in_kind")
    assert elect(holding, "in_kind") == elections.choice_of(holding)
    for number, choice in ((1, "in_kind"), (2, "in_kind"), (3, "give_back"), (4, None)):
        if number == 3:
            elect(holding, "give_back", number=3)
        if number == 4:
            elect(holding, "cash", number=4)
        repay.report(fund, number, REVENUE)
        made = repay.distribute(fund, number)
        assert [line.choice for line in made.elected_lines.all()] == ([choice] if choice else [])
        if made.owed:
            repay.pay_in(made)
    assert Election.objects.filter(holding=holding).count() == 3
    repay.books_are_right()


def test_another_bonus_does_not_change_a_choice_that_was_made() -> None:
    fund = offered(10, 11)
    first, second = held(fund)
    shown = elections.offer_of(fund)
    elect(first, "in_kind")
    at = make.at_noon(repay.period(fund, 1).record_on)
    elections.make_offer(
        fund, in_kind=True, bonus=Decimal("0.05"), give_back=False, actor=repay.staff(), at=at, reason="Less from now."
    )
    own = repay.period(fund, 1)
    with pytest.raises(DomainError, match="bonus") as stale:
        elections.elect(second, "in_kind", offer_id=shown.pk, period=own, actor=second.investor.user, at=at)
    assert stale.value.code == "stale"
    with pytest.raises(DomainError) as gone:
        elect(second, "give_back", at=at)
    assert gone.value.code == "not_offered"
    elect(second, "in_kind", at=at)
    repay.report(fund, 1, REVENUE)
    made = repay.distribute(fund, 1)
    assert {line.units: line.bonus for line in made.elected_lines.all()} == {10: Decimal("0.1"), 11: Decimal("0.05")}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bonus": Decimal("1.1")}, "bonus"),
        ({"in_kind": False}, "bonus"),
        ({"reason": " "}, "reason_needed"),
        ({}, "unchanged"),
    ],
)
def test_an_offer_that_cannot_be_is_refused(changes, code: str) -> None:
    fund = offered(10)
    values = {"in_kind": True, "bonus": Decimal("0.1"), "give_back": True, "reason": "Agreed.", **changes}
    with pytest.raises(DomainError) as refused:
        elections.make_offer(fund, **values, actor=repay.staff(), at=make.at_noon(fund.term_starts_on))
    assert refused.value.code == code


def test_a_frozen_holding_is_paid_in_cash_and_chooses_nothing() -> None:
    fund = offered(10, 11)
    disputed, other = held(fund)
    for holding in (disputed, other):
        elect(holding, "in_kind")
    own = repay.period(fund, 1)
    holdings.freeze(investor_id=disputed.investor_id, fund_id=fund.pk, at=make.at_noon(own.record_on))
    with pytest.raises(DomainError) as frozen:
        elect(disputed, "cash")
    assert frozen.value.code == "frozen"
    repay.report(fund, 1, REVENUE)
    made = repay.distribute(fund, 1)
    assert taken(made) == {10: ("cash", 3_120), 11: ("in_kind", 3_432)}
    assert (made.owed, made.in_kind) == (3_120, 3_432)
    holdings.freeze(investor_id=disputed.investor_id, fund_id=fund.pk, at=None)
    repay.pay_in(made)
    assert pay_out(made).amount == 3_120
    repay.books_are_right()


def test_a_holding_that_is_frozen_after_the_calculation_stops_the_approval() -> None:
    fund = offered(10)
    holding = held(fund)[0]
    elect(holding, "in_kind")
    repay.report(fund, 1, REVENUE)
    at = repay.after(repay.period(fund, 1))
    made = distributions.prepare(repay.period(fund, 1), actor=repay.staff(), at=at)
    holdings.freeze(investor_id=holding.investor_id, fund_id=fund.pk, at=at)
    with pytest.raises(DomainError) as stale:
        distributions.approve(made, actor=repay.staff("checker"), at=at)
    assert stale.value.code == "stale"
    distributions.discard(made, actor=repay.staff(), at=at, reason="A holding was frozen.")
    again = repay.distribute(fund, 1)
    assert (again.owed, taken(again)) == (3_120, {10: ("cash", 3_120)})


def test_what_is_left_at_the_end_is_paid_in_cash() -> None:
    fund = offered(10)
    elect(held(fund)[0], "in_kind")
    at = repay.after(repay.period(fund, 1))
    made = distributions.prepare_wind_up(
        fund, residual_per_unit=200, actor=repay.staff(), at=at, reason="The works were washed away."
    )
    made = distributions.approve(made, actor=repay.staff("checker"), at=at)
    assert (made.owed, made.elected_lines.count()) == (2_000, 0)
    assert elections.next_period(fund, at=at) is None
    repay.books_are_right()
