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


def totp(secret: str, at: float | None = None) -> str:
    """The code of a Base32 secret now (or at a Unix time): a new one each 30 seconds."""
    return hotp(secret, int((time.time() if at is None else at) // 30))
