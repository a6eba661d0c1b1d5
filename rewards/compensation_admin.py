"""Money instead of rewards in the staff console (domain.md sections 7 and 10)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from investments.admin.journal import subject_panel
from investments.banking import outgoing
from investments.models import StatementLine
from microfund.kernel import clock, queues
from microfund.kernel.accounts.roles import FINANCE_CHECKER, FINANCE_MAKER, OPERATIONS, SUPPORT
from microfund.kernel.acts import Act, ReasonForm, RemarkForm
from microfund.kernel.admin import Panel, ReadOnlyAdmin, money
from microfund.kernel.money import format_money

from . import compensation
from .models import Compensation

#: Receipts that are offered to choose from, the newest first.
RECEIPTS = 50


def _approve(row: Compensation, *, actor: Any, at: datetime, reason: str) -> None:
    compensation.approve(row, actor=actor, at=at, reason=reason)


def _withdraw(row: Compensation, *, actor: Any, at: datetime, reason: str) -> None:
    compensation.withdraw(row, actor=actor, at=at, reason=reason)


class LossForm(ReasonForm):
    """Why it is given up, as the holder reads it."""


class ReceiptForm(ReasonForm):
    """By which receipt the business has paid."""

    receipt = forms.ModelChoiceField(label=_("Receipt"), queryset=StatementLine.objects.none())
    field_order = ("receipt", "reason")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        free = StatementLine.objects.filter(remaining__gt=F("held")).order_by("-booked_on", "-pk")
        enough = free.filter(remaining__gte=F("held") + self.initial.pop("amount", 0))
        self.fields["receipt"].queryset = StatementLine.objects.filter(pk__in=enough.values("pk")[:RECEIPTS])  # type: ignore[attr-defined]
        self.fields["receipt"].label_from_instance = lambda line: (  # type: ignore[attr-defined]
            f"{line.booked_on} {line.payer_name} {format_money(line.free)}"
        )


def _received(row: Compensation, *, actor: Any, at: datetime, receipt: StatementLine, reason: str) -> None:
    compensation.apply_by_staff(row, receipt, actor=actor, at=at, reason=reason)


def _pay(row: Compensation, *, actor: Any, at: datetime, reason: str) -> None:
    compensation.pay(row, actor=actor, at=at, reason=reason)


def _propose_loss(row: Compensation, *, actor: Any, at: datetime, reason: str) -> None:
    compensation.propose_loss(row, actor=actor, at=at, reason=reason)


def _approve_loss(row: Compensation, *, actor: Any, at: datetime, reason: str) -> None:
    compensation.approve_loss(row, actor=actor, at=at, reason=reason)


def _withdraw_loss(row: Compensation, *, actor: Any, at: datetime, reason: str) -> None:
    compensation.withdraw_loss(row, actor=actor, at=at, reason=reason)


def _overdue() -> Any:
    """What a business has not paid by its day and of which no write-off waits."""
    owed = Compensation.objects.filter(state=Compensation.State.APPROVED, loss_maker=None)
    return owed.filter(due_on__lt=clock.today_in())


def _losses() -> Any:
    return Compensation.objects.filter(state=Compensation.State.APPROVED, loss_maker__isnull=False)


def _is_overdue(row: Compensation) -> bool:
    return _overdue().filter(pk=row.pk).exists()


def _loss_waits(row: Compensation) -> bool:
    return _losses().filter(pk=row.pk).exists()


def _payable(row: Compensation) -> bool:
    return row.state == Compensation.State.FUNDED and not outgoing.under_way(f"compensation:{row.pk}")


@admin.register(Compensation)
class CompensationAdmin(ReadOnlyAdmin):
    """Money instead of a reward: proposed, approved, paid in by the business, paid out."""

    list_display = (
        "id", "entitlement", "state", money("amount", _("amount"), "JPY"), "reason", "due_on", "paid_on",
    )  # fmt: skip
    list_filter = ("state",)
    list_select_related = ("entitlement",)
    search_fields = ("entitlement__holding__reference", "=payer_code")
    ordering = ("-pk",)
    fields = (
        "entitlement", "state", money("amount", _("amount"), "JPY"), money("value", _("value of the reward"), "JPY"),
        "reason", "payer_code", "due_on", "maker", "prepared_at", "checker", "approved_at", "paid_on",
        "loss_reason", "loss_maker", "loss_prepared_at", "loss_checker", "lost_on",
    )  # fmt: skip
    acts = (
        Act(
            name="approve",
            label=_("Approve"),
            roles=(FINANCE_CHECKER,),
            run=_approve,
            form=RemarkForm,
            when=lambda row: row.state == Compensation.State.PREPARED,
            explanation=_("The entitlement ends; the business owes the amount, and its holder is told why."),
            confirm=True,
        ),
        Act(
            name="withdraw",
            label=_("Withdraw"),
            roles=(SUPPORT, OPERATIONS, FINANCE_CHECKER),
            run=_withdraw,
            when=lambda row: row.state == Compensation.State.PREPARED,
            danger=True,
        ),
        Act(
            name="received",
            label=_("The business has paid"),
            roles=(FINANCE_MAKER,),
            run=_received,
            form=ReceiptForm,
            initial=lambda row: {"amount": row.amount},
            when=lambda row: row.state == Compensation.State.APPROVED,
            explanation=_("A receipt without its payer code. One with the code is taken by itself."),
            confirm=True,
        ),
        Act(
            name="pay",
            label=_("Pay it to the holder"),
            roles=(FINANCE_MAKER,),
            run=_pay,
            when=_payable,
            explanation=_("Prepare the transfer to the holder's bank account; another person approves it."),
            confirm=True,
        ),
        Act(
            name="propose_loss",
            label=_("Propose to write it off"),
            roles=(FINANCE_MAKER,),
            run=_propose_loss,
            form=LossForm,
            when=_is_overdue,
            explanation=_("The business does not pay it. Another person decides; the holder reads the reason."),
            confirm=True,
            danger=True,
        ),
        Act(
            name="approve_loss",
            label=_("Write it off"),
            roles=(FINANCE_CHECKER,),
            run=_approve_loss,
            form=RemarkForm,
            when=_loss_waits,
            explanation=_(
                "From then on nothing of it is owed any more; the holder and the business are told with the reason "
                "below. Nobody may approve what they prepared themselves."
            ),
            confirm=True,
            danger=True,
        ),
        Act(
            name="withdraw_loss",
            label=_("Withdraw the write-off"),
            roles=(FINANCE_MAKER, FINANCE_CHECKER),
            run=_withdraw_loss,
            when=_loss_waits,
            explanation=_("The business owes it as before."),
        ),
    )

    def facts(self, row: Compensation) -> list[tuple[Any, Any]]:
        account = compensation.payee_account(row)
        return [
            (_("reward"), row.entitlement.cycle.offer.text_ja),
            (_("holding"), row.entitlement.holding.reference),
            (_("amount"), format_money(row.amount)),
            (_("value of the reward"), format_money(row.value)),
            (_("reason"), row.reason),
            *([(_("reason of the write-off"), row.loss_reason)] if row.loss_reason else []),
            (_("bank account"), account or _("none given")),
        ]

    def panels(self, request: Any, row: Compensation) -> list[Panel]:
        return [subject_panel(f"compensation:{row.pk}")]


for queue in (
    queues.Queue(
        key="compensations_to_approve",
        label=_("Money instead of rewards to be approved"),
        model=Compensation,
        rows=lambda: Compensation.objects.filter(state=Compensation.State.PREPARED),
        since="prepared_at",
        roles=(FINANCE_CHECKER,),
    ),
    queues.Queue(
        key="compensations_to_pay",
        label=_("Money instead of rewards to be paid out"),
        model=Compensation,
        rows=lambda: Compensation.objects.filter(state=Compensation.State.FUNDED),
        since="approved_at",
        roles=(FINANCE_MAKER,),
    ),
    queues.Queue(
        key="compensations_overdue",
        label=_("Money instead of rewards that a business has not paid"),
        model=Compensation,
        rows=_overdue,
        since="due_on",
        roles=(FINANCE_MAKER,),
    ),
    queues.Queue(
        key="compensations_to_write_off",
        label=_("Write-offs of money instead of rewards to be approved"),
        model=Compensation,
        rows=_losses,
        since="loss_prepared_at",
        roles=(FINANCE_CHECKER,),
    ),
):
    queues.register(queue)
