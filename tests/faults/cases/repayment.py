"""Cases of a fund in its term: reports, distributions, what the business pays, runs, returns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from investments.banking import outgoing
from investments.banking import services as banking
from investments.banking.models import OutgoingTransfer
from investments.distributions import elections, pay_in, write_off
from investments.distributions import services as distributions
from investments.distributions.changes import WriteOff
from investments.distributions.models import Distribution, Instalment
from investments.offerings.models import Fund
from investments.payouts import outcome, release, services
from investments.payouts.models import PayoutAttempt, PayoutRun
from investments.revenue import reports
from investments.revenue.models import RevenueReport
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from tests import make, repay
from tests.faults import world
from tests.faults.cases.case import Case, Context, at_of, context_of, sweep
from tests.investments.banking.files import csv_file

_SWEEPS = ("banking.claim", "revenue.reports", "payouts.paid")
#: What a service answers when the same act was done before.
_DONE = {"wrong_state", "under_way", "nothing"}


def _again(act: Callable[[Context], Any]) -> Callable[[Context], None]:
    """An act of a person who saw no answer and presses once more: "done already" is an answer."""

    def do(context: Context) -> None:
        try:
            act(context)
        except DomainError as refused:
            if refused.code not in _DONE:
                raise

    return do


def at_rest(at: datetime) -> None:
    """Runs of earlier cases are over, so that the case's own fund is alone in the next."""
    for run in PayoutRun.objects.filter(state__in=["prepared", "approved"]).order_by("pk"):
        services.withdraw_run(run, actor=repay.staff(), at=at, reason="An earlier case.")
    if any(line.excluded == "" for line in services.select.preview(clock.next_bank_day(at.date()))):
        repay.send_run(at=at)
    world.sweeps(_SWEEPS, at=at + timedelta(days=30))


def _operating() -> tuple[Fund, datetime]:
    """A fund of two holders whose first period is over, and a day in the December after it."""
    fund = repay.operating(30, 19)
    return fund, make.at_noon(clock.next_bank_day(date(repay.period(fund, 1).ends_on.year, 12, 1)))


def _choose(fund: Fund) -> None:
    """One holder takes the first period in kind, the other gives it back."""
    own = repay.period(fund, 1)
    at = clock.end_of_day(own.record_on)
    offer = elections.make_offer(
        fund, in_kind=True, bonus=Decimal("0.1"), give_back=True, actor=repay.staff(), at=at, reason="Agreed."
    )
    for holding, choice in zip(fund.holdings.order_by("pk"), ("in_kind", "give_back"), strict=True):
        elections.elect(holding, choice, offer_id=offer.pk, period=own, actor=holding.investor.user, at=at)


def prepared(to: str) -> Context:
    """A fund of its own brought to the moment before a step."""
    for name in ("maker", "checker", "reviewer"):
        repay.staff(name)
    at_rest(make.at_noon(date(2021, 12, 1)))
    return bring(*_operating(), to)


def bring(fund: Fund, at: datetime, to: str) -> Context:
    """A fund whose first period is over, brought to the moment before a step of its payday. Nothing else may wait for a
    run."""
    context = context_of(fund, at=at)
    own = repay.period(fund, 1)
    if to in ("await", "release"):
        return context
    if to == "approve in kind":
        _choose(fund)
    reports.await_report(own.pk, at=at)
    draft = reports.save_draft(
        own,
        lines=[{"label": "", "months": [2_325_000] * 12}],
        actor=repay.owner(fund),
        at=at,
        comment="The boats came late.",
    )
    context["report"] = draft.pk
    if to == "sign":
        return context
    reports.submit(draft, actor=repay.owner(fund), at=at)
    if to == "accept":
        return context
    reports.accept(draft, actor=repay.staff("reviewer"), at=at)
    if to == "calculate":
        return context
    made = distributions.prepare(repay.period(fund, 1), actor=repay.staff(), at=at)
    context["distribution"] = made.pk
    if to in ("approve", "approve in kind"):
        return context
    made = distributions.approve(made, actor=repay.staff("checker"), at=at)
    part = made.gross if to not in ("part", "write off") else made.gross // 2 + 1
    row = {"date": clock.today_in(None, at), "amount": part, "payer_code": made.payer_code}
    context["content"] = csv_file(row, first=next(repay._rows) * 1_000).decode()
    if to == "pay in":
        return context
    _pay_in(context)
    if to == "part":
        own_part = pay_in.prepare_instalment(
            Distribution.objects.get(pk=made.pk), actor=repay.staff(), at=at, reason="The rest comes in spring."
        )
        context["instalment"] = own_part.pk
        return context
    if to == "build":
        return context
    if to == "write off":
        owing = write_off.prepare(
            Distribution.objects.get(pk=made.pk), actor=repay.staff(), at=at, reason="Washed away."
        )
        context["write_off"] = owing.pk
        return context
    run = services.build_run(pay_on=clock.today_in(None, at), actor=repay.staff(), at=at)
    context["run"] = run.pk
    if to in ("approve run", "withdraw run"):
        return context
    services.approve_run(run, actor=repay.staff("checker"), at=at)
    if to == "send":
        return context
    services.mark_sent(run, actor=repay.staff(), at=at)
    if to == "return":
        return context
    later = make.at_noon(clock.add_bank_days(run.pay_on, services.BANK_DAYS_TO_RETURN) + timedelta(days=1))
    return {**context, "at": later.isoformat()}


