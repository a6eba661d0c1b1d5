"""Liveness and readiness: plain answers for a supervisor or a load balancer."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from microfund.kernel import clock
from microfund.kernel.outbox.models import Event
from microfund.kernel.schedule.models import Heartbeat


@never_cache
def live(request: HttpRequest) -> JsonResponse:
    """The process answers; no database is asked."""
    return JsonResponse({"status": "ok"})


@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """The database answers; also says when the last sweep ran and how many events wait for longer than five minutes.

    Only the database decides the status code: pages can be served while the worker is away.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    last = Heartbeat.objects.order_by("-last_run_at").values_list("last_run_at", flat=True).first()
    stuck = Event.objects.filter(done_at__isnull=True, recorded_at__lt=clock.machine() - timedelta(minutes=5)).count()
    return JsonResponse(
        {"status": "ok", "last_sweep_at": last.isoformat() if last else None, "events_waiting_over_5_minutes": stuck}
    )
