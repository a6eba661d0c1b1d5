"""The mails to followers (pages.md 2.6, E12): news at once or together once a week, and the link that confirms.

Each is written in the transaction that proves its event's delivery, once for each post (or week) and address whatever
runs twice. Followers are taken in batches, each an event of its own, so a business with ten thousand of them is neither
one transaction nor one list in memory. Every mail can be stopped by its link and by one click in the mail program
(RFC 8058).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Case, F, Min, QuerySet, When
from django.db.models.functions import Lower
from django.utils import translation

from businesses import images
from businesses.events import PostPublished
from businesses.news import queries as news
from businesses.news.models import Post
from microfund.kernel import clock, locks
from microfund.kernel.notices import compose
from microfund.kernel.notices import services as notices
from microfund.kernel.notices.letters import Letter
from microfund.kernel.notices.parts import link, name_of
from microfund.kernel.outbox.models import Event
from microfund.kernel.outbox.services import publish, subscribe

from . import queries
from .models import DigestDay, Follow

WEEK = timedelta(days=7)
#: Followers who are written to in one transaction.
BATCH = 200
END_SALT = "businesses.follow.end"
MANAGE_SALT = "businesses.follow.manage"
#: In a token: not one business, but all of a person's weekly mails.
ALL_WEEKLY = "weekly"


@dataclass(frozen=True)
class NewsMailBatch:
    """The next followers of a post's business, those with an id above `after`, are to be written to."""

    post_id: int
    after: int
    at: datetime


@dataclass(frozen=True)
class NewsDigestBatch:
    """The next weekly followers without a day of their own, people whose first row has an id above `after`, get what
    was posted in the week before `monday`."""

    monday: str
    after: int
    at: datetime


def register() -> None:
    """Subscribe to what is mailed about; called once when the app is ready."""
    subscribe(PostPublished, post_published)
    subscribe(NewsMailBatch, news_mail_batch)
    subscribe(NewsDigestBatch, news_digest_batch)


# --- At once ------------------------------------------------------------------------------------------------------


def post_published(event: PostPublished) -> None:
    """E12: begins the batches."""
    _batch(NewsMailBatch(event.post_id, 0, event.at))


def _batch(batch: NewsMailBatch) -> None:
    publish(batch, key=f"{batch.post_id}:{batch.after}", at=batch.at)


def news_mail_batch(event: NewsMailBatch) -> None:
    """Write to the next followers of the post's business, then ask for the rest; nothing once it was withdrawn."""
    post = news.with_first_photo(news.published().filter(pk=event.post_id)).first()
    if post is None:
        return
    followers = list(
        queries.live()
        .filter(business=post.business, cadence=Follow.Cadence.INSTANT, pk__gt=event.after)
        .select_related("user")
        .order_by("pk")[:BATCH]
    )
    for row in followers:
        row.business = post.business
        _send_post(row, post, at=event.at)
    if len(followers) == BATCH:
        _batch(NewsMailBatch(post.pk, followers[-1].pk, event.at))


def _send_post(row: Follow, post: Post, *, at: datetime) -> None:
    _send("news_posted", [row], key=f"{post.pk}", at=at, posts={row.business_id: [post]}, post=post)


def preview(post: Post, *, language: str, at: datetime) -> compose.Mail:
    """The mail that a follower who reads this language will get about a post with its `first_photos`: by the function
    that writes it, and queued for nobody."""
    with compose.collecting() as found:
        _send_post(Follow(business=post.business, email="follower@sample.invalid", language=language), post, at=at)
    return found[0][1]


# --- Once a week --------------------------------------------------------------------------------------------------


