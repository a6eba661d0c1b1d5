"""What a person is paid, on their own pages: the list, one payment explained, the CSV (pages.md I4)."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from investments.distributions.models import Allocation
from investments.payouts import outcome
from investments.payouts.models import PayoutAttempt
from tests import make, repay
from tests.copies import counted_queries

pytestmark = pytest.mark.django_db


def browser(investor: object) -> Client:
    client = Client()
    client.force_login(investor.user)  # type: ignore[attr-defined]
    return client


def test_a_payment_is_listed_explained_and_saved_with_the_same_figures() -> None:
    owner = repay.holder(at=make.at_noon(repay.BOUGHT_ON))
    fund = repay.operating(40, investors=[owner])
    made = repay.whole_period(fund, 1, 27_900_000)
    client = browser(owner)
    page = client.get(reverse("distributions")).content.decode()
    assert "¥12,480" in page and "paid on" in page
    line = Allocation.objects.get()
    page = client.get(reverse("distribution", args=[line.pk])).content.decode()
    assert "÷ 3,000 units = ¥312.48 → ¥312 per unit, none paid before; × 40 units = ¥12,480" in page
    assert str(PayoutAttempt.objects.get().pk) in page and "The boats came late." in page
    answer = client.get(reverse("distributions_csv"))
    assert "tomobune-payments-" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [(row["Units"], row["Before tax (yen)"], row["Paid (yen)"]) for row in rows] == [("40", "12480", "12480")]
    assert client.get(reverse("distributions_csv") + "?bom=1").content.startswith("\ufeff".encode())
    page = client.get(reverse("me")).content.decode()
    assert "¥12,480" in page and "Nothing has been paid to you yet" not in page
    assert made.gross == 12_480


def test_how_far_the_money_is_says_the_part_that_is_furthest_behind() -> None:
    owner = repay.holder(at=make.at_noon(repay.BOUGHT_ON))
    fund = repay.operating(40, investors=[owner])
    client = browser(owner)
    repay.report(fund, 1, 27_900_000)
    made = repay.distribute(fund, 1)
    here = reverse("distributions")
    assert "waits for the payment of the business" in client.get(here).content.decode()
    repay.pay_in(made)
    assert "kept for you until the next transfers" in client.get(here).content.decode()
    run = repay.send_run(at=repay.after(made.period, 30))
    assert "sent on" in client.get(here).content.decode()
    outcome.record_return(
        run.attempts.get(), returned_on=run.pay_on, actor=repay.staff(), at=make.at_noon(run.pay_on), cause="closed"
    )
    page = client.get(reverse("distribution", args=[Allocation.objects.get().pk])).content.decode()
    assert "came back from your bank" in page and reverse("investments:bank") in page


def test_a_page_that_does_not_exist_is_not_found_and_somebody_without_payments_is_told() -> None:
    client = browser(make.make_investor())
    assert "No payments yet" in client.get(reverse("distributions")).content.decode()
    assert client.get(reverse("distributions") + "?page=2").status_code == 404
    assert client.get(reverse("distribution", args=[10**9])).status_code == 404


def test_the_list_and_the_page_of_a_holding_make_as_many_queries_for_six_payments_as_for_two() -> None:
    owner = repay.holder(at=make.at_noon(repay.BOUGHT_ON))
    fund = repay.operating(40, investors=[owner])
    client = browser(owner)
    one = reverse("holding", args=[fund.holdings.get().reference])
    most = {reverse("distributions"): 15, reverse("holdings"): 15, one: 26}
    counts: dict[str, list[int]] = {page: [] for page in most}
    for number in range(1, 7):
        repay.whole_period(fund, number, 27_900_000)
        if number not in (2, 6):
            continue
        for page, own in counts.items():
            client.get(page)
            with counted_queries() as statements:
                assert client.get(page).status_code == 200
            own.append(len(statements))
    for page, (first, second) in counts.items():
        assert first == second <= most[page], counts
