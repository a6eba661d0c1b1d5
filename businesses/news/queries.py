"""Reads of news: what the public sees, newest first, and what a business has in its drawer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from businesses.models import Business, Membership

from .models import Comment, Post, PostPhoto, Thanks

LATEST = 3
#: After this long without news, supporters begin to wonder; the first is due within it too.
SILENCE = timedelta(days=60)
#: What no list shows and no list fetches.
_UNSHOWN = ("source", "html")
_UNSHOWN_OF_BUSINESS = tuple(
    f"business__{text}_{language}" for text in ("story", "damage", "use_line") for language in ("en", "ja")
) + ("business__search_text",)


def published() -> QuerySet[Post]:
    """Posts that readers can see, newest first, of businesses whose page they can see; for lists, without the text.

    Posts for supporters are among them: everybody sees their titles.
    """
    return (
        Post.objects.filter(state=Post.State.PUBLISHED, business__state=Business.State.PUBLISHED)
        .select_related("business")
        .defer(*_UNSHOWN, *_UNSHOWN_OF_BUSINESS)
        .order_by("-published_at", "-pk")
    )


def public() -> QuerySet[Post]:
    """Posts that everybody may read as a whole, newest first, with their text: for feeds."""
    return (
        Post.objects.filter(
            state=Post.State.PUBLISHED,
            visibility=Post.Visibility.PUBLIC,
            business__state=Business.State.PUBLISHED,
        )
        .select_related("business")
        .defer("source", *_UNSHOWN_OF_BUSINESS)
        .order_by("-published_at", "-pk")
    )


def with_first_photo(posts: QuerySet[Post]) -> QuerySet[Post]:
    """The first photo of each post as a list `first_photos` of none or one, in one query."""
    first = PostPhoto.objects.order_by("post", "position", "pk").distinct("post")
    return posts.prefetch_related(Prefetch("photos", first, to_attr="first_photos"))


def latest(business: Business | None = None, *, count: int = LATEST) -> list[Post]:
    """The newest posts, of one business or of all, with their first photos."""
    posts = published()
    if business is not None:
        posts = posts.filter(business=business)
    return list(with_first_photo(posts)[:count])


def latest_of(businesses: QuerySet[Business], *, count: int = LATEST) -> list[Post]:
    """The newest posts of some businesses, without photos; one query."""
    return list(published().filter(business__in=businesses)[:count])


def businesses_with_news() -> QuerySet[Business]:
    """Businesses that have published something, by name: the choices of the filter."""
    written = Post.objects.filter(business=OuterRef("pk"), state=Post.State.PUBLISHED)
    return (
        Business.objects.filter(Exists(written), state=Business.State.PUBLISHED)
        .only("slug", "name_en", "name_ja", "town_en", "town_ja")
        .order_by("name_en", "pk")
    )


def post_of(slug: str, pk: int) -> Post | None:
    """A published or withdrawn post by the address of its business, with its photos; None when there is none."""
    return (
        Post.objects.filter(
            pk=pk,
            business__slug=slug,
            business__state=Business.State.PUBLISHED,
            state__in=[Post.State.PUBLISHED, Post.State.WITHDRAWN],
        )
        .select_related("business")
        .prefetch_related("photos")
        .first()
    )


def thanks_for(post: Post, user: Any) -> tuple[int, bool]:
    """How many readers thanked for a post, and whether `user` is one of them."""
    mine = Count("pk", filter=Q(user_id=user.pk)) if user.is_authenticated else None
    found = Thanks.objects.filter(post=post).aggregate(all=Count("pk"), **({"mine": mine} if mine else {}))
    return found["all"], bool(found.get("mine"))


def comments_of(post: Post) -> QuerySet[Comment]:
    """The comments below a post in the order in which they were written, the removed ones among them."""
    return Comment.objects.filter(post=post).order_by("created_at", "pk")


def speaks_for(user: Any, business: Business) -> bool:
    """Whether the user is a member of the business."""
    return bool(user.is_authenticated) and Membership.objects.filter(user=user, business=business).exists()


def may_moderate(user: Any, business: Business) -> bool:
    """Whether the user may remove comments on the page: an owner of the business. Staff do it in their console, behind
    a second factor."""
    if not user.is_authenticated:
        return False
    return Membership.objects.filter(user=user, business=business, role=Membership.Role.OWNER).exists()


def drawer(business: Business) -> QuerySet[Post]:
    """Every post of a business, for its members: drafts first, then planned ones, then the newest."""
    return Post.objects.filter(business=business).defer("html").order_by("-edited_at", "-pk")


def drafts_and_planned(businesses: QuerySet[Business]) -> QuerySet[Post]:
    """Drafts and planned posts of these businesses, the oldest first."""
    return (
        Post.objects.filter(business__in=businesses, state__in=[Post.State.DRAFT, Post.State.SCHEDULED])
        .select_related("business")
        .defer(*_UNSHOWN, *_UNSHOWN_OF_BUSINESS)
        .order_by("edited_at", "pk")
    )


def last_published(businesses: QuerySet[Business]) -> dict[int, datetime]:
    """When each of these businesses last published something, by primary key; those that never did are missing."""
    rows = (
        Post.objects.filter(business__in=businesses, state=Post.State.PUBLISHED)
        .order_by("business_id", "-published_at")
        .distinct("business_id")
        .values_list("business_id", "published_at")
    )
    return {pk: at for pk, at in rows if at is not None}
