"""The firms being rebuilt, the people who speak for them, and their pictures (domain.md section 1)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Concat, Lower
from django.utils.translation import gettext_lazy as _

from .following.models import DigestDay, Follow
from .news.models import Comment, Post, PostPhoto, Thanks
from .profile.models import MOMENTS, Proposal
from .questions.models import Question, Wonder

__all__ = [
    "Business",
    "Comment",
    "Disaster",
    "DigestDay",
    "Follow",
    "Membership",
    "Milestone",
    "Picture",
    "Post",
    "PostPhoto",
    "Proposal",
    "Question",
    "Spending",
    "TeamPerson",
    "Thanks",
    "Wonder",
]


class Disaster(models.Model):
    """The event a fund answers."""

    slug = models.SlugField(_("slug"), unique=True)
    name_en = models.CharField(_("name (English)"), max_length=120)
    name_ja = models.CharField(_("name (Japanese)"), max_length=120)
    happened_on = models.DateField(_("date"))

    class Meta:
        verbose_name = _("disaster")
        verbose_name_plural = _("disasters")

    def __str__(self) -> str:
        return self.name_en


class Business(models.Model):
    """A small firm being rebuilt. Money amounts are yen without consumption tax."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        IN_REVIEW = "in_review", _("in review")
        PUBLISHED = "published", _("published")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Trade(models.TextChoices):
        OYSTER = "oyster", _("oyster farming")
        SAKE = "sake", _("sake brewing")
        SOY = "soy", _("soy sauce brewing")
        SEAWEED = "seaweed", _("seaweed")
        FISH = "fish", _("fish processing")
        TOFU = "tofu", _("tofu making")
        RYOKAN = "ryokan", _("inn")
        RAMEN = "ramen", _("restaurant")
        KNIT = "knit", _("knitting")
        CANNERY = "cannery", _("canning")
        BAKERY = "bakery", _("bakery")
        BOAT = "boat", _("boat building")
        OTHER = "other", _("other trade")

    slug = models.SlugField(_("slug"), unique=True)
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.DRAFT)
    name_en = models.CharField(_("name (English)"), max_length=120)
    name_ja = models.CharField(_("name (Japanese)"), max_length=120)
    trade = models.CharField(_("trade"), max_length=12, choices=Trade.choices)
    town_en = models.CharField(_("town (English)"), max_length=80)
    town_ja = models.CharField(_("town (Japanese)"), max_length=80)
    disaster = models.ForeignKey(Disaster, models.PROTECT, related_name="businesses", verbose_name=_("disaster"))
    owner_name_en = models.CharField(_("owner (English)"), max_length=80)
    owner_name_ja = models.CharField(_("owner (Japanese)"), max_length=80)
    founded_year = models.PositiveSmallIntegerField(_("founded"))
    staff_before = models.PositiveSmallIntegerField(_("staff before"))
    staff_now = models.PositiveSmallIntegerField(_("staff now"))
    revenue_before = models.BigIntegerField(_("yearly revenue before (yen)"))
    use_line_en = models.CharField(_("use line (English)"), max_length=200)
    use_line_ja = models.CharField(_("use line (Japanese)"), max_length=200)
    story_en = models.TextField(_("story (English)"))
    story_ja = models.TextField(_("story (Japanese)"))
    story_now_en = models.TextField(_("story: now (English)"), blank=True, default="", db_default="")
    story_now_ja = models.TextField(_("story: now (Japanese)"), blank=True, default="", db_default="")
    story_next_en = models.TextField(_("story: next (English)"), blank=True, default="", db_default="")
    story_next_ja = models.TextField(_("story: next (Japanese)"), blank=True, default="", db_default="")
    damage_en = models.TextField(_("damage (English)"))
    damage_ja = models.TextField(_("damage (Japanese)"))
    uses_note_en = models.TextField(_("about the use of funds (English)"), blank=True, default="", db_default="")
    uses_note_ja = models.TextField(_("about the use of funds (Japanese)"), blank=True, default="", db_default="")
    plan_en = models.TextField(_("recovery plan (English)"), blank=True, default="", db_default="")
    plan_ja = models.TextField(_("recovery plan (Japanese)"), blank=True, default="", db_default="")
    story_edits = models.PositiveIntegerField(_("edits of the story"), default=0, db_default=0, editable=False)
    map_x = models.PositiveSmallIntegerField(_("map x"), default=0)
    map_y = models.PositiveSmallIntegerField(_("map y"), default=0)
    published_at = models.DateTimeField(_("published at"), null=True, blank=True)
    checked_on = models.DateField(_("last checked by staff"), null=True, blank=True)
    withdrawn_reason_en = models.TextField(_("reason of withdrawal (English)"), blank=True)
    withdrawn_reason_ja = models.TextField(_("reason of withdrawal (Japanese)"), blank=True)
    # What the public search looks through, lower case and in one place: one comparison instead of eight.
    search_text = models.GeneratedField(
        expression=Lower(
            Concat(
                *(
                    part
                    for field in ("name", "town", "owner_name", "use_line")
                    for language in ("en", "ja")
                    for part in (models.F(f"{field}_{language}"), models.Value(" "))
                )
            )
        ),
        output_field=models.TextField(),
        db_persist=True,
    )

    class Meta:
        verbose_name = _("business")
        verbose_name_plural = _("businesses")
        constraints = [
            models.CheckConstraint(condition=models.Q(revenue_before__gte=0), name="business_revenue_positive")
        ]
        indexes = [
            models.Index(fields=["state", "trade"], name="business_state_trade_idx"),
            # The list asks these without reading the rows, which are wide with stories.
            models.Index(fields=["state", "id"], name="business_state_id_idx"),
            models.Index(fields=["state", "town_en", "town_ja"], name="business_towns_idx"),
        ]

    def __str__(self) -> str:
        return self.name_en


