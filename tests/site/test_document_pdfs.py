"""PDFs of the contract documents: the words of the HTML, made once, the same bytes for ever."""

import hashlib
import json
import re
import zlib
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client, override_settings
from django.utils import timezone, translation

from investments.banking import services as banking
from investments.models import Document, Fund
from investments.offerings import checks, documents, services
from investments.offerings.document_parts import parts
from investments.payments import services as payments
from microfund.kernel import clock, typesetting
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox import services as outbox
from tests import make
from tests.investments.banking.files import csv_file

pytestmark = pytest.mark.django_db
HOSTILE = '#panic("x") *bold* $x$ <b> @ref `raw` // \\'


@pytest.fixture
def fund(typeset: None) -> Fund:
    return make.make_fund(
        business=make.make_business(slug="farm"),
        units_minimum=500,
        grace_periods=1,
        revenue_floor=1_000_000,
        period_cap=[700, *[None] * 9],
    )


def streams(pdf: bytes) -> bytes:
    """Every stream of a PDF, unpacked."""
    packed = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.S)
    found = b""
    for stream in packed:
        try:
            found += zlib.decompress(stream) + b"\n"
        except zlib.error:
            found += stream + b"\n"
    return found


def letters(pdf: bytes) -> set[str]:
    """The letters that a reader can select and copy: what the fonts' maps to Unicode name."""
    found: set[str] = set()
    for part in re.findall(rb"begin(?:bfchar|bfrange)(.*?)end(?:bfchar|bfrange)", streams(pdf), re.S):
        for code in re.findall(rb"<([0-9A-Fa-f]+)>\s*$", part, re.M):
            found |= set(bytes.fromhex(code.decode()).decode("utf-16-be", "replace"))
    return found


def said(block: Any) -> str:
    """All text of a block, or of a list of them, in order."""
    if isinstance(block, list):
        return " ".join(said(part) for part in block)
    if not isinstance(block, dict):
        return str(block)
    if block["kind"] == "paragraph":
        return "".join(run["text"] for run in block["runs"])
    if block["kind"] == "heading":
        return block["text"]
    keys = {"list": ["items"], "facts": ["rows"], "table": ["caption", "head", "body", "foot"]}[block["kind"]]
    return " ".join(said(block[key]) for key in keys)


def pressed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_every_document_has_a_pdf_with_its_own_hash_in_an_archives_form(fund: Fund) -> None:
    rows = list(Document.objects.filter(fund=fund))
    assert len(rows) == 6
    for row in rows:
        pdf = bytes(row.pdf)
        assert pdf.startswith(b"%PDF-1.7") and pdf.rstrip().endswith(b"%%EOF")
        assert row.pdf_sha256 == hashlib.sha256(pdf).hexdigest() != row.sha256
        assert len(pdf) < 300_000
        about = streams(pdf)
        assert b"pdfaid:part>2<" in about and b"pdfaid:conformance>A<" in about, "PDF/A-2a"
        assert b"/Lang" in pdf + about and b"/StructTreeRoot" in pdf + about, "it can be read aloud"
    assert len({row.pdf_sha256 for row in rows}) == 6


def test_the_pdf_says_every_word_of_the_html_in_its_order(fund: Fund) -> None:
    for row in Document.objects.filter(fund=fund):
        html = bytes(row.html).decode()
        found = parts(html)
        main = html[html.index("<main>") : html.index("</main>")]
        shown = unescape(re.sub(r"<[^>]+>", "", main))
        ours = " ".join([found["heading"], said(found["facts"]), said(found["blocks"])])
        assert pressed(ours) == pressed(shown)
        assert found["title"]


def test_its_letters_can_be_selected_in_japanese_too(fund: Fund) -> None:
    row = Document.objects.get(fund=fund, kind="contract", language="ja")
    needed = set(pressed(said(parts(bytes(row.html).decode())["blocks"])))
    assert {"契", "約", "円", "戻"} <= needed
    assert needed - letters(bytes(row.pdf)) == set()


