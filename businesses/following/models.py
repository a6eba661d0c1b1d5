"""Who wishes to hear of a business: by account, or by an e-mail address that was confirmed (pages.md section 3)."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Follow(models.Model):
    """One person following one business: `user`, or `email` (lower case) for somebody without an account.

    Only rows with `confirmed_at` are written to. An address is confirmed by the link in a mail to it, an account by
    its log-in. Taking it back sets `ended_at`: the row and its `key` stay for a while, so that the links of mails that
    were sent keep working. `recorded_at` is when the row was made, by the database's clock.
    """

    class Cadence(models.TextChoices):
        INSTANT = "instant", _("at once, each time")
        WEEKLY = "weekly", _("once a week, together")

    business = models.ForeignKey("businesses.Business", models.CASCADE, related_name="follows")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="follows")
    email = models.EmailField(_("e-mail address"), max_length=254, blank=True, default="")
    key = models.UUIDField(_("key"), unique=True, default=uuid.uuid4, editable=False)
    cadence = models.CharField(_("how often"), max_length=8, choices=Cadence.choices, default=Cadence.INSTANT)
    language = models.CharField(_("language"), max_length=8, default="en")
    asked_at = models.DateTimeField(_("asked at"))
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("follower")
        verbose_name_plural = _("followers")
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, email="") | (Q(user__isnull=True) & ~Q(email="")),
                name="follow_by_account_or_address",
            ),
            models.UniqueConstraint(
                fields=["business", "user"], condition=Q(user__isnull=False), name="follow_once_by_account"
            ),
            models.UniqueConstraint(
                fields=["business", "email"], condition=~Q(email=""), name="follow_once_by_address"
            ),
        ]
        indexes = [
            models.Index(
                fields=["business", "cadence", "id"],
                condition=Q(confirmed_at__isnull=False, ended_at__isnull=True),
                name="follow_live_idx",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user or self.email} · {self.business}"


class DigestDay(models.Model):
    """The day of the week on which an account gets its weekly mail, once it was chosen; no row means Monday.

    What was posted before `since_on` has been sent, or was nothing; the next mail is due on `next_on`, seven days later
    at least, and holds all that was posted between the two.
    """

    class Weekday(models.IntegerChoices):
        MONDAY = 0, _("Monday")
        TUESDAY = 1, _("Tuesday")
        WEDNESDAY = 2, _("Wednesday")
        THURSDAY = 3, _("Thursday")
        FRIDAY = 4, _("Friday")
        SATURDAY = 5, _("Saturday")
        SUNDAY = 6, _("Sunday")

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="digest_day")
    weekday = models.PositiveSmallIntegerField(_("day of the week"), choices=Weekday.choices)
    since_on = models.DateField(_("sent until"))
    next_on = models.DateField(_("next mail on"), db_index=True)
    chosen_at = models.DateTimeField(_("chosen at"))

    class Meta:
        verbose_name = _("day of the weekly mail")
        verbose_name_plural = _("days of the weekly mail")
        constraints = [
            models.CheckConstraint(condition=Q(weekday__lte=6), name="digest_day_weekday"),
            models.CheckConstraint(
                condition=Q(next_on__gte=models.F("since_on") + timedelta(days=7)), name="digest_day_a_week_apart"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.get_weekday_display()}"
