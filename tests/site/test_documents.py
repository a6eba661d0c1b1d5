"""Contract documents: complete, standing alone, kept byte for byte, shown in a sandbox."""

import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from investments.models import Document, Fund
from tests import make

pytestmark = pytest.mark.django_db
VOID = {"meta", "br", "hr", "img", "input", "link"}


class Strict(HTMLParser):
    """Fails on a tag that is not closed in order; collects names and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _value in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"


@pytest.fixture
def fund() -> Fund:
    return make.make_fund(
        business=make.make_business(slug="farm"),
        units_minimum=500,
        grace_periods=1,
        revenue_floor=1_000_000,
        period_cap=[700, *[None] * 9],
    )


def words(document: Document) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", bytes(document.html).decode()))


def test_every_document_stands_alone(fund: Fund) -> None:
    documents = Document.objects.filter(fund=fund)
    assert {(row.kind, row.language) for row in documents} == {
        (kind, language) for kind in ("pre_contract", "contract", "risk") for language in ("en", "ja")
    }
    for row in documents:
        source = bytes(row.html).decode()
        assert row.sha256 == hashlib.sha256(source.encode()).hexdigest()
        assert source.lstrip().lower().startswith("<!doctype html>") and f'<html lang="{row.language}">' in source
        parser = Strict()
        parser.feed(source)
        parser.close()
        assert parser.open == []
        assert not parser.seen & {"script", "link", "img", "iframe", "form", "a", "object", "svg"}
        assert not parser.attributes & {"style", "src", "href", "onclick"}
        assert "url(" not in source and "@import" not in source, "its styles fetch nothing"
        assert source.count("<h1>") == 1
        assert "{{" not in source and "{%" not in source


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        (
            "pre_contract",
            [
                "You can lose all of the investment of ¥5,000 per unit.",
                "¥10,500",
                "3,000",
                "3.36%",
                "0.84%",
                "¥446,428,572",
                "¥1,000,000",
                "¥700",
                "Cooling-off: you may cancel without giving a reason until 23:59:59 (Japan time) of day 8.",
                "at least 500 units",
                "0% of plan",
                "60% of plan",
                "150% of plan",
                "20.42%",
                "Another storm may take the rafts.",
                "Tomobune Fund House",
                "support@tomobune.example",
                "Hinode Oyster Farm",
            ],
        ),
        ("contract", ["Article 5: Repayment", "3.36%", "divided by the 3,000 units offered", "day 8", "¥10,500"]),
        (
            "risk",
            ["you may lose the other half as well", "¥446,428,572", "Another storm may take the rafts.", "60% of plan"],
        ),
    ],
)
def test_a_document_says_what_a_buyer_must_know(fund: Fund, kind: str, needed: list[str]) -> None:
    said = words(Document.objects.get(fund=fund, kind=kind, language="en"))
    for phrase in needed:
        assert phrase in said, phrase


def test_the_worked_figures_are_those_of_the_rule(fund: Fund) -> None:
    from investments.offerings.projection import project
    from investments.offerings.queries import rule_terms

    terms = fund.terms.get()
    said = words(Document.objects.get(fund=fund, kind="contract", language="en"))
    for percent in (0, 60, 100, 150):
        outcome = project(rule_terms(terms), terms.plan_revenue, percent, 1)
        assert f"{percent}% of plan ¥{outcome.totals.gross:,} {outcome.redemption_percent}%" in said


def test_what_does_not_apply_is_not_said() -> None:
    plain = make.make_fund()
    said = words(Document.objects.get(fund=plain, kind="pre_contract", language="en"))
    assert "does not count. All revenue" not in said
    assert "No period pays more than its cap" not in said
    assert "This fund needs no minimum." in said


def test_the_bytes_are_served_as_stored_in_a_sandbox(client: Client, fund: Fund) -> None:
    document = Document.objects.get(fund=fund, kind="contract", language="ja")
    for prefix in ("", "/ja"):
        response = client.get(f"{prefix}/businesses/farm/documents/{document.sha256}/")
        assert response.content == bytes(document.html)
        assert hashlib.sha256(response.content).hexdigest() == document.sha256
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox;") and "default-src 'none'" in policy and "allow-scripts" not in policy
    assert "style-src 'unsafe-inline'" in policy, "its own styles, and nothing that they could fetch"
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Content-Language"] == "ja"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in response.headers["Cache-Control"]
    assert response.headers["Content-Disposition"].startswith("inline")
    saved = client.get(f"/businesses/farm/documents/{document.sha256}/?download")
    assert saved.headers["Content-Disposition"].startswith("attachment") and saved.content == response.content


def test_a_hash_that_is_nobodys_and_another_businesss_answers_404(client: Client, fund: Fund) -> None:
    sha256 = Document.objects.filter(fund=fund).values_list("sha256", flat=True)[0]
    make.make_fund(business=make.make_business(slug="other"))
    assert client.get(f"/businesses/other/documents/{sha256}/").status_code == 404
    assert client.get(f"/businesses/farm/documents/{'0' * 64}/").status_code == 404
    assert client.get("/businesses/farm/documents/../../etc/").status_code == 404
