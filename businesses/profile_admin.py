"""The staff's review of texts, teams and pictures that members propose for their page (pages.md O2, S9)."""

from __future__ import annotations

from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

from django import forms
from django.contrib import admin
from django.core.files.storage import default_storage
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from microfund.kernel import queues
from microfund.kernel.accounts.roles import REVIEWER
from microfund.kernel.acts import Act
from microfund.kernel.admin import ReadOnlyAdmin

from . import images
from .profile import lists, queries, services
from .profile.models import SECTIONS, Items, Proposal, Value

ACCEPT, RETURN = "accept", "return"


def _form(section: str) -> type[forms.Form]:
    fields: dict[str, Any] = {}
    for text in SECTIONS[section]:
        fields[text.name] = forms.ChoiceField(
            label=text.label,
            required=False,
            choices=[("", _("unchanged")), (ACCEPT, _("accept: it is published")), (RETURN, _("return"))],
        )
        fields[f"{text.name}_comment"] = forms.CharField(
            label=_("Comment"),
            required=False,
            max_length=services.LONGEST_COMMENT,
            widget=forms.Textarea(attrs={"rows": 2}),
            help_text=_("The members of the business read it. Needed for what is returned."),
        )
    return type(f"Review{section.title()}Form", (forms.Form,), fields)


def _review(proposal: Proposal, *, actor: Any, at: datetime, **data: str) -> None:
    decisions = {
        text.name: services.Decision(data[text.name] == ACCEPT, data[f"{text.name}_comment"])
        for text in proposal.fields
        if data[text.name]
    }
    services.review(proposal, decisions=decisions, actor=actor, at=at)


def _act(section: str) -> Act:
    return Act(
        name=f"review_{section}",
        label=_("Review"),
        roles=(REVIEWER,),
        run=_review,
        form=_form(section),
        when=lambda proposal: proposal.state == Proposal.State.SUBMITTED and proposal.section == section,
        explanation=_("What you accept is public at once; what you return goes back with your comment."),
    )


@admin.register(Proposal)
class ProposalAdmin(ReadOnlyAdmin):
    """Texts that members propose; staff accept or return each."""

    list_display = ("business", "section", "state", "author", "submitted_at", "reviewed_at")
    list_filter = ("state", "section")
    list_select_related = ("business", "author")
    search_fields = ("business__name_en", "business__name_ja")
    ordering = ("-pk",)
    acts = tuple(_act(section) for section in SECTIONS)

    def facts(self, row: Proposal) -> list[tuple[Any, Any]]:
        """Each changed text, as it is and as it would be, side by side."""
        found: list[tuple[Any, Any]] = [(self.opts.verbose_name, str(row))]
        for text in row.fields:
            if isinstance(text, Items):
                if queries.differs(text, row.before, row.texts):
                    before, after = (_items(text, each.get(text.name, [])) for each in (row.before, row.texts))
                    found.append((text.label, _two_columns(before, after)))
                continue
            for column, language in zip(text.columns, ("en", "ja"), strict=True):
                before, after = row.before.get(column, ""), row.texts.get(column, "")
                if before != after:
                    label = f"{text.label} ({language})"
                    found.append((label, _side_by_side(before, after, language)))
        return found


def _side_by_side(before: str, after: str, language: str) -> SafeString:
    return _two_columns(
        format_html('<del lang="{}">{}</del>', language, before),
        format_html('<ins lang="{}">{}</ins>', language, after),
    )


def _two_columns(before: SafeString, after: SafeString) -> SafeString:
    return format_html(
        '<div class="proposed"><div><strong>{}</strong>{}</div><div><strong>{}</strong>{}</div></div>',
        _("On the page"), before, _("Proposed"), after,
    )  # fmt: skip


def _items(items: Items, given: list[lists.Item]) -> SafeString:
    """A list as staff judge it: each item with its picture and its words in both languages."""
    rows = format_html_join("", "<li>{}{}</li>", ((_picture(item), _words(items, item)) for item in given))
    return format_html("<ol>{}</ol>", rows)


def _picture(item: lists.Item) -> SafeString:
    if not item["picture"]:
        return SafeString("")
    shown = SimpleNamespace(**item["picture"])
    if not default_storage.exists(images.path(shown, max(shown.widths))):
        return format_html("<em>{}</em>", _("The picture was deleted: nothing shows it any more."))
    return format_html(
        '<a href="{}"><img src="{}" alt="" width="160"></a>', images.src(shown, 1600), images.src(shown, 320)
    )


def _words(items: Items, item: lists.Item) -> SafeString:
    words = ((column[-2:], item[column]) for column, _most in lists.columns_of(items) if item[column])
    values = (
        (value.label or value.name, _value(value, item[value.name])) for value in items.values if value.name in item
    )
    return format_html_join("", '<p lang="{}">{}</p>', words) + format_html_join("", "<p>{}: {}</p>", values)


def _value(value: Value, said: Any) -> str:
    """A value as staff read it."""
    if value.kind == "date":
        return date_format(date.fromisoformat(said))
    if value.kind == "number":
        return f"{said:,}"
    return str(dict(value.choices).get(said, said))


queues.register(
    queues.Queue(
        key="proposals_review",
        label=_("Texts and pictures of business pages to review"),
        model=Proposal,
        rows=queries.waiting,
        roles=(REVIEWER,),
    )
)
