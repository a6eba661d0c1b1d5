"""The waiting list of a fund whose units are all taken: join, leave, and being told when some are free again.

Nothing is held for whoever is told: units go to those who order first. One person is told for each free unit, in the
order of asking; a day later, if units are still free, the next.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils.translation import gettext as _

from investments import events
from microfund.kernel import locks
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.services import publish

from .models import Fund, WaitingEntry

#: How long those who were told have before the next are.
HEAD_START = timedelta(hours=24)


def entry_of(user: Any, fund: Fund) -> WaitingEntry | None:
    """A person's place on the list of a fund."""
    return WaitingEntry.objects.filter(fund=fund, user=user).first()


def before(entry: WaitingEntry) -> int:
    """How many wait in front of somebody who was not told yet."""
    return _untold(entry.fund_id).filter(pk__lt=entry.pk).count()


def join(user: Any, fund: Fund, *, at: datetime) -> WaitingEntry:
    """Put a person at the end of the list; who waits already keeps the place.

    Raises DomainError: "not_open", "units_free" (there is nothing to wait for).
    """
    with transaction.atomic():
        fund = locks.lock_one(Fund, fund.pk)
        if fund.state != Fund.State.OPEN or at >= fund.counter.closes_at:
            raise DomainError("not_open", _("This fund sells no units now."))
        own = entry_of(user, fund)
        if own is not None and own.told_at is None:
            return own
        if fund.counter.available > 0:
            raise DomainError("units_free", _("Units are free: you can order now."))
        if own is not None:
            own.delete()
        return WaitingEntry.objects.create(fund=fund, user=user, asked_at=at)


def leave(user: Any, fund: Fund) -> None:
    """Take a person off the list; nothing if they are not on it."""
    WaitingEntry.objects.filter(fund=fund, user=user).delete()


def _untold(fund_id: int) -> QuerySet[WaitingEntry]:
    return WaitingEntry.objects.filter(fund=fund_id, told_at=None).order_by("pk")


def tell_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: tell who waits for units that are free again; lists of funds that sell nothing any more are deleted."""
    counts = {"funds": 0, "told": 0, "errors": 0}
    WaitingEntry.objects.exclude(fund__state=Fund.State.OPEN).delete()
    free = Fund.objects.filter(
        state=Fund.State.OPEN,
        counter__accepting=True,
        counter__closes_at__gt=at,
        counter__offered__gt=F("counter__reserved") + F("counter__sold"),
    ).filter(Exists(WaitingEntry.objects.filter(fund=OuterRef("pk"), told_at=None)))
    locks.each(free.values_list("pk", flat=True), lambda pk: _tell(pk, at, counts), counts, "funds")
    return counts


def _tell(fund_id: int, at: datetime, counts: dict[str, int]) -> bool:
    """Tell as many as there are free units, less those who were told within the head start and have
    not ordered since."""
    with transaction.atomic():
        fund = locks.try_lock(Fund, fund_id, state=Fund.State.OPEN)
        if fund is None:
            return False
        told = WaitingEntry.objects.filter(fund=fund, told_at__gt=at - HEAD_START)
        ordered = told.filter(user__investor__orders__fund=fund, user__investor__orders__applied_at__gte=F("told_at"))
        ahead = told.exclude(pk__in=ordered.values("pk")).count()
        rows = list(_untold(fund_id)[: max(0, fund.counter.available - ahead)])
        for row in rows:
            row.told_at = at
            row.save(update_fields=["told_at"])
            publish(events.UnitsFree(fund_id=fund_id, user_id=row.user_id, at=at), key=str(row.pk), at=at)
        counts["told"] += len(rows)
        return bool(rows)
