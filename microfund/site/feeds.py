"""Atom feeds of public news (pages.md P20). Ids are tag URIs, which stay when a title or the site's address changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from businesses import queries as businesses
from businesses.models import Business, Post
from businesses.news import queries as news

from .templatetags.tomobune import bilingual_filter

ITEMS = 30
#: The year in which the ids were given out first (RFC 4151): part of the id, never changed.
_SINCE = "2026"


def tag(*parts: object) -> str:
    """The stable id of a thing of ours."""
    domain = settings.SITE_URL.split("//")[-1].split("/")[0].split(":")[0]
    return f"tag:{domain},{_SINCE}:{'/'.join(str(part) for part in parts)}"


class NewsAtom(Atom1Feed):
    """Atom whose entries have their text as content and their language told."""

    def item_attributes(self, item: dict[str, Any]) -> dict[str, Any]:
        return {**super().item_attributes(item), "xml:lang": item["language"]}

    def add_item_elements(self, handler: Any, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        handler.addQuickElement("content", item["content"], {"type": "html"})

    def latest_post_date(self) -> datetime:
        """Of a feed without entries: a fixed instant, so that it does not look new on every visit."""
        return super().latest_post_date() if self.items else self.feed["empty_since"]


class NewsFeed(Feed):
    """The newest public posts of all businesses."""

    feed_type = NewsAtom

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Business | None:
        return None

    def title(self, business: Business | None) -> str:
        return _("News of all businesses") + " · Tomobune"

    def link(self, business: Business | None) -> str:
        return reverse("stories")

    def feed_guid(self, business: Business | None) -> str:
        return tag("news", get_language())

    def author_name(self, business: Business | None) -> str:
        return settings.OPERATOR["name_ja" if get_language() == "ja" else "name_en"]

    def feed_extra_kwargs(self, business: Business | None) -> dict[str, Any]:
        since = business.published_at if business else None
        return {"empty_since": since or datetime.fromisoformat(f"{_SINCE}-01-01T00:00:00+00:00")}

    def items(self, business: Business | None) -> list[Post]:
        return list(news.public()[:ITEMS])

    def item_title(self, post: Post) -> str:
        return post.title

    def item_description(self, post: Post) -> str:
        return post.excerpt

    def item_link(self, post: Post) -> str:
        return reverse("businesses:news_post", args=[post.business.slug, post.pk, post.words])

    def item_guid(self, post: Post) -> str:
        return tag("news", post.pk)

    def item_author_name(self, post: Post) -> str:
        return bilingual_filter(post.business, "name")

    def item_pubdate(self, post: Post) -> datetime | None:
        return post.published_at

    def item_updateddate(self, post: Post) -> datetime | None:
        return max(post.edited_at, post.published_at) if post.published_at else None

    def item_extra_kwargs(self, post: Post) -> dict[str, Any]:
        return {"content": post.html, "language": post.language}


class BusinessNewsFeed(NewsFeed):
    """The newest public posts of one business; 404 where its page is."""

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Business | None:
        business = businesses.published().filter(slug=kwargs["slug"]).first()
        if business is None:
            raise Http404
        return business

    def title(self, business: Business | None) -> str:
        return _("News of %(name)s") % {"name": bilingual_filter(business, "name")} + " · Tomobune"

    def link(self, business: Business | None) -> str:
        assert business is not None
        return reverse("businesses:news", args=[business.slug])

    def feed_guid(self, business: Business | None) -> str:
        assert business is not None
        return tag("businesses", business.pk, "news", get_language())

    def author_name(self, business: Business | None) -> str:
        return bilingual_filter(business, "name")

    def items(self, business: Business | None) -> list[Post]:
        return list(news.public().filter(business=business)[:ITEMS])
