"""The samples of the mails about units as a gift (microfund/kernel/notices/kinds.py). What is made here is never
committed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.utils.translation import gettext_lazy as _

from investments import events, gift_mails
from investments.mail_samples import make_documents, make_fund, make_investor, make_order
from investments.orders.giving import new_token
from investments.orders.models import Gift, Order
from microfund.kernel import clock
from microfund.kernel.notices import kinds

TO_RECEIVER = _("who receives the gift")
TO_GIVER = _("who gives it")


def _gift(language: str, state: str = Gift.State.OPEN) -> Gift:
    """Two units that Haruka Ito gives to Umi Sato, who has accepted them if the state says so."""
    order = make_order(language, make_fund(language), state=Order.State.PAID, method=Order.Method.CARD)
    if state == Gift.State.ACCEPTED:
        order.investor = make_investor(language)
        order.save(update_fields=["investor"])
        make_documents(order)
    return Gift.objects.create(
        order=order,
        state=state,
        receiver_name={"en": "Umi Sato", "ja": "佐藤 海"}[language],
        receiver_email="umi@sample.invalid",
        message={"en": "For your new start by the sea.", "ja": "海辺での新しい出発に。"}[language],
        language=language,
        settled_at=None if state == Gift.State.OPEN else clock.now(),
        created_at=clock.now(),
        **new_token(),
    )


def _offered(language: str) -> None:
    gift_mails.gift_offered(events.GiftOffered(_gift(language).pk, 1, clock.now()))


def _settled(state: str, language: str) -> None:
    gift_mails.gift_settled(events.GiftSettled(_gift(language, state).pk, state, clock.now()))


def _unused(language: str) -> None:
    gift_mails.gift_unused(events.GiftUnused(_gift(language).pk, clock.now()))


def _ended(language: str) -> None:
    order = _gift(language, Gift.State.ACCEPTED).order
    order.state, order.ended_at = Order.State.CANCELLED, clock.now()
    order.save(update_fields=["state", "ended_at"])
    gift_mails.receiver_told_of_end(events.OrderEnded(order.pk, order.state, clock.now()))


def register() -> None:
    """Declare all; called once when the app is ready."""
    accepted: Callable[[str], None] = partial(_settled, Gift.State.ACCEPTED)
    for kind, when, to, make in (
        ("gift_offered", _("Units that were paid for are given to somebody"), TO_RECEIVER, _offered),
        ("gift_accepted", _("A gift was accepted"), TO_GIVER, accepted),
        ("gift_contract", _("A gift was accepted: the contract"), TO_RECEIVER, accepted),
        ("gift_declined", _("A gift was declined"), TO_GIVER, partial(_settled, Gift.State.DECLINED)),
        ("gift_unused", _("A gift was not answered for two weeks"), TO_GIVER, _unused),
        ("gift_ended", _("An order that was accepted as a gift has ended"), TO_RECEIVER, _ended),
    ):
        kinds.declare(kind, "E20", when, to, make)
