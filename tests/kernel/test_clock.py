"""The business clock: the day's edges, the calendar from its anchor, Japanese bank days."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from microfund.kernel import clock
from microfund.kernel.clock import (
    FutureDate,
    add_bank_days,
    add_months,
    business_instant,
    business_zone,
    cooling_off_end,
    cooling_off_last_day,
    end_of_day,
    is_bank_day,
    next_bank_day,
    period_bounds,
    start_of_day,
    today_in,
)

TOKYO = ZoneInfo("Asia/Tokyo")
MICROSECOND = timedelta(microseconds=1)
days = st.dates(min_value=date(2000, 1, 1), max_value=date(2090, 12, 31))
zones = st.sampled_from(["Asia/Tokyo", "UTC", "America/New_York", "America/Santiago", "Africa/Cairo", "Asia/Kolkata"])


def tokyo(*parts):
    return datetime(*parts, tzinfo=TOKYO)


def test_the_business_zone_is_the_setting_and_may_be_named(settings):
    settings.BUSINESS_TIME_ZONE = "Asia/Tokyo"
    assert business_zone().key == clock.BUSINESS_ZONE.key == "Asia/Tokyo"
    settings.BUSINESS_TIME_ZONE = "Pacific/Auckland"
    assert business_zone().key == clock.BUSINESS_ZONE.key == "Pacific/Auckland"
    assert business_zone("UTC").key == "UTC"
    assert business_zone(TOKYO) is TOKYO
    with pytest.raises(ZoneInfoNotFoundError):
        business_zone("Asia/Edo")
    with pytest.raises(AttributeError):
        clock.MOON_ZONE  # noqa: B018


def test_now_is_aware_and_in_utc():
    with time_machine.travel(tokyo(2026, 11, 3, 8, 0), tick=False):
        assert clock.now() == datetime(2026, 11, 2, 23, 0, tzinfo=UTC)
        assert clock.now().utcoffset() == timedelta(0)
        assert today_in("Asia/Tokyo") == date(2026, 11, 3)
        assert today_in("UTC") == date(2026, 11, 2)


def test_today_turns_at_midnight_of_the_zone_not_of_utc():
    assert today_in(TOKYO, datetime(2026, 3, 31, 14, 59, 59, tzinfo=UTC)) == date(2026, 3, 31)
    assert today_in(TOKYO, datetime(2026, 3, 31, 15, 0, 0, tzinfo=UTC)) == date(2026, 4, 1)


def test_a_naive_instant_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        today_in(TOKYO, datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_day_in_tokyo_starts_and_ends_where_it_should():
    assert start_of_day(date(2026, 4, 1), TOKYO) == datetime(2026, 3, 31, 15, 0, tzinfo=UTC)
    assert end_of_day(date(2026, 4, 1), TOKYO) == tokyo(2026, 4, 1, 23, 59, 59, 999999)


def test_where_midnight_is_skipped_the_day_starts_an_hour_later():
    # Cairo sets its clocks forward at midnight of the last Friday of April.
    assert start_of_day(date(2026, 4, 24), "Africa/Cairo").astimezone(ZoneInfo("Africa/Cairo")).hour == 1
    assert end_of_day(date(2026, 4, 23), "Africa/Cairo") + MICROSECOND == start_of_day(
        date(2026, 4, 24), "Africa/Cairo"
    )


@given(on=days, zone=zones)
def test_every_instant_of_a_day_belongs_to_it_and_its_neighbours_do_not(on, zone):
    first, last = start_of_day(on, zone), end_of_day(on, zone)
    assert today_in(zone, first) == today_in(zone, last) == on
    assert today_in(zone, first - MICROSECOND) == on - timedelta(days=1)
    assert today_in(zone, last + MICROSECOND) == on + timedelta(days=1)
    assert first.utcoffset() == last.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("anchor", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2026, 1, 31), 3, date(2026, 4, 30)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2028, 2, 29), 48, date(2032, 2, 29)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 1, 1), -1, date(2025, 12, 1)),
        (date(2026, 5, 5), 0, date(2026, 5, 5)),
    ],
)
def test_months_are_added_with_the_day_clamped_to_the_month(anchor, months, expected):
    assert add_months(anchor, months) == expected


@given(anchor=days, months=st.integers(min_value=-1200, max_value=1200))
def test_adding_months_keeps_the_anchors_day_or_takes_the_last_there_is(anchor, months):
    result = add_months(anchor, months)
    assert (result.year * 12 + result.month) - (anchor.year * 12 + anchor.month) == months
    if result.day != anchor.day:
        assert result.day < anchor.day
        assert (result + timedelta(days=1)).day == 1


@given(anchor=days, months=st.sampled_from([3, 6, 12]), periods=st.integers(min_value=2, max_value=40))
def test_periods_tile_the_term_without_gap_overlap_or_drift(anchor, months, periods):
    bounds = [period_bounds(anchor, months, number) for number in range(1, periods + 1)]
    assert bounds[0][0] == anchor
    for (_start, end), (start, _end) in zip(bounds, bounds[1:], strict=False):
        assert end + timedelta(days=1) == start
    assert bounds[-1][1] == add_months(anchor, months * periods) - timedelta(days=1)
    # Every fourth year an anchor of 29 February is itself again: it did not drift to the 28th.
    assert all(start.day >= min(anchor.day, 28) for start, _end in bounds)


def test_a_fund_that_starts_on_29_february_keeps_its_day():
    assert period_bounds(date(2028, 2, 29), 12, 1) == (date(2028, 2, 29), date(2029, 2, 27))
    assert period_bounds(date(2028, 2, 29), 12, 2) == (date(2029, 2, 28), date(2030, 2, 27))
    assert period_bounds(date(2028, 2, 29), 12, 4) == (date(2031, 2, 28), date(2032, 2, 28))
    assert period_bounds(date(2028, 2, 29), 12, 5) == (date(2032, 2, 29), date(2033, 2, 27))


@pytest.mark.parametrize(("months", "number"), [(0, 1), (12, 0), (-12, 1), (12, -1)])
def test_periods_are_counted_from_one(months, number):
    with pytest.raises(ValueError, match="counted from 1"):
        period_bounds(date(2026, 4, 1), months, number)


@pytest.mark.parametrize(
    ("on", "open_"),
    [
        (date(2026, 11, 2), True),  # Monday
        (date(2026, 11, 3), False),  # Culture Day
        (date(2026, 11, 7), False),  # Saturday
        (date(2026, 11, 8), False),  # Sunday
        (date(2026, 5, 6), False),  # substitute for Constitution Day, a Sunday
        (date(2026, 9, 22), False),  # a citizens' holiday between two holidays
        (date(2026, 12, 30), True),
        (date(2026, 12, 31), False),
        (date(2027, 1, 1), False),
        (date(2025, 1, 2), False),  # Thursday: no public holiday, and yet banks are closed
        (date(2025, 1, 3), False),  # Friday
        (date(2024, 1, 4), True),
    ],
)
def test_banks_open_on_business_days_only(on, open_):
    assert is_bank_day(on) is open_


def test_a_bank_day_is_found_across_the_new_year():
    assert next_bank_day(date(2026, 12, 30)) == date(2026, 12, 30)
    assert next_bank_day(date(2026, 12, 31)) == date(2027, 1, 4)
    assert add_bank_days(date(2026, 12, 29), 1) == date(2026, 12, 30)
    assert add_bank_days(date(2026, 12, 29), 2) == date(2027, 1, 4)
    assert add_bank_days(date(2026, 12, 31), 0) == date(2027, 1, 4)
    assert add_bank_days(date(2026, 12, 31), 1) == date(2027, 1, 4)
    assert add_bank_days(date(2026, 5, 1), 3) == date(2026, 5, 11)  # Golden Week between
    with pytest.raises(ValueError, match="forward"):
        add_bank_days(date(2026, 5, 1), -1)


@given(on=days, count=st.integers(min_value=1, max_value=30))
def test_bank_days_are_counted_one_by_one(on, count):
    result = add_bank_days(on, count)
    assert result > on
    between = [on + timedelta(days=step) for step in range(1, (result - on).days + 1)]
    assert sum(is_bank_day(day) for day in between) == count
    assert is_bank_day(result)
    assert next_bank_day(result) == result


def test_cooling_off_ends_when_day_eight_is_over():
    # Day 1 is 1 April; day 8 is 8 April; at 00:00:00 of 9 April it is too late.
    end = cooling_off_end(date(2026, 4, 1), 8, TOKYO)
    assert cooling_off_last_day(date(2026, 4, 1), 8) == date(2026, 4, 8)
    assert end == tokyo(2026, 4, 9, 0, 0, 0)
    assert tokyo(2026, 4, 8, 23, 59, 59) < end
    assert not tokyo(2026, 4, 9, 0, 0, 0) < end
    assert end.utcoffset() == timedelta(0)
    assert cooling_off_last_day(date(2028, 2, 25), 8) == date(2028, 3, 3)
    with pytest.raises(ValueError, match="first day"):
        cooling_off_end(date(2026, 4, 1), 0, TOKYO)


def test_a_sweep_for_a_past_date_acts_at_its_last_microsecond(settings):
    settings.TIME_TRAVEL = False
    at = tokyo(2026, 4, 10, 12, 0)
    assert business_instant(date(2026, 4, 8), at, TOKYO) == tokyo(2026, 4, 8, 23, 59, 59, 999999)


def test_a_sweep_for_today_acts_now(settings):
    settings.TIME_TRAVEL = False
    at = tokyo(2026, 4, 10, 12, 0)
    assert business_instant(date(2026, 4, 10), at, TOKYO) == at


def test_a_sweep_for_tomorrow_is_refused(settings):
    settings.TIME_TRAVEL = False
    with pytest.raises(FutureDate) as caught:
        business_instant(date(2026, 4, 11), tokyo(2026, 4, 10, 23, 59, 59), TOKYO)
    assert caught.value.code == "future_date"
    assert "2026-04-11" in str(caught.value)
    # It is tomorrow in Tokyo already, although not in UTC.
    assert business_instant(date(2026, 4, 11), datetime(2026, 4, 10, 15, 0, tzinfo=UTC), TOKYO)


def test_with_time_travel_a_sweep_for_tomorrow_acts_as_it_will_when_the_day_is_over(settings):
    settings.TIME_TRAVEL = True
    at = tokyo(2026, 4, 10, 12, 0)
    assert business_instant(date(2026, 4, 30), at, TOKYO) == tokyo(2026, 4, 30, 23, 59, 59, 999999)
    assert business_instant(date(2026, 4, 10), at, TOKYO) == at


@given(on=days, back=st.integers(min_value=0, max_value=400), zone=zones)
def test_a_sweep_acts_inside_its_date_and_never_after_now(on, back, zone):
    at = start_of_day(on, zone) + timedelta(hours=7)
    past = on - timedelta(days=back)
    instant = business_instant(past, at, zone)
    assert instant <= at
    assert today_in(zone, instant) == past
