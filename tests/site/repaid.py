"""One row of every table of repayment, for the tests of the console's lists: written plainly, with triggers off."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.db import connection
from django.utils import timezone

from investments.models import (
    Allocation,
    BankReturn,
    Distribution,
    Fund,
    Instalment,
    Investor,
    Moratorium,
    MoratoriumFund,
    Payout,
    PayoutAttempt,
    PayoutRun,
    Period,
    Release,
    RevenueReport,
    TaxPayment,
    UnclaimedPart,
    WriteOff,
)
from investments.offerings import services as offerings
from microfund.kernel.accounts.models import User


def build(fund: Fund, period: Period, investor: Investor, maker: User, checker: User) -> None:
    """Rows that wait for nobody, so that no queue has them."""
    now, day = timezone.now(), date(2027, 6, 1)
    account = investor.bank_accounts.get()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    RevenueReport.objects.create(
        period=period, version=1, state="discarded", written_by=maker, saved_at=now,
        lines=[{"label": "", "months": [1] * 12}], revenue=12,
    )  # fmt: skip
    distribution = Distribution.objects.create(
        fund=fund, period=period, state="discarded", terms=offerings.current_terms(fund), action="report",
        reason="no_revenue", counted_revenue=0, cumulative_revenue=0, entitlement_per_unit=0, paid_before=0,
        principal_before=0, per_unit=0, principal_per_unit=0, carried_per_unit=0, record_on=day, payment_on=day,
        rate_person=Decimal("0.2042"), rate_company=Decimal("0.2042"), payer_code="1234567897", calculated_by=maker,
        calculated_at=now,
    )  # fmt: skip
    Instalment.objects.create(
        distribution=distribution, number=1, state="withdrawn", per_unit=1, per_unit_before=0, maker=maker,
        prepared_at=now,
    )  # fmt: skip
    WriteOff.objects.create(
        distribution=distribution, state="withdrawn", amount=1, per_unit=1, net=1, tax=0, reason="Paid.", maker=maker,
        prepared_at=now,
    )  # fmt: skip
    own = Moratorium.objects.create(
        title="Storm", reason="Gone.", action="defer", from_on=day, until_on=day, state="withdrawn", maker=maker,
        prepared_at=now,
    )  # fmt: skip
    MoratoriumFund.objects.create(moratorium=own, fund=fund, state="left_out")
    run = PayoutRun.objects.create(
        state="done", pay_on=day, payments=1, amount=1_000, maker=maker, prepared_at=now, checker=checker,
        approved_at=now, sent_at=now,
    )  # fmt: skip
    payout = Payout.objects.create(
        run=run, fund=fund, investor=investor, state="paid", gross=1_000, principal=1_000, profit=0, tax=0, net=1_000,
        withheld_on=day, paid_on=day,
    )  # fmt: skip
    line = Allocation.objects.order_by("pk")[0]
    UnclaimedPart.objects.create(
        fund=fund, investor=investor, instalment=Instalment.objects.order_by("pk")[0], allocation=line, net=1,
        set_aside_at=now, claimed_at=now,
    )  # fmt: skip
    attempt = PayoutAttempt.objects.create(payout=payout, run=run, state="paid", account=account, amount=1_000)
    BankReturn.objects.create(attempt=attempt, returned_on=day, recorded_by=maker, happened_at=now)
    Release.objects.create(fund=fund, part="donation", amount=1_000, created_at=now, withdrawn_at=now)
    TaxPayment.objects.create(fund=fund, month=day, amount=10, due_on=day, created_at=now, paid_on=day)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
