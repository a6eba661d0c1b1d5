"""What a person has, looked at on a telephone and on a desk, with a mouse, a keyboard, a printer."""

from collections.abc import Callable
from typing import Any

import pytest

from investments.models import CalendarAddress, Holding, Order
from microfund.kernel import clock
from tests import make
from tests.browser.conftest import DESKTOP, Shop
from tests.browser.test_keyboard import Hands
from tests.browser.visitor import Visitor
from tests.copies import copy_fund, copy_holding

pytestmark = pytest.mark.django_db(transaction=True)

TELEPHONE = (390, 844)
#: How the parts of a table look to whoever does not see it: its role, and that of each row and cell.
ROLES = """(table) => [table.getAttribute('role'),
    ...new Set([...table.querySelectorAll('tr, th, td')].map((part) => part.getAttribute('role')))].sort()"""
NAMES = ("me", "holdings", "orders", "calendar")


def holder(many: int, *, language: str = "en") -> Any:
    """An investor with an unpaid order and `many` holdings, half of them in their term."""
    order = make.make_order(investor=make.make_investor(user=make.make_user(language=language)), units=2)
    copy_fund(order.fund_id, first=1, last=many)
    copy_holding(order.pk, first=1, last=many, today=clock.today_in())
    return order.investor


@pytest.mark.parametrize("size", [TELEPHONE, DESKTOP], ids=["telephone", "desk"])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_holdings_are_a_table_on_a_desk_and_cards_on_a_telephone(
    language: str, size: tuple[int, int], shop: Shop, visit: Callable[..., Visitor]
) -> None:
    visitor = visit(user=holder(3, language=language).user, language=language, size=size)
    page = visitor.page
    for name in NAMES:
        visitor.open(name)
        assert not visitor.sideways(), name
        assert page.locator(".account__nav--side [aria-current=page]").count() == 1, name
    visitor.open("holdings")
    table = page.locator("table.table--cards")
    assert table.evaluate(ROLES) == ["cell", "columnheader", "row", "rowheader", "table"]
    cards = table.locator("tbody tr").first.evaluate("(row) => getComputedStyle(row).display") == "block"
    assert cards is (size == TELEPHONE)
    named = table.locator("tbody td").nth(1).evaluate("(cell) => getComputedStyle(cell, '::before').content")
    assert named == (f'"{visitor.said("Units")}"' if cards else "none")
    if size == DESKTOP:
        region = page.locator(".table-scroll")
        assert region.evaluate("(box) => box.scrollWidth <= box.clientWidth"), "the whole table is seen on a desk"
    page.locator("tbody th a").first.click()
    visitor.arrive("holding", Holding.objects.order_by("-created_at", "-pk").first().reference)
    assert visitor.money(15_500_000) in visitor.main and not visitor.sideways()


def test_a_list_is_searched_opened_and_a_name_hidden_by_keyboard_only(
    shop: Shop, visit: Callable[..., Visitor]
) -> None:
    investor = holder(3)
    Order.objects.filter(reference="COPY-2").update(supporter_name_shown=True)
    visitor = visit(user=investor.user)
    hands = Hands(visitor)
    visitor.open("me")
    hands.link("Search, sort, save as CSV")
    visitor.arrive("holdings")
    hands.type("q", "H-COPY2")
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_url("**?q=H-COPY2*")
    assert visitor.page.locator("tbody tr").count() == 1
    hands.reach(visitor.page.locator("tbody th a"))
    visitor.page.keyboard.press("Enter")
    visitor.arrive("holding", "H-COPY2")
    hands.reach(visitor.page.locator("[name=name_shown]"))
    visitor.page.keyboard.press("Space")
    hands.button("Save")
    visitor.page.get_by_text("Your name is not shown.").wait_for()
    assert not Order.objects.get(reference="COPY-2").supporter_name_shown


def test_a_calendar_is_made_and_reset_without_scripts(shop: Shop, visit: Callable[..., Visitor]) -> None:
    visitor = visit(user=holder(1).user, java_script_enabled=False)
    page = visitor.page
    visitor.open("calendar")
    visitor.press("Make my address")
    field = page.get_by_label("Secret address of your calendar")
    first = field.input_value()
    assert first == f"{shop.url}/me/calendar/{CalendarAddress.objects.get().token}.ics"
    assert visitor.context.request.get(first).text().startswith("BEGIN:VCALENDAR")
    visitor.press("Make a new address")
    assert field.input_value() != first
    assert visitor.context.request.get(first).status == 404
    visitor.press("Turn the calendar off")
    assert not field.count()


def test_the_sheet_fits_on_paper(shop: Shop, visit: Callable[..., Visitor]) -> None:
    visitor = visit(user=holder(1).user)
    page = visitor.page
    visitor.open("holding_sheet", "H-COPY1")
    page.emulate_media(media="print")
    # The width of A4 less the margins of print.css, at 96 dots an inch.
    page.set_viewport_size({"width": 672, "height": 1000})
    assert page.locator("nav:visible").count() == 0 and not page.get_by_text("Back to the holding").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.locator("table").evaluate("(table) => table.getBoundingClientRect().right <= innerWidth")
    assert page.locator("tbody tr").first.evaluate("(row) => getComputedStyle(row).display") == "table-row"
