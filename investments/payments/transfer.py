"""Paying an order by bank transfer to the operator's segregated account (domain.md section 4.3).

An order is paid by receipts that come to its total exactly. Whatever else arrives stays unallocated with the reason
why it waits, in a queue of staff who top up, apply or send back.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Sum
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.banking import services as banking
from investments.banking.models import StatementLine
from investments.investors.models import Investor
from investments.orders import queries
from investments.orders import services as orders
from investments.orders.models import UNPAID, Order
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.outbox.services import publish

from . import postings, window
from .models import ATTEMPT_STATES, UNRESOLVED, PaymentAttempt


def begin_transfer(order: Order, *, at: datetime) -> PaymentAttempt:
    """The order's awaited transfer: pay by the end of the fifth bank day; the units are held one bank day longer, so
    that a statement imported the next morning is in time.

    Raises DomainError: "wrong_state" when the order is not to be paid any more or its reservation is over, "closed"
    when the fund takes no orders or closes before the transfer would be there.
    """
    with transaction.atomic():
        order = locks.lock_one(Order, order.pk)
        window.require_reserved(order, at=at)
        unresolved = PaymentAttempt.objects.filter(order=order, state__in=UNRESOLVED).first()
        if unresolved is not None:
            return unresolved
        profile = window.require_time(order, at=at)
        pay_by = queries.transfer_deadline(profile, at)
        attempt = _new_attempt(order, pay_by=pay_by, at=at)
        # pay_by is the first instant of the day after the deadline.
        import_day = clock.next_bank_day(clock.today_in(profile.zone, pay_by))
        orders.mark_awaiting(order, until=clock.start_of_day(import_day + timedelta(days=1), profile.zone), at=at)
        publish(events.OrderPlaced(order_id=order.pk, at=at), key=str(order.pk), at=at)
        return attempt


def _new_attempt(order: Order, *, pay_by: datetime | None, at: datetime) -> PaymentAttempt:
    return PaymentAttempt.objects.create(
        order=order,
        method=Order.Method.BANK_TRANSFER,
        state=PaymentAttempt.State.OPEN,
        amount=order.total,
        currency=order.currency,
        payer_kana=Investor.objects.values_list("name_kana", flat=True).get(pk=order.payer_id),
        created_at=at,
        pay_by=pay_by,
    )


# --- Claiming what has come in --------------------------------------------------------------------------------


def order_of(line: StatementLine) -> Order | None:
    """The order, to be paid by transfer, whose payer code a bank line carries in its code field or in the payer's name;
    a code whose check digit is wrong is nobody's."""
    codes = orders.payer_codes(line.payer_code, line.payer_name)
    found = {
        order.payer_code: order
        for order in Order.objects.filter(payer_code__in=codes, method=Order.Method.BANK_TRANSFER)
    }
    return next((found[code] for code in codes if code in found), None)


def claim(line_id: int, *, at: datetime) -> bool:
    """Pay the order whose code a receipt carries, if the free receipts of that code come to its total; True when
    nothing of the receipt is free any more.

    Otherwise the line says why it waits: "unknown" (no order of that code is paid by transfer), "short", "over",
    "twice" (the order is paid already) or "late" (the order has ended; an expired one whose units cannot be taken
    again). Nothing is ever applied beyond the exact total. May be called again, and by several workers at once.
    """
    line = StatementLine.objects.get(pk=line_id)
    if line.free == 0:
        return True
    order = order_of(line)
    if order is None and line.problem == "unknown":
        return False
    with transaction.atomic():
        if order is None:
            _explain([locks.lock_one(StatementLine, line_id)], "unknown")
            return False
        code = order.payer_code
        order = locks.lock_one(Order, order.pk)
        attempt = _attempt(order, at=at)
        # Asked after the order is locked: two receipts of one order are judged one after the other.
        StatementLine.objects.filter(pk=line_id).exclude(payer_code=code).update(payer_code=code)
        lines = locks.lock(
            StatementLine,
            StatementLine.objects.filter(payer_code=code, remaining__gt=F("held")).values_list("pk", flat=True),
        )
        _settle(order, attempt, sorted(lines, key=lambda own: (own.booked_on, own.pk)), at=at)
    return not StatementLine.objects.filter(pk=line_id, remaining__gt=F("held")).exists()


def _attempt(order: Order, *, at: datetime) -> PaymentAttempt | None:
    """The order's transfer, locked: the awaited one, or the one that ran out; a new one when the order expired, or its
    time was over, before its transfer began. None for an order that no transfer can pay any more."""
    if order.state not in (*UNPAID, Order.State.EXPIRED):
        return None
    own = PaymentAttempt.objects.filter(order=order, method=Order.Method.BANK_TRANSFER).order_by("-pk")
    found = own.only("state").first()
    if order.state in UNPAID and (found is None or found.state not in UNRESOLVED):
        # What is too late to begin is not too late for money that is there: units are still held for it.
        with suppress(DomainError):
            found = begin_transfer(order, at=at)
    return locks.lock_one(PaymentAttempt, (found or _new_attempt(order, pay_by=None, at=at)).pk)


