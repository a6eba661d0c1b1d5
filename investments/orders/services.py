"""An order from its payment to its holding (domain.md section 4); `place.py` has its beginning."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Min, Q

from investments import events
from investments.holdings import services as holdings
from investments.investors.models import Investor
from investments.ledger import post as ledger
from investments.offerings import services as offerings
from investments.offerings.models import Fund
from investments.policy import services as policy
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.money import split_inclusive_tax
from microfund.kernel.outbox.services import publish

from . import reserve
from .giving import awaits_receiver
from .models import AWAITS_RECEIVER, ORDER_STATES, UNPAID, Order
from .place import Accepted, limits_for, luhn_digit, new_payer_code, new_reference, payer_codes, place_order

__all__ = [
    "Accepted",
    "clear_order",
    "confirm_due",
    "confirm_order",
    "limits_for",
    "lower_totals_due",
    "luhn_digit",
    "mark_awaiting",
    "mark_paid",
    "new_payer_code",
    "payer_codes",
    "new_reference",
    "place_order",
    "refreeze_holding",
    "unclear_order",
]


class _Late(Exception):
    """Rolls back a vain try to take units again."""


# --- Money arrived --------------------------------------------------------------------------------------------


def mark_awaiting(order: Order, *, until: datetime, at: datetime) -> Order:
    """The provider or the bank brings the money later: hold the units until then, in the caller's transaction."""
    order = locks.lock_one(Order, order.pk)
    if order.state == Order.State.AWAITING_PAYMENT:
        if order.reserved_until is None or until > order.reserved_until:
            order.reserved_until = until
            order.save(update_fields=["reserved_until"])
        return order
    if order.state != Order.State.RESERVED:
        return order
    return ORDER_STATES.move(order, Order.State.AWAITING_PAYMENT, at=at, reserved_until=until)


def mark_paid(order: Order, *, at: datetime) -> str:
    """The whole amount is there. Answers `sold` (units are the investor's), `late` (refund it all: the order had
    ended and units could not be taken again) or `duplicate` (the order was paid before).

    Runs in the caller's transaction; the caller has posted the money and makes the refund.
    """
    order = locks.lock_one(Order, order.pk)
    if order.state in (Order.State.PAID, Order.State.CONFIRMED):
        return "duplicate"
    fund = Fund.objects.select_related("policy").get(pk=order.fund_id)
    if order.state in UNPAID:
        reserve.sell(order)
    elif order.state == Order.State.EXPIRED:
        try:
            with transaction.atomic():
                if not reserve.retake(order, limits=limits_for(fund, at), at=at):
                    raise _Late
        except _Late:
            return "late"
    else:
        return "late"
    # Day 1 is the later of application and availability of the contract documents, which is now (section 4.4).
    first_day = clock.today_in(fund.policy.zone, max(at, order.applied_at))
    ORDER_STATES.move(
        order,
        Order.State.PAID,
        at=at,
        paid_at=at,
        reserved_until=None,
        ended_at=None,
        counted=order.counted,
        cooling_off_ends_at=clock.cooling_off_end(first_day, fund.policy.cooling_off_days, fund.policy.zone),
    )
    publish(events.OrderPaid(order_id=order.pk, at=at), key=str(order.pk), at=at)
    return "sold"


# --- From paid to holding -------------------------------------------------------------------------------------


def clear_order(order_id: int, *, at: datetime) -> bool:
    """Count a paid order as cleared once cooling-off is over and identity is verified; False when not yet or done. A
    gift that nobody has accepted yet is not cleared.

    Holds the fund's row, as its failing does: a fund whose minimum is cleared cannot fail, and none that failed clears.
    """
    with transaction.atomic():
        fund = locks.lock_one(Fund, Order.objects.values_list("fund_id", flat=True).get(pk=order_id))
        order = locks.try_lock(Order, order_id, state=Order.State.PAID, cleared_at=None, frozen_at=None)
        if order is None or fund.state == Fund.State.FAILED or order.cooling_off_ends_at > at or not verified(order):
            return False
        if awaits_receiver(order):
            return False
        order.cleared_at = at
        order.save(update_fields=["cleared_at"])
        reserve.clear(order)
        return True


#: Orders whose investor is verified now, and so is who paid, if that is somebody else (domain.md section 11).
VERIFIED = Q(investor__identity_state=Investor.Identity.VERIFIED, payer__identity_state=Investor.Identity.VERIFIED)


def verified(order: Order) -> bool:
    """Whether the identities of the order's investor and of its payer stand verified now."""
    return Order.objects.filter(VERIFIED, pk=order.pk).exists()


def unclear_order(order_id: int, *, at: datetime) -> bool:
    """Take back that an order is cleared, because the identity of its investor has left `verified` before the order was
    confirmed: its units no longer count for the fund's success. False when there is nothing to take back.
    """
    with transaction.atomic():
        order = locks.try_lock(Order, order_id, state=Order.State.PAID, cleared_at__isnull=False)
        if order is None or verified(order):
            return False
        cleared_at, order.cleared_at = order.cleared_at, None
        order.save(update_fields=["cleared_at"])
        reserve.unclear(order)
        audit.record(
            action="investments.Order.uncleared",
            subject=order,
            at=at,
            reason="identity no longer verified",
            changes={"cleared_at": [cleared_at.isoformat(), None]},
        )
        return True


