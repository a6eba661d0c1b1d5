"""Pages that visitors share for seconds: attacked by hosts, cookies, queries and clocks; never a page of one person."""

from __future__ import annotations

import gzip
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.urls import get_resolver, reverse
from django.utils import translation

from investments.models import Fund
from microfund.site import page_cache
from microfund.site.page_cache import SECOND, Kept, PageCache, Store, for_visitors
from tests import make
from tests.copies import counted_queries

#: Every page that takes part. A new one is added here by somebody who has asked what it depends on.
SHARED = {
    *("home", "how_it_works", "risks", "fees", "glossary", "help", "about", "accessibility", "privacy"),
    *("legal_terms", "legal_disclosure", "stories", "businesses:list", "businesses:detail", "businesses:terms"),
    *("businesses:simulator", "businesses:results", "businesses:news", "businesses:supporters", "map"),
}


class Clock:
    """The clock of the store, moved by hand."""

    def __init__(self) -> None:
        self.ns = 1_000 * SECOND

    def __call__(self) -> int:
        return self.ns

    def pass_by(self, seconds: int) -> None:
        self.ns += seconds * SECOND


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(page_cache, "now_ns", moved)
    return moved


@pytest.fixture
def site(settings: Any, clock: Clock, db: None) -> Callable[..., Client]:
    """Browsers of one web process that keeps pages as the site does: `site()` makes another one."""
    settings.VISITOR_PAGE_SECONDS = 9
    handler = Client().handler
    handler.load_middleware()

    def browser(*, user: Any = None, **headers: str) -> Client:
        client = Client(enforce_csrf_checks=True, headers=headers or None)
        client.handler._middleware_chain = handler._middleware_chain
        if user is not None:
            client.force_login(user)
        return client

    return browser


def queries_of(client: Client, path: str, **extra: Any) -> int:
    with counted_queries() as statements:
        assert client.get(path, **extra).status_code == 200
    return len(statements)


def addresses(fund: Fund) -> list[str]:
    """The shared pages in both languages."""
    found = []
    for language in ("en", "ja"):
        with translation.override(language):
            for name in sorted(SHARED):
                found.append(reverse(name, args=[fund.business.slug] if reverse_needs_slug(name) else []))
    return found


def reverse_needs_slug(name: str) -> bool:
    return name.startswith("businesses:") and name != "businesses:list"


# --- what takes part --------------------------------------------------------------------------------


def test_exactly_these_views_take_part() -> None:
    def marked(resolver: Any, space: str = "") -> Iterator[str]:
        for entry in resolver.url_patterns:
            if hasattr(entry, "url_patterns"):
                yield from marked(entry, f"{space}{entry.namespace}:" if entry.namespace else space)
            elif getattr(entry.callback, "for_visitors", False):
                yield space + entry.name

    assert set(marked(get_resolver())) == SHARED


def test_every_page_is_made_once_for_all_visitors_and_alike_to_the_byte(site: Callable[..., Client]) -> None:
    fund = make.make_fund()
    make.make_post(business=fund.business)
    for path in addresses(fund):
        first = site().get(path)
        assert first.status_code == 200 and not first.cookies, path
        with counted_queries() as statements:
            again = site().get(path)
        assert statements == [], path
        assert again.content == first.content and dict(again.headers) == dict(first.headers), path
        assert again["Content-Language"] == ("ja" if path.startswith("/ja/") else "en")
        assert b"csrfmiddlewaretoken" not in again.content


def test_a_hit_carries_the_headers_of_a_page_that_nobody_keeps(site: Callable[..., Client], settings: Any) -> None:
    browser = site(user_agent="x")
    browser.get("/risks/")
    hit = dict(browser.get("/risks/").headers)
    settings.VISITOR_PAGE_SECONDS = 0
    plain = dict(Client().get("/risks/").headers)
    assert hit.pop("ETag") and hit == plain
    for name in ("Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options", "Referrer-Policy"):
        assert hit[name], name
    assert hit["Cache-Control"] == "private, no-cache"


