"""The mails about visits (pages.md 2.6, E21): announced to the holders; to who has booked and to the owners that it is
booked, soon, moved or called off, and that seats have become free. Holders are taken in batches, each an event of its
own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from investments import letters
from investments.letters import to_holders, to_investor, to_owners
from investments.models import Holding
from microfund.kernel import clock
from microfund.kernel.notices import choices
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


@dataclass(frozen=True)
class BookedMailBatch:
    """The next bookings of a visit, those with an id above `after`, are to be written about: `kind` is the mail."""

    kind: str
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
    subscribe(BookedMailBatch, booked_mail_batch)
    subscribe(events.SeatsBooked, seats_booked)
    subscribe(events.SeatsFree, seats_free)
    choices.declare_optional(
        "owner_visit_booked",
        gettext_lazy("Somebody books seats at a visit of my business"),
        gettext_lazy("One mail each time. That a visit is soon, was changed or called off always comes."),
    )


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


def _begin(kind: str, visit_id: int, *, at: datetime) -> None:
    """Tell the owners, and begin the batches to those who have booked."""
    if is_news(at):
        owners_told(kind, visit_id, at=at)
        _go_on(BookedMailBatch(kind, visit_id, 0, at))


def _go_on(batch: BookedMailBatch) -> None:
    key = f"{batch.kind}:{batch.visit_id}:{batch.at.isoformat()}:{batch.after}"
    publish(batch, key=key, at=batch.at)


def visit_changed(event: events.VisitChanged) -> None:
    """Another time or place."""
    _begin("visit_changed", event.visit_id, at=event.at)


def visit_called_off(event: events.VisitCalledOff) -> None:
    """Called off, and why."""
    _begin("visit_called_off", event.visit_id, at=event.at)


def visit_soon(event: events.VisitSoon) -> None:
    """Three days before."""
    _begin("visit_soon", event.visit_id, at=event.at)


def booked_mail_batch(event: BookedMailBatch) -> None:
    """Write to the next who have booked, or wait where that concerns them, then ask for the rest."""
    visit = _visit(event.visit_id)
    if event.kind != "visit_called_off" and not _comes(visit):
        return
    states = ["booked"] if event.kind == "visit_soon" else ["booked", "waiting"]
    rows = visit.bookings.filter(state__in=states, pk__gt=event.after).select_related("holding__investor__user")
    found = list(rows.order_by("pk")[: letters.BATCH])
    for row in found:
        letter = partial(_WRITERS[event.kind], visit, row.state == Booking.State.BOOKED)
        key = f"{event.kind}:{row.pk}:{event.at.isoformat()}"
        to_investor(event.kind, row.holding.investor, letter, key=key, at=event.at)
    if len(found) == letters.BATCH:
        _go_on(BookedMailBatch(event.kind, visit.pk, found[-1].pk, event.at))


def owners_told(kind: str, visit_id: int, *, at: datetime) -> None:
    """To every owner: with two of them, or when the fund's staff called it off, somebody else did it."""
    visit = _visit(visit_id)
    if kind != "visit_called_off" and not _comes(visit):
        return
    key = f"owner_{kind}:{visit.pk}:{at.isoformat()}"
    to_owners(f"owner_{kind}", visit.fund, partial(_OWNERS[kind], visit), key=key, at=at)


def _to_owner(visit: Visit, subject: str, first: str, **more: Any) -> Letter:
    words = {"visit": in_language(visit, "title")}
    taken = _("%(taken)d of %(seats)d") % {"taken": visit.taken, "seats": visit.seats}
    return Letter(
        subject=subject % words,
        paragraphs=[first],
        facts=[*more.pop("facts", ()), *_facts(visit, True), (_("Seats taken"), taken)],
        button=_("See who comes"),
        url=link("rewards:visit_people", visit.fund.business.slug, visit.pk),
        **more,
    )


def _owner_soon(visit: Visit) -> Letter:
    return _to_owner(visit, _("Soon: %(visit)s"), _("Your guests come in three days. Their names are on the page."))


def _owner_changed(visit: Visit) -> Letter:
    return _to_owner(
        visit,
        _("Time or place changed: %(visit)s"),
        _("Whoever has booked is told. The new date comes along for your calendar."),
    )


def _owner_called_off(visit: Visit) -> Letter:
    return _to_owner(
        visit,
        _("Called off: %(visit)s"),
        _("This visit does not take place. Whoever has booked or waits is told."),
        quoted=_("The reason:"),
        quote=visit.reason,
    )


def _owner_booked(visit: Visit, row: Booking) -> Letter:
    return _to_owner(
        visit,
        _("Seats are booked: %(visit)s"),
        _("The date comes along for your calendar."),
        facts=[(_("Booked by"), row.holding.investor.name), (_("Seats"), str(row.seats))],
    )


_OWNERS: dict[str, Callable[[Visit], Letter]] = {
    "visit_soon": _owner_soon,
    "visit_changed": _owner_changed,
    "visit_called_off": _owner_called_off,
}


def _changed(visit: Visit, booked: bool) -> Letter:
    return _letter(
        visit,
        _("Your visit to %(business)s has changed"),
        _("Time or place are others now. If you cannot come any more, please give your seats back."),
        booked=booked,
    )


def _called_off(visit: Visit, booked: bool) -> Letter:
    return _letter(
        visit,
        _("Your visit to %(business)s was called off"),
        _("We are sorry: this visit does not take place."),
        booked=booked,
        quoted=_("The reason:"),
        quote=visit.reason,
    )


def _soon(visit: Visit, booked: bool) -> Letter:
    return _letter(
        visit,
        _("Soon: your visit to %(business)s"),
        _("%(business)s is looking forward to you. If you cannot come, please give your seats back."),
        booked=booked,
    )


_WRITERS: dict[str, Callable[[Visit, bool], Letter]] = {
    "visit_changed": _changed,
    "visit_called_off": _called_off,
    "visit_soon": _soon,
}


def _booked(visit: Visit) -> Letter:
    return _letter(
        visit,
        _("You have seats: your visit to %(business)s"),
        _("Your seats are booked. The date comes along for your calendar."),
        booked=True,
    )


def _free(visit: Visit) -> Letter:
    return _letter(
        visit,
        _("You have seats: your visit to %(business)s"),
        _("Seats have become free, and they are yours."),
        booked=True,
    )


def seats_booked(event: events.SeatsBooked) -> None:
    """To whoever has booked; the date comes along."""
    _to_booked("visit_booked", event.booking_id, _booked, at=event.at)


def seats_free(event: events.SeatsFree) -> None:
    """Off the waiting list."""
    _to_booked("seats_free", event.booking_id, _free, at=event.at)


def _to_booked(kind: str, booking_id: int, write: Callable[[Visit], Letter], *, at: datetime) -> None:
    """To one who has got seats and to the owners, while they have them and the visit comes."""
    if not is_news(at):
        return
    row = Booking.objects.select_related("holding__investor__user").get(pk=booking_id)
    if row.state != Booking.State.BOOKED:
        return
    visit = _visit(row.visit_id)
    if not _comes(visit):
        return
    key = f"{kind}:{row.pk}:{at.isoformat()}"
    to_investor(kind, row.holding.investor, partial(write, visit), key=key, at=at)
    key = f"owner_visit_booked:{visit.pk}:{row.pk}:{at.isoformat()}"
    to_owners("owner_visit_booked", visit.fund, partial(_owner_booked, visit, row), key=key, at=at)
