"""Twenty-four ways for a clock to be wrong or awkward; each is a function that answers what went wrong with it.

A life is: A pays, B never does, C pays and cancels, and the sweeps follow. `expected` is that life with a good clock.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from unittest import mock

from django.core.management import call_command
from django.utils import timezone

from investments.investors.models import Investor
from investments.offerings.models import Fund
from investments.orders.models import Order
from investments.payments import gateway, settle, webhook
from investments.payments import services as payments
from investments.payments.models import PaymentAttempt
from investments.revenue.models import Period
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.models import Event
from microfund.kernel.schedule import services as schedule
from tests import make
from tests.faults import books, provider, world

HOUR, DAY, YEAR = timedelta(hours=1), timedelta(days=1), timedelta(days=365)
APART = timedelta(minutes=6)
#: When B's reservation is over.
EXPIRED = world.NOW + timedelta(minutes=40)


@dataclass
class Life:
    """A fund and its three orders."""

    fund: Fund
    a: Order
    b: Order
    c: Order


def begin(at: datetime = world.NOW) -> Life:
    """A has paid; B has a page; C has paid and cancelled, and the refund waits."""
    provider.set_clock(at)
    fund = world.make_fund(units_minimum=1)
    life = Life(fund, world.paid(fund, "A", units=2), world.place(fund, "B"), world.paid(fund, "C", units=1))
    world.open_page(life.b)
    payments.cancel_order(life.c, at=at, actor=life.c.investor.user)
    return life


def end(life: Life) -> books.State:
    """The evening of the offering with a good clock."""
    for at in (EXPIRED, world.COOLED):
        provider.set_clock(at)
        world.sweeps(at=at)
    return books.state_of(life.fund.pk)


_known: dict[str, books.State] = {}


def expected() -> books.State:
    """The state of a life with a good clock; made once a run."""
    if "life" not in _known:
        _known["life"] = end(begin())
    return _known["life"]


def forget() -> None:
    """For another database."""
    _known.clear()


def compared(life: Life) -> list[str]:
    """The rest of the life, compared with a good one."""
    wanted = expected()
    found = end(life)
    return [line for line in [books.difference(wanted, found), *books.problems(life.fund.pk)] if line]


# --- Set back, set forward --------------------------------------------------------------------------------------


def sweeps_set_back(by: timedelta) -> list[str]:
    """The worker's clock goes back between two minutes: nothing is undone, and nothing is left out afterwards."""
    expected()
    life = begin()
    world.sweeps(at=world.NOW + timedelta(minutes=1))
    world.sweeps(at=world.NOW - by)
    return compared(life)


def paying_set_back(by: timedelta) -> list[str]:
    """The clock goes back between application and payment: cooling-off still begins with the application."""
    provider.set_clock(world.NOW)
    fund = world.make_fund()
    order = world.place(fund)
    attempt = world.open_page(order)
    provider.pay(attempt)
    settle.settle(attempt.pk, at=world.NOW - by)
    order.refresh_from_db()
    wrong = books.problems(fund.pk)
    if order.cooling_off_ends_at != clock.cooling_off_end(world.DAY, 8):
        wrong.append(f"cooling-off ends at {order.cooling_off_ends_at}")
    payments.cancel_order(order, at=world.NOW + 7 * DAY, actor=None)
    return [*wrong, *books.problems(fund.pk)]


def sweeps_set_forward(by: timedelta) -> list[str]:
    """The clock goes forward and comes back while a payer is on the page: their money is theirs or buys units."""
    provider.set_clock(world.NOW)
    fund = world.make_fund()
    life = Life(fund, world.place(fund, "A", units=2), world.place(fund, "B"), world.place(fund, "C"))
    pages = [world.open_page(order) for order in (life.a, life.c)]
    with mock.patch.object(gateway, "_call", side_effect=gateway.ProviderUnreachable("cut off")):
        world.sweeps(["payments.expire", "orders.confirm", "offerings.close", "payments.fail"], at=world.NOW + by)
    for attempt in pages:
        provider.pay(attempt)
    world.sweeps(["payments.reconcile", "payments.refunds"], at=world.NOW + timedelta(minutes=5))
    world.sweeps(["payments.reconcile", "payments.refunds"], at=world.NOW + by + timedelta(minutes=5))
    wrong = books.problems(fund.pk)
    for label in "AC":
        order = Order.objects.get(fund=fund, supporter_message=label)
        closed = by >= YEAR
        if order.state != (Order.State.REFUNDED if closed else Order.State.PAID):
            wrong.append(f"{label} paid and is {order.state}")
    return wrong


