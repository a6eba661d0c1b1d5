"""Visits: made by owners, booked by holders, with a waiting list that moves up by itself (domain.md section 10).

Whoever books, cancels or changes the seats locks the visit's row first, so that two never take the same seat and the
list moves up in its order.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet, Sum
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
LONGEST_REPORT = 2_000
#: What an owner may change while it can be booked, and of that what everybody who booked is told.
FIELDS = (
    "title_en", "title_ja", "place", "text_en", "text_ja", "starts_at", "minutes", "book_until", "seats",
    "minimum_units", "most_each",
)  # fmt: skip
TOLD = ("place", "starts_at")
#: What stands in the calendars of those who come; another value is a new version there.
IN_CALENDARS = ("title_en", "title_ja", "place", "starts_at", "minutes")


def _checked(values: dict[str, Any], *, at: datetime, known_until: date | None = None) -> dict[str, Any]:
    """The values of a visit; `known_until` is the last day to book it had before. Raises DomainError with `field`."""
    found = {name: values[name] for name in FIELDS}
    for name in ("title_en", "title_ja", "place"):
        found[name] = " ".join(str(found[name]).split())
        if not found[name]:
            raise DomainError("required", _("Please fill this in."), field=name)
    if found["starts_at"] <= at:
        raise DomainError("past", _("This time has passed."), field="starts_at")
    if found["book_until"] > clock.today_in(None, found["starts_at"]):
        raise DomainError("late", _("Booking ends on the day of the visit at the latest."), field="book_until")
    if found["book_until"] not in (known_until, None) and found["book_until"] < clock.today_in(None, at):
        raise DomainError("past", _("This day has passed."), field="book_until")
    # A wish that can never be filled would hold up everybody behind it.
    found["most_each"] = min(found["most_each"], found["seats"])
    return found


def make(fund: Fund, *, values: dict[str, Any], actor: Any, at: datetime) -> Visit:
    """Announce a visit; the holders are told. Raises DomainError with `field`."""
    found = _checked(values, at=at)
    with transaction.atomic():
        visit = Visit.objects.create(fund=fund, made_by=actor, made_at=at, **found)
        audit.record(action="rewards.Visit.made", subject=visit, at=at, actor=actor)
        publish(events.VisitMade(visit_id=visit.pk, at=at), key=str(visit.pk), at=at)
        return visit


def _locked_coming(visit_id: int, at: datetime) -> Visit:
    """Lock a visit that is open and has not begun. Raises DomainError("wrong_state", "over")."""
    visit = locks.lock_one(Visit, visit_id)
    if visit.state != Visit.State.OPEN:
        raise DomainError("wrong_state", _("This visit was called off."))
    if at >= visit.starts_at:
        raise DomainError("over", _("The visit has begun."))
    return visit


def change(visit: Visit, *, values: dict[str, Any], actor: Any, at: datetime) -> Visit:
    """Change a visit; who has booked hears of another time or place. Raises DomainError with `field`, "wrong_state",
    "over" (it has begun), "seats" (fewer than are taken)."""
    with transaction.atomic():
        visit = _locked_coming(visit.pk, at)
        found = _checked(values, at=at, known_until=visit.book_until)
        if found["seats"] < visit.taken:
            text = _("%(taken)d seats are taken already.") % {"taken": visit.taken}
            raise DomainError("seats", text, field="seats")
        moved = any(getattr(visit, name) != found[name] for name in TOLD)
        if visit.starts_at != found["starts_at"]:
            visit.reminded_at = None
        if any(getattr(visit, name) != found[name] for name in IN_CALENDARS):
            visit.sequence, visit.changed_at = visit.sequence + 1, at
        for name, value in found.items():
            setattr(visit, name, value)
        visit.save(update_fields=[*found, "reminded_at", "sequence", "changed_at"])
        _waiting(visit).filter(seats__gt=visit.most_each).update(seats=visit.most_each)
        audit.record(action="rewards.Visit.changed", subject=visit, at=at, actor=actor)
        _move_up(visit, at=at)
        if moved:
            publish(events.VisitChanged(visit_id=visit.pk, at=at), key=f"{visit.pk}:{at.isoformat()}", at=at)
        return visit


def call_off(visit: Visit, *, reason: str, actor: Any, at: datetime) -> Visit:
    """Call a visit off; who has booked hears why. Raises DomainError("reason_needed", "wrong_state", "over")."""
    reason = " ".join(reason.split())
    if not reason:
        raise DomainError("reason_needed", _("Give a reason."), field="reason")
    with transaction.atomic():
        visit = _locked_coming(visit.pk, at)
        visit.reason = reason[:200]
        visit.sequence, visit.changed_at = visit.sequence + 1, at
        visit.save(update_fields=["reason", "sequence", "changed_at"])
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
        # The holding first: its units must not be taken back meanwhile.
        own = Holding.objects.filter(investor=investor, fund__visits=visit_id).values_list("pk", flat=True)
        locks.lock(Holding, own)
        visit = locks.lock_one(Visit, visit_id)
        holding = held_by(investor, visit)
        if holding is None:
            raise DomainError("not_for_you", _("This visit is for holders of units of this fund."))
        ended = clock.today_in(None, at) > visit.book_until or at >= visit.starts_at
        if visit.state != Visit.State.OPEN or ended:
            text = _("This visit could be booked until %(date)s.") % {
                "date": date_format(visit.book_until, "DATE_FORMAT")
            }
            raise DomainError("over", text)
        if not 1 <= seats <= visit.most_each:
            text = _("You can take %(most)d seats at most.") % {"most": visit.most_each}
            raise DomainError("seats", text, field="seats")
        row = Booking.objects.filter(visit=visit, holding=holding).first()
        had = row is not None and row.state == Booking.State.BOOKED
        if row is None:
            row = Booking(visit=visit, holding=holding, seats=seats, state=Booking.State.WAITING, asked_at=at)
            row.save()
            row = _place(visit, row, at=at, actor=actor)
        else:
            row = _again(visit, row, seats, at=at, actor=actor)
        if row.state == Booking.State.BOOKED and not had:
            publish(events.SeatsBooked(booking_id=row.pk, at=at), key=f"{row.pk}:{at.isoformat()}", at=at)
        return row


def _waiting(visit: Visit) -> QuerySet[Booking]:
    """Who waits and may come, in the order of asking."""
    found = Booking.objects.filter(visit=visit, state=Booking.State.WAITING, holding__frozen_at=None)
    return found.filter(holding__units__gte=visit.minimum_units).order_by("asked_at", "pk")


def _free(visit: Visit) -> int:
    return visit.seats - visit.taken


def _take(visit: Visit, seats: int) -> None:
    """Count seats of a locked visit; negative gives them back."""
    visit.taken += seats
    visit.save(update_fields=["taken"])


def _place(visit: Visit, row: Booking, *, at: datetime, actor: Any = None) -> Booking:
    """A waiting booking gets its seats if nobody waits before it and there are enough."""
    if _waiting(visit).exclude(pk=row.pk).exists() or _free(visit) < row.seats:
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
    if row.state != Booking.State.BOOKED:
        raise DomainError("over", _("The visit has begun."))
    if seats > row.seats and (_waiting(visit).exists() or seats > row.seats + _free(visit)):
        raise DomainError("seats", _("So many seats are not free."), field="seats")
    _take(visit, seats - row.seats)
    row.seats = seats
    row.save(update_fields=["seats"])
    _move_up(visit, at=at)
    return row


def cancel(investor: Investor, visit_id: int, *, actor: Any, at: datetime) -> Booking:
    """Give the seats back, up to the beginning; the next on the list gets them. Given back twice is
    nothing. Raises DomainError("wrong_state", "over"), Booking.DoesNotExist."""
    with transaction.atomic():
        visit = locks.lock_one(Visit, visit_id)
        row = Booking.objects.get(visit=visit, holding__investor=investor)
        if row.state == Booking.State.CANCELLED:
            return row
        visit = _locked_coming(visit_id, at)
        return _give_back(visit, row, at=at, actor=actor)


def _give_back(visit: Visit, row: Booking, *, at: datetime, actor: Any = None) -> Booking:
    took = row.seats if row.state in TAKES_SEATS else 0
    row = BOOKING_STATES.move(row, Booking.State.CANCELLED, at=at, actor=actor)
    _take(visit, -took)
    _move_up(visit, at=at)
    return row


def give_up(investor: Investor, *, at: datetime, everything: bool = False) -> int:
    """Cancel the bookings of coming visits for which a person holds too few units by now, or all of them (an account
    that is closed); how many."""
    rows = Booking.objects.filter(
        holding__investor=investor,
        state__in=["booked", "waiting"],
        visit__state=Visit.State.OPEN,
        visit__starts_at__gt=at,
    )
    if not everything:
        rows = rows.filter(holding__units__lt=F("visit__minimum_units"))
    with transaction.atomic():
        found = list(rows.order_by("visit_id"))
        visits = {visit.pk: visit for visit in locks.lock(Visit, [row.visit_id for row in found])}
        for row in found:
            row.refresh_from_db()
            if row.state in ("booked", "waiting"):
                _give_back(visits[row.visit_id], row, at=at)
        return len(found)


def _move_up(visit: Visit, *, at: datetime) -> None:
    """Who waits gets seats in the order of asking, as far as they go; each is told. Who may not come now is left out,
    and nothing moves once a visit is called off or has begun."""
    if visit.state != Visit.State.OPEN or at >= visit.starts_at:
        return
    for row in _waiting(visit):
        if row.seats > _free(visit):
            return
        _take(visit, row.seats)
        BOOKING_STATES.move(row, Booking.State.BOOKED, at=at)
        publish(events.SeatsFree(booking_id=row.pk, at=at), key=f"{row.pk}:{at.isoformat()}", at=at)


def _locked_begun(visit: Visit, *, at: datetime) -> Visit:
    """The visit, locked. Raises DomainError("too_early", "wrong_state") unless it has begun and was not called off."""
    visit = locks.lock_one(Visit, visit.pk)
    if visit.state != Visit.State.OPEN:
        raise DomainError("wrong_state", _("This visit was called off."))
    if at < visit.starts_at:
        raise DomainError("too_early", _("The visit has not begun yet."))
    return visit


def note_attendance(visit: Visit, present: set[int], *, actor: Any, at: datetime) -> None:
    """Who was there: the bookings named; the others that were booked were not. Raises DomainError("too_early",
    "wrong_state")."""
    with transaction.atomic():
        visit = _locked_begun(visit, at=at)
        for row in Booking.objects.filter(visit=visit, state__in=TAKES_SEATS).order_by("pk"):
            to = Booking.State.ATTENDED if row.pk in present else Booking.State.ABSENT
            if row.state != to:
                BOOKING_STATES.move(row, to, at=at, actor=actor)


def report(visit: Visit, *, text_en: str, text_ja: str, actor: Any, at: datetime) -> Visit:
    """How a visit was, in one language or both, for everybody; may be written anew. Raises DomainError("too_early",
    "wrong_state", "too_long" with `field`)."""
    texts = {"report_en": text_en.replace("\r\n", "\n").strip(), "report_ja": text_ja.replace("\r\n", "\n").strip()}
    for name, text in texts.items():
        if len(text) > LONGEST_REPORT:
            raise DomainError("too_long", _("At most 2,000 letters."), field=name)
    with transaction.atomic():
        visit = _locked_begun(visit, at=at)
        visit.report_en, visit.report_ja = texts["report_en"], texts["report_ja"]
        visit.save(update_fields=[*texts])
        audit.record(action="rewards.Visit.reported", subject=visit, at=at, actor=actor)
        return visit


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
        publish(events.VisitSoon(visit_id=visit.pk, at=at), key=f"{visit.pk}:{visit.starts_at.isoformat()}", at=at)
        return True


# --- Reads --------------------------------------------------------------------------------------------------------


def of_business(business: Business) -> QuerySet[Visit]:
    """Every visit of a business, the latest first."""
    return Visit.objects.filter(fund__business=business).select_related("fund").order_by("-starts_at", "-pk")


def coming_and_past(business: Business, *, at: datetime, most: int) -> tuple[list[Visit], list[Visit]]:
    """The visits that begin after an instant, the next first, and those before it, the latest first; at most so many
    of each, so that the nearest are never left out."""
    found = of_business(business)
    coming = found.filter(starts_at__gt=at).order_by("starts_at", "pk")[:most]
    return list(coming), list(found.filter(starts_at__lte=at)[:most])


def booking_of(investor: Investor, visit: Visit) -> Booking | None:
    """A person's booking of a visit, whether they could book it now or not."""
    return Booking.objects.filter(visit=visit, holding__investor=investor).first()


def somebody_waits(visit: Visit) -> bool:
    """Whether seats that are free go to the list first."""
    return _waiting(visit).exists()


def bookings_of(investor: Any) -> QuerySet[Booking]:
    """A person's bookings, the latest visit first."""
    found = Booking.objects.filter(holding__investor=investor)
    return found.select_related("visit__fund__business").order_by("-visit__starts_at", "-pk")


def seats_that_wait(visits: list[Visit]) -> dict[int, int]:
    """Seats on the waiting list, by visit."""
    rows = Booking.objects.filter(visit__in=visits, state=Booking.State.WAITING)
    return dict(rows.values_list("visit").annotate(Sum("seats")).order_by())
