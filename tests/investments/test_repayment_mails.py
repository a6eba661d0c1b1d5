"""The mails of repayment: to whom, once, in whose language, with the figures of the pages."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings

from investments import repayment_mails, report_mails
from investments.models import Fund, Period, TaxRate
from investments.payouts import outcome
from investments.payouts.models import Payout, PayoutAttempt, PayoutRun
from investments.revenue import reports
from investments.revenue import services as revenue
from microfund.kernel import clock
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox.models import Event
from tests import make, repay
from tests.investments.test_mails import both_parts_say, check, deliver, mails_of, the_mail

pytestmark = pytest.mark.django_db


def to_investors(kind: str) -> list[Notice]:
    found = mails_of(kind)
    for notice in found:
        check(notice)
    return found


@pytest.fixture
def fund() -> Fund:
    made = repay.operating(2, 3, periods=10)
    repay.owner(made)
    return made


def december(fund: Fund, number: int) -> Any:
    """Noon of a December day after the period, when sums below the minimum are paid as well."""
    return make.at_noon(repay.period(fund, number).ends_on.replace(month=12, day=1))


# --- Owners -------------------------------------------------------------------------------------------------------


def remind(own: Period, days: int) -> list[str]:
    """The reminders' subjects after the sweep of a day relative to the due date ran twice."""
    on = own.report_due_on + timedelta(days=days)
    for _time in range(2):
        report_mails.remind_reports_due(on=on, at=make.at_noon(on))
    return list(Notice.objects.filter(kind="report_reminder").order_by("pk").values_list("subject", flat=True))


