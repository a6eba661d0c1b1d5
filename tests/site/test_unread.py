"""Documents that came into an account stand in the to-do strip until their owner opens them (pages.md I1, I8)."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from investments.models import Document, Holding, Investor, Payout
from investments.offerings import services as offerings
from investments.orders import services as orders
from microfund.kernel.accounts.models import Opened
from microfund.site import unread
from microfund.site.own_todo import todos
from tests import make, repay

pytestmark = pytest.mark.django_db


def browser(investor: Investor) -> Client:
    client = Client()
    client.force_login(investor.user)
    return client


def amended(**values: Any) -> Any:
    """A paid order of a fund whose terms have changed since."""
    order = make.make_order(method="card", **values)
    with transaction.atomic():
        orders.mark_paid(order, at=timezone.now())
    offerings.amend_terms(
        order.fund,
        changes={"revenue_basis_en": "Sales of oysters alone"},
        actor=make.make_user(is_staff=True),
        at=timezone.now(),
        reason="The shed was smaller than thought",
    )
    return order


def strip(investor: Investor) -> list[str]:
    return [todo.text for todo in todos(investor, at=timezone.now()) if todo.when]


def test_changed_terms_wait_until_each_of_their_documents_was_opened() -> None:
    order = amended(language="en")
    client, other = browser(order.investor), make.make_investor()
    assert len(strip(order.investor)) == 3 and strip(other) == []
    page = client.get(reverse("me")).content.decode()
    assert "a new contract is there for you" in page and "<strong>new</strong>" in page
    new = list(Document.objects.filter(fund=order.fund, terms__version=2, language="en").order_by("pk"))
    listed = client.get(reverse("my_documents")).content.decode()
    assert listed.count('<span class="badge badge--gold">new</span>') == 3
    for left, row in zip((2, 1, 0), new, strict=True):
        address = reverse("own_document", args=[row.pk])
        assert f'href="{address}"' in listed and f'href="{address}?form=pdf"' in listed
        answer = client.get(address, {"form": "pdf"} if left == 1 else {})
        assert answer["Location"].startswith(f"/businesses/{order.fund.business.slug}/documents/{row.sha256}/")
        assert len(strip(order.investor)) == left
    assert client.get(address).status_code == 302 and Opened.objects.count() == 3, "the same again is nothing"
    assert "badge--gold" not in client.get(reverse("my_documents")).content.decode()


def test_nobody_else_opens_them_and_looking_ahead_does_not_count() -> None:
    order = amended(language="ja")
    row = Document.objects.filter(fund=order.fund, terms__version=2, language="ja")[0]
    address = reverse("own_document", args=[row.pk])
    for user in (make.make_investor().user, make.make_user(), make.make_user(is_staff=True, is_superuser=True)):
        stranger = Client()
        stranger.force_login(user)
        assert stranger.get(address).status_code == 404
    assert Client().get(address).status_code == 302
    assert browser(order.investor).head(address).status_code == 302
    # The same document read in public, by its hash, is not followed.
    browser(order.investor).get(reverse("businesses:document", args=[order.fund.business.slug, row.sha256]))
    assert not Opened.objects.exists() and len(strip(order.investor)) == 3


def test_what_was_accepted_with_the_order_is_not_new_nor_what_came_more_than_a_year_ago() -> None:
    assert strip(make.make_order(language="en").investor) == []
    order = amended(language="en")
    later = timezone.now() + unread.NEW_FOR + timedelta(hours=1)
    assert unread.papers(order.investor, at=later) == []
    # Who orders again by the new terms has accepted them.
    again = make.make_order(fund=order.fund, investor=order.investor, language="en")
    assert again.terms.version == 2 and strip(order.investor) == []


def _repaid(periods: int = 2) -> tuple[Holding, int]:
    rates = {"rate_before_recoup": Decimal("0.5"), "rate_after_recoup": Decimal("0.25")}
    fund = repay.operating(2, periods=periods, units_offered=300, **rates)
    repay.whole_period(fund, 1, 3_600_000)
    holding = Holding.objects.get(fund=fund)
    return holding, Payout.objects.get(investor=holding.investor, state="paid").paid_on.year


@pytest.mark.parametrize("page", ["statement", "statement_pdf", "statement_csv"])
def test_the_statement_of_a_year_is_new_in_the_next_until_it_is_opened_in_any_form(page: str) -> None:
    holding, year = _repaid()
    own, january = holding.investor, make.at_noon(date(year + 1, 1, 4))
    assert [paper.kind for paper in unread.papers(own, at=january)] == ["statement"]
    assert unread.papers(own, at=make.at_noon(date(year, 12, 31))) == []
    assert unread.papers(own, at=make.at_noon(date(year + 2, 1, 4))) == []
    assert browser(own).get(reverse(page, args=[year])).status_code == 200
    assert unread.papers(own, at=january) == []


def test_the_final_statement_is_new_for_a_year_and_all_statements_stand_on_the_list() -> None:
    holding, year = _repaid()
    client = browser(holding.investor)
    # While the term runs a look at the payments so far opens nothing.
    assert client.get(reverse("holding_statement", args=[holding.reference])).status_code == 200
    assert not Opened.objects.exists()
    repay.whole_period(holding.fund, 2, 400_000)
    holding.fund.refresh_from_db()
    at = holding.fund.ended_at + timedelta(days=1)
    assert "final" in [paper.kind for paper in unread.papers(holding.investor, at=at)]
    listed = re.sub(r"\s+", " ", client.get(reverse("my_documents")).content.decode())
    assert f'id="final-{holding.reference}"' in listed and f"Statement of payments {year}" in listed
    assert client.get(reverse("holding_statement", args=[holding.reference])).status_code == 200
    assert "final" not in [paper.kind for paper in unread.papers(holding.investor, at=at)]