def test_the_same_input_gives_the_same_bytes_whenever_it_is_set(fund: Fund) -> None:
    row = Document.objects.get(fund=fund, kind="risk", language="en")
    with translation.override("en"):
        again = documents.render_pdf(bytes(row.html).decode(), language="en", at=row.created_at)
        other = documents.render_pdf(
            bytes(row.html).decode(), language="en", at=datetime(2031, 3, 4, 5, 6, 7, tzinfo=UTC)
        )
    assert again == bytes(row.pdf)
    assert b"D:2031030" in streams(other) + other and other != again


def test_no_text_is_a_command_of_the_typesetter(typeset: None) -> None:
    business = make.make_business(slug="hostile", name_en=HOSTILE, name_ja=HOSTILE, use_line_en=HOSTILE)
    fund = make.make_fund(business=business, name_en=HOSTILE, risks=[{"en": HOSTILE, "ja": HOSTILE}])
    row = Document.objects.get(fund=fund, kind="pre_contract", language="en")
    assert pressed(HOSTILE) in pressed(said(parts(bytes(row.html).decode())["blocks"]))
    assert set("#*$@`\\") <= letters(bytes(row.pdf)), "they are letters like any other"


@pytest.mark.parametrize(
    "broken",
    ["<video>x</video>", "<p>one <a href='/'>two</a></p>", "<dl><dt>a</dt></dl>", "<p>one<section>", "<h4>x</h4>"],
)
def test_a_page_that_is_not_understood_is_refused_rather_than_half_set(broken: str) -> None:
    frame = "<title>T</title><main><header><h1>H</h1><dl><dt>a</dt><dd>b</dd></dl></header>{}</main>"
    assert said(parts(frame.format("<p>fine</p>"))["blocks"]) == "fine"
    with pytest.raises(ValueError):
        parts(frame.format(broken))


def test_what_was_accepted_is_fetched_ten_years_later_byte_for_byte(
    client: Client, fund: Fund, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any
) -> None:
    """The templates have changed, the fonts are gone, the operator has another name."""
    row = Document.objects.get(fund=fund, kind="contract", language="ja")
    kept = {"": bytes(row.html), "pdf/": bytes(row.pdf)}
    hashes = {"": row.sha256, "pdf/": row.pdf_sha256}
    for name in ("investments/documents/contract.html", "investments/documents/_frame.html"):
        changed = tmp_path / name
        changed.parent.mkdir(parents=True, exist_ok=True)
        changed.write_text("another page altogether")
    engine = json.loads(json.dumps(settings.TEMPLATES[0]["OPTIONS"]))
    monkeypatch.setattr(typesetting, "REGULAR", tmp_path / "gone.ttf")
    monkeypatch.setattr(documents, "TEMPLATE", tmp_path / "gone.typ")
    later = {
        "TEMPLATES": [{**settings.TEMPLATES[0], "DIRS": [tmp_path, *settings.TEMPLATES[0]["DIRS"]], "OPTIONS": engine}],
        "OPERATOR": {**settings.OPERATOR, "name_ja": "別の運営者"},
    }
    with override_settings(**later):
        for form, content in kept.items():
            response = client.get(f"/ja/businesses/farm/documents/{row.sha256}/{form}")
            assert response.content == content
            assert hashlib.sha256(response.content).hexdigest() == hashes[form]
            assert response.headers["ETag"] == f'"{hashes[form]}"'


