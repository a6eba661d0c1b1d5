"""An order from its reservation to its holding (domain.md section 4)."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.holdings import services as holdings
from investments.investors.models import Investor
from investments.ledger import post as ledger
from investments.offerings import services as offerings
from investments.offerings.models import Document, Fund
from investments.policy import services as policy
from microfund.kernel import clock, locks
from microfund.kernel.errors import DomainError
from microfund.kernel.jobs import send_soon
from microfund.kernel.money import split_inclusive_tax
from microfund.kernel.outbox.services import publish

from . import queries, reserve
from .models import ORDER_STATES, UNPAID, Order

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A document that the investor read and accepted, as the flow saw it."""

    document_id: int
    sha256: str
    accepted_at: datetime
    ip: str | None


def new_reference() -> str:
    """An order's public reference: 50 random bits, no letters that look alike."""
    text = "".join(secrets.choice(_ALPHABET) for _n in range(10))
    return f"{text[:5]}-{text[5:]}"


def new_payer_code() -> str:
    """Nine random digits and a check digit (Luhn), so that a mistyped code is seen as unknown, not as another's."""
    digits = f"{secrets.randbelow(9 * 10**8) + 10**8}"
    return digits + luhn_digit(digits)


def luhn_digit(digits: str) -> str:
    """The Luhn check digit of a string of digits."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        value = int(character) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def limits_for(fund: Fund, at: datetime) -> reserve.Limits:
    """The units limit is the fund's frozen policy's; the yen limit is the law's as of the act (section 2)."""
    return reserve.Limits(
        person_units=fund.policy.units_per_person,
        person_business=policy.current(clock.today_in(fund.policy.zone, at)).investment_per_person_business,
    )


def _require_eligible(investor: Investor, fund: Fund, at: datetime) -> None:
    if investor.identity_state == Investor.Identity.REJECTED:
        raise DomainError("not_eligible", _("Your identity check was rejected. Please contact us."))
    if investor.kind == Investor.Kind.PERSON:
        born = date.fromisoformat(investor.birth_date) if investor.birth_date else None
        adult_on = clock.add_months(born, 12 * fund.policy.minimum_age) if born else None
        if adult_on is None or adult_on > clock.today_in(fund.policy.zone, at):
            raise DomainError(
                "not_eligible",
                _("You must be %(age)d years old to apply.") % {"age": fund.policy.minimum_age},
                age=fund.policy.minimum_age,
            )


def place_order(
    *,
    investor: Investor,
    fund: Fund,
    units: int,
    method: str,
    form_token: uuid.UUID,
    acceptances: Sequence[Accepted],
    answers: dict[str, Any],
    language: str,
    at: datetime,
    name_shown: bool = False,
    message: str = "",
) -> Order:
    """Reserve `units` of `fund` and write the order; the same form twice is the same order.

    Raises DomainError: "closed", "units", "order_limit", "person_limit", "business_limit", "sold_out",
    "delayed_share", "method", "documents", "not_eligible"; the figures are in its `data`.
    """
    fund = Fund.objects.select_related("policy").get(pk=fund.pk)
    if fund.state != Fund.State.OPEN or fund.policy is None:
        raise _refusal("closed", Order.objects.filter(form_token=form_token, investor=investor).first())
    terms = offerings.current_terms(fund)
    if type(units) is not int or units < 1:
        raise DomainError("units", _("Choose at least one unit."))
    if units > fund.policy.units_per_order:
        limit = fund.policy.units_per_order
        raise DomainError(
            "order_limit", _("At most %(limit)d units can be bought at once.") % {"limit": limit}, limit=limit
        )
    total = units * terms.unit_price
    if method not in queries.methods_for(fund, total=total, at=at):
        raise DomainError("method", _("This way to pay is not offered now. Please choose another."))
    _require_documents(fund, terms, language, acceptances)
    _require_eligible(investor, fund, at)
    limits = limits_for(fund, at)
    values = {
        "form_token": form_token,
        "investor_id": investor.pk,
        "fund_id": fund.pk,
        "terms_id": terms.pk,
        "state": Order.State.RESERVED,
        "method": method,
        "units": units,
        "investment": units * terms.investment,
        "donation": units * terms.donation,
        "fee": units * terms.fee,
        "total": total,
        "currency": fund.currency,
        "language": language,
        "answers": answers,
        "supporter_name_shown": name_shown,
        "supporter_message": message,
        "applied_at": at,
        "counts_until": clock.add_months(clock.today_in(fund.policy.zone, at), 12),
        "counted": True,
        "reserved_until": at + timedelta(minutes=fund.policy.reservation_minutes),
        "extensions": 0,
    }
    for _try in range(3):
        try:
            with transaction.atomic():
                placed = reserve.place(
                    values=values | {"reference": new_reference(), "payer_code": new_payer_code()},
                    business_id=fund.business_id,
                    limits=limits,
                    acceptances=acceptances,
                    actor=investor.user,
                )
                if placed.order_id is None:
                    raise _Refused(placed.refused_by)
                send_soon("outbox.dispatch")
            return Order.objects.get(pk=placed.order_id)
        except IntegrityError:
            existing = Order.objects.filter(form_token=form_token).first()
            if existing is not None and existing.investor_id == investor.pk:
                return existing
            if existing is not None:
                raise DomainError("form", _("This form was sent before. Please start again.")) from None
            # A reference or payer code that exists: draw again.
        except _Refused as refused:
            raise _explain(refused.by, investor, fund, units, limits, delayed=method in policy.DELAYED) from None
    raise RuntimeError("no free order reference in three draws")


