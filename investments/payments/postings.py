"""What payments, refunds, disputes and payouts write in the journal (domain.md section 7), one function an event."""

from __future__ import annotations

from datetime import date, datetime

from django.utils.translation import gettext_lazy as _

from investments.banking.services import out_of_trust
from investments.ledger import post as ledger
from investments.ledger.post import credit, debit
from investments.offerings.models import Fund
from investments.orders.models import Order
from investments.orders.services import confirmation_legs
from microfund.kernel import clock
from microfund.kernel.errors import DomainError

from .models import Dispute, PaymentAttempt, Refund


def _book(order: Order) -> int:
    return Fund.objects.values_list("book_id", flat=True).get(pk=order.fund_id)


def _on(order: Order, at: datetime) -> date:
    return clock.today_in(Fund.objects.select_related("policy").get(pk=order.fund_id).policy.zone, at)


def payment_received(attempt: PaymentAttempt, order: Order, *, at: datetime) -> None:
    """The provider has captured the money."""
    book, subject = _book(order), f"order:{order.pk}"
    ledger.post(
        kind="payment_received",
        source=("attempt", attempt.pk),
        legs=[
            debit(book, "psp_clearing", attempt.captured, subject),
            credit(book, "applicant_deposits", attempt.captured, subject),
        ],
        on=_on(order, at),
        at=at,
    )


