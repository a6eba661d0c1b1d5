"""Reads of funds: which of them the public sees, their newest terms, their figures and documents.

A business page shows one fund: the open one, else the newest (architecture.md section 3). "Public" means checked by
staff: scheduled or later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Case, Exists, F, IntegerField, OuterRef, Prefetch, Q, QuerySet, Value, When
from django.db.models.functions import Length

from businesses.models import Business
from microfund.kernel import clock

from .models import Document, Fund, FundCounter, Terms
from .rule import RuleTerms

#: The wide columns of a document, which a list leaves in the table.
BYTES = ("html", "pdf")
NOT_PUBLIC = (Fund.State.DRAFT, Fund.State.IN_REVIEW)
PUBLIC = tuple(state for state in Fund.State.values if state not in NOT_PUBLIC)
#: From here on periods exist and sales are reported.
TERM_RUNS = (Fund.State.OPERATING, Fund.State.MATURED, Fund.State.SETTLED, Fund.State.WOUND_UP)


def public_funds() -> QuerySet[Fund]:
    """Every fund of a published business that staff have checked."""
    return Fund.objects.filter(state__in=PUBLIC, business__state=Business.State.PUBLISHED)


def _open_first() -> Case:
    return Case(When(state=Fund.State.OPEN, then=Value(0)), default=Value(1), output_field=IntegerField())


def shown_funds() -> QuerySet[Fund]:
    """One fund for each published business: its open fund, else the newest public one.

    Said as "no other public fund of the business comes before it", which needs no sorting of all funds.
    """
    others = Fund.objects.filter(business=OuterRef("business"), state__in=PUBLIC).alias(rank=_open_first())
    before = (
        Q(rank__lt=OuterRef("rank"))
        | Q(rank=OuterRef("rank"), opens_on__gt=OuterRef("opens_on"))
        | Q(rank=OuterRef("rank"), opens_on=OuterRef("opens_on"), pk__gt=OuterRef("pk"))
    )
    return public_funds().alias(rank=_open_first()).filter(~Exists(others.filter(before)))


def count_shown() -> int:
    """How many funds `shown_funds` holds: one for each published business that has a public fund, read from indexes."""
    public = Fund.objects.filter(business=OuterRef("pk"), state__in=PUBLIC)
    return Business.objects.filter(Exists(public), state=Business.State.PUBLISHED).count()


def sold_out_last() -> Case:
    """An order in which funds that still sell come before those that are sold out."""
    return Case(
        When(counter__sold__gte=F("counter__offered"), then=Value(1)), default=Value(0), output_field=IntegerField()
    )


def open_funds(on: date) -> QuerySet[Fund]:
    """Shown funds that are raising on a business date: those that still sell first, those closing first in front."""
    return shown_funds().filter(state=Fund.State.OPEN, closes_on__gte=on).order_by(sold_out_last(), "closes_on", "pk")


def funds_of(business: Business, *, drafts: bool = False) -> list[Fund]:
    """The funds of a business, the shown one first, with policy, counter and newest terms; three queries.

    `drafts` adds those not checked yet, for the eyes of owners and staff.
    """
    funds = Fund.objects.filter(business=business)
    if not drafts:
        funds = funds.filter(state__in=PUBLIC)
    return list(
        funds.select_related("policy", "counter")
        .prefetch_related(newest_terms())
        .order_by(_open_first(), "-opens_on", "-pk")
    )


def newest_terms(*, path: str = "terms", slim: bool = False) -> Prefetch:
    """The newest terms of each fund as a list `newest` of none or one; `slim` leaves the long texts and lists out."""
    terms = Terms.objects.order_by("fund", "-version").distinct("fund")
    if slim:
        terms = terms.defer("uses", "risks", "plan_revenue", "period_cap", "revenue_basis_en", "revenue_basis_ja")
    return Prefetch(path, terms, to_attr="newest")


def terms_of(fund: Fund) -> Terms | None:
    """The newest terms that `newest_terms` has fetched; None for a fund whose terms nobody has written."""
    newest: Sequence[Terms] = fund.newest  # type: ignore[attr-defined]
    return newest[0] if newest else None


def versions(fund: Fund) -> list[Terms]:
    """Every version of the terms, newest first."""
    return list(fund.terms.order_by("-version"))


def rule_terms(terms: Terms) -> RuleTerms:
    """What of the terms decides repayment, in the rule's own form (domain.md section 5)."""
    return RuleTerms(
        units_offered=terms.units_offered,
        investment=terms.investment,
        rate_before_recoup=terms.rate_before_recoup,
        rate_after_recoup=terms.rate_after_recoup,
        periods=terms.periods,
        grace_periods=terms.grace_periods,
        period_cap=tuple(terms.period_cap) if terms.period_cap is not None else None,
        revenue_floor=terms.revenue_floor,
    )


