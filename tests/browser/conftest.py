"""A real Chromium on the running site, beside a sandbox that calls the site's webhook.

The site is pytest-django's live server (threads, real commits); what a worker would do is done by `shop.work()`, so a
test decides when it happens. Every browser is watched: a message on the console, a breach of the page policy, a request
to another origin or an answer of 500 fails the test, on whatever page it came.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import translation

from microfund.kernel.accounts.models import User
from microfund.kernel.schedule import services as schedule
from tests.browser.visitor import Visitor
from tests.browser.watch import Watch
from tests.sandbox_client import SandboxProcess

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
#: The browser talks to this machine only, and starts no work of its own.
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
#: Generous, for machines that do other things meanwhile: nothing waits for it that goes well.
PATIENCE_MS = 15_000
DESKTOP = (1280, 900)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser."""
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for this worker; each visitor has a context (cookies, cache) of their own in it."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no Chromium on this machine: looked for {', '.join(NAMES)} on the PATH")
    from playwright.sync_api import sync_playwright

    # Playwright keeps an event loop in this thread for as long as it lives, and Django then takes every query of a
    # test for one made inside of a coroutine.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS, timeout=2 * PATIENCE_MS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def calling_sandbox(live_server: Any) -> Iterator[SandboxProcess]:
    """One sandbox for this worker that sends its webhooks to the live server."""
    with SandboxProcess(webhook_url=live_server.url + reverse("stripe-webhook")) as process:
        yield process


@dataclass(frozen=True)
class Shop:
    """The running site with its provider and bank."""

    url: str
    sandbox: SandboxProcess

    def work(self) -> None:
        """What the worker does within a minute: every webhook on its way arrives, then each frequent sweep runs."""
        self.sandbox.wait_for_webhooks()
        for name, (_counts, error) in schedule.run_due(cadences=("minute",)).items():
            assert not error, f"{name}: {error}"


@pytest.fixture
def shop(live_server: Any, calling_sandbox: SandboxProcess, settings: Any) -> Iterator[Shop]:
    """The site and the sandbox, both empty, knowing each other."""
    calling_sandbox.control("reset")
    settings.SITE_URL = live_server.url
    settings.SANDBOX_URL = calling_sandbox.url
    settings.STRIPE_SECRET_KEY = calling_sandbox.secret_key
    settings.STRIPE_WEBHOOK_SECRET = calling_sandbox.webhook_secret
    policy = deepcopy(settings.CONTENT_SECURITY_POLICY)
    policy["DIRECTIVES"]["form-action"] = ["'self'", calling_sandbox.url]
    settings.CONTENT_SECURITY_POLICY = policy
    with translation.override("en"):
        yield Shop(live_server.url, calling_sandbox)
    # No webhook may arrive while the tables are emptied.
    calling_sandbox.control("reset")


def _let_requests_end(*, within: float = 10.0) -> None:
    """A page that was closed may have asked for something (a draft saves itself): let the site answer that before the
    tables are emptied, which would meet it in a deadlock."""
    busy = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
              AND backend_type = 'client backend' AND state <> 'idle'"""
    quiet, until = 0, time.monotonic() + within
    while quiet < 4 and time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute(busy)
            quiet = 0 if cursor.fetchone()[0] else quiet + 1
        time.sleep(0.05)


@pytest.fixture
def visit(chromium: Any, shop: Shop) -> Iterator[Callable[..., Visitor]]:
    """Make visitors: `visit()`, `visit(user=…)` already logged in, `visit(language="ja", size=(390, 844))`.

    Anything else goes to the browser's context (java_script_enabled, color_scheme). At the end every browser must have
    kept quiet.
    """
    watches: list[Watch] = []
    contexts: list[Any] = []

    def make(
        *, user: User | None = None, language: str = "en", size: tuple[int, int] = DESKTOP, **options: Any
    ) -> Visitor:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale="ja-JP" if language == "ja" else "en-GB",
            timezone_id="Asia/Tokyo",
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        watches.append(Watch(context, site=shop.url, provider=shop.sandbox.url))
        if user is not None:
            client = Client()
            client.force_login(user)
            context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": shop.url}])
        return Visitor(context, context.new_page(), site=shop.url, language=language)

    yield make
    faults = [fault for watch in watches for fault in watch.faults]
    for context in contexts:
        context.close()
    _let_requests_end()
    assert not faults, "\n".join(faults)
