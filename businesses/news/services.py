"""News from the first line to the page and away again (pages.md P6, O3)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, BinaryIO
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from businesses import images
from businesses.events import PostPublished
from businesses.models import Business
from microfund.kernel import locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.services import publish as tell

from . import text
from .models import LONGEST_ALT, LONGEST_SOURCE, LONGEST_TITLE, MOST_PHOTOS, POST_STATES, Post, PostPhoto

#: News can be planned this far ahead.
FURTHEST = timedelta(days=366)


def _judge(title: str, source: str) -> None:
    if len(title) > LONGEST_TITLE:
        message = _("The title has more than %(most)d letters.") % {"most": LONGEST_TITLE}
        raise DomainError("title_too_long", message, field="title")
    if len(source) > LONGEST_SOURCE:
        message = _("The text has more than %(most)d letters. Make two posts of it.") % {"most": LONGEST_SOURCE}
        raise DomainError("text_too_long", message, field="source")


def _words(title: str, source: str, language: str, visibility: str) -> dict[str, Any]:
    html = text.render(source)
    excerpt = text.excerpt_of(html, for_supporters=visibility == Post.Visibility.SUPPORTERS)
    return {
        "title": title,
        "source": source,
        "html": html,
        "excerpt": excerpt,
        "language": Post.Language(language),
        "visibility": Post.Visibility(visibility),
    }


def begin(
    business: Business,
    *,
    title: str,
    source: str,
    language: str,
    visibility: str,
    form_token: UUID,
    actor: Any,
    at: datetime,
) -> Post:
    """A new draft; the same form sent again (its token) answers the draft that it made, however often.

    Raises DomainError("title_too_long" or "text_too_long") with the field that is wrong.
    """
    title = title.strip()
    _judge(title, source)
    with transaction.atomic():
        post, made = Post.objects.get_or_create(
            form_token=form_token,
            defaults={
                "business": business,
                "author": actor,
                "created_at": at,
                "edited_at": at,
                **_words(title, source, language, visibility),
            },
        )
        if post.business_id != business.pk:
            raise DomainError("wrong_form", _("This form belongs to another page. Open it again."))
        if made:
            audit.record(action="businesses.Post.begun", subject=post, at=at, actor=actor)
    return post


def save(
    post: Post,
    *,
    title: str,
    source: str,
    language: str,
    visibility: str,
    version: int,
    actor: Any,
    at: datetime,
    quiet: bool = False,
) -> Post:
    """Save title, text, language and visibility over `version`; saving what is there already changes nothing.

    A `quiet` save (by itself, every few seconds) is for drafts only and leaves no audit row: nobody but the author has
    seen what it changes. Raises DomainError: "changed_elsewhere" when another save came in between (nothing is
    written; `post` in its data is the row as it stands), "withdrawn", "not_a_draft", "empty" for a post that is out of
    draft, and those of `begin`.
    """
    title = title.strip()
    _judge(title, source)
    with transaction.atomic():
        fresh = locks.lock_one(Post, post.pk)
        wanted = _words(title, source, language, visibility)
        before = {name: getattr(fresh, name) for name in ("title", "source", "language", "visibility")}
        if all(wanted[name] == value for name, value in before.items()):
            return fresh
        if fresh.version != version:
            message = _("This post was changed on another device. Both texts are below; nothing was overwritten.")
            raise DomainError("changed_elsewhere", message, post=fresh)
        if fresh.state == Post.State.WITHDRAWN:
            raise DomainError("withdrawn", _("A post that was withdrawn cannot be changed."))
        if quiet and fresh.state != Post.State.DRAFT:
            raise DomainError("not_a_draft", _("Only drafts are saved by themselves. Use the button."))
        if fresh.state != Post.State.DRAFT:
            _need_words(title, wanted["html"])
        fresh.version += 1
        fresh.edited_at = at
        for name, value in wanted.items():
            setattr(fresh, name, value)
        fresh.save(update_fields=[*wanted, "version", "edited_at"])
        if not quiet:
            changed = sorted(name for name, value in before.items() if wanted[name] != value)
            audit.record(
                action="businesses.Post.edited", subject=fresh, at=at, actor=actor, changes={"changed": changed}
            )
    return fresh


def _need_words(title: str, html: str) -> None:
    if not title:
        raise DomainError("empty", _("Give the post a title."), field="title")
    if not text.plain(html):
        raise DomainError("empty", _("Write something first."), field="source")


def _ready(post_id: int) -> Post:
    """The locked post if it may be shown to readers. Raises DomainError("empty" or "business_hidden")."""
    fresh = locks.lock_one(Post, post_id)
    _need_words(fresh.title, fresh.html)
    if fresh.business.state != Business.State.PUBLISHED:
        raise DomainError("business_hidden", _("The page of the business is not public yet, so news cannot be either."))
    return fresh


def publish(post: Post, *, actor: Any, at: datetime) -> Post:
    """draft or scheduled → published; followers are told. Raises DomainError("wrong_state", "empty",
    "business_hidden")."""
    with transaction.atomic():
        fresh = _ready(post.pk)
        fresh = POST_STATES.move(fresh, Post.State.PUBLISHED, at=at, actor=actor, published_at=at, publish_at=None)
        tell(PostPublished(fresh.pk, at), key=str(fresh.pk), at=at)
    return fresh


def schedule(post: Post, *, publish_at: datetime, actor: Any, at: datetime) -> Post:
    """draft → scheduled for an instant after `at` and within a year. Raises DomainError("wrong_instant") and those of
    `publish`."""
    if not at < publish_at <= at + FURTHEST:
        raise DomainError("wrong_instant", _("Choose an hour from now on, within a year."), field="publish_at")
    with transaction.atomic():
        fresh = _ready(post.pk)
        return POST_STATES.move(
            fresh,
            Post.State.SCHEDULED,
            at=at,
            actor=actor,
            publish_at=publish_at,
            details={"publish_at": publish_at.isoformat()},
        )


def unschedule(post: Post, *, actor: Any, at: datetime) -> Post:
    """scheduled → draft. Raises DomainError("wrong_state")."""
    with transaction.atomic():
        return POST_STATES.move(post, Post.State.DRAFT, at=at, actor=actor, publish_at=None)


def publish_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: publish what is due by `at`, each once however often this runs and on however many workers.

    A post whose business has been withdrawn meanwhile goes back to its drafts, so that it does not come due forever.
    """
    counts = {"published": 0, "errors": 0}
    due = Post.objects.filter(state=Post.State.SCHEDULED, publish_at__lte=at).order_by("publish_at", "pk")
    locks.each(due.values_list("pk", flat=True), lambda pk: _publish_due(pk, at=at), counts, "published")
    return counts