def test_a_page_is_packed_for_who_takes_that_and_says_the_same(site: Callable[..., Client]) -> None:
    plain = site().get("/risks/")
    packed = site(accept_encoding="gzip, br").get("/risks/")
    assert packed["Content-Encoding"] == "gzip" and gzip.decompress(packed.content) == plain.content
    assert int(packed["Content-Length"]) == len(packed.content) < len(plain.content) // 2
    assert packed["ETag"] != plain["ETag"] and "Accept-Encoding" in packed["Vary"]
    again = site(accept_encoding="gzip").get("/risks/", headers={"if-none-match": packed["ETag"]})
    assert again.status_code == 304 and not again.content
    person = site(user=make.make_user(), accept_encoding="gzip").get("/risks/")
    assert not person.has_header("Content-Encoding"), "the length of a person's page could tell something"


# --- how old a figure may be --------------------------------------------------------------------------


def test_a_page_is_renewed_by_one_and_gone_before_its_tenth_second(site: Callable[..., Client], clock: Clock) -> None:
    fund = make.make_fund()
    path = reverse("businesses:detail", args=[fund.business.slug])
    assert queries_of(site(), path)
    clock.pass_by(5)
    assert queries_of(site(), path) == 0
    clock.pass_by(3)
    assert queries_of(site(), path), "nobody renews the page"
    assert queries_of(site(), path) == 0
    clock.pass_by(9)
    assert queries_of(site(), path), "a page is shown that began nine seconds ago"


def test_the_age_counts_from_before_the_first_query(clock: Clock, settings: Any) -> None:
    settings.VISITOR_PAGE_SECONDS = 9
    made = []

    @for_visitors
    def slow(request: HttpRequest) -> HttpResponse:
        made.append(1)
        clock.pass_by(8)
        return HttpResponse("a figure of the beginning")

    answer = stack(slow)
    answer(get("/"))
    clock.pass_by(1)
    answer(get("/"))
    assert len(made) == 2


def test_an_order_changes_the_buyers_page_at_once_and_everybodys_within_ten_seconds(
    site: Callable[..., Client], clock: Clock
) -> None:
    fund = make.make_fund()
    path = reverse("businesses:detail", args=[fund.business.slug])
    investor = make.make_investor()
    visitor, buyer = site(), site(user=investor.user)

    def left(client: Client) -> str:
        text = re.sub(r"<[^>]+>", " ", client.get(path).content.decode())
        found = re.search(r"units left\s+([\d,]+)", text)
        assert found
        return found[1]

    before = left(visitor)
    assert left(buyer) == before
    make.make_order(fund=fund, investor=investor, units=3)
    assert int(left(buyer).replace(",", "")) == int(before.replace(",", "")) - 3
    assert left(visitor) == before, "the visitor's page was not kept, so this shows nothing"
    clock.pass_by(9)
    assert left(visitor) == left(buyer)


# --- whose page it is -----------------------------------------------------------------------------------


def test_a_persons_page_is_never_kept_and_a_kept_page_never_shown_to_a_person(site: Callable[..., Client]) -> None:
    fund = make.make_fund()
    person = site(user=make.make_user(email="somebody@example.com"))
    for path in addresses(fund):
        own = person.get(path)
        assert b"Sign out" in own.content or "ログアウト".encode() in own.content
        assert own["Cache-Control"] == "private, no-cache" and "ETag" not in own
        visitors = site().get(path)
        assert b"/accounts/logout/" not in visitors.content, path
        assert b"/accounts/logout/" in person.get(path).content, path


@pytest.mark.parametrize("name", ["me", "holdings", "admin:index", "account_login", "contact", "order"])
def test_what_is_not_declared_is_never_kept(site: Callable[..., Client], name: str) -> None:
    path = reverse(name, args=["T-1"] if name == "order" else [])
    store = store_of(site())
    for _time in range(2):
        site().get(path)
        site(user=make.make_user()).get(path)
    assert len(store) == 0


@pytest.mark.parametrize("cookie", ["sessionid", "messages"])
def test_a_session_or_a_message_leads_past_the_store(site: Callable[..., Client], cookie: str) -> None:
    site().get("/risks/")
    browser = site()
    browser.cookies[cookie] = "made-up"
    assert "ETag" not in browser.get("/risks/")
    assert "ETag" not in site(authorization="Basic eDp5").get("/risks/")
    assert "ETag" in site().get("/risks/")


