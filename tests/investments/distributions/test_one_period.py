"""One fund through one period, from the report to the money on the investor's account (domain.md sections 5 to 9)."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from investments.banking.models import StatementLine
from investments.distributions import pay_in, services
from investments.distributions.models import Allocation, Distribution
from investments.ledger.post import balance
from investments.models import Period
from investments.payouts import outcome
from investments.payouts import services as payouts
from investments.payouts.models import Payout, PayoutAttempt, PayoutFile
from investments.revenue import reports
from microfund.kernel import private
from microfund.kernel.errors import DomainError
from tests import make, repay
from tests.private_files import sweep_years_later
from tests.repay import books_are_right

pytestmark = pytest.mark.django_db


def test_a_period_goes_from_the_report_to_the_investors_account() -> None:
    fund = repay.operating(2, 3, periods=10)
    repay.report(fund, 1, 27_900_000)
    made = repay.distribute(fund, 1)
    # 27,900,000 × 3.36 % ÷ 3,000 units = 312.48.
    assert (made.per_unit, made.units, made.gross, made.tax) == (312, 5, 1_560, 0)
    assert sorted(Allocation.objects.values_list("units", "gross", "net")) == [(2, 624, 624), (3, 936, 936)]
    assert repay.period(fund, 1).state == Period.State.APPROVED
    assert balance(fund.book_id, "receivable_from_business") == 1_560

    repay.pay_in(made)
    assert repay.period(fund, 1).state == Period.State.FUNDED
    assert balance(fund.book_id, "receivable_from_business") == 0
    books_are_right()

    # December: sums below the minimum are paid too.
    at = make.at_noon(repay.period(fund, 1).ends_on.replace(month=12, day=1))
    run = repay.send_run(at=at)
    assert (run.payments, run.amount) == (2, 1_560)
    assert balance(fund.book_id, "distributions_payable") == 0
    books_are_right()
    repay.settle(run)
    assert repay.period(fund, 1).state == Period.State.PAID
    assert set(Payout.objects.values_list("state", flat=True)) == {"paid"}
    books_are_right()


def test_small_sums_wait_and_are_carried_into_the_next_run() -> None:
    fund = repay.operating(2, periods=10)
    for number in (1, 2):
        repay.report(fund, number, 27_900_000)
        repay.pay_in(repay.distribute(fund, number))
        if number == 1:
            with pytest.raises(DomainError) as refused:
                repay.send_run(at=repay.after(repay.period(fund, 1), 30))
            assert refused.value.code == "nothing"
    run = repay.send_run(at=repay.after(repay.period(fund, 2), 30))
    assert (run.payments, run.amount) == (1, 2 * 624)
    books_are_right()


def test_profit_is_taxed_and_the_tax_is_withheld_once() -> None:
    fund = repay.operating(
        40, periods=2, units_offered=300, rate_before_recoup=Decimal("0.5"), rate_after_recoup=Decimal("0.25")
    )
    made = repay.whole_period(fund, 1, 3_600_000)
    # S* is 3,000,000; what is beyond pays 600,000 × 25 % ÷ 300 units = 500.
    assert made.principal_per_unit == 5_000
    assert made.profit == made.gross - 40 * 5_000 > 0
    assert made.tax == made.profit * 2042 // 10_000
    assert balance(fund.book_id, "withholding_accrued") == 0
    assert balance(fund.book_id, "withholding_payable") == made.tax
    books_are_right()


def test_whoever_calculated_does_not_approve_neither_by_service_nor_by_sql() -> None:
    fund = repay.operating(2)
    repay.report(fund, 1, 27_900_000)
    at = repay.after(repay.period(fund, 1))
    made = services.prepare(repay.period(fund, 1), actor=repay.staff("maker"), at=at)
    with pytest.raises(DomainError) as refused:
        services.approve(made, actor=repay.staff("maker"), at=at)
    assert refused.value.code == "same_person"
    with pytest.raises(IntegrityError), transaction.atomic():
        Distribution.objects.filter(pk=made.pk).update(
            state="approved", approved_by=repay.staff("maker"), approved_at=at
        )


def test_what_was_approved_never_changes() -> None:
    fund = repay.operating(2)
    repay.report(fund, 1, 27_900_000)
    made = repay.distribute(fund, 1)
    for change in ({"per_unit": 313}, {"state": "discarded"}, {"figures": {}}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Distribution.objects.filter(pk=made.pk).update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Allocation.objects.create(
            distribution=made,
            holding=fund.holdings.get(),
            units=1,
            gross=1,
            principal=1,
            profit=0,
            tax=0,
            net=1,
            rate="0.2042",
            payee_class="person",
        )


def test_a_restatement_after_the_calculation_stops_its_approval() -> None:
    fund = repay.operating(2)
    repay.whole_period(fund, 1, 0)
    repay.report(fund, 2, 27_900_000)
    at = repay.after(repay.period(fund, 2))
    made = services.prepare(repay.period(fund, 2), actor=repay.staff("maker"), at=at)
    repay.report(fund, 1, 9_000_000, restatement=True, at=at)
    with pytest.raises(DomainError) as refused:
        services.approve(made, actor=repay.staff("checker"), at=at)
    assert refused.value.code == "stale"
    services.discard(made, actor=repay.staff("checker"), at=at, reason="Restated.")
    again = repay.distribute(fund, 2, at=at)
    assert again.figures == {"1": 9_000_000, "2": 27_900_000}
    assert again.per_unit == 36_900_000 * 336 // 10_000 // 3_000


def test_a_deferred_period_pays_with_the_next_and_holders_lose_nothing() -> None:
    fund = repay.operating(49)
    assert repay.whole_period(fund, 1, 27_900_000, action="defer").per_unit == 0
    assert repay.period(fund, 1).state == Period.State.PAID
    made = repay.whole_period(fund, 2, 27_900_000)
    assert made.per_unit == 2 * 27_900_000 * 336 // 10_000 // 3_000
    books_are_right()


def test_a_business_that_pays_in_part_is_paid_out_in_part_and_taxed_to_the_same_sum() -> None:
    fund = repay.operating(
        40, periods=2, units_offered=300, rate_before_recoup=Decimal("0.5"), rate_after_recoup=Decimal("0.25")
    )
    repay.report(fund, 1, 3_600_000)
    made = repay.distribute(fund, 1)
    first = made.gross // 2
    repay.pay_in(made, first)
    assert repay.period(fund, 1).state == Period.State.APPROVED
    at = repay.after(repay.period(fund, 1), 21)
    part = pay_in.prepare_instalment(made, actor=repay.staff("maker"), at=at, reason="The bank lends them the rest.")
    assert part.per_unit == first // made.units
    with pytest.raises(DomainError):
        pay_in.approve_instalment(part, actor=repay.staff("maker"), at=at)
    pay_in.approve_instalment(part, actor=repay.staff("checker"), at=at)
    run = repay.send_run(at=at)
    books_are_right()
    repay.settle(run)
    repay.pay_in(made, at=repay.after(repay.period(fund, 1), 60))
    repay.settle(repay.send_run(at=repay.after(repay.period(fund, 1), 61)))
    own = Payout.objects.all()
    assert sum(row.gross for row in own) == made.gross
    assert sum(row.tax for row in own) == made.tax
    assert sum(row.principal for row in own) == made.principal
    assert repay.period(fund, 1).state == Period.State.PAID
    books_are_right()


def test_more_than_is_owed_stays_in_the_queue() -> None:
    fund = repay.operating(2)
    repay.report(fund, 1, 27_900_000)
    made = repay.distribute(fund, 1)
    repay.pay_in(made, made.gross + 100)
    line = StatementLine.objects.get(remaining__gt=0)
    assert (line.remaining, line.problem) == (100, "over")
    assert made.owed == 0
    books_are_right()


def test_a_returned_transfer_is_owed_again_and_paid_once_the_account_was_mended() -> None:
    at = make.at_noon(repay.BOUGHT_ON)
    investor = repay.holder(at=at)
    fund = repay.operating(40, investors=[investor])
    made = repay.whole_period(fund, 1, 27_900_000)
    attempt = PayoutAttempt.objects.get()
    back_at = repay.after(made.period, 40)
    for _time in range(3):
        outcome.record_return(
            attempt, returned_on=back_at.date(), actor=repay.staff(), at=back_at, cause="closed", reason="解約済"
        )
    assert balance(fund.book_id, "distributions_payable") == made.net
    books_are_right()
    with pytest.raises(DomainError) as refused:
        repay.send_run(at=back_at)
    assert refused.value.code == "nothing"
    repay.give_account(investor, number="7654321", at=back_at + timedelta(hours=1))
    run = repay.send_run(at=back_at + timedelta(hours=2))
    assert (run.payments, run.amount) == (1, made.net)
    repay.settle(run)
    assert Payout.objects.get().state == "paid"
    assert list(PayoutAttempt.objects.order_by("number").values_list("number", "state")) == [
        (1, "returned"),
        (2, "paid"),
    ]
    books_are_right()


def test_a_return_is_booked_with_the_deposit_by_which_it_came() -> None:
    fund = repay.operating(40)
    made = repay.whole_period(fund, 1, 27_900_000)
    attempt = PayoutAttempt.objects.get()
    at = repay.after(made.period, 40)
    repay.receive({"amount": attempt.amount, "payer_name": "ﾌﾘｺﾐﾌﾉｳ"}, {"amount": 1, "payer_name": "ﾌﾘｺﾐﾌﾉｳ"}, at=at)
    lines = {line.amount: line for line in StatementLine.objects.filter(remaining__gt=0)}
    with pytest.raises(DomainError) as refused:
        outcome.record_return(attempt, returned_on=at.date(), actor=repay.staff(), at=at, line=lines[1])
    assert refused.value.code == "amount"
    assert Payout.objects.get().state == "paid"
    back = outcome.record_return(attempt, returned_on=at.date(), actor=repay.staff(), at=at, line=lines[attempt.amount])
    assert back.use is not None
    assert StatementLine.objects.get(amount=attempt.amount, payer_name="ﾌﾘｺﾐﾌﾉｳ").remaining == 0
    assert balance(fund.book_id, "distributions_payable") == made.net
    books_are_right()


def test_a_withdrawn_run_leaves_its_payouts_for_the_next() -> None:
    fund = repay.operating(40)
    repay.report(fund, 1, 27_900_000)
    made = repay.pay_in(repay.distribute(fund, 1))
    at = repay.after(made.period, 30)
    run = payouts.build_run(pay_on=at.date() + timedelta(days=1), actor=repay.staff(), at=at)
    payouts.withdraw_run(run, actor=repay.staff(), at=at, reason="Wrong day.")
    books_are_right()
    again = repay.send_run(at=at)
    assert (again.payments, again.amount) == (1, made.net)
    assert Payout.objects.count() == 1
    books_are_right()


def test_a_bank_file_stays_as_it_was_approved() -> None:
    fund = repay.operating(40)
    made = repay.whole_period(fund, 1, 27_900_000)
    kept = PayoutFile.objects.get()
    at = repay.after(made.period, 40)
    first = payouts.download(kept.run, 0, actor=repay.staff(), at=at, reason="For the bank.")
    assert hashlib.sha256(first).hexdigest() == kept.sha256
    assert (kept.payments, kept.amount) == (1, made.net)
    with pytest.raises(IntegrityError), transaction.atomic():
        PayoutFile.objects.filter(pk=kept.pk).update(sha256="0" * 64)
    # A change of field keys writes the token of its key anew.
    PayoutFile.objects.filter(pk=kept.pk).update(key=kept.key)
    # Files that an approval left which failed after writing them are swept away; this one is named.
    private.put("payouts", b"lost")
    assert sweep_years_later() >= 1
    assert payouts.download(kept.run, 0, actor=repay.staff(), at=at, reason="Once more.") == first
    with pytest.raises(DomainError) as refused:
        payouts.download(kept.run, 0, actor=repay.staff(), at=at, reason=" ")
    assert refused.value.code == "reason_needed"


def test_a_wind_up_pays_the_residual_and_ends_every_other_claim() -> None:
    fund = repay.operating(40)
    repay.whole_period(fund, 1, 27_900_000)
    at = repay.after(repay.period(fund, 2), -100)
    made = services.prepare_wind_up(fund, residual_per_unit=1_000, actor=repay.staff(), at=at, reason="They retire.")
    services.approve(made, actor=repay.staff("checker"), at=at)
    fund.refresh_from_db()
    assert fund.state == "wound_up"
    assert set(fund.periods.values_list("state", flat=True)) == {"paid", "wound_up"}
    repay.pay_in(made, at=at)
    repay.settle(repay.send_run(at=at))
    assert sum(Payout.objects.values_list("net", flat=True)) == 40 * (312 + 1_000)
    books_are_right()


def test_after_the_last_period_the_fund_matures_and_is_settled_when_nothing_is_owed() -> None:
    fund = repay.operating(40, periods=2)
    repay.whole_period(fund, 1, 27_900_000)
    repay.whole_period(fund, 2, 27_900_000)
    fund.refresh_from_db()
    assert fund.state == "matured"
    at = repay.after(repay.period(fund, 2), 60)
    with pytest.raises(DomainError) as refused:
        outcome.settle(fund, actor=repay.staff(), at=at, reason="Over.")
    assert refused.value.code == "not_empty"
    repay.report(fund, 1, 37_900_000, restatement=True, at=at)
    made = services.prepare_supplement(fund, actor=repay.staff(), at=at)
    services.approve(made, actor=repay.staff("checker"), at=at)
    assert made.per_unit == 65_800_000 * 336 // 10_000 // 3_000 - 624
    repay.pay_in(made, at=at)
    repay.settle(repay.send_run(at=at))
    books_are_right()


def test_a_report_is_judged_before_it_is_signed() -> None:
    fund = repay.operating(2)
    own = repay.period(fund, 1)
    at = repay.after(own)
    figures = [{"label": "", "months": [1_000_000] * 12}]
    with pytest.raises(DomainError) as refused:
        reports.save_draft(own, lines=figures, actor=repay.owner(fund), at=at)
    assert refused.value.code == "wrong_state"
    reports.await_report(own.pk, at=at)
    own.refresh_from_db()
    for lines in ([], [{"label": "", "months": [1] * 11}], [{"label": "", "months": [-1] * 12}]):
        with pytest.raises(DomainError) as refused:
            reports.save_draft(own, lines=lines, actor=repay.owner(fund), at=at)
        assert refused.value.code == "figures"
    draft = reports.save_draft(own, lines=figures, actor=repay.owner(fund), at=at)
    with pytest.raises(DomainError) as refused:
        reports.submit(draft, actor=repay.owner(fund), at=at)
    assert refused.value.code == "comment_needed"
