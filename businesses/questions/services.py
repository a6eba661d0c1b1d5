"""Ask, wonder the same, answer, pick, remove (pages.md P7 and O4)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from businesses.events import QuestionAnswered, QuestionAsked
from businesses.models import Business
from microfund.kernel import locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.services import publish

from .models import LONGEST_ANSWER, LONGEST_NAME, LONGEST_QUESTION, QUESTION_STATES, Question, Wonder


def ask(business: Business, *, asker: Any, name: str, text: str, form_token: UUID, at: datetime) -> Question:
    """Ask in public; the same form sent twice is one question.

    Raises DomainError: "not_published", "name_needed", "text_needed", "text_too_long".
    """
    name, text = " ".join(name.split()), text.replace("\r\n", "\n").strip()
    if business.state != Business.State.PUBLISHED:
        raise DomainError("not_published", _("This business takes no questions now."))
    if not name or len(name) > LONGEST_NAME:
        message = _("Give a name of at most %(most)d letters.") % {"most": LONGEST_NAME}
        raise DomainError("name_needed", message, field="name")
    if not text:
        raise DomainError("text_needed", _("Write something first."), field="text")
    if len(text) > LONGEST_QUESTION:
        message = _("A question has at most %(most)d letters.") % {"most": LONGEST_QUESTION}
        raise DomainError("text_too_long", message, field="text")
    with transaction.atomic():
        made, new = Question.objects.get_or_create(
            form_token=form_token,
            defaults={"business": business, "asker": asker, "name": name, "text": text, "asked_at": at},
        )
        if new:
            publish(QuestionAsked(question_id=made.pk, at=at), key=str(made.pk), at=at)
    return made


def wonder(question: Question, user: Any, *, at: datetime) -> None:
    """Count somebody who wonders the same, once; the asker does so already."""
    if question.state != Question.State.REMOVED and question.asker_id != user.pk:
        Wonder.objects.bulk_create([Wonder(question=question, user=user, at=at)], ignore_conflicts=True)


def unwonder(question: Question, user: Any) -> None:
    """Take it back."""
    Wonder.objects.filter(question=question, user=user).delete()


def answer(question: Question, text: str, *, actor: Any, by_staff: bool = False, at: datetime) -> Question:
    """Answer, or mend an answer; whoever asked hears of the first one.

    Raises DomainError: "text_needed", "text_too_long", "wrong_state" (it was removed).
    """
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise DomainError("text_needed", _("Write something first."), field="answer")
    if len(text) > LONGEST_ANSWER:
        message = _("An answer has at most %(most)d letters.") % {"most": LONGEST_ANSWER}
        raise DomainError("text_too_long", message, field="answer")
    values = {"answer": text, "answered_by": actor, "by_staff": by_staff, "answered_at": at}
    with transaction.atomic():
        fresh = locks.lock_one(Question, question.pk)
        if fresh.state == Question.State.ANSWERED:
            for name, value in values.items():
                setattr(fresh, name, value)
            fresh.save(update_fields=list(values))
            audit.record(action="businesses.Question.answer_mended", subject=fresh, at=at, actor=actor)
            return fresh
        fresh = QUESTION_STATES.move(fresh, Question.State.ANSWERED, at=at, actor=actor, **values)
        publish(QuestionAnswered(question_id=fresh.pk, at=at), key=str(fresh.pk), at=at)
        return fresh


def pick(question: Question, *, picked: bool, actor: Any, at: datetime) -> None:
    """Put an answered question among those that stand first, or take it from there. Raises
    DomainError("wrong_state")."""
    with transaction.atomic():
        fresh = locks.lock_one(Question, question.pk)
        if fresh.state != Question.State.ANSWERED:
            raise DomainError("wrong_state", _("Answer the question first."))
        fresh.picked = picked
        fresh.save(update_fields=["picked"])
        audit.record(action="businesses.Question.picked", subject=fresh, at=at, actor=actor, changes={"picked": picked})


def remove(question: Question, *, actor: Any, at: datetime, reason: str) -> Question:
    """Take a question off the page; whoever asked reads the reason. Raises DomainError("reason_needed",
    "wrong_state")."""
    reason = " ".join(reason.split())
    if not reason:
        raise DomainError("reason_needed", _("Give a reason."), field="reason")
    with transaction.atomic():
        return QUESTION_STATES.move(
            question, Question.State.REMOVED, at=at, actor=actor, reason=reason[:200], removed_reason=reason[:200]
        )
