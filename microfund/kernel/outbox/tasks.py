"""The worker's side of the outbox."""

from celery import shared_task

from . import services


@shared_task(name="outbox.dispatch")
def dispatch() -> None:
    """Deliver what is due."""
    services.dispatch()
