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


@dataclass(frozen=True, slots=True)
class Items:
    """A list of the public page (lists.py keeps its rows), judged by staff as one: what counts is the whole, in its
    order. `fields` are the words of an item with their most letters, each in both languages; `needed` of them may not
    be missing. Every item has a picture if `pictured`, else it may have one."""

    name: str
    label: Any
    hint: Any
    most: int
    fields: tuple[tuple[str, int], ...]
    needed: frozenset[str]
    pictured: bool

    @property
    def columns(self) -> tuple[str]:
        """A list stands in one place, with both languages in it."""
        return (self.name,)

    @property
    def optional(self) -> bool:
        """A page may do without a team; once it has pictures it never goes without."""
        return not self.pictured


#: What members may propose, section by section. Terms of a fund are not among them and never can be.
SECTIONS: dict[str, tuple[Text | Items, ...]] = {
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
    "plan": (
        Text(
            "plan",
            _("Recovery plan"),
            _("What is done already, what comes next and by when, and what you need the money for."),
            8_000,
            10,
        ),
    ),
    "team": (
        Items(
            "team",
            _("Team"),
            _("The people behind the business. Ask each of them before you show them."),
            12,
            (("name", 80), ("role", 80), ("words", 400)),
            frozenset({"name", "role"}),
            pictured=False,
        ),
    ),
    "pictures": (
        Items(
            "pictures",
            _("Pictures"),
            _("The first is the main picture: it stands at the top of the page and on every list."),
            8,
            (("alt", 250),),
            frozenset({"alt"}),
            pictured=True,
        ),
    ),
}


def texts_of(section: str) -> list[Text]:
    """The texts of a section; none in one that is a list."""
    return [text for text in SECTIONS[section] if isinstance(text, Text)]


class Proposal(models.Model):
    """New texts, or a new list, for one section of a business's page. `texts` and `before` are by column,
    `answers` by text: {"accepted": bool, "comment": str}. `before` is what the page said when it was submitted."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SUBMITTED = "submitted", _("in review")
        RETURNED = "returned", _("returned")
        PUBLISHED = "published", _("published")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Section(models.TextChoices):
        PROFILE = "profile", _("profile")
        USES = "uses", _("use of funds")
        PLAN = "plan", _("recovery plan")
        TEAM = "team", _("team")
        PICTURES = "pictures", _("pictures")

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
    def fields(self) -> tuple[Text | Items, ...]:
        """The texts, or the list, of its section."""
        return SECTIONS[self.section]
