"""What the pages of an order say of a transfer that is not the exact sum."""

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from investments.banking import services as banking
from investments.models import Order
from investments.payments import services
from microfund.kernel import clock
from tests import make
from tests.investments.banking.files import csv_file

pytestmark = pytest.mark.django_db


@pytest.fixture
def order() -> Order:
    order = make.make_order(method="bank_transfer", units=2)
    services.start_payment(order, at=timezone.now())
    return order


def receive(order: Order, amount: int) -> None:
    today: date = clock.today_in()
    content = csv_file({"payer_code": order.payer_code, "amount": amount, "date": today.isoformat()})
    banking.import_statement(content=content, name="s", actor=None, at=timezone.now())


def pages(order: Order) -> tuple[str, str, int]:
    """The order's page, the page of its transfer, and the latter's status."""
    client = Client()
    client.force_login(order.investor.user)
    own = client.get(reverse("order", args=[order.reference])).content.decode()
    answer = client.get(reverse("investments:transfer", args=[order.reference]))
    return " ".join(own.split()), " ".join(answer.content.decode().split()), answer.status_code


def test_nothing_has_come(order: Order) -> None:
    own, transfer, _status = pages(order)
    assert "Please make the transfer if you have not yet." in own
    assert "Please transfer exactly ¥21,000" in transfer and "still missing" not in transfer


def test_a_part_has_come_and_the_rest_is_asked_for(order: Order) -> None:
    receive(order, 20_000)
    own, transfer, _status = pages(order)
    assert "¥20,000 of ¥21,000 has arrived. Please transfer the rest." in own
    assert "Please transfer exactly ¥1,000" in transfer
    assert "¥20,000 of your transfer has arrived. The rest is still missing." in transfer


def test_too_much_has_come_and_nothing_more_is_asked_for(order: Order) -> None:
    receive(order, 22_000)
    own, _transfer, status = pages(order)
    assert "¥22,000 has arrived instead of ¥21,000. Our staff look at it and write to you." in own
    assert reverse("investments:transfer", args=[order.reference]) not in own
    assert status == 302
