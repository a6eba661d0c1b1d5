"""What a period pays: calculated by one person, approved by another (domain.md sections 5 and 6)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.ledger import post as ledger
from investments.offerings import services as offerings
from investments.offerings.models import FUND_STATES, Fund
from investments.offerings.queries import rule_terms
from investments.offerings.rule import Action, PeriodResult, Report, judge, recoup_revenue, supplement
from investments.orders.place import new_payer_code
from investments.policy.services import withholding_rate
from investments.revenue.models import DISTRIBUTED, PERIOD_STATES, Period, RevenueReport, effective_action
from microfund.kernel import clock, locks
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.outbox.services import publish

from . import credit, in_kind, pay_in
from .allocate import allocate
from .models import DISTRIBUTION_STATES, OWING, Distribution
from .queries import accepted_reports, standing

#: A business that is asked to pay later than planned has this long (days).
LATE_PAYMENT_DAYS = 14
_FIGURES = (
    "per_unit",
    "principal_per_unit",
    "principal_before",
    "counted_revenue",
    "cumulative_revenue",
    "entitlement_per_unit",
    "carried_per_unit",
    "lost_per_unit",
    "reason",
)


def _judge(fund: Fund, period: Period, action: str, residual: int | None) -> tuple[dict[int, int], int, PeriodResult]:
    """The figures that count, what was distributed before per unit, and the rule's result, all as they stand now."""
    terms = rule_terms(offerings.current_terms(fund))
    if action == Action.SUPPLEMENT:
        now = standing(fund, before=terms.periods + 1)
        return dict(now.figures), now.paid_per_unit, supplement(terms, now, {})[1]
    now = standing(fund, before=period.number)
    if action == Action.WIND_UP:
        report = Report(period=period.number, revenue=0, action=Action.WIND_UP, residual_per_unit=residual)
        return dict(now.figures), now.paid_per_unit, judge(terms, now, report)[1]
    versions = accepted_reports(fund)[period.number]
    action = effective_action(period, versions[0].action)
    report = Report(period=period.number, revenue=versions[-1].revenue, action=Action(action))
    after, result = judge(terms, now, report)
    return dict(after.figures), now.paid_per_unit, result


def _payment_on(period: Period, on: date) -> date:
    """The planned payment date: that of the schedule, or two weeks from today once it has passed or is nearer."""
    return max(period.payment_due_on, clock.next_bank_day(on + timedelta(days=LATE_PAYMENT_DAYS)))


def _write(
    fund: Fund, period: Period, *, action: str, actor: Any, at: datetime, residual: int | None = None, number: int = 0
) -> Distribution:
    figures, paid_before, result = _judge(fund, period, action, residual)
    on = clock.today_in(fund.policy.zone, at)
    payment_on = _payment_on(period, on)
    report = period.reports.filter(state=RevenueReport.State.ACCEPTED, restatement=False).first()
    distribution = Distribution(
        fund=fund,
        period=period,
        supplement=number,
        report=report if action not in (Action.SUPPLEMENT, Action.WIND_UP) else None,
        terms=offerings.current_terms(fund),
        action=str(result.action),
        figures={str(key): value for key, value in sorted(figures.items())},
        paid_before=paid_before,
        record_on=on - timedelta(days=1) if action in (Action.WIND_UP, Action.SUPPLEMENT) else period.record_on,
        payment_on=payment_on,
        rate_person=withholding_rate(payment_on, "person"),
        rate_company=withholding_rate(payment_on, "company"),
        payer_code=new_payer_code(),
        calculated_by=actor,
        calculated_at=at,
        **{name: getattr(result, name) for name in _FIGURES},
    )
    distribution.save()
    allocate(distribution)
    return distribution


