"""What is taken in kind or given back, and what it makes of a distribution (domain.md section 10)."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, InternalError, connection, transaction

from investments.distributions import pay_in
from investments.ledger import post as ledger
from investments.payouts.select import preview
from tests import repay
from tests.in_kind import approved, line_of, pay_out, taken

pytestmark = pytest.mark.django_db


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
