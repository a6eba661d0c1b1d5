"""The dates of what a person holds: the timeline of one fund's term, and what comes next over all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Exists, F, OuterRef, Sum
from django.utils.translation import gettext as _

from investments.distributions.explain import relief, written_off_words
from investments.distributions.results import Result, results_of
from investments.models import Distribution, Fund, Holding, Period, Terms, WriteOff
from investments.offerings import queries as offerings
from investments.offerings.projection import ProjectedPeriod, project
from investments.revenue.services import period_rows

from .own_holdings import BEFORE_TERM, SETTLED, UNREPORTED

NEXT_DATES = 6


@dataclass(frozen=True, slots=True)
class TermPeriod:
    """One period of a term: its dates, its planned sales (yen) and what they would pay by the rule; `result`, what was
    reported and decided, once a period was; `state` and `words` say how far it is, `notes` what was decided
    about it beside that."""

    period: Period
    plan: int | None
    projected: ProjectedPeriod | None
    words: str
    notes: tuple[str, ...] = ()
    result: Result | None = None
    units: int = 0

    @property
    def mine(self) -> int | None:
        """What was decided for the holder's units of today, yen before tax; None until it is."""
        decided = self.result.per_unit if self.result else None
        return None if decided is None else decided * self.units

    @property
    def state(self) -> str:
        """The state for a badge's look."""
        return self.period.state


def timeline(fund: Fund, terms: Terms, *, units: int, on: date) -> list[TermPeriod]:
    """Every period of a fund's term for `units` units: from its rows, or before the term begins from what they will be.

    What a period is expected to pay is the plan put through the rule that pays, before tax. Four queries, two until
    a period is reported.
    """
    begun = list(fund.periods.select_related("moratorium").order_by("number"))
    periods = begun or period_rows(fund, terms, fund.policy)
    reported = any(period.state not in UNREPORTED for period in begun)
    results = results_of(fund, terms, on=on, periods=begun) if reported else []
    plan = list(terms.plan_revenue)
    whole = len(plan) == terms.periods and units > 0
    expected = project(offerings.rule_terms(terms), plan, 100, units, Decimal(0)).periods if whole else ()
    told = notes_of(fund)
    return [
        TermPeriod(
            period=period,
            plan=plan[period.number - 1] if period.number <= len(plan) else None,
            projected=expected[period.number - 1] if period.number <= len(expected) else None,
            words=period_words(period, on=on),
            notes=(*([relief(period)] if period.relief else []), *told.get(period.number, ())),
            result=results[number] if results else None,
            units=units,
        )
        for number, period in enumerate(periods)
    ]


def notes_of(fund: Fund) -> dict[int, list[str]]:
    """What was decided about periods of a fund beside their distribution, by number: arrears written off, and why."""
    found: dict[int, list[str]] = {}
    decided = WriteOff.objects.filter(distribution__fund=fund, state=WriteOff.State.APPROVED)
    for row in decided.select_related("distribution__period").order_by("pk"):
        words = written_off_words(row, fund.currency)
        found.setdefault(row.distribution.period.number, []).append(words)
    return found


def period_words(period: Period, *, on: date) -> str:
    """How far a period is, in words that claim no more than its row says."""
    if period.state not in UNREPORTED:
        return str(period.get_state_display())
    if on < period.starts_on:
        return _("not yet begun")
    if on <= period.ends_on:
        return _("running")
    return _("not yet reported")


@dataclass(frozen=True, slots=True)
class NextDate:
    """Something that comes: when, a kind (term, report, payment), which holding it concerns and which period (0: the
    whole term)."""

    on: date
    kind: str
    reference: str
    words: str
    fund: Fund
    number: int = 0


def coming_dates(investor: Any, *, on: date, most: int = NEXT_DATES) -> list[NextDate]:
    """The next `most` dates of each kind over all that a person holds, soonest first; five queries however much that
    is."""
    held = Holding.objects.filter(investor=investor, units__gt=0)
    dates = [
        *_before_term(held.filter(fund__state__in=BEFORE_TERM, fund__term_starts_on__gte=on), most),
        *_in_term(held, on=on, most=most),
    ]
    return sorted(dates, key=lambda row: (row.on, row.kind, row.reference))


def _before_term(holdings: Any, most: int) -> Iterable[NextDate]:
    found = (
        holdings.select_related("fund__business", "fund__policy")
        .prefetch_related(offerings.newest_terms(path="fund__terms", slim=True))
        .order_by("fund__term_starts_on", "pk")[:most]
    )
    for holding in found:
        fund = holding.fund
        yield NextDate(fund.term_starts_on, "term", holding.reference, _("The term begins."), fund)
        terms = offerings.terms_of(fund)
        if terms is not None:
            first = period_rows(fund, terms, fund.policy)[0]
            yield _report(first.report_due_on, first.number, holding.reference, fund)
            yield _payment(first.payment_due_on, first.number, holding.reference, fund)


def _in_term(holdings: Any, *, on: date, most: int) -> Iterable[NextDate]:
    mine = Period.objects.filter(Exists(holdings.filter(fund=OuterRef("fund")))).select_related("fund__business")
    reports = mine.filter(state__in=UNREPORTED, report_due_on__gte=on).order_by("report_due_on", "pk")[:most]
    payments = mine.exclude(state__in=SETTLED).filter(payment_due_on__gte=on).order_by("payment_due_on", "pk")[:most]
    reports, payments = list(reports), list(payments)
    funds = {period.fund_id for period in [*reports, *payments]}
    references = dict(holdings.filter(fund__in=funds).values_list("fund_id", "reference"))
    for period in reports:
        yield _report(period.report_due_on, period.number, references[period.fund_id], period.fund)
    for period in payments:
        yield _payment(period.payment_due_on, period.number, references[period.fund_id], period.fund)


def _report(on: date, number: int, reference: str, fund: Fund) -> NextDate:
    words = _("The sales report of period %(number)d is due.") % {"number": number}
    return NextDate(on, "report", reference, words, fund, number)


def _payment(on: date, number: int, reference: str, fund: Fund) -> NextDate:
    words = _("The payment of period %(number)d is due, if there is one.") % {"number": number}
    return NextDate(on, "payment", reference, words, fund, number)


@dataclass(frozen=True, slots=True)
class ExpectedPayment:
    """The next payment: its date and yen before tax. `decided` says that it is; else it is what the plan would pay."""

    date: NextDate
    amount: int
    decided: bool


def expected_payment(dates: Iterable[NextDate]) -> ExpectedPayment | None:
    """The first payment among the dates; None where none is known. Three queries."""
    date_ = next((row for row in dates if row.kind == "payment"), None)
    if date_ is None:
        return None
    holding = (
        Holding.objects.filter(reference=date_.reference)
        .select_related("fund")
        .prefetch_related(offerings.newest_terms(path="fund__terms"))
        .get()
    )
    decided = Distribution.objects.filter(
        fund=holding.fund_id, period__number=date_.number, state=Distribution.State.APPROVED
    ).aggregate(per_unit=Sum(F("per_unit") - F("written_off_per_unit")))["per_unit"]
    if decided is not None:
        return ExpectedPayment(date_, decided * holding.units, decided=True)
    terms = offerings.terms_of(holding.fund)
    if terms is None or len(terms.plan_revenue) != terms.periods:
        return None
    periods = project(offerings.rule_terms(terms), list(terms.plan_revenue), 100, holding.units, Decimal(0)).periods
    return ExpectedPayment(date_, periods[date_.number - 1].allocation.gross, decided=False)
