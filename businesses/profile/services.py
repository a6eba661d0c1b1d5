"""Texts and lists of a business's page, from a member's draft over the staff's review to the page (pages.md O2).

Every change locks the business first, then the proposal: two devices, or a member and a reviewer, come one after the
other. What staff accept is on the page with their decision; nothing else ever is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from businesses.events import ProposalReviewed
from businesses.models import Business
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.services import publish as tell

from . import lists, queries
from .models import PROPOSAL_STATES, SECTIONS, Items, Proposal, Text

LONGEST_COMMENT = 1000
#: Changes of these count as edits of the story, which the page's foot tells.
STORY = {"story", "damage", "story_now", "story_next"}


@dataclass(frozen=True, slots=True)
class Decision:
    """What staff say to one text; a text that is not accepted needs a comment."""

    accepted: bool
    comment: str = ""


def save(
    business: Business, *, section: str, texts: dict[str, Any], version: int, actor: Any, at: datetime
) -> Proposal:
    """Save a draft of a section over `version` (0: nothing was there). Saving what is there already changes nothing.

    Raises DomainError: "too_long" with the field (and `item` in a list), those of lists.judged, "in_review" while staff
    look at it, "changed_elsewhere" when another save came in between (nothing is written; `proposal` in its data is the
    row as it stands).
    """
    texts = _judged(business, section, texts, at)
    with transaction.atomic():
        locks.lock_one(Business, business.pk)
        found = queries.open_proposal(business, section)
        if found is None:
            if version:
                raise DomainError("gone", _("This text was published or withdrawn meanwhile. Open the page again."))
            made = Proposal.objects.create(
                business=business, section=section, author=actor, texts=texts, created_at=at, edited_at=at
            )
            audit.record(action="businesses.Proposal.begun", subject=made, at=at, actor=actor)
            return made
        fresh = locks.lock_one(Proposal, found.pk)
        if fresh.texts == texts:
            return fresh
        if fresh.version != version:
            message = _("This text was changed on another device. Both texts are below; nothing was overwritten.")
            raise DomainError("changed_elsewhere", message, proposal=fresh)
        if fresh.state == Proposal.State.SUBMITTED:
            raise DomainError("in_review", _("Staff are looking at it. Withdraw it first to change it."))
        changed = sorted(name for name, value in texts.items() if fresh.texts.get(name) != value)
        fresh.texts, fresh.version, fresh.edited_at = texts, fresh.version + 1, at
        fresh.save(update_fields=["texts", "version", "edited_at"])
        audit.record(
            action="businesses.Proposal.edited", subject=fresh, at=at, actor=actor, changes={"changed": changed}
        )
    return fresh


def _judged(business: Business, section: str, texts: dict[str, Any], at: datetime) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for text in SECTIONS[section]:
        if isinstance(text, Items):
            clean[text.name] = lists.judged(business, text, texts[text.name], on=clock.today_in(None, at))
            continue
        for column in text.columns:
            value = texts[column].replace("\r\n", "\n").strip()
            if len(value) > text.longest:
                message = _("This text has more than %(most)d letters.") % {"most": text.longest}
                raise DomainError("too_long", message, field=column)
            clean[column] = value
    return clean


def submit(proposal: Proposal, *, actor: Any, at: datetime) -> Proposal:
    """draft or returned → submitted. Raises DomainError("empty") with the field when a language is missing, and
    "nothing_changed" when the page says all of it already."""
    with transaction.atomic():
        business = locks.lock_one(Business, proposal.business_id)
        fresh = locks.lock_one(Proposal, proposal.pk)
        changed = queries.changed_texts(fresh, business)
        if not changed:
            raise DomainError("nothing_changed", _("The page says this already. Change something first."))
        for text in fresh.fields:
            _need_both(text, fresh)
        before = queries.on_the_page(business, fresh.section)
        return PROPOSAL_STATES.move(
            fresh, Proposal.State.SUBMITTED, at=at, actor=actor, before=before, submitted_at=at, answers={}
        )


def _need_both(text: Text | Items, proposal: Proposal) -> None:
    if isinstance(text, Items):
        lists.need_whole(text, proposal.texts[text.name])
        return
    values = {column: proposal.texts.get(column, "") for column in text.columns}
    if text.optional and not any(values.values()):
        return
    for column, value in values.items():
        if not value:
            raise DomainError("empty", _("Write this in both languages."), field=column)


def withdraw(proposal: Proposal, *, actor: Any, at: datetime) -> Proposal:
    """Take back a draft or what was submitted; the page stays as it is."""
    with transaction.atomic():
        return PROPOSAL_STATES.move(proposal, Proposal.State.WITHDRAWN, at=at, actor=actor)


def review(proposal: Proposal, *, decisions: dict[str, Decision], actor: Any, at: datetime) -> Proposal:
    """submitted → published when every changed text is accepted, else → returned; what is accepted is on the page.

    Both languages of a text are judged together. Raises DomainError with the text as `field`: "decision_needed",
    "reason_needed" for one that is returned, "comment_too_long", "page_changed" when the page no longer says what it
    said when the text was submitted (return it then).
    """
    with transaction.atomic():
        business = locks.lock_one(Business, proposal.business_id)
        fresh = locks.lock_one(Proposal, proposal.pk)
        PROPOSAL_STATES.require(fresh.state, Proposal.State.PUBLISHED)
        answers: dict[str, dict[str, Any]] = {}
        written: dict[str, list[Any]] = {}
        live = queries.on_the_page(business, fresh.section)
        for text in fresh.fields:
            if not queries.differs(text, fresh.before, fresh.texts):
                continue
            decision = _decided(text, decisions)
            answers[text.name] = {"accepted": decision.accepted, "comment": decision.comment.strip()}
            if not decision.accepted:
                continue
            for column in text.columns:
                before = fresh.before.get(column, text.nothing)
                if live[column] != before:
                    message = _("The page was changed since this was submitted. Return it, so that it is looked at.")
                    raise DomainError("page_changed", message, field=text.name)
                written[column] = [before, fresh.texts[column]]
        _write(business, fresh.fields, written, answers, actor=actor, at=at)
        whole = all(answer["accepted"] for answer in answers.values())
        fresh = PROPOSAL_STATES.move(
            fresh,
            Proposal.State.PUBLISHED if whole else Proposal.State.RETURNED,
            at=at,
            actor=actor,
            answers=answers,
            reviewed_at=at,
            details={"answers": answers},
        )
        tell(ProposalReviewed(fresh.pk, fresh.state, at), key=f"{fresh.pk}:{at.isoformat()}", at=at)
    return fresh


def _decided(text: Text | Items, decisions: dict[str, Decision]) -> Decision:
    decision = decisions.get(text.name)
    if decision is None:
        raise DomainError("decision_needed", _("Accept or return this text."), field=text.name)
    if not decision.accepted and not decision.comment.strip():
        raise DomainError("reason_needed", _("Say why it is returned."), field=text.name)
    if len(decision.comment) > LONGEST_COMMENT:
        message = _("The comment has more than %(most)d letters.") % {"most": LONGEST_COMMENT}
        raise DomainError("comment_too_long", message, field=text.name)
    return decision


def _write(
    business: Business,
    fields: tuple[Text | Items, ...],
    written: dict[str, list[Any]],
    answers: dict[str, Any],
    *,
    actor: Any,
    at: datetime,
) -> None:
    """Put accepted texts and lists on the page. Staff have looked at it on this date."""
    if not written:
        return
    on = clock.today_in(None, at)
    of_lists = {text.name: text for text in fields if isinstance(text, Items)}
    for column, (_before, after) in written.items():
        if column in of_lists:
            lists.write(business, of_lists[column], after, on=on)
        else:
            setattr(business, column, after)
    business.checked_on = on
    business.story_edits += any(answers[name]["accepted"] for name in STORY & answers.keys())
    business.save(update_fields=[*(written.keys() - of_lists.keys()), "checked_on", "story_edits"])
    audit.record(action="businesses.Business.text_published", subject=business, at=at, actor=actor, changes=written)
