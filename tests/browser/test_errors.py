"""An error page in a real browser: the summary has the focus, and its lines lead to their fields."""

from collections.abc import Callable

import pytest

from tests import make
from tests.browser.conftest import Shop
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_the_summary_of_an_error_has_the_focus_and_leads_to_the_field(
    shop: Shop, visit: Callable[..., Visitor], scripts: bool
) -> None:
    fund = make.make_fund()
    visitor = visit(size=(390, 844), java_script_enabled=scripts)
    page = visitor.page
    visitor.choose(fund, 99)
    page.locator("[data-error-summary]:focus").wait_for()
    assert page.title().startswith("Error:")
    page.keyboard.press("Tab")
    page.locator(".error-summary a:focus").wait_for()
    page.keyboard.press("Enter")
    page.locator("#id_units:focus").wait_for()
    page.keyboard.press("Control+A")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts/login/**")


def test_what_is_left_is_one_press_away(shop: Shop, visit: Callable[..., Visitor]) -> None:
    fund = make.make_fund(units_offered=3)
    visitor = visit(user=make.make_user())
    visitor.choose(fund, 5)
    visitor.press("Take 3 units")
    visitor.arrive("investments:you", fund.slug)
