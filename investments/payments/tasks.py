"""The worker's side of payments; each task is also found by a sweep."""

from celery import shared_task

from microfund.kernel import clock

from . import refund as refunds
from . import webhook as webhooks


@shared_task(name="payments.webhook")
def webhook(delivery_id: int) -> None:
    """Act on one stored event."""
    webhooks.process(delivery_id, at=clock.now())


@shared_task(name="payments.refund")
def refund(refund_id: int) -> None:
    """Send one refund."""
    refunds.send(refund_id, at=clock.now())
