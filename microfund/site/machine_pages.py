"""Pages that machines read (pages.md P20): the map of the site for search engines, what they may fetch, and where to
report a weakness. Addresses are those of SITE_URL, never of the Host header, for others keep what they read here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from xml.etree import ElementTree as Xml

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from businesses.models import Business
from businesses.news import queries as news
from investments.offerings import queries as offerings
from microfund.kernel import clock

from .plain_pages import NAMES as PLAIN

SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
XHTML = "http://www.w3.org/1999/xhtml"
#: What one file may hold by the protocol.
MOST_ADDRESSES = 50_000
GENERAL = ("home", "businesses:list", "map", "stories", "how_it_works", "risks", "fees", "glossary", *PLAIN)
#: What belongs to one person, to staff, or is a step of a purchase.
CLOSED = ("accounts/", "staff/", "me/", "orders/", "fund/", "preferences/")

hourly = cache_control(public=True, max_age=3600)


def _pages() -> Iterator[tuple[str, tuple[Any, ...], date | None]]:
    """Every public page: the name of its address, what that needs, and when it was last checked or changed."""
    for name in GENERAL:
        yield name, (), None
    has_fund = offerings.public_funds().filter(business=OuterRef("pk"))
    published = Business.objects.filter(state=Business.State.PUBLISHED).annotate(funded=Exists(has_fund))
    for slug, checked_on, funded in published.order_by("pk").values_list("slug", "checked_on", "funded"):
        yield "businesses:detail", (slug,), checked_on
        yield "businesses:news", (slug,), None
        yield "businesses:questions", (slug,), None
        if funded:
            yield "businesses:terms", (slug,), checked_on
            yield "businesses:simulator", (slug,), checked_on
            yield "businesses:results", (slug,), None
    for post in news.published():
        yield "businesses:news_post", (post.business.slug, post.pk, post.words), post.edited_at.date()


def _addresses(name: str, arguments: tuple[Any, ...]) -> dict[str, str]:
    """The absolute address of a page in each language."""
    found = {}
    for code, _label in settings.LANGUAGES:
        with translation.override(code):
            found[code] = settings.SITE_URL + reverse(name, args=arguments)
    return found


@hourly
@require_safe
def sitemap(request: HttpRequest) -> HttpResponse:
    """Every published page in every language, each with the others as alternates; two queries."""
    Xml.register_namespace("", SITEMAP)
    Xml.register_namespace("xhtml", XHTML)
    root = Xml.Element(f"{{{SITEMAP}}}urlset")
    for name, arguments, checked_on in _pages():
        addresses = _addresses(name, arguments)
        if len(root) + len(addresses) > MOST_ADDRESSES:
            break
        for address in addresses.values():
            entry = Xml.SubElement(root, f"{{{SITEMAP}}}url")
            Xml.SubElement(entry, f"{{{SITEMAP}}}loc").text = address
            if checked_on:
                Xml.SubElement(entry, f"{{{SITEMAP}}}lastmod").text = checked_on.isoformat()
            for code, other in [*addresses.items(), ("x-default", addresses[settings.LANGUAGE_CODE])]:
                link = {"rel": "alternate", "hreflang": code, "href": other}
                Xml.SubElement(entry, f"{{{XHTML}}}link", link)
    content = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return HttpResponse(content, content_type="application/xml; charset=utf-8")


@hourly
@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """What search engines leave alone, in both languages, and where the map of the site is."""
    prefixes = ["/"] + [f"/{code}/" for code, _label in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
    lines = ["User-agent: *"]
    lines += [f"Disallow: {prefix}{path}" for prefix in prefixes for path in CLOSED]
    lines += ["Disallow: /i18n/", "Disallow: /webhooks/", "", f"Sitemap: {settings.SITE_URL}{reverse('sitemap')}", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


@hourly
@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """RFC 9116: whom to tell of a weakness. It expires SECURITY_TXT_DAYS after the day on which it is read."""
    today = clock.machine().replace(hour=0, minute=0, second=0, microsecond=0)
    expires = today + timedelta(days=settings.SECURITY_TXT_DAYS)
    lines = [
        f"Contact: mailto:{settings.SECURITY_EMAIL}",
        f"Expires: {expires.strftime('%Y-%m-%dT%H:%M:%SZ')}",
        "Preferred-Languages: en, ja",
        f"Canonical: {settings.SITE_URL}{reverse('security_txt')}",
        "",
    ]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")
