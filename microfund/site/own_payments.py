"""What a person's holdings are paid: every line of an approved distribution, and how far its money is (pages.md I4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from investments.distributions.elected import Choice
from investments.distributions.models import Allocation, Distribution
from investments.distributions.taxed import Due, due, taken
from investments.payouts.models import Payout, PayoutAttempt, PayoutItem
from microfund.kernel.money import format_money


@dataclass(frozen=True, slots=True)
class Payment:
    """One line of a distribution (amounts in yen): what it comes to as it stands, its parts in payouts, its state for a
    badge, and that in words. `paid_on` is the transfer date of what has arrived, if all of it has."""

    line: Allocation
    due: Due
    parts: tuple[PayoutItem, ...]
    state: str
    words: str
    paid_on: date | None

    @property
    def distribution(self) -> Distribution:
        """What the line belongs to."""
        return self.line.distribution


def lines_of(investor: Any) -> QuerySet[Allocation]:
    """Every line of this person in approved distributions, newest first, with what a page of them needs; seven queries
    however many there are."""
    return lines_where(holding__investor=investor)


def lines_where(**which: Any) -> QuerySet[Allocation]:
    """The same for lines of other conditions."""
    items = PayoutItem.objects.select_related("payout", "instalment").prefetch_related(
        Prefetch(
            "payout__attempts",
            PayoutAttempt.objects.select_related("run", "account", "bank_return")
            .defer("account__number")
            .order_by("-number"),
        )
    )
    return (
        Allocation.objects.filter(distribution__state=Distribution.State.APPROVED, **which)
        .select_related(
            "distribution__period",
            "distribution__terms",
            "distribution__report",
            "distribution__fund__business",
            "holding",
            "elected__came_back__payout",
        )
        .prefetch_related(Prefetch("items", items.order_by("instalment__number")), "retaxed__retax", "unclaimed")
        .order_by("-distribution__approved_at", "-pk")
    )


def payments(lines: Iterable[Allocation]) -> list[Payment]:
    """Lines of `lines_of` as payments."""
    return [_payment(line) for line in lines]


def _payment(line: Allocation) -> Payment:
    parts = tuple(line.items.all())
    state = _state(line, parts)
    paid = [part.payout.paid_on for part in parts if part.payout.paid_on]
    paid_on = max(paid) if state in ("paid", "written_off") and paid else None
    return Payment(line, due(line), parts, state, _words(line, parts, state, paid_on), paid_on)


def _state(line: Allocation, parts: tuple[PayoutItem, ...]) -> str:
    """How far the money of a line is: the part that is furthest behind says it."""
    own = line.distribution
    if not line.gross:
        return "nothing"
    otherwise = taken(line)
    if otherwise is not None:
        return str(otherwise.choice)
    if not own.instalment_per_unit:
        return "written_off" if own.written_off_per_unit else "waits"
    states = {part.payout.state for part in parts}
    for state in (Payout.State.RETURNED, Payout.State.UNCLAIMED, Payout.State.WAITING, Payout.State.IN_RUN):
        if state in states:
            return str(state)
    if any(kept.claimed_at is None for kept in line.unclaimed.all()):
        return "unclaimed"
    if sum(part.gross for part in parts) < own.instalment_per_unit * line.units:
        return "carried"
    if Payout.State.SENT in states:
        return str(Payout.State.SENT)
    if own.written_off_per_unit:
        return "written_off"
    return "paid" if own.instalment_per_unit == own.per_unit else "part"


def _in_kind(line: Allocation) -> str:
    """A line in kind in words; uses `elected__came_back__payout`."""
    back = getattr(taken(line), "came_back", None)
    if back is None or not back.amount:
        return _("taken in kind, with a voucher")
    words = {"amount": format_money(back.amount, line.distribution.fund.currency)}
    if back.payout is not None and back.payout.state == Payout.State.PAID:
        return _("in kind; %(amount)s came back") % words
    if line.distribution.written_off and back.released_at is None:
        return _("in kind; %(amount)s written off") % words
    if back.set_aside_at is not None:
        return _("in kind; %(amount)s kept for you: it could not be paid for a year") % words
    return _("in kind; %(amount)s to come back") % words


def _words(line: Allocation, parts: tuple[PayoutItem, ...], state: str, paid_on: date | None) -> str:
    own = line.distribution
    if state == Choice.IN_KIND:
        return _in_kind(line)
    if state == "sent":
        runs = [part.payout.attempts.all()[0].run.pay_on for part in parts if part.payout.state == Payout.State.SENT]
        return _("sent on %(date)s") % {"date": date_format(max(runs), "DATE_FORMAT")}
    if state == "written_off":
        return _("paid in part; the rest was written off") if parts else _("written off")
    if paid_on is not None:
        return _("paid on %(date)s") % {"date": date_format(paid_on, "DATE_FORMAT")}
    if state == "waits":
        return _("waits for the payment of the business, due %(date)s") % {
            "date": date_format(own.payment_on, "DATE_FORMAT")
        }
    return str(
        {
            "nothing": _("nothing due"),
            "give_back": _("given back to the business; thank you"),
            "returned": _("came back from your bank"),
            "unclaimed": _("kept for you: it could not be paid for a year"),
            "waiting": _("waits for the next transfers"),
            "in_run": _("being prepared"),
            "carried": _("kept for you until the next transfers"),
            "part": _("paid in part; the business owes the rest"),
        }[state]
    )
