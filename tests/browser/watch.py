"""What a browser must never do on our pages: complain, break the page policy, or speak to somebody else."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

INSIDE = ("data", "blob", "about")


def origin(url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class Watch:
    """Collects the faults of every page of one browser context in `faults`, each a line that says where it was.

    Breaches of the Content-Security-Policy arrive as errors on the console. A page that answers 4xx on purpose (a form
    with errors, a page that is not there) makes Chromium write an error too; that one is no fault, the same for a
    picture or a script is. A test that sets the clock puts a script into every frame; the frame of a mail runs none.
    """

    def __init__(self, context: Any, *, site: str, provider: str) -> None:
        self.faults: list[str] = []
        self.site = origin(site)
        self.provider = origin(provider)
        self._pages: set[str] = set()
        context.on("console", self._console)
        context.on("weberror", self._script)
        context.on("request", self._request)
        context.on("response", self._response)
        context.on("requestfailed", self._failed)

    @staticmethod
    def _at(page: Any) -> str:
        return page.url if page else "a page"

    def _console(self, message: Any) -> None:
        if message.type not in ("error", "warning"):
            return
        if message.text.startswith("Failed to load resource") and message.location.get("url") in self._pages:
            return
        if message.text.startswith("Blocked script execution in") and "/mail/" in message.text:
            return
        self.faults.append(f"{message.type} on the console of {self._at(message.page)}: {message.text}")

    def _script(self, error: Any) -> None:
        self.faults.append(f"script error on {self._at(error.page)}: {error.error}")

    def _request(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in INSIDE or origin(request.url) == self.site:
            return
        asked_by = self.provider if request.is_navigation_request() else origin(request.frame.url)
        if origin(request.url) != self.provider or asked_by != self.provider:
            self.faults.append(f"{request.frame.url} asked another origin: {request.method} {request.url}")

    def _response(self, response: Any) -> None:
        # 409 is what a script is told that came too late: it knows what to say.
        if response.status == 409 or (response.request.is_navigation_request() and response.status >= 400):
            self._pages.add(response.url)
        if response.status >= 500:
            self.faults.append(f"{response.status} for {response.request.method} {response.url}")

    def _failed(self, request: Any) -> None:
        # A page that is left while it loads takes its requests with it, and a download is no page.
        if request.failure not in ("net::ERR_ABORTED", None):
            self.faults.append(f"{request.failure} for {request.method} {request.url}")
