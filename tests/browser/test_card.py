"""A new visitor and a card, from the first page to the holding; and everything a browser does on the way back."""

from collections.abc import Callable

import pytest
from django.core import mail
from django.core.management import call_command
from django.db.models import Sum

from investments.models import Entry, Holding, Line, Order, PaymentAttempt
from investments.orders import services as orders
from tests import make
from tests.browser.conftest import Shop
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_new_visitor_buys_two_units_waits_pays_holds_and_cancels_another_order(
    shop: Shop, visit: Callable[..., Visitor]
) -> None:
    fund = make.make_fund()
    visitor = visit()
    page = visitor.page
    visitor.open("home")
    visitor.follow("Meet the businesses")
    page.get_by_role("link", name=fund.business.name_en).first.click()
    visitor.press("Choose units")
    page.fill("[name=units]", "2")
    assert page.locator("[data-out=total]").inner_text() == "¥21,000", "the sums follow what is typed"
    visitor.press("Continue")
    visitor.sign_up("minato@example.com")
    visitor.arrive("investments:you", fund.slug)
    visitor.fill_profile()
    visitor.arrive("investments:documents", fund.slug)
    visitor.read_documents(fund)
    visitor.arrive("investments:supporter", fund.slug)
    page.fill("[name=message]", "応援しています")
    visitor.press("Continue")
    visitor.apply(21_000, "card")

    visitor.pay_by_card("hold")
    page.wait_for_url("**/orders/**")
    order = visitor.order()
    assert visitor.heading == "We are waiting for the payment provider"
    assert "Paid" not in page.locator(".badge").all_inner_texts()
    shop.work()
    order.refresh_from_db()
    assert order.state == "awaiting_payment", "the provider's webhooks of a held payment pay nothing"

    shop.sandbox.control("release", payment_intent=order.attempts.get().intent_id, outcome="succeed")
    shop.work()
    # The page looks again by itself.
    page.get_by_role("heading", level=1, name="Paid").wait_for()
    order.refresh_from_db()
    assert (order.state, order.units, order.supporter_message) == ("paid", 2, "応援しています")
    assert any(order.reference in sent.body for sent in mail.outbox), "a mail says that the money has come"
    entries = Entry.objects.filter(lines__subject=f"order:{order.pk}").distinct()
    sides = dict(Line.objects.filter(entry__in=entries).values_list("side").annotate(Sum("amount")))
    assert entries.count() == 1 and sides == {"D": 21_000, "C": 21_000}, "the journal has the payment, on both sides"

    make.verify(order.investor)
    orders.confirm_due(on=order.cooling_off_ends_at.date(), at=order.cooling_off_ends_at)
    page.reload()
    visitor.follow("To your holding")
    assert Holding.objects.get().reference in visitor.main
    for told in ("¥21,000", "¥10,000", "Where your money is", "donation, set aside for the business"):
        assert told in visitor.main
    _buys_another_and_cancels_it(shop, visitor, order)
    call_command("verify_ledger")


def _buys_another_and_cancels_it(shop: Shop, visitor: Visitor, first: Order) -> None:
    fund = make.make_fund()
    visitor.go_to_check(fund, 1)
    visitor.apply(10_500, "card")
    visitor.pay_by_card()
    visitor.page.get_by_role("heading", level=1, name="Paid").wait_for()
    order = visitor.order()
    assert order.pk != first.pk
    visitor.follow("Cancel this order")
    assert "You get ¥10,500 back, the fee included." in visitor.main
    visitor.press("Cancel this order")
    visitor.arrive("order", order.reference)
    assert "This order was cancelled." in visitor.main
    shop.work()
    shop.work()
    order.refresh_from_db()
    refund = order.refunds.get()
    assert (order.state, refund.amount, refund.state) == ("cancelled", 10_500, "succeeded"), "sent and arrived"
    visitor.page.reload()
    assert "¥10,500" in visitor.main


