"""Builders of rewards: an offer of a fund in its term, an open cycle, claims, through the services."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone

from investments.models import Fund, Investor
from microfund.kernel import clock
from rewards import claims, cycles
from rewards.claims import Choice
from rewards.models import Cycle, Donee, Entitlement, Offer
from tests import make, repay

HOME = {
    "name": "伊藤 遥",
    "postal_code": "980-0811",
    "prefecture": "宮城県",
    "city": "仙台市青葉区",
    "street": "一番町1-2-3",
    "building": "みなと荘 201",
    "phone": "022-123-4567",
}


def make_offer(fund: Fund, **values: Any) -> Offer:
    """Oysters in every season's December, one for each holding, unless it says otherwise."""
    given = {
        "text_en": "Twenty oysters in the shell",
        "text_ja": "殻付き牡蠣20個",
        "cycle": Offer.Cycle.SEASON,
        "season_month": 11,
        "season_day": 1,
        "value": 3_000,
        **values,
    }
    offer = Offer(fund=fund, **given)
    offer.full_clean()
    offer.save()
    return offer


def first_day(fund: Fund, year: int = 0) -> datetime:
    """Noon of the first of November within the term, `year` years on."""
    start = fund.term_starts_on
    first = date(start.year, 11, 1)
    if first <= start:
        first = first.replace(year=start.year + 1)
    return make.at_noon(first.replace(year=first.year + year))


def open_cycles(at: datetime) -> None:
    """The sweep of a day."""
    assert not cycles.open_due(on=clock.today_in(None, at), at=at).get("errors")


def opened(*units: int, investors: list[Investor] | None = None, **offer: Any) -> tuple[Cycle, datetime]:
    """A fund with one holder for each number of units, and the first cycle of its offer, open since noon."""
    fund = repay.operating(*units, investors=investors)
    made = make_offer(fund, **offer)
    at = first_day(fund)
    open_cycles(at)
    return made.cycles.get(), at


def row_of(cycle: Cycle, number: int = 0) -> Entitlement:
    """An entitlement of the cycle, by the order of the holdings."""
    return Entitlement.objects.filter(cycle=cycle).order_by("pk")[number]


def claim(row: Entitlement, *, at: datetime, **choice: Any) -> Entitlement:
    """Its holder claims it to their home, unless the choice says otherwise."""
    investor = row.holding.investor
    given = Choice(**{"address": HOME, **choice})
    return claims.claim(investor, row.pk, given, actor=investor.user, at=at)


def make_donee() -> Donee:
    return Donee.objects.create(
        name_en="Minato Food Bank", name_ja="みなとフードバンク", address={**HOME, "name": "みなとフードバンク"}
    )


def after_closing(cycle: Cycle, days: int = 1) -> datetime:
    """Noon, some days after the last day of claiming."""
    return make.at_noon(cycle.closes_on + timedelta(days=days))


def visit_values(**more: Any) -> dict[str, Any]:
    """A visit in three weeks with three seats."""
    begins = timezone.now() + timedelta(days=20)
    return {
        "title_en": "Raft-side breakfast",
        "title_ja": "筏の上の朝ごはん",
        "place": "The pier",
        "text_en": "Bring boots & a hat.",
        "text_ja": "",
        "starts_at": begins,
        "minutes": 90,
        "book_until": clock.today_in(None, begins) - timedelta(days=2),
        "seats": 3,
        "minimum_units": 1,
        "most_each": 2,
        **more,
    }
