"""The mails about orders and money (pages.md 2.6, E6 to E10): what the outbox tells becomes notices.

Each mail is written in the transaction that proves its event's delivery, in the language of the order, once for each
event and person whatever runs twice. A mail to everyone of a fund goes out in batches, each an event of its own, so a
fund of ten thousand holders is neither one transaction nor one list in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Prefetch, Q, Sum, Value
from django.db.models.functions import Cast, Concat
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from investments import events, mail_parts
from investments.banking.models import OutgoingTransfer, ReceiptUse
from investments.investors.models import Investor
from investments.offerings.models import Fund, Terms
from investments.orders import queries
from investments.orders.models import UNPAID, Order
from investments.payments import transfer
from investments.payments.models import Dispute, PaymentAttempt, Refund
from investments.payments.services import identity_deadline
from investments.revenue.services import period_rows
from microfund.kernel import clock, locks
from microfund.kernel.money import format_money
from microfund.kernel.notices import choices
from microfund.kernel.notices.models import Notice, NoticeChoice
from microfund.kernel.outbox.services import publish, subscribe

#: Investors who are written to in one transaction.
BATCH = 200
REMIND_AFTER_DAYS = 3


@dataclass(frozen=True)
class FundMailBatch:
    """The next investors of a fund, those with an id above `after`, are to be written to; `terms_id` if amended."""

    fund_id: int
    kind: str
    after: int
    at: datetime
    terms_id: int = 0


def register() -> None:
    """Subscribe to what is mailed about; called once when the app is ready."""
    subscribe(events.OrderPlaced, transfer_awaited)
    subscribe(events.OrderPaid, order_paid)
    subscribe(events.OrderEnded, order_ended)
    subscribe(events.RefundSettled, refund_settled)
    subscribe(events.ReceiptSentBack, receipt_sent_back)
    subscribe(events.FundSucceeded, fund_succeeded)
    subscribe(events.FundFailed, fund_failed)
    subscribe(events.TermsAmended, terms_amended)
    subscribe(FundMailBatch, fund_mail_batch)
    choices.declare_optional(
        "fund_succeeded",
        gettext_lazy("A fund that I support has reached its target"),
        gettext_lazy("Good news only: that a fund failed, or that its terms were changed, always comes."),
    )
    choices.declare_optional(
        "transfer_reminder",
        gettext_lazy("A reminder of a bank transfer that has not arrived yet"),
        gettext_lazy("Three days after the application, once. That the order has expired always comes."),
    )


# --- E6, E7: waiting for a transfer ---------------------------------------------------------------------------


def _pay_by(order: Order) -> date | None:
    """The last day on which the awaited transfer may arrive."""
    attempt = order.attempts.filter(method=Order.Method.BANK_TRANSFER).order_by("-pk").first()
    until = attempt.pay_by if attempt else None
    return mail_parts.day_before(until or queries.transfer_deadline(order.fund.policy, order.applied_at), order.fund)


def _account(order: Order, amount: int) -> list[tuple[str, str]]:
    """What the payer fills in at the bank to transfer `amount` yen."""
    rows = mail_parts.operator_account(amount, order.currency, order.payer_code)
    return [*rows, (_("Order number"), order.reference)]


def transfer_awaited(event: events.OrderPlaced) -> None:
    """E6: how much to transfer, where, by when, and how to cancel."""
    awaited = Order.objects.filter(pk=event.order_id, method=Order.Method.BANK_TRANSFER, state__in=UNPAID)
    if not awaited.exists():
        return
    order = mail_parts.orders().get(pk=event.order_id)
    with translation.override(order.language):
        mail_parts.send(
            "transfer_awaited",
            order,
            key=f"transfer_awaited:{order.pk}",
            at=event.at,
            facts=_account(order, order.total),
            payer=f"{order.payer_code} {order.payer.name_kana}",
            pay_by=_pay_by(order),
            cancel_url=mail_parts.link("investments:cancel", order.reference),
        )


def remind_transfers_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep, E7: remind of a transfer that has not arrived three days after the application, once, while it may still
    be made."""
    counts = {"reminded": 0, "errors": 0}
    applied_before = clock.start_of_day(on - timedelta(days=REMIND_AFTER_DAYS - 1))
    told = Notice.objects.filter(key=Concat(Value("transfer_reminder:"), Cast(OuterRef("pk"), CharField())))
    off = NoticeChoice.objects.filter(user=OuterRef("payer__user"), kind="transfer_reminder", wanted=False)
    due = Order.objects.filter(
        state=Order.State.AWAITING_PAYMENT,
        method=Order.Method.BANK_TRANSFER,
        applied_at__lt=applied_before,
        attempts__state=PaymentAttempt.State.OPEN,
        attempts__pay_by__gt=at,
    ).exclude(Exists(told) | Exists(off))
    locks.each(due.order_by("pk").values_list("pk", flat=True), lambda pk: remind(pk, at=at), counts, "reminded")
    return counts