def digest_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep, E12: from Monday on, once, what was posted from the Monday before until Sunday night, for all who chose
    no other day."""
    monday = on - timedelta(days=on.weekday())
    begun = Event.objects.filter(key=f"{NewsDigestBatch.__name__}:{monday.isoformat()}:0").exists()
    if begun or not _posted(monday - WEEK, monday).exists():
        return {"weeks": 0}
    _digest(NewsDigestBatch(monday.isoformat(), 0, at))
    return {"weeks": 1}


def _posted(since: date, until: date) -> Any:
    """What was posted from the first of these days on and before the second."""
    days = {"published_at__gte": clock.start_of_day(since), "published_at__lt": clock.start_of_day(until)}
    return news.published().filter(**days)


def _digest(batch: NewsDigestBatch) -> None:
    publish(batch, key=f"{batch.monday}:{batch.after}", at=batch.at)


def news_digest_batch(event: NewsDigestBatch) -> None:
    """Write to the next people who follow a business weekly that posted something, then ask for the rest: one mail a
    person, whatever they follow, by account and by the same address together."""
    monday = date.fromisoformat(event.monday)
    posts = posts_between(monday - WEEK, monday)
    weekly = weekly_of(posts)
    chosen = DigestDay.objects.annotate(address=Lower("user__email")).values("address")
    people = dict(
        weekly.exclude(address__in=chosen)
        .values("address")
        .annotate(first=Min("pk"))
        .filter(first__gt=event.after)
        .order_by("first")
        .values_list("address", "first")[:BATCH]
    )
    found = weekly.filter(address__in=list(people))
    with transaction.atomic():
        # Who chooses a day of their own just now waits for this, or is seen here (digest_day.py).
        locks.lock(Follow, found.values_list("pk", flat=True))
        rows = rows_by_address(found)
        for who in set(chosen.filter(address__in=list(people)).values_list("address", flat=True)):
            rows.pop(who, None)
        for own in rows.values():
            send_digest(own, posts, until=monday, at=event.at)
    if len(people) == BATCH:
        _digest(NewsDigestBatch(event.monday, max(people.values()), event.at))


def posts_between(since: date, until: date) -> dict[int, list[Post]]:
    """What was posted from the first of these days on and before the second, by business, with the first photos."""
    found: dict[int, list[Post]] = defaultdict(list)
    for post in news.with_first_photo(_posted(since, until)):
        found[post.business_id].append(post)
    return found


def weekly_of(posts: Iterable[int]) -> QuerySet[Follow]:
    """Who follows one of these businesses weekly, with the `address` that makes a person."""
    address = Case(When(user__isnull=True, then=F("email")), default=Lower("user__email"))
    weekly = queries.live().filter(business__in=list(posts), cadence=Follow.Cadence.WEEKLY)
    return weekly.annotate(address=address)


def rows_by_address(weekly: QuerySet[Follow]) -> dict[str, dict[int, Follow]]:
    """These rows by person and business, those of an account before those of the same address alone."""
    found: dict[str, dict[int, Follow]] = defaultdict(dict)
    ordered = weekly.select_related("user", "business").order_by(
        F("user_id").asc(nulls_last=True), "business__name_en", "pk"
    )
    for row in ordered:
        found[row.address].setdefault(row.business_id, row)  # type: ignore[attr-defined]
    return dict(found)


def send_digest(rows: dict[int, Follow], posts: dict[int, list[Post]], *, until: date, at: datetime) -> None:
    """One person's weekly mail of what the businesses of these rows posted before a day."""
    _send("news_digest", list(rows.values()), key=until.isoformat(), at=at, posts=posts)


# --- Parts --------------------------------------------------------------------------------------------------------


def token_to_end(row: Follow, *, all_weekly: bool = False) -> str:
    """What stands in the links of every mail: whoever has it can stop the mails, and nothing else. It never expires."""
    return signing.dumps([row.key.hex, ALL_WEEKLY] if all_weekly else row.key.hex, salt=END_SALT)


def token_to_manage(row: Follow) -> str:
    """The way of an address without an account to all that it follows: whoever has it can see that, stop the mails and
    change how often they come. It works for as long as the row is kept."""
    return signing.dumps(row.key.hex, salt=MANAGE_SALT)


def ask_to_confirm(rows: Sequence[Follow], token: str, *, cadence: str, language: str, at: datetime) -> None:
    """The mail with the link that makes an address follow these; asking twice within a minute is one mail."""
    asked = "-".join(str(row.pk) for row in rows)
    with translation.override(language):
        notices.queue(
            "follow_confirm",
            key=f"follow_confirm:{_short(asked)}:{at:%Y%m%d%H%M}:{cadence}",
            to=rows[0].email,
            language=language,
            at=at,
            context={
                "names": [name_of(row.business) for row in rows],
                "weekly": cadence == Follow.Cadence.WEEKLY,
                "confirm_url": link("follow_confirm", token),
            },
        )


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _send(
    kind: str, rows: Sequence[Follow], *, key: str, at: datetime, posts: dict[int, list[Post]], **context: Any
) -> None:
    """Queue one mail to one person about what the businesses of these rows posted."""

    def words() -> dict[str, Any]:
        return {"groups": [_group(row.business, posts[row.business_id]) for row in rows], **context}

    _queue(kind, rows, words, key=key, at=at)


def write(kind: str, row: Follow, letter: Callable[[], Letter], *, key: str, at: datetime) -> None:
    """Queue a letter to a follower, in their language; `letter` is called while it is active."""
    _queue(kind, [row], lambda: {"letter": letter()}, key=key, at=at, template="letter")


def _queue(
    kind: str,
    rows: Sequence[Follow],
    words: Callable[[], dict[str, Any]],
    *,
    key: str,
    at: datetime,
    template: str = "",
) -> None:
    """Queue one mail to one person about the businesses of these rows; who follows by account and by the same address
    besides gets one of them."""
    row = rows[0]
    email = row.user.email if row.user else row.email
    with translation.override(row.language):
        end_url = link("unfollow", token_to_end(row, all_weekly=len(rows) > 1))
        notices.queue(
            kind,
            key=f"{kind}:{key}:{_short(email)}",
            to=email,
            language=row.language,
            at=at,
            user=row.user,
            headers={"List-Unsubscribe": f"<{end_url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
            template=template,
            context={
                "business_name": name_of(row.business),
                "followed": [name_of(each.business) for each in rows],
                "end_url": end_url,
                "manage_url": link("following") if row.user else link("follow_manage", token_to_manage(row)),
                **words(),
            },
        )


def _group(business: Any, posts: list[Post]) -> dict[str, Any]:
    """A business with what it posted, the addresses of that and of its first photos."""
    items = [
        (post, link("businesses:news_post", business.slug, post.pk, post.words), _picture_url(post)) for post in posts
    ]
    return {"name": name_of(business), "items": items}


def _picture_url(post: Post) -> str:
    """The first photo of a post that everybody may see, else nothing."""
    photos = [] if post.for_supporters else post.first_photos  # type: ignore[attr-defined]
    return urljoin(settings.SITE_URL, images.src(photos[0], 960)) if photos else ""
