"""Arrears that two people write off (domain.md section 5): what is there is paid, what is left of it is a credit."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from investments.banking import outgoing
from investments.distributions import credit, pay_in, services, write_off
from investments.distributions.changes import WriteOff
from investments.distributions.models import Distribution, Instalment, PayIn
from investments.ledger.post import balance
from investments.models import Entry, Fund, Period
from investments.payouts import outcome
from investments.payouts.models import Payout
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.models import Event
from tests import make, repay
from tests.repay import books_are_right

pytestmark = pytest.mark.django_db
WHY = "The works were washed away."


def owed(*units: int, paid: int = 0, **values: Any) -> Distribution:
    """The approved distribution of a first period (¥312 for each unit), of which the business paid a part."""
    fund = repay.operating(*units, **values)
    repay.report(fund, 1, 27_900_000)
    made = repay.distribute(fund, 1)
    return repay.pay_in(made, paid) if paid else made


def give_up(own: Distribution, **values: Any) -> WriteOff:
    at = repay.after(own.period, 40)
    row = write_off.prepare(own, actor=repay.staff("maker"), at=at, reason=WHY)
    made = write_off.approve(row, actor=repay.staff("checker"), at=at)
    own.refresh_from_db()
    return made


def balances(fund: Fund) -> dict[str, int]:
    names = ("receivable_from_business", "distributions_payable", "withholding_accrued", "business_credit", "bank")
    return {name: there for name in names if (there := balance(fund.book_id, name))}


def test_nothing_was_paid_everything_is_given_up_and_nothing_falls_due_twice() -> None:
    own = owed(40)
    fund = own.fund
    row = give_up(own)
    assert (row.amount, row.per_unit, row.net, row.tax, row.credit) == (12_480, 312, 12_480, 0, 0)
    assert (own.owed, own.cash_per_unit, own.written_off_per_unit) == (0, 0, 312)
    assert repay.period(fund, 1).state == Period.State.PAID
    assert balances(fund) == {"bank": balance(fund.book_id, "bank")}
    assert not Instalment.objects.exists()
    books_are_right()
    # What was written off counts as distributed: the next period pays its own only.
    repay.report(fund, 2, 27_900_000)
    following = repay.distribute(fund, 2)
    assert (following.paid_before, following.per_unit) == (312, 625 - 312 - 1)
    books_are_right()


def test_what_is_there_is_paid_to_the_last_whole_yen_and_the_rest_is_a_credit() -> None:
    own = owed(40, paid=10_033)
    row = give_up(own)
    # 10,033 ÷ 40 = 250 for each unit; 33 yen are left.
    assert (row.amount, row.per_unit, row.net, row.credit, row.credit_left) == (2_447, 62, 2_480, 33, 33)
    assert (own.instalment_per_unit, own.owed) == (250, 0)
    assert repay.period(own.fund, 1).state == Period.State.FUNDED
    there = balances(own.fund)
    assert (there["distributions_payable"], there["business_credit"]) == (10_000, 33)
    assert "receivable_from_business" not in there
    books_are_right()
    run = repay.send_run(at=repay.after(own.period, 41))
    assert (run.payments, run.amount) == (1, 10_000)
    repay.settle(run)
    assert repay.period(own.fund, 1).state == Period.State.PAID
    books_are_right()


def test_tax_falls_away_with_the_profit_that_is_not_paid_to_the_yen() -> None:
    terms = {"units_offered": 300, "rate_before_recoup": Decimal("0.5"), "rate_after_recoup": Decimal("0.25")}
    fund = repay.operating(7, 33, periods=2, **terms)
    repay.report(fund, 1, 3_600_000)
    own = repay.distribute(fund, 1)
    assert (own.per_unit, own.principal_per_unit) == (5_500, 5_000)
    repay.pay_in(own, 40 * 5_101 + 39)
    at = repay.after(own.period, 30)
    part = pay_in.prepare_instalment(own, actor=repay.staff("maker"), at=at, reason="What is there.")
    pay_in.approve_instalment(part, actor=repay.staff("checker"), at=at)
    repay.settle(repay.send_run(at=at))
    row = give_up(own)
    kept = 7 * 101 * 2042 // 10_000 + 33 * 101 * 2042 // 10_000
    assert (row.per_unit, row.tax, row.net, row.credit) == (399, own.tax - kept, 40 * 399 - own.tax + kept, 39)
    assert sum(Payout.objects.values_list("tax", flat=True)) == kept
    assert (balance(fund.book_id, "withholding_accrued"), balance(fund.book_id, "distributions_payable")) == (0, 0)
    books_are_right()
    outcome.paid_due(on=repay.after(own.period, 60).date(), at=repay.after(own.period, 60))
    assert repay.period(fund, 1).state == Period.State.PAID


def test_a_credit_pays_the_next_distribution_first() -> None:
    own = owed(40, paid=10_033)
    row = give_up(own)
    repay.report(own.fund, 2, 27_900_000)
    following = repay.distribute(own.fund, 2)
    row.refresh_from_db()
    assert (following.received, following.owed, row.credit_left) == (33, following.gross - 33, 0)
    assert PayIn.objects.get(credit=row).amount == 33 and balance(own.fund.book_id, "business_credit") == 0
    books_are_right()
    repay.pay_in(following)
    assert following.owed == 0 and repay.period(own.fund, 2).state == Period.State.FUNDED
    books_are_right()


def test_a_credit_pays_what_is_open_of_a_later_period_at_once() -> None:
    own = owed(40, paid=10_033)
    repay.report(own.fund, 2, 27_900_000)
    later = repay.distribute(own.fund, 2)
    row = give_up(own)
    later.refresh_from_db()
    row.refresh_from_db()
    assert (later.received, row.credit_left) == (33, 0)
    books_are_right()


def test_a_credit_that_nothing_follows_goes_back_to_the_business_by_two_people() -> None:
    fund = repay.operating(40, periods=2)
    repay.whole_period(fund, 1, 27_900_000)
    repay.report(fund, 2, 27_900_000)
    own = repay.pay_in(repay.distribute(fund, 2), 39)
    row = give_up(own)
    at = repay.after(own.period, 50)
    outcome.paid_due(on=at.date(), at=at)
    fund.refresh_from_db()
    assert (fund.state, row.credit_left) == ("matured", 39)
    with pytest.raises(DomainError) as refused:
        outcome.settle(fund, actor=repay.staff(), at=at, reason="Over.")
    assert refused.value.code == "not_empty"
    payee = {"bank": "0001", "branch": "001", "type": "1", "number": "7654321", "holder": "ヒノデ"}
    transfer = credit.give_back(row, payee=payee, actor=repay.staff("maker"), at=at, reason="Nothing follows.")
    with pytest.raises(DomainError) as refused:
        outgoing.approve(transfer, actor=repay.staff("maker"), at=at)
    assert refused.value.code == "same_person"
    outgoing.approve(transfer, actor=repay.staff("checker"), at=at)
    for _time in range(2):
        outgoing.record_sent(transfer, transferred_on=at.date(), bank_reference="B1", actor=repay.staff("maker"), at=at)
    row.refresh_from_db()
    assert (row.credit_left, row.returned, row.returned_on) == (0, 39, at.date())
    assert balance(fund.book_id, "business_credit") == 0
    assert Entry.objects.filter(kind="credit_returned").count() == 1
    books_are_right()


def test_a_credit_that_may_still_be_needed_stays() -> None:
    own = owed(40, paid=10_033)
    row = give_up(own)
    with pytest.raises(DomainError) as refused:
        credit.give_back(row, payee={}, actor=repay.staff(), at=repay.after(own.period, 50), reason="Give it back.")
    assert refused.value.code == "needed"


def test_a_credit_of_a_wind_up_goes_back() -> None:
    fund = repay.operating(40)
    at = repay.after(repay.period(fund, 1), -100)
    made = services.prepare_wind_up(fund, residual_per_unit=100, actor=repay.staff(), at=at, reason="They retire.")
    own = services.approve(made, actor=repay.staff("checker"), at=at)
    repay.pay_in(own, 79, at=at)
    row = write_off.prepare(own, actor=repay.staff("maker"), at=at, reason=WHY)
    write_off.approve(row, actor=repay.staff("checker"), at=at)
    row.refresh_from_db()
    assert (row.per_unit, row.credit_left, credit.returnable(row)) == (99, 39, True)
    assert set(fund.periods.values_list("state", flat=True)) == {"wound_up"}
    books_are_right()


def test_two_people_decide_neither_service_nor_sql_lets_one_do_it() -> None:
    own = owed(40)
    at = repay.after(own.period, 40)
    with pytest.raises(DomainError) as refused:
        write_off.prepare(own, actor=repay.staff("maker"), at=at, reason=" ")
    assert refused.value.code == "reason_needed"
    row = write_off.prepare(own, actor=repay.staff("maker"), at=at, reason=WHY)
    with pytest.raises(DomainError) as refused:
        write_off.approve(row, actor=repay.staff("maker"), at=at)
    assert refused.value.code == "same_person"
    with pytest.raises(IntegrityError), transaction.atomic():
        WriteOff.objects.filter(pk=row.pk).update(
            state="approved", checker=repay.staff("maker"), approved_at=at, credit_left=0
        )
    # No distribution says that it was written off unless two people said so.
    with pytest.raises(IntegrityError), transaction.atomic():
        Distribution.objects.filter(pk=own.pk).update(written_off=own.gross, written_off_per_unit=own.per_unit)
    write_off.approve(row, actor=repay.staff("checker"), at=at)
    for change in ({"amount": 1}, {"reason": "Another."}, {"state": "withdrawn"}, {"credit_left": 5}):
        with pytest.raises(IntegrityError), transaction.atomic():
            WriteOff.objects.filter(pk=row.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Distribution.objects.filter(pk=own.pk).update(written_off=0, written_off_per_unit=0)
    assert AuditRow.objects.filter(action="investments.WriteOff.approved").count() == 1
    assert Event.objects.filter(kind__endswith="DistributionWrittenOff").count() == 1


def test_only_what_is_owed_is_written_off_and_once() -> None:
    own = owed(40)
    row = give_up(own)
    at = repay.after(own.period, 41)
    for _time in range(2):
        with pytest.raises(DomainError) as refused:
            write_off.prepare(own, actor=repay.staff("maker"), at=at, reason=WHY)
        assert refused.value.code == "wrong_state"
    with pytest.raises(DomainError) as refused:
        write_off.approve(row, actor=repay.staff("checker"), at=at)
    assert refused.value.code == "wrong_state"
    assert Entry.objects.filter(kind="written_off").count() == 1


def test_a_payment_that_comes_meanwhile_stops_the_approval_and_all_of_it_ends_the_write_off() -> None:
    own = owed(40)
    at = repay.after(own.period, 30)
    row = write_off.prepare(own, actor=repay.staff("maker"), at=at, reason=WHY)
    repay.pay_in(own, 400, at=at)
    with pytest.raises(DomainError) as refused:
        write_off.approve(row, actor=repay.staff("checker"), at=at)
    assert refused.value.code == "stale"
    with pytest.raises(DomainError) as refused:
        write_off.prepare(own, actor=repay.staff("maker"), at=at, reason=WHY)
    assert refused.value.code == "under_way"
    repay.pay_in(own, at=at + timedelta(hours=1))
    row.refresh_from_db()
    assert row.state == "withdrawn"
    books_are_right()


def test_a_part_payment_that_waits_is_overtaken_by_the_write_off() -> None:
    own = owed(40, paid=10_000)
    at = repay.after(own.period, 30)
    part = pay_in.prepare_instalment(own, actor=repay.staff("maker"), at=at, reason="What is there.")
    give_up(own)
    part.refresh_from_db()
    assert part.state == "withdrawn"
    released = Instalment.objects.get(state="approved")
    assert (released.per_unit, released.maker, released.checker) == (250, repay.staff("maker"), repay.staff("checker"))
    books_are_right()


def test_money_that_comes_after_all_stays_in_the_queue() -> None:
    own = owed(40)
    give_up(own)
    repay.receive({"amount": 500, "payer_code": own.payer_code, "payer_name": "ﾋﾉﾃﾞ"}, at=make.at_noon(
        repay.after(own.period, 60).date()
    ))  # fmt: skip
    own.refresh_from_db()
    assert own.received == 0
    assert balance(repay.Fund.objects.get().book_id, "receivable_from_business") == 0
    books_are_right()
