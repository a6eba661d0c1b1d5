"""One-time codes as an authenticator app makes them (RFC 4226 and 6238)."""

import base64
import hashlib
import hmac
import time


def hotp(secret: str, counter: int, digits: int = 6) -> str:
    """The code of a Base32 secret for one counter."""
    key = base64.b32decode(secret.upper() + "=" * (-len(secret) % 8))
    digest = hmac.new(key, counter.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


#: Seconds in which a code is filled in, sent and checked, on a machine that does other things meanwhile.
ENOUGH = 20


def totp(secret: str) -> str:
    """The code of a Base32 secret now: a new one each 30 seconds, so one that would soon be old is waited out."""
    left = 30 - time.time() % 30
    if left < ENOUGH:
        time.sleep(left + 0.1)
    return hotp(secret, int(time.time() // 30))
