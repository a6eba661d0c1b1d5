"""What a visitor's browser must show on the public pages: the first screen of a telephone, the way back, paper, themes,
the map by keyboard, twice the size; and an investor who changes where their money goes."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.core import mail
from django.core.cache import cache

from investments.models import BankAccount, Fund
from tests import make
from tests.browser.conftest import DESKTOP, Shop
from tests.browser.test_keyboard import Hands
from tests.browser.visitor import Visitor
from tests.site.staff import SECRET

pytestmark = pytest.mark.django_db(transaction=True)

#: Where an element ends below the top of the page, in the window's pixels.
BOTTOM = "(part) => part.getBoundingClientRect().bottom"
PAPER = "() => getComputedStyle(document.body).backgroundColor"
DARK = "rgb(14, 26, 32)"


@pytest.fixture
def fund(shop: Shop) -> Fund:
    """An oyster farm that is raising, and a brewery beside it."""
    cache.clear()
    made = make.make_fund(business=make.make_business(map_x=291, map_y=352))
    make.make_fund(business=make.make_business(trade="sake", name_en="Isaribi Sake Brewery", map_x=209, map_y=518))
    return made


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_first_screen_of_a_telephone_holds_what_decides(
    language: str, fund: Fund, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(language=language, size=(360, 740))
    page = visitor.page
    visitor.open("businesses:detail", fund.business.slug)
    for name, found in {
        "name": page.locator("h1"),
        "use line": page.locator(".business__head .lead"),
        "progress": page.locator(".fund-panel .progress__numbers"),
        "main button": page.locator(".fund-panel .buy [type=submit]"),
    }.items():
        assert found.is_visible() and found.evaluate(BOTTOM) <= 740, f"{name}: {found.evaluate(BOTTOM)}"
    visitor.press("Choose units")
    visitor.arrive("investments:units", fund.slug)


def test_a_search_is_kept_by_the_address_the_way_back_the_map_and_the_feed(
    fund: Fund, shop: Shop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit()
    page = visitor.page
    visitor.open("businesses:list")
    page.select_option("[name=trade]", "oyster")
    page.select_option("[name=stage]", "raising")
    page.locator("form:has([name=trade]) button[type=submit]").first.click()
    page.wait_for_url("**trade=oyster**")
    assert page.locator(".card").count() == 1 and page.locator(".chips .chip").count() == 2
    page.locator(".card__link").first.click()
    visitor.arrive("businesses:detail", fund.business.slug)
    page.go_back()
    page.wait_for_url("**trade=oyster**")
    assert page.locator("[name=trade]").input_value() == "oyster" and page.locator(".card").count() == 1
    feed = page.request.get(shop.url + str(page.get_by_role("link", name="Follow this search").get_attribute("href")))
    assert fund.business.name_en in feed.text() and "Isaribi" not in feed.text()
    visitor.follow("Map")
    assert page.locator(".map__pin").count() == 1, "the search goes along to the map"
    page.locator(".chips .chip").first.click()
    visitor.loaded()

    hands = Hands(visitor)
    visitor.open("map")
    for slug in (fund.business.slug, "isaribi"):
        pin = page.locator(f".map__pin[href*='{slug}']") if slug != "isaribi" else page.locator(".map__pin").nth(1)
        name = str(pin.get_attribute("aria-label"))
        assert "Raising" in name and (fund.business.name_en in name or "Isaribi" in name)
        for _tab in range(60):
            page.keyboard.press("Tab")
            if pin.evaluate("(pin) => pin === document.activeElement"):
                break
        else:
            raise AssertionError(f"the pin of {name} is not reached by Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/businesses/**")
    visitor.open("businesses:simulator", fund.business.slug)
    rate = page.locator(".yearly p").first
    assert not rate.is_visible(), "a yearly rate is shown to nobody who has not asked"
    hands.reach(page.get_by_text("Compare as a yearly rate"))
    page.keyboard.press("Enter")
    rate.wait_for()


def test_the_panel_counts_units_and_the_address_is_shared(
    fund: Fund, shop: Shop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    page = visitor.page
    visitor.open("businesses:detail", fund.business.slug)
    for _click in range(2):
        page.get_by_role("button", name="One unit more").click()
    assert page.locator(".buy [data-out=total]").inner_text() == "¥31,500"
    page.locator("summary", has_text="Share").click()
    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_text("Copied.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").endswith(
        visitor.path("businesses:detail", fund.business.slug)
    )
    visitor.press("Choose units")
    page.wait_for_url("**units=3")
    assert page.locator("[data-out=total]").inner_text() == "¥31,500"


def test_the_terms_fit_on_paper_without_the_site_around_them(fund: Fund, visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.page
    visitor.open("businesses:terms", fund.business.slug)
    page.emulate_media(media="print")
    # The width of A4 less the margins of print.css, at 96 dots an inch.
    page.set_viewport_size({"width": 672, "height": 1000})
    for part in ("nav", "header", "footer", "button", ".skip"):
        assert page.locator(f"{part}:visible").count() == 0, part
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    written = "(link) => getComputedStyle(link, '::after').content"
    link = page.locator("main a[href*='/documents/']").first
    assert link.evaluate(written).startswith('" (/businesses/')
    assert page.locator(".print-only").inner_text().count(visitor.path("businesses:terms", fund.business.slug)) == 1
    visitor.open("businesses:simulator", fund.business.slug)
    assert page.locator(".simulator button:visible").count() == 0 and page.locator(".chart svg").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def turned(page: Any, *, dark: bool) -> None:
    """Wait until the paper is dark, or no longer: asked from here, for the page may have no scripts."""
    for _try in range(100):
        if (page.evaluate(PAPER) == DARK) is dark:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{page.url} is not {'dark' if dark else 'light'}: {page.evaluate(PAPER)}")


def test_a_theme_stays_and_comes_with_the_page(fund: Fund, visit: Callable[..., Visitor]) -> None:
    for scripts in (True, False):
        visitor = visit(java_script_enabled=scripts, color_scheme="light")
        page = visitor.page
        visitor.open("home")
        assert page.evaluate(PAPER) != DARK
        page.locator("footer").get_by_role("button", name="Dark", exact=True).click()
        if not scripts:
            visitor.press("Dark")
        turned(page, dark=True)
        # Nothing flashes: the theme is in the first bytes of the page, before any script.
        answer = visitor.open("businesses:list")
        assert 'data-theme="dark"' in answer.text()[:200] and page.evaluate(PAPER) == DARK
        page.locator("footer").get_by_role("button", name="System", exact=True).click()
        if not scripts:
            visitor.press("System")
        turned(page, dark=False)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_at_twice_the_size_nothing_scrolls_sideways(language: str, fund: Fund, visit: Callable[..., Visitor]) -> None:
    # A window of 1280 by 900 in which everything is twice as large has 640 by 450 of its own pixels.
    visitor = visit(language=language, size=(DESKTOP[0] // 2, DESKTOP[1] // 2), device_scale_factor=2)
    slug = fund.business.slug
    of_business = ("detail", "terms", "simulator", "results", "news", "questions", "supporters")
    pages: list[tuple[str, tuple[Any, ...]]] = [(f"businesses:{name}", (slug,)) for name in of_business]
    for name, arguments in [("home", ()), ("businesses:list", ()), ("map", ()), ("stories", ()), *pages]:
        visitor.open(name, *arguments)
        assert not visitor.sideways(), f"{name}: {visitor.sideways()}"


def test_an_investor_changes_their_bank_account_on_a_telephone(shop: Shop, visit: Callable[..., Visitor]) -> None:
    investor = make.make_investor(user=make.make_user(language="ja"))
    TOTP.activate(investor.user, SECRET)
    visitor = visit(user=investor.user, language="ja", size=(390, 844))
    page = visitor.page
    for number in ("1234567", "7654321"):
        visitor.open("investments:bank")
        page.locator("main").get_by_role("link").filter(
            has=page.locator(f"xpath=self::*[contains(@href, '{visitor.path('investments:bank_choose')}')]")
        ).first.click()
        if "reauthenticate" in page.url:
            visitor.confirm_password()
        visitor.arrive("investments:bank_choose")
        page.fill("main [name=q]", "みずほ")
        page.keyboard.press("Enter")
        page.locator(f"main a[href*='{visitor.path('investments:branch_choose', '0001')}']").first.click()
        page.fill("main [name=q]", "とうきょう")
        page.keyboard.press("Enter")
        page.locator(f"main a[href*='{visitor.path('investments:bank_account', '0001', '001')}']").first.click()
        visitor.arrive("investments:bank_account", "0001", "001")
        page.check("[name=kind][value='1']")
        page.fill("[name=number]", number)
        page.locator("main form button[type=submit]").first.click()
        visitor.arrive("investments:bank")
        assert f"••••{number[-3:]}" in visitor.main and number not in visitor.main
    shop.work()
    assert BankAccount.objects.filter(investor=investor, ended_at=None).count() == 1
    told = [sent for sent in mail.outbox if investor.user.email in sent.to]
    assert len(told) == 2 and not any("7654321" in sent.body for sent in told)
