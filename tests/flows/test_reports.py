"""An owner reports sales, sees what they would pay, signs, and finds what is to be transferred (pages.md O5, O6)."""

from __future__ import annotations

import html

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from businesses.models import Membership
from investments.models import Evidence, Fund, RevenueReport
from investments.revenue import reports
from microfund.kernel import clock, private
from microfund.kernel.audit.models import AuditRow
from tests import make, repay
from tests.private_files import sweep_years_later

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
    sure(browser)
    return browser


def sure(browser: Client) -> None:
    """Whoever sits there shows once more who they are."""
    answer = browser.post(reverse("account_reauthenticate"), {"password": make.PASSWORD})
    assert answer.status_code == 302


def figures(total: int, **values: object) -> dict[str, object]:
    return {f"month_0_{number}": total if number == 11 else 0 for number in range(12)} | {
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
    assert "with the fund&#x27;s staff" in page and 'name="month_0_0"' not in page
    # A second tab that is sent later changes nothing and is told so.
    late = client.post(address(fund), figures(1, do="sign", signed="on"), follow=True)
    assert "Nothing was changed" in late.content.decode()
    assert RevenueReport.objects.get().revenue == 27_900_000


def test_whoever_signs_shows_once_more_who_they_are(fund: Fund) -> None:
    browser = Client()
    browser.force_login(repay.owner(fund))
    # What is wrong is said before anybody is asked.
    refused = browser.post(address(fund), figures(27_900_000, do="sign", signed="on", comment=""))
    assert refused.status_code == 422 and "more than 10 % off the plan" in refused.content.decode()
    asked = browser.post(address(fund), figures(27_900_000, do="sign", signed="on"))
    assert asked.status_code == 302 and asked.headers["Location"].startswith(reverse("account_reauthenticate"))
    draft = RevenueReport.objects.get()
    assert (draft.state, draft.revenue, repay.period(fund, 1).state) == ("draft", 27_900_000, "report_due")
    answer = browser.post(asked.headers["Location"], {"password": "wrong"})
    assert answer.status_code == 200 and RevenueReport.objects.get().state == "draft"
    # The right password signs what was asked for.
    answer = browser.post(asked.headers["Location"], {"password": make.PASSWORD, "next": address(fund)})
    assert answer.status_code == 302
    assert RevenueReport.objects.get().state == "submitted"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"month_0_3": "-1"}, "greater than or equal to 0"),
        ({"month_0_3": "1.5"}, "whole number"),
        ({"month_0_3": ""}, "required"),
        ({"month_0_3": "99999999999999"}, "too large a figure for one month"),
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


# --- Figures from a spreadsheet -----------------------------------------------------------------------------------


def upload(client: Client, fund: Fund, do: str, name: str, content: bytes) -> str:
    sent = SimpleUploadedFile(name, content)
    return client.post(address(fund), {"do": do, do: sent}, follow=True).content.decode()


def csv_of(fund: Fund, *, encoding: str = "utf-8", head: str = "month,amount", rows: list[str] | None = None) -> bytes:
    start = repay.period(fund, 1).starts_on
    months = [clock.add_months(start, number) for number in range(12)]
    lines = rows if rows is not None else [f'{day:%Y-%m},"1,{number:02d}0,000"' for number, day in enumerate(months)]
    return "\r\n".join([head, *lines, ""]).encode(encoding)


def test_figures_come_from_a_spreadsheet_in_either_encoding(fund: Fund, client: Client) -> None:
    page = upload(client, fund, "figures", "sales.csv", csv_of(fund, head="\ufeffmonth,amount"))
    assert "The figures of the file stand in the form" in page
    draft = RevenueReport.objects.get()
    assert draft.lines[0]["months"][:3] == [1_000_000, 1_010_000, 1_020_000]
    start = repay.period(fund, 1).starts_on
    rows = [f"{day.year}年{day.month}月,{number * 1_000}円,{line}"
            for line in ("店", "卸") for number in range(12) for day in [clock.add_months(start, number)]]  # fmt: skip
    page = upload(client, fund, "figures", "売上.csv", csv_of(fund, encoding="cp932", head="月,金額,項目", rows=rows))
    draft.refresh_from_db()
    assert [line["label"] for line in draft.lines] == ["店", "卸"]
    assert draft.revenue == 2 * 66_000
    assert 'name="month_1_11"' in page and "Sales by month: 卸" in page
    client.post(
        address(fund),
        {f"month_{line}_{n}": 1 for line in (0, 1) for n in range(12)}
        | {"action": "report", "comment": "x", "do": "save"},
    )
    draft.refresh_from_db()
    assert [line["label"] for line in draft.lines] == ["店", "卸"] and draft.revenue == 24


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Row 1"),
        (b"\x81\x20month", "neither UTF-8 nor Shift JIS"),
        (b"a,b\n", "Row 1: the head must name"),
        (b"month,amount\n2021-05\n", "Row 2: it has too few columns"),
        (b"month,amount\nMay,5\n", "Row 2: write the month"),
        (b"month,amount\n1999-05,5\n", "Row 2: this month is not in the period"),
        (b"month,amount\n", "The file holds no month"),
        (b"month,amount\n" + b"x" * (1024 * 1024), "too large"),
    ],
)
def test_a_bad_spreadsheet_changes_nothing_and_names_the_row(
    fund: Fund, client: Client, content: bytes, message: str
) -> None:
    assert message in html.unescape(upload(client, fund, "figures", "sales.csv", content))
    assert not RevenueReport.objects.exists()