@pytest.mark.parametrize(
    ("cookie", "value"),
    [
        ("csrftoken", "a" * 32),
        ("django_language", "ja"),
        ("anything", '"><script>alert(1)</script>'),
        ("theme", 'dark"><script>alert(1)</script>'),
    ],
)
def test_no_cookie_can_write_into_a_page_that_others_are_shown(
    site: Callable[..., Client], cookie: str, value: str
) -> None:
    hostile = site(accept_language="ja", x_requested_with="XMLHttpRequest")
    hostile.cookies[cookie] = value
    poisoned = hostile.get("/risks/")
    assert b"alert(1)" not in poisoned.content and not poisoned.cookies
    assert poisoned["Content-Language"] == "en"
    page = site().get("/risks/")
    assert page.content == poisoned.content and b'<html lang="en">' in page.content


def test_each_theme_has_a_page_of_its_own(site: Callable[..., Client]) -> None:
    dark = site()
    dark.cookies["theme"] = "dark"
    for _time in range(2):
        assert b'data-theme="dark"' in dark.get("/risks/").content
        assert b"data-theme=" not in site().get("/risks/").content.split(b">", 2)[1]


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "other.example"},
        {"x_forwarded_host": "evil.example"},
        {"x_forwarded_proto": "https"},
        {"x_forwarded_port": "444"},
        {"x_forwarded_prefix": "/evil"},
        {"x_original_url": "/evil/"},
        {"x_rewrite_url": "/evil/"},
        {"forwarded": "host=evil.example"},
    ],
)
def test_no_header_of_one_reaches_the_page_of_another(site: Callable[..., Client], headers: dict[str, str]) -> None:
    site(**headers).get("/risks/")
    page = site().get("/risks/").content
    assert b'<link rel="canonical" href="http://testserver/risks/">' in page
    assert b"evil" not in page and b"other.example" not in page


def test_a_host_that_is_not_ours_is_refused_though_the_page_is_kept(site: Callable[..., Client], settings: Any) -> None:
    assert site().get("/risks/").status_code == 200
    settings.ALLOWED_HOSTS = ["testserver"]
    assert site().get("/risks/").status_code == 200
    for wrong in (
        "evil.example",
        "testserver.evil.example",
        "testserver@evil.example",
        'testserver"><x',
        "testserver:x",
    ):
        assert site(host=wrong).get("/risks/").status_code == 400, wrong