# --- 29 February ------------------------------------------------------------------------------------------------

LEAP = date(2028, 2, 29)


def leap_periods(months: int) -> list[str]:
    """A term that begins on 29 February: steps are counted from there, and it comes back in the next leap year."""
    on = LEAP - 60 * DAY
    at = make.at_noon(on)
    provider.set_clock(at)
    fund = world.make_fund(on=on, closes_on=on + 10 * DAY, term_starts_on=LEAP, period_months=months)
    world.paid(fund, "A", at=at)
    for later in (11 * DAY, 30 * DAY):
        world.sweeps(["orders.confirm", "offerings.close"], at=at + later)
    world.sweeps(["revenue.start"], at=clock.start_of_day(LEAP))
    rows = list(Period.objects.filter(fund=fund).order_by("number"))
    wrong = [] if len(rows) == 10 else [f"{len(rows)} periods"]
    for row, following in zip(rows, rows[1:], strict=False):
        if following.starts_on != row.ends_on + DAY:
            wrong.append(f"a gap after period {row.number}: {row.ends_on}, {following.starts_on}")
    for row in rows:
        starts = row.starts_on
        leap = starts.year % 4 == 0
        steps = months * (row.number - 1) % 12
        if steps == 0 and (starts.month, starts.day) != (2, 29 if leap else 28):
            wrong.append(f"period {row.number} starts on {starts}")
        if steps and starts.day != 29:
            wrong.append(f"period {row.number} starts on {starts}")
    return wrong


def leap_cooling_off(first: date, last: date) -> list[str]:
    """Eight days from `first`, across or from a 29 February, end with `last`."""
    at = make.at_noon(first)
    provider.set_clock(at)
    fund = world.make_fund(on=first)
    order = world.paid(fund, at=at)
    ends = order.cooling_off_ends_at
    assert ends is not None
    wrong = [] if clock.today_in(None, ends - timedelta(microseconds=1)) == last else [f"cooling-off ends at {ends}"]
    world.sweep("orders.confirm", at=ends - timedelta(microseconds=1))
    order.refresh_from_db()
    return [*wrong, *(["confirmed on the last day"] if order.state == Order.State.CONFIRMED else [])]


def leap_year_of_limits() -> list[str]:
    """An application of 29 February counts for twelve months: until 28 February, not a day less or more."""
    at = make.at_noon(LEAP)
    provider.set_clock(at)
    fund = world.make_fund(on=LEAP)
    order = world.paid(fund, at=at)
    wrong = []
    for on, counted in ((date(2029, 2, 27), True), (date(2029, 2, 28), False)):
        world.sweep("orders.lower_totals", at=make.at_noon(on))
        order.refresh_from_db()
        if order.counted != counted:
            wrong.append(f"counted on {on}: {order.counted}")
    return [*wrong, *books.problems(fund.pk)]


# --- Apart by six minutes ---------------------------------------------------------------------------------------


def apart(app: int, provider_: int) -> list[str]:
    """Application and provider are each six minutes ahead of the database (+1), with it (0), or behind (-1).

    The database's clock is the machine's. All is done and told within two sweeps once six minutes have passed.
    """
    machine = timezone.now()
    ours, theirs = machine + app * APART, machine + provider_ * APART
    provider.set_clock(theirs)
    fund = world.make_fund(on=clock.today_in(None, machine))
    with mock.patch.object(timezone, "now", lambda: ours):
        order = world.place(fund, "A", at=ours)
        try:
            attempt = payments.start_payment(order, at=ours)
        except DomainError as refused:
            return _no_page(order, refused, ours, ahead=provider_ > app)
        provider.pay(attempt)
        _webhooks(attempt, ours, theirs)
        world.sweeps(at=ours + timedelta(minutes=2))
        order.refresh_from_db()
        if order.state != Order.State.PAID:
            return [f"paid, and {order.state}"]
        payments.cancel_order(order, at=ours + timedelta(minutes=3), actor=None)
    later = ours + timedelta(minutes=9)
    with mock.patch.object(timezone, "now", lambda: max(later, machine)):
        for _round in range(2):
            world.sweeps((*world.SWEEPS, "payments.objects"), at=later, times=1)
            world.sweep("outbox.dispatch", at=later)
    left = Event.objects.filter(done_at=None, payload__order_id=order.pk).values_list("key", flat=True)
    return [*books.problems(fund.pk), *(f"not told: {key}" for key in left), *_refunded(order)]


