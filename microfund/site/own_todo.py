"""Whatever waits for a person, each with its day: what they must do, and what they may still do (pages.md I1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Exists, Prefetch, Q
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _

from investments.gifts import services as gifts
from investments.investors import queries as investors
from investments.models import BankAccount, Gift, Holding, Investor, Order, PaymentAttempt, Payout, Refund
from investments.offerings.queries import TERM_RUNS
from investments.orders.models import AWAITS_RECEIVER, UNPAID
from investments.payments.models import UNRESOLVED
from investments.payments.services import identity_deadline
from microfund.kernel import clock
from microfund.kernel.money import format_money
from rewards.models import Cycle, Entitlement

from . import unread
from .order_story import last_day
from .templatetags.tomobune import bilingual_filter

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing: its last day (None: as soon as possible, or what `when` says), its words, where to do it. `must` is
    False for what may be done or only waited for."""

    on: date | None
    text: str
    href: str
    label: str
    must: bool = True
    when: str = ""


def todos(investor: Investor, *, at: datetime) -> list[Todo]:
    """What waits for this person: first what has no day, then by day, last what is new. Eleven queries at most."""
    found: list[Todo] = []
    waiting = list(
        Order.objects.filter(Q(state__in=UNPAID) | Q(state=Order.State.PAID), investor=investor, frozen_at=None)
        .select_related("fund__business", "fund__policy", "fund__counter", "gift")
        .prefetch_related(
            Prefetch("attempts", PaymentAttempt.objects.filter(state__in=UNRESOLVED), to_attr="unresolved")
        )
        .order_by("applied_at", "pk")
    )
    for order in waiting:
        gift = getattr(order, "gift", None)
        if order.state == Order.State.PAID and gift is not None and gift.state in AWAITS_RECEIVER:
            todo: Todo | None = _given(gift)
        else:
            todo = _to_pay(order, at=at) if order.state in UNPAID else _cooling_off(order, at=at)
        if todo is not None:
            found.append(todo)
    found += _identity(investor, [order for order in waiting if order.state == Order.State.PAID])
    found += [
        Todo(
            None,
            _("%(amount)s waits for you: the payment provider has written to you to ask where it should go.")
            % {"amount": format_money(refund.amount, refund.currency)},
            reverse("order", args=[refund.order.reference]),
            _("To the order"),
        )
        for refund in Refund.objects.filter(order__payer=investor, state=Refund.State.REQUIRES_ACTION)
        .select_related("order")
        .order_by("pk")
    ]
    found += [*_came_back(investor), *_bank(investor)]
    found += _rewards(investor, at=at)
    found.sort(key=lambda todo: (todo.on is not None, todo.on or date.min))
    new = unread.papers(investor, at=at)
    return found + [Todo(None, own.text, own.href, own.label, must=False, when=_("new")) for own in new]


def _came_back(investor: Investor) -> list[Todo]:
    """A payment that the bank sent back goes out again once the account is right."""
    if not Payout.objects.filter(investor=investor, state=Payout.State.RETURNED).exists():
        return []
    text = _("Your bank sent a payment back. It is kept for you, and goes out again once the account is right.")
    return [Todo(None, text, reverse("investments:bank"), _("Look at the bank account"))]


def _bank(investor: Investor) -> list[Todo]:
    """A holder of units without a bank account: payments have nowhere to go. It presses once a term runs."""
    account = BankAccount.objects.filter(investor=investor, ended_at__isnull=True)
    held = Holding.objects.filter(~Exists(account), investor=investor, units__gt=0)
    states = set(held.values_list("fund__state", flat=True))
    if not states:
        return []
    text = _("We have no bank account of yours that payments could go to.")
    must = not states.isdisjoint(TERM_RUNS)
    when = "" if must else _("before the first payment")
    return [Todo(None, text, reverse("investments:bank"), _("Add the account"), must=must, when=when)]


