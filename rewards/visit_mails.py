"""The mails about visits (pages.md 2.6, E21): announced to the holders; to who has booked that it is soon, moved or
called off, and that seats have become free. Holders are taken in batches, each an event of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from investments.letters import to_holders, to_investor
from investments.models import Holding
from microfund.kernel import clock
from microfund.kernel.notices.letters import Letter, day, is_news, is_over
from microfund.kernel.notices.parts import in_language, link, name_of
from microfund.kernel.outbox.services import publish, subscribe

from . import events
from .visit_models import Booking, Visit


@dataclass(frozen=True)
class VisitMailBatch:
    """The next holdings of a visit's fund, those with an id above `after`, are to be told of it."""

    visit_id: int
    after: int
    at: datetime


def register() -> None:
    """Subscribe; called once when the app is ready."""
    subscribe(events.VisitMade, visit_made)
    subscribe(VisitMailBatch, visit_mail_batch)
    subscribe(events.VisitChanged, visit_changed)
    subscribe(events.VisitCalledOff, visit_called_off)
    subscribe(events.VisitSoon, visit_soon)
    subscribe(events.SeatsFree, seats_free)


def _visit(pk: int) -> Visit:
    return Visit.objects.select_related("fund__business", "fund__policy").get(pk=pk)


def _facts(visit: Visit, booked: bool) -> list[tuple[str, str]]:
    comes = visit.state == Visit.State.OPEN
    begins = visit.starts_at.astimezone(clock.business_zone(visit.fund.policy.zone))
    return [
        (_("Visit"), in_language(visit, "title")),
        (_("Begins"), f"{day(begins)} {begins:%H:%M}"),
        (_("Place"), visit.place if not visit.online or (booked and comes) else _("online")),
        (_("Book until"), day(visit.book_until)),
    ]


def _letter(visit: Visit, subject: str, first: str, *, booked: bool, **more: Any) -> Letter:
    words = {"business": name_of(visit.fund.business)}
    return Letter(
        subject=subject % words,
        paragraphs=[first % words],
        facts=_facts(visit, booked),
        button=_("See the visit"),
        url=link("rewards:visit", visit.fund.business.slug, visit.pk),
        **more,
    )


def _comes(visit: Visit) -> bool:
    """Whether the visit still takes place: a mail may be written long after what it tells of."""
    return visit.state == Visit.State.OPEN and not is_over(visit.starts_at)


def visit_made(event: events.VisitMade) -> None:
    """Announced; begins the batches."""
    if is_news(event.at):
        publish(VisitMailBatch(event.visit_id, 0, event.at), key=f"{event.visit_id}:0", at=event.at)


def visit_mail_batch(event: VisitMailBatch) -> None:
    """Write to the next holders with enough units, then ask for the rest."""
    visit = _visit(event.visit_id)
    if not _comes(visit):
        return
    held = Holding.objects.filter(fund=visit.fund, units__gte=visit.minimum_units, frozen_at=None)
    after = to_holders(
        "visit_made",
        held,
        lambda: _letter(
            visit,
            _("%(business)s invites you"),
            _("Holders of units can come and see %(business)s. Seats are few."),
            booked=False,
        ),
        key=f"visit_made:{visit.pk}",
        after=event.after,
        at=event.at,
    )
    if after is not None:
        publish(VisitMailBatch(visit.pk, after, event.at), key=f"{visit.pk}:{after}", at=event.at)


def _to_booked(kind: str, visit: Visit, states: list[str], texts: Any, *, at: datetime) -> None:
    """One mail to each whose booking is in one of these states; `texts()` answers subject, first words and more."""

    def letter(row: Booking) -> Letter:
        subject, first, more = texts()
        return _letter(visit, subject, first, booked=row.state == Booking.State.BOOKED, **more)

    for row in visit.bookings.filter(state__in=states).select_related("holding__investor__user").order_by("pk"):
        key = f"{kind}:{row.pk}:{at.isoformat()}"
        to_investor(kind, row.holding.investor, partial(letter, row), key=key, at=at)


def visit_changed(event: events.VisitChanged) -> None:
    """Another time or place."""
    visit = _visit(event.visit_id)
    if is_news(event.at) and _comes(visit):
        _to_booked(
            "visit_changed",
            visit,
            ["booked", "waiting"],
            lambda: (
                _("Your visit to %(business)s has changed"),
                _("Time or place are others now. If you cannot come any more, please give your seats back."),
                {},
            ),
            at=event.at,
        )


def visit_called_off(event: events.VisitCalledOff) -> None:
    """Called off, and why."""
    if not is_news(event.at):
        return
    visit = _visit(event.visit_id)
    _to_booked(
        "visit_called_off",
        visit,
        ["booked", "waiting"],
        lambda: (
            _("Your visit to %(business)s was called off"),
            _("We are sorry: this visit does not take place."),
            {"quoted": _("The reason:"), "quote": visit.reason},
        ),
        at=event.at,
    )


def visit_soon(event: events.VisitSoon) -> None:
    """Three days before."""
    visit = _visit(event.visit_id)
    if is_news(event.at) and _comes(visit):
        _to_booked(
            "visit_soon",
            visit,
            ["booked"],
            lambda: (
                _("Soon: your visit to %(business)s"),
                _("%(business)s is looking forward to you. If you cannot come, please give your seats back."),
                {},
            ),
            at=event.at,
        )


def seats_free(event: events.SeatsFree) -> None:
    """Off the waiting list."""
    if not is_news(event.at):
        return
    row = Booking.objects.select_related("holding__investor__user").get(pk=event.booking_id)
    if row.state != Booking.State.BOOKED:
        return
    visit, investor = _visit(row.visit_id), row.holding.investor
    if not _comes(visit):
        return
    to_investor(
        "seats_free",
        investor,
        lambda: _letter(
            visit,
            _("You have seats: your visit to %(business)s"),
            _("Seats have become free, and they are yours."),
            booked=True,
        ),
        key=f"seats_free:{row.pk}:{event.at.isoformat()}",
        at=event.at,
    )
