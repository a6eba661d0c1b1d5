"""An order told to the person who made it: where it stands, and what happens next and when (pages.md F7).

Pure words over rows that were read before; nothing here claims more than the rows say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.utils import formats
from django.utils.translation import gettext as _

from investments.gifts import services as gifts
from investments.models import Fund, Gift, Investor, Order, PaymentAttempt, Refund
from investments.orders.models import AWAITS_RECEIVER, UNPAID
from microfund.kernel import clock
from microfund.kernel.money import format_money

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Next:
    """One thing that comes: what, on which date (None: not known), whether it is done."""

    text: str
    on: date | None = None
    done: bool = False


@dataclass(slots=True)
class Story:
    """`kind` is a notice's tone; `waiting` says that the page may look again by itself; the rest opens buttons."""

    title: str
    text: str
    kind: str = "info"
    waiting: bool = False
    may_pay: bool = False
    may_cancel: bool = False
    may_ask: bool = False
    may_reserve_again: bool = False
    nexts: list[Next] = field(default_factory=list)


def last_day(order: Order) -> date | None:
    """The last business date on which a paid order can be cancelled."""
    if order.cooling_off_ends_at is None:
        return None
    return clock.today_in(order.fund.policy.zone, order.cooling_off_ends_at - _MOMENT)


def tell(
    order: Order,
    attempt: PaymentAttempt | None,
    refunds: Sequence[Refund],
    *,
    returned: bool,
    at: datetime,
    received: int = 0,
    gift: Gift | None = None,
    theirs: bool = True,
) -> Story:
    """The story of an order with its newest attempt. `returned`: the payer has just come back from the provider;
    `received`: yen of its transfer that have come, but are not the exact sum; `gift`: what it is given as; `theirs`:
    whether the contract is with the reader, not with somebody who has accepted it."""
    if order.frozen_at is not None:
        return Story(
            _("Disputed"),
            _("The payment is disputed at the payment provider. Until that is decided nothing changes here."),
            kind="warning",
        )
    if order.state in UNPAID:
        return _unpaid(order, attempt, returned=returned, received=received, at=at)
    if order.state in (Order.State.PAID, Order.State.CONFIRMED) and not theirs:
        text = _("The gift has been accepted: the contract and the units are the receiver's.")
        return Story(_("Given"), text, kind="success")
    if order.state == Order.State.PAID and gift is not None and gift.state in AWAITS_RECEIVER:
        return _awaited(order, gift)
    if order.state == Order.State.PAID:
        return _paid(order, at=at)
    if order.state == Order.State.CONFIRMED:
        return _confirmed(order)
    return _ended(order, refunds, at=at)


def _unpaid(order: Order, attempt: PaymentAttempt | None, *, returned: bool, received: int, at: datetime) -> Story:
    if order.method == Order.Method.BANK_TRANSFER:
        return _transfer(order, attempt, received=received)
    state = attempt.state if attempt else None
    if state == PaymentAttempt.State.MISMATCH:
        return Story(
            _("We are looking into this payment"),
            _("What the payment provider reports does not match your order. Our staff look at it and write to you."),
            kind="warning",
        )
    if state == PaymentAttempt.State.PROCESSING and attempt:
        return _processing(order, attempt)
    if order.reserved_until is None or order.reserved_until <= at:
        return Story(
            _("The reservation is over"),
            _("No payment has reached us in time. If you paid, the payment provider tells us within the hour."),
            kind="warning",
            waiting=returned,
            may_ask=attempt is not None,
            may_cancel=True,
        )
    until = order.reserved_until
    reserved = Story(
        _("Reserved, not paid yet"),
        _("Your units are reserved until %(time)s (Japan time). Nothing has been charged.")
        % {"time": _clock_time(order, until)},
        may_pay=True,
        may_cancel=True,
        nexts=[Next(_("Pay with the button below.")), Next(_("The payment provider tells us that you paid."))],
    )
    if state in (PaymentAttempt.State.FAILED, PaymentAttempt.State.EXPIRED):
        reserved.title = _("The payment did not go through")
        reserved.text = _("Nothing was charged. Your units stay reserved until %(time)s (Japan time): try again.") % {
            "time": _clock_time(order, until)
        }
        reserved.kind = "error"
    elif returned and state == PaymentAttempt.State.OPEN:
        reserved.title = _("No payment yet")
        reserved.text = _(
            "The payment provider has not told us of a payment. If you have just paid, this page shows it in a moment."
        )
        reserved.waiting = reserved.may_ask = True
    elif state == PaymentAttempt.State.CREATED and attempt and attempt.called_at:
        reserved.title = _("The payment provider did not answer")
        reserved.text = _("Nothing was charged. Your units stay reserved until %(time)s (Japan time): try again.") % {
            "time": _clock_time(order, until)
        }
        reserved.kind = "warning"
    return reserved


