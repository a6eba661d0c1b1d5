"""The frame of every page: language, theme, navigation, error pages, and the pages of logging in."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.db import OperationalError
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import translation

from microfund.site.errors import server_error
from microfund.site.preferences import chosen_theme


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """A request leaves its language behind in the thread, and addresses follow the language."""
    with translation.override("en"):
        yield


@pytest.fixture
def guide(client: Client, db: None) -> Any:
    return client.get(reverse("styleguide"))


def switch_of(html: str) -> tuple[str, str]:
    """The language that the switch at the head of a page leads to, and the address."""
    found = re.search(r'<a class="link-button"\s+href="([^"]+)"\s+lang="(\w+)"', html)
    assert found
    return found[2], unescape(found[1])


def test_the_style_guide_shows_every_element_under_the_strict_policy(guide: Any) -> None:
    html = guide.content.decode()
    assert guide.status_code == 200
    for mark in ("button", "field", "error-summary", "badge", "bar", "split", "steps", "empty", "pagination", "facts"):
        assert f'class="{mark}' in html or f" {mark}" in html, mark
    policy = guide.headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy
    assert len(re.findall(r"<h1\b", html)) == 1
    identifiers = re.findall(r'\sid="([^"]+)"', html)
    assert len(identifiers) == len(set(identifiers)), "an id stands twice on the page"


def test_a_page_with_errors_says_so_in_its_title(client: Client, db: None) -> None:
    clean = client.get(reverse("account_login")).content.decode()
    wrong = client.post(reverse("account_login"), {"login": "", "password": ""}).content.decode()
    assert "<title>Error:" not in clean
    assert "<title>Error:" in wrong
    assert 'class="error-summary"' in wrong and 'href="#id_login"' in wrong


@pytest.mark.parametrize(("path", "language", "other"), [("/styleguide/", "en", "ja"), ("/ja/styleguide/", "ja", "en")])
def test_a_page_names_its_language_and_its_twin(client: Client, db: None, path: str, language: str, other: str) -> None:
    html = client.get(path).content.decode()
    assert f'<html lang="{language}"' in html
    assert '<link rel="alternate" hreflang="en" href="http://testserver/styleguide/">' in html
    assert '<link rel="alternate" hreflang="ja" href="http://testserver/ja/styleguide/">' in html
    assert f'<link rel="canonical" href="http://testserver{path}">' in html
    assert switch_of(html)[0] == other


@pytest.mark.parametrize(
    ("path", "twin"),
    [
        ("/styleguide/?page=4", "/ja/styleguide/?page=4"),
        ("/ja/styleguide/?page=4", "/styleguide/?page=4"),
        ("/ja/", "/"),
        ("/ja/no-such-page/", "/"),
        ("/no-such-page/", "/ja/"),
    ],
)
def test_the_switch_on_a_page_leads_to_its_twin_and_back(client: Client, db: None, path: str, twin: str) -> None:
    language, address = switch_of(client.get(path).content.decode())
    assert address == twin
    assert f'<html lang="{language}"' in client.get(address).content.decode()


def test_the_theme_is_kept_by_the_server_and_written_into_the_page(client: Client, db: None) -> None:
    assert "data-theme" not in client.get("/styleguide/").content.decode().split(">", 2)[1]
    answer = client.post(reverse("set_theme"), {"theme": "dark", "next": "/styleguide/?page=4"})
    assert answer.headers["Location"] == "/styleguide/?page=4"
    assert '<html lang="en" data-theme="dark">' in client.get("/styleguide/").content.decode()
    client.post(reverse("set_theme"), {"theme": "system", "next": "/styleguide/"})
    assert '<html lang="en">' in client.get("/styleguide/").content.decode()


@pytest.mark.parametrize("theme", ["", "DARK", 'dark"><script>', "system"])
def test_a_made_up_theme_is_no_theme(theme: str) -> None:
    request = RequestFactory().get("/")
    request.COOKIES["theme"] = theme
    assert chosen_theme(request) == ""


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_the_theme_switch_sends_nobody_away(client: Client, db: None, next_page: str) -> None:
    answer = client.post(reverse("set_theme"), {"theme": "dark", "next": next_page})
    assert answer.headers["Location"] == "/"


def test_the_theme_is_not_changed_by_a_link_but_by_the_button_behind_it(db: None) -> None:
    browser = Client(enforce_csrf_checks=True)
    page = browser.get(reverse("set_theme"), {"theme": "dark", "next": "/risks/"})
    html = page.content.decode()
    assert page.status_code == 200 and "theme" not in page.cookies and "no-store" in page["Cache-Control"]
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', html)
    assert token and '<input type="hidden" name="next" value="/risks/">' in html
    fields = {"theme": "dark", "next": "/risks/", "csrfmiddlewaretoken": token[1]}
    answer = browser.post(reverse("set_theme"), fields)
    assert answer.headers["Location"] == "/risks/" and answer.cookies["theme"].value == "dark"


def test_the_frame_asks_a_visitor_for_no_token(client: Client, db: None) -> None:
    """The page is the same for every visitor, and opening it leaves no cookie."""
    page = client.get("/styleguide/")
    assert "csrfmiddlewaretoken" not in page.content.decode() and not page.cookies


def test_every_link_of_the_frame_leads_somewhere(guide: Any, client: Client) -> None:
    html = guide.content.decode()
    frame = html[: html.index("<main")] + html[html.index("</main>") :]
    links = set(re.findall(r'<a [^>]*href="(/[^"#?]*)', frame))
    assert {"/", reverse("account_login")} <= links
    for link in links:
        assert client.get(link).status_code in (200, 302), link


def test_a_page_that_is_not_there_has_the_frame_and_a_way_on(client: Client, db: None) -> None:
    answer = client.get("/nowhere/")
    html = answer.content.decode()
    assert answer.status_code == 404
    assert "There is no page here" in html and 'content="noindex"' in html and reverse("home") in html


@pytest.mark.parametrize("template", ["500.html", "503.html", "400.html"])
def test_the_plain_error_pages_need_no_request_and_no_database(template: str) -> None:
    """No ``db`` fixture here: a query would fail the test."""
    html = render_to_string(template)
    assert 'lang="ja"' in html and "oops" in html
    assert "{{" not in html and "{%" not in html


@pytest.mark.parametrize("template", ["403.html", "403_csrf.html", "404.html", "429.html"])
def test_the_framed_error_pages_render_without_a_request_too(template: str) -> None:
    assert "oops" in render_to_string(template)


def test_a_database_that_is_away_is_told_from_a_fault_of_ours() -> None:
    """No ``db`` fixture here either."""
    for error, status in ((OperationalError("gone"), 503), (ValueError("ours"), 500)):
        try:
            raise error
        except (OperationalError, ValueError):
            answer = server_error(RequestFactory().get("/"))
        assert answer.status_code == status and ("Retry-After" in answer.headers) is (status == 503)


@pytest.fixture
def no_manifest(settings: Any, tmp_path: Path) -> None:
    """The collected static files are gone, their manifest with them: every page that asks it for a file raises."""
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }


def test_without_the_collected_files_every_page_is_the_error_page_and_that_one_is_whole(
    db: None, no_manifest: None
) -> None:
    with pytest.raises(ValueError, match="manifest"):
        Client().get("/")
    answer = Client(raise_request_exception=False).get("/")
    html = answer.content.decode()
    assert answer.status_code == 500 and "Something broke on our side" in html
    named = re.findall(r'(?:href|src)="/static/([^"]+)"', html)
    assert len(named) == 3 and all(finders.find(name) for name in named)
    assert "<style" not in html and " style=" not in html


def test_while_the_database_is_away_the_page_needs_no_collected_files_either(no_manifest: None) -> None:
    try:
        raise OperationalError("gone")
    except OperationalError:
        answer = server_error(RequestFactory().get("/"))
    assert answer.status_code == 503 and b"cannot reach its books" in answer.content


def test_an_error_page_has_a_search(client: Client, db: None) -> None:
    html = client.get("/nowhere/").content.decode()
    assert 'role="search"' in html and reverse("businesses:list") in html


def test_a_forged_form_gets_the_houses_own_page(db: None) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(reverse("set_theme"), {"theme": "dark"})
    assert answer.status_code == 403
    assert "The form was too old" in answer.content.decode()


ENTRANCES = ("account_login", "account_signup", "account_reset_password", "account_request_login_code")


@pytest.mark.parametrize("name", ENTRANCES)
@pytest.mark.parametrize("prefix", ["", "/ja"])
def test_the_pages_of_logging_in_look_like_the_rest(client: Client, db: None, name: str, prefix: str) -> None:
    answer = client.get(prefix + reverse(name))
    html = answer.content.decode()
    assert answer.status_code == 200
    assert '<header class="site-header">' in html and 'class="button' in html and 'class="field' in html
    assert "<strong>Menu:</strong>" not in html
    assert len(re.findall(r"<h1\b", html)) == 1
