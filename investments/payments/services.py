"""What touches orders and money together: pay, cancel, expire, fail a fund, the identity deadline, the sweeps.

One act is one transaction of an order and its refund; the provider is called outside of it (domain.md section 4).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.offerings.models import FUND_STATES, Fund, FundCounter
from investments.orders import reserve
from investments.orders.giving import awaits_receiver
from investments.orders.models import ORDER_STATES, UNPAID, Order
from investments.orders.services import VERIFIED, verified
from microfund.kernel import clock, locks
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.outbox.services import publish

from . import chargeback, checkout, dispute, gateway, refund, transfer
from .models import ATTEMPT_STATES, UNRESOLVED, Dispute, PaymentAttempt, Refund
from .settle import expire, settle


def start_payment(order: Order, *, at: datetime) -> PaymentAttempt:
    """Begin paying by the order's method; for card and konbini the attempt's `url` is the hosted page, empty while the
    provider does not answer. Raises DomainError("wrong_state", "extensions", "refused")."""
    if order.method == Order.Method.BANK_TRANSFER:
        return transfer.begin_transfer(order, at=at)
    return checkout.start_checkout(order, at=at)


# --- Cancel ---------------------------------------------------------------------------------------------------


def cancel_order(order: Order, *, at: datetime, actor: Any, reason: str = "") -> Order:
    """The investor (or staff for them) cancels, from the reservation to the end of cooling-off: full refund, fee
    included; the units are free at once. `at` is the instant of submitting. A gift can be cancelled by its giver until
    it is accepted, whatever the day, and from then on by who accepted it.

    Raises DomainError("frozen", "given", "too_late", "wrong_state").
    """
    with transaction.atomic():
        order = locks.lock_one(Order, order.pk)
        if order.frozen_at is not None:
            raise DomainError("frozen", _("This order is disputed at the payment provider and cannot be cancelled."))
        if order.state == Order.State.CANCELLED:
            return order
        if order.payer_id != order.investor_id and actor is not None and actor.pk == order.payer.user_id:
            raise DomainError("given", _("This gift has been accepted: only who holds it now can cancel it."))
        if order.state == Order.State.CONFIRMED or (
            order.state == Order.State.PAID
            and order.cooling_off_ends_at is not None
            and at >= order.cooling_off_ends_at
            and not awaits_receiver(order)
        ):
            raise DomainError(
                "too_late",
                _("Cooling-off is over; the order can no longer be cancelled."),
                ended_at=order.cooling_off_ends_at,
            )
        ORDER_STATES.require(order.state, Order.State.CANCELLED)
        end_order(order, Order.State.CANCELLED, Refund.Reason.COOLING_OFF, at=at, actor=actor, reason=reason)
    close_pages(order, at=at)
    order.refresh_from_db()
    return order


def end_order(order: Order, state: str, why: str, *, at: datetime, actor: Any = None, reason: str = "") -> list[Refund]:
    """End an order whose row the caller holds: units free, every captured payment refunded in full."""
    refunds = []
    attempts = locks.lock(PaymentAttempt, order.attempts.values_list("pk", flat=True))
    parts = dispute.recover(order, parts=refund.unsettled_parts(order), at=at, actor=actor, reason=reason)
    for attempt in attempts:
        open_amount = chargeback.kept(attempt)
        if attempt.state == PaymentAttempt.State.SUCCEEDED and open_amount > 0:
            refunds.append(refund.request(attempt, amount=open_amount, reason=why, at=at, actor=actor, parts=parts))
            parts = 0
        elif attempt.state in UNRESOLVED and attempt.method == Order.Method.BANK_TRANSFER:
            ATTEMPT_STATES.move(attempt, PaymentAttempt.State.EXPIRED, at=at, resolved_at=at, next_check_at=None)
    if order.state in UNPAID:
        reserve.release_reserved(order)
        ORDER_STATES.move(order, state, at=at, actor=actor, reason=reason, ended_at=at, reserved_until=None)
        publish(events.OrderEnded(order_id=order.pk, state=state, at=at), key=f"{order.pk}:{state}", at=at)
    else:
        refund.end_sold_order(order, state, at=at, actor=actor, reason=reason)
    return refunds


def close_pages(order: Order, *, at: datetime) -> None:
    """Close the provider's pages of an ended order, so that nobody pays for it by mistake; best effort, since money
    that comes all the same is refunded (section 4.6)."""
    for attempt in order.attempts.filter(state="open", session_id__isnull=False):
        try:
            settle(attempt.pk, at=at)
        except (gateway.ProviderUnreachable, gateway.ProviderRefused) as error:
            PaymentAttempt.objects.filter(pk=attempt.pk).update(problem=str(error)[:500])


# --- Sweeps over orders ---------------------------------------------------------------------------------------


def expire_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: reservations that ran out. The provider is asked once more before the units are given up."""
    counts = {"expired": 0, "errors": 0}
    due = Order.objects.filter(state__in=UNPAID, reserved_until__lte=at).order_by("reserved_until", "pk")
    locks.each(due.values_list("pk", flat=True), lambda pk: expire_order(pk, at=at), counts, "expired")
    return counts


