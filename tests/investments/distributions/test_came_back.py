"""What was not used of a voucher comes back to cash, or is written off with the rest (domain.md section 10)."""

from decimal import Decimal

import pytest

from investments.distributions import came_back, elections, write_off
from investments.distributions.elected import ElectedReturn
from investments.inheritance import services as inheritance
from investments.ledger import post as ledger
from investments.models import Fund, Holding, Payout
from investments.payouts import outcome
from investments.payouts.select import preview
from microfund.kernel.errors import DomainError
from tests import repay
from tests.in_kind import REVENUE, approved, come_back, elect, held, line_of, pay_out

pytestmark = pytest.mark.django_db


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
