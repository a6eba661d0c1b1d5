"""The distribution rule of domain.md section 5: pure, exact, and the only place where it is written.

Documents, the simulator page, ``manage.py simulate_fund``, the owner's preview and real distributions all call it.
Amounts are whole minor units (yen) **per unit** unless a name says otherwise. Rates are ``Decimal`` with at most four
places; inside, they are whole ten-thousandths, so that every division is an integer floor and happens once:

    S* = k·U / r1        E(S) = floor( ( min(S, S*)·r1 + max(0, S - S*)·r2 ) / U )        due = max(0, E(S) - paid)

A fund is a fold: ``judge(terms, standing, report)`` gives what one report pays and the standing after it. ``run`` folds
a whole history from the beginning; real distributions build the ``Standing`` from approved rows and call ``judge``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from django.utils.translation import gettext_lazy as _

from investments.offerings.allocation import Allocation, allocate_instalment, allocate_units, redemption_percent
from investments.offerings.exact import RATE_SCALE, RuleError, scaled_rate, whole

__all__ = [
    "Action",
    "Allocation",
    "PeriodResult",
    "Reason",
    "Report",
    "RuleError",
    "RuleTerms",
    "Standing",
    "allocate_instalment",
    "allocate_units",
    "counted",
    "due_per_unit",
    "entitlement",
    "judge",
    "recoup_revenue",
    "redemption_percent",
    "run",
    "supplement",
]


class Action(StrEnum):
    """What a period's accepted report does. ``SUPPLEMENT`` is no report: a restatement after the last period."""

    REPORT = "report"
    DEFER = "defer"
    WAIVE = "waive"
    WIND_UP = "wind_up"
    SUPPLEMENT = "supplement"


#: The actions a report may name.
REPORT_ACTIONS = frozenset((Action.REPORT, Action.DEFER, Action.WAIVE, Action.WIND_UP))


class Reason(StrEnum):
    """Why a distribution pays what it pays. Everything but ``PAID`` and ``CAPPED`` says why it is 0 per unit."""

    PAID = "paid"
    CAPPED = "capped"  # the cap held something back; the rest is carried
    GRACE = "grace"
    DEFERRED = "deferred"
    WAIVED = "waived"
    BELOW_FLOOR = "below_floor"
    NO_REVENUE = "no_revenue"
    REPAID = "repaid"  # the investment is back, and these terms repay no more than that
    AHEAD = "ahead"  # after a downward restatement: paid more than is earned so far
    BELOW_ONE = "below_one"  # earned less than one whole yen per unit; the fraction carries
    NO_RESIDUAL = "no_residual"


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """The terms that decide what is repaid (domain.md section 5). Raises ``RuleError`` naming the field.

    ``units_offered`` is U: units *offered*, not sold; a half-sold fund pays the same per unit. ``investment`` is k, the
    invested half of a unit in yen. ``period_cap`` is yen per unit by period; ``None`` in it, or for it, means no cap.
    ``revenue_floor`` is yen of revenue in a period, below which it does not count.
    """

    units_offered: int
    investment: int
    rate_before_recoup: Decimal
    rate_after_recoup: Decimal
    periods: int
    grace_periods: int = 0
    period_cap: tuple[int | None, ...] | None = None
    revenue_floor: int = 0

    def __post_init__(self) -> None:
        whole("units_offered", self.units_offered, minimum=1)
        whole("investment", self.investment, minimum=1)
        whole("periods", self.periods, minimum=1)
        whole("grace_periods", self.grace_periods)
        whole("revenue_floor", self.revenue_floor)
        if scaled_rate("rate_before_recoup", self.rate_before_recoup) == 0:
            raise RuleError("rate_before_recoup", _("must be above 0"))
        scaled_rate("rate_after_recoup", self.rate_after_recoup)
        if self.grace_periods > self.periods:
            raise RuleError("grace_periods", _("must not exceed the number of periods"))
        if self.period_cap is not None:
            object.__setattr__(self, "period_cap", tuple(self.period_cap))
            if len(self.period_cap) != self.periods:
                raise RuleError(
                    "period_cap", _("must list %(periods)s values, one a period") % {"periods": self.periods}
                )
            for index, cap in enumerate(self.period_cap):
                if cap is not None:
                    whole(f"period_cap[{index}]", cap)

    @property
    def scaled_before(self) -> int:
        """r1 in ten-thousandths."""
        return scaled_rate("rate_before_recoup", self.rate_before_recoup)

    @property
    def scaled_after(self) -> int:
        """r2 in ten-thousandths."""
        return scaled_rate("rate_after_recoup", self.rate_after_recoup)

    @property
    def principal_total(self) -> int:
        """k·U: the whole investment if every unit offered is sold, in yen."""
        return self.investment * self.units_offered

    def cap_of(self, period: int) -> int | None:
        """Most that ``period`` (from 1) pays per unit; ``None`` for no cap. The last period lifts every cap."""
        if self.period_cap is None or period >= self.periods:
            return None
        return self.period_cap[period - 1]