def test_a_declined_card_says_so_and_the_next_try_is_paid(shop: Shop, visit: Callable[..., Visitor]) -> None:
    fund = make.make_fund()
    user = make.make_user()
    make.make_investor(user=user)
    visitor = visit(user=user)
    visitor.go_to_check(fund, 1)
    visitor.apply(10_500, "card")
    visitor.pay_by_card("decline")
    page = visitor.page
    page.get_by_text("Your card was declined.").wait_for()
    page.get_by_role("link", name="Cancel and go back").click()
    order = Order.objects.get()
    visitor.arrive("order", order.reference)
    assert visitor.heading == "Reserved, not paid yet"
    visitor.press("Pay %(amount)s", amount="¥10,500")
    visitor.pay_by_card()
    page.get_by_role("heading", level=1, name="Paid").wait_for()
    assert PaymentAttempt.objects.filter(order=order, captured__gt=0).count() == 1


def test_back_from_the_provider_finds_the_order_and_the_same_payment_page(
    shop: Shop, visit: Callable[..., Visitor]
) -> None:
    fund = make.make_fund()
    user = make.make_user()
    make.make_investor(user=user)
    visitor = visit(user=user)
    visitor.go_to_check(fund, 2)
    visitor.apply(21_000, "card")
    visitor.at_provider()
    hosted = visitor.page.url
    visitor.page.go_back()
    order = Order.objects.get()
    visitor.arrive("order", order.reference)
    assert "¥21,000" in visitor.main and visitor.page.locator("main dl").get_by_text("2", exact=True).count() == 1
    visitor.press("Pay %(amount)s", amount="¥21,000")
    visitor.at_provider()
    assert visitor.page.url == hosted
    assert (Order.objects.count(), PaymentAttempt.objects.count()) == (1, 1)


def test_a_double_click_and_a_form_sent_again_are_one_order(shop: Shop, visit: Callable[..., Visitor]) -> None:
    fund = make.make_fund()
    user = make.make_user()
    make.make_investor(user=user)
    visitor = visit(user=user)
    visitor.go_to_check(fund, 2)
    page = visitor.page
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or "") if request.method == "POST" else None)
    page.check("[name=method][value=card]")
    page.locator("main").get_by_role("button", name="Apply and pay ¥21,000").dblclick()
    visitor.at_provider()
    hosted = page.url
    assert (Order.objects.count(), PaymentAttempt.objects.count()) == (1, 1)

    page.goto(shop.url + visitor.path("home"))
    page.evaluate(
        """([address, body]) => {
            const form = Object.assign(document.createElement('form'), {method: 'post', action: address});
            for (const [name, value] of new URLSearchParams(body)) {
                form.append(Object.assign(document.createElement('input'), {type: 'hidden', name, value}));
            }
            document.body.append(form);
            form.submit();
        }""",
        [visitor.path("investments:check", fund.slug), sent[0]],
    )
    page.wait_for_url(hosted)
    assert (Order.objects.count(), PaymentAttempt.objects.count()) == (1, 1)


def test_what_a_second_tab_changed_is_shown_before_anything_is_ordered(
    shop: Shop, visit: Callable[..., Visitor]
) -> None:
    fund = make.make_fund()
    user = make.make_user()
    make.make_investor(user=user)
    visitor = visit(user=user)
    visitor.go_to_check(fund, 2)
    page = visitor.page
    other = visitor.context.new_page()
    other.goto(shop.url + visitor.path("investments:units", fund.slug))
    other.fill("[name=units]", "3")
    other.locator("main").get_by_role("button", name="Continue", exact=True).click()
    other.wait_for_url("**/you/")
    other.close()

    visitor.apply(21_000, "card")
    # The summary has the focus.
    page.locator("[data-error-summary]:focus").wait_for()
    assert "Your answers were changed in another window." in page.locator("[data-error-summary]").inner_text()
    assert page.title().startswith("Error:")
    assert not Order.objects.exists()
    visitor.apply(31_500, "card")
    visitor.at_provider()
    assert Order.objects.get().units == 3
