"""The Japanese site speaks Japanese: no English sentence of ours, and none of a library's, on the pages under /ja/.

What stands in an element marked as another language is data in that language and counts as nothing here.
"""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import allauth
import polib
import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from investments.investors import calendar, identity
from investments.models import Fund, Holding, Order, Refund
from investments.orders import services as orders
from investments.payments import services, settle
from microfund.kernel.notices import services as notices
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox import services as outbox
from microfund.site.allauth_words import TEXTS
from tests import make
from tests.flows.walk import Walker
from tests.sandbox_client import SandboxProcess

pytestmark = pytest.mark.django_db

CATALOGUE = settings.BASE_DIR / "locale" / "ja" / "LC_MESSAGES" / "django.po"
LETTERS = 12
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}|\n")
_WORDS = re.compile(r"[A-Za-z][a-z'’]*(?:,? [a-z][a-z'’]*){2,}")
#: Attributes that a reader sees or hears.
_TOLD = ("alt", "aria-label", "placeholder", "title")
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_UNREAD = {"script", "style", "code", "pre"}


class _Reader(HTMLParser):
    """Collects what a reader of Japanese is shown or told, element texts in the order of the page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.heard: list[str] = []
        self._open: list[tuple[str, bool]] = []

    @property
    def _silent(self) -> bool:
        return bool(self._open) and self._open[-1][1]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        foreign = (values.get("lang") or "ja") != "ja"
        silent = self._silent or foreign or tag in _UNREAD
        if not silent:
            self.heard += [f" {values[name]} " for name in _TOLD if values.get(name)]
            if tag == "meta" and values.get("name") == "description":
                self.heard.append(f" {values.get('content')} ")
        if tag not in _VOID:
            self._open.append((tag, silent))

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            if self._open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.heard.append(data)


def read(html: str) -> str:
    """The page as its reader has it: one line, single spaces."""
    reader = _Reader()
    reader.feed(html)
    return " ".join("".join(reader.heard).split())


def ours() -> set[str]:
    """What the catalogue says in English, cut at its placeholders: every piece of more than `LETTERS` letters."""
    found: set[str] = set()
    for entry in polib.pofile(str(CATALOGUE)):
        japanese = [entry.msgstr, *entry.msgstr_plural.values()]
        for source in filter(None, (entry.msgid, entry.msgid_plural)):
            for piece in _PLACEHOLDER.split(source.replace("%%", "%")):
                words = " ".join(piece.split())
                letters = sum(letter.isalpha() for letter in words)
                if letters > LETTERS and not any(words in text for text in japanese):
                    found.add(words)
    return found


def english(text: str, sources: set[str]) -> list[str]:
    """English on a Japanese page: sentences of the catalogue, and any run of three words of whatever origin."""
    return sorted({source for source in sources if source in text} | set(_WORDS.findall(text)))


@pytest.fixture(scope="module")
def sources() -> set[str]:
    return ours()


@pytest.fixture(autouse=True)
def japanese() -> Any:
    """Japanese addresses, and counters that no other test has left behind."""
    cache.clear()
    with translation.override("ja"):
        yield


def found_on(client: Client, address: str, sources: set[str], *, status: int = 200) -> dict[str, list[str]]:
    """The address with the English that stands there, or nothing."""
    with translation.override("ja"):
        answer = client.get(address)
    assert answer.status_code == status, (address, answer.status_code)
    html = answer.content.decode()
    assert '<html lang="ja"' in html, address
    text = read(html)
    assert re.search(r"[ぁ-ん]", text), f"{address} says nothing in Japanese"
    left = english(text, sources)
    return {address: left} if left else {}


# --- What this file looks with ------------------------------------------------------------------------------------


def test_english_is_found_wherever_a_reader_meets_it(sources: set[str]) -> None:
    sentence = "The business is not published."
    assert sentence in sources and len(sources) > 700
    for html in (
        f"<p>日本語。{sentence}</p>",
        '<html lang="ja"><p>The <strong>business</strong>\n is not published.</p></html>',
        f'<img alt="{sentence}">',
        f'<a aria-label="{sentence}">前へ</a>',
        f'<meta name="description" content="{sentence}">',
        f'<br><span lang="en">Data</span><p>{sentence}</p>',
        "<p>Nobody has marked this one</p>",
    ):
        assert english(read(html), sources), html


def test_data_in_its_own_language_is_no_fault(sources: set[str]) -> None:
    html = '<p><span lang="en">The business is <b>not</b> published.</span> 牡蠣 <code>one two three</code></p>'
    assert read(html) == "牡蠣" and english(read(html), sources) == []


def test_our_words_stand_before_those_of_allauth() -> None:
    theirs = {e.msgid for e in polib.pofile(str(Path(allauth.__file__).parent / "locale/ja/LC_MESSAGES/django.po"))}
    assert set(TEXTS) <= theirs, "allauth no longer says this: drop it from allauth_words"
    chosen = {entry.msgid: entry.msgstr for entry in polib.pofile(str(CATALOGUE))}
    for text in TEXTS:
        assert translation.gettext(text) == chosen[text]


# --- The pages ----------------------------------------------------------------------------------------------------


def test_a_visitor_reads_no_english(client: Client, sources: set[str]) -> None:
    make.make_fund(business=make.make_business(slug="hinode"), period_cap=[500] * 10, grace_periods=1)
    make.make_fund(state="scheduled", business=make.make_business(slug="later"))
    make.make_business(slug="fundless")
    left: dict[str, list[str]] = {}
    for address in (
        "/ja/",
        "/ja/businesses/",
        "/ja/businesses/?q=nothing&trade=oyster",
        "/ja/businesses/?stage=nonsense",
        "/ja/businesses/hinode/",
        "/ja/businesses/hinode/terms/",
        "/ja/businesses/hinode/simulator/",
        "/ja/businesses/hinode/simulator/?sales_pct=60&units=3",
        "/ja/businesses/hinode/simulator/?sales_pct=abc&units=0",
        "/ja/businesses/later/",
        "/ja/businesses/fundless/",
        "/ja/how-it-works/",
        "/ja/risks/",
        "/ja/fees/",
        "/ja/glossary/",
        reverse("account_login"),
        reverse("account_signup"),
        reverse("account_reset_password"),
        reverse("account_reset_password_done"),
    ):
        left |= found_on(client, address, sources)
    left |= found_on(client, "/ja/no-such-page/", sources, status=404)
    left |= found_on(client, "/ja/businesses/?page=99", sources, status=404)
    assert left == {}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("account_login", {"login": "", "password": ""}),
        ("account_login", {"login": "nobody@example.com", "password": "wrong"}),
        ("account_signup", {"email": "no address", "password1": "short", "password2": "other"}),
        ("account_reset_password", {"email": "no address"}),
    ],
)
def test_errors_of_the_account_pages_are_japanese(
    client: Client, sources: set[str], name: str, data: dict[str, str]
) -> None:
    html = client.post(reverse(name), data).content.decode()
    assert "error-summary" in html
    assert english(read(html), sources) == []


def test_the_documents_are_japanese(client: Client, sources: set[str]) -> None:
    fund = make.make_fund(units_minimum=100, grace_periods=1, revenue_floor=1_000_000, period_cap=[500] * 10)
    walk = Walker(fund, client, language="ja")
    walk.log_in()
    walk.choose()
    assert len(walk.documents()) == 3
    for document in walk.documents():
        address = reverse("businesses:document", args=[fund.business.slug, document.sha256])
        html = client.get(address).content.decode()
        assert english(read(html), sources) == [], document.kind


def test_who_applies_reads_no_english(client: Client, sources: set[str]) -> None:
    fund = make.make_fund(units_minimum=100)
    walk = Walker(fund, client, language="ja")
    walk.log_in()
    left = found_on(client, reverse("me"), sources)
    left |= found_on(client, walk.url("units"), sources)
    wrong = [walk.choose("many"), walk.choose(99)]
    assert walk.choose(3).status_code == 302
    left |= found_on(client, walk.url("you"), sources)
    wrong.append(walk.post("you", {"kind": "person", "phone": "1", "postal_code": "x", "birth_date": "2999-01-01"}))
    wrong.append(walk.post("you", {"kind": "company", "corporate_number": "1234567890123"}))
    assert walk.profile().status_code == 302
    left |= found_on(client, walk.url("documents"), sources)
    wrong.append(walk.post("documents", {}))
    walk.open_documents()
    answers = {name: "true" for name in walk.understanding() if name.startswith("question_")}
    wrong.append(walk.post("documents", walk.understanding(**answers)))
    assert walk.post("documents", walk.understanding()).status_code == 302
    left |= found_on(client, walk.url("supporter"), sources)
    assert walk.post("supporter", {}).status_code == 302
    left |= found_on(client, walk.url("check"), sources)
    wrong.append(walk.post("check", {**walk.last_form(), "method": "gold"}))
    for answer in wrong:
        assert answer.status_code == 422
        html = answer.content.decode()
        assert "error-summary" in html
        text = english(read(html), sources)
        left |= {f"errors of {answer.request['PATH_INFO']}": text} if text else {}
    walk.post("check", walk.last_form())
    order = walk.order()
    assert order.language == "ja"
    for address in (
        walk.order_url(order),
        walk.url("transfer", order.reference),
        walk.url("cancel", order.reference),
        walk.url("you"),
        reverse("me"),
        reverse("holdings"),
        reverse("orders"),
        reverse("calendar"),
        reverse("account_email"),
        reverse("account_change_password"),
        reverse("usersessions_list"),
    ):
        left |= found_on(client, address, sources)
    assert left == {}


def test_the_pages_about_oneself_read_no_english(client: Client, sources: set[str]) -> None:
    investor = make.make_investor(verified=False, user=make.make_user(language="ja"))
    now = timezone.now()
    TOTP.activate(investor.user, "JBSWY3DPEHPK3PXPGGGGGGGGGGGGGGGG")
    assert client.login(email=investor.user.email, password=make.PASSWORD)
    client.post(reverse("account_reauthenticate"), {"password": make.PASSWORD})
    places = reverse("investments:bank_account", args=["9900", "818"])
    left: dict[str, list[str]] = {}
    pages = [reverse(name) for name in ("investments:bank", "investments:identity", "notifications", "privacy_mine")]
    pages += [reverse("investments:bank_choose") + "?q=nothing", reverse("investments:branch_choose", args=["0001"])]
    pages += [places, reverse("export_mine"), reverse("close_account")]
    for address in pages:
        left |= found_on(client, address, sources)
    wrong = [client.post(places, {"number": "1", "holder": "x", "kind": "7"}), client.post(pages[1], {"kind": "7"})]
    wrong += [client.post(places, {"number": "1234567", "holder": "モリ", "kind": "1"})]
    wrong += [client.post(reverse("close_account"), {})]
    for answer in wrong:
        assert answer.status_code == 422
        text = english(read(answer.content.decode()), sources)
        left |= {f"errors of {answer.request['PATH_INFO']}": text} if text else {}
    client.post(places, {"number": "1234567", "holder": investor.name_kana, "kind": "1"})
    make.make_order(investor=investor)
    identity.reject_identity(investor, actor=make.make_user(is_staff=True), at=now, reason="r", cause="expired")
    for address in (*pages[:2], reverse("close_account"), reverse("me")):
        left |= found_on(client, address, sources)
    outbox.dispatch()
    for notice in Notice.objects.all():
        text = english(f"{notice.subject} {notice.text}", sources)
        left |= {notice.kind: text} if text else {}
    assert Notice.objects.count() == 2 and left == {}


def browser_of(order: Order) -> Client:
    client = Client()
    assert client.login(email=order.investor.user.email, password=make.PASSWORD)
    return client


def test_an_order_in_every_state_and_its_holding_read_no_english(sandbox: SandboxProcess, sources: set[str]) -> None:
    fund = make.make_fund()
    left: dict[str, list[str]] = {}

    def paid(**values: Any) -> Order:
        order = make.make_order(fund=fund, method="card", language="ja", **values)
        attempt = services.start_payment(order, at=timezone.now())
        sandbox.control("pay", session=attempt.session_id, how="card")
        settle.settle(attempt.pk, at=timezone.now())
        order.refresh_from_db()
        assert order.state == "paid"
        return order

    held, cancelled, unverified = paid(units=2), paid(), paid(investor=make.make_investor(verified=False))
    services.cancel_order(cancelled, at=timezone.now(), actor=cancelled.investor.user)
    over = held.cooling_off_ends_at
    assert over is not None
    orders.confirm_due(on=over.date(), at=over)
    late = make.make_order(fund=fund, method="card", language="ja", at=timezone.now() - timedelta(hours=1))
    waiting = make.make_order(fund=fund, method="card", language="ja")
    for order, state in (
        (held, "confirmed"),
        (cancelled, "cancelled"),
        (unverified, "paid"),
        (late, "reserved"),
        (waiting, "reserved"),
    ):
        order.refresh_from_db()
        assert order.state == state
        client = browser_of(order)
        left |= found_on(client, reverse("order", args=[order.reference]), sources)
        left |= found_on(client, reverse("investments:cancel", args=[order.reference]), sources)
    holding = Holding.objects.get()
    for name in ("holding", "holding_sheet"):
        left |= found_on(browser_of(held), reverse(name, args=[holding.reference]), sources)
    calendar.make_address(held.investor.user, at=timezone.now())
    for name in ("me", "holdings", "orders", "calendar"):
        left |= found_on(browser_of(held), reverse(name), sources)
    assert left == {}


def test_the_mails_about_an_order_are_japanese(sandbox: SandboxProcess, sources: set[str]) -> None:
    fund = make.make_fund(units_minimum=1)
    awaited = make.make_order(fund=fund, method="bank_transfer", language="ja")
    services.start_payment(awaited, at=timezone.now())
    order = make.make_order(fund=fund, method="card", language="ja", investor=make.make_investor(verified=False))
    attempt = services.start_payment(order, at=timezone.now())
    sandbox.control("pay", session=attempt.session_id, how="card")
    settle.settle(attempt.pk, at=timezone.now())
    order.refresh_from_db()
    services.cancel_order(order, at=timezone.now(), actor=order.investor.user)
    outbox.dispatch()
    notices.send_due()
    assert len(mail.outbox) >= 3
    for sent in mail.outbox:
        assert isinstance(sent, mail.EmailMultiAlternatives)
        parts = [sent.subject, str(sent.body), *(read(str(html)) for html, _kind in sent.alternatives)]
        assert len(parts) == 3
        for part in parts:
            assert re.search(r"[ぁ-ん]", part), part
            assert english(" ".join(part.split()), sources) == [], sent.subject


def test_no_column_of_the_console_keeps_its_python_name() -> None:
    with translation.override("ja"):
        for model in (Order, Fund, Refund):
            for field in model._meta.concrete_fields:
                words = str(field.verbose_name)
                assert field.name == "id" or not words.isascii(), f"{model.__name__}.{field.name}: {words}"
    # What migrations compare is untouched.
    assert "verbose_name" not in Order._meta.get_field("investor").deconstruct()[3]
