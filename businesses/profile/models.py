"""What members of a business propose for its public page, and what staff said to each field (pages.md O2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from microfund.kernel.states import StateTable

PROPOSAL_STATES = StateTable(
    "businesses.Proposal",
    {
        "draft": ("submitted", "withdrawn"),
        "submitted": ("returned", "published", "withdrawn"),
        "returned": ("submitted", "withdrawn"),
        "published": (),
        "withdrawn": (),
    },
    section="pages.md O2",
)


@dataclass(frozen=True, slots=True)
class Text:
    """A text of the public page, kept in the columns `name`_en and `name`_ja of the business."""

    name: str
    label: Any
    hint: Any
    longest: int
    rows: int
    optional: bool = False

    @property
    def columns(self) -> tuple[str, str]:
        """Its two columns; staff judge both together, so that the languages never say different things."""
        return f"{self.name}_en", f"{self.name}_ja"


#: What members may propose, section by section. Terms of a fund are not among them and never can be.
SECTIONS: dict[str, tuple[Text, ...]] = {
    "profile": (
        Text("use_line", _("What the money is used for"), _("One sentence, the first that visitors read."), 200, 2),
        Text("story", _("Story"), _("Before, that day, now, and what comes next."), 12_000, 12),
        Text("damage", _("What the disaster did"), _("What was lost, in plain words and figures."), 6_000, 6),
    ),
    "uses": (
        Text(
            "uses_note",
            _("About the use of funds"),
            _("Why these things, and in which order. It stands below the table."),
            4_000,
            6,
            optional=True,
        ),
    ),
}


class Proposal(models.Model):
    """New texts for one section of a business's page. `texts` and `before` are by column, `answers` by text:
    {"accepted": bool, "comment": str}. `before` is what the page said when it was submitted."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SUBMITTED = "submitted", _("in review")
        RETURNED = "returned", _("returned")
        PUBLISHED = "published", _("published")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Section(models.TextChoices):
        PROFILE = "profile", _("profile")
        USES = "uses", _("use of funds")

    business = models.ForeignKey("businesses.Business", models.PROTECT, related_name="proposals")
    section = models.CharField(_("section"), max_length=8, choices=Section.choices)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DRAFT)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("author"))
    version = models.PositiveIntegerField(_("version"), default=1)
    texts = models.JSONField(_("proposed"), default=dict)
    before = models.JSONField(_("on the page"), default=dict)
    answers = models.JSONField(_("answers"), default=dict)
    created_at = models.DateTimeField(_("begun at"))
    edited_at = models.DateTimeField(_("edited at"))
    submitted_at = models.DateTimeField(_("submitted at"), null=True)
    reviewed_at = models.DateTimeField(_("reviewed at"), null=True)

    class Meta:
        verbose_name = _("proposed text")
        verbose_name_plural = _("proposed texts")
        constraints = [
            models.UniqueConstraint(
                fields=["business", "section"],
                condition=models.Q(state__in=["draft", "submitted", "returned"]),
                name="proposal_one_open",
            )
        ]
        indexes = [models.Index(fields=["state", "submitted_at"], name="proposal_queue_idx")]

    def __str__(self) -> str:
        return f"{self.business} · {self.get_section_display()}"

    @property
    def fields(self) -> tuple[Text, ...]:
        """The texts of its section."""
        return SECTIONS[self.section]
