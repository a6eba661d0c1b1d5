"""The steps of buying in a real browser: an error by keyboard alone, and the narrowest screen, under the CSP."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from investments.models import Fund, Order
from tests import make
from tests.flows.walk import PERSON
from tests.sandbox_client import SandboxProcess

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RIGHT = {
    "donation_never_repaid": "false",
    "can_lose_everything": "true",
    "no_fixed_interest": "false",
    "no_early_exit": "false",
    "cooling_off": "true",
}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for this file."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine")
    # Playwright's loop runs in this thread, so Django would refuse the tests' own queries.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def site(live_server: Any, sandbox: SandboxProcess, settings: Any) -> str:
    """The site with the sandbox behind it; the page policy lets forms lead to this sandbox."""
    settings.SITE_URL = live_server.url
    policy = copy.deepcopy(settings.CONTENT_SECURITY_POLICY)
    policy["DIRECTIVES"]["form-action"].append(sandbox.url)
    settings.CONTENT_SECURITY_POLICY = policy
    return live_server.url


@pytest.fixture
def visit(chromium: Browser, site: str) -> Iterator[Callable[..., Page]]:
    """Open a window; what the page policy refuses or a script of ours throws fails the test at its end."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # A form that is refused answers 422, which browsers note as an error of loading.
        where = message.location["url"]
        if message.type in ("error", "warning") and "422" not in message.text and where.startswith(site):
            complaints.append(f"{where}: {message.text}")

    def open_window(**options: Any) -> Page:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "en", **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert not complaints


def go(page: Page, act: Callable[[], Any]) -> None:
    """Do what leads to another page and wait for it."""
    with page.expect_navigation():
        act()


def send(page: Page) -> None:
    """Press the main button of the form."""
    go(page, lambda: page.locator("main form .form-actions button[type=submit]").first.click())


def address(site: str, name: str, *arguments: Any) -> str:
    return site + reverse(name, args=arguments)


def log_in(page: Page, site: str) -> Any:
    user = make.make_user()
    page.goto(address(site, "account_login"))
    page.fill("[name=login]", user.email)
    page.fill("[name=password]", make.PASSWORD)
    go(page, lambda: page.locator("[name=password]").press("Enter"))
    return user


def fill_profile(page: Page) -> None:
    for name, value in PERSON.items():
        if name == "prefecture":
            page.select_option("[name=prefecture]", value)
        elif name in ("purpose", "experience", "funds_origin"):
            page.check(f"[name={name}][value={value}]")
        elif name != "kind":
            page.fill(f"[name={name}]", value)


def read_and_answer(page: Page) -> None:
    """Open each document in its own tab, tick the boxes, judge the statements."""
    for link in page.locator("main a[target=_blank]").all():
        with page.context.expect_page() as opened:
            link.click()
        opened.value.wait_for_load_state()
        assert "/documents/" in opened.value.url
        opened.value.close()
    for box in page.locator("main input[type=checkbox]").all():
        box.check()
    for key, answer in RIGHT.items():
        page.check(f"[name=question_{key}][value={answer}]")


def to_check(page: Page, site: str, fund: Fund, units: int = 2) -> None:
    page.goto(address(site, "investments:units", fund.slug))
    page.fill("#id_units", str(units))
    send(page)
    if page.locator("button[name=confirm]").count() == 0:
        fill_profile(page)
    send(page)
    read_and_answer(page)
    send(page)
    send(page)
    assert page.url == address(site, "investments:check", fund.slug)


def tab_to(page: Page, selector: str, *, most: int = 60) -> None:
    """Press Tab until the focus is on what the selector names; it must be visible there."""
    for _press in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            assert page.evaluate(
                "() => { const box = document.activeElement.getBoundingClientRect();"
                " return box.bottom > 0 && box.top < innerHeight && box.width > 0; }"
            ), f"{selector} has the focus out of sight"
            return
    raise AssertionError(f"{selector} cannot be reached by keyboard")


def without_fragment(page: Page) -> str:
    """The address; the part behind # comes along from the link to the field with the error."""
    return page.url.partition("#")[0]


def test_buying_by_keyboard_alone(site: str, visit: Callable[..., Page]) -> None:
    fund = make.make_fund()
    page = visit(viewport={"width": 390, "height": 800})
    make.make_investor(user=log_in(page, site))
    page.goto(address(site, "investments:units", fund.slug))
    tab_to(page, "#id_units")
    page.keyboard.press("Control+a")
    page.keyboard.type("99")
    go(page, lambda: page.keyboard.press("Enter"))
    assert page.title().startswith("Error:")
    assert page.evaluate("() => document.activeElement.matches('[data-error-summary]')"), "the summary has the focus"
    tab_to(page, ".error-summary a", most=1)
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "id_units"
    page.keyboard.press("Control+a")
    page.keyboard.type("2")
    go(page, lambda: page.keyboard.press("Enter"))
    tab_to(page, "button[name=confirm]")
    go(page, lambda: page.keyboard.press("Enter"))
    for _document in page.locator("main a[target=_blank]").all():
        tab_to(page, "main a[target=_blank]")
        with page.context.expect_page() as opened:
            page.keyboard.press("Enter")
        opened.value.wait_for_load_state()
        opened.value.close()
        tab_to(page, "main input[type=checkbox]", most=1)
        page.keyboard.press("Space")
    for key, answer in RIGHT.items():
        tab_to(page, f"[name=question_{key}]", most=1)
        page.keyboard.press("Space")
        if answer == "false":
            page.keyboard.press("ArrowDown")
    for name in ("donation", "electronic", "no_crime"):
        tab_to(page, f"[name={name}]", most=1)
        page.keyboard.press("Space")
    go(page, lambda: page.keyboard.press("Enter"))
    assert without_fragment(page) == address(site, "investments:supporter", fund.slug)
    tab_to(page, ".form-actions button")
    go(page, lambda: page.keyboard.press("Enter"))
    tab_to(page, "[name=method]")
    page.keyboard.press("ArrowUp")
    go(page, lambda: page.keyboard.press("Enter"))
    order = Order.objects.get()
    assert without_fragment(page) == address(site, "investments:transfer", order.reference)
    assert (order.units, order.method) == (2, "bank_transfer")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_nothing_scrolls_sideways_on_the_narrowest_screen(site: str, visit: Callable[..., Page], language: str) -> None:
    fund = make.make_fund()
    page = visit(viewport={"width": 320, "height": 640})
    user = log_in(page, site)
    investor = make.make_investor(user=user)
    card = make.make_order(fund=fund, investor=investor, method="card")
    bank = make.make_order(fund=fund, investor=investor, method="bank_transfer")
    page.goto(address(site, "order", bank.reference))
    go(page, lambda: page.locator("main form button[type=submit]").first.click())
    prefix = "/ja" if language == "ja" else ""
    paths = [reverse("investments:units", args=[fund.slug]), reverse("me")]
    paths += [reverse(f"investments:{name}", args=[card.reference]) for name in ("pay", "cancel")]
    paths += [reverse("order", args=[row.reference]) for row in (card, bank)]
    paths.append(reverse("investments:transfer", args=[bank.reference]))
    to_check(page, site, fund, 1)
    paths += [reverse(f"investments:{name}", args=[fund.slug]) for name in ("you", "documents", "supporter", "check")]
    paths.append(reverse("investments:you", args=[fund.slug]) + "?change")
    for path in paths:
        answer = page.goto(f"{site}{prefix}{path}")
        assert answer is not None and answer.status == 200 and page.url.startswith(f"{site}{prefix}{path}"), path
        over = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{path} is {over} px too wide"
