"""Sweeps: when each last ran, and what each run did or why it failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from microfund.kernel import clock, queues
from microfund.kernel.accounts.roles import OPERATIONS
from microfund.kernel.admin import Panel, ReadOnlyAdmin, link, pretty

from . import services
from .models import Heartbeat, JobRun, Journey

# A sweep is late when it has not run for so long: a missed minute or hour now and then is nothing.
LATE_AFTER = {"minute": timedelta(minutes=10), "hour": timedelta(hours=3), "day": timedelta(hours=36)}


def troubled() -> QuerySet[Heartbeat]:
    """The sweeps whose last run failed, or that have not run for too long."""
    now = clock.machine()
    late = Q(pk__in=[])
    for cadence, span in LATE_AFTER.items():
        names = [sweep.name for sweep in services.sweeps([cadence])]
        late |= Q(name__in=names, last_run_at__lt=now - span)
    failed = Q(last_ok_at=None) | Q(last_ok_at__lt=F("last_run_at"))
    return Heartbeat.objects.filter(failed | late)


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    """One run of one sweep."""

    list_display = ("name", "business_date", "started_at", "duration_ms", "counts", "error")
    list_filter = ("name", ("error", admin.EmptyFieldListFilter), "business_date")
    ordering = ("-started_at", "-pk")
    fields = ("name", "business_date", "as_of", "started_at", "duration_ms", "figures", "failure")

    @admin.display(description=_("counts"))
    def figures(self, row: JobRun) -> str:
        return pretty(row.counts)

    @admin.display(description=_("error"))
    def failure(self, row: JobRun) -> str:
        return pretty(row.error) if row.error else ""


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    """When a sweep last ran, and last ran well."""

    list_display = ("name", "cadence", "last_run_at", "last_ok_at", "runs")
    ordering = ("name",)
    fields = ("name", "cadence", "last_run_at", "last_ok_at", "runs")

    @admin.display(description=_("runs each"))
    def cadence(self, row: Heartbeat) -> str:
        known = {sweep.name: sweep.cadence for sweep in services.sweeps()}
        return known.get(row.name, "")

    def panels(self, request: Any, row: Heartbeat) -> list[Panel]:
        runs = JobRun.objects.filter(name=row.name).order_by("-started_at", "-pk")[:20]
        return [
            Panel(
                _("Latest runs that did something or failed"),
                (_("started at"), _("business date"), _("counts"), _("error")),
                [
                    (link(JobRun, run.pk, f"{timezone.localtime(run.started_at):%Y-%m-%d %H:%M}"), run.business_date,
                     run.counts, run.error)
                    for run in runs
                ],
            )
        ]  # fmt: skip


@admin.register(Journey)
class JourneyAdmin(ReadOnlyAdmin):
    """Journeys of a demo's business date."""

    list_display = ("started_on", "until", "reached", "with_crew", "ended", "stopped", "started_by")
    list_select_related = ("started_by",)
    ordering = ("-pk",)
    fields = (
        "started_on", "until", "reached", "with_crew", "ended", "stopped", "started_by", "seen_at", "figures",
        "failures",
    )  # fmt: skip

    @admin.display(description=_("counts"))
    def figures(self, row: Journey) -> str:
        return pretty(row.counts)

    @admin.display(description=_("troubles"))
    def failures(self, row: Journey) -> str:
        return pretty(row.troubles)


queues.register(
    queues.Queue(
        key="sweeps_failed",
        label=_("Sweeps that failed or are late"),
        model=Heartbeat,
        rows=troubled,
        since="last_ok_at",
        roles=(OPERATIONS,),
    )
)
