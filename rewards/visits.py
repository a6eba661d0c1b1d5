"""Visits: made by owners, booked by holders, with a waiting list that moves up by itself (domain.md section 10).

Whoever books, cancels or changes the seats locks the visit's row first, so that two never take the same seat and the
list moves up in its order.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from businesses.models import Business
from investments.models import Fund, Holding, Investor
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.services import publish

from . import events
from .visit_models import BOOKING_STATES, TAKES_SEATS, VISIT_STATES, Booking, Visit

REMIND_DAYS = 3
#: What an owner may change while it can be booked, and of that what everybody who booked is told.
FIELDS = (
    "title_en", "title_ja", "place", "text_en", "text_ja", "starts_at", "minutes", "book_until", "seats",
    "minimum_units", "most_each",
)  # fmt: skip
TOLD = ("place", "starts_at")


def _checked(values: dict[str, Any], *, at: datetime) -> dict[str, Any]:
    """The values of a visit. Raises DomainError with `field`."""
    found = {name: values[name] for name in FIELDS}
    for name in ("title_en", "title_ja", "place"):
        found[name] = " ".join(str(found[name]).split())
        if not found[name]:
            raise DomainError("required", _("Please fill this in."), field=name)
    if found["starts_at"] <= at:
        raise DomainError("past", _("This time has passed."), field="starts_at")
    if found["book_until"] > clock.today_in(None, found["starts_at"]):
        raise DomainError("late", _("Booking ends before the visit begins."), field="book_until")
    return found


def make(fund: Fund, *, values: dict[str, Any], actor: Any, at: datetime) -> Visit:
    """Announce a visit; the holders are told. Raises DomainError with `field`."""
    found = _checked(values, at=at)
    with transaction.atomic():
        visit = Visit.objects.create(fund=fund, made_by=actor, made_at=at, **found)
        audit.record(action="rewards.Visit.made", subject=visit, at=at, actor=actor)
        publish(events.VisitMade(visit_id=visit.pk, at=at), key=str(visit.pk), at=at)
        return visit


def change(visit: Visit, *, values: dict[str, Any], actor: Any, at: datetime) -> Visit:
    """Change a visit; who has booked hears of another time or place. Raises DomainError with `field`, "wrong_state",
    "seats" (fewer than are taken)."""
    found = _checked(values, at=at)
    with transaction.atomic():
        visit = locks.lock_one(Visit, visit.pk)
        if visit.state != Visit.State.OPEN:
            raise DomainError("wrong_state", _("This visit was called off."))
        if found["seats"] < visit.taken:
            text = _("%(taken)d seats are taken already.") % {"taken": visit.taken}
            raise DomainError("seats", text, field="seats")
        moved = any(getattr(visit, name) != found[name] for name in TOLD)
        for name, value in found.items():
            setattr(visit, name, value)
        visit.save(update_fields=list(found))
        audit.record(action="rewards.Visit.changed", subject=visit, at=at, actor=actor)
        _move_up(visit, at=at)
        if moved:
            publish(events.VisitChanged(visit_id=visit.pk, at=at), key=f"{visit.pk}:{at.isoformat()}", at=at)
        return visit


def call_off(visit: Visit, *, reason: str, actor: Any, at: datetime) -> Visit:
    """Call a visit off; who has booked hears why. Raises DomainError("reason_needed", "wrong_state")."""
    reason = " ".join(reason.split())
    if not reason:
        raise DomainError("reason_needed", _("Give a reason."), field="reason")
    with transaction.atomic():
        visit = locks.lock_one(Visit, visit.pk)
        visit.reason = reason[:200]
        visit.save(update_fields=["reason"])
        visit = VISIT_STATES.move(visit, Visit.State.CANCELLED, at=at, actor=actor, reason=reason[:200])
        publish(events.VisitCalledOff(visit_id=visit.pk, at=at), key=str(visit.pk), at=at)
        return visit


def held_by(investor: Investor, visit: Visit) -> Holding | None:
    """The holding by which a person may book, if it has enough units and is not disputed."""
    found = Holding.objects.filter(investor=investor, fund=visit.fund_id, frozen_at=None)
    return found.filter(units__gte=visit.minimum_units).first()


def book(investor: Investor, visit_id: int, seats: int, *, actor: Any, at: datetime) -> Booking:
    """Book seats, or wait for them where not so many are left; asked again it changes the number.

    Raises DomainError: "not_for_you" (no holding with enough units), "over" (booking has ended, or it was called off),
    "seats" (none, or more than one holding may take).
    """
    with transaction.atomic():
        visit = locks.lock_one(Visit, visit_id)
        holding = held_by(investor, visit)
        if holding is None:
            raise DomainError("not_for_you", _("This visit is for holders of units of this fund."))
        if visit.state != Visit.State.OPEN or clock.today_in(None, at) > visit.book_until:
            text = _("This visit could be booked until %(date)s.") % {
                "date": date_format(visit.book_until, "DATE_FORMAT")
            }
            raise DomainError("over", text)
        if not 1 <= seats <= visit.most_each:
            text = _("You can take %(most)d seats at most.") % {"most": visit.most_each}
            raise DomainError("seats", text, field="seats")
        row = Booking.objects.filter(visit=visit, holding=holding).first()
        if row is None:
            row = Booking(visit=visit, holding=holding, seats=seats, state=Booking.State.WAITING, asked_at=at)
            row.save()
            row = _place(visit, row, at=at, actor=actor)
        else:
            row = _again(visit, row, seats, at=at, actor=actor)
        return row


def _free(visit: Visit) -> int:
    return visit.seats - visit.taken


def _take(visit: Visit, seats: int) -> None:
    """Count seats of a locked visit; negative gives them back."""
    visit.taken += seats
    visit.save(update_fields=["taken"])


def _place(visit: Visit, row: Booking, *, at: datetime, actor: Any = None) -> Booking:
    """A waiting booking gets its seats if nobody waits before it and there are enough."""
    before = Booking.objects.filter(visit=visit, state=Booking.State.WAITING).exclude(pk=row.pk)
    if before.exists() or _free(visit) < row.seats:
        return row
    _take(visit, row.seats)
    return BOOKING_STATES.move(row, Booking.State.BOOKED, at=at, actor=actor)


def _again(visit: Visit, row: Booking, seats: int, *, at: datetime, actor: Any) -> Booking:
    """Another number of seats, or a booking after it was cancelled."""
    if row.state == Booking.State.CANCELLED:
        row.seats, row.asked_at = seats, at
        row.save(update_fields=["seats", "asked_at"])
        row = BOOKING_STATES.move(row, Booking.State.WAITING, at=at, actor=actor)
        return _place(visit, row, at=at, actor=actor)
    if row.state == Booking.State.WAITING:
        row.seats = seats
        row.save(update_fields=["seats"])
        _move_up(visit, at=at)
        row.refresh_from_db()
        return row
    if seats > row.seats + _free(visit):
        raise DomainError("seats", _("So many seats are not free."), field="seats")
    _take(visit, seats - row.seats)
    row.seats = seats
    row.save(update_fields=["seats"])
    _move_up(visit, at=at)
    return row


def cancel(investor: Investor, visit_id: int, *, actor: Any, at: datetime) -> Booking:
    """Give the seats back, up to the beginning; the next on the list gets them. Raises DomainError("wrong_state",
    "over"), Booking.DoesNotExist."""
    with transaction.atomic():
        visit = locks.lock_one(Visit, visit_id)
        row = Booking.objects.get(visit=visit, holding__investor=investor)
        if at >= visit.starts_at:
            raise DomainError("over", _("The visit has begun."))
        took = row.seats if row.state in TAKES_SEATS else 0
        row = BOOKING_STATES.move(row, Booking.State.CANCELLED, at=at, actor=actor)
        _take(visit, -took)
        _move_up(visit, at=at)
        return row


def _move_up(visit: Visit, *, at: datetime) -> None:
    """Who waits gets seats in the order of asking, as far as they go; each is told."""
    waiting = Booking.objects.filter(visit=visit, state=Booking.State.WAITING).order_by("asked_at", "pk")
    for row in waiting:
        if row.seats > _free(visit):
            return
        _take(visit, row.seats)
        BOOKING_STATES.move(row, Booking.State.BOOKED, at=at)
        publish(events.SeatsFree(booking_id=row.pk, at=at), key=f"{row.pk}:{at.isoformat()}", at=at)


def note_attendance(visit: Visit, present: set[int], *, actor: Any, at: datetime) -> None:
    """Who was there: the bookings named; the others that were booked were not. Raises DomainError("too_early")."""
    if at < visit.starts_at:
        raise DomainError("too_early", _("The visit has not begun yet."))
    with transaction.atomic():
        locks.lock_one(Visit, visit.pk)
        for row in Booking.objects.filter(visit=visit, state__in=TAKES_SEATS).order_by("pk"):
            to = Booking.State.ATTENDED if row.pk in present else Booking.State.ABSENT
            if row.state != to:
                BOOKING_STATES.move(row, to, at=at, actor=actor)


def remind_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: three days before, remind those who have booked, once."""
    counts = {"reminded": 0, "errors": 0}
    until = clock.start_of_day(on + timedelta(days=REMIND_DAYS + 1))
    due = Visit.objects.filter(state=Visit.State.OPEN, reminded_at=None, starts_at__gt=at, starts_at__lt=until)
    locks.each(due.order_by("pk").values_list("pk", flat=True), lambda pk: _remind(pk, at), counts, "reminded")
    return counts


def _remind(visit_id: int, at: datetime) -> bool:
    with transaction.atomic():
        visit = locks.try_lock(Visit, visit_id, state=Visit.State.OPEN, reminded_at=None)
        if visit is None:
            return False
        visit.reminded_at = at
        visit.save(update_fields=["reminded_at"])
        publish(events.VisitSoon(visit_id=visit.pk, at=at), key=str(visit.pk), at=at)
        return True


# --- Reads --------------------------------------------------------------------------------------------------------


def of_business(business: Business) -> QuerySet[Visit]:
    """Every visit of a business, the next first."""
    return Visit.objects.filter(fund__business=business).select_related("fund").order_by("-starts_at", "-pk")


def bookings_of(investor: Any) -> QuerySet[Booking]:
    """A person's bookings, the latest visit first."""
    found = Booking.objects.filter(holding__investor=investor)
    return found.select_related("visit__fund__business").order_by("-visit__starts_at", "-pk")


def seats_by_state(visit: Visit) -> dict[str, int]:
    """Seats by the state of their bookings."""
    rows = visit.bookings.values("state").annotate(seats=Sum("seats")).order_by()
    return {row["state"]: row["seats"] for row in rows}
