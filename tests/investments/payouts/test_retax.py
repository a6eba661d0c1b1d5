"""A run whose date falls under another rate: what it may pay is taxed again, what was withheld before stays (domain.md
section 5)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from investments.distributions import explain, pay_in, write_off
from investments.distributions.changes import Retax, RetaxedAllocation
from investments.distributions.models import Allocation, Distribution
from investments.distributions.taxed import due
from investments.ledger.post import balance
from investments.models import Entry, TaxRate
from investments.payouts import outcome, retax, select, services, tax
from investments.payouts.models import Payout, PayoutAttempt
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from tests import make, repay
from tests.repay import books_are_right

pytestmark = pytest.mark.django_db
#: From this day on another rate holds.
NEW = date(2022, 1, 1)
OLD_RATE, NEW_RATE = Decimal("0.2042"), Decimal("0.2553")


def beyond_recoup(*units: int, **values: Any) -> Distribution:
    """An approved distribution of ¥5,500 for each unit, of which ¥500 are profit, planned at the old rate."""
    terms = {"units_offered": 300, "rate_before_recoup": Decimal("0.5"), "rate_after_recoup": Decimal("0.25")}
    fund = repay.operating(*units, periods=3, **terms, **values)
    repay.report(fund, 1, 3_600_000)
    made = repay.distribute(fund, 1)
    assert (made.rate_person, made.profit) == (OLD_RATE, sum(units) * 500)
    return made


def new_rate(rate: Decimal = NEW_RATE, on: date = NEW, payee_class: str = "") -> None:
    TaxRate.objects.create(kind="withholding", payee_class=payee_class, valid_from=on, rate=rate)


def in_old_year() -> Any:
    return make.at_noon(date(2021, 12, 20))


def in_new_year() -> Any:
    return make.at_noon(date(2022, 1, 11))


def refused(statement: str, *params: Any) -> None:
    """The database refuses a statement that whoever has a prompt might send."""
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, params)


def floor(profit: int, rate: Decimal) -> int:
    return int(profit * rate)


def test_a_run_under_another_rate_taxes_again_before_it_is_built_and_keeps_both_facts() -> None:
    own = beyond_recoup(7, 33)
    repay.pay_in(own, at=in_old_year())
    new_rate()
    run = repay.send_run(at=in_new_year())
    line = Allocation.objects.get(units=7)
    assert (line.tax, line.rate) == (floor(3_500, OLD_RATE), OLD_RATE)
    again = line.retaxed.get()
    assert (again.tax_before, again.tax, again.rate, again.from_per_unit, again.taken) == (
        line.tax, floor(3_500, NEW_RATE), NEW_RATE, 0, 0,
    )  # fmt: skip
    expected = floor(3_500, NEW_RATE) + floor(16_500, NEW_RATE)
    assert sum(Payout.objects.values_list("tax", flat=True)) == expected
    assert run.amount == own.gross - expected
    book = own.fund.book_id
    assert (balance(book, "withholding_accrued"), balance(book, "withholding_payable")) == (0, expected)
    assert balance(book, "distributions_payable") == 0
    own.refresh_from_db()
    assert own.tax == floor(3_500, OLD_RATE) + floor(16_500, OLD_RATE)
    assert (
        Entry.objects.filter(kind="reversal").count() == Entry.objects.filter(kind="distribution_retaxed").count() == 1
    )
    books_are_right()


def test_under_the_same_rate_nothing_happens_and_twice_is_once() -> None:
    own = beyond_recoup(40)
    repay.pay_in(own, at=in_old_year())
    assert retax.for_run(in_old_year().date(), actor=repay.staff(), at=in_old_year()) == []
    new_rate()
    for changed in (1, 0):
        assert len(retax.for_run(in_new_year().date(), actor=repay.staff(), at=in_new_year())) == changed
    # A run on an earlier day after all: back to the rate of that day.
    assert len(retax.for_run(in_old_year().date(), actor=repay.staff(), at=in_old_year())) == 1
    assert list(Retax.objects.order_by("number").values_list("number", "tax")) == [
        (1, floor(20_000, NEW_RATE)),
        (2, floor(20_000, OLD_RATE)),
    ]
    books_are_right()


def test_what_was_paid_before_keeps_its_tax_and_the_rest_is_taxed_from_there() -> None:
    own = beyond_recoup(7)
    repay.pay_in(own, 7 * 5_101)
    part = pay_in.prepare_instalment(own, actor=repay.staff("maker"), at=in_old_year(), reason="What is there.")
    pay_in.approve_instalment(part, actor=repay.staff("checker"), at=in_old_year())
    repay.settle(repay.send_run(at=in_old_year()))
    first = floor(7 * 101, OLD_RATE)
    assert Payout.objects.get().tax == first
    new_rate()
    repay.pay_in(own, at=in_new_year())
    repay.send_run(at=in_new_year())
    again = RetaxedAllocation.objects.get()
    rest = floor(7 * 399, NEW_RATE)
    assert (again.from_per_unit, again.taken, again.tax) == (5_101, first, first + rest)
    assert list(Payout.objects.order_by("pk").values_list("tax", flat=True)) == [first, rest]
    line = Allocation.objects.get()
    assert due(line).tax == first + rest and due(line).rate == NEW_RATE
    assert "What was paid before keeps its tax." in " ".join(explain.tax_words(line))
    books_are_right()


def test_several_instalments_under_the_new_rate_sum_to_it() -> None:
    own = beyond_recoup(33, 27)
    new_rate()
    for number, amount in enumerate((5_033, 211, 56), start=0):
        at = in_new_year() + timedelta(days=7 * number)
        repay.pay_in(own, 60 * amount, at=at)
        part = pay_in.prepare_instalment(own, actor=repay.staff("maker"), at=at, reason="What is there.")
        pay_in.approve_instalment(part, actor=repay.staff("checker"), at=at)
        repay.settle(repay.send_run(at=at))
        books_are_right()
    at = in_new_year() + timedelta(days=60)
    repay.pay_in(own, at=at)
    repay.settle(repay.send_run(at=at))
    assert Retax.objects.count() == 1
    assert sum(Payout.objects.values_list("tax", flat=True)) == floor(16_500, NEW_RATE) + floor(13_500, NEW_RATE)
    books_are_right()


def test_a_payout_that_was_put_together_under_the_old_rate_is_taxed_again_with_its_line() -> None:
    own = beyond_recoup(40)
    repay.pay_in(own, at=in_old_year())
    run = services.build_run(pay_on=in_old_year().date(), actor=repay.staff("maker"), at=in_old_year())
    payout = Payout.objects.get()
    refused("UPDATE investments_payoutitem SET tax = 0, net = gross WHERE payout_id = %s", payout.pk)
    services.withdraw_run(run, actor=repay.staff("maker"), at=in_old_year(), reason="Wrong day.")
    new_rate()
    repay.send_run(at=in_new_year())
    payout.refresh_from_db()
    assert (payout.tax, payout.net) == (floor(20_000, NEW_RATE), own.gross - floor(20_000, NEW_RATE))
    assert list(PayoutAttempt.objects.order_by("number").values_list("state", "amount")) == [
        ("withdrawn", own.gross - floor(20_000, OLD_RATE)),
        ("sent", payout.net),
    ]
    refused("UPDATE investments_payoutitem SET tax = 0, net = gross WHERE payout_id = %s", payout.pk)
    refused("UPDATE investments_payout SET tax = 0, net = gross WHERE id = %s", payout.pk)
    books_are_right()


def test_a_returned_payout_keeps_the_tax_that_was_withheld() -> None:
    own = beyond_recoup(40)
    repay.pay_in(own, at=in_old_year())
    run = repay.send_run(at=in_old_year())
    back = run.pay_on + timedelta(days=1)
    attempt = run.attempts.get()
    outcome.record_return(attempt, returned_on=back, actor=repay.staff(), at=make.at_noon(back), cause="closed")
    new_rate()
    repay.give_account(attempt.payout.investor, number="7654321", at=in_new_year())
    again = repay.send_run(at=in_new_year())
    assert again.amount == own.gross - floor(20_000, OLD_RATE)
    assert not Retax.objects.exists()
    books_are_right()


def test_a_rate_that_is_entered_after_a_run_was_built_stops_it() -> None:
    own = beyond_recoup(40)
    repay.pay_in(own, at=in_old_year())
    run = services.build_run(pay_on=date(2022, 1, 5), actor=repay.staff("maker"), at=in_old_year())
    new_rate()
    with pytest.raises(DomainError) as refused:
        services.approve_run(run, actor=repay.staff("checker"), at=in_old_year())
    assert refused.value.code == "rate_changed"
    services.withdraw_run(run, actor=repay.staff("maker"), at=in_old_year(), reason="The rate has changed.")
    again = services.build_run(pay_on=date(2022, 1, 5), actor=repay.staff("maker"), at=in_old_year())
    services.approve_run(again, actor=repay.staff("checker"), at=in_old_year())
    assert again.amount == own.gross - floor(20_000, NEW_RATE)
    books_are_right()


def test_each_class_of_payee_has_its_own_rate() -> None:
    at = make.at_noon(repay.BOUGHT_ON)
    owners = [repay.holder(at=at), repay.holder("アオバ シカ", at=at, kind="company", corporate_number="1234567890123")]
    own = beyond_recoup(30, 10, investors=owners)
    repay.pay_in(own, at=in_old_year())
    new_rate(payee_class="company")
    repay.send_run(at=in_new_year())
    assert RetaxedAllocation.objects.get().allocation.payee_class == "company"
    assert sorted(Payout.objects.values_list("tax", flat=True)) == [floor(5_000, NEW_RATE), floor(15_000, OLD_RATE)]
    books_are_right()


def test_what_was_written_off_is_not_taxed_again_and_a_write_off_after_it_takes_the_new_tax() -> None:
    own = beyond_recoup(7)
    repay.pay_in(own, 7 * 5_200 + 3, at=in_old_year())
    row = write_off.prepare(own, actor=repay.staff("maker"), at=in_old_year(), reason="Washed away.")
    write_off.approve(row, actor=repay.staff("checker"), at=in_old_year())
    new_rate()
    repay.settle(repay.send_run(at=in_new_year()))
    kept = floor(7 * 200, NEW_RATE)
    assert Payout.objects.get().tax == kept == due(Allocation.objects.select_related("distribution").get()).tax
    assert (balance(own.fund.book_id, "withholding_accrued"), balance(own.fund.book_id, "distributions_payable")) == (
        0,
        0,
    )
    books_are_right()
    repay.report(own.fund, 2, 3_600_000)
    later = repay.distribute(own.fund, 2, at=in_new_year() + timedelta(days=300))
    assert later.rate_person == NEW_RATE


def test_a_write_off_of_lines_taxed_again_takes_the_new_tax() -> None:
    own = beyond_recoup(7)
    new_rate()
    repay.pay_in(own, 7 * 5_200, at=in_new_year())
    part = pay_in.prepare_instalment(own, actor=repay.staff("maker"), at=in_new_year(), reason="What is there.")
    pay_in.approve_instalment(part, actor=repay.staff("checker"), at=in_new_year())
    repay.settle(repay.send_run(at=in_new_year()))
    row = write_off.prepare(own, actor=repay.staff("maker"), at=in_new_year(), reason="Washed away.")
    write_off.approve(row, actor=repay.staff("checker"), at=in_new_year())
    assert row.tax == floor(3_500, NEW_RATE) - floor(1_400, NEW_RATE)
    assert (balance(own.fund.book_id, "withholding_accrued"), balance(own.fund.book_id, "distributions_payable")) == (
        0,
        0,
    )
    books_are_right()


def test_the_preview_foresees_the_tax_and_nothing_of_it_happens() -> None:
    own = beyond_recoup(40)
    repay.pay_in(own, at=in_old_year())
    new_rate()
    day = in_new_year().date()
    with retax.foreseen(day, at=in_old_year()) as changes:
        lines = select.preview(day)
    assert [(change.before, change.after) for change in changes] == [(floor(20_000, OLD_RATE), floor(20_000, NEW_RATE))]
    assert [line.amount for line in lines] == [own.gross - floor(20_000, NEW_RATE)]
    assert not Retax.objects.exists() and not Entry.objects.filter(kind="reversal").exists()


def test_a_months_tax_is_what_its_transfers_withheld_at_the_rates_of_their_days() -> None:
    own = beyond_recoup(40)
    repay.pay_in(own, 40 * 5_100)
    part = pay_in.prepare_instalment(own, actor=repay.staff("maker"), at=in_old_year(), reason="What is there.")
    pay_in.approve_instalment(part, actor=repay.staff("checker"), at=in_old_year())
    repay.settle(repay.send_run(at=in_old_year()))
    new_rate()
    repay.pay_in(own, at=in_new_year())
    repay.settle(repay.send_run(at=in_new_year()))
    months = tax.withheld(before=date(2022, 2, 1))[own.fund_id]
    assert months == {
        date(2021, 12, 1): floor(40 * 100, OLD_RATE),
        date(2022, 1, 1): floor(40 * 400, NEW_RATE),
    }


def test_what_was_taxed_again_never_changes() -> None:
    own = beyond_recoup(40)
    repay.pay_in(own, at=in_old_year())
    new_rate()
    retax.for_run(in_new_year().date(), actor=repay.staff(), at=in_new_year())
    for table in ("investments_retax", "investments_retaxedallocation"):
        refused(f"UPDATE {table} SET tax = tax + %s", 1)
        refused(f"DELETE FROM {table} WHERE tax > %s", 0)
    row = RetaxedAllocation.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        RetaxedAllocation.objects.create(
            retax=Retax.objects.create(
                distribution=own, number=2, pay_on=clock.today_in(), rate_person=OLD_RATE, rate_company=OLD_RATE,
                happened_at=in_new_year(),
            ),
            allocation_id=row.allocation_id, from_per_unit=0, taken=0, rate=NEW_RATE, tax_before=0, tax=0,
        )  # fmt: skip
