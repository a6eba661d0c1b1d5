"""Lists that staff take out of the console: the journal, and the holders of a moratorium. Streamed, noted, and nothing
in them is a formula to a spreadsheet."""

from __future__ import annotations

import csv
import hashlib
import io
import tracemalloc
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from investments.distributions import moratorium
from investments.ledger import export
from investments.ledger.post import balance
from investments.models import Allocation, Entry, Holding, Line, Moratorium, TaxPayment
from investments.payouts import tax
from microfund.kernel import sheets
from microfund.kernel.audit.models import AuditRow
from tests import make, repay
from tests.site.staff import act_of, console, do, list_of, make_staff, page_of

pytestmark = pytest.mark.django_db


def journal() -> str:
    """The address of the journal's export."""
    return list_of(Entry) + "act/export/"


def table(answer: Any) -> tuple[bytes, list[dict[str, str]]]:
    """The bytes of a list, and its rows by their heads."""
    assert answer.status_code == 200 and answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "no-store" in answer["Cache-Control"] and answer["Content-Disposition"].startswith("attachment")
    content = b"".join(answer.streaming_content)
    return content, list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def form(first: date, last: date, **values: str) -> dict[str, str]:
    return {"what": "lines", "first": first.isoformat(), "last": last.isoformat(), "reason": "For the books.", **values}


def test_the_journal_of_some_days_is_every_line_of_them_and_what_was_taken_is_noted() -> None:
    fund = repay.operating(40, periods=5)
    repay.whole_period(fund, 1, 27_900_000)
    days = Entry.objects.order_by("effective_on").values_list("effective_on", flat=True)
    first, last = days[0] + timedelta(days=1), list(days)[-1] - timedelta(days=1)
    content, rows = table(console(make_staff("finance maker")).post(journal(), form(first, last)))
    wanted = Line.objects.filter(entry__effective_on__range=(first, last))
    assert 0 < len(rows) == wanted.count() < Line.objects.count()
    assert sum(int(row["Debit"] or 0) for row in rows) == sum(int(row["Credit"] or 0) for row in rows) > 0
    own = [row for row in rows if row["Kind"] == "distribution_approved"]
    made = fund.distributions.get()
    assert {(row["Ledger account"], row["Debit"], row["Credit"]) for row in own} == {
        ("receivable_from_business", str(made.gross), ""),
        ("distributions_payable", "", str(made.net)),
    }
    assert {(row["Fund"], row["Belongs to"], row["Currency"]) for row in own} == {
        (fund.slug, f"distribution:{made.pk}", "JPY")
    }
    assert [row["Date"] for row in rows] == sorted(row["Date"] for row in rows)
    noted = AuditRow.objects.get(action="investments.Entry.exported")
    assert (noted.reason, noted.changes["rows"]) == ("For the books.", len(rows))
    assert noted.changes["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_balances_of_some_days_follow_from_each_other_and_end_where_the_journal_stands() -> None:
    fund, other = repay.operating(40, periods=5), repay.operating(3, periods=5)
    repay.whole_period(fund, 1, 27_900_000)
    auditor = console(make_staff("auditor"))
    ends = repay.period(fund, 1).ends_on
    book = {"what": "balances", "book": str(fund.book_id)}
    _content, before = table(auditor.post(journal(), form(date(2020, 1, 1), ends, **book)))
    _content, after = table(auditor.post(journal(), form(ends + timedelta(days=1), date(2100, 1, 1), **book)))
    heads = list(after[0])
    opening, debits, credits, closing = heads[4:]
    closed = {row["Ledger account"]: row[closing] for row in before}
    for row in after:
        assert row[opening] == closed.get(row["Ledger account"], "0")
        assert int(row[closing]) == int(row[opening]) + int(row[debits]) - int(row[credits])
    assert sum(int(row[closing]) for row in after) == 0 and {row["Fund"] for row in after} == {fund.slug}
    found = {row["Ledger account"]: abs(int(row[closing])) for row in after}
    assert found["bank"] == balance(fund.book_id, "bank") > 0
    _content, everything = table(auditor.post(journal(), form(date(2020, 1, 1), date(2100, 1, 1), what="balances")))
    assert {row["Fund"] for row in everything} == {"", fund.slug, other.slug}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"first": "2021-02-01", "last": "2021-01-31"}, "The first date lies after the last."),
        ({"first": "yesterday"}, "Enter a valid date."),
        ({"reason": ""}, "This field is required."),
        ({"book": "999999"}, "Select a valid choice."),
        ({"what": "everything"}, "Select a valid choice."),
    ],
)
def test_what_cannot_be_taken_is_refused_at_its_field(values: dict[str, str], words: str) -> None:
    data = {**form(date(2021, 1, 1), date(2021, 1, 31)), **values}
    page = console(make_staff("finance checker")).post(journal(), data)
    assert page.status_code == 200 and words in page.content.decode()
    assert not AuditRow.objects.filter(action="investments.Entry.exported").exists()


def test_days_without_a_line_are_a_head_and_who_may_not_take_it_is_refused() -> None:
    _content, rows = table(
        console(make_staff("finance maker")).post(journal(), form(date(1999, 1, 1), date(1999, 1, 2)))
    )
    assert rows == []
    for client in (console(make_staff("support")), console(make_staff("operations"))):
        assert client.post(journal(), form(date(1999, 1, 1), date(1999, 1, 2))).status_code == 403
    assert Client().post(journal()).status_code in (302, 404)


