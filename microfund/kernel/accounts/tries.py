"""From when on somebody may try again whom allauth's limits refused: its counters read, nothing counted.

They are kept by network address and by what was typed, never by whether there is such an account.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.http import HttpRequest

from microfund.kernel import clock, limits

APP = "allauth.account"
#: No limit of a refused request lasts longer than this: those of allauth that do are of mails, and refuse nothing.
LONGEST = timedelta(minutes=5)


def again_at(request: HttpRequest, *, action: str, key: str) -> datetime:
    """The full minute from which on one more try is allowed, by the site's clock."""
    now = clock.machine().timestamp()
    free = now
    for rate in ratelimit.get_rates(app=APP, action=action):
        counter = ratelimit.get_cache_key(request, app=APP, action=action, rate=rate, key=key)
        tries = [at for at in cache.get(counter, []) if at > now - rate.duration]
        if len(tries) >= rate.amount:
            free = max(free, tries[rate.amount - 1] + rate.duration)
    return limits.full_minute(clock.now() + timedelta(seconds=free - now))


def again_at_last() -> datetime:
    """The full minute from which on one more try is allowed whatever limit it was."""
    return limits.full_minute(clock.now() + LONGEST)