def _settle(order: Order, attempt: PaymentAttempt | None, lines: list[StatementLine], *, at: datetime) -> None:
    """Judge the locked unallocated receipts of one locked order, in the order in which they came."""
    if attempt is None:
        return _explain(lines, "twice" if order.state in (Order.State.PAID, Order.State.CONFIRMED) else "late")
    chosen = _exactly(lines, order.total)
    if not chosen:
        return _explain(lines, "short" if sum(line.free for line in lines) < order.total else "over")
    if not _pay(order, attempt, [(line, line.free) for line in chosen], actor=None, reason="", at=at):
        return _explain(lines, "late")
    return _explain([line for line in lines if line.free], "twice")


def _exactly(lines: list[StatementLine], total: int) -> list[StatementLine]:
    """The receipts that pay the total exactly: the first ones up to it, else one that is it alone; none otherwise. So
    transfers pay the same whether they come in one statement or in several."""
    paid = 0
    for count, line in enumerate(lines, 1):
        paid += line.free
        if paid == total:
            return lines[:count]
    return next(([line] for line in lines if line.free == total), [])


def _explain(lines: list[StatementLine], problem: str) -> None:
    """Say why these locked receipts wait."""
    for line in lines:
        if line.problem != problem:
            line.problem = problem
            line.save(update_fields=["problem"])


def _pay(
    order: Order,
    attempt: PaymentAttempt,
    parts: list[tuple[StatementLine, int]],
    *,
    actor: Any,
    reason: str,
    at: datetime,
) -> bool:
    """Pay a locked order with parts of locked receipts that come to its total; False (and nothing happened) when it had
    expired and its units cannot be taken again."""
    with transaction.atomic():
        # First of all, since only this can still fail: the hottest row is held for the few statements that follow.
        outcome = orders.mark_paid(order, at=at)
        if outcome != "sold":
            transaction.set_rollback(True)
            return False
        for line, amount in parts:
            use = banking.take(line, amount=amount, target=f"attempt:{attempt.pk}", at=at, actor=actor, reason=reason)
            postings.receipt_applied(use.pk, line.pk, amount, order, at=at)
        ATTEMPT_STATES.move(
            attempt,
            PaymentAttempt.State.SUCCEEDED,
            at=at,
            actor=actor,
            reason=reason,
            captured=sum(amount for _line, amount in parts),
            resolved_at=at,
            next_check_at=None,
            problem="",
        )
    return True


def received_so_far(order: Order) -> int:
    """Yen that have come under the order's payer code and are still unallocated: too little, too much or too late."""
    lines = StatementLine.objects.filter(payer_code=order.payer_code, remaining__gt=0)
    return lines.aggregate(total=Sum("remaining"))["total"] or 0


# --- Staff ----------------------------------------------------------------------------------------------------


def apply_to_order(line: StatementLine, order: Order, *, actor: Any, at: datetime, reason: str) -> Order:
    """Staff pay an order with a receipt that could not be matched, or that is more than the order's total: exactly the
    total is used, from this receipt first and then from others that carry the order's code; the rest stays to be sent
    back. Returns the fresh order.

    Raises DomainError: "reason_needed", "method" (the order is not paid by transfer), "twice" (it is paid already),
    "late" (it has ended and units cannot be taken again), "used" (nothing of the receipt remains), "short" (what is
    there is not enough; `data["missing"]` is in yen).
    """
    require_reason(reason)
    with transaction.atomic():
        order = locks.lock_one(Order, order.pk)
        if order.method != Order.Method.BANK_TRANSFER:
            raise DomainError("method", _("This order is not paid by bank transfer."))
        if order.state in (Order.State.PAID, Order.State.CONFIRMED):
            raise DomainError("twice", _("This order is paid already."))
        attempt = _attempt(order, at=at)
        if attempt is None:
            raise DomainError("late", _("This order has ended; send the money back."))
        own = StatementLine.objects.filter(payer_code=order.payer_code, remaining__gt=F("held"))
        lines = locks.lock(StatementLine, {line.pk, *own.values_list("pk", flat=True)})
        # The receipt that staff chose first, the others in the order in which they came.
        lines.sort(key=lambda other: (other.pk != line.pk, other.booked_on, other.pk))
        if lines[0].free == 0:
            raise DomainError("used", _("Nothing of this receipt remains."))
        parts: list[tuple[StatementLine, int]] = []
        missing = order.total
        for part in lines:
            amount = min(part.free, missing)
            if amount:
                parts.append((part, amount))
                missing -= amount
        if missing:
            raise DomainError(
                "short", _("%(missing)d yen are missing for this order.") % {"missing": missing}, missing=missing
            )
        if not _pay(order, attempt, parts, actor=actor, reason=reason, at=at):
            raise DomainError("late", _("This order has expired and its units are taken; send the money back."))
        _explain([part for part in lines if part.free and part.payer_code == order.payer_code], "twice")
        audit.record(
            action="investments.StatementLine.applied",
            subject=lines[0],
            at=at,
            actor=actor,
            reason=reason,
            changes={"order": order.reference, "parts": {str(part.pk): amount for part, amount in parts}},
        )
    order.refresh_from_db()
    return order
