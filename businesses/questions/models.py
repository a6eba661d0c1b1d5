"""Questions to a business, in public, and its answers (pages.md P7)."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from microfund.kernel.states import StateTable

LONGEST_QUESTION, LONGEST_ANSWER, LONGEST_NAME = 600, 4_000, 40


class Question(models.Model):
    """One question; `name` is what the asker wishes to be called. Answered by the business's members or by staff, who
    are told apart. A removed one keeps its row and its text for staff."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ANSWERED = "answered", _("answered")
        REMOVED = "removed", _("removed")

    business = models.ForeignKey(
        "businesses.Business", models.PROTECT, related_name="questions", verbose_name=_("business")
    )
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.OPEN)
    asker = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="questions", verbose_name=_("asked by")
    )
    name = models.CharField(_("name"), max_length=LONGEST_NAME)
    text = models.CharField(_("question"), max_length=LONGEST_QUESTION)
    form_token = models.UUIDField(_("form token"), unique=True, default=uuid.uuid4, editable=False)
    asked_at = models.DateTimeField(_("asked at"))
    answer = models.TextField(_("answer"), max_length=LONGEST_ANSWER, blank=True, default="")
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("answered by")
    )
    by_staff = models.BooleanField(_("answered by the fund's staff"), default=False)
    answered_at = models.DateTimeField(_("answered at"), null=True)
    picked = models.BooleanField(_("often asked"), default=False)
    removed_reason = models.CharField(_("reason of removal"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("question")
        verbose_name_plural = _("questions")
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="answered") | (~Q(answer="") & Q(answered_at__isnull=False)),
                name="question_answered_has_answer",
            ),
            models.CheckConstraint(
                condition=~Q(state="removed") | ~Q(removed_reason=""), name="question_removed_has_reason"
            ),
        ]
        indexes = [models.Index(fields=["business", "state", "-asked_at"], name="question_business_idx")]

    def __str__(self) -> str:
        return self.text[:60]


QUESTION_STATES = StateTable(
    "businesses.Question",
    {"open": ("answered", "removed"), "answered": ("removed",)},
    section="pages.md P7",
)


class Wonder(models.Model):
    """Somebody wonders the same: once each; taking it back deletes the row."""

    question = models.ForeignKey(Question, models.CASCADE, related_name="wonders")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("person who wonders the same")
        verbose_name_plural = _("people who wonder the same")
        constraints = [models.UniqueConstraint(fields=["question", "user"], name="wonder_once")]

    def __str__(self) -> str:
        return f"{self.question_id}/{self.user_id}"
