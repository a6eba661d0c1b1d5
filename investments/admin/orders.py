"""Orders: looked at, cancelled and refunded by acts, never edited (domain.md section 4)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from investments.models import (
    Acceptance,
    Fund,
    Gift,
    Investor,
    Order,
    PaymentAttempt,
    PersonBusiness,
    PersonFund,
    Refund,
)
from investments.orders import supporter
from investments.orders.models import OPEN
from investments.payments import services as payments
from microfund.kernel.accounts.roles import FINANCE_MAKER, OPERATIONS, REVIEWER, SUPPORT
from microfund.kernel.acts import Act
from microfund.kernel.admin import Panel, ReadOnlyAdmin, ReadOnlyInline, link, money
from microfund.kernel.money import format_money

from .journal import subject_panel


def _cancel(order: Order, *, actor: Any, at: datetime, reason: str) -> None:
    payments.cancel_order(order, at=at, actor=actor, reason=reason)


def _refund(order: Order, *, actor: Any, at: datetime, reason: str) -> None:
    payments.refund_by_staff(order, at=at, actor=actor, reason=reason)


def _hide_message(order: Order, *, actor: Any, at: datetime, reason: str) -> None:
    supporter.hide_message(order, actor=actor, at=at, reason=reason)


class AcceptanceInline(ReadOnlyInline):
    model = Acceptance
    fields = ("document", "sha256", "accepted_at", "ip")
    show_change_link = False

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).select_related("document").defer("document__html", "document__pdf")


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """One application for units."""

    list_display = (
        "reference",
        "investor",
        "fund",
        "units",
        money("total", _("total")),
        "method",
        "state",
        "applied_at",
    )
    list_filter = ("state", "method", ("frozen_at", admin.EmptyFieldListFilter))
    list_select_related = ("investor", "fund", "payer")
    search_fields = ("reference", "=payer_code", "investor__name", "investor__name_kana", "=investor__user__email")
    search_help_text = _("Reference, exact payer code, name, kana or exact e-mail address")
    ordering = ("-pk",)
    fields = (
        "reference",
        "payer_code",
        "investor_link",
        "payer_link",
        "fund_link",
        "terms",
        "state",
        "method",
        "units",
        money("investment", _("investment")),
        money("donation", _("donation")),
        money("fee", _("fee")),
        money("total", _("total")),
        "supporter_name_shown",
        "supporter_message",
        "message_hidden_at",
        "message_hidden_reason",
        "language",
        "answers",
        "applied_at",
        "counts_until",
        "counted",
        "reserved_until",
        "extensions",
        "paid_at",
        "cooling_off_ends_at",
        "cleared_at",
        "confirmed_at",
        "ended_at",
        "frozen_at",
    )
    inlines = (AcceptanceInline,)
    acts = (
        Act(
            name="cancel",
            label=_("Cancel for the investor"),
            roles=(SUPPORT, OPERATIONS),
            run=_cancel,
            when=lambda order: order.state in OPEN,
            explanation=_(
                "At the investor's wish, until the end of cooling-off: the units are free at once, and what was paid "
                "is refunded in full, fee included."
            ),
            confirm=True,
            danger=True,
        ),
        Act(
            name="refund",
            label=_("Refund by staff"),
            roles=(FINANCE_MAKER,),
            run=_refund,
            when=lambda order: order.state == "paid",
            explanation=_("Outside cooling-off, before the order is confirmed: a full refund, fee included."),
            confirm=True,
            danger=True,
        ),
        Act(
            name="hide_message",
            label=_("Hide the message"),
            roles=(REVIEWER, SUPPORT),
            run=_hide_message,
            when=lambda order: order.supporter_message and order.message_hidden_at is None,
            explanation=_("Neither visitors nor the business see it any more. Who wrote it reads your reason."),
            danger=True,
        ),
    )

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        return lookup == "fund__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("investor"))
    def investor_link(self, row: Order) -> str:
        return link(Investor, row.investor_id, row.investor.name)

    @admin.display(description=_("payer"))
    def payer_link(self, row: Order) -> str:
        return link(Investor, row.payer_id, row.payer.name)

    @admin.display(description=_("fund"))
    def fund_link(self, row: Order) -> str:
        return link(Fund, row.fund_id, row.fund.slug)

    def facts(self, row: Order) -> list[tuple[Any, Any]]:
        return [
            (_("order"), row.reference),
            (_("investor"), row.investor.name),
            (_("units"), row.units),
            (_("total"), format_money(row.total, row.currency)),
            (_("state"), row.get_state_display()),
            (_("cooling-off ends at (exclusive)"), row.cooling_off_ends_at or "–"),
        ]

    def panels(self, request: Any, row: Order) -> list[Panel]:
        return [
            Panel(
                _("Payment attempts"),
                (_("attempt"), _("way to pay"), _("state"), _("amount"), _("captured"), _("problem")),
                [
                    (
                        link(PaymentAttempt, own.pk, own.pk),
                        own.get_method_display(),
                        own.get_state_display(),
                        format_money(own.amount, own.currency),
                        format_money(own.captured, own.currency),
                        own.problem,
                    )
                    for own in row.attempts.order_by("pk")
                ],
                numeric=frozenset({3, 4}),
            ),
            Panel(
                _("Gift"),
                (_("receiver"), _("state"), _("times sent"), _("accepted, declined or kept at")),
                [
                    (
                        link(Gift, own.pk, own.receiver_name),
                        own.get_state_display(),
                        own.sendings,
                        own.settled_at or "–",
                    )
                    for own in Gift.objects.filter(order=row)
                ],
                numeric=frozenset({2}),
            ),
            Panel(
                _("Refunds"),
                (_("refund"), _("amount"), _("state"), _("reason"), _("requested at")),
                [
                    (
                        link(Refund, own.pk, own.pk),
                        format_money(own.amount, own.currency),
                        own.get_state_display(),
                        own.get_reason_display(),
                        own.requested_at,
                    )
                    for own in row.refunds.order_by("pk")
                ],
                numeric=frozenset({1}),
            ),
            subject_panel(f"order:{row.pk}"),
        ]


@admin.register(Gift)
class GiftAdmin(ReadOnlyAdmin):
    """Units for another person. The secret link is shown to nobody here: its giver has it."""

    list_display = ("pk", "order", "state", "sendings", "sent_at", "settled_at", "created_at")
    list_filter = ("state",)
    list_select_related = ("order",)
    search_fields = ("order__reference", "order__payer__name")
    search_help_text = _("Reference of the order, or name of the giver")
    ordering = ("-pk",)
    exclude = ("token", "token_hash")


@admin.register(PersonFund)
class PersonFundAdmin(ReadOnlyAdmin):
    """What a person holds and has reserved in a fund: a counter, recomputed by verify_ledger."""

    list_display = ("investor", "fund", "units")
    list_select_related = ("investor", "fund")
    search_fields = ("investor__name", "fund__slug")
    ordering = ("-pk",)


@admin.register(PersonBusiness)
class PersonBusinessAdmin(ReadOnlyAdmin):
    """A person's investment in a business over 12 months: a counter, recomputed by verify_ledger."""

    list_display = ("investor", "business", money("invested", _("invested"), "JPY"))
    list_select_related = ("investor", "business")
    search_fields = ("investor__name", "business__name_en")
    ordering = ("-pk",)
