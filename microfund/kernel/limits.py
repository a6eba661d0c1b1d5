"""How often somebody may ask for something: counters in the cache, which all web processes share.

For requests that cost other people something (a mail to an address that anybody may type). Log-in has allauth's own.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.core.cache import cache
from django.utils.formats import date_format

from . import clock


def allowed(what: str, who: str, *, most: int, seconds: int) -> bool:
    """Count one more request of `who` for `what`; whether it is among the first `most` within `seconds`.

    The key holds a hash, so no address and no IP is kept in the cache. A counter that expires between the two calls
    starts anew, which lets one request too many through and never one too few.
    """
    key = _key(what, who)
    if cache.add(key, 1, seconds):
        _begin(key, seconds)
        return most > 0
    try:
        return cache.incr(key) <= most
    except ValueError:
        cache.set(key, 1, seconds)
        _begin(key, seconds)
        return most > 0


def again_at(what: str, who: str) -> datetime:
    """From when on somebody who was refused is among the first again: the full minute after the counter ends, by the
    site's clock."""
    ends = cache.get(f"{_key(what, who)}:ends")
    left = timedelta(seconds=ends - clock.machine().timestamp()) if ends is not None else timedelta(0)
    return full_minute(clock.now() + max(left, timedelta(0)))


def full_minute(at: datetime) -> datetime:
    """The instant itself if it is a full minute, else the next one."""
    whole = at.replace(second=0, microsecond=0)
    return whole if whole == at else whole + timedelta(minutes=1)


def words(at: datetime) -> str:
    """A day with its hour in the business zone, as the active language writes it."""
    return date_format(at.astimezone(clock.business_zone()), "DATETIME_FORMAT")


def _key(what: str, who: str) -> str:
    return f"limit:{what}:{hashlib.sha256(who.encode()).hexdigest()[:32]}"


def _begin(key: str, seconds: int) -> None:
    cache.set(f"{key}:ends", clock.machine().timestamp() + seconds, seconds)