def _processing(order: Order, attempt: PaymentAttempt) -> Story:
    if order.method == Order.Method.KONBINI:
        text = _("Pay in cash with the number that the payment provider gave you.")
        if attempt.pay_by:
            text = _(
                "Pay in cash until %(time)s (Japan time) with the number that the payment provider gave you. If you "
                "do not have it any more, cancel this order and order again."
            ) % {"time": _clock_time(order, attempt.pay_by)}
        return Story(
            _("Waiting for your payment at the convenience store"),
            text,
            may_cancel=True,
            may_ask=True,
            nexts=[
                Next(_("Pay at the convenience store."), _day(order, attempt.pay_by)),
                Next(_("We hear of it within minutes and write to you.")),
            ],
        )
    return Story(
        _("We are waiting for the payment provider"),
        _("The payment is being processed. Nothing is lost if you close this page: we write to you when it is done."),
        waiting=True,
        may_ask=True,
        may_cancel=True,
    )


def _transfer(order: Order, attempt: PaymentAttempt | None, *, received: int) -> Story:
    pay_by = _day(order, attempt.pay_by - _MOMENT) if attempt and attempt.pay_by else None
    waiting = Story(
        _("Waiting for your transfer"),
        _("Your units are reserved. Please make the transfer if you have not yet."),
        may_pay=True,
        may_cancel=True,
        nexts=[
            Next(_("Your transfer arrives at our bank."), pay_by),
            Next(_("We find it in the bank's statement, on the next bank business day, and write to you.")),
        ],
    )
    words = {
        "received": format_money(received, order.currency),
        "total": format_money(order.total, order.currency),
    }
    if received >= order.total:
        waiting.text = _("%(received)s has arrived instead of %(total)s. Our staff look at it and write to you.")
        waiting.may_pay = False
    elif received:
        waiting.text = _("%(received)s of %(total)s has arrived. Please transfer the rest.")
    if received:
        waiting.text %= words
        waiting.kind = "warning"
    return waiting


def _awaited(order: Order, gift: Gift) -> Story:
    text = _("We have received %(total)s. Thank you.") % {"total": format_money(order.total, order.currency)}
    declined = gift.state == Gift.State.DECLINED
    nexts = [Next(_("The receiver accepts the gift, or you get everything back."), gifts.last_day(order))]
    if declined:
        nexts = [Next(_("The receiver would rather not have it: say what should become of it.")), *nexts]
    nexts.append(Next(_("They sign the contract and can cancel within cooling-off; the money then goes back to you.")))
    kind = "warning" if declined else "success"
    return Story(_("Paid"), text, kind=kind, may_cancel=True, nexts=nexts)


def _paid(order: Order, *, at: datetime) -> Story:
    day, fund, investor = last_day(order), order.fund, order.investor
    over = order.cooling_off_ends_at is not None and at >= order.cooling_off_ends_at
    verified = investor.identity_state == Investor.Identity.VERIFIED
    nexts = [Next(_("Cooling-off: you can cancel until 23:59 (Japan time)."), day, done=over)]
    if verified:
        nexts.append(Next(_("Your identity is verified."), done=True))
    elif investor.identity_state == Investor.Identity.REJECTED:
        nexts.append(Next(_("Your identity could not be verified: please correct your details or write to us.")))
    else:
        nexts.append(
            Next(_("We verify your identity. If that is not possible in time after closing, you get everything back."))
        )
    if fund.succeeded_at:
        nexts.append(Next(_("The fund has reached what it needs."), done=True))
    else:
        nexts.append(Next(_("The fund reaches what it needs, or everyone gets everything back."), fund.closes_on))
    nexts.append(Next(_("Your units are confirmed and become a holding.")))
    nexts.append(Next(_("The term begins."), fund.term_starts_on))
    if order.payer_id != order.investor_id:
        text = _("You have accepted these units as a gift.")
    else:
        text = _("We have received %(total)s. Thank you.") % {"total": format_money(order.total, order.currency)}
    return Story(_("Paid"), text, kind="success", may_cancel=not over, nexts=nexts)


