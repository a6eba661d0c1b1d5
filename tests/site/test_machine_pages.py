"""What machines read: the map of the site, robots.txt, security.txt, and how a business looks when it is shared."""

import io
import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone
from PIL import Image

from businesses.models import Business, Picture
from microfund.site import machine_pages, social_card
from tests import make
from tests.copies import counted_queries

pytestmark = pytest.mark.django_db
SITE = "https://www.tomobune.example"
MAP = {"s": machine_pages.SITEMAP, "x": machine_pages.XHTML}
HOSTILE = "</script><script>alert(1)</script>&\"'<!--"


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.SITE_URL = SITE


def entries(client: Client) -> dict[str, dict[str, str]]:
    """Every address of the map with its alternates by language."""
    response = client.get("/sitemap.xml", headers={"host": "evil.example"})
    assert response.status_code == 200 and response.headers["Content-Type"].startswith("application/xml")
    root = Xml.fromstring(response.content)  # noqa: S314 (our own)
    return {
        entry.findtext("s:loc", "", MAP): {
            str(link.get("hreflang")): str(link.get("href")) for link in entry.findall("x:link", MAP)
        }
        for entry in root.findall("s:url", MAP)
    }


def test_the_map_names_every_published_page_in_both_languages(client: Client) -> None:
    make.make_fund(business=make.make_business(slug="farm"))
    make.make_business(slug="no-fund-yet")
    make.make_business(slug="hidden-draft", state=Business.State.DRAFT)
    make.make_business(slug="gone", state=Business.State.WITHDRAWN)
    make.make_fund(business=make.make_business(slug="only-a-draft-fund"), state="draft")
    found = entries(client)
    for path in ("/", "/businesses/farm/", "/businesses/farm/terms/", "/businesses/farm/simulator/", "/privacy/"):
        english, japanese = SITE + path, f"{SITE}/ja{path}"
        expected = {"en": english, "ja": japanese, "x-default": english}
        assert found[english] == found[japanese] == expected
    everything = " ".join(found)
    assert "hidden-draft" not in everything and "/gone/" not in everything and "evil" not in everything
    assert f"{SITE}/businesses/no-fund-yet/" in found and f"{SITE}/businesses/no-fund-yet/terms/" not in found
    assert f"{SITE}/businesses/only-a-draft-fund/terms/" not in found
    assert not [address for address in found if "/me/" in address or "/staff/" in address or "/orders/" in address]
    for address in found:
        assert client.get(address.removeprefix(SITE)).status_code == 200, address


def test_the_map_asks_once_however_many_businesses_there_are(client: Client) -> None:
    make.make_fund()
    with counted_queries() as few:
        entries(client)
    for _more in range(3):
        make.make_fund()
    with counted_queries() as many:
        entries(client)
    assert len(few) == len(many) == 2


def test_a_map_never_grows_beyond_what_the_protocol_allows(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_pages, "MOST_ADDRESSES", 5)
    assert len(entries(client)) == 4


def test_robots_are_kept_out_of_what_is_private_in_both_languages(client: Client) -> None:
    response = client.get("/robots.txt", headers={"host": "evil.example"})
    lines = response.content.decode().splitlines()
    assert response.headers["Content-Type"].startswith("text/plain") and lines[0] == "User-agent: *"
    for path in ("/staff/", "/me/", "/orders/", "/accounts/", "/fund/", "/ja/staff/", "/ja/me/", "/ja/orders/"):
        assert f"Disallow: {path}" in lines
    assert not {"Disallow: /", "Disallow: /businesses/", "Disallow: /ja/"} & set(lines)
    assert f"Sitemap: {SITE}/sitemap.xml" in lines and "evil" not in response.content.decode()