def remind(order_id: int, *, at: datetime) -> bool:
    """E7: how much of an order's transfer is still missing; False if nothing is, or if it is no longer awaited."""
    with transaction.atomic():
        if locks.try_lock(Order, order_id, state=Order.State.AWAITING_PAYMENT) is None:
            return False
        order = mail_parts.orders().get(pk=order_id)
        received = transfer.received_so_far(order)
        missing = order.total - received
        if missing <= 0:
            # More than was asked for waits for staff, who may still apply it.
            return False
        with translation.override(order.language):
            mail_parts.send(
                "transfer_reminder",
                order,
                key=f"transfer_reminder:{order.pk}",
                at=at,
                facts=_account(order, missing),
                payer=f"{order.payer_code} {order.payer.name_kana}",
                pay_by=_pay_by(order),
                received=received,
                missing=missing,
                cancel_url=mail_parts.link("investments:cancel", order.reference),
            )
        return True


# --- E8: paid -------------------------------------------------------------------------------------------------


def order_paid(event: events.OrderPaid) -> None:
    """E8: the split, the contract documents, until when to cancel, what comes next."""
    order = mail_parts.orders().get(pk=event.order_id)
    if order.paid_at is None:
        return
    fund = order.fund
    accepted = sorted((row.document for row in queries.accepted([order])), key=lambda document: document.kind)
    with translation.override(order.language):
        facts = [
            (_("Order number"), order.reference),
            (_("Units"), str(order.units)),
            (_("Investment"), format_money(order.investment, order.currency)),
            (_("Donation"), format_money(order.donation, order.currency)),
            (_("Fee, consumption tax included"), format_money(order.fee, order.currency)),
            (_("Total"), format_money(order.total, order.currency)),
        ]
        documents = [
            (
                document.get_kind_display(),
                mail_parts.link("businesses:document", fund.business.slug, document.sha256),
                mail_parts.link("businesses:document_pdf", fund.business.slug, document.sha256)
                if document.pdf_sha256
                else "",
                document.pdf_size,
            )
            for document in accepted
        ]
        mail_parts.send(
            "order_paid",
            order,
            key=f"order_paid:{order.pk}",
            at=event.at,
            facts=facts,
            documents=documents,
            last_day=mail_parts.day_before(order.cooling_off_ends_at, fund),
            first_payment=_first_payment(order),
            verified=order.investor.identity_state == Investor.Identity.VERIFIED,
            identity_by=identity_deadline(fund),
            cancel_url=mail_parts.link("investments:cancel", order.reference),
        )


def _first_payment(order: Order) -> date:
    """The day by which the first distribution that the terms foresee is paid: that of the first period after grace."""
    return period_rows(order.fund, order.terms, order.fund.policy)[order.terms.grace_periods].payment_due_on


# --- E7, E9: ended, refunded ----------------------------------------------------------------------------------


def order_ended(event: events.OrderEnded) -> None:
    """E7 for an order that expired, E9 for one that was cancelled, failed or refunded: how much goes back, and when."""
    order = mail_parts.orders().get(pk=event.order_id)
    if order.state != event.state:
        # Something newer has become of it (late money took the units again), which has a mail of its own.
        return
    if event.state == Order.State.EXPIRED:
        _expired(order, at=event.at)
        return
    # What a lost dispute paid goes back by no refund.
    gone = [Refund.State.CANCELLED, Refund.State.CHARGED_BACK]
    refunds = list(order.refunds.exclude(state__in=gone).select_related("attempt").order_by("pk"))
    lost = order.disputes.filter(state=Dispute.State.LOST).exists()
    with translation.override(order.language):
        mail_parts.send(
            "order_ended",
            order,
            key=f"order_ended:{order.pk}:{event.state}",
            at=event.at,
            amount=sum(refund.amount for refund in refunds),
            why="dispute" if lost and not refunds else refunds[-1].reason if refunds else event.state,
            way=_way(refunds[-1]) if refunds else "",
            received=transfer.received_so_far(order),
        )


def _expired(order: Order, *, at: datetime) -> None:
    with translation.override(order.language):
        mail_parts.send(
            "order_expired",
            order,
            key=f"order_expired:{order.pk}",
            at=at,
            by_transfer=order.method == Order.Method.BANK_TRANSFER,
            pay_by=_pay_by(order) if order.method == Order.Method.BANK_TRANSFER else None,
            received=transfer.received_so_far(order),
            fund_url=mail_parts.link("businesses:detail", order.fund.business.slug),
        )


def _way(refund: Refund) -> str:
    """How a refund travels: "card", "konbini" (the provider asks the payer for an account) or "bank"."""
    if refund.by_bank or refund.state == Refund.State.PAID_BY_BANK:
        return "bank"
    return "konbini" if refund.attempt.method == Order.Method.KONBINI else "card"


