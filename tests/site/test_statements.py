"""Statements of a year and of a holding: what was transferred, to its owner alone, the same on page, CSV and PDF."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from investments.models import Fund, Holding, Payout
from tests import make, repay

pytestmark = pytest.mark.django_db


@pytest.fixture
def fund() -> Fund:
    made = repay.operating(
        2, 3, periods=2, units_offered=300, rate_before_recoup=Decimal("0.5"), rate_after_recoup=Decimal("0.25")
    )
    repay.whole_period(made, 1, 3_600_000)
    return made


def browser(holding: Holding) -> Client:
    client = Client()
    client.force_login(holding.investor.user)
    return client


def get(holding: Holding, name: str, *args: Any, status: int = 200, who: Client | None = None) -> Any:
    response = (who or browser(holding)).get(reverse(name, args=args))
    assert response.status_code == status
    return response


def mine(fund: Fund) -> tuple[Holding, int]:
    holding = Holding.objects.get(fund=fund, units=2)
    paid = Payout.objects.get(investor=holding.investor, state="paid")
    return holding, paid.paid_on.year


def test_a_year_lists_what_was_transferred_with_its_tax(fund: Fund) -> None:
    holding, year = mine(fund)
    text = get(holding, "statement", year).content.decode()
    for amount in ("¥11,000", "¥10,000", "¥1,000", "¥204", "¥10,796"):
        assert amount in text
    rows = list(csv.reader(io.StringIO(get(holding, "statement_csv", year).content.decode())))
    assert rows[1][4:] == ["11000", "10000", "1000", "20.42", "204", "10796", "transferred"]
    assert rows[2][4:] == ["11000", "10000", "1000", "", "204", "10796", "transferred"]
    assert str(year) in get(holding, "distributions").content.decode()
    get(holding, "statement", year + 1, status=404)
    get(holding, "statement", 99999, status=404)


def test_the_pdf_says_the_same_in_both_languages(fund: Fund) -> None:
    holding, year = mine(fund)
    address = reverse("statement_pdf", args=[year])
    for path, title, words in (
        (address, f"Statement of payments {year}", "Tax withheld"),
        (f"/ja{address}", f"{year}年のお支払い明細書", "源泉徴収"),
    ):
        response = browser(holding).get(path)
        assert response.status_code == 200
        assert response.content.startswith(b"%PDF")
        text = response.content.decode()
        assert title in text and words in text and "10,796" in text


def test_a_holding_has_its_statement_and_at_the_end_its_final_one(fund: Fund) -> None:
    holding, _year = mine(fund)
    said = get(holding, "holding_statement", holding.reference).content
    assert f"Statement of holding {holding.reference}".encode() in said
    repay.whole_period(fund, 2, 400_000)
    said = get(holding, "holding_statement", holding.reference).content
    assert f"Final statement of holding {holding.reference}".encode() in said


def test_another_persons_statement_and_an_empty_one_do_not_exist(fund: Fund) -> None:
    holding, year = mine(fund)
    stranger = Client()
    stranger.force_login(make.make_investor().user)
    for name, args in (("statement", [year]), ("statement_pdf", [year]), ("holding_statement", [holding.reference])):
        get(holding, name, *args, status=404, who=stranger)
    nobody = Client()
    nobody.force_login(make.make_user())
    get(holding, "statement", year, status=404, who=nobody)
