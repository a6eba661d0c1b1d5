"""Cards: a fund on a list, and its state in a visitor's words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from businesses import queries as businesses
from businesses.models import Business, Picture
from investments.models import Fund, Terms
from investments.offerings import queries as offerings


@dataclass(frozen=True, slots=True)
class Card:
    """A fund on the list: what its card shows."""

    fund: Fund
    business: Business
    terms: Terms
    figures: offerings.Figures
    state_label: str
    picture: Picture | None


def cards(funds: QuerySet[Fund], *, on: date, at: datetime) -> list[Card]:
    """Cards of a few funds, a queryset already cut to them, in its order: four queries, however many rows there are."""
    return cards_of(funds.values_list("pk", flat=True), on=on, at=at)


def cards_of(keys: Iterable[int], *, on: date, at: datetime) -> list[Card]:
    """Cards of the funds with these primary keys, in that order: three queries, or none for none."""
    keys = list(keys)
    found = (
        Fund.objects.select_related("business", "counter")
        .prefetch_related(offerings.newest_terms(slim=True), businesses.hero_pictures("business__pictures"))
        .in_bulk(keys)
    )
    made = []
    for fund in (found[key] for key in keys if key in found):
        terms = offerings.terms_of(fund)
        if terms is None:  # the services never let a fund without terms become public
            continue
        figures = offerings.figures(fund, terms, on=on, at=at)
        heroes = fund.business.heroes
        made.append(
            Card(fund, fund.business, terms, figures, state_label(fund, terms, figures), heroes[0] if heroes else None)
        )
    return made


def state_label(fund: Fund, terms: Terms | None, figures: offerings.Figures | None) -> str:
    """The state of a fund in a visitor's words; *sold out* is shown, not a state (domain.md section 3)."""
    if figures and figures.sold_out:
        return _("Sold out")
    if terms and figures and figures.period:
        if terms.period_months == 12:
            return _("Repaying, year %(number)d") % {"number": figures.period}
        return _("Repaying, period %(number)d") % {"number": figures.period}
    labels = {
        Fund.State.DRAFT: _("Draft"),
        Fund.State.IN_REVIEW: _("In review"),
        Fund.State.SCHEDULED: _("Opens soon"),
        Fund.State.OPEN: _("Raising"),
        Fund.State.CLOSED: _("Funded"),
        Fund.State.OPERATING: _("Repaying"),
        Fund.State.MATURED: _("Matured"),
        Fund.State.SETTLED: _("Settled"),
        Fund.State.FAILED: _("Not funded, all refunded"),
        Fund.State.WOUND_UP: _("Wound up"),
    }
    return labels[Fund.State(fund.state)]
