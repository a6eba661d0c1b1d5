"""Packing and sending (domain.md section 10): batches, tracking numbers, parcels that came back. A batch is one
transaction: a process that dies leaves it whole or not begun."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, Max, Q, QuerySet
from django.utils.translation import gettext as _

from microfund.kernel import clock, locks, textfiles
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.services import publish

from . import events
from .cycles import ADDRESS_DAYS
from .holds import stopped
from .models import ENTITLEMENT_STATES, TO_PACK, Batch, Carrier, Cycle, Entitlement, Parcel

MOST_PARCELS = 5_000
MAX_CSV = 1024 * 1024
_TRACKING = re.compile(r"[0-9A-Za-z-]{4,30}")


def pack(cycle: Cycle, *, actor: Any, at: datetime, most: int = MOST_PARCELS) -> Batch:
    """Take what was claimed and is not packed yet into a batch, north to south; what is stopped stays behind. From now
    on the investor cannot change the claim. Raises DomainError("nothing", "under_way")."""
    with transaction.atomic():
        if not locks.advisory(f"rewards.pack.{cycle.pk}"):
            raise DomainError("under_way", _("Another batch is being made this moment."))
        waiting = (
            Parcel.objects.filter(entitlement__cycle=cycle, entitlement__state__in=TO_PACK, batch__isnull=True)
            .exclude(stopped("entitlement__"))
            .order_by("prefecture", "pk")
            .values_list("entitlement_id", flat=True)[:most]
        )
        rows = [row for row in locks.lock(Entitlement, list(waiting)) if row.state in TO_PACK]
        if not rows:
            raise DomainError("nothing", _("Nothing waits to be packed."))
        newest = cycle.batches.aggregate(newest=Max("number"))["newest"] or 0
        batch = Batch.objects.create(
            business=cycle.offer.fund.business, cycle=cycle, number=newest + 1, made_by=actor, made_at=at
        )
        ids = [row.pk for row in rows]
        Parcel.objects.filter(entitlement__in=ids).update(batch=batch)
        Entitlement.objects.filter(pk__in=ids).update(state=Entitlement.State.PACKING)
        audit.record(action="rewards.Batch.made", subject=batch, at=at, actor=actor, changes={"parcels": len(ids)})
        return batch


def unpack(batch: Batch, entitlement_id: int, *, actor: Any, at: datetime, reason: str = "") -> None:
    """Take one parcel out of a batch; it waits for the next. Raises DomainError("wrong_state")."""
    with transaction.atomic():
        row = locks.lock_one(Entitlement, entitlement_id)
        parcel = Parcel.objects.get(entitlement=row, batch=batch)
        back = Entitlement.State.PASSED_ON if parcel.donee_id else Entitlement.State.CLAIMED
        ENTITLEMENT_STATES.move(row, back, at=at, actor=actor, reason=reason)
        Parcel.objects.filter(pk=parcel.pk).update(batch=None)


def ship(
    batch: Batch,
    *,
    carrier: str,
    shipped_on: date,
    actor: Any,
    at: datetime,
    tracking: Mapping[int, str] | None = None,
    only: set[int] | None = None,
) -> int:
    """Mark the parcels of a batch as sent: all that are being packed, or `only` these entitlements; `tracking` by
    entitlement. What is stopped stays in the batch. Returns how many. Sent already is nothing.

    Raises DomainError: "carrier", "future", "past" (before the batch was made), "tracking" (naming the parcel),
    "stopped" (one of `only` is), "nothing".
    """
    numbers = {pk: number.strip() for pk, number in (tracking or {}).items() if number.strip()}
    for pk, number in numbers.items():
        if not _TRACKING.fullmatch(number):
            text = _("Parcel %(pk)d: “%(number)s” is no tracking number.") % {"pk": pk, "number": number[:30]}
            raise DomainError("tracking", text, field="tracking")
    if carrier not in Carrier.values:
        raise DomainError("carrier", _("Please choose a carrier."), field="carrier")
    if shipped_on > clock.today_in(None, at):
        raise DomainError("future", _("This day has not come yet."), field="shipped_on")
    if shipped_on < clock.today_in(None, batch.made_at):
        raise DomainError("past", _("The batch was made later than this day."), field="shipped_on")
    with transaction.atomic():
        wanted = Parcel.objects.filter(batch=batch, entitlement__state=Entitlement.State.PACKING)
        if only is not None:
            wanted = wanted.filter(entitlement__in=only)
            held = wanted.filter(stopped("entitlement__")).values_list("entitlement_id", flat=True).first()
            if held is not None:
                text = _("Parcel %(pk)d is stopped: please do not send it.") % {"pk": held}
                raise DomainError("stopped", text)
        wanted = wanted.exclude(stopped("entitlement__"))
        rows = locks.lock(Entitlement, list(wanted.values_list("entitlement_id", flat=True)))
        ids = [row.pk for row in rows if row.state == Entitlement.State.PACKING]
        if not ids:
            raise DomainError("nothing", _("No parcel of this batch waits to be sent."))
        parcels = list(Parcel.objects.filter(entitlement__in=ids))
        for parcel in parcels:
            parcel.carrier, parcel.shipped_on = carrier, shipped_on
            parcel.tracking = numbers.get(parcel.entitlement_id, parcel.tracking)
        Parcel.objects.bulk_update(parcels, ["carrier", "shipped_on", "tracking"], batch_size=1_000)
        Entitlement.objects.filter(pk__in=ids).update(state=Entitlement.State.SHIPPED)
        act = uuid.uuid4().hex
        audit.record(
            action="rewards.Batch.sent", subject=batch, at=at, actor=actor, changes={"parcels": len(ids), "act": act}
        )
        publish(events.ParcelsSent(batch_id=batch.pk, act=act, at=at), key=act, at=at)
        return len(ids)


def read_tracking(batch: Batch, content: bytes) -> dict[int, str]:
    """Tracking numbers by entitlement from a CSV: the parcel's number, then the tracking number; a head is allowed.

    Raises DomainError("csv") naming the row, and nothing is taken: a parcel of another batch, one twice, no number.
    """
    own = set(batch.parcels.values_list("entitlement_id", flat=True))
    found: dict[int, str] = {}
    for row, cells in textfiles.rows(content, field="tracking", most=MAX_CSV):
        number = cells[0].strip() if cells else ""
        if not any(cell.strip() for cell in cells) or (row == 1 and not number.isdecimal()):
            continue
        problem = ""
        pk = int(number) if number.isdecimal() and len(number) < 20 else 0
        if len(cells) < 2:
            problem = _("it has too few columns.")
        elif pk not in own:
            problem = _("this parcel is not in the batch.")
        elif pk in found:
            problem = _("this parcel stands there twice.")
        elif not _TRACKING.fullmatch(cells[1].strip()):
            problem = _("this is no tracking number.")
        if problem:
            text = _("Row %(row)d: %(problem)s Nothing was changed.") % {"row": row, "problem": problem}
            raise DomainError("csv", text, field="tracking", row=row)
        found[pk] = cells[1].strip()
    if not found:
        raise DomainError("csv", _("The file holds no parcel."), field="tracking")
    return found


def report_problem(entitlement_id: int, *, problem: str, note: str, actor: Any, at: datetime) -> Entitlement:
    """A parcel came back, was lost or arrived damaged: the investor is asked. Raises DomainError("problem",
    "wrong_state")."""
    if problem not in Parcel.Problem.values:
        raise DomainError("problem", _("Please choose one of the answers."), field="problem")
    with transaction.atomic():
        row = locks.lock_one(Entitlement, entitlement_id)
        ENTITLEMENT_STATES.move(row, Entitlement.State.RETURNED, at=at, actor=actor, reason=note)
        Parcel.objects.filter(entitlement=row).update(
            problem=problem, note=note.strip()[:200], complaint="", complained_at=None
        )
        publish(events.ParcelFailed(entitlement_id=row.pk, at=at), key=f"{row.pk}:{at.isoformat()}", at=at)
        return row


def substitute(entitlement_id: int, *, note: str, actor: Any, at: datetime) -> Entitlement:
    """Something else is sent instead of what came back; `note` says what, and the holder reads it. Raises
    DomainError("reason_needed", "wrong_state")."""
    if not note.strip():
        raise DomainError("reason_needed", _("Say what is sent instead."), field="note")
    with transaction.atomic():
        row = locks.lock_one(Entitlement, entitlement_id)
        ENTITLEMENT_STATES.move(row, Entitlement.State.SUBSTITUTED, at=at, actor=actor, reason=note)
        Parcel.objects.filter(entitlement=row).update(note=note.strip()[:200])
        publish(events.ParcelAnswered(entitlement_id=row.pk, at=at), key=f"{row.pk}:{at.isoformat()}", at=at)
        return row


def listed(batch: Batch, *, on: date) -> QuerySet[Parcel]:
    """The parcels of a batch with which its owner has to do: those that are `visible`, and those of which a holder says
    that something is wrong. `is_visible` is whether its name and address may be read, `is_stopped` whether it must
    stay."""
    read = Q(entitlement__state=Entitlement.State.PACKING) | Q(
        shipped_on__gte=on - timedelta(days=ADDRESS_DAYS), erased_at__isnull=True
    )
    found = batch.parcels.select_related("entitlement__holding", "donee").order_by("prefecture", "pk")
    found = found.annotate(
        is_stopped=ExpressionWrapper(stopped("entitlement__"), BooleanField()),
        is_visible=ExpressionWrapper(read, BooleanField()),
    )
    return found.filter(Q(is_visible=True) | ~Q(complaint=""))


def visible(batch: Batch, *, on: date) -> QuerySet[Parcel]:
    """The parcels of a batch whose names and addresses its owner may read: those to be sent, and those sent within the
    last ADDRESS_DAYS."""
    return listed(batch, on=on).filter(is_visible=True)
