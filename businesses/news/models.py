"""News of a business: posts with photos, the thanks for them and what supporters say below (pages.md P6, O3)."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from microfund.kernel.states import StateTable

#: Letters of a post's source, of its title, of a photo's description and of a comment.
LONGEST_SOURCE = 20_000
LONGEST_TITLE = 120
LONGEST_ALT = 250
LONGEST_COMMENT = 1_000
MOST_PHOTOS = 8


class Post(models.Model):
    """A piece of news in one language, as its author typed it and as readers see it.

    `source` is Markdown and `html` what `text.render` made of it: both are kept, so that an edit begins at what was
    typed and a change of the renderer never changes what was published. `version` counts the saves of title, text,
    language and visibility: a save names the version it began from, so two devices never overwrite each other.
    `form_token` makes sending the form of a new post twice one post.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SCHEDULED = "scheduled", _("scheduled")
        PUBLISHED = "published", _("published")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Visibility(models.TextChoices):
        PUBLIC = "public", _("everybody")
        SUPPORTERS = "supporters", _("supporters only")

    class Language(models.TextChoices):
        EN = "en", "English"
        JA = "ja", "日本語"

    business = models.ForeignKey("businesses.Business", models.PROTECT, related_name="posts")
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DRAFT)
    visibility = models.CharField(
        _("who may read it"), max_length=10, choices=Visibility.choices, default=Visibility.PUBLIC
    )
    language = models.CharField(_("language"), max_length=2, choices=Language.choices, default=Language.JA)
    title = models.CharField(_("title"), max_length=LONGEST_TITLE, blank=True, default="")
    source = models.TextField(_("text (Markdown)"), blank=True, default="")
    html = models.TextField(_("text (HTML)"), blank=True, default="")
    excerpt = models.CharField(_("excerpt"), max_length=300, blank=True, default="")
    version = models.PositiveIntegerField(_("version"), default=1)
    form_token = models.UUIDField(_("form token"), unique=True, default=uuid.uuid4, editable=False)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="posts", verbose_name=_("author"))
    created_at = models.DateTimeField(_("created at"))
    edited_at = models.DateTimeField(_("edited at"))
    publish_at = models.DateTimeField(_("to be published at"), null=True, blank=True)
    published_at = models.DateTimeField(_("published at"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("news post")
        verbose_name_plural = _("news posts")
        constraints = [
            models.CheckConstraint(
                condition=~Q(state__in=["published", "withdrawn"]) | Q(published_at__isnull=False),
                name="post_published_has_its_instant",
            ),
            models.CheckConstraint(
                condition=~Q(state="scheduled") | Q(publish_at__isnull=False), name="post_scheduled_has_its_instant"
            ),
            models.CheckConstraint(
                condition=Q(state="draft") | ~(Q(title="") | Q(html="")), name="post_out_of_draft_has_words"
            ),
        ]
        indexes = [
            models.Index(fields=["-published_at", "-id"], condition=Q(state="published"), name="post_published_idx"),
            models.Index(
                fields=["business", "-published_at", "-id"],
                condition=Q(state="published"),
                name="post_business_published_idx",
            ),
            models.Index(fields=["publish_at"], condition=Q(state="scheduled"), name="post_due_idx"),
        ]

    def __str__(self) -> str:
        return self.title or f"#{self.pk}"

    @property
    def words(self) -> str:
        """The readable part of the address; a title without Latin letters has none and is called news."""
        return slugify(self.title)[:60].strip("-_") or "news"

    @property
    def for_supporters(self) -> bool:
        """Whether only supporters read the whole text."""
        return self.visibility == self.Visibility.SUPPORTERS

    @property
    def is_published(self) -> bool:
        """Whether readers can see it."""
        return self.state == self.State.PUBLISHED


POST_STATES = StateTable(
    "businesses.Post",
    {
        "draft": ("scheduled", "published"),
        "scheduled": ("draft", "published"),
        "published": ("withdrawn",),
    },
    section="pages.md P6",
)


class PostPhoto(models.Model):
    """A photo of a post, through the image pipeline (businesses/images.py). `alt` is in the post's language."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="photos")
    digest = models.CharField(_("content hash"), max_length=64)
    widths = models.JSONField(_("widths"))
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    alt = models.CharField(_("description"), max_length=LONGEST_ALT)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("photo of a post")
        verbose_name_plural = _("photos of posts")
        ordering = ["position", "pk"]
        constraints = [models.CheckConstraint(condition=~Q(alt=""), name="post_photo_is_described")]

    def __str__(self) -> str:
        return self.alt


class Thanks(models.Model):
    """A reader's thanks for a post, once each; taking it back deletes the row."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="thanks")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("thanks")
        verbose_name_plural = _("thanks")
        constraints = [models.UniqueConstraint(fields=["post", "user"], name="thanks_once")]

    def __str__(self) -> str:
        return f"{self.post_id}/{self.user_id}"


class Comment(models.Model):
    """What a supporter, or somebody of the business, says below a post. `name` is what they wish to be called.

    A comment that was removed keeps its row and its text for staff; readers see that there was one, and why it went.
    """

    post = models.ForeignKey(Post, models.CASCADE, related_name="comments")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="comments", verbose_name=_("author")
    )
    name = models.CharField(_("name"), max_length=40)
    text = models.CharField(_("text"), max_length=LONGEST_COMMENT)
    from_business = models.BooleanField(_("from the business"), default=False)
    form_token = models.UUIDField(_("form token"), unique=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(_("created at"))
    removed_at = models.DateTimeField(_("removed at"), null=True, blank=True)
    removed_reason = models.CharField(_("reason of removal"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        ordering = ["created_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True) | ~Q(removed_reason=""), name="comment_removed_has_reason"
            )
        ]

    def __str__(self) -> str:
        return self.text[:60]
