"""A fund in its term, and one period from the report to the payout, all through the services.

Money comes by bank transfer in one statement, so no provider is needed. Instants are noon of a business date.
"""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta
from typing import Any

from investments.banking import accounts
from investments.banking import services as banking
from investments.distributions import services as distributions
from investments.distributions.models import Distribution
from investments.investors.models import Investor
from investments.models import Fund, Period, RevenueReport
from investments.offerings import services as offerings
from investments.orders import services as orders
from investments.payments import services as payments
from investments.payouts import outcome
from investments.payouts import services as payouts
from investments.payouts.models import PayoutRun
from investments.revenue import reports
from investments.revenue import services as revenue
from microfund.kernel import clock, integrity
from microfund.kernel.accounts.models import User
from tests import make
from tests.investments.banking.files import csv_file

#: The first day on which a fund of these tests is bought.
BOUGHT_ON = date(2020, 3, 2)
_rows = itertools.count(1)


def books_are_right() -> None:
    """No check of the books finds anything."""
    found = {outcome.check.name: outcome.differences for outcome in integrity.run() if outcome.differences}
    assert not found, found


def holder(kana: str = "イトウ ハルカ", *, account: str | None = "", at: datetime, **values: Any) -> Investor:
    """A verified investor with a bank account (a new number unless one is given), unless `account` is None."""
    investor = make.make_investor(at=at, name_kana=kana, **values)
    if account is not None:
        give_account(investor, number=account or f"{1_000_000 + next(_rows)}", at=at)
    return investor


def give_account(investor: Investor, *, number: str, at: datetime) -> None:
    accounts.change(
        investor,
        bank="0001",
        branch="001",
        kind="1",
        number=number,
        holder=investor.name_kana,
        at=at,
        actor=investor.user,
    )


def receive(*rows: dict[str, Any], at: datetime) -> None:
    """A bank statement of the day with these deposits."""
    day = clock.today_in(None, at).isoformat()
    banking.import_statement(
        content=csv_file(*({"date": day, **row} for row in rows), first=next(_rows) * 1_000),
        name="statement.csv",
        actor=None,
        at=at,
    )


def operating(*units: int, investors: list[Investor] | None = None, on: date = BOUGHT_ON, **values: Any) -> Fund:
    """A fund whose term has begun, with one holder for each number of units."""
    at = make.at_noon(on)
    with make.short_documents():
        fund = make.make_fund(on=on, **values)
    owners = investors or [holder(at=at) for _number in units]
    made = [
        make.make_order(fund=fund, investor=owner, units=count, at=at)
        for owner, count in zip(owners, units, strict=True)
    ]
    for order in made:
        payments.start_payment(order, at=at)
    receive(*({"amount": order.total, "payer_code": order.payer_code} for order in made), at=at)
    offerings.close_fund(fund, at=at, actor=staff(), reason="The season begins.")
    cooled = at + timedelta(days=12)
    orders.confirm_due(on=cooled.date(), at=cooled)
    fund.refresh_from_db()
    start = make.at_noon(fund.term_starts_on)
    assert revenue.start_term(fund, at=start)
    fund.refresh_from_db()
    return fund


def staff(name: str = "maker") -> User:
    """Somebody of the staff, the same one for the same name within a test."""
    return User.objects.filter(email=f"{name}@staff.example").first() or make.make_user(
        email=f"{name}@staff.example", is_staff=True
    )


def owner(fund: Fund) -> User:
    """The owner of the fund's business."""
    membership = fund.business.memberships.first()
    return membership.user if membership else make.make_member(fund.business)


def period(fund: Fund, number: int) -> Period:
    return Period.objects.get(fund=fund, number=number)


def after(own: Period, days: int = 10) -> datetime:
    """Noon, some days after a period's end."""
    return make.at_noon(own.ends_on + timedelta(days=days))


def report(
    fund: Fund, number: int, revenue_total: int, *, action: str = "report", at: datetime | None = None, **values: Any
) -> RevenueReport:
    """The accepted report of a period; the revenue is all in its last month."""
    own = period(fund, number)
    at = at or after(own)
    months = offerings.current_terms(fund).period_months
    reports.await_report(own.pk, at=at)
    draft = reports.save_draft(
        own,
        lines=[{"label": "", "months": [0] * (months - 1) + [revenue_total]}],
        actor=owner(fund),
        at=at,
        action=action,
        comment="The boats came late.",
        reason="The harbour was closed." if action != "report" or values.get("restatement") else "",
        **values,
    )
    reports.submit(draft, actor=owner(fund), at=at)
    return reports.accept(draft, actor=staff("reviewer"), at=at)


def distribute(fund: Fund, number: int, *, at: datetime | None = None) -> Distribution:
    """The approved distribution of a period whose report was accepted."""
    at = at or after(period(fund, number))
    made = distributions.prepare(period(fund, number), actor=staff("maker"), at=at)
    return distributions.approve(made, actor=staff("checker"), at=at)


def pay_in(distribution: Distribution, amount: int | None = None, *, at: datetime | None = None) -> Distribution:
    """The business pays what it owes, or an amount, by bank transfer with the code."""
    at = at or after(distribution.period, 20)
    receive({"amount": amount or distribution.owed, "payer_code": distribution.payer_code, "payer_name": "ﾋﾉﾃﾞ"}, at=at)
    distribution.refresh_from_db()
    return distribution


def send_run(*, at: datetime) -> PayoutRun:
    """A run on the next bank day, prepared, approved and given to the bank."""
    run = payouts.build_run(pay_on=clock.next_bank_day(clock.today_in(None, at)), actor=staff("maker"), at=at)
    payouts.approve_run(run, actor=staff("checker"), at=at)
    return payouts.mark_sent(run, actor=staff("maker"), at=at)


def settle(run: PayoutRun) -> datetime:
    """Three bank days pass without a return."""
    at = make.at_noon(clock.add_bank_days(run.pay_on, payouts.BANK_DAYS_TO_RETURN) + timedelta(days=1))
    outcome.paid_due(on=at.date(), at=at)
    return at


def whole_period(fund: Fund, number: int, revenue_total: int, *, action: str = "report") -> Distribution:
    """One period from its report to the arrival of the money."""
    report(fund, number, revenue_total, action=action)
    made = distribute(fund, number)
    if made.gross:
        pay_in(made)
        settle(send_run(at=after(made.period, 30)))
    made.refresh_from_db()
    return made
