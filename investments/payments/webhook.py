"""The webhook inbox: an event is stored once by its id and only triggers the question to the provider.

`receive` answers fast: signature on the raw body, one row, a task. Whatever the payload says, `process` asks the
provider about the object that it names (docs/decisions/0014-the-provider-is-asked-again.md).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q

from microfund.kernel import locks
from microfund.kernel.jobs import send_soon

from . import dispute, external, gateway, settle
from .models import Dispute, PaymentAttempt, WebhookDelivery

log = structlog.get_logger(__name__)
BACKOFF_MINUTES = (1, 5, 30, 120, 720)
_TEXT_LIMIT = 120


def receive(body: bytes, signature: str, *, at: datetime) -> WebhookDelivery:
    """Store one event; the same event again is the same row. Raises gateway.BadSignature and
    gateway.NotAnEvent before touching a row."""
    event = gateway.verified_event(body, signature)
    delivery, created = WebhookDelivery.objects.get_or_create(
        event_id=event["id"][:_TEXT_LIMIT],
        defaults={
            "kind": event["type"][:80],
            "object_id": event["data"]["object"].get("id", "")[:_TEXT_LIMIT],
            "body": body.decode(),
            "livemode": bool(event.get("livemode")),
            "received_at": at,
        },
    )
    if created:
        send_soon("payments.webhook", delivery.pk)
    return delivery


def process(delivery_id: int, *, at: datetime) -> WebhookDelivery | None:
    """Act on one stored event; None when another worker has it. An error is kept on the row and it stays due."""
    with transaction.atomic():
        delivery = locks.try_lock(WebhookDelivery, delivery_id, state__in=["new", "failed"])
        if delivery is None:
            return None
        # A lease: a worker that dies leaves the row due again in a minute.
        delivery.attempts += 1
        delivery.next_try_at = at + timedelta(minutes=BACKOFF_MINUTES[min(delivery.attempts, len(BACKOFF_MINUTES)) - 1])
        delivery.save(update_fields=["attempts", "next_try_at"])
    try:
        if delivery.livemode != gateway.is_live():
            state, error = WebhookDelivery.State.IGNORED, "live mode differs from our key's"
        else:
            known = _trigger(delivery, at=at)
            state, error = (WebhookDelivery.State.DONE if known else WebhookDelivery.State.IGNORED), ""
    except Exception as failure:  # kept on the row for staff and tried again; the reconciling sweep covers it as well
        log.exception("webhook.failed", delivery_id=delivery.pk)
        state, error = WebhookDelivery.State.FAILED, f"{type(failure).__name__}: {failure}"[:2000]
    delivery.state = state
    delivery.error = error
    delivery.processed_at = None if state == WebhookDelivery.State.FAILED else at
    delivery.save(update_fields=["state", "error", "processed_at"])
    return delivery


def replay(delivery: WebhookDelivery, *, at: datetime) -> WebhookDelivery | None:
    """Process a stored event again, as staff may at any time: effects are unique, so nothing happens twice."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(state=WebhookDelivery.State.NEW, next_try_at=at, attempts=0)
    return process(delivery.pk, at=at)


def _attempt_of(subject: dict[str, Any]) -> PaymentAttempt | None:
    """The attempt that an object belongs to, by the provider's ids or by our reference in its metadata."""
    ids = [value for value in (subject.get("id"), subject.get("payment_intent")) if isinstance(value, str)]
    found = PaymentAttempt.objects.filter(Q(session_id__in=ids) | Q(intent_id__in=ids)).first()
    if found is None:
        ours = (subject.get("metadata") or {}).get("attempt", "")
        found = PaymentAttempt.objects.filter(pk=int(ours)).first() if str(ours).isdigit() else None
    return found


def _trigger(delivery: WebhookDelivery, *, at: datetime) -> bool:
    """Ask the provider about the event's object; False when it is none of ours."""
    event = gateway.event_of(delivery.body)
    subject = event.get("data", {}).get("object", {})
    kind = delivery.kind
    if kind.startswith("charge.dispute."):
        own = Dispute.objects.filter(provider_id=subject.get("id", "")).first()
        if own is not None:
            dispute.ask(own, at=at)
            return True
        attempt = _attempt_of(subject)
        if attempt is None or attempt.intent_id is None:
            return False
        dispute.absorb(attempt.intent_id, at=at)
        return True
    if kind.startswith(("checkout.session.", "payment_intent.", "charge.", "refund.")):
        attempt = _attempt_of(subject)
        if attempt is None:
            return False
        settle.settle(attempt.pk, at=at)
        if attempt.intent_id and kind.startswith(("charge.refund", "refund.")):
            external.absorb(attempt.intent_id, at=at)
        return True
    return False


def process_due(*, on: Any, at: datetime) -> dict[str, int]:
    """Sweep: events that are new or failed, oldest first."""
    counts = {"processed": 0, "errors": 0}
    due = WebhookDelivery.objects.filter(state__in=["new", "failed"], next_try_at__lte=at, attempts__lt=20)
    locks.each(
        due.order_by("next_try_at", "pk").values_list("pk", flat=True)[:1000],
        lambda pk: process(pk, at=at),
        counts,
        "processed",
    )
    return counts