class _Refused(Exception):
    """Rolls the reservation back; `by` names the guard."""

    def __init__(self, by: str) -> None:
        super().__init__(by)
        self.by = by


def _refusal(code: str, order: Order | None = None) -> DomainError:
    return DomainError(code, _("This fund does not take orders now."), order=order)


def _explain(
    by: str, investor: Investor, fund: Fund, units: int, limits: reserve.Limits, *, delayed: bool
) -> DomainError:
    """Say why the guard refused, with the figures as they are now."""
    held, invested, available, delayed_left, accepting = reserve.held(investor.pk, fund.pk, fund.business_id)
    if by == "business_limit":
        return DomainError(
            "business_limit",
            _("The law allows at most %(limit)d yen of investment in one business in 12 months; you have %(invested)d.")
            % {"limit": limits.person_business, "invested": invested},
            invested=invested,
            limit=limits.person_business,
        )
    if by == "person_limit":
        return DomainError(
            "person_limit",
            _("You hold %(held)d of at most %(limit)d units of this fund.")
            % {"held": held, "limit": limits.person_units},
            held=held,
            limit=limits.person_units,
        )
    if not accepting:
        return _refusal("closed")
    if available < units:
        return DomainError(
            "sold_out", _("Only %(available)d units are left.") % {"available": available}, available=available
        )
    if delayed and delayed_left < units:
        return DomainError(
            "delayed_share",
            _("The units that may wait for a convenience store or bank payment are taken. Please pay by card."),
            available=max(0, delayed_left),
        )
    return _refusal("closed")


def _require_documents(fund: Fund, terms: Any, language: str, acceptances: Sequence[Accepted]) -> None:
    """Every document of the current terms must be accepted in one language, in the version that is stored."""
    wanted = {
        (pk, sha256): (kind, document_language)
        for pk, sha256, kind, document_language in Document.objects.filter(terms=terms).values_list(
            "pk", "sha256", "kind", "language"
        )
    }
    accepted = [wanted.get((item.document_id, item.sha256)) for item in acceptances]
    kinds = {found[0] for found in accepted if found}
    if None in accepted or kinds != set(Document.Kind.values):
        raise DomainError("documents", _("The documents have changed or are not all accepted. Please read them again."))


# --- Money arrived --------------------------------------------------------------------------------------------


def mark_awaiting(order: Order, *, until: datetime, at: datetime) -> Order:
    """The provider or the bank will bring the money later: hold the units until then. The caller is in a transaction."""
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
                    raise _Refused("late")
        except _Refused:
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
    """Count a paid order as cleared once cooling-off is over and identity is verified; False when not yet or done."""
    with transaction.atomic():
        order = locks.try_lock(Order, order_id, state=Order.State.PAID, cleared_at=None, frozen_at=None)
        if order is None or order.cooling_off_ends_at > at:
            return False
        if order.investor.identity_state != Investor.Identity.VERIFIED:
            return False
        order.cleared_at = at
        order.save(update_fields=["cleared_at"])
        reserve.clear(order)
        return True


def confirm_order(order_id: int, *, at: datetime) -> bool:
    """A cleared order of a succeeded fund becomes a holding; its money leaves the deposits. False when not due.

    The state is judged again under the row lock, so a cancellation and a confirmation can never both happen.
    """
    with transaction.atomic():
        order = locks.try_lock(Order, order_id, state=Order.State.PAID, frozen_at=None)
        if order is None or order.cleared_at is None:
            return False
        fund = Fund.objects.select_related("policy").get(pk=order.fund_id)
        if fund.succeeded_at is None:
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
    """Sweep: clear what is past cooling-off and identity, judge the funds' success, confirm what may be."""
    counts = {"cleared": 0, "funds_succeeded": 0, "confirmed": 0, "errors": 0}
    due = Order.objects.filter(
        state=Order.State.PAID,
        cleared_at=None,
        frozen_at=None,
        cooling_off_ends_at__lte=at,
        investor__identity_state=Investor.Identity.VERIFIED,
    ).order_by("cooling_off_ends_at", "pk")
    locks.each(due.values_list("pk", flat=True), lambda pk: clear_order(pk, at=at), counts, "cleared")
    waiting = Fund.objects.filter(
        state__in=[Fund.State.OPEN, Fund.State.CLOSED], succeeded_at=None, counter__cleared__gt=0
    ).values_list("pk", flat=True)
    locks.each(waiting, lambda pk: offerings.judge_success(pk, at=at), counts, "funds_succeeded")
    ready = Order.objects.filter(
        state=Order.State.PAID, cleared_at__isnull=False, frozen_at=None, fund__succeeded_at__isnull=False
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