def _publish_due(post_id: int, *, at: datetime) -> bool:
    with transaction.atomic():
        post = locks.try_lock(Post, post_id, state=Post.State.SCHEDULED, publish_at__lte=at)
        if post is None:
            return False
        if post.business.state != Business.State.PUBLISHED:
            POST_STATES.move(
                post, Post.State.DRAFT, at=at, actor="news.publish", reason="business hidden", publish_at=None
            )
            return False
        publish(post, actor="news.publish", at=at)
        return True


def withdraw(post: Post, *, actor: Any, at: datetime, reason: str) -> Post:
    """published → withdrawn, with a reason for the audit trail; the address then answers 410."""
    if not reason.strip():
        raise DomainError("reason_needed", _("Give a reason."), field="reason")
    with transaction.atomic():
        return POST_STATES.move(post, Post.State.WITHDRAWN, at=at, actor=actor, reason=reason, withdrawn_at=at)


def discard(post: Post, *, actor: Any, at: datetime) -> None:
    """Delete a draft that was never published. Raises DomainError("wrong_state")."""
    with transaction.atomic():
        fresh = locks.lock_one(Post, post.pk)
        if fresh.state != Post.State.DRAFT:
            raise DomainError("wrong_state", _("Only a draft can be deleted."))
        audit.record(
            action="businesses.Post.discarded", subject=fresh, at=at, actor=actor, changes={"title": fresh.title}
        )
        fresh.delete()


