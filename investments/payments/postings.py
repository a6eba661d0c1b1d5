"""What payments, refunds, disputes and payouts write in the journal (domain.md section 7), one function an event."""

from __future__ import annotations

from datetime import date, datetime

from investments.ledger import post as ledger
from investments.ledger.post import credit, debit
from investments.offerings.models import Fund
from investments.orders.models import Order
from investments.orders.services import confirmation_legs
from microfund.kernel import clock

from .models import Dispute, PaymentAttempt, Refund


def _book(order: Order) -> int:
    return Fund.objects.values_list("book_id", flat=True).get(pk=order.fund_id)


def _on(order: Order, at: datetime) -> date:
    return clock.today_in(Fund.objects.select_related("policy").get(pk=order.fund_id).policy.zone, at)


def payment_received(attempt: PaymentAttempt, order: Order, *, at: datetime) -> None:
    """The provider has captured the money."""
    subject = f"order:{order.pk}"
    ledger.post(
        kind="payment_received",
        source=("attempt", attempt.pk),
        legs=[
            debit(_book(order), "psp_clearing", attempt.captured, subject),
            credit(_book(order), "applicant_deposits", attempt.captured, subject),
        ],
        on=_on(order, at),
        at=at,
    )


def receipt_applied(use_id: int, line_id: int, amount: int, order: Order, *, at: datetime) -> None:
    """A bank receipt, or part of it, pays an order: out of the trust account into the fund's bank."""
    operator = ledger.operator_book_id()
    ledger.post(
        kind="receipt_applied",
        source=("use", use_id),
        legs=[
            debit(operator, "unallocated_receipts", amount, f"receipt:{line_id}"),
            credit(operator, "trust_bank", amount, f"receipt:{line_id}"),
            debit(_book(order), "bank", amount, f"order:{order.pk}"),
            credit(_book(order), "applicant_deposits", amount, f"order:{order.pk}"),
        ],
        on=_on(order, at),
        at=at,
    )


def refund_decided(refund: Refund, order: Order, *, from_holding: bool, parts: int = 0, at: datetime) -> None:
    """The payer is owed the amount: out of the deposits, or (rescission) out of what confirmation had made of them.

    `parts` (yen) was refunded at the provider before, at the operator's cost: now that the order ends in full, the
    order's own money pays for it and the operator owes nothing.
    """
    book, subject, on = _book(order), f"order:{order.pk}", _on(order, at)
    owed = [credit(book, "refunds_payable", refund.amount, subject)]
    if parts:
        operator = ledger.operator_book_id()
        owed += [
            credit(book, "due_from_operator", parts, subject),
            debit(operator, "due_to_fund", parts, subject),
            credit(operator, "dispute_loss", parts, subject),
        ]
    if not from_holding:
        legs = [debit(book, "applicant_deposits", refund.amount + parts, subject), *owed]
    else:
        # The mirror image of the confirmation; where the deposit stood is what is owed to the payer now.
        confirmed_on = _on(order, order.confirmed_at or at)
        legs = [
            ledger.Leg(leg.book_id, leg.code, "C" if leg.side == "D" else "D", leg.amount, leg.subject)
            for leg in confirmation_legs(order, book, confirmed_on)
            if leg.code != "applicant_deposits"
        ]
        legs += owed
    ledger.post(kind="refund_decided", source=("refund", refund.pk), legs=legs, on=on, at=at)


def refund_of_part(refund: Refund, order: Order, *, at: datetime) -> None:
    """A part was refunded at the provider while the order stands: the operator made it and owes the fund the gap."""
    book, operator, subject = _book(order), ledger.operator_book_id(), f"order:{order.pk}"
    ledger.post(
        kind="refund_of_part",
        source=("refund", refund.pk),
        legs=[
            debit(book, "due_from_operator", refund.amount, subject),
            credit(book, "refunds_payable", refund.amount, subject),
            debit(operator, "dispute_loss", refund.amount, subject),
            credit(operator, "due_to_fund", refund.amount, subject),
        ],
        on=_on(order, at),
        at=at,
    )


def _leaving(refund: Refund) -> tuple[str, object]:
    """The source of an entry for money that leaves or comes back: a refund that failed and was made again by hand
    leaves a second time, so its number stands in the reference from then on."""
    return "refund", refund.pk if refund.occurrence == 1 else f"{refund.pk}:{refund.occurrence}"


def refund_paid(refund: Refund, order: Order, *, by_bank: bool, at: datetime) -> None:
    """The money left: from the provider's balance, or from the fund's bank."""
    book, subject = _book(order), f"order:{order.pk}"
    ledger.post(
        kind="refund_by_bank" if by_bank else "refund_paid",
        source=("refund", refund.pk) if by_bank else _leaving(refund),
        legs=[
            debit(book, "refunds_payable", refund.amount, subject),
            credit(book, "bank" if by_bank else "psp_clearing", refund.amount, subject),
        ],
        on=_on(order, at),
        at=at,
    )