def expire_order(order_id: int, *, at: datetime) -> bool:
    """Expire one unpaid order whose reservation is over; False when it was paid, extended or taken meanwhile."""
    for attempt_id in PaymentAttempt.objects.filter(
        order_id=order_id, state__in=UNRESOLVED, session_id__isnull=False
    ).values_list("pk", flat=True):
        try:
            settle(attempt_id, at=at)
        except (gateway.ProviderUnreachable, gateway.ProviderRefused) as error:
            # Money that arrives later is treated as late money (section 4.6).
            PaymentAttempt.objects.filter(pk=attempt_id).update(problem=str(error)[:500])
    with transaction.atomic():
        order = locks.try_lock(Order, order_id, state__in=UNPAID, reserved_until__lte=at)
        if order is None:
            return False
        for attempt in order.attempts.filter(state__in=UNRESOLVED, method=Order.Method.BANK_TRANSFER):
            ATTEMPT_STATES.move(attempt, PaymentAttempt.State.EXPIRED, at=at, resolved_at=at, next_check_at=None)
        expire(order, at=at)
    close_pages(order, at=at)
    return True


def identity_deadline_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: paid orders whose investor is not verified by the deadline after closing are refunded in full.

    Of every fund that was closed, whatever has become of it: an order that was frozen by a dispute when its fund's term
    began is still paid when the dispute is won.
    """
    counts = {"refunded": 0, "errors": 0}
    unverified = Order.objects.filter(~VERIFIED, state=Order.State.PAID, frozen_at=None)
    ended = Fund.objects.exclude(state__in=[Fund.State.OPEN, Fund.State.FAILED])
    for fund in ended.filter(Exists(unverified.filter(fund=OuterRef("pk")))).select_related("policy").order_by("pk"):
        if on <= identity_deadline(fund):
            continue
        locks.each(
            unverified.filter(fund=fund).order_by("pk").values_list("pk", flat=True),
            lambda pk: _refund_unverified(pk, at=at),
            counts,
            "refunded",
        )
    return counts


def identity_deadline(fund: Fund) -> date:
    """The last day on which an investor of a closed fund may still be verified."""
    closed_on = clock.today_in(fund.policy.zone, fund.closed_at) if fund.closed_at else fund.closes_on
    return min(closed_on, fund.closes_on) + timedelta(days=fund.policy.identity_deadline_days)


def _refund_unverified(order_id: int, *, at: datetime) -> bool:
    with transaction.atomic():
        order = locks.try_lock(Order, order_id, state=Order.State.PAID, frozen_at=None)
        if order is None or order.cleared_at is not None:
            return False
        if verified(order):
            return False
        end_order(order, Order.State.REFUNDED, Refund.Reason.IDENTITY, at=at, reason="identity not verified in time")
        return True


# --- Failing a fund -------------------------------------------------------------------------------------------


def undecided(fund: Fund, *, on: date) -> bool:
    """Whether some order of the fund still awaits payment, cooling-off or identity, or the end of a dispute; for a
    dispute it waits no longer than for an identity (section 3)."""
    waits = Q(state__in=UNPAID) | Q(state=Order.State.PAID, cleared_at=None, frozen_at=None)
    if on <= identity_deadline(fund):
        waits |= Q(state=Order.State.PAID, frozen_at__isnull=False)
    return Order.objects.filter(fund=fund).filter(waits).exists()


def fail_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: closed funds whose outcome is known and is no success; then the orders of failed funds, one by one."""
    counts = {"failed": 0, "refunded": 0, "errors": 0}
    closed = Fund.objects.filter(state=Fund.State.CLOSED).order_by("pk")
    locks.each(closed, lambda fund: fail_fund(fund, at=at), counts, "failed")
    orders = (
        Order.objects.filter(fund__state=Fund.State.FAILED, state__in=[*UNPAID, Order.State.PAID])
        .exclude(disputes__state=Dispute.State.OPEN)
        .order_by("pk")
    )
    locks.each(orders.values_list("pk", flat=True), lambda pk: _fail_order(pk, at=at), counts, "refunded")
    return counts


