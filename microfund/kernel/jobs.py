"""Ask for a task after the commit; a broker that is away costs a minute, never money.

Tasks are named, not imported, so that a lower layer can ask for one of a higher layer. Every task is also found by a
sweep (microfund.kernel.schedule), so a lost message is only a delay.
"""

from __future__ import annotations

from functools import partial

import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)


def _send(name: str, args: tuple) -> None:
    if settings.CELERY_TASK_ALWAYS_EAGER:
        return  # tests run sweeps by hand: a task in place would hide a lost one
    try:
        current_app.send_task(name, args=args)
    except (OperationalError, OSError) as error:
        log.warning("jobs.broker_away", task=name, error=str(error))


def send_soon(name: str, *args: object) -> None:
    """Send the named task once this transaction has committed (at once outside of one)."""
    transaction.on_commit(partial(_send, name, args))
