"""The hosted pages as a browser without scripts uses them, in both languages."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest
import stripe

from tests.sandbox_client import SandboxProcess

MakeSession = Callable[..., stripe.checkout.Session]


class Browser:
    """GET and POST without following; keeps the last answer."""

    def __init__(self, sandbox: SandboxProcess) -> None:
        self._port = sandbox.port
        self.status, self.location, self.text, self.headers = 0, "", "", {}

    def get(self, path: str, **headers: str) -> Browser:
        return self._go("GET", path, None, headers)

    def post(self, path: str, **form: str) -> Browser:
        return self._go("POST", path, urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})

    def _go(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Browser:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        self.status, self.headers = response.status, dict(response.headers)
        self.location, self.text = response.headers.get("Location", ""), response.read().decode()
        connection.close()
        return self


@pytest.fixture
def browser(sandbox: SandboxProcess) -> Browser:
    return Browser(sandbox)


class Outline(HTMLParser):
    """What makes a page usable: language, title, one h1, labelled fields, no duplicate ids, balanced tags."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.lang = ""
        self.ids: list[str] = []
        self.fields: list[str | None] = []
        self.labels: set[str] = set()
        self.described: set[str] = set()
        self.h1 = 0
        self.stack: list[str] = []
        self.in_label: list[bool] = []
        self.feed(page)
        assert self.stack == [], f"unclosed: {self.stack}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        assert tag not in ("script", "iframe") and not any(k.startswith("on") or k == "style" for k in found)
        if tag == "html":
            self.lang = found.get("lang") or ""
        if found.get("id"):
            self.ids.append(found["id"] or "")
        if tag in ("input", "select") and found.get("type") not in ("hidden",) and "label" not in self.stack:
            self.fields.append(found.get("id"))
        if tag == "label" and found.get("for"):
            self.labels.add(found["for"] or "")
        for name in ("aria-describedby", "aria-labelledby"):
            self.described.update((found.get(name) or "").split())
        self.h1 += tag == "h1"
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack and self.stack[-1] == tag, f"</{tag}> closes {self.stack[-1:]}"
        self.stack.pop()

    def check(self, lang: str) -> None:
        assert self.lang == lang and self.h1 == 1
        assert len(self.ids) == len(set(self.ids))
        assert set(self.fields) <= self.labels and None not in self.fields
        assert self.described <= set(self.ids)


def path_of(sess: stripe.checkout.Session) -> str:
    assert sess.url is not None
    return "/" + sess.url.split("/", 3)[3]


@pytest.mark.parametrize(
    ("locale", "accept", "lang"),
    [("ja", "en", "ja"), ("en", "ja", "en"), (None, "ja,en;q=0.5", "ja"), ("auto", "de", "en")],
)
def test_the_page_speaks_the_sessions_language_and_is_usable(
    browser: Browser, make_session: MakeSession, locale: str | None, accept: str, lang: str
) -> None:
    path = path_of(make_session(locale=locale, customer_email=None))
    page = browser.get(path, **{"Accept-Language": accept})
    assert page.status == 200
    Outline(page.text).check(lang)
    notice = {"en": "Sandbox: no real money", "ja": "実際のお金は動きません"}[lang]
    assert notice in page.text and {"en": "¥21,000", "ja": "21,000円"}[lang] in page.text
    assert "http://127.0.0.1:8000/orders/1/" in page.text
    assert "script" not in page.headers["Content-Security-Policy"]
    assert browser.get(path + "?lang=ja").text.startswith('<!doctype html>\n<html lang="ja">')


def test_paying_by_card_leads_back_to_the_shop_once(
    browser: Browser, sandbox: SandboxProcess, make_session: MakeSession
) -> None:
    sess = make_session()
    back = f"http://127.0.0.1:8000/orders/1/return?session={sess.id}"
    for _ in range(2):  # a double click sends it twice
        assert browser.post(path_of(sess), how="card").status == 303 and browser.location == back
    assert browser.get(path_of(sess)).location == back
    assert sandbox.control("charges")["by_client_reference_id"]["order-1"]["charges"] == 1