def test_security_txt_expires_in_the_future_and_within_a_year(client: Client, settings: Any) -> None:
    settings.SECURITY_EMAIL = "security@tomobune.example"
    response = client.get("/.well-known/security.txt", headers={"host": "evil.example"})
    fields = dict(line.split(": ", 1) for line in response.content.decode().splitlines())
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert fields["Contact"] == "mailto:security@tomobune.example"
    assert fields["Canonical"] == f"{SITE}/.well-known/security.txt"
    expires = datetime.strptime(fields["Expires"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert timezone.now() + timedelta(days=30) < expires < timezone.now() + timedelta(days=366)
    settings.SECURITY_TXT_DAYS = 10
    assert client.get("/.well-known/security.txt").content != response.content


# --- A shared business --------------------------------------------------------------------------------------------


def head_of(client: Client, path: str) -> tuple[dict[str, str], dict[str, Any]]:
    """The Open Graph and Twitter properties of a page, and its JSON-LD."""
    page = client.get(path, headers={"host": "evil.example"}).content.decode()
    tags = re.findall(r'<meta\s+(?:property|name)="((?:og|twitter):[^"]+)"\s+content="([^"]*)"', page)
    blocks = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.S)
    assert len(blocks) == 1
    return {name: unescape(value) for name, value in tags}, json.loads(blocks[0])


def test_a_shared_business_has_a_title_a_card_and_structured_data(client: Client) -> None:
    business = make.make_business(slug="farm")
    make.make_fund(business=business)
    for prefix, language in (("", "en"), ("/ja", "ja")):
        tags, data = head_of(client, f"{prefix}/businesses/farm/")
        name, line = getattr(business, f"name_{language}"), getattr(business, f"use_line_{language}")
        assert tags["og:title"] == data["name"] == name and tags["og:description"] == data["description"] == line
        assert tags["og:url"] == data["url"] == f"{SITE}{prefix}/businesses/farm/"
        assert tags["twitter:card"] == "summary_large_image"
        assert (tags["og:image:width"], tags["og:image:height"]) == ("1200", "630")
        assert tags["og:image"].startswith(f"{SITE}{prefix}/businesses/farm/social/")
        assert data["@type"] == "LocalBusiness" and data["address"]["addressCountry"] == "JP"
        assert not re.search(r"offer|return|yield|price|invest|donat", json.dumps({**data, "description": ""}), re.I)
        picture = client.get(tags["og:image"].removeprefix(SITE))
        assert picture.headers["Content-Type"] == "image/png" and "immutable" in picture.headers["Cache-Control"]
        with Image.open(io.BytesIO(picture.content)) as opened:
            assert opened.size == (1200, 630) and opened.format == "PNG"


def test_what_a_business_is_called_cannot_leave_its_place(client: Client) -> None:
    business = make.make_business(slug="farm", name_en=HOSTILE, name_ja=HOSTILE, use_line_en=HOSTILE, town_en=HOSTILE)
    make.make_fund(business=business)
    tags, data = head_of(client, "/businesses/farm/")
    assert data["name"] == tags["og:title"] == HOSTILE
    assert b"<script>alert(1)" not in client.get("/businesses/farm/").content


def test_a_card_is_drawn_once_and_again_when_what_it_shows_has_changed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    business = make.make_business(slug="farm")
    drawn: list[str] = []
    real = social_card.draw
    monkeypatch.setattr(social_card, "draw", lambda *given: drawn.append(given[2]) or real(*given))
    address = head_of(client, "/businesses/farm/")[0]["og:image"].removeprefix(SITE)
    first, second = client.get(address), client.get(address)
    assert first.content == second.content and drawn == ["en"]
    business.name_en = "Another Name"
    business.save()
    newer = client.get(address)
    assert newer.status_code == 302 and newer.headers["Location"] != address
    assert client.get(newer.headers["Location"]).content != first.content and drawn == ["en", "en"]


def test_the_picture_of_the_business_is_in_the_card_and_its_loss_is_no_error() -> None:
    business = make.make_business(slug="farm")
    red = Image.new("RGB", (1280, 800), "#ff0000")
    file = io.BytesIO()
    red.save(file, "WEBP")
    hero = Picture(business=business, digest="d" * 32, widths=[640, 1280], width=1280, height=800)
    lost = social_card.draw(business, hero, "en")
    file.seek(0)
    default_storage.save(f"pictures/{'d' * 32}/1280.webp", file)
    with Image.open(io.BytesIO(social_card.draw(business, hero, "en"))) as opened:
        red_value, green, blue = opened.convert("RGB").getpixel((1000, 300))
        assert red_value > 240 and green < 20 and blue < 20
    assert lost == social_card.draw(business, None, "en")


@pytest.mark.parametrize("name", ["牡" * 120, "W" * 120, "a b " * 30, "い", "長い名前の会社、本店。" * 10])
def test_names_of_any_length_stay_within_their_half(name: str) -> None:
    business = make.make_business(name_en=name, name_ja=name, use_line_en=name, use_line_ja=name)
    with Image.open(io.BytesIO(social_card.draw(business, None, "ja"))) as opened:
        picture = opened.convert("RGB")
        margin = [picture.getpixel((x, y)) for x in (social_card.PANEL - 20, 20) for y in range(0, 630, 3)]
        assert set(margin) == {(0xFB, 0xF8, 0xF1)}


def test_words_are_broken_as_their_language_does() -> None:
    from PIL import ImageFont

    font = ImageFont.truetype(str(social_card.REGULAR), 30)
    lines = social_card._lines("Thirty rafts of cedar and bamboo", font, 200)
    assert " ".join(lines) == "Thirty rafts of cedar and bamboo" and len(lines) > 1
    assert all(font.getlength(line) <= 200 for line in lines)
    japanese = social_card._lines("杉と竹の筏三十台、作業場。", font, 190)
    assert "".join(japanese) == "杉と竹の筏三十台、作業場。"
    assert not [line for line in japanese if line[0] in "、。"]


def test_a_draft_and_a_withdrawn_business_have_no_card(client: Client) -> None:
    for state in (Business.State.DRAFT, Business.State.WITHDRAWN):
        business = make.make_business(state=state)
        key = social_card.key(business, None, "en")
        assert client.get(f"/businesses/{business.slug}/social/{key}.png").status_code == 404
    assert client.get("/businesses/nobody/social/x.png").status_code == 404
    assert client.get("/businesses/nobody/social/%00.png").status_code == 404


def test_a_preview_is_not_shared() -> None:
    client = Client()
    client.force_login(make.make_user(is_staff=True, is_superuser=True))
    business = make.make_business(state=Business.State.DRAFT)
    response = client.get(f"/businesses/{business.slug}/")
    if response.status_code == 200:
        assert b"og:image" not in response.content and b"ld+json" not in response.content
    else:
        assert response.status_code in (302, 404)
