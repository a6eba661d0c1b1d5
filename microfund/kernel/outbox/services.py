"""publish() in the caller's transaction, dispatch() afterwards: nothing is lost and nothing happens twice."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction

from microfund.kernel import clock
from microfund.kernel.jobs import send_soon

from .models import Delivery, Event

log = structlog.get_logger(__name__)

Handler = Callable[[Any], None]
_subscribers: dict[str, list[tuple[str, Handler]]] = {}
_kinds: dict[str, type] = {}
BACKOFF_SECONDS = (5, 30, 120, 600, 3600)


def subscribe(event_class: type, handler: Handler) -> None:
    """Call `handler(event)` once for each event of this class, in its own transaction. Called in AppConfig.ready()."""
    name = f"{handler.__module__}.{handler.__qualname__}"
    _kinds[event_class.__name__] = event_class
    registered = _subscribers.setdefault(event_class.__name__, [])
    if name not in [known for known, _ in registered]:
        registered.append((name, handler))


def publish(event: Any, *, key: str, at: datetime) -> None:
    """Write the event (a frozen dataclass of plain values) in the caller's transaction; a second time is nothing."""
    kind = type(event).__name__
    payload = json.dumps(dataclasses.asdict(event), default=str, ensure_ascii=False)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outbox_event (kind, key, payload, happened_at, attempts, last_error)"
            " VALUES (%s, %s, %s::jsonb, %s, 0, '') ON CONFLICT (key) DO NOTHING",
            [kind, f"{kind}:{key}", payload, at],
        )
    send_soon("outbox.dispatch")


def _load(event: Event) -> Any:
    """The dataclass of a stored event; instants become datetimes again, unknown keys of older versions are dropped."""
    event_class = _kinds[event.kind]
    values = {}
    for field in dataclasses.fields(event_class):
        if field.name not in event.payload:
            continue
        value = event.payload[field.name]
        values[field.name] = datetime.fromisoformat(value) if field.type in (datetime, "datetime") and value else value
    return event_class(**values)


def _deliver(event_id: int, name: str, handler: Handler) -> bool:
    """Run one subscriber and its proof in one transaction; False when another worker has the event now."""
    with transaction.atomic():
        event = Event.objects.select_for_update(skip_locked=True).filter(pk=event_id).first()
        if event is None:
            return False
        if not Delivery.objects.filter(event=event, subscriber=name).exists():
            handler(_load(event))
            Delivery.objects.create(event=event, subscriber=name)
        return True


def dispatch(*, limit: int = 500, up_to: int | None = None) -> dict[str, int]:
    """Deliver due events (those with ids of at most `up_to`, if given) to their subscribers; returns counts. A failure
    keeps its reason and is tried again later."""
    counts = {"events": 0, "errors": 0}
    due = Event.objects.filter(done_at__isnull=True, next_try_at__lte=clock.machine()).order_by("next_try_at", "id")
    if up_to is not None:
        due = due.filter(pk__lte=up_to)
    for event_id, kind, attempts in list(due.values_list("pk", "kind", "attempts")[:limit]):
        try:
            delivered = [_deliver(event_id, name, handler) for name, handler in _subscribers.get(kind, [])]
        except Exception as error:  # one bad event must not stop the others; the reason is kept and shown to staff
            log.exception("outbox.failed", event_id=event_id, kind=kind)
            wait = BACKOFF_SECONDS[min(attempts, len(BACKOFF_SECONDS) - 1)]
            Event.objects.filter(pk=event_id, done_at__isnull=True).update(
                attempts=attempts + 1,
                last_error=f"{type(error).__name__}: {error}"[:2000],
                next_try_at=clock.machine() + timedelta(seconds=wait),
            )
            counts["errors"] += 1
            continue
        if all(delivered):
            counts["events"] += Event.objects.filter(pk=event_id, done_at__isnull=True).update(done_at=clock.machine())
    return counts


def retry(event: Event) -> None:
    """Make an event that could not be delivered due at once."""
    Event.objects.filter(pk=event.pk, done_at__isnull=True).update(next_try_at=clock.machine(), attempts=0)
    send_soon("outbox.dispatch")
