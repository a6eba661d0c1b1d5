"""Made-up periods, distributions and payouts for the previews of mails (microfund/kernel/notices/kinds.py), and the
samples of the mails of repayment. What is made here is never committed. Amounts in yen."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import partial

from django.utils.translation import gettext_lazy as _

from businesses.mail_samples import TO_OWNERS, make_user
from investments import events, payout_mails, repayment_mails, report_mails
from investments.distributions.changes import Retax, RetaxedAllocation
from investments.distributions.models import Allocation, Distribution
from investments.holdings.models import Holding
from investments.mail_samples import PLAN, TO_HOLDERS, TO_INVESTOR, make_account, make_fund, make_holding
from investments.offerings.models import Fund
from investments.offerings.queries import rule_terms
from investments.offerings.rule import Reason, entitlement
from investments.orders.place import new_payer_code
from investments.payouts.models import BankReturn, Payout, PayoutAttempt, PayoutRun
from investments.revenue.models import Period, RevenueReport
from investments.revenue.services import period_rows
from microfund.kernel import clock
from microfund.kernel.notices import kinds

#: Sales of the three periods so far, against PLAN.
SALES = (14_200_000, 26_500_000, 38_900_000)
#: Withheld from profit; a sample of the third period has none.
RATE = Decimal("0.2042")
TO_STAFF = _("the fund's staff")


def make_operating(language: str, *, years: int = 3) -> Fund:
    """A fund whose term began so many years ago, with its periods."""
    fund = make_fund(language, state=Fund.State.OPERATING, opened=years * 365 + 120, closed=True)
    Period.objects.bulk_create(period_rows(fund, fund.terms.get(), fund.policy))
    return fund


def _period(language: str) -> Period:
    """The third period, which has ended."""
    return make_operating(language).periods.select_related("fund__business").get(number=len(SALES))


def _reminder(days: int, language: str) -> None:
    period = _period(language)
    report_mails.remind(period, on=period.report_due_on + timedelta(days=days), at=clock.now())


def _report(period: Period, language: str, *, state: str) -> RevenueReport:
    words = {
        "en": ("The harbour was closed for six weeks; restaurants bought less.", "Please add the figure of October."),
        "ja": ("港が六週間閉まり、飲食店からの注文が減りました。", "十月の数字を書き足してください。"),
    }[language]  # fmt: skip
    owner = period.fund.business.memberships.get().user
    return RevenueReport.objects.create(
        period=period,
        version=1,
        state=state,
        lines=[],
        revenue=SALES[-1],
        comment=words[0],
        answer=words[1] if state == RevenueReport.State.RETURNED else "",
        written_by=owner,
        saved_at=clock.now(),
        submitted_by=owner,
        submitted_at=clock.now(),
        decided_by=make_user("en"),
        decided_at=clock.now(),
    )


def _report_returned(language: str) -> None:
    report = _report(_period(language), language, state=RevenueReport.State.RETURNED)
    report_mails.report_returned(events.ReportReturned(report.pk, clock.now()))


def make_distribution(language: str, *, nothing: bool = False, profit: int = 0) -> tuple[Distribution, Holding]:
    """What the third period pays by the rule, and somebody's two units of it, with a profit per unit if one is given;
    or a period without sales."""
    period = _period(language)
    fund, terms, number = period.fund, period.fund.terms.get(), period.number
    figures = {str(index): sales for index, sales in enumerate(SALES, start=1)}
    if nothing:
        figures[str(number)] = 0
    before = entitlement(rule_terms(terms), sum(SALES[:-1]))
    earned = entitlement(rule_terms(terms), sum(figures.values()))
    per_unit, units = earned - before, 2_340
    own = Distribution.objects.create(
        fund=fund,
        period=period,
        report=_report(period, language, state=RevenueReport.State.ACCEPTED),
        terms=terms,
        action="report",
        reason=Reason.NO_REVENUE if nothing else Reason.PAID,
        figures=figures,
        counted_revenue=figures[str(number)],
        cumulative_revenue=sum(figures.values()),
        entitlement_per_unit=earned,
        paid_before=before,
        principal_before=before,
        per_unit=per_unit,
        principal_per_unit=per_unit - profit,
        carried_per_unit=0,
        record_on=period.record_on,
        payment_on=period.payment_due_on,
        rate_person=RATE,
        rate_company=0,
        holdings=412,
        units=units,
        gross=units * per_unit,
        principal=units * (per_unit - profit),
        profit=units * profit,
        net=units * per_unit,
        payer_code=new_payer_code(),
        calculated_by=make_user("en"),
        calculated_at=clock.now(),
    )
    holding = make_holding(language, fund)
    gross, tax = 2 * per_unit, int(2 * profit * RATE)
    sums = {"gross": gross, "principal": gross - 2 * profit, "profit": 2 * profit, "tax": tax, "net": gross - tax}
    Allocation.objects.create(distribution=own, holding=holding, units=2, rate=RATE, payee_class="person", **sums)
    return own, holding


def _approved(language: str) -> None:
    own, _holding = make_distribution(language)
    repayment_mails.distribution_approved(events.DistributionApproved(own.pk, own.fund_id, clock.now()))


def _to_holders(kind: str, nothing: bool, language: str) -> None:
    own, _holding = make_distribution(language, nothing=nothing)
    repayment_mails.holder_mail_batch(repayment_mails.HolderMailBatch(kind, own.pk, 0, clock.now()))


def _recoup_to_owners(language: str) -> None:
    own, _holding = make_distribution(language)
    repayment_mails.recoup_reached(events.RecoupReached(own.pk, own.fund_id, clock.now()))


def _paid_out(language: str, *, years: int = 3) -> PayoutAttempt:
    """What two units of a fund were paid, all in one transfer: the investment, and a profit with its tax."""
    holding = make_holding(language, make_operating(language, years=years))
    today = clock.today_in()
    run = PayoutRun.objects.create(pay_on=today, maker=make_user("en"), prepared_at=clock.now())
    principal, profit, tax = 1_720, 104, 21
    payout = Payout.objects.create(
        run=run,
        fund=holding.fund,
        investor=holding.investor,
        state=Payout.State.PAID,
        gross=principal + profit,
        principal=principal,
        profit=profit,
        tax=tax,
        net=principal + profit - tax,
        withheld_on=today,
        paid_on=today,
    )
    return PayoutAttempt.objects.create(
        payout=payout,
        run=run,
        state=PayoutAttempt.State.PAID,
        account=make_account(holding.investor),
        amount=payout.net,
    )


def _payout_paid(language: str) -> None:
    run_id = _paid_out(language).run_id
    repayment_mails.holder_mail_batch(repayment_mails.HolderMailBatch("payout_paid", run_id, 0, clock.now()))


def _payout_returned(language: str) -> None:
    attempt = _paid_out(language)
    BankReturn.objects.create(
        attempt=attempt, returned_on=clock.today_in(), cause=BankReturn.Cause.NAME, happened_at=clock.now()
    )
    payout_mails.payout_returned(events.PayoutReturned(attempt.payout_id, attempt.pk, clock.now()))


def _retaxed(language: str) -> None:
    """Two units of a period that pays a profit, planned under one rate and transferred under a higher one."""
    own, _holding = make_distribution(language, profit=52)
    line, rate = own.allocations.get(), Decimal("0.2553")
    sums = {name: getattr(line, name) for name in ("units", "gross", "principal", "profit", "tax", "net")}
    approved = {"state": Distribution.State.APPROVED, "approved_by": make_user("en"), "approved_at": clock.now()}
    Distribution.objects.filter(pk=own.pk).update(holdings=1, **sums, **approved)
    made = Retax.objects.create(
        distribution=own, number=1, pay_on=clock.today_in(), rate_person=rate, rate_company=0, happened_at=clock.now()
    )
    RetaxedAllocation.objects.create(
        retax=made,
        allocation=line,
        from_per_unit=0,
        taken=0,
        rate=rate,
        tax_before=line.tax,
        tax=int(line.profit * rate),
    )
    batch = repayment_mails.HolderMailBatch("payment_retaxed", made.pk, 0, clock.now())
    repayment_mails.holder_mail_batch(batch)


def _yearly(language: str) -> None:
    payout = _paid_out(language).payout
    batch = repayment_mails.HolderMailBatch("yearly_statement", payout.paid_on.year, 0, clock.now())
    repayment_mails.write_to([payout.investor], batch)


def _matured(language: str) -> None:
    fund_id = _paid_out(language, years=len(PLAN)).payout.fund_id
    batch = repayment_mails.HolderMailBatch("fund_matured", fund_id, 0, clock.now())
    repayment_mails.holder_mail_batch(batch)


def _matured_to_others(language: str) -> None:
    fund = make_distribution(language)[0].fund
    Distribution.objects.filter(fund=fund).update(holdings=1, units=2, **_sums_of_two(fund))
    approved = {"state": Distribution.State.APPROVED, "approved_by": make_user("en"), "approved_at": clock.now()}
    Distribution.objects.filter(fund=fund).update(**approved)
    repayment_mails.fund_matured(events.FundMatured(fund.pk, clock.now()))


def _sums_of_two(fund: Fund) -> dict[str, int]:
    line = Allocation.objects.get(distribution__fund=fund)
    return {"gross": line.gross, "principal": line.principal, "net": line.net}


def register() -> None:
    """Declare all; called once when the app is ready."""
    declare = kinds.declare
    for name, days, when in (
        ("due_30", -30, _("A report of sales is due in 30 days")),
        ("due_7", -7, _("A report of sales is due in 7 days")),
        ("due_today", 0, _("A report of sales is due today")),
        ("overdue", 7, _("A report of sales is late by 7 days; again after 30")),
    ):
        make = partial(_reminder, days)
        declare("report_reminder", "E14", when, TO_OWNERS, make, name=f"report_{name}")
    declare("report_late", "E14", _("A report of sales is late by 7 or 30 days"), TO_STAFF, partial(_reminder, 7))
    declare("report_returned", "E14", _("Staff return a report of sales"), TO_OWNERS, _report_returned)
    declare(
        "period_result", "E15", _("What a period pays is decided"), TO_HOLDERS,
        partial(_to_holders, "period_result", False),
    )  # fmt: skip
    declare("payment_owed", "E15", _("What a period pays is decided: what the business owes"), TO_OWNERS, _approved)
    declare("payout_paid", "E16", _("A run of payouts has arrived"), TO_INVESTOR, _payout_paid)
    declare("payment_retaxed", "E16", _("The tax on a payment changed after it was announced"), TO_HOLDERS, _retaxed)
    declare("payout_returned", "E16", _("The bank returned a payout"), TO_INVESTOR, _payout_returned)
    declare(
        "period_result", "E17", _("There is nothing to distribute for a period"), TO_HOLDERS,
        partial(_to_holders, "period_result", True), name="period_result_nothing",
    )  # fmt: skip
    declare(
        "recoup_reached", "E22", _("A fund has earned its investment back"), TO_HOLDERS,
        partial(_to_holders, "recoup_reached", False),
    )  # fmt: skip
    declare(
        "recoup_reached", "E22", _("A fund has earned its investment back"), TO_OWNERS, _recoup_to_owners,
        name="recoup_reached_owners",
    )  # fmt: skip
    declare("fund_matured", "E23", _("The last period of a fund is paid"), TO_HOLDERS, _matured)
    for name, to, pick in (("owners", TO_OWNERS, 0), ("staff", TO_STAFF, 1)):
        declare(
            "fund_matured", "E23", _("The last period of a fund is paid"), to, _matured_to_others,
            name=f"fund_matured_{name}", pick=pick,
        )  # fmt: skip
    declare("yearly_statement", "E24", _("In January: the payments of the year before"), TO_INVESTOR, _yearly)