def _rewards(investor: Investor, *, at: datetime) -> list[Todo]:
    """Rewards to be claimed, and those that came back."""
    on = clock.today_in(None, at)
    rows = Entitlement.objects.filter(
        Q(state=Entitlement.State.CLAIMABLE, cycle__state=Cycle.State.OPEN, cycle__closes_on__gte=on)
        | Q(state=Entitlement.State.CLAIMABLE, claim_by__gte=on)
        | Q(state=Entitlement.State.RETURNED),
        holding__investor=investor,
        holding__frozen_at=None,
    )
    found = []
    for row in rows.select_related("cycle__offer__fund__business").order_by("cycle__closes_on", "pk"):
        offer = row.cycle.offer
        words = {"name": bilingual_filter(offer.fund.business, "name"), "reward": bilingual_filter(offer, "text")}
        back = row.state == Entitlement.State.RETURNED
        text = _("A reward of %(name)s came back: %(reward)s.") if back else _("A reward of %(name)s: %(reward)s.")
        label = _("Say where it should go") if back else _("Claim the reward")
        on_day = None if back else row.last_day
        found.append(Todo(on_day, text % words, reverse("rewards:claim", args=[row.pk]), label, must=back))
    return found


def _identity(investor: Investor, paid: list[Order]) -> list[Todo]:
    """What a person must do so that their identity can be checked; while paid orders wait for that, until when. Once
    nothing is theirs to do, that we check it."""
    on = min((identity_deadline(order.fund) for order in paid), default=None)
    if not investors.is_complete(investor):
        text = _("Some of your details are missing. We need them to verify your identity.")
        return [Todo(None, text, reverse("investments:profile"), _("Personal details"))]
    address = reverse("investments:identity")
    if investor.identity_state == Investor.Identity.REJECTED:
        text = _("We could not verify your identity.")
        return [Todo(None, text, address, _("See why, and send a document again"))]
    if investors.needs_document(investor):
        text = _("We need a picture of your identity document to verify your identity.")
        return [Todo(on, text, address, _("Send a picture of your identity document"))]
    if investor.identity_state == Investor.Identity.VERIFIED or on is None:
        return []
    text = _("We check your identity. If that is not possible by then, you get everything back.")
    return [Todo(on, text, address, _("Identity check"), must=False)]


def _to_pay(order: Order, *, at: datetime) -> Todo | None:
    """An order that waits for its payment; None once its time is over, when only an answer is awaited."""
    attempts: list[PaymentAttempt] = order.unresolved  # type: ignore[attr-defined]
    attempt = attempts[0] if attempts else None
    until = attempt.pay_by if attempt and attempt.pay_by else order.reserved_until
    if until is None or until <= at:
        return None
    if attempt and attempt.state == PaymentAttempt.State.PROCESSING and order.method != Order.Method.KONBINI:
        return None
    words = {
        "amount": format_money(order.total, order.currency),
        "name": bilingual_filter(order.fund.business, "name"),
        "reference": order.reference,
    }
    address = reverse("order", args=[order.reference])
    if attempt and order.method == Order.Method.BANK_TRANSFER:
        address = reverse("investments:transfer", args=[order.reference])
        text, label = _("Transfer %(amount)s for %(name)s (order %(reference)s)."), _("Account and payer code")
    elif attempt and attempt.state == PaymentAttempt.State.PROCESSING:
        text = _("Pay %(amount)s for %(name)s at the convenience store (order %(reference)s).")
        label = _("To the order")
    else:
        words["time"] = formats.time_format(until.astimezone(clock.business_zone(order.fund.policy.zone)), "H:i")
        text = _("Pay %(amount)s for %(name)s until %(time)s, Japan time (order %(reference)s).")
        label = _("To the order")
    return Todo(clock.today_in(order.fund.policy.zone, until - _MOMENT), text % words, address, label)


def _given(gift: Gift) -> Todo:
    """A gift that nobody has accepted: to be waited for, or to be seen to once it was declined."""
    words = {"name": gift.receiver_name}
    address = reverse("investments:gift", args=[gift.order.reference])
    if gift.state == Gift.State.DECLINED:
        text = _("%(name)s would rather not have your gift: say what should become of it.")
        return Todo(gifts.last_day(gift.order), text % words, address, _("To your gift"))
    text = _("Your gift waits for %(name)s to accept it. If nobody does, you get everything back.")
    return Todo(gifts.last_day(gift.order), text % words, address, _("To your gift"), must=False)


def _cooling_off(order: Order, *, at: datetime) -> Todo | None:
    """A paid order that can still be cancelled."""
    if order.cooling_off_ends_at is None or order.cooling_off_ends_at <= at:
        return None
    text = _("Until 23:59 (Japan time) you can cancel your order for %(name)s and get everything back.")
    words: dict[str, Any] = {"name": bilingual_filter(order.fund.business, "name")}
    return Todo(last_day(order), text % words, reverse("order", args=[order.reference]), _("To the order"), must=False)
