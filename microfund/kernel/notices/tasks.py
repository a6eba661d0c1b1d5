"""The worker's side of notices."""

from celery import shared_task

from . import services


@shared_task(name="notices.send")
def send() -> None:
    """Send what is due."""
    services.send_due()
