"""An investor's own pages: honest words in each state, and nothing of anybody else's."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from businesses.models import Business, Membership
from investments.models import Holding, Order, PaymentAttempt, Refund
from investments.orders import services as orders
from investments.payments import services, settle
from microfund.kernel.notices.parts import link
from microfund.site.order_pages import LOOKS
from tests import make
from tests.flows.walk import title_of
from tests.sandbox_client import SandboxProcess

pytestmark = pytest.mark.django_db
UNKNOWN = "ABCDE-23456"


def browser_of(user) -> Client:
    client = Client()
    assert client.login(email=user.email, password=make.PASSWORD)
    return client


def page(order: Order, query: str = "") -> object:
    return browser_of(order.investor.user).get(reverse("order", args=[order.reference]) + query)


def confirmed(sandbox: SandboxProcess, **values) -> Order:
    order = make.make_order(method="card", **values)
    attempt = services.start_payment(order, at=timezone.now())
    sandbox.control("pay", session=attempt.session_id, how="card")
    settle.settle(attempt.pk, at=timezone.now())
    order.refresh_from_db()
    over = order.cooling_off_ends_at
    assert orders.confirm_due(on=over.date(), at=over)["confirmed"] == 1
    order.refresh_from_db()
    return order


# --- Nobody else's ------------------------------------------------------------------------------------------------


def others(order: Order) -> list[Client]:
    """Another investor, a person without a profile, staff, a superuser, and an owner of the business."""
    owner = make.make_user()
    Membership.objects.create(business=order.fund.business, user=owner)
    users = [make.make_investor().user, make.make_user(), make.make_user(is_staff=True), owner]
    users.append(make.make_user(is_staff=True, is_superuser=True))
    return [browser_of(user) for user in users]


def without_tokens(content: bytes) -> str:
    """A page without what differs on every request: the token against forgery and the address itself."""
    text = re.sub(r'value="[A-Za-z0-9]{64}"', "", content.decode())
    return re.sub(r"/[A-Z0-9-]{8,20}(?=[/\"])", "", text)


@pytest.mark.parametrize(
    "name", ["order", "investments:pay", "investments:return", "investments:transfer", "investments:cancel"]
)
def test_an_order_of_somebody_else_answers_like_one_that_does_not_exist(name: str) -> None:
    order = make.make_order(method="bank_transfer")
    for client in others(order):
        found = client.get(reverse(name, args=[order.reference]))
        unknown = client.get(reverse(name, args=[UNKNOWN]))
        assert found.status_code == unknown.status_code == 404
        assert without_tokens(found.content) == without_tokens(unknown.content)
        assert order.investor.name not in found.content.decode()


@pytest.mark.parametrize("name", ["investments:pay", "investments:cancel"])
def test_nobody_else_pays_or_cancels_an_order(name: str) -> None:
    order = make.make_order(method="card")
    for client in others(order):
        assert client.post(reverse(name, args=[order.reference])).status_code == 404
    order.refresh_from_db()
    assert order.state == "reserved" and not order.attempts.exists()


def test_a_holding_of_somebody_else_answers_like_one_that_does_not_exist(sandbox: SandboxProcess) -> None:
    order = confirmed(sandbox)
    holding = Holding.objects.get()
    for client in others(order):
        found = client.get(reverse("holding", args=[holding.reference]))
        unknown = client.get(reverse("holding", args=["H-UNKNOWN0"]))
        assert found.status_code == unknown.status_code == 404
        assert without_tokens(found.content) == without_tokens(unknown.content)


def test_who_is_not_logged_in_learns_nothing() -> None:
    order = make.make_order()
    for address in (reverse("order", args=[order.reference]), reverse("order", args=[UNKNOWN]), reverse("me")):
        answer = Client().get(address)
        assert (answer.status_code, answer["Location"]) == (302, f"{reverse('account_login')}?next={address}")


def test_own_pages_are_kept_by_no_cache(sandbox: SandboxProcess) -> None:
    order = confirmed(sandbox)
    client = browser_of(order.investor.user)
    holding = Holding.objects.get()
    for address in (
        reverse("me"),
        reverse("order", args=[order.reference]),
        reverse("holding", args=[holding.reference]),
    ):
        assert set(client.get(address)["Cache-Control"].split(", ")) >= {"private", "no-store"}
        assert client.post(address).status_code == 405


# --- An order in each state ---------------------------------------------------------------------------------------


def test_a_fresh_reservation_is_not_called_paid_and_names_its_end() -> None:
    order = make.make_order(method="card", units=2)
    found = page(order)
    text = found.content.decode()
    assert title_of(found).startswith("Reserved, not paid yet")
    assert "Pay ¥21,000" in text and "Cancel this order" in text and "Thank you" not in text
    assert "Refresh" not in found.headers, "nothing is awaited from anybody but the payer"


def test_a_reservation_that_ran_out_is_not_offered_for_payment() -> None:
    order = make.make_order(method="card", at=timezone.now() - timedelta(hours=1))
    found = page(order)
    assert title_of(found).startswith("The reservation is over") and b"Pay \xc2\xa5" not in found.content


def test_a_transfer_is_awaited_with_its_last_day(sandbox: SandboxProcess) -> None:
    order = make.make_order(method="bank_transfer")
    attempt = services.start_payment(order, at=timezone.now())
    found = page(order)
    text = found.content.decode()
    assert title_of(found).startswith("Waiting for your transfer")
    last = (attempt.pay_by - timedelta(seconds=1)).astimezone(timezone.get_default_timezone()).date()
    assert f"{last:%b}. {last.day}, {last.year}" in text or f"{last:%B} {last.day}, {last.year}" in text
    assert reverse("investments:transfer", args=[order.reference]) in text


def test_a_waiting_page_looks_again_less_and_less_often_and_can_be_stopped(sandbox: SandboxProcess) -> None:
    order = make.make_order(method="card")
    attempt = services.start_payment(order, at=timezone.now())
    sandbox.control("pay", session=attempt.session_id, how="hold")
    settle.settle(attempt.pk, at=timezone.now())
    address = reverse("order", args=[order.reference])
    assert page(order)["Refresh"] == f"{LOOKS[0]}; url={address}?wait=2"
    assert page(order, "?wait=5")["Refresh"] == f"{LOOKS[4]}; url={address}?wait=6"
    for query in (f"?wait={len(LOOKS) + 1}", "?wait=stop", "?wait=0"):
        assert "Refresh" not in page(order, query).headers
    # Whatever stands in the address is never repeated as it came.
    assert page(order, "?wait=%0d%0aSet-Cookie:x")["Refresh"] == f"{LOOKS[0]}; url={address}?wait=2"
    assert list(LOOKS) == sorted(LOOKS)


def test_a_failed_attempt_says_that_nothing_was_charged_and_offers_another(sandbox: SandboxProcess) -> None:
    order = make.make_order(method="card")
    attempt = services.start_payment(order, at=timezone.now())
    PaymentAttempt.objects.filter(pk=attempt.pk).update(state="expired")
    found = page(order)
    assert title_of(found).startswith("The payment did not go through")
    assert "Nothing was charged" in found.content.decode() and "Pay ¥10,500" in found.content.decode()


def test_a_payment_that_does_not_match_is_not_called_paid(sandbox: SandboxProcess) -> None:
    order = make.make_order(method="card")
    attempt = services.start_payment(order, at=timezone.now())
    PaymentAttempt.objects.filter(pk=attempt.pk).update(state="mismatch")
    found = page(order)
    assert title_of(found).startswith("We are looking into this payment")
    assert "Pay ¥" not in found.content.decode()


def test_a_paid_order_tells_what_happens_next_and_until_when_it_can_be_cancelled(sandbox: SandboxProcess) -> None:
    fund = make.make_fund(units_minimum=10)
    order = make.make_order(fund=fund, investor=make.make_investor(verified=False), method="card")
    attempt = services.start_payment(order, at=timezone.now())
    sandbox.control("pay", session=attempt.session_id, how="card")
    settle.settle(attempt.pk, at=timezone.now())
    text = page(order).content.decode()
    for words in (
        "We have received ¥10,500.",
        "Cooling-off",
        "We verify your identity",
        "The fund reaches what it needs",
    ):
        assert words in text
    assert "You can cancel until 23:59" in text


def test_a_bought_order_shares_the_page_of_its_business_and_nothing_of_itself(sandbox: SandboxProcess) -> None:
    waiting = make.make_order(method="card")
    assert "data-share-page" not in page(waiting).content.decode()
    order = confirmed(sandbox)
    html = page(order).content.decode()
    share = html[html.index('<details class="share-menu"') :].split("</details>")[0]
    address = link("businesses:detail", order.fund.business.slug)
    assert f'data-share-page="{address}"' in share and f'value="{address}"' in share and "mailto:?subject=" in share
    assert order.reference not in share and order.investor.name not in share
    assert "js/share.js" in html and reverse("calendar") in html
    Business.objects.filter(pk=order.fund.business_id).update(state=Business.State.WITHDRAWN)
    assert "data-share-page" not in page(order).content.decode()


def test_a_confirmed_order_leads_to_its_holding_and_cannot_be_cancelled(sandbox: SandboxProcess) -> None:
    order = confirmed(sandbox)
    text = page(order).content.decode()
    assert reverse("holding", args=[Holding.objects.get().reference]) in text
    assert reverse("investments:cancel", args=[order.reference]) not in text


def test_an_expired_order_offers_to_reserve_again() -> None:
    order = make.make_order(method="card", at=timezone.now() - timedelta(hours=1))
    now = timezone.now()
    assert services.expire_due(on=now.date(), at=now)["expired"] == 1
    text = page(order).content.decode()
    assert "nothing was charged" in text and "Reserve the units again" in text


def test_a_disputed_order_says_so_and_offers_nothing() -> None:
    order = make.make_order(method="card")
    Order.objects.filter(pk=order.pk).update(frozen_at=timezone.now())
    found = page(order)
    assert title_of(found).startswith("Disputed")
    assert reverse("investments:cancel", args=[order.reference]) not in found.content.decode()


@pytest.mark.parametrize(
    ("state", "by_bank", "words"),
    [
        ("requested", False, "¥10,500 is on its way back to you."),
        ("pending", False, "¥10,500 is on its way back to you."),
        ("requires_action", False, "has written to you"),
        ("succeeded", False, "went back the way it came"),
        ("failed", False, "by bank transfer"),
        ("requested", True, "by bank transfer"),
        ("paid_by_bank", True, "was transferred to an account in your name"),
    ],
)
def test_a_refund_is_told_as_far_as_it_is(state: str, by_bank: bool, words: str, sandbox: SandboxProcess) -> None:
    order = make.make_order(method="card")
    attempt = services.start_payment(order, at=timezone.now())
    sandbox.control("pay", session=attempt.session_id, how="card")
    settle.settle(attempt.pk, at=timezone.now())
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user, reason="")
    Refund.objects.update(state=state, by_bank=by_bank)
    assert words in page(order).content.decode()


def test_the_japanese_page_has_japanese_amounts() -> None:
    order = make.make_order(method="card", language="ja")
    client = browser_of(order.investor.user)
    text = client.get("/ja" + reverse("order", args=[order.reference])).content.decode()
    assert "10,500円" in text and order.fund.business.name_ja in text


# --- The overview -------------------------------------------------------------------------------------------------


def test_an_empty_account_shows_what_is_raising() -> None:
    fund = make.make_fund()
    make.make_fund(state="scheduled")
    client = browser_of(make.make_user())
    text = client.get(reverse("me")).content.decode()
    assert "Nothing here yet" in text and reverse("businesses:list") in text
    assert fund.business.name_en in text


def test_the_overview_lists_orders_what_is_to_pay_and_holdings_with_sums(sandbox: SandboxProcess) -> None:
    investor = make.make_investor()
    first = confirmed(sandbox, investor=investor, units=3)
    waiting = make.make_order(investor=investor, units=2)
    make.make_order()
    text = browser_of(investor.user).get(reverse("me")).content.decode()
    assert "¥15,000" in text
    assert f"Pay ¥21,000 for {waiting.fund.business.name_en} until" in text and f"(order {waiting.reference})." in text
    assert first.reference in text and Holding.objects.get().reference in text
    assert text.count('<th scope="row"') == 3, "one holding and two orders, nobody else's"


def queries_of(client: Client, address: str) -> int:
    client.get(address)
    with CaptureQueriesContext(connection) as found:
        assert client.get(address).status_code == 200
    return len(found)


def test_the_overview_asks_the_database_no_more_for_more_orders() -> None:
    investor = make.make_investor()
    client = browser_of(investor.user)
    make.make_order(investor=investor)
    few = queries_of(client, reverse("me"))
    for _number in range(6):
        make.make_order(investor=investor)
    assert queries_of(client, reverse("me")) == few <= 23, "eight of them: the session, the user, the studio link"


def test_an_order_page_needs_few_queries() -> None:
    order = make.make_order()
    assert queries_of(browser_of(order.investor.user), reverse("order", args=[order.reference])) <= 12