class Membership(models.Model):
    """A person who speaks for a business."""

    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        EDITOR = "editor", _("editor")

    business = models.ForeignKey(Business, models.PROTECT, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships")
    role = models.CharField(_("role"), max_length=8, choices=Role.choices, default=Role.OWNER)

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [models.UniqueConstraint(fields=["business", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.business}"


class Picture(models.Model):
    """A picture that went through the image pipeline (businesses/images.py): re-encoded, without metadata.

    `moment` is the part of the story that it stands beside, "" for none.
    The files are `pictures/<digest>/<width>.webp` for each of `widths`; height/width in `ratio_height`/`ratio_width`.
    """

    class Role(models.TextChoices):
        HERO = "hero", _("main picture")
        STORY = "story", _("story")

    business = models.ForeignKey(Business, models.CASCADE, related_name="pictures")
    role = models.CharField(_("role"), max_length=8, choices=Role.choices, default=Role.HERO)
    moment = models.CharField(
        _("part of the story"), max_length=6, choices=MOMENTS, blank=True, default="", db_default=""
    )
    digest = models.CharField(_("content hash"), max_length=64)
    widths = models.JSONField(_("widths"))
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    alt_en = models.CharField(_("description (English)"), max_length=250)
    alt_ja = models.CharField(_("description (Japanese)"), max_length=250)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return self.alt_en


class TeamPerson(models.Model):
    """Somebody of the team as the page shows them: no account, and no more than they agreed to show. A portrait went
    through the image pipeline; without one `digest` is empty."""

    business = models.ForeignKey(Business, models.CASCADE, related_name="team")
    name_en = models.CharField(_("name (English)"), max_length=80)
    name_ja = models.CharField(_("name (Japanese)"), max_length=80)
    role_en = models.CharField(_("what they do (English)"), max_length=80)
    role_ja = models.CharField(_("what they do (Japanese)"), max_length=80)
    words_en = models.CharField(_("in their own words (English)"), max_length=400, blank=True, default="")
    words_ja = models.CharField(_("in their own words (Japanese)"), max_length=400, blank=True, default="")
    digest = models.CharField(_("content hash"), max_length=64, blank=True, default="")
    widths = models.JSONField(_("widths"), default=list)
    width = models.PositiveIntegerField(_("width"), default=0)
    height = models.PositiveIntegerField(_("height"), default=0)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("person of the team")
        verbose_name_plural = _("team")
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(name_en="") & ~models.Q(name_ja="") & ~models.Q(role_en="") & ~models.Q(role_ja=""),
                name="team_person_named",
            ),
            models.CheckConstraint(condition=models.Q(digest="") | models.Q(width__gt=0), name="team_portrait_sized"),
        ]

    def __str__(self) -> str:
        return self.name_en


class Milestone(models.Model):
    """A step of the recovery with the date it is planned for, and the one on which it was done."""

    business = models.ForeignKey(Business, models.CASCADE, related_name="milestones")
    text_en = models.CharField(_("step (English)"), max_length=160)
    text_ja = models.CharField(_("step (Japanese)"), max_length=160)
    planned_on = models.DateField(_("planned for"))
    done_on = models.DateField(_("done on"), null=True, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("milestone")
        verbose_name_plural = _("milestones")
        ordering = ["planned_on", "position", "pk"]
        constraints = [
            models.CheckConstraint(condition=~models.Q(text_en="") & ~models.Q(text_ja=""), name="milestone_worded")
        ]

    def __str__(self) -> str:
        return self.text_en


class Spending(models.Model):
    """What a business has spent on one use of a fund so far, and how many receipts it keeps of that. `fund` is the
    slug of the fund, `use` what its terms say; amounts in yen."""

    business = models.ForeignKey(Business, models.CASCADE, related_name="spending")
    fund = models.CharField(_("fund"), max_length=50)
    use_en = models.CharField(_("use (English)"), max_length=500)
    use_ja = models.CharField(_("use (Japanese)"), max_length=500)
    amount = models.BigIntegerField(_("spent (yen)"))
    receipts = models.PositiveIntegerField(_("receipts"), default=0)
    reported_on = models.DateField(_("stood so on"))
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("spending")
        verbose_name_plural = _("spendings")
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="spending_positive"),
            models.UniqueConstraint(fields=["business", "fund", "use_en"], name="spending_once"),
        ]

    def __str__(self) -> str:
        return f"{self.use_en}: {self.amount}"
