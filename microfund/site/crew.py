"""Who works in the demo while time travels: owners that report and pay, staff that check, calculate, approve and send.

Every act is a call of the services that a person would have made, by the demo's own people and never twice by one. What
is to be done is read from the rows, so that a day which was cut off can be worked again: the bank's statement is
imported before anybody pays, since a transfer that was made before the cut stands in it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Q

from investments.banking import outgoing
from investments.banking import services as banking
from investments.banking.models import OutgoingTransfer
from investments.distributions import services as distributions
from investments.models import Distribution, ElectedReturn, Fund, PayoutRun, Period, RevenueReport
from investments.offerings import services as offerings
from investments.payouts import outcome, tax
from investments.payouts import services as payouts
from investments.payouts.select import preview
from investments.revenue import reports
from microfund.kernel import clock
from microfund.kernel.accounts.models import User
from microfund.kernel.errors import DomainError
from rewards import fulfilment
from rewards.models import TO_PACK, Batch, Cycle, Entitlement

from . import demo_logins
from .seed import repayment
from .seed.sandbox import Sandbox

#: Days after the end of a period at which an owner reports; one in ten is late.
REPORTS_AFTER, LATE_AFTER = (40, 80), 110
#: Sales of a period in hundredths of the plan.
LEAST, MOST = 78, 122
#: A business pays so many days before its distribution is paid out.
PAYS_BEFORE = timedelta(days=8)
PARCELS_AFTER = timedelta(days=3)
SETTLES_AFTER = timedelta(days=60)


def provider_follows(at: datetime) -> None:
    """Set the sandbox's clock with ours."""
    Sandbox().control("clock", at=at.isoformat(), ticking=True)


def act(at: datetime) -> tuple[dict[str, int], list[str]]:
    """What the crew does at noon of a day: (counts, what could not be done and why)."""
    work = _Work(at)
    for part in (_import, _report, _check, _calculate, _approve, _pay, _import, _send, _transfer, _parcels, _settle):
        part(work)
    return dict(work.done), work.troubles


@dataclass
class _Work:
    at: datetime
    done: Counter[str] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)
    sandbox: Sandbox = field(default_factory=Sandbox)

    def __post_init__(self) -> None:
        self.day = clock.today_in(None, self.at)
        mails = {email.split("@")[0]: email for _who, email, _word, _secret in demo_logins.STAFF}
        people = {user.email: user for user in User.objects.filter(email__in=mails.values())}
        self.staff = {name: people[email] for name, email in mails.items()}

    def another(self, first_id: int | None) -> User:
        """Somebody of the finance staff who is not the first."""
        return self.staff["checker"] if self.staff["checker"].pk != first_id else self.staff["maker"]

    def each(self, name: str, rows: Iterable[Any], do: Callable[[Any], Any]) -> None:
        """Do it for every row; what a service refuses is noted and stops no other."""
        for row in rows:
            try:
                do(row)
            except DomainError as refused:
                self.troubles.append(f"{name} {row}: {refused}")
            else:
                self.done[name] += 1


def _import(work: _Work) -> None:
    content = work.sandbox.statement(work.day)
    if content.count(b"\n") > 1:
        name, actor = f"statement-{work.day}.csv", work.staff["maker"]
        banking.import_statement(content=content, name=name, format="csv", actor=actor, at=work.at)


def _habits(period: Period) -> tuple[int, int]:
    """(days after the end at which the owner reports, sales in hundredths of the plan), the same each time."""
    chance = random.Random(f"{period.fund.slug}:{period.number}")  # noqa: S311 - the demo's invented sales
    late = chance.randint(1, 10) == 1
    return LATE_AFTER if late else chance.randint(*REPORTS_AFTER), chance.randint(LEAST, MOST)


def _report(work: _Work) -> None:
    waiting = Period.objects.filter(
        state=Period.State.REPORT_DUE, ends_on__lt=work.day - timedelta(days=REPORTS_AFTER[0])
    )
    due = [
        period
        for period in waiting.select_related("fund__business").order_by("pk")
        if period.ends_on + timedelta(days=_habits(period)[0]) <= work.day
    ]
    work.each("report", due, partial(_write_report, work))


def _write_report(work: _Work, period: Period) -> None:
    terms, owner = offerings.current_terms(period.fund), repayment.owner_of(period.fund)
    plan = reports.planned_revenue(terms, period.number) or 0
    revenue = plan * _habits(period)[1] // 100
    draft = reports.save_draft(
        period,
        lines=[{"label": "", "months": repayment.by_month(revenue, terms.period_months)}],
        actor=owner,
        at=work.at,
        comment=repayment.OTHERWISE if reports.off_plan(revenue, plan) else "",
    )
    reports.submit(draft, actor=owner, at=work.at)


def _check(work: _Work) -> None:
    waiting = RevenueReport.objects.filter(state=RevenueReport.State.SUBMITTED).select_related("period").order_by("pk")
    work.each("accept", waiting, lambda row: reports.accept(row, actor=work.staff["reviewer"], at=work.at))


