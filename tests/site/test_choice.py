"""Choosing how to be paid, and what the pages say of it afterwards (pages.md I3, I4, I8, O6)."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from investments.distributions import elections
from investments.distributions.elected import Election
from investments.models import Holding
from microfund.kernel import clock
from microfund.kernel.outbox import services as outbox
from rewards.models import Voucher
from tests import repay
from tests.in_kind import approved, held, offered
from tests.site.staff import console, make_staff, page_of

pytestmark = pytest.mark.django_db


def browser(holding: Holding) -> Client:
    client = Client()
    client.force_login(holding.investor.user)
    return client


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_a_holder_chooses_with_the_yen_before_their_eyes_and_is_asked_before_giving_back() -> None:
    holding = held(offered(10))[0]
    client, address = browser(holding), reverse("holding_choice", args=[holding.reference])
    page = text_of(client.get(address))
    own = elections.next_period(holding.fund, at=clock.now())
    offer = elections.offer_of(holding.fund)
    assert own is not None and offer is not None
    assert f"holds from period {own.number} on" in page and "a bonus of 10.00 % in it" in page
    form = {"period": own.number, "offer": offer.pk}
    assert client.post(address, {**form, "choice": "in_kind"}).status_code == 302
    assert "comes as a voucher for the business, with a bonus of 10.00 %" in text_of(
        client.get(reverse("holding", args=[holding.reference]))
    )
    asked = client.post(address, {**form, "choice": "give_back"})
    assert "Do you want to give it back?" in text_of(asked) and Election.objects.count() == 1
    assert client.post(address, {**form, "choice": "give_back", "sure": "yes"}).status_code == 302
    assert [row.choice for row in Election.objects.order_by("pk")] == ["in_kind", "give_back"]


def test_a_choice_after_the_record_date_is_refused_with_the_date() -> None:
    holding = held(offered(10))[0]
    offer = elections.offer_of(holding.fund)
    assert offer is not None
    address = reverse("holding_choice", args=[holding.reference])
    answer = browser(holding).post(address, {"period": 1, "offer": offer.pk, "choice": "in_kind"})
    assert answer.status_code == 422
    assert "For this period you could choose until" in text_of(answer) and "2021" in text_of(answer)
    assert not Election.objects.exists()


def test_a_fund_that_offers_only_cash_has_no_such_page() -> None:
    holding = repay.operating(10).holdings.get()
    client = browser(holding)
    assert client.get(reverse("holding_choice", args=[holding.reference])).status_code == 404
    assert "How you are paid" not in text_of(client.get(reverse("holding", args=[holding.reference])))


def test_the_pages_say_how_it_was_taken() -> None:
    made = approved("in_kind", "give_back", "cash")
    outbox.dispatch()
    kind, back, _cash = held(made.fund)
    client, line = browser(kind), made.allocations.get(holding=kind)
    page = text_of(client.get(reverse("distribution", args=[line.pk])))
    assert "taken in kind, with a voucher" in page and "as a voucher for ¥3,432" in page
    assert "given back to the business; thank you" in text_of(
        browser(back).get(reverse("distribution", args=[made.allocations.get(holding=back).pk]))
    )
    year = clock.today_in(None, made.approved_at).year
    rows = list(csv.reader(io.StringIO(client.get(reverse("statement_csv", args=[year])).content.decode())))
    assert rows[-1][4:] == ["3120", "3120", "0", "", "0", "3120", "in kind"]
    assert "Taken in kind or given back" in text_of(client.get(reverse("statement", args=[year])))
    assert client.get(reverse("holding_statement", args=[kind.reference])).status_code == 200
    assert "Taken in kind or given back, after tax" in text_of(client.get(reverse("holding", args=[kind.reference])))
    voucher = Voucher.objects.get()
    assert "valid until" in text_of(client.get(reverse("rewards:list")))
    assert "The promise" not in text_of(client.get(reverse("rewards:voucher", args=[voucher.pk])))
    assert browser(back).get(reverse("rewards:voucher", args=[voucher.pk])).status_code == 404
    desk = Client()
    desk.force_login(repay.owner(made.fund))
    owed = text_of(desk.get(reverse("studio:payments", args=[made.fund.business.slug])))
    assert "¥3,744" in owed and "owed in vouchers" in owed and "Given back to you" in owed
    staff = text_of(console(make_staff("auditor")).get(page_of(made)))
    assert "Not taken in cash" in staff and "3,432" in staff
