"""What becomes of a gift: sent, changed, declined, kept, accepted, run out (pages.md, gifts; domain.md section 4).

Until it is accepted the order is its giver's: paid, never confirmed, cancelled at will. Who accepts it signs the
documents of the newest terms and takes the order over with the limits, the identity check and the cooling-off of any
other investor; what goes back from then on still goes back to who paid. Everything here holds the order's row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from investments import events
from investments.investors import queries as investors
from investments.investors.models import Investor
from investments.offerings.models import Fund
from investments.orders import giving, place, reserve
from investments.orders.giving import Wish
from investments.orders.models import AWAITS_RECEIVER, GIFT_STATES, OPEN, Acceptance, Gift, Order
from investments.orders.services import limits_for
from investments.payments import services as payments
from investments.payments.models import Refund
from microfund.kernel import clock, limits, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.services import publish

#: Days after the payment in which a gift can be accepted, and after which its giver is told that nobody has.
ACCEPT_DAYS = 60
UNUSED_DAYS = 14
#: A gift is sent by mail at most so often, with so much time in between.
MOST_SENDINGS = 5
BETWEEN_SENDINGS = timedelta(hours=1)


def accept_by(fund: Fund, paid_on: date) -> date:
    """The last day on which a gift that was paid on a day can be accepted: early enough for cooling-off to be over
    when identities must be known."""
    last = payments.identity_deadline(fund) - timedelta(days=fund.policy.cooling_off_days)
    return min(paid_on + timedelta(days=ACCEPT_DAYS), last)


def last_day(order: Order) -> date | None:
    """The last day on which this order's gift can be accepted; None before it is paid."""
    if order.paid_at is None:
        return None
    return accept_by(order.fund, clock.today_in(order.fund.policy.zone, order.paid_at))


def can_be_accepted(gift: Gift, *, at: datetime) -> bool:
    """Whether somebody may accept the gift now."""
    order = gift.order
    by = last_day(order)
    return (
        gift.state == Gift.State.OPEN
        and order.state == Order.State.PAID
        and order.frozen_at is None
        and by is not None
        and clock.today_in(order.fund.policy.zone, at) <= by
    )


def _locked(gift: Gift) -> Gift:
    """The gift as it is now, its order's row and its own held."""
    order = locks.lock_one(Order, gift.order_id)
    fresh = locks.lock_one(Gift, gift.pk)
    fresh.order = order
    return fresh


def _send(gift: Gift, *, at: datetime) -> None:
    gift.sendings += 1
    gift.sent_at = at
    gift.save(update_fields=["sendings", "sent_at"])
    publish(events.GiftOffered(gift_id=gift.pk, sending=gift.sendings, at=at), key=f"{gift.pk}:{gift.sendings}", at=at)


# --- The giver ------------------------------------------------------------------------------------------------------


def offer_paid(event: events.OrderPaid) -> None:
    """The order is paid: its gift goes out, if an address was given."""
    gift = Gift.objects.filter(order_id=event.order_id).first()
    if gift is None:
        return
    gift = _locked(gift)
    waits = gift.state == Gift.State.OPEN and gift.order.state == Order.State.PAID
    if waits and gift.receiver_email and gift.sendings == 0:
        _send(gift, at=event.at)


def order_ended(event: events.OrderEnded) -> None:
    """The order is over, so nobody is written to about its gift any more (an expired one may still come back)."""
    if event.state != Order.State.EXPIRED:
        Gift.objects.filter(order_id=event.order_id).update(receiver_email="")


def send_again(gift: Gift, *, actor: Any, at: datetime) -> None:
    """Send the same gift to the same address once more.

    Raises DomainError: "wrong_state", "no_address", "too_often".
    """
    with transaction.atomic():
        gift = _locked(gift)
        if gift.state != Gift.State.OPEN or gift.order.state != Order.State.PAID:
            raise _over()
        if not gift.receiver_email:
            raise DomainError("no_address", _("There is no e-mail address to send it to. Hand over the card instead."))
        _require_pause(gift, at=at)
        _send(gift, at=at)
        audit.record(action="investments.Gift.sent", subject=gift, at=at, actor=actor)


