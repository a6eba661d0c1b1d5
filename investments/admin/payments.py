"""Attempts, refunds and disputes (domain.md sections 4.3 to 4.9)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from investments.banking.queries import current_account
from investments.models import (
    Dispute,
    Line,
    Order,
    PaymentAttempt,
    Refund,
)
from investments.payments import dispute as disputes
from investments.payments import mismatch, own_accounts, settle
from investments.payments import refund as refunds
from investments.payments.gateway import ProviderRefused, ProviderUnreachable
from investments.payments.models import DISPUTES_ASKED
from microfund.kernel import queues
from microfund.kernel.accounts.roles import FINANCE_MAKER, OPERATIONS
from microfund.kernel.acts import Act
from microfund.kernel.admin import Panel, ReadOnlyAdmin, link, money
from microfund.kernel.errors import DomainError
from microfund.kernel.money import format_money

from .forms import KnownPayeeForm, known_payee
from .journal import line_panel, subject_panel

DONE = ("succeeded", "paid_by_bank", "charged_back")


def _order_link(row: Any) -> str:
    return link(Order, row.order_id, row.order.reference)


class ByOrder(ReadOnlyAdmin):
    """Rows that belong to an order."""

    list_select_related = ("order",)

    def get_fields(self, request: Any, obj: Any = None) -> Any:
        """What is shown by a column of ours (the order, amounts) comes first, not after everything else."""
        ours = list(self.readonly_fields)
        return [*ours, *(name for name in super().get_fields(request, obj) if name not in ours)]

    @admin.display(description=_("order"), ordering="order")
    def order_link(self, row: Any) -> str:
        return _order_link(row)

    def facts(self, row: Any) -> list[tuple[Any, Any]]:
        return [
            (self.opts.verbose_name, str(row.pk)),
            (_("order"), row.order.reference),
            (_("payer"), row.order.payer.name),
            (_("amount"), format_money(row.amount, row.currency)),
            (_("state"), row.get_state_display()),
        ]


# --- Attempts -------------------------------------------------------------------------------------------------------


def _ask(attempt: PaymentAttempt, *, actor: Any, at: datetime, reason: str) -> None:
    try:
        settle.settle(attempt.pk, at=at)
    except (ProviderUnreachable, ProviderRefused) as error:
        raise DomainError("provider", _("The provider gave no answer; nothing changed. Try again later.")) from error


def _give_back(attempt: PaymentAttempt, *, actor: Any, at: datetime, reason: str) -> None:
    mismatch.give_back(attempt, actor=actor, at=at, reason=reason)


def _seen_to(attempt: PaymentAttempt, *, actor: Any, at: datetime, reason: str) -> None:
    mismatch.looked_at(attempt, actor=actor, at=at, reason=reason)


def _does_not_match(attempt: PaymentAttempt) -> bool:
    return attempt.state == PaymentAttempt.State.MISMATCH


@admin.register(PaymentAttempt)
class PaymentAttemptAdmin(ByOrder):
    """One try at paying one order."""

    list_display = (
        "pk",
        "order_link",
        "method",
        "state",
        money("amount", _("amount")),
        money("captured", _("captured")),
        "created_at",
        "problem",
    )
    list_filter = ("state", "method")
    search_fields = ("=session_id", "=intent_id", "order__reference")
    ordering = ("-pk",)
    exclude = ("order", "url", "amount", "captured")
    readonly_fields = ("order_link", money("amount", _("amount")), money("captured", _("captured")))
    acts = (
        Act(
            name="ask",
            label=_("Ask the provider"),
            roles=(OPERATIONS, FINANCE_MAKER),
            run=_ask,
            when=lambda attempt: attempt.method != "bank_transfer" and attempt.state != "succeeded",
            explanation=_("What the provider says is applied, as by a webhook."),
            audit="investments.PaymentAttempt.asked",
            outside=True,
        ),
        Act(
            name="give_back",
            label=_("Give back in full"),
            roles=(FINANCE_MAKER,),
            run=_give_back,
            when=lambda attempt: _does_not_match(attempt) and mismatch.left(attempt) > 0,
            explanation=_(
                "All that the provider took for this payment and has not given back is refunded there, to the "
                "instrument that paid. The order stays as it is."
            ),
            confirm=True,
            danger=True,
        ),
        Act(
            name="seen_to",
            label=_("Looked at"),
            roles=(FINANCE_MAKER, OPERATIONS),
            run=_seen_to,
            when=lambda attempt: _does_not_match(attempt) and mismatch.left(attempt) <= 0,
            explanation=_(
                "Nothing of this payment is in our books. Say what was done about it, at the provider if money was "
                "taken; it leaves the work queue, and comes back if money arrives after all."
            ),
        ),
    )

    def panels(self, request: Any, row: PaymentAttempt) -> list[Panel]:
        return [subject_panel(f"order:{row.order_id}")]


# --- Refunds --------------------------------------------------------------------------------------------------------


def _send(refund: Refund, *, actor: Any, at: datetime, reason: str) -> None:
    refunds.send(refund.pk, at=at)


def _pay_by_bank(refund: Refund, *, actor: Any, at: datetime, **values: Any) -> None:
    payee = known_payee(values, current_account(refund.order.payer))
    refunds.pay_by_bank(refund, payee=payee, actor=actor, at=at, **values)


@admin.register(Refund)
class RefundAdmin(ByOrder):
    """Money on its way back to a payer."""

    list_display = (
        "pk",
        "order_link",
        money("amount", _("amount")),
        "state",
        "reason",
        "by_bank",
        "requested_at",
        "problem",
    )
    list_filter = ("state", "reason", "by_bank")
    search_fields = ("=provider_id", "order__reference")
    ordering = ("-pk",)
    exclude = ("order", "amount")
    readonly_fields = ("order_link", money("amount", _("amount")))
    acts = (
        Act(
            name="send",
            label=_("Try again"),
            roles=(OPERATIONS, FINANCE_MAKER),
            run=_send,
            when=lambda refund: not refund.by_bank and refund.state in ("requested", "requires_action", "pending"),
            explanation=_("The provider is asked again under the same key, so nothing can be refunded twice."),
            audit="investments.Refund.tried_again",
            outside=True,
        ),
        Act(
            name="pay_by_bank",
            label=_("Pay by bank"),
            roles=(FINANCE_MAKER,),
            run=_pay_by_bank,
            form=KnownPayeeForm,
            initial=lambda refund: {"known": current_account(refund.order.payer)},
            when=lambda refund: (
                refund.state in ("failed", "cancelled") or (refund.state == "requested" and refund.by_bank)
            ),
            explanation=_(
                "Prepare a transfer from the fund's bank, because the provider cannot refund or the order was paid by "
                "transfer. It goes only to an account in the payer's name, and only after another person approved it."
            ),
            confirm=True,
        ),
    )

    def panels(self, request: Any, row: Refund) -> list[Panel]:
        kinds = (
            "refund_decided",
            "refund_of_part",
            "refund_split",
            "refund_paid",
            "refund_failed",
            "refund_by_bank",
            "refund_charged_back",
            "refund_paid_twice",
        )
        names = [f"{kind}:refund:{row.pk}" for kind in kinds]
        # One that was made again after it had failed left more than once.
        names += [f"{name}:{number}" for name in names for number in range(2, row.occurrence + 1)]
        lines = lines_of(names)
        return [line_panel(lines, _("Journal"))]


def lines_of(references: list[str]) -> Any:
    return Line.objects.filter(entry__reference__in=references)


# --- Disputes -------------------------------------------------------------------------------------------------------


def _top_up(dispute: Dispute, *, actor: Any, at: datetime, reason: str) -> None:
    own_accounts.top_up(dispute, actor=actor, at=at, reason=reason)


def _keep_units(dispute: Dispute, *, actor: Any, at: datetime, reason: str) -> None:
    disputes.keep_units(dispute, actor=actor, at=at, reason=reason)


def _rescind(dispute: Dispute, *, actor: Any, at: datetime, reason: str) -> None:
    disputes.rescind(dispute, actor=actor, at=at, reason=reason)


@admin.register(Dispute)
class DisputeAdmin(ByOrder):
    """A chargeback: the operator's loss, never the fund's."""

    list_display = (
        "provider_id",
        "order_link",
        money("amount", _("amount")),
        "state",
        "evidence_due_at",
        "opened_at",
        "needs_decision",
        "decision",
    )
    list_filter = ("state", "needs_decision", "decision")
    search_fields = ("=provider_id", "order__reference")
    ordering = ("-pk",)
    exclude = ("order", "amount", "fee", "from_order", "from_refunds")
    readonly_fields = (
        "order_link",
        money("amount", _("amount")),
        money("fee", _("provider's fee")),
        money("from_order", _("taken from the order")),
        money("from_refunds", _("taken from refunds that were owed")),
    )
    acts = (
        Act(
            name="top_up",
            label=_("Top up the fund"),
            roles=(FINANCE_MAKER,),
            run=_top_up,
            when=lambda dispute: dispute.state not in ("inquiry", "closed") and not own_accounts.topped_up(dispute),
            explanation=_("Prepare the operator's transfer to the fund of what the provider took."),
            confirm=True,
        ),
        Act(
            name="keep_units",
            label=_("Let the units stand"),
            roles=(FINANCE_MAKER,),
            run=_keep_units,
            when=lambda dispute: dispute.needs_decision,
            explanation=_("The investor keeps the units; the operator bears what was lost. The holding is thawed."),
            confirm=True,
        ),
        Act(
            name="rescind",
            label=_("End the units"),
            roles=(FINANCE_MAKER,),
            run=_rescind,
            when=lambda dispute: dispute.needs_decision,
            explanation=_(
                "The order ends. Its money pays back what the operator lost, and what is left goes back to the payer. "
                "What the business has already got, the operator bears."
            ),
            confirm=True,
            danger=True,
        ),
    )

    def panels(self, request: Any, row: Dispute) -> list[Panel]:
        kinds = ("dispute_opened", "dispute_topped_up", "dispute_won", "dispute_lost")
        references = [*(f"{kind}:dispute:{row.pk}" for kind in kinds), f"dispute_rescinded:order:{row.order_id}"]
        return [line_panel(lines_of(references), _("Journal"))]


for queue in (
    queues.Queue(
        key="refunds_open",
        label=_("Refunds that are open"),
        model=Refund,
        rows=lambda: Refund.objects.exclude(state__in=DONE),
        since="requested_at",
        roles=(FINANCE_MAKER,),
    ),
    queues.Queue(
        key="disputes",
        label=_("Inquiries and disputes that are open or need a decision"),
        model=Dispute,
        rows=lambda: Dispute.objects.filter(Q(state__in=DISPUTES_ASKED) | Q(needs_decision=True)),
        since="opened_at",
        roles=(FINANCE_MAKER,),
    ),
    queues.Queue(
        key="mismatch",
        label=_("Payments that do not match their attempt"),
        model=PaymentAttempt,
        rows=lambda: PaymentAttempt.objects.filter(state=PaymentAttempt.State.MISMATCH),
        since="resolved_at",
        roles=(FINANCE_MAKER, OPERATIONS),
    ),
):
    queues.register(queue)
