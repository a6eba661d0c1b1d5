"""An owner reports sales, sees what they would pay, signs, and finds what is to be transferred (pages.md O5, O6)."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from businesses.models import Membership
from investments.models import Fund, RevenueReport
from investments.revenue import reports
from microfund.kernel import clock
from tests import make, repay

pytestmark = pytest.mark.django_db


@pytest.fixture
def fund() -> Fund:
    """A fund whose first period ended a month ago."""
    today = clock.today_in(None, timezone.now())
    bought = clock.add_months(today.replace(day=1), -16)
    made = repay.operating(30, on=bought, term_starts_on=clock.add_months(today.replace(day=1), -13))
    reports.await_reports_due(on=today, at=timezone.now())
    return made


@pytest.fixture
def client(fund: Fund) -> Client:
    browser = Client()
    browser.force_login(repay.owner(fund))
    return browser


def figures(total: int, **values: object) -> dict[str, object]:
    return {f"month_{number}": total if number == 12 else 0 for number in range(1, 13)} | {
        "action": "report",
        "comment": "The boats came late.",
        **values,
    }


def address(fund: Fund, number: int = 1) -> str:
    return reverse("studio:report", args=[fund.business.slug, repay.period(fund, number).pk])


def test_an_owner_sees_what_a_report_pays_before_signing_it(fund: Fund, client: Client) -> None:
    page = client.get(reverse("studio:home")).content.decode()
    assert "Report the sales of period 1" in page
    answer = client.post(address(fund), figures(27_900_000, do="save"), follow=True)
    assert "¥312" in answer.content.decode()
    assert RevenueReport.objects.get().state == "draft"
    refused = client.post(address(fund), figures(27_900_000, do="sign"))
    assert refused.status_code == 422
    assert "Tick the box" in refused.content.decode()
    client.post(address(fund), figures(27_900_000, do="sign", signed="on"))
    report = RevenueReport.objects.get()
    assert (report.state, report.revenue, report.submitted_by) == ("submitted", 27_900_000, repay.owner(fund))
    page = client.get(address(fund)).content.decode()
    assert "with the fund&#x27;s staff" in page and 'name="month_1"' not in page
    # A second tab that is sent later changes nothing and is told so.
    late = client.post(address(fund), figures(1, do="sign", signed="on"), follow=True)
    assert "Nothing was changed" in late.content.decode()
    assert RevenueReport.objects.get().revenue == 27_900_000


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"month_3": "-1"}, "greater than or equal to 0"),
        ({"month_3": "1.5"}, "whole number"),
        ({"month_3": ""}, "required"),
        ({"comment": ""}, "more than 10 % off the plan"),
        ({"action": "defer"}, "Give a reason"),
        ({"action": "double"}, "valid choice"),
    ],
)
def test_what_is_wrong_is_said_by_the_field_and_nothing_is_sent(
    fund: Fund, client: Client, values: dict[str, str], message: str
) -> None:
    answer = client.post(address(fund), figures(27_900_000, do="sign", signed="on", **values))
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert not RevenueReport.objects.filter(state="submitted").exists()


def test_a_returned_report_shows_why_and_is_sent_again_as_a_new_version(fund: Fund, client: Client) -> None:
    client.post(address(fund), figures(27_900_000, do="sign", signed="on"))
    reports.send_back(
        RevenueReport.objects.get(), actor=repay.staff(), at=timezone.now(), reason="December is missing <b>twice</b>."
    )
    page = client.get(address(fund)).content.decode()
    assert "December is missing &lt;b&gt;twice&lt;/b&gt;." in page
    client.post(address(fund), figures(28_000_000, do="sign", signed="on"))
    assert list(RevenueReport.objects.order_by("version").values_list("state", "revenue")) == [
        ("returned", 27_900_000),
        ("submitted", 28_000_000),
    ]


def test_the_business_reads_what_it_owes_and_how_to_pay(fund: Fund, client: Client) -> None:
    client.post(address(fund), figures(27_900_000, do="sign", signed="on"))
    at = timezone.now()
    reports.accept(RevenueReport.objects.get(), actor=repay.staff("reviewer"), at=at)
    made = repay.distribute(fund, 1, at=at)
    page = client.get(reverse("studio:payments", args=[fund.business.slug])).content.decode()
    assert "¥9,360" in page and made.payer_code in page
    assert "Pay ¥9,360 for period 1" in client.get(reverse("studio:home")).content.decode()
    repay.pay_in(made, at=at)
    page = client.get(reverse("studio:payments", args=[fund.business.slug])).content.decode()
    assert "You owe nothing now." in page


def test_an_accepted_figure_is_corrected_with_a_reason(fund: Fund, client: Client) -> None:
    at = timezone.now()
    client.post(address(fund), figures(27_900_000, do="sign", signed="on"))
    reports.accept(RevenueReport.objects.get(), actor=repay.staff("reviewer"), at=at)
    answer = client.post(address(fund) + "?correct=1", figures(30_000_000, do="sign", signed="on"))
    assert answer.status_code == 422 and "Give a reason" in answer.content.decode()
    client.post(
        address(fund) + "?correct=1", figures(30_000_000, do="sign", signed="on", reason="A shop was left out.")
    )
    newest = RevenueReport.objects.order_by("-version")[0]
    assert (newest.state, newest.restatement, newest.revenue) == ("submitted", True, 30_000_000)


def test_an_editor_and_a_stranger_find_nothing(fund: Fund) -> None:
    editor = make.make_member(fund.business, role=Membership.Role.EDITOR)
    for user in (editor, make.make_member(make.make_business())):
        browser = Client()
        browser.force_login(user)
        for name in ("studio:reports", "studio:payments"):
            assert browser.get(reverse(name, args=[fund.business.slug])).status_code == 404
        assert browser.get(address(fund)).status_code == 404
    browser = Client()
    browser.force_login(editor)
    assert "Report the sales" not in browser.get(reverse("studio:home")).content.decode()
