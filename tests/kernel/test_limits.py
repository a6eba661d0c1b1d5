"""Limits that tell from when on one may ask again."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone, translation

from microfund.kernel import limits

pytestmark = pytest.mark.django_db


def test_who_is_refused_learns_the_minute_from_which_it_works_again() -> None:
    before = timezone.now()
    assert [limits.allowed("test", "a", most=2, seconds=600) for _time in range(3)] == [True, True, False]
    again = limits.again_at("test", "a")
    assert before + timedelta(seconds=600) <= again <= timezone.now() + timedelta(seconds=660)
    assert (again.second, again.microsecond) == (0, 0)
    # Another person, and another thing, have counters of their own.
    assert limits.allowed("test", "b", most=1, seconds=600) and limits.allowed("other", "a", most=1, seconds=600)


def test_the_counter_does_end_then_and_the_end_is_not_put_off_by_asking() -> None:
    assert limits.allowed("short", "a", most=1, seconds=1)
    again = limits.again_at("short", "a")
    assert not limits.allowed("short", "a", most=1, seconds=1) and limits.again_at("short", "a") == again
    time.sleep(1.1)
    assert limits.allowed("short", "a", most=1, seconds=1)


def test_the_hour_is_that_of_japan_in_the_language_of_the_page() -> None:
    at = datetime(2026, 11, 27, 15, 30, tzinfo=UTC)
    with translation.override("ja"):
        assert limits.words(at).endswith("0:30") and "28日" in limits.words(at)
    assert limits.full_minute(at) == at and limits.full_minute(at + timedelta(seconds=1)) == at + timedelta(minutes=1)
