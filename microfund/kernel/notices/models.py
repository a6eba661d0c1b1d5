"""Outgoing mail as rows: written with what they report, sent afterwards, kept and read by staff."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Notice(models.Model):
    """One mail to one person. `key` is unique per event and person, so a task that runs twice sends one."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")

    key = models.CharField(_("key"), max_length=160, unique=True)
    kind = models.CharField(_("kind"), max_length=60)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="notices", verbose_name=_("user")
    )
    recipient = models.EmailField(_("recipient"))
    language = models.CharField(_("language"), max_length=8)
    subject = models.CharField(_("subject"), max_length=200)
    text = models.TextField(_("text"))
    html = models.TextField(_("HTML"))
    headers = models.JSONField(_("further headers"), default=dict, blank=True)
    happened_at = models.DateTimeField(_("happened at"))
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_try_at = models.DateTimeField(_("next try at"), db_default=Now())
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True, default="")

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        indexes = [
            models.Index(
                fields=["next_try_at", "id"],
                condition=models.Q(state__in=["queued", "sending"]),
                name="notices_due_idx",
            ),
            models.Index(fields=["recipient"], name="notices_recipient_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} → {self.recipient}"


class NoticeChoice(models.Model):
    """Whether a person wants mails of one kind that may be switched off (choices.py); no row means yes."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="notice_choices", verbose_name=_("user")
    )
    kind = models.CharField(_("kind"), max_length=60)
    wanted = models.BooleanField(_("wanted"))
    changed_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("choice of mails")
        verbose_name_plural = _("choices of mails")
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="notice_choice_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind} {self.wanted}"
