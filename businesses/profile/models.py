"""What members of a business propose for its public page, and what staff said to each field (pages.md O2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

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
    nothing: ClassVar[str] = ""

    @property
    def columns(self) -> tuple[str, str]:
        """Its two columns; staff judge both together, so that the languages never say different things."""
        return f"{self.name}_en", f"{self.name}_ja"


@dataclass(frozen=True, slots=True)
class Value:
    """What an item holds beside its words, the same in both languages: a date ("YYYY-MM-DD", "" for none; never a
    coming one if `past`), a whole number from 0, one of `choices`, or the `key` of an item that is given."""

    name: str
    label: Any
    kind: Literal["date", "number", "choice", "key"]
    hint: Any = ""
    needed: bool = False
    past: bool = False
    choices: Any = ()

    @property
    def nothing(self) -> str | int:
        """What an item has here that says nothing."""
        return 0 if self.kind == "number" else ""


@dataclass(frozen=True, slots=True)
class Items:
    """A list of the public page (lists.py keeps its rows), judged by staff as one: what counts is the whole, in its
    order. `fields` are the words of an item with their most letters, each in both languages; `needed` of them may not
    be missing; `values` are what else it holds. `pictures`: "each" item has one, "some" may, "none" has. The items of a
    `given` list are not the members' to add, word or put in order (lists.Source); those of a `dated` one stand by date.
    """

    name: str
    label: Any
    hint: Any
    most: int
    fields: tuple[tuple[str, int], ...]
    needed: frozenset[str]
    pictures: Literal["each", "some", "none"]
    values: tuple[Value, ...] = ()
    given: bool = False
    dated: bool = False
    #: What one item is called, on the button that adds one.
    adding: Any = ""

    @property
    def nothing(self) -> list[Any]:
        """The list without an item."""
        return []

    @property
    def columns(self) -> tuple[str]:
        """A list stands in one place, with both languages in it."""
        return (self.name,)

    @property
    def pictured(self) -> bool:
        """Whether every item is a picture."""
        return self.pictures == "each"

    @property
    def arranged(self) -> bool:
        """Whether members put the items in order."""
        return not self.given and not self.dated

    @property
    def optional(self) -> bool:
        """A page may do without a team; once it has pictures it never goes without."""
        return not self.pictured


#: The parts of the story, and the text that each shows; the first is the place of a picture that stands in none.
MOMENTS = (
    ("", _("below the story")),
    ("before", _("Before the disaster")),
    ("day", _("That day")),
    ("now", _("Now")),
    ("next", _("What comes next")),
)

#: What members may propose, section by section. Terms of a fund are not among them and never can be.
SECTIONS: dict[str, tuple[Text | Items, ...]] = {
    "profile": (
        Text("use_line", _("What the money is used for"), _("One sentence, the first that visitors read."), 200, 2),
        Text("story", _("Before the disaster"), _("Who you are, what you make, how the days went."), 12_000, 8),
        Text("damage", _("That day"), _("What was lost, in plain words and figures."), 6_000, 6),
        Text("story_now", _("Now"), _("What works again, and what does not yet."), 6_000, 6, optional=True),
        Text(
            "story_next", _("What comes next"), _("What you begin with, and where it leads."), 6_000, 6, optional=True
        ),
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
            pictures="some",
            adding=_("Add a person"),
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
            pictures="each",
            values=(
                Value(
                    "moment",
                    _("Where it stands"),
                    "choice",
                    _("The story has four parts; one picture stands beside each. The main picture is at the top."),
                    choices=MOMENTS,
                ),
            ),
            adding=_("Add a picture"),
        ),
    ),
    "steps": (
        Items(
            "milestones",
            _("Milestones"),
            _("The steps of your recovery. They stand on the page in the order of their dates."),
            20,
            (("text", 160),),
            frozenset({"text"}),
            pictures="none",
            values=(
                Value("planned_on", _("Planned for"), "date", needed=True),
                Value("done_on", _("Done on"), "date", _("Empty until it is done."), past=True),
            ),
            dated=True,
            adding=_("Add a milestone"),
        ),
    ),
    "spent": (
        Items(
            "spending",
            _("Spent so far"),
            _("For each use of the money that was released to you: how much you have spent on it until today."),
            100,
            (("use", 500),),
            frozenset({"use"}),
            pictures="none",
            values=(
                Value("fund", "", "key"),
                Value("amount", _("Spent so far (yen)"), "number", needed=True),
                Value("receipts", _("Receipts you keep of it"), "number", _("Staff may ask to see them."), needed=True),
            ),
            given=True,
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
        STEPS = "steps", _("milestones")
        SPENT = "spent", _("spent so far")

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
