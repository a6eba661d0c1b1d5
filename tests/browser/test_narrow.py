"""Small telephones in both languages: nothing scrolls sideways, and every page keeps quiet."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from investments.investors import calendar
from investments.models import Holding, Order
from investments.orders import services as orders
from investments.payments import services as payments
from investments.payments import settle
from tests import make
from tests.browser.conftest import Shop
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)

PUBLIC = ["home", "businesses:list", "how_it_works", "risks", "fees", "glossary"]
PUBLIC += ["help", "about", "contact", "accessibility", "privacy", "legal_terms", "legal_disclosure"]
ENTRANCE = ["account_login", "account_signup", "account_reset_password", "account_request_login_code"]
OWN = ["me", "holdings", "orders", "my_documents", "calendar", "following"]
OWN += ["account_email", "account_change_password", "mfa_index", "usersessions_list"]
OWN += ["investments:profile", "investments:bank", "investments:identity", "notifications", "privacy_mine"]


def paid_order(shop: Shop, investor: Any, fund: Any) -> Order:
    """An order paid by card at the sandbox."""
    order = make.make_order(investor=investor, fund=fund, units=2, method="card")
    attempt = payments.start_payment(order, at=timezone.now())
    shop.sandbox.control("pay", session=attempt.session_id, how="card")
    settle.settle(attempt.pk, at=timezone.now())
    order.refresh_from_db()
    assert order.state == "paid"
    return order


def addresses(shop: Shop, visitor: Visitor, user: Any) -> list[str]:
    """Every page that an investor with an unpaid order, a paid one and a holding meets."""
    investor = make.make_investor(user=user)
    fund = make.make_fund()
    unpaid = make.make_order(investor=investor, fund=make.make_fund(), units=2)
    paid = paid_order(shop, investor, make.make_fund())
    confirmed = paid_order(shop, investor, make.make_fund())
    over = confirmed.cooling_off_ends_at
    orders.confirm_due(on=over.date(), at=over)
    holding = Holding.objects.get(investor=investor, fund=confirmed.fund)
    found = [visitor.path(name) for name in [*PUBLIC, *OWN]]
    found += [visitor.path(f"businesses:{name}", fund.business.slug) for name in ("detail", "terms", "simulator")]
    found += [visitor.path("businesses:simulator", fund.business.slug) + "?sales_pct=abc&units=-1"]
    found += [visitor.path("businesses:list") + "?q=nothing+like+this", visitor.path("home") + "no-such-page/"]
    found += [visitor.path("investments:units", fund.slug)]
    found += [visitor.path("order", each.reference) for each in (unpaid, paid, confirmed)]
    found += [visitor.path("investments:transfer", unpaid.reference)]
    found += [visitor.path("investments:cancel", each.reference) for each in (unpaid, paid, confirmed)]
    calendar.make_address(user, at=timezone.now())
    return [*found, *(visitor.path(name, holding.reference) for name in ("holding", "holding_sheet"))]


@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_page_scrolls_sideways_at_320_pixels(language: str, shop: Shop, visit: Callable[..., Visitor]) -> None:
    user = make.make_user(email="a-rather-long-address-of-an-investor@mail.tomobune.example", language=language)
    visitor = visit(user=user, language=language, size=(320, 640))
    stranger = visit(language=language, size=(320, 640))
    wide: list[str] = []
    for person, found in (
        (visitor, addresses(shop, visitor, user)),
        (stranger, [stranger.path(name) for name in ENTRANCE]),
    ):
        for address in found:
            answer = person.page.goto(shop.url + address)
            assert answer.status == (404 if "no-such-page" in address else 200), f"{address}: {answer.status}"
            assert person.page.locator("h1").count() == 1, f"{address} has not one h1"
            parts = person.sideways()
            if parts:
                wide.append(f"{address}: {parts}")
    assert not wide, "\n".join(wide)
    # The steps of buying are looked at on the way, as each is arrived at.
    visitor.go_to_check(make.make_fund(), 2)
    visitor.page.evaluate("document.querySelectorAll('[name=method]').forEach((way) => { way.value = 'gold'; })")
    visitor.press("Apply and pay %(amount)s", amount=visitor.money(21_000))
    visitor.page.locator("[data-error-summary]").wait_for()
    assert not visitor.sideways()


def test_a_japanese_journey_on_a_telephone(shop: Shop, visit: Callable[..., Visitor]) -> None:
    fund = make.make_fund()
    user = make.make_user(language="ja")
    visitor = visit(user=user, language="ja", size=(390, 844))
    page = visitor.page
    visitor.open("businesses:detail", fund.business.slug)
    assert page.locator("html").get_attribute("lang") == "ja"
    assert page.locator("h1").inner_text() == fund.business.name_ja
    visitor.press("Choose units")
    visitor.arrive("investments:units", fund.slug)
    visitor.go_to_check(fund, 2)
    assert "21,000円" in visitor.main and "¥" not in visitor.main
    visitor.apply(21_000, "card")
    visitor.at_provider()
    assert page.locator("html").get_attribute("lang") == "ja", "the provider's page is in the order's language"
    visitor.pay_by_card()
    page.get_by_role("heading", level=1, name=visitor.said("Paid"), exact=True).wait_for()
    order = Order.objects.get()
    visitor.arrive("order", order.reference)
    assert (order.language, order.state) == ("ja", "paid")
    assert {row.document.language for row in order.acceptances.select_related("document")} == {"ja"}