def change(gift: Gift, wish: Wish, *, actor: Any, at: datetime) -> None:
    """Mean another person, or write the same one's address anew; the link and the card before lead nowhere any more.

    Raises DomainError: "wrong_state", "too_often".
    """
    with transaction.atomic():
        gift = _locked(gift)
        if gift.state not in AWAITS_RECEIVER or gift.order.state not in OPEN:
            raise _over()
        if wish.email and gift.order.state == Order.State.PAID:
            _require_pause(gift, at=at)
        if gift.state == Gift.State.DECLINED:
            GIFT_STATES.move(gift, Gift.State.OPEN, at=at, actor=actor, settled_at=None)
        gift.receiver_name, gift.receiver_email = wish.name, wish.email
        gift.message, gift.language = wish.message, wish.language
        for name, value in giving.new_token().items():
            setattr(gift, name, value)
        gift.save(update_fields=["receiver_name", "receiver_email", "message", "language", "token", "token_hash"])
        audit.record(action="investments.Gift.changed", subject=gift, at=at, actor=actor)
        if wish.email and gift.order.state == Order.State.PAID:
            _send(gift, at=at)


def keep(gift: Gift, *, actor: Any, at: datetime) -> None:
    """The giver keeps the units: the order is an ordinary one of theirs. Raises DomainError("wrong_state")."""
    with transaction.atomic():
        gift = _locked(gift)
        if gift.order.state not in OPEN:
            raise _over()
        GIFT_STATES.move(gift, Gift.State.KEPT, at=at, actor=actor, settled_at=at, receiver_email="")


def _require_pause(gift: Gift, *, at: datetime) -> None:
    if gift.sendings >= MOST_SENDINGS:
        raise DomainError("too_often", _("It has been sent often enough. Hand over the card instead."))
    if gift.sent_at is not None and at - gift.sent_at < BETWEEN_SENDINGS:
        message = _("It was sent just now. It can be sent again from %(time)s, Japan time; or hand over the card.")
        again = limits.full_minute(gift.sent_at + BETWEEN_SENDINGS)
        raise DomainError("too_often", message % {"time": limits.words(again)})


def _over() -> DomainError:
    return DomainError("wrong_state", _("This gift is settled: nothing about it can be changed any more."))


# --- The receiver ---------------------------------------------------------------------------------------------------


def decline(gift: Gift, *, at: datetime) -> None:
    """Whoever holds the link does not want it; the giver is told. The same again is nothing.

    Raises DomainError("wrong_state") for a gift that is settled otherwise.
    """
    with transaction.atomic():
        gift = _locked(gift)
        if gift.state == Gift.State.DECLINED:
            return
        if gift.order.state != Order.State.PAID:
            raise _over()
        GIFT_STATES.move(gift, Gift.State.DECLINED, at=at, settled_at=at)
        _settled(gift, at=at)


def accept(
    gift: Gift,
    investor: Investor,
    *,
    acceptances: Sequence[place.Accepted],
    answers: dict[str, Any],
    language: str,
    at: datetime,
) -> Order:
    """The receiver signs: the order is theirs, cooling-off begins anew, the giver's limits are free again.

    The same person again is nothing. Raises DomainError: "wrong_state", "own_gift", "too_late", "documents",
    "incomplete", "not_eligible", "business_limit", "person_limit".
    """
    with transaction.atomic():
        gift = _locked(gift)
        order = gift.order
        if gift.state == Gift.State.ACCEPTED and order.investor_id == investor.pk:
            return order
        if investor.pk == order.payer_id:
            raise DomainError("own_gift", _("This is your own gift: you can keep the units under “Gifts”."))
        if not can_be_accepted(gift, at=at):
            raise DomainError("too_late", _("This gift can no longer be accepted."))
        on = _require_ready(order, investor, acceptances, at=at)
        counts_until = clock.add_months(on, 12)
        refused = reserve.hand_over(order, investor.pk, limits=limits_for(order.fund, at))
        if refused:
            raise _limited(refused)
        zone = order.fund.policy.zone
        values = {
            "investor": investor,
            "terms": place.offer_of(order.fund_id).terms,
            "language": language,
            "counted": True,
            "counts_until": counts_until,
            "cooling_off_ends_at": clock.cooling_off_end(on, order.fund.policy.cooling_off_days, zone),
            # How a supporter appears is theirs to say.
            "supporter_name_shown": False,
            "supporter_message": "",
        }
        for name, value in values.items():
            setattr(order, name, value)
        order.save(update_fields=list(values))
        Acceptance.objects.bulk_create(
            Acceptance(
                order=order,
                investor=investor,
                document_id=item.document_id,
                sha256=item.sha256,
                accepted_at=item.accepted_at,
                ip=item.ip,
            )
            for item in acceptances
        )
        GIFT_STATES.move(
            gift,
            Gift.State.ACCEPTED,
            at=at,
            actor=investor.user,
            details={"investor": [order.payer_id, investor.pk]},
            settled_at=at,
            answers=answers,
            receiver_email="",
        )
        _settled(gift, at=at)
        return order


