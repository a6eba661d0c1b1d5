"""Where somebody has logged in before (pages.md 2.6, E4): known by a cookie of the browser, and by nothing kept here.

A log-in from a browser without it is told by mail. The cookie holds keyed hashes, so it says nothing of an account to
anybody and cannot be made up.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from microfund.kernel import clock

COOKIE = "place"
ONE_YEAR = timedelta(days=365)
#: Accounts that one browser is known to, the latest last.
MOST = 5
#: An account that is so new has logged in nowhere else.
NEW = timedelta(hours=1)
_LETTERS = 32


def _mark(user: Any) -> str:
    return salted_hmac("accounts.place", str(user.pk), algorithm="sha256").hexdigest()[:_LETTERS]


def arrived(request: HttpRequest, response: HttpResponse, user: Any, *, signup: bool) -> None:
    """Somebody has logged in: tell them by mail if it was from a browser that their account has not seen, and let the
    browser remember."""
    marks = [mark for mark in request.COOKIES.get(COOKIE, "").split(".") if len(mark) == _LETTERS]
    mark = _mark(user)
    known = any(constant_time_compare(mark, one) for one in marks)
    if not known and not signup and clock.machine() - user.date_joined > NEW:
        get_adapter(request).send_notification_mail("account/email/new_sign_in", user)
    kept = [one for one in marks if one != mark][-(MOST - 1) :]
    response.set_cookie(
        COOKIE,
        ".".join([*kept, mark]),
        max_age=ONE_YEAR,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