def _pay_in(context: Context) -> None:
    banking.import_statement(content=context["content"].encode(), name="s.csv", actor=None, at=at_of(context))


def _run(context: Context) -> PayoutRun:
    return PayoutRun.objects.get(pk=context["run"])


def _report(context: Context) -> RevenueReport:
    return RevenueReport.objects.get(pk=context["report"])


def _distribution(context: Context) -> Distribution:
    return Distribution.objects.get(pk=context["distribution"])


def come_back(context: Context) -> None:
    attempt = PayoutAttempt.objects.filter(run_id=context["run"], payout__fund_id=context["fund"]).order_by("pk")[0]
    at = at_of(context)
    outcome.record_return(attempt, returned_on=clock.today_in(None, at), actor=repay.staff(), at=at, cause="closed")


def _release(context: Context) -> None:
    """Two people send the investment to the business; each looks first how far it is."""
    fund, at = Fund.objects.get(pk=context["fund"]), at_of(context)
    transfer = OutgoingTransfer.objects.filter(
        target__in=[f"release:{pk}" for pk in fund.releases.values_list("pk", flat=True)]
    ).first() or release.prepare(
        fund,
        part="investment",
        amount=release.releasable(fund, "investment"),
        payee={"bank": "0001", "branch": "001", "type": "1", "number": "1234567", "holder": "ヒノデ スイサン"},
        actor=repay.staff(),
        at=at,
        reason="The term has begun.",
    )
    if transfer.state == OutgoingTransfer.State.PREPARED:
        transfer = outgoing.approve(transfer, actor=repay.staff("checker"), at=at)
    outgoing.record_sent(
        transfer, transferred_on=clock.today_in(None, at), bank_reference="R-1", actor=repay.staff(), at=at
    )


def _case(to: str, act: Callable[[Context], Any]) -> Case:
    return Case(lambda: prepared(to), act, sweeps=_SWEEPS)


#: The tasks of a payday in their order, with the step to which `bring` leads.
PAYDAY = {
    "await a report": "await",
    "sign a report": "sign",
    "accept a report": "accept",
    "calculate": "calculate",
    "approve": "approve",
    "business pays": "pay in",
    "build a run": "build",
    "approve a run": "approve run",
    "send a run": "send",
    "payouts are paid": "paid",
    "a transfer returns": "return",
    "release": "release",
}
CASES: dict[str, Case] = {
    "await a report": _case("await", sweep("revenue.reports")),
    "sign a report": _case(
        "sign",
        _again(lambda own: reports.submit(_report(own), actor=repay.owner(_report(own).period.fund), at=at_of(own))),
    ),
    "accept a report": _case(
        "accept", _again(lambda own: reports.accept(_report(own), actor=repay.staff("reviewer"), at=at_of(own)))
    ),
    "calculate": _case(
        "calculate",
        _again(
            lambda own: distributions.prepare(
                repay.period(Fund.objects.get(pk=own["fund"]), 1), actor=repay.staff(), at=at_of(own)
            )
        ),
    ),
    "approve": _case(
        "approve",
        _again(lambda own: distributions.approve(_distribution(own), actor=repay.staff("checker"), at=at_of(own))),
    ),
    "approve what is taken in kind": _case(
        "approve in kind",
        _again(lambda own: distributions.approve(_distribution(own), actor=repay.staff("checker"), at=at_of(own))),
    ),
    "business pays": _case("pay in", _pay_in),
    "part payment": _case(
        "part",
        _again(
            lambda own: pay_in.approve_instalment(
                Instalment.objects.get(pk=own["instalment"]), actor=repay.staff("checker"), at=at_of(own)
            )
        ),
    ),
    "write off": _case(
        "write off",
        _again(
            lambda own: write_off.approve(
                WriteOff.objects.get(pk=own["write_off"]), actor=repay.staff("checker"), at=at_of(own)
            )
        ),
    ),
    "build a run": _case(
        "build",
        _again(
            lambda own: services.build_run(pay_on=clock.today_in(None, at_of(own)), actor=repay.staff(), at=at_of(own))
        ),
    ),
    "approve a run": _case(
        "approve run",
        _again(lambda own: services.approve_run(_run(own), actor=repay.staff("checker"), at=at_of(own))),
    ),
    "withdraw a run": _case(
        "withdraw run",
        _again(lambda own: services.withdraw_run(_run(own), actor=repay.staff(), at=at_of(own), reason="Wrong day.")),
    ),
    "send a run": _case("send", _again(lambda own: services.mark_sent(_run(own), actor=repay.staff(), at=at_of(own)))),
    "payouts are paid": _case("paid", sweep("payouts.paid")),
    "a transfer returns": _case("return", come_back),
    "release": _case("release", _release),
}