def test_without_its_fonts_no_fund_opens(typeset: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fund = make.make_fund(state="scheduled")
    monkeypatch.setattr(typesetting, "BOLD", tmp_path / "gone.ttf")
    with pytest.raises(FileNotFoundError, match=r"gone\.ttf"), transaction.atomic():
        services.open_fund(fund, at=clock.start_of_day(fund.opens_on))
    fund.refresh_from_db()
    assert fund.state == "scheduled" and not Document.objects.filter(fund=fund).exists()


def test_the_pdf_is_sent_to_be_saved_under_a_telling_name(client: Client, fund: Fund) -> None:
    row = Document.objects.get(fund=fund, kind="pre_contract", language="ja")
    response = client.get(f"/businesses/farm/documents/{row.sha256}/pdf/")
    assert response.headers["Content-Type"] == "application/pdf"
    name = f"farm-pre_contract-ja-{row.sha256[:12]}.pdf"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert response.headers["Content-Language"] == "ja"
    assert "immutable" in response.headers["Cache-Control"]
    assert client.post(f"/businesses/farm/documents/{row.sha256}/pdf/").status_code == 405


@pytest.mark.parametrize("sha256", ["0" * 64, "x", "..%2F..%2Fetc", "%00", "a" * 5_000])
def test_a_made_up_hash_answers_404(client: Client, fund: Fund, sha256: str) -> None:
    assert client.get(f"/businesses/farm/documents/{sha256}/pdf/").status_code == 404


def test_the_pdf_of_another_business_and_of_a_draft_answers_404(client: Client, fund: Fund) -> None:
    row = Document.objects.filter(fund=fund)[0]
    make.make_fund(business=make.make_business(slug="other"))
    assert client.get(f"/businesses/other/documents/{row.sha256}/pdf/").status_code == 404
    fund.business.state = "draft"
    fund.business.save()
    assert client.get(f"/businesses/farm/documents/{row.sha256}/pdf/").status_code == 404


def test_the_terms_page_leads_to_it_with_its_size(client: Client, fund: Fund) -> None:
    row = Document.objects.get(fund=fund, kind="contract", language="en")
    page = re.sub(r"\s+", " ", client.get("/businesses/farm/terms/").content.decode())
    assert f'href="/businesses/farm/documents/{row.sha256}/pdf/"' in page
    assert f"PDF, {-(-len(row.pdf) // 1000)} kB" in page


def test_a_document_from_before_pdfs_is_whole_without_one(client: Client, fund: Fund) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE investments_document SET pdf = NULL, pdf_sha256 = ''")
        cursor.execute("SET LOCAL session_replication_role = origin")
    row = Document.objects.filter(fund=fund)[0]
    assert client.get(f"/businesses/farm/documents/{row.sha256}/").status_code == 200
    assert client.get(f"/businesses/farm/documents/{row.sha256}/pdf/").status_code == 404
    assert "/pdf/" not in client.get("/businesses/farm/terms/").content.decode()
    assert list(checks.documents()) == [] and list(checks.document_sets()) == []


@pytest.mark.parametrize("change", ["pdf = 'x'::bytea", "pdf = NULL, pdf_sha256 = ''", "pdf_sha256 = 'y'"])
def test_the_database_refuses_another_pdf(fund: Fund, change: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE investments_document SET {change} WHERE fund_id = %s", [fund.pk])


def test_the_mail_and_the_order_page_link_the_pdfs(client: Client, fund: Fund) -> None:
    at = timezone.now()
    order = make.make_order(fund=fund, language="ja", at=at)
    payments.start_payment(order, at=at)
    order.refresh_from_db()
    row = {"payer_code": order.payer_code, "amount": order.total, "date": clock.today_in(None, at).isoformat()}
    banking.import_statement(content=csv_file(row, first=order.pk), name="s", actor=None, at=at)
    while outbox.dispatch()["events"]:
        pass
    sent = Notice.objects.get(kind="order_paid")
    client.force_login(order.investor.user)
    page = client.get(f"/ja/orders/{order.reference}/").content.decode()
    for document in Document.objects.filter(fund=fund, language="ja"):
        address = f"/ja/businesses/farm/documents/{document.sha256}/pdf/"
        assert address in sent.text and address in sent.html and address in page
        assert f"PDF, {-(-len(document.pdf) // 1000)} kB" in " ".join(sent.text.split())
