"""A person's dates as an iCalendar feed (RFC 5545): of their orders, and over the terms of what they hold.

No name of a person stands in it. UIDs are made of references, so an event keeps its own when a date is computed again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Prefetch, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override
from icalendar import Event

from investments.models import Holding, Order, PaymentAttempt, Period
from investments.offerings import queries as offerings
from investments.orders.models import UNPAID
from investments.payments.models import UNRESOLVED
from investments.revenue.services import period_rows
from microfund.kernel import clock, ical
from microfund.kernel.money import format_money
from rewards.models import Booking, Cycle, Entitlement

from .templatetags.tomobune import bilingual_filter

PRODUCT = "-//Tomobune//Dates of an investor//EN"
#: How often a calendar may ask again.
REFRESH = timedelta(hours=12)
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One date: `on` is a day, or an instant for what ends at a time of day; `key` makes its UID; `stamp` is when what
    it is about came to be, `sequence` how often it changed since."""

    key: str
    on: date | datetime
    stamp: datetime
    summary: str
    text: str
    path: str
    sequence: int = 0


def feed(user: Any, *, at: datetime) -> bytes:
    """The calendar of a user in the language of their account; empty of events for who has never bought.

    A handful of queries, however much there is.
    """
    with override(user.language):
        calendar = ical.empty(PRODUCT)
        calendar.add("calscale", "GREGORIAN")
        calendar.add("method", "PUBLISH")
        calendar.add("x-wr-calname", _("Tomobune: my dates"))
        calendar.add("x-wr-timezone", settings.BUSINESS_TIME_ZONE)
        calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
        entries = [*_of_orders(user, at=at), *_of_holdings(user), *_of_rewards(user)]
        for entry in sorted(entries, key=lambda entry: entry.key):
            calendar.add_component(_event(entry))
        return calendar.to_ical()


def _event(entry: Entry) -> Event:
    event = Event()
    event.add("uid", ical.uid(entry.key))
    event.add("dtstamp", entry.stamp)
    event.add("last-modified", entry.stamp)
    event.add("sequence", entry.sequence)
    if isinstance(entry.on, datetime):
        event.add("dtstart", entry.on.astimezone(clock.business_zone()))
        event.add("duration", timedelta(minutes=1))
    else:
        event.add("dtstart", entry.on)
        event.add("dtend", entry.on + timedelta(days=1))
        event.add("transp", "TRANSPARENT")
    event.add("summary", entry.summary)
    address = settings.SITE_URL.rstrip("/") + entry.path
    event.add("description", f"{entry.text}\n{address}")
    event.add("url", address)
    event.add("class", "PRIVATE")
    return event


def _of_orders(user: Any, *, at: datetime) -> Iterator[Entry]:
    """Until when a transfer must arrive or a slip be paid, and until when a paid order can be cancelled."""
    made = (
        Order.objects.filter(investor__user=user, state__in=[*UNPAID, Order.State.PAID], frozen_at=None)
        .select_related("fund__business", "fund__policy")
        .prefetch_related(
            Prefetch("attempts", PaymentAttempt.objects.filter(state__in=UNRESOLVED), to_attr="unresolved")
        )
        .order_by("pk")
    )
    for order in made:
        name = bilingual_filter(order.fund.business, "name")
        path = reverse("order", args=[order.reference])
        if order.state == Order.State.PAID:
            if order.cooling_off_ends_at is not None and order.cooling_off_ends_at > at:
                yield Entry(
                    key=f"{order.reference}-cooling-off",
                    on=order.cooling_off_ends_at - timedelta(minutes=1),
                    stamp=order.paid_at or order.applied_at,
                    summary=_("Last minute to cancel: %(name)s") % {"name": name},
                    text=_("Until then you can cancel the order and get everything back, the fee included."),
                    path=path,
                )
            continue
        for attempt in order.unresolved:  # type: ignore[attr-defined]
            if attempt.pay_by is None:
                continue
            amount = format_money(order.total, order.currency)
            summary = _("Pay by today: %(amount)s for %(name)s") % {"amount": amount, "name": name}
            if order.method == Order.Method.BANK_TRANSFER:
                summary = _("Transfer must arrive: %(amount)s for %(name)s") % {"amount": amount, "name": name}
            yield Entry(
                key=f"{order.reference}-payment-{attempt.pk}",
                on=clock.today_in(order.fund.policy.zone, attempt.pay_by - _MOMENT),
                stamp=attempt.created_at,
                summary=summary,
                text=_("Your units are reserved until then."),
                path=path,
            )


def _of_holdings(user: Any) -> Iterator[Entry]:
    """The start of each term, and for each of its periods the report and the payment."""
    held = (
        Holding.objects.filter(investor__user=user, units__gt=0)
        .select_related("fund__business", "fund__policy")
        .prefetch_related(
            Prefetch("fund__periods", Period.objects.order_by("number"), to_attr="rows"),
            offerings.newest_terms(path="fund__terms", slim=True),
        )
        .order_by("pk")
    )
    for holding in held:
        fund = holding.fund
        terms = offerings.terms_of(fund)
        name = bilingual_filter(fund.business, "name")
        common = {"stamp": holding.created_at, "path": reverse("holding", args=[holding.reference])}
        yield Entry(
            key=f"{holding.reference}-term",
            on=fund.term_starts_on,
            summary=_("The term begins: %(name)s") % {"name": name},
            text=_("From this day on the sales of the business count."),
            **common,
        )
        periods = fund.rows or (period_rows(fund, terms, fund.policy) if terms else [])
        for period in periods:
            words = {"name": name, "number": period.number}
            yield Entry(
                key=f"{holding.reference}-report-{period.number}",
                on=period.report_due_on,
                summary=_("Sales report due: %(name)s, period %(number)d") % words,
                text=_("The business reports its sales by this day."),
                **common,
            )
            yield Entry(
                key=f"{holding.reference}-payment-{period.number}",
                on=period.payment_due_on,
                summary=_("Payment due: %(name)s, period %(number)d") % words,
                text=_("What the sales pay per unit is due on this day. It can be nothing."),
                **common,
            )


def _of_rewards(user: Any) -> Iterator[Entry]:
    """Until when rewards can be claimed, and the visits that are booked."""
    open_ones = Q(cycle__state=Cycle.State.OPEN) | Q(claim_by__isnull=False)
    waiting = Entitlement.objects.filter(open_ones, holding__investor__user=user, state=Entitlement.State.CLAIMABLE)
    for row in waiting.select_related("cycle__offer__fund__business").order_by("pk"):
        offer = row.cycle.offer
        name = bilingual_filter(offer.fund.business, "name")
        yield Entry(
            key=f"reward-{row.pk}",
            on=row.last_day,
            stamp=row.cycle.opened_at,
            summary=_("Last day to claim a reward: %(name)s") % {"name": name},
            text=bilingual_filter(offer, "text"),
            path=reverse("rewards:claim", args=[row.pk]),
        )
    booked = Booking.objects.filter(holding__investor__user=user, state=Booking.State.BOOKED, visit__state="open")
    for own in booked.select_related("visit__fund__business").order_by("pk"):
        visit = own.visit
        yield Entry(
            key=f"visit-{visit.pk}-{own.pk}",
            on=visit.starts_at,
            stamp=visit.changed_at or own.asked_at,
            sequence=visit.sequence,
            summary=bilingual_filter(visit, "title"),
            text=visit.place,
            path=reverse("rewards:visit", args=[visit.fund.business.slug, visit.pk]),
        )
