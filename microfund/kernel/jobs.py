"""Ask for a task after the commit; a broker that is away costs a minute, never money.

Tasks are named, not imported, so that a lower layer can ask for one of a higher layer. Every task is also found by a
sweep (microfund.kernel.schedule), so a lost message is only a delay.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import structlog
from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from kombu.exceptions import OperationalError

from .locks import outermost_atomic

log = structlog.get_logger(__name__)


_muted = False


@contextmanager
def muted() -> Iterator[None]:
    """Send no messages inside: a replay of years runs its sweeps itself, and no worker need hear of each step."""
    global _muted
    before, _muted = _muted, True
    try:
        yield
    finally:
        _muted = before


def _send(name: str, args: tuple) -> None:
    if _muted or settings.CELERY_TASK_ALWAYS_EAGER:
        return  # tests run sweeps by hand: a task in place would hide a lost one
    try:
        current_app.send_task(name, args=args)
    except (OperationalError, OSError) as error:
        log.warning("jobs.broker_away", task=name, error=str(error))


def send_soon(name: str, *args: object) -> None:
    """Send the named task once this transaction has committed (at once outside of one).

    The same task asked for again in the same transaction is one message.
    """
    block = outermost_atomic()
    if block is not None:
        asked: tuple[object, set[object]] | None = getattr(connection, "_jobs_asked", None)
        if asked is None or asked[0] is not block:
            asked = (block, set())
            connection._jobs_asked = asked  # type: ignore[attr-defined]
        # A message is lost with the savepoint in which it was asked for, so that is part of what it is.
        asking = (name, args, tuple(connection.savepoint_ids))
        if asking in asked[1]:
            return
        asked[1].add(asking)
    transaction.on_commit(partial(_send, name, args))