def refund_failed(refund: Refund, order: Order, *, at: datetime) -> None:
    """A refund that had been done came back to the provider's balance: the payer is owed it again."""
    book, subject = _book(order), f"order:{order.pk}"
    ledger.post(
        kind="refund_failed",
        source=_leaving(refund),
        legs=[
            debit(book, "psp_clearing", refund.amount, subject),
            credit(book, "refunds_payable", refund.amount, subject),
        ],
        on=_on(order, at),
        at=at,
    )


def dispute_opened(dispute: Dispute, order: Order, *, at: datetime) -> None:
    """The provider took the money: the operator owes it to the fund and carries the loss until it is decided."""
    book, operator, subject = _book(order), ledger.operator_book_id(), f"order:{order.pk}"
    legs = [
        debit(book, "due_from_operator", dispute.amount, subject),
        credit(book, "psp_clearing", dispute.amount, subject),
        debit(operator, "disputed_receivable", dispute.amount, subject),
        credit(operator, "due_to_fund", dispute.amount, subject),
    ]
    if dispute.fee:
        legs += [debit(operator, "psp_fees", dispute.fee, subject), credit(operator, "bank", dispute.fee, subject)]
    ledger.post(kind="dispute_opened", source=("dispute", dispute.pk), legs=legs, on=_on(order, at), at=at)


def dispute_topped_up(dispute: Dispute, order: Order, *, at: datetime) -> int | None:
    """The operator pays the fund what the provider took."""
    book, operator, subject = _book(order), ledger.operator_book_id(), f"order:{order.pk}"
    return ledger.post(
        kind="dispute_topped_up",
        source=("dispute", dispute.pk),
        legs=[
            debit(operator, "due_to_fund", dispute.amount, subject),
            credit(operator, "bank", dispute.amount, subject),
            debit(book, "bank", dispute.amount, subject),
            credit(book, "due_from_operator", dispute.amount, subject),
        ],
        on=_on(order, at),
        at=at,
    )


def dispute_won(dispute: Dispute, order: Order, *, at: datetime) -> None:
    """The provider gives the money back, to the operator who had carried the loss."""
    operator, subject = ledger.operator_book_id(), f"order:{order.pk}"
    ledger.post(
        kind="dispute_won",
        source=("dispute", dispute.pk),
        legs=[
            debit(operator, "bank", dispute.amount, subject),
            credit(operator, "disputed_receivable", dispute.amount, subject),
        ],
        on=_on(order, at),
        at=at,
    )


def dispute_lost(dispute: Dispute, order: Order, *, confirmed: bool, released: bool, at: datetime) -> None:
    """Before release the order is rescinded and its money is the operator's; after it, the operator bears the loss."""
    book, operator, subject, on = _book(order), ledger.operator_book_id(), f"order:{order.pk}", _on(order, at)
    if released:
        legs = [
            debit(operator, "dispute_loss", dispute.amount, subject),
            credit(operator, "disputed_receivable", dispute.amount, subject),
        ]
    else:
        legs = [
            debit(operator, "due_from_fund", dispute.amount, subject),
            credit(operator, "disputed_receivable", dispute.amount, subject),
        ]
        if confirmed:
            legs += [
                ledger.Leg(
                    leg.book_id,
                    "due_to_operator" if leg.code == "applicant_deposits" else leg.code,
                    "C" if leg.side == "D" else "D",
                    leg.amount,
                    leg.subject,
                )
                for leg in confirmation_legs(order, book, _on(order, order.confirmed_at or at))
            ]
        else:
            legs += [
                debit(book, "applicant_deposits", dispute.amount, subject),
                credit(book, "due_to_operator", dispute.amount, subject),
            ]
    ledger.post(kind="dispute_lost", source=("dispute", dispute.pk), legs=legs, on=on, at=at)


def provider_payout(
    payout_id: int, *, gross_by_book: dict[int, int], fees: int, on: date, at: datetime, failed: bool = False
) -> None:
    """The provider paid out net; the operator tops each fund's bank up to gross the same day. One that `failed`
    afterwards is the mirror image: the money is in the provider's balance again, and a later payout brings it."""
    moves = [(book, "bank", "psp_clearing", gross) for book, gross in sorted(gross_by_book.items())]
    if fees:
        moves.append((ledger.operator_book_id(), "psp_fees", "bank", fees))
    legs = []
    for book, into, out_of, amount in moves:
        signed = -amount if failed else amount
        if signed > 0:
            legs += [debit(book, into, signed), credit(book, out_of, signed)]
        elif signed < 0:
            legs += [debit(book, out_of, -signed), credit(book, into, -signed)]
    if legs:
        ledger.post(
            kind="provider_payout_failed" if failed else "provider_payout",
            source=("payout", payout_id),
            legs=legs,
            on=on,
            at=at,
        )