def refund_settled(event: events.RefundSettled) -> None:
    """E9, second part: the money was sent."""
    refund = Refund.objects.select_related("attempt").get(pk=event.refund_id)
    order = mail_parts.orders().get(pk=refund.order_id)
    sent = OutgoingTransfer.objects.filter(target=f"refund:{refund.pk}", state=OutgoingTransfer.State.SENT).first()
    by_bank = event.state == Refund.State.PAID_BY_BANK
    with translation.override(order.language):
        mail_parts.send(
            "refund_settled",
            order,
            key=f"refund_settled:{refund.pk}:{event.state}",
            at=event.at,
            amount=refund.amount,
            way="bank" if by_bank else _way(refund),
            sent_on=sent.transferred_on if sent and by_bank else None,
        )


def receipt_sent_back(event: events.ReceiptSentBack) -> None:
    """E9 for money that paid no order (too much, twice, too late) and was sent back to the payer whose code it bore."""
    use = ReceiptUse.objects.select_related("line").get(pk=event.use_id)
    order = mail_parts.orders().filter(payer_code=use.line.payer_code).first() if use.line.payer_code else None
    if order is None:
        return
    kind, _colon, pk = use.target.partition(":")
    sent = OutgoingTransfer.objects.filter(pk=pk).first() if kind == "transfer" else None
    with translation.override(order.language):
        mail_parts.send(
            "receipt_sent_back",
            order,
            key=f"receipt_sent_back:{use.pk}",
            at=event.at,
            amount=use.amount,
            received_on=use.line.booked_on,
            sent_on=sent.transferred_on if sent else use.line.booked_on,
        )


# --- E10: to everyone of a fund -------------------------------------------------------------------------------


def fund_succeeded(event: events.FundSucceeded) -> None:
    """E10: the fund has what it needs; begins the batches."""
    _batch(FundMailBatch(event.fund_id, "fund_succeeded", 0, event.at))


def fund_failed(event: events.FundFailed) -> None:
    """E10: the fund closed short; begins the batches."""
    _batch(FundMailBatch(event.fund_id, "fund_failed", 0, event.at))


def terms_amended(event: events.TermsAmended) -> None:
    """A new version of the terms: everybody who holds or awaits units hears what changed and why."""
    _batch(FundMailBatch(event.fund_id, "terms_amended", 0, event.at, event.terms_id))


def _batch(batch: FundMailBatch) -> None:
    publish(batch, key=f"{batch.kind}:{batch.fund_id}:{batch.terms_id}:{batch.after}", at=batch.at)


#: Whose order stood or stands paid. A failed fund's orders are refunded one by one, before or after this mail.
_CONCERNED = {
    "fund_succeeded": Q(state__in=[Order.State.PAID, Order.State.CONFIRMED]),
    "fund_failed": Q(state__in=[Order.State.PAID, Order.State.FAILED], paid_at__isnull=False),
    "terms_amended": Q(state__in=[*UNPAID, Order.State.PAID, Order.State.CONFIRMED]),
}


def fund_mail_batch(event: FundMailBatch) -> None:
    """Write to the next investors of a fund, one mail each however many orders they have, then ask for the rest."""
    fund = Fund.objects.select_related("business", "policy").get(pk=event.fund_id)
    concerned = Order.objects.filter(_CONCERNED[event.kind], fund=fund)
    if event.kind != "fund_failed":
        # Whoever joined between what happened and this mail has read the new terms, or knows of the success.
        concerned = concerned.filter(applied_at__lte=event.at)
    own = Prefetch("orders", concerned.order_by("pk"), to_attr="concerned")
    investors = list(
        Investor.objects.filter(Exists(concerned.filter(investor=OuterRef("pk"))), pk__gt=event.after)
        .select_related("user")
        .prefetch_related(own)
        .order_by("pk")[:BATCH]
    )
    sold = Order.objects.filter(fund=fund, state__in=["paid", "confirmed"]).aggregate(units=Sum("units"))["units"] or 0
    for investor in investors:
        _fund_mail(event, fund, investor, sold)
    if len(investors) == BATCH:
        _batch(FundMailBatch(fund.pk, event.kind, investors[-1].pk, event.at, event.terms_id))


def _fund_mail(event: FundMailBatch, fund: Fund, investor: Any, sold: int) -> None:
    newest: Order = investor.concerned[-1]
    newest.fund, newest.investor = fund, investor
    with translation.override(newest.language):
        mail_parts.send(
            event.kind,
            newest,
            key=f"{event.kind}:{fund.pk}:{event.terms_id}:{investor.pk}",
            at=event.at,
            to=investor,
            orders=[
                (
                    own.reference,
                    own.units,
                    format_money(own.total, own.currency),
                    own.method,
                    mail_parts.link("order", own.reference),
                )
                for own in investor.concerned
            ],
            total=sum(own.total for own in investor.concerned),
            sold=sold,
            verified=investor.identity_state == Investor.Identity.VERIFIED,
            identity_by=identity_deadline(fund),
            terms=Terms.objects.filter(pk=event.terms_id).first(),
            terms_url=mail_parts.link("businesses:terms", fund.business.slug),
            fund_url=mail_parts.link("businesses:detail", fund.business.slug),
        )
