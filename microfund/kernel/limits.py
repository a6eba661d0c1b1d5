"""How often somebody may ask for something: counters in the cache, which all web processes share.

For requests that cost other people something (a mail to an address that anybody may type). Log-in has allauth's own.
"""

from __future__ import annotations

import hashlib

from django.core.cache import cache


def allowed(what: str, who: str, *, most: int, seconds: int) -> bool:
    """Count one more request of `who` for `what`; whether it is among the first `most` within `seconds`.

    The key holds a hash, so no address and no IP is kept in the cache. A counter that expires between the two calls
    starts anew, which lets one request too many through and never one too few.
    """
    key = f"limit:{what}:{hashlib.sha256(who.encode()).hexdigest()[:32]}"
    if cache.add(key, 1, seconds):
        return most > 0
    try:
        return cache.incr(key) <= most
    except ValueError:
        cache.set(key, 1, seconds)
        return most > 0
