"""A booked visit as a calendar file: on the page, and with the mails about it (pages.md E21)."""

from __future__ import annotations

from datetime import timedelta

from django.utils import translation
from icalendar import Event

from microfund.kernel import clock, ical
from microfund.kernel.notices import attachments
from microfund.kernel.notices.models import Notice
from microfund.kernel.notices.parts import in_language

from .models import Booking, Visit

#: The mails that carry it; the second part of their keys is the booking.
KINDS = ("visit_booked", "seats_free", "visit_soon", "visit_changed", "visit_called_off")


def register() -> None:
    """Called once when the app is ready."""
    for kind in KINDS:
        attachments.register(kind, attached)


def attached(notice: Notice) -> attachments.Attachment | None:
    """The date of whoever has booked; nothing for whoever waits."""
    pk = int(notice.key.split(":")[1])
    row = Booking.objects.filter(pk=pk, state=Booking.State.BOOKED).select_related("visit__fund__business").first()
    if row is None:
        return None
    with translation.override(notice.language):
        return "tomobune-visit.ics", calendar_file(row), "text/calendar"


def calendar_file(row: Booking) -> bytes:
    """The iCalendar text of a booking (RFC 5545), with the zone's own rules: a visit that has moved replaces what a
    calendar knew of it, one that was called off takes it out."""
    visit_of = row.visit
    zone = clock.business_zone()
    off = visit_of.state == Visit.State.CANCELLED
    calendar, event = ical.empty("-//Tomobune//Visits//EN"), Event()
    calendar.add("method", "CANCEL" if off else "PUBLISH")
    event.add("uid", ical.uid(f"visit-{visit_of.pk}-{row.pk}"))
    event.add("sequence", visit_of.sequence)
    event.add("dtstamp", visit_of.changed_at or row.asked_at)
    event.add("last-modified", visit_of.changed_at or row.asked_at)
    event.add("status", "CANCELLED" if off else "CONFIRMED")
    event.add("dtstart", visit_of.starts_at.astimezone(zone))
    event.add("dtend", (visit_of.starts_at + timedelta(minutes=visit_of.minutes)).astimezone(zone))
    event.add("summary", in_language(visit_of, "title"))
    event.add("location", visit_of.place)
    calendar.add_component(event)
    return calendar.to_ical()