def test_an_error_in_one_fund_keeps_no_other_from_being_reminded_or_put_on_new_dates(
    fund: Fund, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = repay.operating(2, periods=10)
    repay.owner(other)
    own = repay.period(fund, 1)
    for period in (own, repay.period(other, 1)):
        reports.await_report(period.pk, at=repay.after(period, 1))
    remind_whole, moves = report_mails.remind, revenue._has_moved

    def fails(whole: Any, fund_id: Any) -> Any:
        def act(row: Any, **values: Any) -> Any:
            if fund_id(row) == fund.pk:
                raise RuntimeError("no such month")
            return whole(row, **values)

        return act

    monkeypatch.setattr(report_mails, "remind", fails(remind_whole, lambda row: row.fund_id))
    monkeypatch.setattr(revenue, "_has_moved", fails(moves, lambda row: row.pk))
    on = own.report_due_on
    assert report_mails.remind_reports_due(on=on, at=make.at_noon(on)) == {"reminded": 1, "errors": 1}
    assert [notice.recipient for notice in mails_of("report_reminder")] == [repay.owner(other).email]
    assert revenue.reschedule_due(on=on, at=make.at_noon(on)) == {"moved": 0, "errors": 1}


def test_owners_are_reminded_on_five_days_and_once_each(fund: Fund) -> None:
    own = repay.period(fund, 1)
    reports.await_report(own.pk, at=repay.after(own, 1))
    assert remind(own, -31) == []
    for count, days in enumerate((-30, -7, 0, 7, 30), start=1):
        assert len(remind(own, days)) == len(remind(own, days + 1)) == count
    found = mails_of("report_reminder")
    for notice in found:
        check(notice)
        assert notice.recipient == repay.owner(fund).email
    both_parts_say(found[0], "In 30 days")
    both_parts_say(found[2], "Today")
    both_parts_say(found[3], "7 days ago")
    late = mails_of("report_late")
    assert [notice.recipient for notice in late] == [settings.OPERATOR["email"]] * 2
    assert late[1].subject.endswith("30 days late")
    # A report that was signed is not asked for.
    draft = reports.save_draft(
        own,
        lines=[{"label": "", "months": [0] * 11 + [27_900_000]}],
        actor=repay.owner(fund),
        at=repay.after(own, 130),
        comment="Late.",
    )
    reports.submit(draft, actor=repay.owner(fund), at=repay.after(own, 130))
    assert len(remind(own, 40)) == 5


def test_after_a_downtime_only_the_newest_reminder_is_sent(fund: Fund) -> None:
    own = repay.period(fund, 1)
    reports.await_report(own.pk, at=repay.after(own, 1))
    assert len(remind(own, 8)) == 1


def test_a_returned_report_says_what_is_to_be_mended(fund: Fund) -> None:
    own = repay.period(fund, 1)
    at = repay.after(own, 10)
    reports.await_report(own.pk, at=at)
    draft = reports.save_draft(
        own,
        lines=[{"label": "", "months": [0] * 11 + [1]}],
        actor=repay.owner(fund),
        at=at,
        comment="Little.",
    )
    reports.submit(draft, actor=repay.owner(fund), at=at)
    reports.send_back(draft, actor=repay.staff("reviewer"), at=at, reason="March & April are missing.")
    both_parts_say(the_mail("report_returned"), "March & April are missing.")


# --- A period -----------------------------------------------------------------------------------------------------


def test_holders_hear_what_a_period_pays_and_why_and_owners_what_they_owe(fund: Fund) -> None:
    repay.report(fund, 1, 27_900_000)
    made = repay.distribute(fund, 1)
    found = to_investors("period_result")
    assert len(found) == 2
    assert "¥312 per unit" in found[0].subject
    both_parts_say(found[0], "¥312.48", "× 2 units = ¥624", "The boats came late.", "Paid to you")
    both_parts_say(found[1], "× 3 units = ¥936")
    owed = the_mail("payment_owed")
    assert owed.recipient == repay.owner(fund).email
    both_parts_say(owed, "¥1,560", made.payer_code)


def test_nothing_to_pay_is_told_with_the_reason(fund: Fund) -> None:
    repay.report(fund, 1, 27_900_000, action="defer")
    repay.distribute(fund, 1)
    found = to_investors("period_result")
    assert len(found) == 2
    assert "nothing to pay" in found[0].subject
    both_parts_say(found[0], "The payment was deferred: ¥312 per unit fall due with the next period.")
    assert not mails_of("payment_owed")


def test_what_is_paid_and_what_came_back_is_told_once(fund: Fund) -> None:
    repay.report(fund, 1, 27_900_000)
    repay.pay_in(repay.distribute(fund, 1))
    run = repay.send_run(at=december(fund, 1))
    back = PayoutAttempt.objects.get(run=run, amount=936)
    outcome.record_return(
        back,
        returned_on=run.pay_on + timedelta(days=1),
        cause="closed",
        actor=repay.staff(),
        at=make.at_noon(run.pay_on + timedelta(days=1)),
        reason="",
    )
    repay.settle(run)
    paid = to_investors("payout_paid")
    assert len(paid) == 1
    both_parts_say(paid[0], "¥624", "Paid to you")
    returned = the_mail("payout_returned")
    both_parts_say(returned, "the account is closed", "¥936")
    Event.objects.update(done_at=None)
    deliver()
    assert Notice.objects.filter(kind__in=["payout_paid", "payout_returned"]).count() == 2


def test_another_rate_than_announced_is_told_to_whom_it_costs_something_once() -> None:
    fund = repay.operating(
        2, 3, periods=3, units_offered=300, rate_before_recoup=Decimal("0.5"), rate_after_recoup=Decimal("0.25")
    )
    repay.report(fund, 1, 3_600_000)
    made = repay.distribute(fund, 1)
    planned = made.allocations.get(units=2)
    assert (planned.profit, planned.tax) == (1_000, 204)
    at = repay.after(made.period, 30)
    repay.pay_in(made, at=at)
    TaxRate.objects.create(
        kind="withholding", payee_class="", valid_from=clock.today_in(None, at), rate=Decimal("0.2553")
    )
    repay.send_run(at=at)
    found = to_investors("payment_retaxed")
    assert len(found) == 2
    both_parts_say(found[0], "¥255 instead of ¥204", "¥10,745", "tax office")
    Event.objects.update(done_at=None)
    deliver()
    assert Notice.objects.filter(kind="payment_retaxed").count() == 2


def test_a_repaid_investment_and_the_end_of_the_term_are_told_to_all() -> None:
    fund = repay.operating(
        2, 3, periods=1, units_offered=300, rate_before_recoup=Decimal("0.5"), rate_after_recoup=Decimal("0.25")
    )
    repay.owner(fund)
    repay.whole_period(fund, 1, 3_600_000)
    assert len(to_investors("recoup_reached")) == 3
    matured = to_investors("fund_matured")
    assert len(matured) == 4
    mine = next(notice for notice in matured if notice.user and notice.user.pk != repay.owner(fund).pk)
    both_parts_say(mine, "Tax withheld", "¥11,000")
    # The 2 units: 5,500 each before tax, 500 of it profit, 1,000 × 20.42 % withheld.
    both_parts_say(mine, "¥204", "¥10,796")


def test_a_mail_goes_in_the_readers_language() -> None:
    reader = repay.holder(at=make.at_noon(repay.BOUGHT_ON))
    reader.user.language = "ja"
    reader.user.save()
    fund = repay.operating(40, investors=[reader], periods=10)
    repay.whole_period(fund, 1, 27_900_000)
    found = to_investors("period_result")
    assert [notice.language for notice in found] == ["ja"]
    assert "1口あたり" in found[0].subject


# --- Batches, history, years --------------------------------------------------------------------------------------


def test_batches_reach_everybody_once(fund: Fund, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repayment_mails, "BATCH", 1)
    repay.report(fund, 1, 27_900_000)
    repay.distribute(fund, 1)
    assert len(to_investors("period_result")) == 2


def test_history_is_not_mailed(fund: Fund, settings: Any) -> None:
    settings.MAIL_NOTHING_OLDER_DAYS = 92
    repay.report(fund, 1, 27_900_000)
    repay.distribute(fund, 1)
    own = repay.period(fund, 2)
    reports.await_report(own.pk, at=repay.after(own, 1))
    assert remind(own, 8) == []
    deliver()
    assert not Notice.objects.filter(kind__in=["period_result", "payment_owed", "payout_paid"]).exists()


def test_in_january_everybody_gets_the_sums_of_the_year(fund: Fund) -> None:
    repay.report(fund, 1, 27_900_000)
    repay.pay_in(repay.distribute(fund, 1))
    repay.settle(repay.send_run(at=december(fund, 1)))
    assert PayoutRun.objects.get().state == "done"
    year = Payout.objects.values_list("paid_on__year", flat=True)[0]
    for _time in range(2):
        on = date(year + 1, 1, 5)
        repayment_mails.yearly_statements_due(on=on, at=make.at_noon(on))
    found = to_investors("yearly_statement")
    assert len(found) == 2
    both_parts_say(found[0], str(year), "¥624")
    repayment_mails.yearly_statements_due(on=date(year, 1, 5), at=make.at_noon(date(year, 1, 5)))
    assert len(mails_of("yearly_statement")) == 2
