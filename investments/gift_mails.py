"""The mails about units as a gift (pages.md 2.6, E20): the offer to its receiver, the answer to its giver, the contract
to who accepted, and to the giver of one that lies unused."""

from __future__ import annotations

from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext as _

from investments import events
from investments.gifts import services as gifts
from investments.letters import to_investor
from investments.orders import queries
from investments.orders.models import Gift, Order
from microfund.kernel.money import format_money
from microfund.kernel.notices.letters import Letter, day, is_news, send
from microfund.kernel.notices.parts import link, name_of
from microfund.kernel.outbox.services import subscribe

from . import mail_parts


def register() -> None:
    """Subscribe to what is mailed about; called once when the app is ready."""
    subscribe(events.OrderPaid, gifts.offer_paid)
    subscribe(events.OrderEnded, gifts.order_ended)
    subscribe(events.OrderEnded, receiver_told_of_end)
    subscribe(events.GiftOffered, gift_offered)
    subscribe(events.GiftSettled, gift_settled)
    subscribe(events.GiftUnused, gift_unused)


def _gift(pk: int) -> Gift:
    return Gift.objects.select_related(
        "order__fund__business", "order__fund__policy", "order__payer__user", "order__investor__user"
    ).get(pk=pk)


def _units(order: Order) -> list[tuple[str, str]]:
    return [
        (_("Business"), name_of(order.fund.business)),
        (_("Fund"), name_of(order.fund)),
        (_("Units"), str(order.units)),
    ]


def gift_offered(event: events.GiftOffered) -> None:
    """E20 to the receiver: who gives them what, and until when it can be accepted."""
    gift = _gift(event.gift_id)
    order, by = gift.order, gifts.last_day(gift.order)
    if not gift.receiver_email or by is None or not gifts.can_be_accepted(gift, at=event.at):
        return
    with translation.override(gift.language):
        words = {"giver": order.payer.name, "date": day(by), "business": name_of(order.fund.business)}
        letter = Letter(
            subject=_("%(giver)s gives you a share in the new start of %(business)s") % words,
            paragraphs=[
                _("%(giver)s would like to give you units of a fund that helps %(business)s up again.") % words,
                _("Each unit is half a donation and half an investment, which is repaid out of sales or not at all.")
                + " "
                + _("It costs you nothing: it is paid for."),
                _("If you accept it the contract is yours, so we ask who you are and show you what to read.")
                + " "
                + _("You can accept until %(date)s, or say that you would rather not.") % words,
            ],
            facts=_units(order),
            quoted=_("They write:") if gift.message else "",
            quote=gift.message,
            button=_("Look at the gift"),
            url=link("investments:gift_offer", gift.token),
        )
        key = f"gift_offered:{gift.pk}:{event.sending}"
        to, name = gift.receiver_email, gift.receiver_name
        send("gift_offered", letter, key=key, at=event.at, to=to, name=name, lang=gift.language)


def gift_settled(event: events.GiftSettled) -> None:
    """E20 to the giver: accepted or declined; and to who accepted, the contract and until when to cancel."""
    gift = _gift(event.gift_id)
    if gift.state != event.state:
        return
    accepted = event.state == Gift.State.ACCEPTED

    def to_giver() -> Letter:
        words = {"name": gift.receiver_name, "business": name_of(gift.order.fund.business)}
        if accepted:
            subject = _("%(name)s has accepted your gift")
            text = _("%(name)s has accepted the units of %(business)s. The contract is theirs now.")
        else:
            subject = _("%(name)s would rather not have your gift")
            text = _("The units of %(business)s are still yours: keep them, give them to another, or cancel the order.")
        return Letter(
            subject=subject % words,
            paragraphs=[text % words],
            facts=_units(gift.order),
            button=_("Your gifts"),
            url=link("investments:gift", gift.order.reference),
        )

    key = f"gift_{event.state}:{gift.pk}:{gift.token_hash[:16]}"
    to_investor(f"gift_{event.state}", gift.order.payer, to_giver, key=key, at=event.at)
    if accepted:
        _contract(gift, at=event.at)


def _contract(gift: Gift, *, at: datetime) -> None:
    order = mail_parts.orders().get(pk=gift.order_id)

    def letter() -> Letter:
        by = mail_parts.day_before(order.cooling_off_ends_at, order.fund)
        papers = [
            (
                row.document.get_kind_display(),
                link("businesses:document_pdf", order.fund.business.slug, row.document.sha256)
                if row.document.pdf_sha256
                else link("businesses:document", order.fund.business.slug, row.document.sha256),
            )
            for row in queries.accepted([order])
        ]
        words = {"date": day(by) if by else "", "business": name_of(order.fund.business)}
        return Letter(
            subject=_("Your units of %(business)s, and your contract") % words,
            paragraphs=[
                _("You have accepted units as a gift. Below is the contract as you have signed it."),
                _("You can cancel until 23:59 on %(date)s (Japan time); the money then goes back to the giver.")
                % words,
                _("The units become yours once we have verified your identity and the fund has reached what it needs."),
            ],
            facts=[
                *_units(order),
                (_("Investment"), format_money(order.investment, order.currency)),
                (_("Donation"), format_money(order.donation, order.currency)),
                *papers,
            ],
            button=_("Your order"),
            url=link("order", order.reference),
        )

    to_investor("gift_contract", order.investor, letter, key=f"gift_contract:{gift.pk}", at=at)


def gift_unused(event: events.GiftUnused) -> None:
    """E20 to the giver: nobody has accepted it for two weeks."""
    gift = _gift(event.gift_id)
    by = gifts.last_day(gift.order)
    if not is_news(event.at) or by is None or not gifts.can_be_accepted(gift, at=event.at):
        return

    def letter() -> Letter:
        words = {"name": gift.receiver_name, "date": day(by)}
        return Letter(
            subject=_("Your gift to %(name)s has not been accepted yet") % words,
            paragraphs=[
                _("Perhaps the mail went astray, or the card still lies about. You can send it again or print it.")
                % words,
                _("Nothing is lost: if it is not accepted until %(date)s, you get everything back.") % words,
            ],
            facts=_units(gift.order),
            button=_("Your gifts"),
            url=link("investments:gift", gift.order.reference),
        )

    to_investor("gift_unused", gift.order.payer, letter, key=f"gift_unused:{gift.pk}", at=event.at)


def receiver_told_of_end(event: events.OrderEnded) -> None:
    """An order that was accepted as a gift is over: its payer hears of the money, who holds it hears of the end."""
    order = mail_parts.orders().get(pk=event.order_id)
    if order.state != event.state or order.investor_id == order.payer_id:
        return

    def letter() -> Letter:
        words = {"business": name_of(order.fund.business), "reference": order.reference}
        return Letter(
            subject=_("The units of %(business)s that you were given are gone") % words,
            paragraphs=[
                _("Order %(reference)s has ended. What was paid for it goes back to who gave it to you.") % words,
            ],
            facts=_units(order),
            button=_("Your order"),
            url=link("order", order.reference),
        )

    to_investor("gift_ended", order.investor, letter, key=f"gift_ended:{order.pk}:{event.state}", at=event.at)