def prepare(period: Period, *, actor: Any, at: datetime) -> Distribution:
    """Calculate what an accepted report pays: the distribution and the line of every holding of the record date.

    Raises DomainError: "wrong_state" (no accepted report, or calculated already), "out_of_order" (an earlier period has
    no approved distribution), "under_way" (a wind-up waits for approval), and RuleError.
    """
    with transaction.atomic():
        fund = locks.lock_one(Fund, period.fund_id)
        period = locks.lock_one(Period, period.pk)
        PERIOD_STATES.require(period.state, Period.State.CALCULATED)
        earlier = fund.periods.filter(number__lt=period.number).exclude(state__in=DISTRIBUTED)
        if earlier.exists():
            raise DomainError("out_of_order", _("An earlier period has no approved distribution yet."))
        if period.distributions.exclude(state=Distribution.State.DISCARDED).exists():
            raise DomainError("under_way", _("A distribution of this period waits for approval."))
        versions = accepted_reports(fund)[period.number]
        distribution = _write(fund, period, action=versions[0].action, actor=actor, at=at)
        PERIOD_STATES.move(period, Period.State.CALCULATED, at=at, actor=actor)
        return distribution


def prepare_supplement(fund: Fund, *, actor: Any, at: datetime) -> Distribution:
    """After the last period: what an upward restatement still pays (section 5). Raises DomainError: "wrong_state",
    "under_way" (one waits for approval), "nothing" (nothing is due)."""
    with transaction.atomic():
        fund = locks.lock_one(Fund, fund.pk)
        terms = offerings.current_terms(fund)
        last = locks.lock_one(Period, fund.periods.get(number=terms.periods).pk)
        if fund.state not in (Fund.State.OPERATING, Fund.State.MATURED) or last.state not in DISTRIBUTED:
            raise DomainError("wrong_state", _("A supplement follows the distribution of the last period."))
        own = last.distributions.exclude(state=Distribution.State.DISCARDED)
        if own.filter(state=Distribution.State.CALCULATED).exists():
            raise DomainError("under_way", _("A distribution of this period waits for approval."))
        if _judge(fund, last, Action.SUPPLEMENT, None)[2].per_unit == 0:
            raise DomainError("nothing", _("Nothing is due: what was earned has been distributed."))
        number = max(own.values_list("supplement", flat=True)) + 1
        return _write(fund, last, action=Action.SUPPLEMENT, actor=actor, at=at, number=number)


def prepare_wind_up(fund: Fund, *, residual_per_unit: int, actor: Any, at: datetime, reason: str) -> Distribution:
    """The last distribution of a fund that ends before its term: a stated residual per unit (yen, 0 allowed).

    It belongs to the first period without an approved distribution. Raises DomainError: "reason_needed", "wrong_state",
    "under_way", and RuleError("residual_per_unit").
    """
    require_reason(reason)
    with transaction.atomic():
        fund = locks.lock_one(Fund, fund.pk)
        FUND_STATES.require(fund.state, Fund.State.WOUND_UP)
        period = fund.periods.exclude(state__in=DISTRIBUTED).order_by("number").first()
        if period is None:
            raise DomainError("wrong_state", _("Every period of this fund has its distribution."))
        period = locks.lock_one(Period, period.pk)
        if period.distributions.filter(state=Distribution.State.CALCULATED).exists():
            raise DomainError("under_way", _("A distribution of this period waits for approval."))
        return _write(fund, period, action=Action.WIND_UP, actor=actor, at=at, residual=residual_per_unit)


def discard(distribution: Distribution, *, actor: Any, at: datetime, reason: str) -> Distribution:
    """A calculated distribution will not be approved; its period waits to be calculated again. Raises
    DomainError("reason_needed", "wrong_state")."""
    require_reason(reason)
    with transaction.atomic():
        locks.lock_one(Fund, distribution.fund_id)
        period = locks.lock_one(Period, distribution.period_id)
        fresh = DISTRIBUTION_STATES.move(distribution, Distribution.State.DISCARDED, at=at, actor=actor, reason=reason)
        if period.state == Period.State.CALCULATED:
            PERIOD_STATES.move(period, Period.State.ACCEPTED, at=at, actor=actor, reason=reason)
        return fresh