def test_a_long_list_takes_no_more_memory_than_a_short_one() -> None:
    def most(rows: int) -> int:
        tracemalloc.start()
        made = sheets.sheet(["number", "text"], ((number, "x" * 100) for number in range(rows)))
        _now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert made.rows == rows
        made.file.close()
        return peak

    assert most(200_000) < most(20_000) + 1_000_000


def test_a_list_that_breaks_off_is_not_given_out_nor_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any, **_values: Any) -> Any:
        yield (date(2021, 1, 1),)
        raise RuntimeError("the server is gone")

    monkeypatch.setattr(export, "lines", broken)
    client = console(make_staff("finance maker"))
    client.raise_request_exception = False
    assert client.post(journal(), form(date(2021, 1, 1), date(2021, 1, 2))).status_code == 500
    assert not AuditRow.objects.filter(action="investments.Entry.exported").exists()


def test_every_holder_of_a_moratorium_is_shown_what_they_will_and_will_not_get_before_two_people_decide() -> None:
    year = 27_900_000
    at = make.at_noon(date(2020, 9, 1))
    first = repay.operating(40, 7, periods=4, plan_revenue=[year] * 4)
    second = repay.operating(3, periods=4, plan_revenue=[year] * 4)
    evil = first.holdings.order_by("pk")[1].investor
    evil.name = "=1+1"
    evil.save(update_fields=["name"])
    ends = [repay.period(first, number).ends_on for number in (1, 2)]
    data = {
        "title": "Storm of May", "reason": "Gone.", "action": "waive", "from_on": ends[0].isoformat(),
        "until_on": ends[1].isoformat(), "businesses": f"{first.business.slug},{second.business.slug}",
    }  # fmt: skip
    maker, checker = console(make_staff("operations")), console(make_staff("finance checker"))
    shown = maker.post(list_of(Moratorium) + "act/prepare/", data).content.decode()
    # Of each unit ¥624 are not paid then and ¥625 never; ¥624 are still to come.
    for amount in (40 * 624, 40 * 625, 7 * 624, 7 * 625, 3 * 625):
        assert f"¥{amount:,}" in shown
    maker.post(list_of(Moratorium) + "act/prepare/", {**data, "confirmed": "1"})
    row = Moratorium.objects.get()
    assert f"¥{7 * 625:,}" in checker.get(page_of(row)).content.decode()
    content, rows = table(checker.post(act_of(row, "holders"), {"reason": "To decide."}))
    told = {(own["fund"], own["units"]): own for own in rows}
    assert len(rows) == 3 and set(told) == {(first.slug, "40"), (first.slug, "7"), (second.slug, "3")}
    for (_fund, units), own in told.items():
        assert list(own.values())[-4:] == [str(int(units) * effect) for effect in (624, 0, 625, 624)]
    assert told[first.slug, "7"]["investor"] == "'=1+1"
    noted = AuditRow.objects.get(action="investments.Moratorium.listed")
    assert noted.changes == {"rows": 3, "sha256": hashlib.sha256(content).hexdigest()}
    do(checker, row, "approve")
    moratorium.steps_due(on=at.date(), at=at)
    assert "This is not possible any more." in do(checker, row, "holders")


def test_the_payment_records_of_a_year_have_everybody_who_was_paid_a_profit_and_the_tax_of_its_months() -> None:
    values = {
        "periods": 2, "units_offered": 300, "rate_before_recoup": Decimal("0.5"), "rate_after_recoup": Decimal("0.25"),
    }  # fmt: skip
    fund, other = repay.operating(40, 3, **values), repay.operating(5, **values)
    for own in (fund, other):
        repay.whole_period(own, 1, 3_600_000)
    year = fund.payouts.first().withheld_on.year
    address = list_of(TaxPayment) + "act/records/"
    maker = console(make_staff("finance maker"))
    content, rows = table(maker.post(address, {"year": year, "reason": "For the tax office."}))
    assert {(row["business"], row["payments"]) for row in rows} == {
        (fund.business.slug, "1"), (other.business.slug, "1"),
    }  # fmt: skip
    lines = Allocation.objects.values_list("holding__investor_id", "profit", "tax")
    assert [tuple(map(int, (row["investor no."], *list(row.values())[-2:]))) for row in rows] == sorted(
        lines, key=lambda line: (Holding.objects.get(investor=line[0]).fund.business.slug, line[0])
    )
    first = make.at_noon(date(year + 1, 1, 4))
    tax.gather_due(on=first.date(), at=first)
    assert sum(TaxPayment.objects.values_list("amount", flat=True)) == sum(int(list(row.values())[-1]) for row in rows)
    noted = AuditRow.objects.get(action="investments.TaxPayment.records")
    assert noted.changes == {"year": year, "rows": 3, "sha256": hashlib.sha256(content).hexdigest()}
    _content, none = table(maker.post(address, {"year": year - 1, "reason": "Nothing yet."}))
    assert none == []
    assert "Ensure this value" in maker.post(address, {"year": 20_000, "reason": "x"}).content.decode()
    page = maker.get(list_of(TaxPayment)).content.decode()
    assert page.count(fund.business.slug) >= 2 and "By business and month" in page
