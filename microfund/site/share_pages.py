"""What others see of a business when its page is shared or found (pages.md P3): card, Open Graph, JSON-LD."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from businesses import queries as businesses
from businesses.models import Business, Picture
from microfund.kernel.notices.parts import link

from . import social_card as cards
from .templatetags.tomobune import active_language, bilingual_filter

ONE_YEAR = 365 * 24 * 3600
LOCALES = {"en": "en_US", "ja": "ja_JP"}
#: What could end the script element or begin a comment in it.
_ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


class Share(NamedTuple):
    """What the head of a business page says to others; absolute addresses under SITE_URL."""

    url: str
    image: str
    locale: str
    json_ld: SafeString


def share(business: Business, hero: Picture | None) -> Share:
    """The shared form of a business in the active language; asks the database for nothing."""
    language = active_language()
    url = link("businesses:detail", business.slug)
    key = cards.key(business, hero, language)
    image = link("businesses:social_card", business.slug, key)
    text = json.dumps(_local_business(business, url, image), ensure_ascii=False).translate(_ESCAPES)
    return Share(url, image, LOCALES[language], mark_safe(text))  # noqa: S308 (escaped above)


def _local_business(business: Business, url: str, image: str) -> dict[str, Any]:
    """The firm as schema.org's LocalBusiness: what it is and where. Nothing of money: no offer, no return."""
    other = "name_ja" if active_language() == "en" else "name_en"
    return {
        "@context": "https://schema.org",
        "@type": "LocalBusiness",
        "@id": url,
        "url": url,
        "name": bilingual_filter(business, "name"),
        "alternateName": getattr(business, other),
        "description": bilingual_filter(business, "use_line"),
        "image": image,
        "foundingDate": str(business.founded_year),
        "address": {
            "@type": "PostalAddress",
            "addressLocality": bilingual_filter(business, "town"),
            "addressCountry": "JP",
        },
    }


@require_safe
def social_card(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """The card of a published business in the language of the address; an outdated address leads to the newest."""
    published = Business.objects.filter(slug=slug, state=Business.State.PUBLISHED)
    business = published.prefetch_related(businesses.hero_pictures()).first()
    if business is None:
        raise Http404
    heroes: list[Picture] = business.heroes  # type: ignore[attr-defined]
    hero, language = (heroes[0] if heroes else None), active_language()
    current = cards.key(business, hero, language)
    if key != current:
        return redirect("businesses:social_card", slug, current)
    response = HttpResponse(cards.card(business, hero, language), content_type="image/png")
    response["Cache-Control"] = f"public, max-age={ONE_YEAR}, immutable"
    response["ETag"] = f'"{current}"'
    return response
