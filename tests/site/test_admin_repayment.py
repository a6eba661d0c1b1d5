"""Repayment in the console: each act by its role, two people, a file that is logged (domain.md sections 5 to 8)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from investments.models import (
    Distribution,
    Evidence,
    Fund,
    OutgoingTransfer,
    Payout,
    PayoutAttempt,
    PayoutRun,
    StatementLine,
)
from investments.revenue import reports
from microfund.kernel import clock, private
from microfund.kernel.audit.models import AuditRow
from tests import repay
from tests.site.staff import act_of, console, do, list_of, make_staff, page_of

pytestmark = pytest.mark.django_db


def submitted(fund: Fund, revenue: int) -> Any:
    """The signed report of the first period."""
    own = repay.period(fund, 1)
    at = repay.after(own)
    reports.await_report(own.pk, at=at)
    draft = reports.save_draft(
        own,
        lines=[{"label": "", "months": [0] * 11 + [revenue]}],
        actor=repay.owner(fund),
        at=at,
        comment="The boats came late.",
    )
    return reports.submit(draft, actor=repay.owner(fund), at=at)


def test_a_period_goes_from_the_report_to_the_bank_file_by_acts_of_three_people() -> None:
    fund = repay.operating(40)
    report = submitted(fund, 27_900_000)
    reviewer, maker, checker = make_staff("reviewer"), make_staff("finance maker"), make_staff("finance checker")
    auditor = console(make_staff("auditor"))
    page = console(reviewer).get(page_of(report)).content.decode()
    assert "¥27,900,000" in page and "¥312" in page
    assert console(maker).post(act_of(report, "accept"), {"confirmed": "1"}).status_code == 403
    do(console(reviewer), report, "accept")
    period = repay.period(fund, 1)
    assert period.state == "accepted"

    assert auditor.get(page_of(period)).status_code == 200
    assert auditor.post(act_of(period, "calculate"), {"confirmed": "1"}).status_code == 403
    do(console(maker), period, "calculate")
    made = Distribution.objects.get()
    page = console(checker).get(act_of(made, "approve")).content.decode()
    assert "¥312 per unit" in page and "¥12,480" in page
    assert console(maker).get(act_of(made, "approve")).status_code == 403
    both = make_staff("finance maker", "finance checker")
    Distribution.objects.filter(pk=made.pk).update(calculated_by=both)
    assert "another person must approve it" in do(console(both), made, "approve")
    do(console(checker), made, "approve")
    made.refresh_from_db()
    assert made.state == "approved"
    assert made in Distribution.objects.filter(pk__in=[
        row.pk for row in console(maker).get(f"{list_of(Distribution)}?queue=distributions_owed").context["cl"].queryset
    ])  # fmt: skip

    repay.pay_in(made)
    prepare = list_of(PayoutRun) + "act/prepare/"
    day = clock.add_bank_days(clock.today_in(), 1)
    browser = console(maker)
    page = browser.post(prepare, {"pay_on": day.isoformat()}).content.decode()
    assert "Please check once more" in page and fund.slug in page and "¥12,480" in page
    assert not PayoutRun.objects.exists()
    browser.post(prepare, {"pay_on": day.isoformat(), "confirmed": "1"})
    run = PayoutRun.objects.get()
    assert (run.payments, run.amount) == (1, 12_480)
    do(console(checker), run, "approve")
    run.refresh_from_db()
    assert run.files.get().sha256 in browser.get(page_of(run)).content.decode()
    assert "This field is required." in browser.post(act_of(run, "download"), {"part": 1}).content.decode()
    assert "This run has no such file." in do(browser, run, "download", part=2)
    files = [browser.post(act_of(run, "download"), {"part": 1, "reason": "For the bank."}) for _time in range(2)]
    contents = [answer.content for answer in files]
    assert contents[0] == contents[1] and contents[0].startswith(b"121")
    assert files[0].headers["Content-Type"] == "application/octet-stream"
    assert f'zengin-{run.pk}-1.txt"' in files[0].headers["Content-Disposition"]
    noted = AuditRow.objects.filter(action="investments.PayoutRun.downloaded", actor=maker, reason="For the bank.")
    assert noted.count() == 2

    # Two of the staff opened the page, both press the button.
    other = console(make_staff("finance maker"))
    do(browser, run, "send")
    assert "This is not possible any more." in do(other, run, "send")
    assert AuditRow.objects.filter(action="investments.PayoutRun.sent").count() == 1
    assert Payout.objects.get().state == "sent"

    attempt = PayoutAttempt.objects.get()
    too_early = do(browser, attempt, "return", returned_on=(day - timedelta(days=40)).isoformat(), cause="closed")
    assert "The date lies before the transfer." in too_early
    PayoutRun.objects.filter(pk=run.pk).update(state="sent")
    assert Payout.objects.get().state == "sent"


def test_a_report_is_returned_with_a_reason_and_its_outliers_are_flagged() -> None:
    fund = repay.operating(2)
    report = submitted(fund, 9_000_000)
    browser = console(make_staff("operations"))
    page = browser.get(page_of(report)).content.decode()
    assert "outlier" in page and "-41.9 %" in page
    assert "This field is required." in do(browser, report, "return", reason="")
    do(browser, report, "return", reason="March is missing.")
    report.refresh_from_db()
    assert (report.state, report.answer) == ("returned", "March is missing.")
    assert repay.period(fund, 1).state == "report_due"


def test_evidence_is_shown_to_reviewers_only_and_each_look_is_noted() -> None:
    fund = repay.operating(2)
    report = submitted(fund, 27_900_000)
    name, key = private.put("evidence", b"%PDF-1.7 till")
    own = Evidence.objects.create(
        report=report, name="till.pdf", content_type="application/pdf", size=13, sha256="0" * 64, file=name, key=key,
        added_by=repay.owner(fund), added_at=timezone.now(),
    )  # fmt: skip
    address = page_of(report).replace("change/", f"evidence/{own.pk}/")
    reviewer = make_staff("reviewer")
    answer = console(reviewer).get(address)
    assert answer.content == b"%PDF-1.7 till" and answer.headers["Content-Disposition"].startswith("attachment")
    assert console(make_staff("finance checker")).get(address).status_code == 403
    assert console(reviewer).get(address.replace(f"/{own.pk}/", "/0/")).status_code == 404
    assert AuditRow.objects.filter(action="investments.Evidence.looked_at", actor=reviewer).count() == 1


def test_money_is_released_to_the_business_by_two_people() -> None:
    fund = repay.operating(4)
    maker, checker = make_staff("finance maker"), make_staff("finance checker")
    account = {"bank": "0001", "branch": "001", "type": "1", "number": "7654321", "holder": "ヒノデ"}
    said = do(console(maker), fund, "release", part="donation", amount=20_001, **account)
    assert "Between 1 and 20000 yen can be released." in said
    do(console(maker), fund, "release", part="donation", amount=20_000, **account)
    transfer = OutgoingTransfer.objects.get()
    assert console(checker).get(page_of(transfer)).status_code == 200
    do(console(checker), transfer, "approve")
    today = clock.today_in().isoformat()
    do(console(maker), transfer, "sent", transferred_on=today, bank_reference="B1")
    release = fund.releases.get()
    assert release.released_on and "¥20,000" in console(checker).get(page_of(release)).content.decode()


def test_a_fund_is_wound_up_with_a_preview_and_its_business_pays_without_the_code() -> None:
    fund = repay.operating(40)
    maker, checker = console(make_staff("finance maker")), console(make_staff("finance checker"))
    page = maker.post(act_of(fund, "wind_up"), {"residual_per_unit": 700, "reason": "They retire."}).content.decode()
    assert "Please check once more" in page and "¥28,000" in page and not Distribution.objects.exists()
    do(maker, fund, "wind_up", residual_per_unit=700)
    made = Distribution.objects.get()
    do(checker, made, "approve")
    fund.refresh_from_db()
    assert fund.state == "wound_up"
    repay.receive({"amount": 28_000, "payer_code": "", "payer_name": "ﾋﾉﾃﾞ"}, at=timezone.now())
    line = StatementLine.objects.get(amount=28_000)
    assert "There is no fund of this name." in do(maker, line, "business", fund="nothing")
    do(maker, line, "business", fund=fund.slug)
    made.refresh_from_db()
    assert made.owed == 0