def test_https_and_http_are_two_pages_and_one_leads_to_the_other(site: Callable[..., Client], settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 3600
    settings.VISITOR_PAGE_SECONDS = 9
    browser = Client()
    for _time in range(2):
        secure = browser.get("/risks/", secure=True)
        assert secure.status_code == 200 and secure["Strict-Transport-Security"]
        assert b'href="https://testserver/risks/"' in secure.content
        assert browser.get("/risks/").status_code == 301


def test_a_query_is_part_of_the_page_whatever_its_order(site: Callable[..., Client]) -> None:
    fund = make.make_fund()
    slug = fund.business.slug
    paths = [
        "/businesses/?q=oyster&sort=newest",
        "/businesses/?sort=newest&q=oyster",
        "/businesses/?q=nothing&q=oyster",
        "/businesses/?q=oyster&q=nothing",
        f"/businesses/{slug}/simulator/?units=2",
        f"/businesses/{slug}/simulator/?units=3",
        "/businesses/?q=%3Cscript%3E",
    ]
    first = [site().get(path).content for path in paths]
    assert len(set(first)) == len(paths)
    assert [site().get(path).content for path in paths] == first
    assert b"<script>" not in first[-1].replace(b'<script type="module"', b"").replace(b"<script src", b"")


# --- what is not kept -----------------------------------------------------------------------------------


def test_answers_other_than_a_page_are_not_kept(site: Callable[..., Client]) -> None:
    store = store_of(site())
    for path, status in (
        ("/businesses/?page=99", 404),
        ("/businesses/nobody/", 404),
        ("/nowhere/", 404),
        ("/risks", 301),
        ("/me/", 302),
        ("/businesses/?q=" + "x" * page_cache.LONGEST_QUERY, 200),
        ("/feeds/news.atom", 200),
        ("/robots.txt", 200),
    ):
        assert site().get(path).status_code == status
        assert len(store) == 0, path


def test_a_page_that_failed_is_made_again(settings: Any, clock: Clock) -> None:
    settings.VISITOR_PAGE_SECONDS = 9
    answers = [RuntimeError("the database is away"), HttpResponse("gone", status=410), HttpResponse("here")]

    @for_visitors
    def view(request: HttpRequest) -> HttpResponse:
        said = answers.pop(0)
        if isinstance(said, Exception):
            raise said
        return said

    answer = stack(view)
    with pytest.raises(RuntimeError):
        answer(get("/"))
    assert answer(get("/")).status_code == 410
    assert [answer(get("/")).content for _time in range(3)] == [b"here"] * 3


def cookie_set(request: HttpRequest) -> HttpResponse:
    response = HttpResponse("x")
    response.set_cookie("a", "b")
    return response


def says_private(request: HttpRequest) -> HttpResponse:
    return HttpResponse("x", headers={"Cache-Control": "private, no-store"})


def says_public(request: HttpRequest) -> HttpResponse:
    return HttpResponse("x", headers={"Cache-Control": "public, max-age=9"})


def varies(request: HttpRequest) -> HttpResponse:
    return HttpResponse("x", headers={"Vary": "Cookie, User-Agent"})


def streams(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([b"x"]))


def redirects(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect("/")


def with_a_token(request: HttpRequest) -> HttpResponse:
    return HttpResponse('<input name="csrfmiddlewaretoken" value="x">')


def too_large(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"x" * (page_cache.LARGEST_PAGE + 1))


def other_language(request: HttpRequest) -> HttpResponse:
    return HttpResponse("x", headers={"Content-Language": "ja"})


def compressed(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"x", headers={"Content-Encoding": "gzip"})


def with_a_message(request: HttpRequest) -> HttpResponse:
    request._messages = CookieStorage(request)  # type: ignore[attr-defined]
    messages.success(request, "only for you")
    return HttpResponse(" ".join(str(message) for message in messages.get_messages(request)))


@pytest.mark.parametrize(
    "view",
    [
        cookie_set,
        says_private,
        says_public,
        varies,
        streams,
        redirects,
        with_a_token,
        too_large,
        other_language,
        compressed,
        with_a_message,
    ],
)
def test_what_a_declared_view_must_not_share_is_not_kept(view: Any, settings: Any) -> None:
    settings.VISITOR_PAGE_SECONDS = 9
    made = []

    def counted(request: HttpRequest) -> Any:
        made.append(1)
        return view(request)

    answer = stack(for_visitors(counted))
    for _time in range(2):
        answer(get("/"))
    assert len(made) == 2 and len(answer.store) == 0


def test_the_same_view_without_these_faults_is_kept(settings: Any) -> None:
    """The control of the test above: what it tries is refused for its fault and for nothing else."""
    settings.VISITOR_PAGE_SECONDS = 9
    made = []

    @for_visitors
    def sound(request: HttpRequest) -> HttpResponse:
        made.append(dict(request.COOKIES))
        return HttpResponse("x")

    answer = stack(sound)
    for _time in range(2):
        request = get("/")
        request.COOKIES.update(theme="dark", csrftoken="y", other="z")
        request.META["HTTP_COOKIE"] = "theme=dark; csrftoken=y; other=z"
        answer(request)
    assert made == [{"theme": "dark"}] and len(answer.store) == 1


def test_a_message_is_shown_to_its_reader_alone(site: Callable[..., Client]) -> None:
    """A visitor who has just stopped a mail or sent a form brings their message in a cookie."""
    storage = CookieStorage(get("/"))
    storage.add(messages.SUCCESS, "Only you have done this.")
    answer = HttpResponse()
    storage.update(answer)
    reader = site()
    reader.cookies["messages"] = answer.cookies["messages"].value
    assert b"Only you have done this." in reader.get("/risks/").content
    assert b"Only you have done this." not in site().get("/risks/").content


# --- methods, browsers' copies, memory, crowds --------------------------------------------------------------


def test_head_and_a_browsers_copy_cost_no_query_and_post_is_refused(site: Callable[..., Client]) -> None:
    browser = site()
    assert browser.head("/businesses/").status_code == 200
    page = browser.get("/businesses/")
    with counted_queries() as statements:
        head = browser.head("/businesses/")
        same = browser.get("/businesses/", headers={"if-none-match": page["ETag"]})
        other = browser.get("/businesses/", headers={"if-none-match": '"something-else"'})
    assert statements == []
    assert head.status_code == 200 and head.content == b"" and head["Content-Length"] == str(len(page.content))
    assert same.status_code == 304 and same.content == b"" and same["Cache-Control"] == "private, no-cache"
    assert other.status_code == 200 and other.content == page.content
    assert browser.post("/businesses/").status_code in (403, 405)


def test_the_store_holds_so_many_bytes_and_drops_what_nobody_asked_for(clock: Clock) -> None:
    store = Store(9, most_bytes=10 * (page_cache.ROW_BYTES + 1_100))
    for number in range(100):
        store.keep(key(number), Kept(b"x" * 1_000, {}, clock()))
        store.find(key(0))
    assert 5 <= len(store) <= 10 and store.bytes <= store.most_bytes
    assert store.find(key(0)) is not None and store.find(key(1)) is None and store.find(key(99)) is not None
    clock.pass_by(9)
    assert all(store.find(key(number)) is None for number in range(100))
    assert store.bytes == 0 and len(store) == 0


def test_a_crowd_makes_one_page(settings: Any) -> None:
    settings.VISITOR_PAGE_SECONDS = 9
    made, asked, ready = [], threading.Barrier(9), threading.Event()

    @for_visitors
    def view(request: HttpRequest) -> HttpResponse:
        made.append(1)
        assert ready.wait(20)
        return HttpResponse("one page")

    answer, said = stack(view), []

    def ask() -> None:
        asked.wait(20)
        said.append(answer(get("/")).content)

    crowd = [threading.Thread(target=ask) for _number in range(8)]
    for thread in crowd:
        thread.start()
    asked.wait(20)
    ready.set()
    for thread in crowd:
        thread.join(20)
    assert made == [1] and said == [b"one page"] * 8


def test_a_crowd_is_not_held_up_by_a_page_that_fails(settings: Any) -> None:
    settings.VISITOR_PAGE_SECONDS = 9

    @for_visitors
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("busy", status=503)

    answer = stack(view)
    assert [answer(get("/")).status_code for _time in range(3)] == [503] * 3
    assert answer.store.wait(("http", "testserver", "", "/", "", "")), "the turn of a page was never given back"


def test_nothing_is_kept_when_it_is_switched_off(settings: Any) -> None:
    settings.VISITOR_PAGE_SECONDS = 0
    made = []

    @for_visitors
    def view(request: HttpRequest) -> HttpResponse:
        made.append(1)
        return HttpResponse("x")

    answer = stack(view)
    for _time in range(2):
        assert answer(get("/"))["Cache-Control"] == "private, no-cache"
    assert len(made) == 2


def test_no_cache_of_others_may_keep_an_answer_to_a_person(site: Callable[..., Client]) -> None:
    fund = make.make_fund()
    person = site(user=make.make_user())
    for path in ("/", "/me/", "/feeds/news.atom", f"/businesses/{fund.business.slug}/results.csv"):
        said = person.get(path)
        assert said.status_code == 200 and "private" in said["Cache-Control"], path


def key(number: int) -> page_cache.Key:
    return ("http", "testserver", "", f"/{number:03}/", "", "")


def store_of(client: Client) -> Store:
    """The store of the process that answers this browser."""
    chain: Any = client.handler._middleware_chain
    while not isinstance(chain, PageCache):
        chain = getattr(chain, "__wrapped__", None) or chain.args[0]
    return chain.store


def get(path: str) -> HttpRequest:
    return RequestFactory().get(path)


def stack(view: Callable[..., Any]) -> PageCache:
    """The cache around one view, and what the middleware between them adds."""

    def inner(request: HttpRequest) -> Any:
        request.user = AnonymousUser()
        response = view(request)
        response.headers.setdefault("Content-Language", "en")
        return response

    return PageCache(inner)
