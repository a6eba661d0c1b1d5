"""A booked visit as a calendar file: on the page, and with the mails about it (pages.md E21)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import translation
from icalendar import Event

from microfund.kernel import clock, ical
from microfund.kernel.notices import attachments
from microfund.kernel.notices.models import Notice
from microfund.kernel.notices.parts import in_language

from .models import Booking, Visit

#: The mails that carry it; the second part of their keys is the booking, of those to owners the visit.
KINDS = ("visit_booked", "seats_free", "visit_soon", "visit_changed", "visit_called_off")
OWNERS = ("owner_visit_booked", "owner_visit_soon", "owner_visit_changed", "owner_visit_called_off")


def register() -> None:
    """Called once when the app is ready."""
    for kind in (*KINDS, *OWNERS):
        attachments.register(kind, attached)


def attached(notice: Notice) -> attachments.Attachment | None:
    """The date of whoever has booked, or of the owner; nothing for whoever waits."""
    pk = int(notice.key.split(":")[1])
    with translation.override(notice.language):
        if notice.kind in OWNERS:
            return "tomobune-visit.ics", owners_file(Visit.objects.get(pk=pk)), "text/calendar"
        row = Booking.objects.filter(pk=pk, state=Booking.State.BOOKED).select_related("visit__fund__business").first()
        return ("tomobune-visit.ics", calendar_file(row), "text/calendar") if row is not None else None


def calendar_file(row: Booking) -> bytes:
    """The iCalendar text of a booking (RFC 5545)."""
    return _file(row.visit, f"visit-{row.visit_id}-{row.pk}", row.asked_at)


def owners_file(visit: Visit) -> bytes:
    """The iCalendar text of a visit for those who hold it."""
    return _file(visit, f"visit-{visit.pk}", visit.made_at)


def _file(visit: Visit, uid: str, since: datetime) -> bytes:
    """With the zone's own rules: a visit that has moved replaces what a calendar knew of it, one that was called off
    takes it out."""
    zone = clock.business_zone()
    off = visit.state == Visit.State.CANCELLED
    calendar, event = ical.empty("-//Tomobune//Visits//EN"), Event()
    calendar.add("method", "CANCEL" if off else "PUBLISH")
    event.add("uid", ical.uid(uid))
    event.add("sequence", visit.sequence)
    event.add("dtstamp", visit.changed_at or since)
    event.add("last-modified", visit.changed_at or since)
    event.add("status", "CANCELLED" if off else "CONFIRMED")
    event.add("dtstart", visit.starts_at.astimezone(zone))
    event.add("dtend", (visit.starts_at + timedelta(minutes=visit.minutes)).astimezone(zone))
    event.add("summary", in_language(visit, "title"))
    event.add("location", visit.place)
    calendar.add_component(event)
    return calendar.to_ical()
