"""Money to the business and to the tax office: two people, the ledger's figures, once each (domain.md section 7)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from investments.banking import outgoing, zengin
from investments.banking.models import OutgoingTransfer
from investments.ledger import post as ledger
from investments.ledger.post import balance
from investments.models import Entry, Fund, Release, TaxPayment
from investments.payouts import release, tax
from microfund.kernel import clock
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.models import Event
from tests import make, repay
from tests.repay import books_are_right

pytestmark = pytest.mark.django_db
PAYEE = {"bank": "0001", "branch": "001", "type": "1", "number": "7654321", "holder": "ヒノデ"}


def made(transfer: OutgoingTransfer, *, at: Any) -> OutgoingTransfer:
    outgoing.approve(transfer, actor=repay.staff("checker"), at=at)
    return outgoing.record_sent(
        transfer, transferred_on=clock.today_in(None, at), bank_reference="B1", actor=repay.staff(), at=at
    )


def prepare(fund: Fund, part: str, amount: int, *, at: Any) -> OutgoingTransfer:
    return release.prepare(
        fund, part=part, amount=amount, payee=PAYEE, actor=repay.staff(), at=at, reason="They buy rafts."
    )


def test_a_release_is_a_line_of_a_bank_file_the_same_bytes_whenever_it_is_taken() -> None:
    fund = repay.operating(4)
    at = make.at_noon(fund.term_starts_on)
    transfer = prepare(fund, "investment", 15_000, at=at)

    def take(reason: str = "For the bank.") -> bytes:
        return outgoing.download(transfer, actor=repay.staff(), at=at, reason=reason)

    with pytest.raises(DomainError) as refused:
        take()
    assert refused.value.code == "wrong_state"
    outgoing.approve(transfer, actor=repay.staff("checker"), at=at)
    with pytest.raises(DomainError) as refused:
        take(" ")
    assert refused.value.code == "reason_needed"
    content = take()
    head, line, trailer, _end, rest = content.split(b"\r\n")
    assert (len(line), rest, zengin.sums(content)) == (120, b"", (1, 15_000))
    assert head[54:58] == f"{clock.next_bank_day(at.date()):%m%d}".encode()
    assert line[:5] == b"20001" and line[42:50] == b"17654321" and line[50:80].decode("shift_jis").strip() == "ﾋﾉﾃﾞ"
    assert (int(line[80:90]), line[91:111]) == (15_000, f"9{transfer.pk:019d}".encode())
    outgoing.record_sent(
        transfer, transferred_on=clock.today_in(None, at), bank_reference="B1", actor=repay.staff(), at=at
    )
    assert take("Once more, for the auditor.") == content
    taken = AuditRow.objects.filter(action="investments.OutgoingTransfer.downloaded")
    assert [row.reason for row in taken.order_by("pk")] == ["For the bank.", "Once more, for the auditor."]
    assert "7654321" not in str(taken[0].changes)


def test_a_payee_that_no_bank_takes_is_named_at_the_approval() -> None:
    fund = repay.operating(4)
    at = make.at_noon(fund.term_starts_on)
    transfer = release.prepare(
        fund, part="investment", amount=15_000, payee={**PAYEE, "holder": "日出水産"}, actor=repay.staff(), at=at,
        reason="They buy rafts.",
    )  # fmt: skip
    with pytest.raises(DomainError, match="日出水産") as refused:
        outgoing.approve(transfer, actor=repay.staff("checker"), at=at)
    assert refused.value.code == "letter"
    transfer.refresh_from_db()
    assert transfer.state == "prepared"


def test_both_parts_are_released_once_each_and_not_a_yen_more() -> None:
    fund = repay.operating(4)
    at = make.at_noon(fund.term_starts_on)
    before = balance(fund.book_id, "bank")
    for part, account in (("donation", "donation_payable"), ("investment", "investment_payable")):
        there = balance(fund.book_id, account)
        assert there == 4 * 5_000
        with pytest.raises(DomainError) as refused:
            prepare(fund, part, there + 1, at=at)
        assert refused.value.code == "amount"
        transfer = prepare(fund, part, there, at=at)
        with pytest.raises(DomainError) as refused:
            prepare(fund, part, 1, at=at)
        assert refused.value.code == "under_way"
        with pytest.raises(DomainError) as refused:
            outgoing.approve(transfer, actor=repay.staff(), at=at)
        assert refused.value.code == "same_person"
        made(transfer, at=at)
        assert balance(fund.book_id, account) == 0
        books_are_right()
    assert balance(fund.book_id, "bank") == before - 40_000
    with pytest.raises(DomainError) as refused:
        prepare(fund, "donation", 1, at=at)
    assert refused.value.code == "nothing"
    assert Event.objects.filter(kind__endswith="FundsReleased").count() == 2


def test_a_withdrawn_release_lets_go_and_the_investment_waits_for_the_term() -> None:
    fund = repay.operating(4)
    at = make.at_noon(fund.term_starts_on)
    transfer = prepare(fund, "donation", 20_000, at=at)
    outgoing.withdraw(transfer, actor=repay.staff(), at=at, reason="Another account.")
    assert Release.objects.get().withdrawn_at == at
    assert balance(fund.book_id, "donation_payable") == 20_000
    prepare(fund, "donation", 5_000, at=at)
    fund.state = Fund.State.CLOSED
    assert release.releasable(fund, "investment") == 0
    assert release.releasable(fund, "donation") == 20_000
    books_are_right()


def test_the_withheld_tax_of_a_month_is_totalled_and_paid_over_once() -> None:
    fund = repay.operating(
        40, periods=2, units_offered=300, rate_before_recoup=Decimal("0.5"), rate_after_recoup=Decimal("0.25")
    )
    own = repay.whole_period(fund, 1, 3_600_000)
    assert own.tax > 0
    (month,) = tax.withheld(before=date(2100, 1, 1))[fund.pk]
    first = make.at_noon(clock.add_months(month, 1))
    assert tax.gather_due(on=first.date() - timedelta(days=1), at=first)["totals"] == 0
    for totals in (1, 0):
        assert tax.gather_due(on=first.date(), at=first) == {"totals": totals, "errors": 0}
    payment = TaxPayment.objects.get()
    assert (payment.amount, payment.month) == (own.tax, month)
    assert payment.due_on == clock.next_bank_day(first.date().replace(day=10))
    transfer = tax.pay_over(payment, actor=repay.staff(), at=first, reason="Monthly.")
    made(transfer, at=first)
    assert balance(fund.book_id, "withholding_payable") == 0
    with pytest.raises(DomainError) as refused:
        tax.pay_over(payment, actor=repay.staff(), at=first, reason="Again.")
    assert refused.value.code == "done"
    assert tax.gather_due(on=first.date() + timedelta(days=400), at=first)["totals"] == 0
    books_are_right()


def taxed(*units: int, **values: Any) -> Fund:
    """A fund whose first period paid a profit."""
    fund = repay.operating(
        *units, periods=2, units_offered=300, rate_before_recoup=Decimal("0.5"), rate_after_recoup=Decimal("0.25"),
        **values,
    )  # fmt: skip
    assert repay.whole_period(fund, 1, 3_600_000).tax > 0
    return fund


def test_all_funds_of_a_business_pay_the_tax_of_a_month_over_in_one_transfer() -> None:
    fund = taxed(40, 3)
    sister, other = taxed(7, business=fund.business), taxed(5)
    own = {each.pk: each.distributions.get().tax for each in (fund, sister, other)}
    (month,) = tax.withheld(before=date(2100, 1, 1))[fund.pk]
    first = make.at_noon(clock.add_months(month, 1))
    assert tax.gather_due(on=first.date(), at=first) == {"totals": 3, "errors": 0}
    leads = list(tax.unpaid())
    assert {row.fund_id for row in leads} == {fund.pk, other.pk}
    slip = tax.slip(leads[0])
    profit = sum(each.distributions.get().profit for each in (fund, sister))
    assert (slip.people, slip.profit, slip.tax) == (3, profit, own[fund.pk] + own[sister.pk])
    # Whichever of its totals is paid over, it is the business's.
    later = TaxPayment.objects.get(fund=sister)
    transfer = tax.pay_over(later, actor=repay.staff(), at=first, reason="Monthly.")
    assert (transfer.amount, transfer.target) == (own[fund.pk] + own[sister.pk], f"tax:{leads[0].pk}")
    assert tax.is_under_way(later) and tax.is_under_way(leads[0]) and not tax.is_under_way(leads[1])
    with pytest.raises(DomainError) as refused:
        tax.pay_over(leads[0], actor=repay.staff(), at=first, reason="Monthly.")
    assert refused.value.code == "under_way"
    made(transfer, at=first)
    on = first.date()
    assert dict(TaxPayment.objects.values_list("fund_id", "paid_on")) == {fund.pk: on, sister.pk: on, other.pk: None}
    for each, left in ((fund, 0), (sister, 0), (other, own[other.pk])):
        assert balance(each.book_id, "withholding_payable") == left
    assert Entry.objects.get(kind="tax_paid").lines.count() == 4
    books_are_right()


def test_a_total_that_comes_late_waits_while_its_business_pays_the_month_over_and_follows_by_itself() -> None:
    fund = taxed(40)
    (month,) = tax.withheld(before=date(2100, 1, 1))[fund.pk]
    first = make.at_noon(clock.add_months(month, 1))
    tax.gather_due(on=first.date(), at=first)
    transfer = tax.pay_over(TaxPayment.objects.get(), actor=repay.staff(), at=first, reason="Monthly.")
    sister = taxed(7, business=fund.business)
    assert tax.gather_due(on=first.date(), at=first)["totals"] == 0
    made(transfer, at=first)
    assert tax.gather_due(on=first.date(), at=first)["totals"] == 1
    late = TaxPayment.objects.get(fund=sister)
    assert (late.month, late.amount, late.paid_on) == (month, sister.distributions.get().tax, None)
    made(tax.pay_over(late, actor=repay.staff(), at=first, reason="It came late."), at=first)
    assert sum(TaxPayment.objects.values_list("amount", flat=True)) == sum(
        each.distributions.get().tax for each in (fund, sister)
    )
    assert balance(sister.book_id, "withholding_payable") == 0
    books_are_right()


def test_a_month_that_one_of_its_funds_cannot_pay_is_paid_over_for_none() -> None:
    fund = taxed(40)
    sister = taxed(7, business=fund.business)
    (month,) = tax.withheld(before=date(2100, 1, 1))[fund.pk]
    first = make.at_noon(clock.add_months(month, 1))
    tax.gather_due(on=first.date(), at=first)
    # Nothing is left in the bank of one of them.
    there = balance(sister.book_id, "bank")
    ledger.post(
        kind="released", source=("test", sister.pk), on=first.date(), at=first,
        legs=[ledger.debit(sister.book_id, "investment_payable", there), ledger.credit(sister.book_id, "bank", there)],
    )  # fmt: skip
    with pytest.raises(DomainError) as refused:
        tax.pay_over(TaxPayment.objects.get(fund=fund), actor=repay.staff(), at=first, reason="Monthly.")
    assert refused.value.code == "bank_short"
    assert not OutgoingTransfer.objects.filter(target__startswith="tax:").exists()
