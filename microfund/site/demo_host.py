"""One address for the demo: whoever types 127.0.0.1 is led to localhost (settings/demo.py).

A log-in belongs to the host it was made on, and the payment page sends visitors back to SITE_URL: on two hosts they
would come back logged out. Passkeys work on a name only. Other hosts, such as those of a tunnel, are left as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

MACHINES = ("/healthz", "/readyz")


def one_host(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: redirect a page asked for by the loopback address to the same page of SITE_URL."""

    def answer(request: HttpRequest) -> HttpResponse:
        site = urlsplit(settings.SITE_URL)
        by_address = site.hostname == "localhost" and request.META.get("HTTP_HOST") == f"127.0.0.1:{site.port}"
        if by_address and request.method in ("GET", "HEAD") and request.path not in MACHINES:
            return HttpResponseRedirect(settings.SITE_URL + request.get_full_path())
        return get_response(request)

    return answer