@dataclass(frozen=True, slots=True)
class Report:
    """One accepted report: revenue of ``period`` (from 1) without consumption tax, in yen, and what it does.

    ``residual_per_unit`` belongs to a wind-up alone. ``restate`` maps earlier periods to their corrected revenue and
    takes effect before this report is counted. Raises ``RuleError`` on an unknown action; what else is wrong with a
    report depends on the standing, see ``judge``.
    """

    period: int
    revenue: int
    action: Action = Action.REPORT
    residual_per_unit: int | None = None
    restate: Mapping[int, int] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        # A plain "defer" from a row or a file becomes the member, for a string is never *identical* to it.
        if self.action not in REPORT_ACTIONS:
            raise RuleError("action", _("is not a known action"))
        object.__setattr__(self, "action", Action(self.action))


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a fund stands between two reports.

    ``figures`` holds the revenue, as it stands now, of every period that may be restated: after grace, reported or
    deferred, whether or not it reached the floor. ``paid_per_unit`` is the sum of *approved* per-unit amounts (arrears
    and write-offs included, so that nothing falls due twice).
    """

    figures: Mapping[int, int] = field(default_factory=dict, hash=False)
    paid_per_unit: int = 0
    periods_done: int = 0
    wound_up: bool = False


@dataclass(frozen=True, slots=True)
class PeriodResult:
    """What one report pays. Yen per unit, except the two revenues (yen of the whole fund).

    ``counted_revenue`` is the period's own figure as it counted then; ``cumulative_revenue`` is S after it.
    ``principal_before`` feeds ``allocate_units``. ``lost_per_unit`` is what was carried when a wind-up ended it.
    """

    period: int
    action: Action
    counted_revenue: int
    cumulative_revenue: int
    entitlement_per_unit: int
    per_unit: int
    principal_per_unit: int
    principal_before: int
    paid_per_unit: int
    carried_per_unit: int
    lost_per_unit: int
    reason: Reason


def recoup_revenue(terms: RuleTerms) -> int:
    """The first whole revenue (yen) at which the investment is fully returned: the ceiling of S*."""
    return -(-terms.principal_total * RATE_SCALE // terms.scaled_before)


def entitlement(terms: RuleTerms, revenue: int) -> int:
    """E(S): yen per unit earned by ``revenue`` counted so far. Exact, with its one floor at the end."""
    whole("revenue", revenue)
    before, units = terms.scaled_before, terms.units_offered
    beyond = revenue * before - terms.principal_total * RATE_SCALE  # (S - S*)·r1, scaled: its sign tells the side of S*
    if beyond <= 0:
        return revenue * before // (RATE_SCALE * units)
    return terms.investment + beyond * terms.scaled_after // (RATE_SCALE * before * units)


def counted(terms: RuleTerms, figures: Mapping[int, int]) -> int:
    """S: the sum of the standing figures that reach the revenue floor, in yen."""
    return sum(revenue for revenue in figures.values() if revenue >= terms.revenue_floor)


def due_per_unit(terms: RuleTerms, standing: Standing) -> int:
    """max(0, E(S) - paid): everything that is earned and not yet paid, caps and actions aside."""
    return _due(terms, counted(terms, standing.figures), standing.paid_per_unit)


def _due(terms: RuleTerms, total: int, paid_per_unit: int) -> int:
    return max(0, entitlement(terms, total) - paid_per_unit)


def judge(terms: RuleTerms, standing: Standing, report: Report) -> tuple[Standing, PeriodResult]:
    """What ``report`` pays per unit, and the standing after it (domain.md section 5).

    Raises ``RuleError``, its ``field`` one of ``""``, ``period``, ``revenue``, ``action``, ``residual_per_unit``,
    ``restate.N``: after a wind-up, out of order, past the term, the last period deferred, not restatable.
    """
    _refuse_report(terms, standing, report)
    figures = {**standing.figures, **report.restate}
    if report.period > terms.grace_periods and report.action in (Action.REPORT, Action.DEFER):
        figures[report.period] = report.revenue
    own = figures.get(report.period, 0)
    own = own if own >= terms.revenue_floor else 0

    total = counted(terms, figures)
    due = _due(terms, total, standing.paid_per_unit)
    if report.action is Action.WIND_UP:
        pays = report.residual_per_unit or 0
    elif report.period == terms.periods:
        pays = due  # the last period pays all that is carried, even when waived
    elif report.action in (Action.DEFER, Action.WAIVE):
        pays = 0
    else:
        cap = terms.cap_of(report.period)
        pays = due if cap is None else min(due, cap)
    reason = _reason(terms, standing, report, own=own, total=total, due=due, pays=pays)
    result = _result(terms, standing, report.period, report.action, own, total, pays, reason)
    ended = report.action is Action.WIND_UP
    return Standing(MappingProxyType(figures), result.paid_per_unit, report.period, ended), result


def supplement(terms: RuleTerms, standing: Standing, restate: Mapping[int, int]) -> tuple[Standing, PeriodResult]:
    """The supplementary distribution of a restatement after the last period: what E(S) is ahead of what was paid.

    A downward restatement gives 0 per unit. Raises ``RuleError`` before the last period or after a wind-up, and for a
    period that is not restatable.
    """
    if standing.wound_up:
        raise RuleError("", _("nothing may follow a wind-up"), code="wound_up")
    if standing.periods_done != terms.periods:
        raise RuleError("", _("a supplementary distribution follows the last period"), code="term_not_over")
    for period, revenue in restate.items():
        _refuse_restatement(standing, period, revenue)
    figures = {**standing.figures, **restate}
    total = counted(terms, figures)
    due = _due(terms, total, standing.paid_per_unit)
    reason = Reason.PAID if due else _idle(terms, standing, total)
    result = _result(terms, standing, terms.periods, Action.SUPPLEMENT, 0, total, due, reason)
    return Standing(MappingProxyType(figures), result.paid_per_unit, standing.periods_done), result


def run(terms: RuleTerms, reports: Iterable[Report]) -> list[PeriodResult]:
    """Every report's result, from the first period on. Raises ``RuleError`` as ``judge`` does."""
    standing, results = Standing(), []
    for report in reports:
        standing, result = judge(terms, standing, report)
        results.append(result)
    return results


