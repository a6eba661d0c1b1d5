"""JavaScript off: everything works, from the list of businesses to the paid order."""

from collections.abc import Callable

import pytest

from investments.models import Order
from tests import make
from tests.browser.conftest import Shop
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_new_visitor_searches_reckons_signs_up_buys_and_cancels_without_javascript(
    shop: Shop, visit: Callable[..., Visitor]
) -> None:
    business = make.make_business()
    fund = make.make_fund(business=business)
    make.make_fund(business=make.make_business(trade="sake", name_en="Isaribi Sake Brewery"))
    visitor = visit(java_script_enabled=False)
    page = visitor.page
    visitor.open("businesses:list")
    page.select_option("[name=trade]", "oyster")
    page.locator("form:has([name=trade]) button[type=submit]").first.click()
    page.wait_for_url("**trade=oyster**")
    assert "Isaribi" not in visitor.main
    page.get_by_role("link", name=business.name_en).first.click()
    visitor.arrive("businesses:detail", business.slug)

    page.fill("#short_units", "3")
    page.get_by_role("button", name="Open the simulator").click()
    page.wait_for_url("**/simulator/**")
    page.fill("[name=sales_pct]", "60")
    page.locator("form:has([name=sales_pct]) button[type=submit]").first.click()
    page.wait_for_url("**sales_pct=60**")
    assert "¥31,500" in visitor.main or "¥15,000" in visitor.main

    visitor.open("investments:units", fund.slug)
    page.fill("[name=units]", "3")
    visitor.press("Show the sums")
    page.wait_for_url("**units=3**")
    assert page.locator("[data-out=total]").inner_text() == "¥31,500"
    page.fill("[name=units]", "0")
    visitor.press("Continue")
    assert page.title().startswith("Error:") and "Choose at least one unit." in visitor.main
    page.fill("[name=units]", "2")
    visitor.press("Continue")
    visitor.sign_up("plain@example.com")
    visitor.arrive("investments:you", fund.slug)
    visitor.press("Save and continue")
    assert page.title().startswith("Error:") and page.locator(".error-summary a").count() > 5
    visitor.fill_profile()
    visitor.arrive("investments:documents", fund.slug)
    visitor.read_documents(fund)
    visitor.arrive("investments:supporter", fund.slug)
    visitor.press("Continue")
    visitor.apply(21_000, "card")
    visitor.pay_by_card("hold")
    page.wait_for_url("**/orders/**")
    assert visitor.heading == "We are waiting for the payment provider"
    attempt = Order.objects.get().attempts.get()
    shop.sandbox.control("release", payment_intent=attempt.intent_id, outcome="succeed")
    shop.work()
    # The page is asked to look again by a header, which needs no script.
    page.get_by_role("heading", level=1, name="Paid").wait_for()
    visitor.follow("Cancel this order")
    visitor.press("Cancel this order")
    visitor.arrive("order", Order.objects.get().reference)
    assert "This order was cancelled." in visitor.main
    assert Order.objects.get().state == "cancelled"