def _settled(gift: Gift, *, at: datetime) -> None:
    """Tell of an answer, once for each person it was meant for."""
    key = f"{gift.pk}:{gift.state}:{gift.token_hash[:16]}"
    publish(events.GiftSettled(gift_id=gift.pk, state=gift.state, at=at), key=key, at=at)


def _require_ready(order: Order, investor: Investor, acceptances: Sequence[place.Accepted], *, at: datetime) -> date:
    """Whether the person may sign, and has accepted the newest terms byte for byte. Answers the business date."""
    on = clock.today_in(order.fund.policy.zone, at)
    if not investors.is_complete(investor):
        raise DomainError("incomplete", _("Please give your personal details first."))
    place.require_eligible(investor, order.fund.policy, on)
    offer = place.offer_of(order.fund_id, fresh=True)
    if not offer.accepted_by(acceptances):
        raise DomainError("documents", _("The documents have changed or are not all accepted. Please read them again."))
    return on


def _limited(refused: str) -> DomainError:
    words = {
        "business_limit": _("With this gift you would hold more of this business than the law allows in 12 months."),
        "person_limit": _("With this gift you would hold more units of this fund than one person may."),
    }
    return DomainError(refused, words[refused])


# --- Sweep ----------------------------------------------------------------------------------------------------------


def gifts_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: gifts that nobody accepted in time are refunded to their givers in full; who gave one that lies unused for
    two weeks is told once (E20)."""
    counts = {"refunded": 0, "told": 0, "errors": 0}
    waiting = (
        Gift.objects.filter(state__in=AWAITS_RECEIVER, order__state=Order.State.PAID, order__frozen_at=None)
        .select_related("order__fund__policy")
        .order_by("pk")
    )
    rows = list(waiting)
    late = [gift.order_id for gift in rows if (by := last_day(gift.order)) is not None and on > by]
    locks.each(late, lambda pk: _refund(pk, on=on, at=at), counts, "refunded")
    unused = [
        gift.pk
        for gift in rows
        if gift.reminded_at is None
        and gift.state == Gift.State.OPEN
        and clock.today_in(None, gift.order.paid_at) + timedelta(days=UNUSED_DAYS) <= on
        and gift.order_id not in late
    ]
    locks.each(unused, lambda pk: _tell_unused(pk, at=at), counts, "told")
    return counts


def _refund(order_id: int, *, on: date, at: datetime) -> bool:
    with transaction.atomic():
        order = locks.try_lock(Order, order_id, state=Order.State.PAID, frozen_at=None)
        if order is None or not giving.awaits_receiver(order):
            return False
        by = last_day(order)
        if by is None or on <= by:
            return False
        payments.end_order(
            order, Order.State.REFUNDED, Refund.Reason.GIFT, at=at, reason="the gift was not accepted in time"
        )
        return True


def _tell_unused(gift_id: int, *, at: datetime) -> bool:
    with transaction.atomic():
        gift = locks.try_lock(Gift, gift_id, state=Gift.State.OPEN, reminded_at=None)
        if gift is None:
            return False
        gift.reminded_at = at
        gift.save(update_fields=["reminded_at"])
        publish(events.GiftUnused(gift_id=gift.pk, at=at), key=str(gift.pk), at=at)
        return True