def test_a_month_twice_missing_or_with_a_wrong_amount_is_named(fund: Fund, client: Client) -> None:
    whole = csv_of(fund).decode().splitlines()
    for rows, message in (
        ([*whole[1:], whole[1]], "Row 14: this month stands there twice"),
        (whole[1:-1], "is missing"),
        ([whole[1].replace('"1,000,000"', "-5"), *whole[2:]], "Row 2: write the amount"),
        ([whole[1].replace('"1,000,000"', "1.5"), *whole[2:]], "Row 2: write the amount"),
    ):
        assert message in upload(client, fund, "figures", "sales.csv", csv_of(fund, rows=rows))
        assert not RevenueReport.objects.exists()


# --- Evidence -----------------------------------------------------------------------------------------------------

PDF = b"%PDF-1.7\n1 0 obj << >> endobj\n%%EOF\n"


def test_evidence_is_kept_encrypted_read_by_both_sides_and_goes_along_to_a_new_version(
    fund: Fund, client: Client
) -> None:
    assert "Save the report first" in upload(client, fund, "evidence", "book.pdf", PDF)
    client.post(address(fund), figures(27_900_000, do="save"))
    assert "The file is kept with the report." in upload(client, fund, "evidence", "../帳簿.pdf", PDF)
    upload(client, fund, "evidence", "again.pdf", PDF)
    kept = Evidence.objects.get()
    assert kept.name == "帳簿.pdf"
    assert PDF not in private.storage().open(kept.file).read()
    here = reverse("studio:report_evidence", args=[fund.business.slug, kept.report.period_id, kept.pk])
    answer = client.get(here)
    assert answer.content == PDF and answer.headers["Content-Disposition"].startswith("attachment")
    assert AuditRow.objects.filter(action="investments.Evidence.looked_at").count() == 1
    other = Client()
    other.force_login(make.make_member(make.make_business()))
    assert other.get(here).status_code == 404
    # Signed: its files stay; sent back: the new version begins with them, and each can be taken out alone.
    client.post(address(fund), figures(27_900_000, do="sign", signed="on"))
    assert "Nothing was changed" in upload(client, fund, "evidence", "late.pdf", PDF + b" ")
    reports.send_back(RevenueReport.objects.get(), actor=repay.staff(), at=timezone.now(), reason="Once more.")
    client.post(address(fund), figures(28_000_000, do="save"))
    newest = RevenueReport.objects.get(version=2)
    carried = newest.evidence.get()
    client.post(address(fund), {"do": f"remove-{carried.pk}"})
    assert not newest.evidence.exists()
    # What was stored and never named, as by a request that was killed, goes; what a row names stays.
    private.put("evidence", b"lost")
    assert sweep_years_later() >= 1
    assert client.get(here).content == PDF


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("run.exe", b"MZ\x90\x00", "Send a PDF"),
        ("page.html", b"<script>alert(1)</script>", "Send a PDF"),
        ("empty.pdf", b"", "empty"),
        ("large.pdf", b"%PDF-" + b"x" * (10 * 1024 * 1024), "10 MB"),
    ],
)
def test_evidence_of_another_kind_is_refused(
    fund: Fund, client: Client, name: str, content: bytes, message: str
) -> None:
    client.post(address(fund), figures(27_900_000, do="save"))
    assert message in upload(client, fund, "evidence", name, content)
    assert not Evidence.objects.exists()


def test_what_the_business_would_owe_stands_there_before_it_signs(fund: Fund, client: Client) -> None:
    client.post(address(fund), figures(27_900_000, do="save"))
    assert "¥9,360" in client.get(address(fund)).content.decode()
