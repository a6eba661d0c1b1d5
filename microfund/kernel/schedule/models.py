"""Runs of the sweeps, kept for staff (architecture.md section 2)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class JobRun(models.Model):
    """One run of one sweep that did something, failed, or was asked for by business date.

    Runs every minute that found nothing are only counted in `Heartbeat`.
    """

    name = models.CharField(_("sweep"), max_length=60)
    business_date = models.DateField(_("business date"))
    as_of = models.DateTimeField(_("as of"))
    started_at = models.DateTimeField(_("started at"))
    duration_ms = models.PositiveIntegerField(_("duration (ms)"))
    counts = models.JSONField(_("counts"), default=dict)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("job run")
        verbose_name_plural = _("job runs")
        indexes = [
            models.Index(fields=["-started_at"], name="jobrun_started_idx"),
            models.Index(fields=["name", "-started_at"], name="jobrun_name_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.business_date}"


class Heartbeat(models.Model):
    """When a sweep last ran and last ran without an error."""

    name = models.CharField(_("sweep"), max_length=60, primary_key=True)
    last_run_at = models.DateTimeField(_("last run"))
    last_ok_at = models.DateTimeField(_("last good run"), null=True)
    runs = models.BigIntegerField(_("runs"), default=0)

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name


class Journey(models.Model):
    """A demo's business date on its way to another one (travel.py). One at a time; there are none where money is real.

    `reached` is the last day that was played whole. `seen_at` is the machine's time, when it last came on.
    """

    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, verbose_name=_("started by"))
    started_on = models.DateField(_("started on"))
    until = models.DateField(_("until"))
    reached = models.DateField(_("last day played"))
    with_crew = models.BooleanField(_("with the crew"))
    ended = models.BooleanField(_("ended"), default=False)
    stopped = models.BooleanField(_("stopped"), default=False)
    seen_at = models.DateTimeField(_("last seen"), db_default=Now())
    counts = models.JSONField(_("counts"), default=dict)
    troubles = models.JSONField(_("troubles"), default=list)

    class Meta:
        verbose_name = _("journey through time")
        verbose_name_plural = _("journeys through time")
        constraints = [
            models.UniqueConstraint(fields=["ended"], condition=models.Q(ended=False), name="one_journey_at_a_time"),
            models.CheckConstraint(condition=models.Q(reached__lte=models.F("until")), name="journey_not_beyond_end"),
        ]

    def __str__(self) -> str:
        return f"{self.started_on} – {self.until}"

    @property
    def days(self) -> int:
        """How many days the journey has."""
        return (self.until - self.started_on).days + 1

    @property
    def days_done(self) -> int:
        """How many of them were played."""
        return (self.reached - self.started_on).days + 1