def test_a_declined_card_says_so_and_can_be_tried_again(
    browser: Browser, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    sess = make_session()
    page = browser.post(path_of(sess), how="decline")
    assert page.status == 402 and 'role="alert"' in page.text and "Your card was declined" in page.text
    Outline(page.text).check("en")
    assert browser.post(path_of(sess), how="card").status == 303
    assert client.v1.checkout.sessions.retrieve(sess.id).payment_status == "paid"


def test_a_held_payment_also_leads_back_but_is_not_paid(
    browser: Browser, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    sess = make_session()
    assert browser.post(path_of(sess), how="hold").location.endswith(sess.id)
    found = client.v1.checkout.sessions.retrieve(sess.id, {"expand": ["payment_intent"]})
    assert (found.payment_status, found.payment_intent.status) == ("unpaid", "processing")


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_a_slip_is_printed_and_paid_at_the_counter(
    browser: Browser, client: stripe.StripeClient, make_session: MakeSession, lang: str
) -> None:
    sess = make_session(locale=lang)
    assert browser.post(path_of(sess), how="konbini", name="").status == 422
    assert 'id="konbini-name-error"' in browser.text
    slip = browser.post(path_of(sess), how="konbini", name="Haruka <Ito>").location
    assert re.fullmatch(rf"/konbini/pi_\w+\?lang={lang}", slip)
    assert browser.get(path_of(sess)).location == slip
    page = browser.get(slip)
    Outline(page.text).check(lang)
    assert "Haruka &lt;Ito&gt;" in page.text and {"en": "Lawson", "ja": "ローソン"}[lang] in page.text
    assert client.v1.checkout.sessions.retrieve(sess.id).payment_status == "unpaid"
    for _ in range(2):
        assert browser.post(slip, store="seicomart").status == 303
    assert 'role="status"' in browser.get(slip).text
    charges = client.v1.charges.list({"expand": ["data.payment_intent"]}).data
    assert len(charges) == 1
    assert charges[0].payment_method_details.konbini.store.to_dict() == {"chain": "seicomart"}
    assert charges[0].billing_details.email == "haruka@example.jp"
    assert client.v1.checkout.sessions.retrieve(sess.id).payment_status == "paid"


def test_a_slip_past_its_deadline_cannot_be_paid(
    browser: Browser, sandbox: SandboxProcess, make_session: MakeSession
) -> None:
    slip = browser.post(path_of(make_session()), how="konbini", name="H").location
    sandbox.control("clock", advance_seconds=4 * 86400)
    assert "can no longer be paid" in browser.get(slip).text
    browser.post(slip, store="lawson")
    assert sandbox.control("charges")["charges"] == []


def test_an_expired_session_says_so_and_takes_no_money(
    browser: Browser, sandbox: SandboxProcess, make_session: MakeSession
) -> None:
    sess = make_session()
    sandbox.control("clock", advance_seconds=1900)
    for page in (browser.get(path_of(sess)), browser.post(path_of(sess), how="card")):
        assert page.status == 410 and "This page has expired" in page.text
        assert "http://127.0.0.1:8000/orders/1/" in page.text
        Outline(page.text).check("en")
    assert sandbox.control("charges")["charges"] == []


def test_the_email_is_asked_for_when_the_shop_did_not_say_it(
    browser: Browser, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    sess = make_session(customer_email=None)
    assert browser.post(path_of(sess), how="card", email="nobody").status == 422
    assert 'id="card-email-error"' in browser.text and 'id="konbini-email-error"' not in browser.text
    assert browser.post(path_of(sess), how="card", email="a@b.jp").status == 303
    assert client.v1.checkout.sessions.retrieve(sess.id).customer_details.email == "a@b.jp"


@pytest.mark.parametrize("how", ["", "gift", "konbini"])
def test_a_way_that_is_not_offered_does_nothing(browser: Browser, make_session: MakeSession, how: str) -> None:
    sess = make_session(payment_method_types=["card"], payment_method_options=None)
    assert browser.post(path_of(sess), how=how, name="x").status == 200
    assert 'action="/pay/' in browser.text and "konbini" not in browser.text


def test_what_the_shop_sends_is_shown_as_text(browser: Browser, make_session: MakeSession) -> None:
    price = {"currency": "jpy", "unit_amount": 500, "product_data": {"name": "<script>1</script>", "description": "&"}}
    sess = make_session(
        line_items=[{"price_data": price, "quantity": 1}],
        custom_text={"submit": {"message": "<b>x</b>"}},
        cancel_url='http://127.0.0.1/"><script>',
    )
    Outline(browser.get(path_of(sess)).text)
    assert "&lt;script&gt;1&lt;/script&gt;" in browser.text and "<small>&amp;</small>" in browser.text


def test_another_host_is_reached_by_a_click_unless_told_otherwise(browser: Browser, make_session: MakeSession) -> None:
    sess = make_session(success_url="https://shop.example/ok?s={CHECKOUT_SESSION_ID}")
    page = browser.post(path_of(sess), how="card")
    assert page.status == 200 and f'href="https://shop.example/ok?s={sess.id}"' in page.text
    with SandboxProcess(extra=("--return-ok",)) as open_sandbox:
        client = stripe.StripeClient(open_sandbox.secret_key, base_addresses={"api": open_sandbox.url})
        sess = make_session(using=client, success_url="https://shop.example/ok")
        assert Browser(open_sandbox).post(path_of(sess), how="card").location == "https://shop.example/ok"


@pytest.mark.parametrize(
    "path", ["/pay/cs_test_nothing", "/konbini/pi_nothing", "/pay/", "/pay/a/b", "/nothing", "/v2"]
)
def test_what_is_not_there_is_404(browser: Browser, path: str) -> None:
    page = browser.get(path)
    assert page.status == 404
    Outline(page.text).check("en")
    assert browser.get("/").location == "/bank/"
    assert browser.get("/assets/sandbox.css").headers["Content-Type"].startswith("text/css")