def fail_fund(fund: Fund, *, at: datetime, actor: Any = None, reason: str = "") -> bool:
    """closed → failed when its outcome is known: the minimum is not reached, or no unit is left after refunds.

    Staff (`actor`, with a reason) may fail an open or closed fund that has not succeeded, whatever is still awaited.
    Success is irrevocable (section 3): `succeeded_at` stays, and a fund that succeeded, or whose cleared units have
    reached the minimum, fails only when it is closed and no unit is left. The orders are refunded by the sweep, so a
    crash in between only delays. Raises DomainError("wrong_state", "reason_needed", "succeeded") for staff.
    """
    with transaction.atomic():
        fund = locks.lock_one(Fund, fund.pk)
        if actor is not None:
            FUND_STATES.require(fund.state, Fund.State.FAILED)
            require_reason(reason)
        elif fund.state != Fund.State.CLOSED or undecided(fund, on=clock.today_in(fund.policy.zone, at)):
            return False
        counter = locks.lock_one(FundCounter, fund.pk)
        # The success sweep may not have run since the last order cleared.
        succeeded = fund.succeeded_at is not None or counter.cleared >= fund.units_minimum > 0
        empty = fund.state == Fund.State.CLOSED and counter.sold == 0 and counter.reserved == 0
        if succeeded and not empty:
            if actor is None:
                return False
            raise DomainError(
                "succeeded",
                _(
                    "This fund has succeeded, which is irrevocable. Close it and refund its orders one by one: "
                    "a closed fund without a unit fails by itself."
                ),
            )
        counter.accepting = False
        counter.save(update_fields=["accepting"])
        FUND_STATES.move(fund, Fund.State.FAILED, at=at, actor=actor, reason=reason, ended_at=at)
        publish(events.FundFailed(fund_id=fund.pk, at=at), key=str(fund.pk), at=at)
        return True


def _fail_order(order_id: int, *, at: datetime) -> bool:
    with transaction.atomic():
        order = locks.try_lock(Order, order_id, state__in=[*UNPAID, Order.State.PAID])
        if order is None or order.disputes.filter(state=Dispute.State.OPEN).exists():
            return False
        end_order(order, Order.State.FAILED, Refund.Reason.FUND_FAILED, at=at, reason="the fund failed")
    close_pages(order, at=at)
    return True


def refund_by_staff(order: Order, *, at: datetime, actor: Any, reason: str) -> Order:
    """Staff refund a paid order in full outside cooling-off (not yet confirmed). Raises DomainError."""
    require_reason(reason)
    with transaction.atomic():
        order = locks.lock_one(Order, order.pk)
        if order.frozen_at is not None:
            raise DomainError("frozen", _("This order is disputed at the payment provider and cannot be refunded."))
        if order.state != Order.State.PAID:
            raise DomainError("wrong_state", _("Only a paid order that is not yet confirmed can be refunded."))
        end_order(order, Order.State.REFUNDED, Refund.Reason.STAFF, at=at, actor=actor, reason=reason)
    order.refresh_from_db()
    return order
