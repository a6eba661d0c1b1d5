"""Whether a parcel arrived: its holder is asked a week after it was sent and says what was wrong, and the business
answers: it is sent again, something else is, or why nothing follows (pages.md E18)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from investments.models import Investor
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.services import publish

from . import claims, events
from .models import ENTITLEMENT_STATES, Entitlement, Parcel

#: Asked so many days after sending.
ASK_DAYS = 7
#: Until so many days after sending its holder may say that something was wrong: as long as the address is kept.
COMPLAIN_DAYS = 30
#: What a holder can know of a parcel.
PROBLEMS = (Parcel.Problem.LOST, Parcel.Problem.DAMAGED)


def ask_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: ask the holders of what was sent a week ago, once. Of what was passed on they cannot know."""
    due = Parcel.objects.filter(
        entitlement__state=Entitlement.State.SHIPPED,
        asked_at=None,
        donee=None,
        complaint="",
        shipped_on__lte=on - timedelta(days=ASK_DAYS),
    )
    with transaction.atomic():
        rows = list(due.select_for_update(of=("self",), skip_locked=True).values_list("pk", "entitlement__cycle_id"))
        Parcel.objects.filter(pk__in=[pk for pk, _cycle in rows]).update(asked_at=at)
        for cycle_id in sorted({cycle for _pk, cycle in rows}):
            publish(events.ArrivalAsked(cycle_id=cycle_id, at=at), key=f"{cycle_id}:{at.isoformat()}", at=at)
    return {"asked": len(rows)}


def may_complain(row: Entitlement, *, on: date) -> bool:
    """Whether its holder may still say that something was wrong with what was sent."""
    parcel = getattr(row, "parcel", None)
    return (
        row.state in (Entitlement.State.SHIPPED, Entitlement.State.DELIVERED)
        and parcel is not None
        and parcel.shipped_on is not None
        and on <= parcel.shipped_on + timedelta(days=COMPLAIN_DAYS)
        and not parcel.complaint
    )


def received(investor: Investor, pk: int, *, actor: Any, at: datetime) -> Entitlement:
    """Its holder says that it arrived. Twice is nothing. Raises DomainError("wrong_state"), Entitlement.DoesNotExist
    (another person's)."""
    claims.own(investor, pk)
    with transaction.atomic():
        row = locks.lock_one(Entitlement, pk)
        Parcel.objects.filter(entitlement=row).update(complaint="", complaint_note="", complained_at=None)
        if row.state == Entitlement.State.DELIVERED:
            return row
        if row.state != Entitlement.State.SHIPPED:
            raise DomainError("wrong_state", _("This reward was not sent, or came back."))
        return ENTITLEMENT_STATES.move(row, Entitlement.State.DELIVERED, at=at, actor=actor)


def complain(investor: Investor, pk: int, *, problem: str, note: str, actor: Any, at: datetime) -> Entitlement:
    """Its holder says that it did not arrive, or arrived damaged; the business hears of it and answers.

    Raises DomainError: "problem", "wrong_state" (not sent, or said already), "too_late"; Entitlement.DoesNotExist.
    """
    claims.own(investor, pk)
    if problem not in PROBLEMS:
        raise DomainError("problem", _("Please choose one of the answers."), field="problem")
    with transaction.atomic():
        row = locks.lock_one(Entitlement, pk)
        parcel = Parcel.objects.filter(entitlement=row).first()
        sent = row.state in (Entitlement.State.SHIPPED, Entitlement.State.DELIVERED)
        if not sent or parcel is None or parcel.shipped_on is None or parcel.complaint:
            raise DomainError("wrong_state", _("This was said already, or the reward was not sent."))
        last = parcel.shipped_on + timedelta(days=COMPLAIN_DAYS)
        if clock.today_in(None, at) > last:
            text = _("That could be said until %(date)s. Please write to us.") % {
                "date": date_format(last, "DATE_FORMAT")
            }
            raise DomainError("too_late", text)
        parcel.complaint, parcel.complained_at = problem, at
        parcel.complaint_note = " ".join(note.split())[:200]
        parcel.save(update_fields=["complaint", "complaint_note", "complained_at"])
        audit.record(
            action="rewards.Parcel.complained", subject=parcel, at=at, actor=actor, changes={"problem": problem}
        )
        publish(events.ParcelComplained(entitlement_id=row.pk, at=at), key=f"{row.pk}:{at.isoformat()}", at=at)
        return row


def answer(entitlement_id: int, *, note: str, actor: Any, at: datetime) -> Entitlement:
    """The business answers a complaint in words, and nothing else follows; the holder reads them.

    Raises DomainError("reason_needed", "wrong_state" (nobody complained)).
    """
    words = " ".join(note.split())[:200]
    if not words:
        raise DomainError("reason_needed", _("Write an answer to the supporter."), field="note")
    with transaction.atomic():
        row = locks.lock_one(Entitlement, entitlement_id)
        open_yet = Parcel.objects.filter(entitlement=row).exclude(complaint="")
        if not open_yet.update(complaint="", complained_at=None, note=words):
            raise DomainError("wrong_state", _("Nobody says that something is wrong with it."))
        audit.record(action="rewards.Parcel.answered", subject=row, at=at, actor=actor, reason=words)
        publish(events.ParcelAnswered(entitlement_id=row.pk, at=at), key=f"{row.pk}:{at.isoformat()}", at=at)
        return row
