"""Runs of the sweeps, kept for staff (architecture.md section 2)."""

from __future__ import annotations

from django.db import models
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
