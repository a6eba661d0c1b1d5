"""The width of a small telephone, both languages: nothing scrolls sideways, and every page keeps quiet."""

from typing import Any

import pytest

from tests import make
from tests.browser.conftest import Shop
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)

#: What sticks out of the window although nothing around it scrolls.
WIDE = """() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.querySelectorAll('body *')]
        .filter((part) => part.getBoundingClientRect().right > width + 1)
        .slice(0, 5)
        .map((part) => part.outerHTML.slice(0, 120));
}"""

PUBLIC = ["home", "businesses:list", "how_it_works", "risks", "fees", "glossary"]
ENTRANCE = ["account_login", "account_signup", "account_reset_password", "account_request_login_code"]
OWN = ["me", "account_email", "account_change_password", "mfa_index", "mfa_activate_totp", "usersessions_list"]


def addresses(visitor: Visitor, world: dict[str, Any]) -> list[str]:
    """Every page a visitor or an investor meets, in the visitor's language."""
    fund, order, paid = world["fund"], world["order"], world["paid"]
    business = fund.business.slug
    found = [visitor.path(name) for name in [*PUBLIC, *OWN]]
    found += [visitor.path(f"businesses:{name}", business) for name in ("detail", "terms", "simulator")]
    found += [visitor.path("businesses:list") + "?q=nothing+like+this", visitor.path("home") + "no-such-page/"]
    found += [visitor.path("investments:units", fund.slug)]
    found += [visitor.path("order", each.reference) for each in (order, paid)]
    found += [visitor.path(f"investments:{name}", order.reference) for name in ("transfer", "cancel")]
    found += [visitor.path("investments:cancel", paid.reference), visitor.path("holding", world["holding"].reference)]
    return found


@pytest.fixture
def world(shop: Shop) -> dict[str, Any]:
    """An investor with an unpaid order, a paid one and a holding."""
    user = make.make_user(email="a-rather-long-address-of-an-investor@mail.tomobune.example")
    investor = make.make_investor(user=user)
    fund = make.make_fund()
    order = make.make_order(investor=investor, fund=make.make_fund(), units=2)
    return {"user": user, "investor": investor, "fund": fund, "order": order}
