"""Error pages (pages.md P22). Those of 500 and 503 are static: they must not need what just failed."""

from __future__ import annotations

import sys
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import defaults

from microfund.kernel import limits
from microfund.kernel.accounts import tries

#: After how many seconds it is worth asking again.
AWAY_SECONDS = 60


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """400 with a way on."""
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """403 with a way on."""
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """404; the same for what does not exist and what is another person's."""
    return render(request, "404.html", status=404)


def too_many(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """429 with the time from which on it is over, whatever was asked too often."""
    context = {"again": limits.words(tries.again_at_last())}
    return render(request, "429.html", context, status=429)


def server_error(request: HttpRequest) -> HttpResponse:
    """500; or 503 where it is the database that is away or has no time, and asking again will help."""
    if not isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return defaults.server_error(request)
    response = defaults.server_error(request, template_name="503.html")
    response.status_code = 503
    response["Retry-After"] = str(AWAY_SECONDS)
    return response