def approve(distribution: Distribution, *, actor: Any, at: datetime, reason: str = "") -> Distribution:
    """A second person approves: from now on it is owed by the business and to the holders, and never changes.

    The rule is asked once more, so a report that was restated meanwhile is never paid by its old figure. Raises
    DomainError: "same_person", "wrong_state", "stale" (what is stored is no longer what the rule says).
    """
    with transaction.atomic():
        fund = locks.lock_one(Fund, distribution.fund_id)
        wanted = fund.periods.filter(pk=distribution.period_id)
        if distribution.action == Action.WIND_UP:
            wanted = fund.periods.filter(number__gte=distribution.period.number)
        # A credit of the business may pay what is open of other periods too.
        open_ones = fund.distributions.filter(OWING).values_list("period_id", flat=True)
        locks.lock(Period, {*wanted.values_list("pk", flat=True), *open_ones})
        period = wanted.order_by("number")[0]
        distribution = locks.lock_one(Distribution, distribution.pk)
        DISTRIBUTION_STATES.require(distribution.state, Distribution.State.APPROVED)
        in_kind.require_unfrozen(distribution)
        if actor.pk == distribution.calculated_by_id:
            raise DomainError("same_person", _("You calculated this distribution; another person must approve it."))
        residual = distribution.per_unit if distribution.action == Action.WIND_UP else None
        figures, paid_before, result = _judge(fund, period, distribution.action, residual)
        names = (*_FIGURES, "action")
        now = {str(key): value for key, value in figures.items()}, paid_before, *(getattr(result, n) for n in names)
        stored = distribution.figures, distribution.paid_before, *(getattr(distribution, name) for name in names)
        if now != stored:
            raise DomainError(
                "stale",
                _("A report or a moratorium has changed since this was calculated: discard it and calculate again."),
            )
        DISTRIBUTION_STATES.move(
            distribution,
            Distribution.State.APPROVED,
            at=at,
            actor=actor,
            reason=reason,
            details={"per_unit": distribution.per_unit, "gross": distribution.gross, "units": distribution.units},
            approved_by=actor,
            approved_at=at,
        )
        _owe(fund, distribution, at=at)
        _advance(fund, period, distribution, actor=actor, at=at)
        in_kind.take(fund, distribution, at=at)
        if not distribution.owed:
            pay_in.release(distribution, at=at)
        credit.use(fund, at=at)
        distribution.refresh_from_db(fields=["received", "instalment_per_unit"])
        publish(
            events.DistributionApproved(distribution_id=distribution.pk, fund_id=fund.pk, at=at),
            key=str(distribution.pk),
            at=at,
        )
        if distribution.cumulative_revenue >= recoup_revenue(rule_terms(distribution.terms)):
            # The key is the fund's, so the first distribution beyond it is the one that tells.
            publish(
                events.RecoupReached(distribution_id=distribution.pk, fund_id=fund.pk, at=at), key=str(fund.pk), at=at
            )
        return distribution


def _owe(fund: Fund, distribution: Distribution, *, at: datetime) -> None:
    """The business owes the gross; the holders are owed the net, the tax office the rest."""
    if not distribution.gross:
        return
    assert fund.book_id is not None
    subject = f"distribution:{distribution.pk}"
    legs = [ledger.debit(fund.book_id, "receivable_from_business", distribution.gross, subject)]
    if distribution.net:
        legs.append(ledger.credit(fund.book_id, "distributions_payable", distribution.net, subject))
    if distribution.tax:
        legs.append(ledger.credit(fund.book_id, "withholding_accrued", distribution.tax, subject))
    ledger.post(
        kind="distribution_approved",
        source=("distribution", distribution.pk),
        legs=legs,
        on=clock.today_in(fund.policy.zone, at),
        at=at,
    )


def _advance(fund: Fund, period: Period, distribution: Distribution, *, actor: Any, at: datetime) -> None:
    """What the approval means for the period and the fund."""
    if distribution.action == Action.WIND_UP:
        for ended in locks.lock(Period, fund.periods.filter(number__gte=period.number).values_list("pk", flat=True)):
            PERIOD_STATES.move(ended, Period.State.WOUND_UP, at=at, actor=actor)
        FUND_STATES.move(fund, Fund.State.WOUND_UP, at=at, actor=actor, ended_at=at)
        publish(events.FundWoundUp(fund_id=fund.pk, distribution_id=distribution.pk, at=at), key=str(fund.pk), at=at)
    elif distribution.action != Action.SUPPLEMENT:
        PERIOD_STATES.move(period, Period.State.APPROVED, at=at, actor=actor)
        if not distribution.gross:
            PERIOD_STATES.move(period, Period.State.PAID, at=at, actor=actor)