def receipt_applied(use_id: int, line_id: int, amount: int, order: Order, *, at: datetime) -> None:
    """A bank receipt, or part of it, pays an order: out of the trust account into the fund's bank."""
    book = _book(order)
    ledger.post(
        kind="receipt_applied",
        source=("use", use_id),
        legs=[
            *out_of_trust(line_id, amount),
            debit(book, "bank", amount, f"order:{order.pk}"),
            credit(book, "applicant_deposits", amount, f"order:{order.pk}"),
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


def refund_paid(refund: Refund, order: Order, *, by_bank: bool, on: date | None = None, at: datetime) -> None:
    """The money left: from the provider's balance, or from the fund's bank on the day `on` of the transfer."""
    book, subject = _book(order), f"order:{order.pk}"
    ledger.post(
        kind="refund_by_bank" if by_bank else "refund_paid",
        source=("refund", refund.pk) if by_bank else _leaving(refund),
        legs=[
            debit(book, "refunds_payable", refund.amount, subject),
            credit(book, "bank" if by_bank else "psp_clearing", refund.amount, subject),
        ],
        on=on or _on(order, at),
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


def dispute_topped_up(dispute: Dispute, order: Order, *, on: date, at: datetime) -> None:
    """The operator pays the fund what the provider took; `on` is the day of the transfer."""
    book, operator, subject = _book(order), ledger.operator_book_id(), f"order:{order.pk}"
    ledger.post(
        kind="dispute_topped_up",
        source=("dispute", dispute.pk),
        legs=[
            debit(operator, "due_to_fund", dispute.amount, subject),
            credit(operator, "bank", dispute.amount, subject),
            debit(book, "bank", dispute.amount, subject),
            credit(book, "due_from_operator", dispute.amount, subject),
        ],
        on=on,
        at=at,
    )


def fees_swept(transfer_id: int, fund: Fund, amount: int, *, on: date, at: datetime) -> None:
    """What a fund owes the operator left its bank for the operator's."""
    operator = ledger.operator_book_id()
    ledger.post(
        kind="fees_swept",
        source=("transfer", transfer_id),
        legs=[
            debit(fund.book_id, "due_to_operator", amount),
            credit(fund.book_id, "bank", amount),
            debit(operator, "bank", amount),
            credit(operator, "due_from_fund", amount),
        ],
        on=on,
        at=at,
    )


def require_in_bank(fund: Fund, amount: int) -> None:
    """Raise DomainError("bank_short") unless the fund's bank holds `amount` (domain.md section 9.6). The caller holds
    the fund's row, so that two transfers do not both count on the same money."""
    there = ledger.balance(fund.book_id, "bank")
    if there < amount:
        raise DomainError(
            "bank_short",
            _("The fund's bank account holds %(there)d yen; wait for the provider's payout.") % {"there": there},
            there=there,
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


def dispute_lost(dispute: Dispute, order: Order, *, ends: bool, borne: int = 0, parts: int = 0, at: datetime) -> None:
    """A lost dispute, by what it took (yen on the dispute's row).

    `ends`: the order ends and its own money, `from_order` and what had been lost (`borne`) or refunded in `parts`
    before, is the operator's. Refunds that were owed (`from_refunds`) are the operator's too. Anything else is the
    operator's loss.
    """
    book, operator, subject = _book(order), ledger.operator_book_id(), f"order:{order.pk}"
    own = dispute.from_order if ends else 0
    legs = _given_up(order, book, own=own, borne=borne, parts=parts, at=at) if ends else []
    if dispute.from_refunds:
        legs += [
            debit(book, "refunds_payable", dispute.from_refunds, subject),
            credit(book, "due_to_operator", dispute.from_refunds, subject),
            debit(operator, "due_from_fund", dispute.from_refunds, subject),
            credit(operator, "disputed_receivable", dispute.from_refunds, subject),
        ]
    loss = dispute.amount - own - dispute.from_refunds
    if loss:
        legs += [
            debit(operator, "dispute_loss", loss, subject),
            credit(operator, "disputed_receivable", loss, subject),
        ]
    ledger.post(kind="dispute_lost", source=("dispute", dispute.pk), legs=legs, on=_on(order, at), at=at)


def dispute_rescinded(
    order: Order, *, borne: int, parts: int, left: int, released: frozenset[str] = frozenset(), at: datetime
) -> None:
    """An order of which a dispute was lost before ends: its own money pays back what the operator had `borne` for it,
    and `parts` refunded at the provider; `left` (yen) stays a deposit, to be refunded to the payer.

    What was `released` to the business (accounts) is not there any more: the operator bears that.
    """
    legs = _given_up(order, _book(order), own=0, borne=borne, parts=parts, left=left, released=released, at=at)
    ledger.post(kind="dispute_rescinded", source=("order", order.pk), legs=legs, on=_on(order, at), at=at)


def _given_up(
    order: Order,
    book: int,
    *,
    own: int,
    borne: int,
    parts: int,
    left: int = 0,
    released: frozenset[str] = frozenset(),
    at: datetime,
) -> list[ledger.Leg]:
    """Lines that turn an order's deposit, or what confirmation had made of it, into what the operator is owed.

    `own` (yen) stands in disputed receivable, `borne` and `parts` in dispute loss; `left` stays a deposit.
    """
    operator, subject = ledger.operator_book_id(), f"order:{order.pk}"
    legs: list[ledger.Leg] = []
    gone = 0
    if order.state == Order.State.CONFIRMED:
        # The mirror image of the confirmation, as in a refund.
        for leg in confirmation_legs(order, book, _on(order, order.confirmed_at or at)):
            if leg.code in released:
                gone += leg.amount
            elif leg.code != "applicant_deposits":
                side = "C" if leg.side == "D" else "D"
                legs.append(ledger.Leg(leg.book_id, leg.code, side, leg.amount, leg.subject))
        if left:
            legs.append(credit(book, "applicant_deposits", left, subject))
    else:
        legs.append(debit(book, "applicant_deposits", own + borne + parts, subject))
    owed, loss = own + borne - gone, borne + parts - gone
    if owed > 0:
        legs += [credit(book, "due_to_operator", owed, subject), debit(operator, "due_from_fund", owed, subject)]
    elif owed < 0:
        legs += [debit(book, "due_from_operator", -owed, subject), credit(operator, "due_to_fund", -owed, subject)]
    if parts:
        legs += [credit(book, "due_from_operator", parts, subject), debit(operator, "due_to_fund", parts, subject)]
    if own:
        legs.append(credit(operator, "disputed_receivable", own, subject))
    if loss > 0:
        legs.append(credit(operator, "dispute_loss", loss, subject))
    elif loss < 0:
        legs.append(debit(operator, "dispute_loss", -loss, subject))
    return legs


def refund_charged_back(refund: Refund, order: Order, *, at: datetime) -> None:
    """A refund came back after the payer's bank had taken the money: it is the operator's, whose loss gets smaller."""
    book, operator, subject = _book(order), ledger.operator_book_id(), f"order:{order.pk}"
    ledger.post(
        kind="refund_charged_back",
        source=("refund", refund.pk),
        legs=[
            debit(book, "refunds_payable", refund.amount, subject),
            credit(book, "due_to_operator", refund.amount, subject),
            debit(operator, "due_from_fund", refund.amount, subject),
            credit(operator, "dispute_loss", refund.amount, subject),
        ],
        on=_on(order, at),
        at=at,
    )


def refund_paid_twice(refund: Refund, order: Order, *, at: datetime) -> None:
    """A refund that a lost dispute had closed was paid all the same: the operator owes the fund what it takes."""
    book, operator, subject = _book(order), ledger.operator_book_id(), f"order:{order.pk}"
    ledger.post(
        kind="refund_paid_twice",
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


def refund_split(rest: Refund, order: Order, *, at: datetime) -> None:
    """What a lost dispute did not take of a refund is owed as a refund of its own."""
    book, subject = _book(order), f"order:{order.pk}"
    ledger.post(
        kind="refund_split",
        source=("refund", rest.pk),
        legs=[
            debit(book, "refunds_payable", rest.amount, subject),
            credit(book, "refunds_payable", rest.amount, subject),
        ],
        on=_on(order, at),
        at=at,
    )


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
