"""Reads of questions: what everybody sees, what waits for an answer, what somebody asked."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Exists, OuterRef, QuerySet, Value
from django.db.models.fields import BooleanField

from businesses.models import Business

from .models import Question, Wonder


def shown(business: Business, user: Any) -> QuerySet[Question]:
    """What the public sees of a business: picked ones first, then by how many wonder, then the newest. Each with
    `wonder_count` and whether this visitor wonders too (`mine`); one query."""
    mine: Any = Value(False, output_field=BooleanField())
    if user.is_authenticated:
        mine = Exists(Wonder.objects.filter(question=OuterRef("pk"), user=user))
    return (
        Question.objects.filter(business=business)
        .exclude(state=Question.State.REMOVED)
        .annotate(wonder_count=Count("wonders"), mine=mine)
        .order_by("-picked", "-wonder_count", "-asked_at", "-pk")
    )


def latest_answered(business: Business, *, most: int = 5) -> list[Question]:
    """The newest answered questions, for the business's page."""
    found = Question.objects.filter(business=business, state=Question.State.ANSWERED)
    return list(found.order_by("-picked", "-answered_at", "-pk")[:most])


def shown_question(pk: int) -> Question | None:
    """A question that everybody can read, with its business."""
    return (
        Question.objects.filter(pk=pk, business__state=Business.State.PUBLISHED)
        .exclude(state=Question.State.REMOVED)
        .select_related("business")
        .first()
    )


def to_answer(business: Business) -> QuerySet[Question]:
    """What waits for an answer, the oldest first."""
    found = Question.objects.filter(business=business, state=Question.State.OPEN)
    return found.annotate(wonder_count=Count("wonders")).order_by("asked_at", "pk")


def of_asker(user: Any) -> QuerySet[Question]:
    """What somebody asked, newest first."""
    return Question.objects.filter(asker=user).select_related("business").order_by("-asked_at", "-pk")
