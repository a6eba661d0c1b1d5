"""Repayment in kind and giving back: choices, what they make of a distribution, and what comes back (domain.md section
10)."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, InternalError, connection, transaction

from investments.distributions import came_back, elections, pay_in, write_off
from investments.distributions import services as distributions
from investments.distributions.elected import ElectedLine, ElectedReturn, Election
from investments.holdings import services as holdings
from investments.inheritance import services as inheritance
from investments.ledger import post as ledger
from investments.models import Fund, Holding, Payout, Period
from investments.payouts import outcome
from investments.payouts.select import preview
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from tests import make, repay

pytestmark = pytest.mark.django_db

#: Revenue by which a unit earns ¥312 in the first period: all of it is investment.
REVENUE = 27_900_000


def offered(*units: int, bonus: str = "0.1000", **values) -> Fund:
    """A fund in its term that offers both, with a holder for each number of units."""
    fund = repay.operating(*units, **values)
    elections.make_offer(
        fund,
        in_kind=True,
        bonus=Decimal(bonus),
        give_back=True,
        actor=repay.staff(),
        at=make.at_noon(fund.term_starts_on),
        reason="As agreed with the business.",
    )
    return fund


def held(fund: Fund) -> list[Holding]:
    return list(fund.holdings.order_by("pk"))


def elect(holding: Holding, choice: str, *, number: int = 1, at=None) -> Election | None:
    own = Period.objects.get(fund=holding.fund_id, number=number)
    offer = elections.offer_of(holding.fund)
    return elections.elect(
        holding,
        choice,
        offer_id=offer.pk if offer else None,
        period=own,
        actor=holding.investor.user,
        at=at or clock.end_of_day(own.record_on),
    )


def taken(distribution) -> dict[int, tuple[str, int]]:
    """How each line that was not paid in cash was taken, by units."""
    return {line.units: (line.choice, line.net) for line in distribution.elected_lines.all()}


def approved(*choices: str, units: tuple[int, ...] = (), revenue: int = REVENUE, **values):
    """The approved distribution of a first period, of holders of 10, 11, … units with these choices."""
    units = units or tuple(range(10, 10 + len(choices)))
    fund = offered(*units, **values)
    for holding, choice in zip(held(fund), choices, strict=True):
        elect(holding, choice)
    repay.report(fund, 1, revenue)
    return repay.distribute(fund, 1)


def pay_out(made, *, days: int = 30):
    run = repay.send_run(at=repay.after(made.period, days))
    repay.settle(run)
    return run


def line_of(made, choice: str = "in_kind") -> ElectedLine:
    return made.elected_lines.get(choice=choice)


def test_what_is_taken_otherwise_is_not_owed_in_cash() -> None:
    made = approved("cash", "in_kind", "give_back")
    fund = made.fund
    assert taken(made) == {11: ("in_kind", 11 * 312), 12: ("give_back", 12 * 312)}
    assert (made.gross, made.in_kind, made.given_back, made.owed) == (33 * 312, 11 * 312, 12 * 312, 10 * 312)
    assert line_of(made).worth == 3_775  # 3,432 and a tenth: ¥3,775.2, rounded down once
    assert ledger.balance(fund.book_id, "receivable_from_business") == 10 * 312
    assert ledger.balance(fund.book_id, "distributions_payable") == 10 * 312
    repay.books_are_right()
    repay.pay_in(made)
    assert repay.period(fund, 1).state == "funded"
    run = pay_out(made)
    assert (run.payments, run.amount) == (1, 10 * 312)
    assert repay.period(fund, 1).state == "paid"
    assert made.instalments.get().complete
    assert ledger.balance(fund.book_id, "distributions_payable") == 0
    repay.books_are_right()


def test_the_tax_of_what_is_taken_otherwise_is_paid_in_cash_and_first() -> None:
    # Everything beyond ¥100 a unit is profit here.
    made = approved("cash", "in_kind", investment=100, donation=100, rate_after_recoup=Decimal("0.0336"))
    fund = made.fund
    line = line_of(made)
    assert line.tax > 0 and line.net + line.tax == 11 * made.per_unit and made.elected_tax == line.tax
    assert line.tax == int(Decimal("0.2042") * 11 * (made.per_unit - 100))
    assert made.owed == 10 * made.per_unit + line.tax
    repay.pay_in(made, line.tax - 1)
    assert ledger.balance(fund.book_id, "withholding_payable") == 0
    repay.pay_in(made, 1 + 10 * 7)
    assert ledger.balance(fund.book_id, "withholding_payable") == line.tax
    repay.books_are_right()
    part = distributions_part(made)
    assert part.per_unit == 7
    repay.pay_in(made)
    pay_out(made)
    assert ledger.balance(fund.book_id, "withholding_accrued") == 0
    assert ledger.balance(fund.book_id, "withholding_payable") == made.tax
    repay.books_are_right()


def distributions_part(made):
    at = repay.after(made.period, 21)
    row = pay_in.prepare_instalment(made, actor=repay.staff(), at=at, reason="So much is there.")
    return pay_in.approve_instalment(row, actor=repay.staff("checker"), at=at)


@pytest.mark.parametrize("choices", [("in_kind",), ("give_back", "in_kind")])
def test_a_period_that_nobody_takes_in_cash_is_paid_at_its_approval(choices: tuple[str, ...]) -> None:
    made = approved(*choices)
    assert (made.owed, repay.period(made.fund, 1).state) == (0, "paid")
    assert not preview(repay.after(made.period, 30).date())
    repay.books_are_right()


def test_one_that_owes_only_tax_is_paid_once_the_tax_is_there() -> None:
    made = approved("in_kind", investment=100, donation=100, rate_after_recoup=Decimal("0.0336"))
    assert made.owed == made.tax > 0
    assert repay.period(made.fund, 1).state == "approved"
    repay.pay_in(made)
    assert repay.period(made.fund, 1).state == "paid"
    assert ledger.balance(made.fund.book_id, "withholding_payable") == made.tax
    repay.books_are_right()


# --- The choice -------------------------------------------------------------------------------------------------


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


# --- Back to cash -----------------------------------------------------------------------------------------------


def come_back(made, amount: int, *, days: int = 200) -> ElectedReturn:
    back = came_back.come_back(line_of(made).pk, amount, at=repay.after(made.period, days))
    made.refresh_from_db()
    return back


def test_what_was_not_used_is_owed_in_cash_again_and_goes_out_with_the_next_payment() -> None:
    made = approved("cash", "in_kind")
    repay.pay_in(made)
    pay_out(made)
    back = come_back(made, 1_200)
    assert (made.owed, made.in_arrears, made.returned) == (1_200, 0, 1_200)
    assert come_back(made, 700).pk == back.pk
    assert ledger.balance(made.fund.book_id, "receivable_from_business") == 1_200
    assert ledger.balance(made.fund.book_id, "distributions_payable") == 1_200
    repay.books_are_right()
    assert not preview(repay.after(made.period, 210).date())
    repay.pay_in(made, at=repay.after(made.period, 210))
    back.refresh_from_db()
    assert back.released_at is not None
    run = pay_out(made, days=220)
    payout = Payout.objects.get(run=run)
    assert (run.amount, payout.gross, payout.tax, payout.net, payout.returned) == (1_200, 0, 0, 1_200, 1_200)
    assert (payout.investor, payout.state) == (line_of(made).allocation.holding.investor, "paid")
    assert ledger.balance(made.fund.book_id, "distributions_payable") == 0
    repay.books_are_right()


def test_it_joins_the_payment_of_the_next_period() -> None:
    made = approved("in_kind")
    come_back(made, 1_000)
    repay.pay_in(made, at=repay.after(made.period, 210))
    elect(held(made.fund)[0], "cash", number=2)
    second = repay_second(made.fund)
    payout = Payout.objects.get(run=pay_out(second))
    assert (payout.gross, payout.returned, payout.net) == (second.gross, 1_000, second.net + 1_000)
    repay.books_are_right()


def repay_second(fund: Fund):
    repay.report(fund, 2, REVENUE)
    second = repay.distribute(fund, 2)
    return repay.pay_in(second)


def test_no_more_comes_back_than_was_taken() -> None:
    made = approved("in_kind", "give_back")
    with pytest.raises(DomainError, match="No more"):
        come_back(made, 3_121)
    with pytest.raises(DomainError, match="No more"):
        came_back.come_back(line_of(made, "give_back").pk, 1, at=repay.after(made.period, 200))


def test_money_that_is_paid_in_goes_to_the_period_first_and_then_to_what_came_back_in_its_order() -> None:
    made = approved("cash", "in_kind", "in_kind", units=(10, 4, 5))
    first, second = made.elected_lines.order_by("pk")
    at = repay.after(made.period, 200)
    for line, amount in ((first, 300), (second, 200)):
        came_back.come_back(line.pk, amount, at=at)
    made.refresh_from_db()
    assert made.owed == 3_120 + 500
    repay.pay_in(made, 3_120 + 299, at=at)
    assert made.instalment_per_unit == 312
    assert not ElectedReturn.objects.filter(released_at__isnull=False).exists()
    repay.pay_in(made, 1, at=at)
    assert list(ElectedReturn.objects.filter(released_at__isnull=False).values_list("line", flat=True)) == [first.pk]
    repay.books_are_right()


def test_what_comes_back_of_a_deceased_holders_voucher_goes_to_the_heir_who_is_named() -> None:
    made = approved("in_kind")
    holding, at = held(made.fund)[0], repay.after(made.period, 20)
    heir = repay.holder("オオツチ ミナ", at=at)
    inheritance.record_death(
        holding.investor, died_on=at.date(), actor=repay.staff(), at=at, reason="Told by the heirs."
    )
    row = inheritance.prepare(
        holding, shares={heir.pk: 10}, payee_id=heir.pk, actor=repay.staff(), at=at, reason="As the heirs agreed."
    )
    inheritance.approve(row, actor=repay.staff("checker"), at=at)
    # The heir's own units are paid in cash until the heir chooses.
    assert elections.choice_of(Holding.objects.get(investor=heir)) is None
    come_back(made, 1_200)
    repay.pay_in(made, at=repay.after(made.period, 210))
    run = pay_out(made, days=220)
    # The payout is the deceased's, its transfer goes to the heir.
    assert (run.amount, run.attempts.get().account.investor) == (1_200, heir)
    repay.books_are_right()


# --- Written off ------------------------------------------------------------------------------------------------


def give_up(made):
    at = repay.after(made.period, 250)
    row = write_off.prepare(made, actor=repay.staff(), at=at, reason="The works were washed away.")
    row = write_off.approve(row, actor=repay.staff("checker"), at=at)
    made.refresh_from_db()
    return row


def test_nothing_is_written_off_while_a_voucher_may_still_come_back() -> None:
    made = approved("cash", "in_kind")
    with pytest.raises(DomainError) as waits:
        give_up(made)
    assert waits.value.code == "vouchers_open"
    come_back(made, 0)
    row = give_up(made)
    assert (row.amount, row.per_unit, row.net, row.credit) == (3_120, 312, 3_120, 0)
    assert made.owed == 0
    repay.books_are_right()


def test_a_write_off_takes_what_came_back_too_and_leaves_the_rest_as_a_credit() -> None:
    made = approved("cash", "in_kind", "in_kind", units=(10, 4, 5))
    first, second = made.elected_lines.order_by("pk")
    at = repay.after(made.period, 200)
    for line, amount in ((first, 300), (second, 200)):
        came_back.come_back(line.pk, amount, at=at)
    repay.pay_in(made, 3_120 + 300 + 50, at=at)
    row = give_up(made)
    assert (row.amount, row.per_unit, row.net, row.tax, row.credit) == (150, 0, 200, 0, 50)
    assert (made.owed, made.written_off, made.cash_per_unit) == (0, 150, 312)
    assert ledger.balance(made.fund.book_id, "receivable_from_business") == 0
    assert ledger.balance(made.fund.book_id, "distributions_payable") == 3_120 + 300
    repay.books_are_right()


def test_the_tax_that_is_not_paid_in_falls_away_with_a_write_off() -> None:
    made = approved("in_kind", investment=100, donation=100, rate_after_recoup=Decimal("0.0336"))
    come_back(made, 0)
    repay.pay_in(made, made.tax - 1)
    row = give_up(made)
    assert (row.amount, row.net, row.tax, row.credit) == (1, 0, made.tax, made.tax - 1)
    for code in ("receivable_from_business", "withholding_accrued", "withholding_payable", "distributions_payable"):
        assert ledger.balance(made.fund.book_id, code) == 0
    repay.books_are_right()


def test_a_fund_is_not_settled_while_a_voucher_is_valid() -> None:
    made = approved("in_kind", periods=1, plan_revenue=[REVENUE])
    outcome.paid_due(on=repay.after(made.period, 30).date(), at=repay.after(made.period, 30))
    fund = Fund.objects.get(pk=made.fund_id)
    assert fund.state == "matured"
    at = repay.after(made.period, 40)
    for code in ("donation_payable", "investment_payable", "due_to_operator"):
        empty(fund, code, at=at)
    with pytest.raises(DomainError, match="voucher"):
        outcome.settle(fund, actor=repay.staff(), at=at, reason="All is done.")
    come_back(made, 0)
    assert outcome.settle(fund, actor=repay.staff(), at=at, reason="All is done.").state == "settled"


def empty(fund: Fund, code: str, *, at) -> None:
    """Money that was released long ago, in one entry."""
    there = ledger.balance(fund.book_id, code)
    legs = [ledger.debit(fund.book_id, code, there), ledger.credit(fund.book_id, "bank", there)]
    ledger.post(kind="released", source=("test", code), legs=legs, on=at.date(), at=at)


# --- The database -----------------------------------------------------------------------------------------------


def refused(statement: str, *params: object) -> None:
    with pytest.raises((IntegrityError, InternalError)), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, params)


def test_the_database_refuses_what_the_services_would_not_do() -> None:
    made = approved("cash", "in_kind", "give_back")
    line = line_of(made)
    refused("UPDATE investments_election SET choice = 'cash', bonus = 0")
    refused("DELETE FROM investments_election")
    refused("UPDATE investments_electionoffer SET bonus = 1")
    refused("UPDATE investments_electedline SET net = net + 1")
    refused("UPDATE investments_distribution SET in_kind = in_kind - 1, given_back = given_back + 1")
    refused("UPDATE investments_distribution SET returned = in_kind + 1")
    refused(
        "INSERT INTO investments_election (holding_id, offer_id, choice, bonus, made_by_id, made_at)"
        " SELECT holding_id, offer_id, 'in_kind', 0.5, made_by_id, made_at FROM investments_election LIMIT 1"
    )
    refused(
        "INSERT INTO investments_electedreturn (line_id, distribution_id, amount, happened_at)"
        " VALUES (%s, %s, %s, now())", line.pk, made.pk, line.net + 1,
    )  # fmt: skip
    cash = made.allocations.get(units=10)
    refused(
        "INSERT INTO investments_electedline"
        " (allocation_id, distribution_id, election_id, choice, bonus, units, net, tax)"
        " VALUES (%s, %s, %s, 'in_kind', 0.1, 10, 3120, 0)", cash.pk, made.pk, line.election_id,
    )  # fmt: skip
