"""Pages from Markdown in both languages, and the form that reaches the operator."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format

from microfund.kernel import clock, limits
from microfund.kernel.notices import services as notices
from microfund.kernel.notices.models import Notice
from microfund.site import plain_pages
from tests import make

pytestmark = pytest.mark.django_db
MESSAGE = {
    "name": "Ellen Park",
    "email": "ellen@example.com",
    "topic": "order",
    "message": "When does the term begin?\nThank you.",
}


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    """Of the messages of other tests."""
    cache.clear()


class Page(HTMLParser):
    """Links and headings of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.headings: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.append(dict(attrs).get("href") or "")
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("name", plain_pages.NAMES)
def test_a_page_has_its_date_one_heading_and_links_that_lead_somewhere(
    client: Client, name: str, language: str
) -> None:
    with translation.override(language):
        path = reverse(name)
    response = client.get(path)
    source = response.content.decode()
    page = Page(source[source.index("<main") : source.index("</main>")])
    words = plain_pages.read(name, language)
    assert response.status_code == 200
    assert page.headings[0] == "h1" and page.headings.count("h1") == 1
    assert ">None<" not in source and "{" not in re.sub(r"<script.*?</script>", "", source, flags=re.S)
    assert words.dated <= timezone.now().date()
    with translation.override(language):
        assert date_format(words.dated) in source
    assert words.lead in source.replace("&#x27;", "'")
    for link in page.links:
        assert link.startswith("/ja/") == (language == "ja"), link
        assert client.get(link).status_code == 200, link


def test_both_languages_have_the_same_parts_links_and_date() -> None:
    for name in plain_pages.NAMES:
        english, japanese = plain_pages.read(name, "en"), plain_pages.read(name, "ja")
        assert english.dated == japanese.dated
        for kind in ("heading_open", "list_item_open", "tr_open"):
            counts = [[token.type for token in words.tokens].count(kind) for words in (english, japanese)]
            assert counts[0] == counts[1], (name, kind)
        targets = [
            sorted(
                str(child.attrGet("href"))
                for token in words.tokens
                for child in token.children or []
                if child.type == "link_open"
            )
            for words in (english, japanese)
        ]
        assert targets[0] == targets[1], name


def test_every_page_leads_to_them(client: Client) -> None:
    for prefix in ("", "/ja"):
        footer = client.get(f"{prefix}/").content.decode().split("<footer", 1)[1]
        for path in ("help", "about", "contact", "accessibility", "privacy", "legal/terms", "legal/disclosure"):
            assert f'href="{prefix}/{path}/"' in footer


def test_the_legal_pages_name_the_operator_and_say_that_a_lawyer_must_check(client: Client, settings: Any) -> None:
    settings.OPERATOR = {
        **settings.OPERATOR,
        "name_en": "Sea <b>House</b>",
        "address_en": "2-2 Minato",
        "registration_en": "Kanto 123",
    }
    page = client.get("/legal/disclosure/").content.decode()
    assert "2-2 Minato" in page and "Kanto 123" in page and "Sea &lt;b&gt;House&lt;/b&gt;" in page
    assert "Sea <b>" not in page + client.get("/legal/terms/").content.decode()
    for path in ("/legal/terms/", "/legal/disclosure/", "/privacy/"):
        assert "checked by a lawyer" in client.get(path).content.decode()
        assert "弁護士に確認してもらう必要があります" in client.get(f"/ja{path}").content.decode()


def test_what_the_operator_has_not_stated_is_said_to_be_missing(client: Client, settings: Any) -> None:
    settings.OPERATOR = {**settings.OPERATOR, "registration_en": "", "representative_en": ""}
    page = client.get("/legal/disclosure/").content.decode()
    assert page.count("(the operator has not stated this)") >= 2


# --- Contact ------------------------------------------------------------------------------------------------------


def test_a_message_reaches_the_operator_once(client: Client, settings: Any) -> None:
    for _press in range(2):
        response = client.post("/contact/", MESSAGE)
        assert response.status_code == 302 and response.headers["Location"] == "/contact/sent/"
    assert "Your message is on its way" in client.get("/contact/sent/").content.decode()
    notice = Notice.objects.get(kind="contact_message")
    assert notice.recipient == settings.OPERATOR["email"]
    assert notice.subject.endswith("an order or a payment")
    for part in (notice.text, notice.html):
        assert "ellen@example.com" in part and "Ellen Park" in part and "When does the term begin?" in part
    assert notices.send_due()["sent"] == 1


def test_another_message_is_another_mail(client: Client) -> None:
    client.post("/contact/", MESSAGE)
    client.post("/contact/", {**MESSAGE, "message": "And when does it end, please?"})
    assert Notice.objects.filter(kind="contact_message").count() == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", ""),
        ("email", "nobody"),
        ("email", "a@example.com\nBcc: all@example.com"),
        ("email", "a@example.com, b@example.com"),
        ("email", "a" * 300 + "@example.com"),
        ("message", ""),
        ("message", "short"),
        ("message", "x" * 4_001),
        ("message", "with a \x00 in it, which no database takes"),
        ("name", "n" * 121),
        ("topic", "money"),
        ("topic", ""),
    ],
)
def test_what_is_wrong_is_listed_first_and_nothing_is_sent(client: Client, field: str, value: str) -> None:
    response = client.post("/contact/", {**MESSAGE, field: value})
    page = response.content.decode()
    assert response.status_code == 422
    assert re.search(r"<title>\s*Error:", page)
    assert f'href="#id_{field}"' in page, "the summary leads to the field"
    assert "Thank you." in page or field == "message", "what was typed stays"
    assert not Notice.objects.exists()


def test_hostile_words_are_words(client: Client) -> None:
    hostile = "<script>alert(1)</script>\r\nBcc: all@example.com\r\n\r\n{{ settings.SECRET_KEY }} {% now 'Y' %}"
    client.post("/contact/", {**MESSAGE, "name": "A\r\nBcc: x@example.com", "message": hostile})
    notice = Notice.objects.get(kind="contact_message")
    assert "\n" not in notice.subject and "Bcc" not in notice.subject and "Bcc" not in notice.recipient
    assert "<script>" not in notice.html and "{{ settings.SECRET_KEY }}" in notice.text
    assert notices.send_due()["sent"] == 1
    from django.core import mail

    assert mail.outbox[-1].to == [notice.recipient] and not mail.outbox[-1].bcc


def test_too_many_messages_are_refused_with_the_time_and_nothing_written_is_lost(client: Client) -> None:
    answers = [client.post("/contact/", {**MESSAGE, "message": f"Message number {n}, please answer"}) for n in range(7)]
    assert [answer.status_code for answer in answers] == [302] * 5 + [429] * 2
    assert Notice.objects.filter(kind="contact_message").count() == 5
    page = answers[-1].content.decode()
    again = limits.words(limits.full_minute(clock.now() + timedelta(hours=1)))
    before = limits.words(limits.full_minute(clock.now() + timedelta(minutes=59)))
    assert f"You can send this one from {again}" in page or f"You can send this one from {before}" in page
    assert "Message number 6, please answer" in page and "<title>Error:" in page


def test_the_form_of_another_site_is_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/contact/", MESSAGE).status_code == 403
    assert not Notice.objects.exists()


def test_who_is_logged_in_need_not_type_the_address(client: Client) -> None:
    user = make.make_user(email="known@example.com")
    client.force_login(user)
    assert 'value="known@example.com"' in client.get("/contact/").content.decode()