def _confirmed(order: Order) -> Story:
    fund = order.fund
    return Story(
        _("Confirmed"),
        _("The units are yours. The donation and the investment are set aside for the business."),
        kind="success",
        nexts=[
            Next(
                _("The term begins."), fund.term_starts_on, done=fund.state not in (Fund.State.OPEN, Fund.State.CLOSED)
            ),
            Next(_("After each period the business reports its sales, and you hear what they mean for you.")),
        ],
    )


def _ended(order: Order, refunds: Sequence[Refund], *, at: datetime) -> Story:
    titles = {
        Order.State.EXPIRED: _("Ended without a payment"),
        Order.State.CANCELLED: _("Cancelled"),
        Order.State.FAILED: _("The fund was not funded"),
        Order.State.REFUNDED: _("Refunded"),
    }
    texts = {
        Order.State.EXPIRED: _(
            "The reservation ran out and nothing was charged. If money still arrives, you get units again if any are "
            "left, or everything back."
        ),
        Order.State.CANCELLED: _("This order was cancelled."),
        Order.State.FAILED: _(
            "The fund did not reach what it needed. Everyone gets everything back, the fee included."
        ),
        Order.State.REFUNDED: _("This order did not become a holding. You get everything back, the fee included."),
    }
    text = texts[Order.State(order.state)]
    if not refunds and order.state in (Order.State.CANCELLED, Order.State.FAILED):
        text += " " + _(
            "No payment had arrived, so nothing has to go back. "
            "If one is still on its way, it is sent back to you in full."
        )
    return Story(
        titles[Order.State(order.state)],
        text,
        may_reserve_again=order.state == Order.State.EXPIRED and _takes_orders(order.fund, at),
        nexts=[refund_words(refund) for refund in refunds],
    )


def refund_words(refund: Refund) -> Next:
    """A refund in words, with the day on which it was done."""
    amount = format_money(refund.amount, refund.currency)
    done_on = clock.today_in(None, refund.settled_at) if refund.settled_at else None
    if refund.state == Refund.State.SUCCEEDED:
        text = _("%(amount)s went back the way it came. Card statements show it within about ten days.")
    elif refund.state == Refund.State.PAID_BY_BANK:
        text = _("%(amount)s was transferred to an account in your name.")
    elif refund.state == Refund.State.CHARGED_BACK:
        text = _("%(amount)s went back to you through your bank, which had reclaimed the payment.")
    elif refund.state == Refund.State.REQUIRES_ACTION:
        text = _("%(amount)s waits for you: the payment provider has written to you to ask where it should go.")
    elif refund.by_bank or refund.state in (Refund.State.FAILED, Refund.State.CANCELLED):
        text = _(
            "%(amount)s goes to an account in your name by bank transfer. We write to you if we need to know which."
        )
    else:
        text = _("%(amount)s is on its way back to you.")
    done = refund.state in (Refund.State.SUCCEEDED, Refund.State.PAID_BY_BANK, Refund.State.CHARGED_BACK)
    return Next(text % {"amount": amount}, done_on if done else None, done=done)


def _takes_orders(fund: Fund, at: datetime) -> bool:
    return fund.state == Fund.State.OPEN and fund.counter.accepting and at < fund.counter.closes_at


def _day(order: Order, at: datetime | None) -> date | None:
    return clock.today_in(order.fund.policy.zone, at) if at else None


def _clock_time(order: Order, at: datetime) -> str:
    """A date and time on the fund's clock, in the active language."""
    return formats.date_format(at.astimezone(clock.business_zone(order.fund.policy.zone)), "DATETIME_FORMAT")