def _refuse_report(terms: RuleTerms, standing: Standing, report: Report) -> None:
    if standing.wound_up:
        raise RuleError("", _("nothing may follow a wind-up"), code="wound_up")
    whole("period", report.period, minimum=1)
    if report.period > terms.periods:
        raise RuleError("period", _("is past the term of %(periods)s periods") % {"periods": terms.periods})
    expected = standing.periods_done + 1
    if report.period != expected:
        raise RuleError("period", _("is out of order: %(expected)s comes next") % {"expected": expected})
    whole("revenue", report.revenue)
    if report.action is Action.DEFER and report.period == terms.periods:
        raise RuleError("action", _("the last period cannot be deferred"), code="last_period_deferred")
    if report.action is Action.WIND_UP:
        whole("residual_per_unit", report.residual_per_unit)
    elif report.residual_per_unit is not None:
        raise RuleError("residual_per_unit", _("belongs to a wind-up alone"))
    for period, revenue in report.restate.items():
        _refuse_restatement(standing, period, revenue)


def _refuse_restatement(standing: Standing, period: int, revenue: int) -> None:
    if period not in standing.figures:
        message = _("period %(period)s cannot be restated: it was not reported or deferred after grace before this one")
        raise RuleError(f"restate.{period}", message % {"period": period}, code="not_restatable")
    whole(f"restate.{period}", revenue)


def _result(
    terms: RuleTerms,
    standing: Standing,
    period: int,
    action: Action,
    own: int,
    total: int,
    pays: int,
    reason: Reason,
) -> PeriodResult:
    entitled = entitlement(terms, total)
    principal_before = min(standing.paid_per_unit, terms.investment)
    paid = standing.paid_per_unit + pays
    ended = action is Action.WIND_UP
    return PeriodResult(
        period=period,
        action=action,
        counted_revenue=own,
        cumulative_revenue=total,
        entitlement_per_unit=entitled,
        per_unit=pays,
        principal_per_unit=min(pays, terms.investment - principal_before),
        principal_before=principal_before,
        paid_per_unit=paid,
        carried_per_unit=0 if ended else max(0, entitled - paid),
        lost_per_unit=max(0, entitled - standing.paid_per_unit) if ended else 0,
        reason=reason,
    )


def _reason(
    terms: RuleTerms, standing: Standing, report: Report, *, own: int, total: int, due: int, pays: int
) -> Reason:
    if report.action is Action.WIND_UP:
        return Reason.PAID if pays else Reason.NO_RESIDUAL
    if report.period <= terms.grace_periods:
        return Reason.GRACE
    if pays:
        return Reason.PAID if pays == due else Reason.CAPPED
    if report.action is Action.DEFER:
        return Reason.DEFERRED
    if report.action is Action.WAIVE:
        return Reason.WAIVED
    if due:
        return Reason.CAPPED
    if not own:
        return Reason.BELOW_FLOOR if report.revenue else Reason.NO_REVENUE
    return _idle(terms, standing, total)


def _idle(terms: RuleTerms, standing: Standing, total: int) -> Reason:
    """Why revenue that counts, ``total`` yen so far, makes nothing fall due."""
    if entitlement(terms, total) < standing.paid_per_unit:
        return Reason.AHEAD
    if standing.paid_per_unit >= terms.investment and not terms.scaled_after:
        return Reason.REPAID
    return Reason.BELOW_ONE
