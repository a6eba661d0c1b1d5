"""When offers come: dates from the term's anchor, over new year, on 29 February, on the 31st."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

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


# --- Between two month-days ---------------------------------------------------------------------------------------


def season(first: tuple[int, int], last: tuple[int, int], **values: object) -> Offer:
    ends = {"season_until_month": last[0], "season_until_day": last[1]}
    return offer(cycle="season", season_month=first[0], season_day=first[1], **ends, **values)


@pytest.mark.parametrize(
    ("first", "last", "start", "expected"),
    [
        # Within a year; parcels leave by the last day, whatever the days to send say.
        ((4, 10), (6, 20), date(2021, 4, 10), (date(2021, 5, 9), date(2021, 6, 20))),
        # Oysters: over new year, in the next one.
        ((11, 20), (3, 10), date(2020, 11, 20), (date(2020, 12, 19), date(2021, 3, 10))),
        # 29 February is the last of February, at both ends.
        ((2, 29), (4, 1), date(2021, 2, 28), (date(2021, 3, 29), date(2021, 4, 1))),
        ((12, 1), (2, 29), date(2020, 12, 1), (date(2020, 12, 30), date(2021, 2, 28))),
        ((12, 1), (2, 29), date(2023, 12, 1), (date(2023, 12, 30), date(2024, 2, 29))),
        # So is the 31st of a short month the 30th.
        ((4, 1), (6, 31), date(2021, 4, 1), (date(2021, 4, 30), date(2021, 6, 30))),
        # Claims end with the season at the latest.
        ((5, 1), (5, 20), date(2021, 5, 1), (date(2021, 5, 20), date(2021, 5, 20))),
        # One day; and all of the year, which ends before it begins again.
        ((7, 7), (7, 7), date(2021, 7, 7), (date(2021, 7, 7), date(2021, 7, 7))),
        ((7, 7), (7, 6), date(2021, 7, 7), (date(2021, 8, 5), date(2022, 7, 6))),
        ((2, 29), (2, 28), date(2021, 2, 28), (date(2021, 3, 29), date(2022, 2, 27))),
    ],
)
def test_a_season_lasts_from_one_day_of_the_year_to_another(
    first: tuple[int, int], last: tuple[int, int], start: date, expected: tuple[date, date]
) -> None:
    own = next(row for row in openings(season(first, last), periods(date(2020, 4, 1))) if row.opens_on == start)
    assert (own.closes_on, own.dispatch_by) == expected
    assert own.record_on == start - timedelta(days=1)


def test_seasons_never_overlap() -> None:
    for first in ((2, 28), (2, 29), (4, 30), (4, 31), (12, 31), (1, 1)):
        for last in ((2, 28), (2, 29), (4, 29), (4, 30), (4, 31), (12, 30), (12, 31), (1, 1)):
            found = openings(season(first, last), periods(date(2019, 4, 1), count=9))
            for own, after in itertools.pairwise(found):
                assert own.opens_on <= own.closes_on <= own.dispatch_by < after.opens_on, (first, last, own)


def test_the_last_season_of_the_term_ends_after_it() -> None:
    own = openings(season((11, 20), (5, 10)), periods(date(2020, 4, 1), count=2))[-1]
    assert (own.opens_on, own.dispatch_by) == (date(2021, 11, 20), date(2022, 5, 10))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"season_until_day": None}, "season_until_day"),
        ({"season_until_month": None}, "season_until_day"),
        ({"claim_days": 72}, "claim_days"),
        ({"season_until_month": 13}, "season_until_month"),
        ({"season_until_day": 32}, "season_until_day"),
    ],
)
def test_a_season_that_cannot_be_is_refused_at_its_field(values: dict[str, int | None], field: str) -> None:
    own = season((4, 10), (6, 19))
    assert not complaints(own)
    for name, value in values.items():
        setattr(own, name, value)
    assert complaints(own) == {field}


def complaints(own: Offer) -> set[str]:
    """The fields of which the model complains, but for those that this offer does not have."""
    own.text_en = own.text_ja = "Oysters"
    try:
        own.full_clean(exclude=["fund"], validate_constraints=False)
    except ValidationError as error:
        return set(error.error_dict)
    return set()


# --- Claims before the season -------------------------------------------------------------------------------------


def claimed(opens: tuple[int, int], closes: tuple[int, int]) -> dict[str, int]:
    return dict(
        zip(("claim_month", "claim_day", "claim_until_month", "claim_until_day"), (*opens, *closes), strict=True)
    )


@pytest.mark.parametrize(
    ("first", "last", "opens", "closes", "expected"),
    [
        # Sake: claimed in September, sent from November to February.
        ((11, 1), (2, 29), (9, 1), (9, 30), ("2020-09-01", "2020-09-30", "2020-11-01", "2021-02-28")),
        # Claims of the year before; over new year; and up to the season's last day.
        ((2, 1), (3, 31), (11, 15), (12, 31), ("2020-11-15", "2020-12-31", "2021-02-01", "2021-03-31")),
        ((2, 1), (3, 31), (12, 15), (1, 10), ("2020-12-15", "2021-01-10", "2021-02-01", "2021-03-31")),
        ((11, 1), (2, 28), (9, 1), (2, 28), ("2020-09-01", "2021-02-28", "2020-11-01", "2021-02-28")),
        # Claims that open in the season: nothing is sent later than they open.
        ((11, 1), (2, 28), (11, 10), (12, 10), ("2020-11-10", "2020-12-10", None, "2021-02-28")),
        ((11, 1), (2, 28), (11, 1), (11, 30), ("2020-11-01", "2020-11-30", None, "2021-02-28")),
        ((11, 1), (2, 28), (1, 5), (1, 31), ("2021-01-05", "2021-01-31", None, "2021-02-28")),
        # 29 February and the 31st of a short month, at both ends.
        ((3, 10), (6, 30), (2, 29), (4, 31), ("2021-02-28", "2021-04-30", "2021-03-10", "2021-06-30")),
    ],
)
def test_claims_are_open_on_days_of_their_own(
    first: tuple[int, int],
    last: tuple[int, int],
    opens: tuple[int, int],
    closes: tuple[int, int],
    expected: tuple[str | None, ...],
) -> None:
    own = season(first, last, **claimed(opens, closes))
    assert not complaints(own)
    found = openings(own, periods(date(2020, 4, 1)))
    dates = [(row.opens_on, row.closes_on, row.dispatch_from, row.dispatch_by) for row in found]
    assert [day and day.isoformat() for day in dates[0]] == list(expected)
    assert found[0].record_on == found[0].opens_on - timedelta(days=1)
    # The number is the year in which the season begins, whatever the year of its claims.
    begins = found[0].dispatch_by.year - (last < first)
    assert found[0].number == begins
    for one, after in itertools.pairwise(found):
        assert one.closes_on < after.opens_on and after.number == one.number + 1


def test_claims_that_would_open_before_the_term_have_as_many_days_from_its_second_on() -> None:
    own = season((11, 1), (2, 28), **claimed((9, 1), (9, 30)))
    first, second = openings(own, periods(date(2020, 10, 1), count=2))
    assert (first.record_on, first.opens_on, first.closes_on) == (
        date(2020, 10, 1),
        date(2020, 10, 2),
        date(2020, 10, 31),
    )
    assert (second.opens_on, second.closes_on) == (date(2021, 9, 1), date(2021, 9, 30))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"claim_until_day": None}, "claim_until_day"),
        ({"claim_month": None}, "claim_until_day"),
        ({"claim_month": 13}, "claim_month"),
        ({"claim_until_day": 32}, "claim_until_day"),
        # They may not end after the season; without a last day, or a season, there are none.
        ({"claim_until_month": 3}, "claim_until_day"),
        ({"claim_until_month": 8}, "claim_until_day"),
        ({"season_until_month": None, "season_until_day": None}, "claim_month"),
        ({"cycle": "once"}, "claim_month"),
    ],
)
def test_claims_that_cannot_be_are_refused_at_their_field(values: dict[str, object], field: str) -> None:
    own = season((11, 1), (2, 28), **claimed((9, 1), (9, 30)))
    assert not complaints(own)
    for name, value in values.items():
        setattr(own, name, value)
    assert complaints(own) == {field}


def test_the_days_to_claim_do_not_count_where_the_claims_have_days_of_their_own() -> None:
    own = season((11, 1), (11, 30), claim_days=60)
    assert complaints(own) == {"claim_days"}
    own = season((11, 1), (11, 30), **{**claimed((9, 1), (9, 30)), "claim_days": 60})
    assert not complaints(own)
    with translation.override("en"):
        assert own.claim_season == "to be claimed from September 1 to September 30"
    assert not season((11, 1), (11, 30)).claim_season


def test_a_season_in_words() -> None:
    own = season((11, 20), (3, 10))
    with translation.override("en"):
        assert own.season == "Every year from November 20 to March 10"
    with translation.override("ja"):
        assert own.season == "毎年11月20日から3月10日まで"
    assert not offer(cycle="season").season and not offer(cycle="once").season