def _calculate(work: _Work) -> None:
    waiting = Period.objects.filter(state=Period.State.ACCEPTED).order_by("fund_id", "number")
    work.each("calculate", waiting, lambda row: distributions.prepare(row, actor=work.staff["maker"], at=work.at))


def _approve(work: _Work) -> None:
    waiting = Distribution.objects.filter(state=Distribution.State.CALCULATED).order_by("pk")
    work.each(
        "approve",
        waiting,
        lambda row: distributions.approve(row, actor=work.another(row.calculated_by_id), at=work.at),
    )


def _pay(work: _Work) -> None:
    """The businesses pay what they owe by bank transfer."""
    owed = Distribution.objects.filter(state=Distribution.State.APPROVED, payment_on__lte=work.day + PAYS_BEFORE)
    rows = [row for row in owed.select_related("fund__business").order_by("pk") if row.owed > 0]
    if rows:
        transfers = [
            {
                "payer_name": repayment.payer_of(row.fund),
                "amount": row.owed,
                "payer_code": row.payer_code,
                "date": work.day.isoformat(),
            }
            for row in rows
        ]
        work.sandbox.control("bank/transfers", transfers=transfers)
        work.done["pay"] += len(rows)


def _send(work: _Work) -> None:
    """A run on a bank day on which something is to be paid; one that waits already is finished first."""
    waiting = list(PayoutRun.objects.filter(state__in=["prepared", "approved"]))
    if clock.is_bank_day(work.day) and not waiting and _due(work):
        work.each("run", [work.day], lambda day: payouts.build_run(pay_on=day, actor=work.staff["maker"], at=work.at))
        waiting = list(PayoutRun.objects.filter(state="prepared"))
    work.each("sent", waiting, partial(_finish, work))


def _due(work: _Work) -> bool:
    due = Distribution.objects.filter(instalments__state="approved", instalments__complete=False)
    back = ElectedReturn.objects.filter(released_at__isnull=False, payout__isnull=True)
    released = due.filter(payment_on__lte=work.day).exists() or back.exists()
    return released and any(not line.excluded for line in preview(work.day))


def _finish(work: _Work, run: PayoutRun) -> None:
    if run.state == PayoutRun.State.PREPARED:
        run = payouts.approve_run(run, actor=work.another(run.maker_id), at=work.at)
    payouts.mark_sent(run, actor=work.staff["maker"], at=work.at)


def _transfer(work: _Work) -> None:
    """Withheld tax to the tax office, and every transfer that was prepared."""
    due = tax.unpaid().filter(due_on__lte=work.day + timedelta(days=5))
    own = [row for row in due if not tax.is_under_way(row)]
    reason = "Paid over for the month."
    work.each("tax", own, lambda row: tax.pay_over(row, actor=work.staff["maker"], at=work.at, reason=reason))
    waiting = OutgoingTransfer.objects.filter(state__in=["prepared", "approved"]).order_by("pk")
    work.each("transfer", waiting, partial(_make, work))


def _make(work: _Work, transfer: OutgoingTransfer) -> None:
    if transfer.state == OutgoingTransfer.State.PREPARED:
        transfer = outgoing.approve(transfer, actor=work.another(transfer.maker_id), at=work.at)
    reference = f"CREW-{transfer.pk}"
    outgoing.record_sent(
        transfer, transferred_on=work.day, bank_reference=reference, actor=work.staff["maker"], at=work.at
    )


def _parcels(work: _Work) -> None:
    """Owners pack what was claimed once the claims are over, and send it in its season."""
    begun = Q(cycle__dispatch_from=None) | Q(cycle__dispatch_from__lte=work.day)
    claimed = Entitlement.objects.filter(begun, state__in=TO_PACK, cycle__closes_on__lt=work.day - PARCELS_AFTER)
    cycles = Cycle.objects.filter(pk__in=claimed.values("cycle_id")).select_related("offer__fund__business")
    work.each("pack", cycles, lambda row: fulfilment.pack(row, actor=repayment.owner_of(row.offer.fund), at=work.at))
    packed = Entitlement.objects.filter(state=Entitlement.State.PACKING)
    batches = Batch.objects.filter(pk__in=packed.values("parcel__batch_id")).select_related("cycle__offer__fund")
    work.each("ship", batches, partial(_ship, work))


def _ship(work: _Work, batch: Batch) -> None:
    owner = repayment.owner_of(batch.cycle.offer.fund)
    fulfilment.ship(batch, carrier="yamato", shipped_on=work.day, actor=owner, at=work.at)


def _settle(work: _Work) -> None:
    """A fund that has matured and holds nothing more is closed."""
    ended = clock.end_of_day(work.day) - SETTLES_AFTER
    for fund in Fund.objects.filter(state=Fund.State.MATURED, ended_at__lt=ended).order_by("pk"):
        try:
            outcome.settle(fund, actor=work.staff["operations"], at=work.at, reason="The term is over.")
        except DomainError:
            continue  # something is still owed: it is asked again tomorrow
        work.done["settle"] += 1
