"""Units as a gift, through HTTP: bought for another, handed over, accepted, declined, taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from investments.gifts import services as gifts
from investments.models import Gift, Order
from investments.offerings.questions import QUESTIONS
from investments.orders import services as orders
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox.services import dispatch
from tests import make
from tests.flows.walk import PERSON, Walker, title_of

pytestmark = pytest.mark.django_db
RECEIVER = {"name": "佐藤 海", "email": "umi@example.com", "language": "ja", "message": "おめでとう\r\nございます"}


def url(name: str, *arguments: Any) -> str:
    return reverse(f"investments:{name}", args=arguments)


def bought() -> tuple[Walker, Gift]:
    """A gift that was bought through the pages and is paid."""
    walk = Walker(make.make_fund())
    walk.log_in()
    assert walk.post("units", {"units": "2", "gift": "on"}).status_code == 302
    assert walk.profile().status_code == 302
    walk.open_documents()
    assert walk.post("documents", walk.understanding()).status_code == 302
    assert walk.post("supporter", RECEIVER).status_code == 302
    form = walk.last_form()
    assert "佐藤 海" in walk.get("check").content.decode()
    assert walk.post("check", form).status_code == 302
    with transaction.atomic():
        orders.mark_paid(walk.order(), at=timezone.now())
    dispatch()
    return walk, Gift.objects.get()


def logged_in(user: Any = None) -> Client:
    client = Client()
    user = user or make.make_user()
    assert client.login(email=user.email, password=make.PASSWORD)
    return client


def accept(client: Client, gift: Gift) -> Any:
    """What the receiver does, page by page; the answer to the signature."""
    token = gift.token
    found = client.get(url("gift_you", token))
    known = b'name="confirm"' in found.content
    answer = client.post(url("gift_you", token), {"confirm": "yes"} if known else {**PERSON, "name": "佐藤 海"})
    assert answer["Location"] == url("gift_documents", token), answer.content.decode()
    documents = list(gift.order.fund.documents.filter(language="en"))
    for document in documents:
        assert client.get(url("gift_document", token, document.pk)).status_code == 302
    data = {f"document_{document.pk}": "on" for document in documents}
    data |= {f"question_{question.key}": "true" if question.answer else "false" for question in QUESTIONS}
    return client.post(url("gift_documents", token), {**data, "donation": "on", "electronic": "on", "no_crime": "on"})


def test_units_are_bought_for_another_who_accepts_them() -> None:
    walk, gift = bought()
    order = gift.order
    assert (gift.receiver_name, gift.message, gift.language) == ("佐藤 海", "おめでとう\nございます", "ja")
    page = Client().get(url("gift_offer", gift.token))
    assert page.status_code == 200
    assert page["Referrer-Policy"] == "no-referrer"
    assert "おめでとう" in page.content.decode()
    answer = Client().get(url("gift_you", gift.token))
    assert "/login/" in answer["Location"]
    client = logged_in()
    assert accept(client, gift)["Location"] == reverse("order", args=[order.reference])
    order.refresh_from_db()
    assert order.investor != order.payer
    seen = client.get(reverse("order", args=[order.reference])).content.decode()
    assert "You have accepted these units as a gift." in seen
    assert "Bank transfer" not in seen
    theirs = walk.client.get(reverse("order", args=[order.reference])).content.decode()
    assert "The gift has been accepted" in theirs
    assert "Cancel this order" not in theirs
    assert walk.client.get(url("gift", order.reference)).status_code == 200


def test_documents_must_be_opened_before_they_are_signed() -> None:
    _walk, gift = bought()
    client = logged_in()
    client.post(url("gift_you", gift.token), PERSON)
    documents = list(gift.order.fund.documents.filter(language="en"))
    data = {f"document_{document.pk}": "on" for document in documents}
    answer = client.post(url("gift_documents", gift.token), data)
    assert answer.status_code == 422
    assert title_of(answer).startswith("Error:")
    assert Gift.objects.get().state == "open"


def test_no_page_of_accepting_works_without_the_one_before() -> None:
    _walk, gift = bought()
    client = logged_in()
    assert client.get(url("gift_documents", gift.token))["Location"] == url("gift_you", gift.token)
    assert client.get(url("gift_document", gift.token, 10**9)).status_code == 404


@pytest.mark.parametrize("token", ["x", "é" * 9, "a" * 65, "…"])
def test_a_link_that_never_was_is_not_found(token: str) -> None:
    assert Client().get(url("gift_offer", token)).status_code == 404


def test_a_gift_that_is_over_says_so_in_its_own_words() -> None:
    _walk, gift = bought()
    gifts.keep(gift, actor=gift.order.payer.user, at=timezone.now())
    page = Client().get(url("gift_offer", gift.token))
    assert page.status_code == 410
    assert "has taken this gift back" in page.content.decode()
    assert logged_in().get(url("gift_you", gift.token))["Location"] == url("gift_offer", gift.token)


def test_declining_needs_a_button_and_no_account() -> None:
    walk, gift = bought()
    client = Client()
    client.get(url("gift_offer", gift.token))
    assert Gift.objects.get().state == "open"
    answer = client.post(url("gift_offer", gift.token), {"do": "decline"}, follow=True)
    assert "This gift was declined" in answer.content.decode()
    dispatch()
    assert Notice.objects.filter(kind="gift_declined").exists()
    page = walk.client.get(url("gift", gift.order.reference)).content.decode()
    assert "would rather not have it" in page


def test_the_giver_changes_the_receiver_and_the_old_link_leads_nowhere() -> None:
    walk, gift = bought()
    Gift.objects.update(sent_at=timezone.now() - timedelta(hours=2))
    changed = {"do": "change", "name": "陸", "email": "riku@example.com", "language": "en", "message": ""}
    assert walk.client.post(url("gift", gift.order.reference), changed).status_code == 302
    assert Client().get(url("gift_offer", gift.token)).status_code == 404
    wrong = walk.client.post(url("gift", gift.order.reference), {**changed, "email": "nobody"})
    assert wrong.status_code == 422
    assert Gift.objects.get().receiver_email == "riku@example.com"


def test_the_card_is_a_pdf_and_only_the_givers() -> None:
    walk, gift = bought()
    page = walk.client.get(url("gift_card", gift.order.reference))
    assert page["Content-Type"] == "application/pdf"
    assert page.content.startswith(b"%PDF-")
    other = logged_in()
    for name in ("gift", "gift_card"):
        assert other.get(url(name, gift.order.reference)).status_code == 404
    assert "佐藤" not in other.get(url("gifts")).content.decode()


def test_the_giver_who_opens_the_link_is_told_so_and_cannot_accept() -> None:
    walk, gift = bought()
    assert "You gave it yourself" in walk.client.get(url("gift_offer", gift.token)).content.decode()
    assert walk.client.get(url("gift_you", gift.token))["Location"] == url("gift_offer", gift.token)


def test_the_giver_cancels_after_cooling_off_because_nobody_accepted() -> None:
    walk, gift = bought()
    Order.objects.update(cooling_off_ends_at=timezone.now() - timedelta(days=1))
    assert "Cancel this order" in walk.get("cancel", gift.order.reference).content.decode()
    assert walk.post("cancel", {}, gift.order.reference).status_code == 302
    assert Order.objects.get().state == "cancelled"


def test_markup_in_a_message_is_text() -> None:
    walk, gift = bought()
    Gift.objects.filter(pk=gift.pk).update(sent_at=None)
    data = {"do": "change", "name": "<b>x</b>", "email": "", "language": "en", "message": "<script>1</script>"}
    walk.client.post(url("gift", gift.order.reference), data)
    fresh = Gift.objects.get()
    page = Client().get(url("gift_offer", fresh.token)).content.decode()
    assert "<script>1" not in page
    assert "&lt;script&gt;1" in page
    assert walk.client.get(url("gift_card", fresh.order.reference)).content.startswith(b"%PDF-")