def _refunded(order: Order) -> list[str]:
    states = list(order.refunds.values_list("state", flat=True))
    return [] if states == ["succeeded"] else [f"refunds are {states}"]


def _no_page(order: Order, refused: DomainError, at: datetime, *, ahead: bool) -> list[str]:
    """A provider that is ahead finds the page too short-lived and makes none: the payer is told, the units are free
    again after the reservation, and no money has moved."""
    world.sweeps(at=at + timedelta(minutes=40))
    order.refresh_from_db()
    wrong = [] if ahead and refused.code == "refused" else [f"no page: {refused}"]
    if order.state != Order.State.EXPIRED:
        wrong.append(f"without a page, and {order.state}")
    return [*wrong, *books.problems(order.fund_id)]


def _webhooks(attempt: PaymentAttempt, ours: datetime, theirs: datetime) -> None:
    """The provider's events; those whose signature looks six minutes old are refused, and do not matter."""
    with mock.patch("time.time", lambda: ours.timestamp()):
        for event in provider.events_of(attempt.session_id or ""):
            try:
                webhook.receive(*provider.signed(event, at=theirs.timestamp()), at=ours)
            except gateway.BadSignature:
                assert abs(theirs - ours) >= timedelta(minutes=5)


# --- The last instant of cooling-off ----------------------------------------------------------------------------

LAST = clock.end_of_day(world.DAY + 7 * DAY)
FIRST_AFTER = clock.start_of_day(world.DAY + 8 * DAY)


def cancel_at(at: datetime, state: str) -> list[str]:
    """Cancelling at 23:59:59.999999 of Tokyo is in time, at 00:00:00 it is not."""
    provider.set_clock(world.NOW)
    fund = world.make_fund()
    order = world.paid(fund)
    try:
        payments.cancel_order(order, at=at, actor=None)
    except DomainError as refused:
        assert refused.code == "too_late", refused
    order.refresh_from_db()
    return [*([] if order.state == state else [f"is {order.state}"]), *books.problems(fund.pk)]


def confirm_at(at: datetime, state: str) -> list[str]:
    """Confirming at 23:59:59.999999 of Tokyo is too early, at 00:00:00 it is due."""
    provider.set_clock(world.NOW)
    fund = world.make_fund()
    order = world.paid(fund)
    world.sweep("orders.confirm", at=at)
    order.refresh_from_db()
    return [*([] if order.state == state else [f"is {order.state}"]), *books.problems(fund.pk)]


# --- A month without sweeps -------------------------------------------------------------------------------------

#: Sweeps that have nothing to do with one fund, or that ask the provider about all.
_NOT_A_FUNDS = (
    "site.verify", "payments.objects", "payments.payouts", "notices.send", "mails.reminders",
    "investors.documents", "investors.duplicates", "private.orphans", "pictures.lost",
)  # fmt: skip
DAYS = 32


@contextmanager
def only_funds(without: Iterable[str] = ()) -> Iterable[None]:  # type: ignore[misc]
    """The sweeps of funds, orders and payments, less those that are down."""
    kept = {name: sweep for name, sweep in schedule._sweeps.items() if name not in (*_NOT_A_FUNDS, *without)}
    with mock.patch.object(schedule, "_sweeps", kept):
        yield


