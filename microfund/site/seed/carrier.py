"""A process beside the story that delivers its events and sends its mails, as a worker does beside a site: a third of
the work of a demo, and the story need not wait for it."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from types import TracebackType

from django.core.management.base import CommandError
from django.db import connections
from django.db.models import Max, Q

from investments.orders.models import Gift
from microfund.kernel.notices import services as notices
from microfund.kernel.outbox import services as outbox
from microfund.kernel.outbox.models import Event

#: The sweeps whose work it does.
SWEEPS = ("outbox.dispatch", "notices.send")
#: Events whose subscribers write more than mails: what the story does the next day may rest on that.
AWAITED = Q(kind__in=("HoldingRescinded", "UnitsInherited", "ParcelFailed", "DistributionTakenInKind"))
OF_AN_ORDER = Q(kind__in=("OrderPaid", "OrderEnded"))
MAILS_AT_ONCE = 20


class Carrier:
    """``with Carrier() as carrier:`` starts the process; what it was told of is carried when the block ends.

    The process is a fork, so that it has the story's settings and database whatever they are. Raises CommandError for
    an event or a mail that failed, and if the process has ended.
    """

    def __enter__(self) -> Carrier:
        connections.close_all()  # one cannot be shared by two processes
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_carry, args=(theirs, self._pipe), daemon=True)
        self._process.start()
        theirs.close()
        self._heard = 0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._say(None)
                self._hear(None)
        finally:
            self._pipe.close()  # which ends the process after its present step
            self._process.join()

    def day_is_over(self) -> None:
        """Carry what happened until now, and wait for it if the next day may rest on it."""
        told = Event.objects.aggregate(last=Max("pk"))["last"] or 0
        self._say(told)
        waiting = Event.objects.filter(pk__gt=self._heard, pk__lte=told, done_at=None)
        gifts = Gift.objects.values_list("order_id", flat=True)
        if waiting.filter(AWAITED | (OF_AN_ORDER & Q(payload__order_id__in=list(gifts)))).exists():
            self._hear(told)
        while self._pipe.poll():
            self._hear_one()

    def _say(self, last: int | None) -> None:
        try:
            self._pipe.send(last)
        except OSError as error:
            raise CommandError("seed_demo: the process that carries its mails has ended") from error

    def _hear(self, last: int | None) -> None:
        while self._heard != last:
            self._hear_one()

    def _hear_one(self) -> None:
        try:
            said = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise CommandError("seed_demo: the process that carries its mails has ended") from error
        if isinstance(said, str):
            raise CommandError(f"seed_demo: {said}")
        self._heard = said


def _carry(pipe: Connection, theirs: Connection) -> None:
    """What the process does: deliver up to each event that it is told of, and send mails while it hears nothing."""
    theirs.close()  # so that the end of the story's process ends this one
    to_send, last = False, 0
    try:
        while last is not None:
            if to_send and not pipe.poll():
                to_send = _sent()
                continue
            last = pipe.recv()
            to_send = True
            if last is not None:
                _deliver(last)
                pipe.send(last)
        while _sent():
            pass
        pipe.send(None)
    except CommandError as error:
        pipe.send(str(error))
    except (EOFError, OSError):
        return  # the story has ended early
    finally:
        connections.close_all()


def _deliver(last: int) -> None:
    while True:
        counts = outbox.dispatch(up_to=last)
        if counts["errors"]:
            row = Event.objects.exclude(last_error="").latest("pk")
            raise CommandError(f"{row}: {row.last_error}")
        if not counts["events"]:
            return


def _sent() -> bool:
    """Send some of the mails; whether there may be more."""
    counts = notices.send_due(limit=MAILS_AT_ONCE)
    if counts["errors"]:
        raise CommandError(f"{counts['errors']} mails could not be sent")
    return bool(counts["sent"])
