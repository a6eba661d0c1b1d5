"""When offers come: dates from the term's anchor, over new year, on 29 February, on the 31st."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from investments.models import Period
from microfund.kernel import clock
from rewards.calendar import openings
from rewards.models import Offer


def periods(start: date, count: int = 4, months: int = 12) -> list[Period]:
    rows = []
    for number in range(1, count + 1):
        first, last = clock.period_bounds(start, months, number)
        rows.append(Period(number=number, starts_on=first, ends_on=last))
    return rows


def offer(**values: object) -> Offer:
    return Offer(**{"claim_days": 30, "dispatch_days": 20, **values})


def days(own: Offer, rows: list[Period]) -> list[date]:
    return [opening.opens_on for opening in openings(own, rows)]


def test_once_after_its_period() -> None:
    found = openings(offer(cycle="once", from_period=2), periods(date(2020, 4, 1)))
    assert [(o.number, o.record_on, o.opens_on) for o in found] == [(2, date(2022, 3, 31), date(2022, 4, 1))]
    assert found[0].closes_on - found[0].opens_on == timedelta(days=29)
    assert found[0].dispatch_by - found[0].closes_on == timedelta(days=20)


def test_after_every_third_period_from_the_first() -> None:
    rows = periods(date(2020, 4, 1), count=10)
    assert [o.number for o in openings(offer(cycle="periods", from_period=1, every=3), rows)] == [1, 4, 7, 10]


@pytest.mark.parametrize(
    ("month", "day", "expected"),
    [
        (2, 29, [date(2021, 2, 28), date(2022, 2, 28), date(2023, 2, 28), date(2024, 2, 29)]),
        (4, 31, [date(2020, 4, 30), date(2021, 4, 30), date(2022, 4, 30), date(2023, 4, 30)]),
        (12, 31, [date(2020, 12, 31), date(2021, 12, 31), date(2022, 12, 31), date(2023, 12, 31)]),
    ],
)
def test_a_season_comes_every_year_within_the_term(month: int, day: int, expected: list[date]) -> None:
    own = offer(cycle="season", season_month=month, season_day=day)
    assert days(own, periods(date(2020, 4, 1))) == expected


def test_a_season_over_new_year_has_its_claims_over_new_year() -> None:
    own = offer(cycle="season", season_month=12, season_day=20)
    found = openings(own, periods(date(2020, 4, 1)))[0]
    assert found.opens_on == date(2020, 12, 20) and found.closes_on == date(2021, 1, 18)


def test_the_first_day_of_the_term_has_no_holders_yet() -> None:
    assert days(offer(cycle="season", season_month=4, season_day=1), periods(date(2020, 4, 1))) == [
        date(2021, 4, 1),
        date(2022, 4, 1),
        date(2023, 4, 1),
    ]


def test_no_cycle_before_the_offer_was_made_and_none_without_dates() -> None:
    rows = periods(date(2020, 4, 1))
    own = offer(cycle="season", season_month=6, season_day=1, starts_on=date(2022, 1, 1))
    assert days(own, rows) == [date(2022, 6, 1), date(2023, 6, 1)]
    assert days(offer(cycle="none"), rows) == []
    assert days(offer(cycle="once"), []) == []