def month() -> tuple[Fund, Investor]:
    """A fund with a month in which everything happens: closing, deadlines, the start of the term."""
    provider.set_clock(world.NOW)
    fund = world.make_fund(
        closes_on=world.DAY + 12 * DAY, term_starts_on=world.DAY + 29 * DAY, units_minimum=3, units_offered=10
    )
    world.paid(fund, "A", units=2)
    world.open_page(world.place(fund, "B", units=1))
    world.paid(fund, "never verified", units=1, investor=make.make_investor(at=world.NOW, verified=False))
    late = make.make_investor(at=world.NOW, verified=False)
    world.paid(fund, "verified late", units=1, investor=late)
    cancelled = world.paid(fund, "C", units=1)
    payments.cancel_order(cancelled, at=world.NOW, actor=None)
    world.place(fund, "transfer", method="bank_transfer", units=1)
    return fund, late


def run_days(fund: Fund, late: Investor, without: Iterable[str] = ()) -> None:
    """A month day by day; on the twelfth day the late investor is verified."""
    for number in range(DAYS):
        on = world.DAY + number * DAY
        provider.set_clock(clock.end_of_day(on))
        if number == 12:
            make.verify(late, at=make.at_noon(on))
        with only_funds(without):
            run_schedule(on, on)


def run_schedule(first: date, last: date) -> None:
    """The operator's command, on the morning after `last`."""
    now = clock.start_of_day(last + DAY) + timedelta(minutes=5)
    with mock.patch.object(timezone, "now", lambda: now):
        call_command("run_schedule", "--date", first.isoformat(), "--until", last.isoformat(), stdout=io.StringIO())


def month_missed(without: tuple[str, ...]) -> list[str]:
    """Sweeps (all, when none is named) that were down for a month and are caught up in order."""
    if "month" not in _known:
        fund, late = month()
        run_days(fund, late)
        _known["month"] = books.state_of(fund.pk)
        assert '"operating"' in _known["month"]["fund"][0], _known["month"]["fund"]
    fund, late = month()
    if without:
        run_days(fund, late, without)
    else:
        make.verify(late, at=make.at_noon(world.DAY + 12 * DAY))
    assert books.difference(_known["month"], books.state_of(fund.pk)), "nothing was missed"
    with only_funds():
        run_schedule(world.DAY, world.DAY + (DAYS - 1) * DAY)
    return [
        line for line in [books.difference(_known["month"], books.state_of(fund.pk)), *books.problems(fund.pk)] if line
    ]


CASES: dict[str, Callable[[], list[str]]] = {
    **{f"sweeps, {n} back": partial(sweeps_set_back, by) for n, by in (("1 h", HOUR), ("1 d", DAY), ("1 y", YEAR))},
    **{f"paying, {n} back": partial(paying_set_back, by) for n, by in (("1 h", HOUR), ("1 d", DAY), ("1 y", YEAR))},
    **{f"{n} forward": partial(sweeps_set_forward, by) for n, by in (("1 h", HOUR), ("1 d", DAY), ("1 y", YEAR))},
    "29 February, yearly": partial(leap_periods, 12),
    "29 February, half-yearly": partial(leap_periods, 6),
    "29 February in cooling-off": partial(leap_cooling_off, date(2028, 2, 25), date(2028, 3, 3)),
    "paid on 29 February": partial(leap_cooling_off, LEAP, date(2028, 3, 7)),
    "applied on 29 February": leap_year_of_limits,
    "application ahead": partial(apart, 1, 0),
    "application behind": partial(apart, -1, 0),
    "provider ahead": partial(apart, 0, 1),
    "provider behind": partial(apart, 0, -1),
    "application ahead, provider behind": partial(apart, 1, -1),
    "application and provider ahead": partial(apart, 1, 1),
    "cancel in the last microsecond": partial(cancel_at, LAST, "cancelled"),
    "cancel at midnight": partial(cancel_at, FIRST_AFTER, "paid"),
    "confirm in the last microsecond": partial(confirm_at, LAST, "paid"),
    "confirm at midnight": partial(confirm_at, FIRST_AFTER, "confirmed"),
    "all sweeps down for a month": partial(month_missed, ()),
    "confirming down for a month": partial(month_missed, ("orders.confirm",)),
    "closing and expiring down for a month": partial(month_missed, ("offerings.close", "payments.expire")),
    "refunds down for a month": partial(month_missed, ("payments.refunds", "payments.identity_deadline")),
}
