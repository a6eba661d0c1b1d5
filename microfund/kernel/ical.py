"""What the calendars that the site gives away have in common (iCalendar, RFC 5545)."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from icalendar import Calendar, Timezone

from . import clock

_LAST_YEAR = date(2101, 1, 1)


@lru_cache(maxsize=4)
def _zone(name: str) -> Timezone:
    """The zone's own rules as a part of the calendar, so that every client reads the same times."""
    return Timezone.from_tzinfo(clock.business_zone(name), tzid=name, last_date=_LAST_YEAR)


def empty(product: str) -> Calendar:
    """A calendar without events, in the business zone; `product` is what made it."""
    calendar = Calendar()
    calendar.add("prodid", product)
    calendar.add("version", "2.0")
    calendar.add_component(_zone(settings.BUSINESS_TIME_ZONE))
    return calendar


def uid(key: str) -> str:
    """The identity of an event in every calendar that names it."""
    return f"{key}@{urlsplit(settings.SITE_URL).hostname}"