def confirm_order(order_id: int, *, at: datetime) -> bool:
    """A cleared order of a succeeded fund becomes a holding; its money leaves the deposits. False when not due.

    Identity is asked once more, as it may have left `verified` since the order cleared. The state is judged again under
    the row lock, so a cancellation and a confirmation can never both happen. Nor can the failing of the fund by staff:
    it holds the fund's row, and so does this.
    """
    with transaction.atomic():
        fund = locks.lock_one(Fund, Order.objects.values_list("fund_id", flat=True).get(pk=order_id))
        order = locks.try_lock(Order, order_id, state=Order.State.PAID, frozen_at=None)
        if order is None or order.cleared_at is None or not verified(order):
            return False
        if fund.succeeded_at is None or fund.state == Fund.State.FAILED:
            return False
        on = clock.today_in(fund.policy.zone, at)
        holdings.record_movement(
            investor_id=order.investor_id,
            fund_id=order.fund_id,
            kind="confirm",
            units=order.units,
            source=f"order:{order.pk}",
            on=on,
            at=at,
        )
        refreeze_holding(investor_id=order.investor_id, fund_id=order.fund_id)
        ledger.post(
            kind="order_confirmed",
            source=("order", order.pk),
            legs=confirmation_legs(order, fund.book_id, on),
            on=on,
            at=at,
        )
        ORDER_STATES.move(order, Order.State.CONFIRMED, at=at, confirmed_at=at)
        publish(
            events.OrderConfirmed(
                order_id=order.pk, investor_id=order.investor_id, fund_id=order.fund_id, units=order.units, at=at
            ),
            key=str(order.pk),
            at=at,
        )
        return True


def refreeze_holding(*, investor_id: int, fund_id: int) -> None:
    """Freeze or unfreeze a person's holding in a fund: it is frozen while any of their orders there is, since when the
    first one is (domain.md section 4.9), and from when their death is recorded (section 11). Runs in the caller's
    transaction, which holds the fund's row, so that an order that is confirmed and another that is disputed see each
    other."""
    frozen = Order.objects.filter(investor_id=investor_id, fund_id=fund_id, frozen_at__isnull=False)
    died = Investor.objects.values_list("death_recorded_at", flat=True).get(pk=investor_id)
    since = [at for at in (frozen.aggregate(at=Min("frozen_at"))["at"], died) if at is not None]
    holdings.freeze(investor_id=investor_id, fund_id=fund_id, at=min(since, default=None))


def confirmation_legs(order: Order, book: int, on: Any) -> list[ledger.Leg]:
    """Deposits become donation and investment payable; the fee is the operator's (domain.md section 7)."""
    subject = f"order:{order.pk}"
    legs = [ledger.debit(book, "applicant_deposits", order.total, subject)]
    if order.donation:
        legs.append(ledger.credit(book, "donation_payable", order.donation, subject))
    legs.append(ledger.credit(book, "investment_payable", order.investment, subject))
    if order.fee:
        operator = ledger.operator_book_id()
        income, tax = split_inclusive_tax(order.fee, policy.tax_rate("consumption", on))
        legs += [
            ledger.credit(book, "due_to_operator", order.fee, subject),
            ledger.debit(operator, "due_from_fund", order.fee, subject),
            ledger.credit(operator, "fee_income", income, subject),
        ]
        if tax:
            legs.append(ledger.credit(operator, "output_tax", tax, subject))
    return legs


def confirm_due(*, on: Any, at: datetime) -> dict[str, int]:
    """Sweep: un-clear whose identity is no longer verified, clear what is past cooling-off and identity, judge the
    funds' success, confirm what may be."""
    counts = {"uncleared": 0, "cleared": 0, "funds_succeeded": 0, "confirmed": 0, "errors": 0}
    lost = Order.objects.filter(~VERIFIED, state=Order.State.PAID, cleared_at__isnull=False).order_by("pk")
    locks.each(lost.values_list("pk", flat=True), lambda pk: unclear_order(pk, at=at), counts, "uncleared")
    due = Order.objects.filter(
        VERIFIED,
        ~Q(gift__state__in=AWAITS_RECEIVER),
        state=Order.State.PAID,
        cleared_at=None,
        frozen_at=None,
        cooling_off_ends_at__lte=at,
    ).order_by("cooling_off_ends_at", "pk")
    locks.each(due.values_list("pk", flat=True), lambda pk: clear_order(pk, at=at), counts, "cleared")
    waiting = Fund.objects.filter(
        state__in=[Fund.State.OPEN, Fund.State.CLOSED], succeeded_at=None, counter__cleared__gt=0
    ).values_list("pk", flat=True)
    locks.each(waiting, lambda pk: offerings.judge_success(pk, at=at), counts, "funds_succeeded")
    ready = Order.objects.filter(
        VERIFIED,
        state=Order.State.PAID,
        cleared_at__isnull=False,
        frozen_at=None,
        fund__succeeded_at__isnull=False,
    ).order_by("cleared_at", "pk")
    locks.each(ready.values_list("pk", flat=True), lambda pk: confirm_order(pk, at=at), counts, "confirmed")
    return counts


def lower_totals_due(*, on: Any, at: datetime) -> dict[str, int]:
    """Sweep: twelve months after application an order no longer counts in the person's total of the business."""
    counts = {"lowered": 0, "errors": 0}
    due = Order.objects.filter(counted=True, counts_until__lte=on, state__in=["paid", "confirmed"]).order_by("pk")
    locks.each(due.values_list("pk", flat=True), lambda pk: _lower_total(pk), counts, "lowered")
    return counts


def _lower_total(order_id: int) -> bool:
    with transaction.atomic():
        order = locks.try_lock(Order, order_id, counted=True)
        if order is None:
            return False
        reserve.uncount(order)
        order.counted = False
        order.save(update_fields=["counted"])
        return True