# --- Photos -------------------------------------------------------------------------------------------------------


def add_photo(post: Post, file: BinaryIO, *, alt: str, actor: Any, at: datetime) -> PostPhoto:
    """Put an upload through the image pipeline and hang it on the post.

    Raises images.ImageRefused, DomainError("alt_needed", "too_many_photos", "withdrawn").
    """
    alt = _described(alt, field="photo_alt")
    _room(post)
    processed = images.ingest(file)  # outside of the lock: seconds for a large photo
    with transaction.atomic():
        fresh = locks.lock_one(Post, post.pk)
        _room(fresh)
        last = fresh.photos.order_by("-position").first()
        photo = PostPhoto.objects.create(
            post=fresh,
            digest=processed.digest,
            widths=list(processed.widths),
            width=processed.width,
            height=processed.height,
            alt=alt,
            position=last.position + 1 if last else 0,
        )
        audit.record(
            action="businesses.Post.photo_added", subject=fresh, at=at, actor=actor, changes={"photo": photo.digest}
        )
    return photo


def _described(alt: str, *, field: str) -> str:
    alt = " ".join(alt.split())
    if not alt:
        message = _("Say in a sentence what the photo shows, for readers who cannot see it.")
        raise DomainError("alt_needed", message, field=field)
    return alt[:LONGEST_ALT]


def _changeable(post: Post) -> None:
    if post.state == Post.State.WITHDRAWN:
        raise DomainError("withdrawn", _("A post that was withdrawn cannot be changed."))


def _room(post: Post) -> None:
    _changeable(post)
    if post.photos.count() >= MOST_PHOTOS:
        message = _("A post has at most %(most)d photos.") % {"most": MOST_PHOTOS}
        raise DomainError("too_many_photos", message, field="photo")


def describe_photos(post: Post, alts: dict[int, str], *, actor: Any, at: datetime) -> int:
    """Give photos of the post (by primary key) new descriptions; answers how many changed.

    Photos of another post are passed over. Raises DomainError("alt_needed") and changes none.
    """
    with transaction.atomic():
        locks.lock_one(Post, post.pk)
        changed = []
        for photo in post.photos.filter(pk__in=alts):
            alt = _described(alts[photo.pk], field=f"alt_{photo.pk}")
            if alt != photo.alt:
                photo.alt = alt
                changed.append(photo)
        PostPhoto.objects.bulk_update(changed, ["alt"])
        if changed:
            audit.record(
                action="businesses.Post.photos_described",
                subject=post,
                at=at,
                actor=actor,
                changes={"photos": [photo.pk for photo in changed]},
            )
    return len(changed)


def turn_photo(post: Post, photo_id: int, *, actor: Any, at: datetime) -> bool:
    """Turn a photo of the post by a quarter to the right; False when it has none of that id."""
    photo = post.photos.filter(pk=photo_id).first()
    if photo is None:
        return False
    processed = images.turned(photo)  # outside of the lock, as when it was added
    with transaction.atomic():
        fresh = locks.lock_one(Post, post.pk)
        _changeable(fresh)
        same = fresh.photos.filter(pk=photo_id, digest=photo.digest).first()
        if same is None:
            return False
        same.digest, same.widths = processed.digest, list(processed.widths)
        same.width, same.height = processed.width, processed.height
        same.save(update_fields=["digest", "widths", "width", "height"])
        audit.record(
            action="businesses.Post.photo_turned", subject=fresh, at=at, actor=actor, changes={"photo": same.digest}
        )
    return True


def remove_photo(post: Post, photo_id: int, *, actor: Any, at: datetime) -> bool:
    """Take a photo off the post; False when it has none of that id. The files stay, since another post may show the
    same picture (names are made of content)."""
    with transaction.atomic():
        fresh = locks.lock_one(Post, post.pk)
        photo = fresh.photos.filter(pk=photo_id).first()
        if photo is None:
            return False
        audit.record(
            action="businesses.Post.photo_removed", subject=fresh, at=at, actor=actor, changes={"photo": photo.digest}
        )
        photo.delete()
    return True
