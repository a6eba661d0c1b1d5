"""Two browsers, one unit."""

from collections.abc import Callable

import pytest

from investments.models import FundCounter, Order
from tests import make
from tests.browser.conftest import Shop
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_two_browsers_racing_for_the_last_unit_one_wins_and_the_other_is_told(
    shop: Shop, visit: Callable[..., Visitor]
) -> None:
    fund = make.make_fund(units_offered=1)
    rivals = []
    for _number in range(2):
        user = make.make_user()
        make.make_investor(user=user)
        visitor = visit(user=user)
        visitor.go_to_check(fund, 1)
        visitor.page.check("[name=method][value=card]")
        rivals.append(visitor)
    for visitor in rivals:
        # Pressed without waiting for what comes of it, so that both are on their way.
        visitor.page.locator("main").get_by_role("button", name="Apply and pay ¥10,500").click(no_wait_after=True)
    for visitor in rivals:
        visitor.page.wait_for_function(
            "location.pathname.startsWith('/pay/') || document.querySelector('[data-error-summary]')"
        )
    winners = [visitor for visitor in rivals if visitor.page.url.startswith(shop.sandbox.url)]
    losers = [visitor for visitor in rivals if visitor not in winners]
    assert len(winners) == len(losers) == 1
    loser = losers[0]
    assert loser.page.title().startswith("Error:")
    assert "No units can be had at the moment." in loser.main and "Your answers are kept." in loser.main

    winners[0].pay_by_card()
    winners[0].page.get_by_role("heading", level=1, name="Paid").wait_for()
    assert Order.objects.get().state == "paid"
    counter = FundCounter.objects.get(fund=fund)
    assert counter.available == 0
    loser.page.reload()
    loser.open("businesses:detail", fund.business.slug)
    assert "Sold out." in loser.main and loser.page.get_by_role("button", name="Choose units").count() == 0