def documents_of(fund: Fund) -> list[Document]:
    """The stored documents of a fund without their bytes, newest terms first; `size` and `pdf_size` are in bytes."""
    return documents_of_funds([fund.pk])


def documents_of_funds(fund_ids: Iterable[int]) -> list[Document]:
    """The stored documents of several funds, like `documents_of`, in one query."""
    return list(
        Document.objects.filter(fund__in=list(fund_ids))
        .defer(*BYTES)
        .select_related("terms")
        .annotate(size=Length("html"), pdf_size=Length("pdf"))
        .order_by("-terms__version", "language", "pk")
    )


def document(business_slug: str, sha256: str, *, form: str = "html") -> Document | None:
    """One stored document of a business by the hash of its HTML, with the bytes of one `form`, html or pdf.

    Also for a business that was withdrawn: whoever holds units keeps the right to read what was agreed.
    """
    others = [name for name in BYTES if name != form]
    return (
        Document.objects.filter(
            fund__business__slug=business_slug,
            fund__business__state__in=(Business.State.PUBLISHED, Business.State.WITHDRAWN),
            sha256=sha256,
        )
        .defer(*others)
        .first()
    )


@dataclass(frozen=True, slots=True)
class Figures:
    """How far a fund is on a date. Yen without the fee; units.

    `sold` counts what is paid, `held` what is reserved; `days_left` counts the days after today, so 0 means that today
    is the last one, and is None unless the fund is raising. `period` is the running period, None outside the term.
    """

    offered: int
    sold: int
    held: int
    left: int
    raised: int
    target: int
    held_amount: int
    sold_out: bool
    buyable: bool
    days_left: int | None
    period: int | None


def figures(fund: Fund, terms: Terms, *, on: date, at: datetime) -> Figures:
    """The figures of a fund at an instant; reads only what is at hand (counter and terms)."""
    counter: FundCounter | None = getattr(fund, "counter", None)
    offered = counter.offered if counter else terms.units_offered
    sold = counter.sold if counter else 0
    held = counter.reserved if counter else 0
    halves = terms.investment + terms.donation
    raising = fund.state == Fund.State.OPEN
    takes = bool(raising and counter and counter.accepting and at < counter.closes_at)
    return Figures(
        offered=offered,
        sold=sold,
        held=held,
        left=offered - sold - held,
        raised=sold * halves,
        target=offered * halves,
        held_amount=held * halves,
        sold_out=raising and sold == offered,
        buyable=takes and offered > sold + held,
        days_left=max(0, (fund.closes_on - on).days) if raising else None,
        period=running_period(fund, terms, on=on),
    )


def running_period(fund: Fund, terms: Terms, *, on: date) -> int | None:
    """The number of the period that runs on a date while the fund operates; the last one when its term is over."""
    if fund.state != Fund.State.OPERATING or on < fund.term_starts_on:
        return None
    number = 1
    while number < terms.periods and clock.period_bounds(fund.term_starts_on, terms.period_months, number)[1] < on:
        number += 1
    return number


def planned_periods(fund: Fund, terms: Terms) -> list[dict[str, Any]]:
    """The term as planned, before its periods are rows: number, first and last day, planned revenue (yen)."""
    planned = []
    for number in range(1, terms.periods + 1):
        starts_on, ends_on = clock.period_bounds(fund.term_starts_on, terms.period_months, number)
        plan = terms.plan_revenue[number - 1] if number <= len(terms.plan_revenue) else None
        planned.append({"number": number, "starts_on": starts_on, "ends_on": ends_on, "plan": plan})
    return planned
