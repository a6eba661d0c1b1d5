"""Bank statements, receipts and what became of them, outgoing transfers (domain.md sections 4.3 and 9.3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from investments.banking import outgoing
from investments.banking import services as banking
from investments.banking.models import UNDER_WAY
from investments.models import (
    Dispute,
    Fund,
    Order,
    OutgoingTransfer,
    ReceiptUse,
    Refund,
    Release,
    StatementFile,
    StatementLine,
    TaxPayment,
    WriteOff,
)
from investments.payments import transfer
from microfund.kernel import crypto, queues
from microfund.kernel.accounts.roles import FINANCE_CHECKER, FINANCE_MAKER, OPERATIONS
from microfund.kernel.acts import Act, RemarkForm
from microfund.kernel.admin import Panel, ReadOnlyAdmin, ReadOnlyInline, link, list_url, money, pretty
from microfund.kernel.money import format_money

from .bank_files import bank_file
from .distributions import APPLY_TO_BUSINESS
from .forms import ACCOUNT_TYPES, AmountPayeeForm, OrderForm, SentForm, StatementForm, payee_of
from .journal import subject_panel
from .returns import RETURNED_BY_DEPOSIT


def _import(row: None, *, actor: Any, at: datetime, file: Any, format: str) -> list[tuple[Any, Any]]:  # noqa: A002
    imported = banking.import_statement(content=file.read(), name=file.name, format=format, actor=actor, at=at)
    waiting = imported.lines.filter(remaining__gt=0).count()
    return [
        (_("statement"), link(StatementFile, imported.pk, imported.name)),
        (_("rows"), imported.rows),
        (_("new receipts"), imported.lines.count()),
        (_("of them waiting"), waiting),
        (_("for a person to look at"), len(imported.problems)),
    ]


@admin.register(StatementFile)
class StatementFileAdmin(ReadOnlyAdmin):
    """One imported statement, known by its hash."""

    list_display = ("name", "format", "rows", "imported_by", "imported_at", "sha256")
    list_filter = ("format",)
    list_select_related = ("imported_by",)
    search_fields = ("name", "=sha256")
    ordering = ("-pk",)
    fields = ("name", "format", "rows", "sha256", "imported_by", "imported_at", "to_look_at")
    list_acts = (
        Act(
            name="import",
            label=_("Import a statement"),
            roles=(FINANCE_MAKER, OPERATIONS),
            run=_import,
            form=StatementForm,
            explanation=_("Receipts that carry an order's code and amount pay it at once; the others wait below."),
        ),
    )

    @admin.display(description=_("for a person to look at"))
    def to_look_at(self, row: StatementFile) -> str:
        return pretty(row.problems) if row.problems else ""

    def panels(self, request: Any, row: StatementFile) -> list[Panel]:
        lines = row.lines.order_by("row")[:200]
        return [
            Panel(
                _("Receipts"),
                (
                    _("receipt"),
                    _("date"),
                    _("payer"),
                    _("payer code"),
                    _("amount"),
                    _("not yet allocated"),
                    _("why it waits"),
                ),
                [
                    (
                        link(StatementLine, line.pk, line.pk),
                        line.booked_on,
                        line.payer_name,
                        line.payer_code,
                        format_money(line.amount, line.currency),
                        format_money(line.remaining, line.currency),
                        line.get_problem_display() if line.remaining else "",
                    )
                    for line in lines
                ],
                numeric=frozenset({4, 5}),
                more_url=list_url(StatementLine, f"file__id__exact={row.pk}"),
            )
        ]  # fmt: skip


def _apply(line: StatementLine, *, actor: Any, at: datetime, order: str, reason: str) -> None:
    transfer.apply_to_order(line, Order.objects.get(reference=order), actor=actor, at=at, reason=reason)


def _send_back(line: StatementLine, *, actor: Any, at: datetime, **values: Any) -> None:
    banking.send_back(line, payee=payee_of(values), actor=actor, at=at, **values)


class UseInline(ReadOnlyInline):
    model = ReceiptUse
    fields = ("purpose", "target", "amount", "happened_at", "actor", "reason")
    show_change_link = False

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).select_related("actor")


@admin.register(StatementLine)
class StatementLineAdmin(ReadOnlyAdmin):
    """One receipt: applied to orders, sent back, or waiting; never kept."""

    list_display = (
        "pk",
        "booked_on",
        "payer_name",
        "payer_code",
        money("amount", _("amount")),
        money("remaining", _("not yet allocated")),
        "problem",
    )
    list_filter = ("problem", "booked_on", "provider_payout")
    search_fields = ("payer_name", "=payer_code", "=bank_key", "=amount")
    search_help_text = _("Payer's name, exact payer code or exact amount")
    ordering = ("-booked_on", "-pk")
    fields = (
        "booked_on",
        "payer_name",
        "payer_code",
        "memo",
        money("amount", _("amount")),
        money("remaining", _("not yet allocated")),
        money("held", _("held to be sent back")),
        "problem",
        "provider_payout",
        "file",
        "row",
        "bank_key",
        "bank_rows",
    )
    inlines = (UseInline,)
    acts = (
        Act(
            name="apply",
            label=_("Apply to an order"),
            roles=(FINANCE_MAKER,),
            run=_apply,
            form=OrderForm,
            when=lambda line: line.free > 0,
            explanation=_("Exactly the order's total is used; what is left over waits to be sent back."),
            confirm=True,
        ),
        APPLY_TO_BUSINESS,
        RETURNED_BY_DEPOSIT,
        Act(
            name="send_back",
            label=_("Send back"),
            roles=(FINANCE_MAKER,),
            run=_send_back,
            form=AmountPayeeForm,
            initial=lambda line: {"amount": line.free},
            when=lambda line: line.free > 0,
            explanation=_(
                "Prepare a transfer back to the payer, to an account in the payer's name. It is made after another "
                "person approved it."
            ),
            confirm=True,
        ),
    )

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        return lookup == "file__id__exact" or super().lookup_allowed(lookup, value, request)

    def facts(self, row: StatementLine) -> list[tuple[Any, Any]]:
        return [
            (_("receipt"), f"{row.booked_on} {row.payer_name}"),
            (_("amount"), format_money(row.amount, row.currency)),
            (_("not yet allocated"), format_money(row.remaining, row.currency)),
            (_("why it waits"), row.get_problem_display()),
        ]

    def panels(self, request: Any, row: StatementLine) -> list[Panel]:
        found = transfer.order_of(row)
        hints = Panel(
            _("Order of this payer code"),
            (_("reference"), _("investor"), _("total"), _("state")),
            [
                (
                    link(Order, found.pk, found.reference),
                    found.investor.name,
                    format_money(found.total, found.currency),
                    found.get_state_display(),
                )
            ]
            if found
            else [],
            numeric=frozenset({2}),
        )
        return [hints, subject_panel(f"receipt:{row.pk}")]


def _unmask(row: OutgoingTransfer, *, actor: Any, at: datetime, reason: str) -> list[tuple[Any, str]]:
    labels = {
        "bank": _("Bank number"),
        "branch": _("Branch number"),
        "type": _("Account type"),
        "number": _("Account number"),
        "holder": _("Account holder in kana"),
    }
    account = {**row.payee, "type": dict(ACCOUNT_TYPES).get(row.payee.get("type", ""), row.payee.get("type", ""))}
    return [(label, account.get(name, "")) for name, label in labels.items()]


def _approve(row: OutgoingTransfer, *, actor: Any, at: datetime, reason: str) -> None:
    outgoing.approve(row, actor=actor, at=at, reason=reason)


def _download(row: OutgoingTransfer, *, actor: Any, at: datetime, reason: str) -> HttpResponse:
    return bank_file(outgoing.download(row, actor=actor, at=at, reason=reason), f"zengin-transfer-{row.pk}.txt")


def _record_sent(row: OutgoingTransfer, *, actor: Any, at: datetime, **values: Any) -> None:
    outgoing.record_sent(row, actor=actor, at=at, **values)


def _withdraw(row: OutgoingTransfer, *, actor: Any, at: datetime, reason: str) -> None:
    outgoing.withdraw(row, actor=actor, at=at, reason=reason)


_SOURCES: dict[str, type[Model]] = {
    "refund": Refund, "receipt": StatementLine, "dispute": Dispute, "fees": Fund, "release": Release, "tax": TaxPayment,
    "credit": WriteOff,
}  # fmt: skip


@admin.register(OutgoingTransfer)
class OutgoingTransferAdmin(ReadOnlyAdmin):
    """Money that leaves by bank, by two people. The account is masked; each unmasking is noted."""

    list_display = (
        "pk",
        "purpose",
        money("amount", _("amount")),
        "account",
        "state",
        "maker",
        "checker",
        "transferred_on",
        "bank_reference",
    )
    list_filter = ("state",)
    list_select_related = ("maker", "checker")
    search_fields = ("=target", "=bank_reference")
    ordering = ("-pk",)
    fields = (
        "purpose",
        money("amount", _("amount")),
        "account",
        "state",
        "reason",
        "maker",
        "prepared_at",
        "checker",
        "approved_at",
        "transferred_on",
        "bank_reference",
        "recorded_at",
    )
    acts = (
        Act(
            name="approve",
            label=_("Approve"),
            roles=(FINANCE_CHECKER,),
            run=_approve,
            form=RemarkForm,
            when=lambda row: row.state == OutgoingTransfer.State.PREPARED,
            explanation=_(
                "You release money that somebody else prepared. Compare account, amount and purpose with their source "
                "first; nobody may approve what they prepared themselves."
            ),
            confirm=True,
        ),
        Act(
            name="download",
            label=_("Download the bank file"),
            roles=(FINANCE_MAKER, FINANCE_CHECKER),
            run=_download,
            when=lambda row: bool(row.file) and row.state != OutgoingTransfer.State.WITHDRAWN,
            explanation=_(
                "One transfer, as it was approved. Who takes the file, and why, is noted in the audit trail."
            ),
        ),
        Act(
            name="sent",
            label=_("Record as sent"),
            roles=(FINANCE_MAKER,),
            run=_record_sent,
            form=SentForm,
            when=lambda row: row.state == OutgoingTransfer.State.APPROVED,
            explanation=_("The transfer was made at the bank: it is journaled on its date and the payee is told."),
            confirm=True,
        ),
        Act(
            name="withdraw",
            label=_("Withdraw"),
            roles=(FINANCE_MAKER, FINANCE_CHECKER),
            run=_withdraw,
            when=lambda row: row.state in UNDER_WAY,
            explanation=_("It was not made at the bank and will not be; what it is for waits again."),
            danger=True,
        ),
        Act(
            name="unmask",
            label=_("Show the account"),
            roles=(FINANCE_MAKER, FINANCE_CHECKER),
            run=_unmask,
            when=lambda row: bool(row.payee),
            explanation=_("What is shown, to whom and why is noted in the audit trail."),
            audit="investments.OutgoingTransfer.unmasked",
        ),
    )

    @admin.display(description=_("for"), ordering="target")
    def purpose(self, row: OutgoingTransfer) -> str:
        model = _SOURCES[row.target.partition(":")[0]]
        return link(model, row.source_id, f"{model._meta.verbose_name} {row.source_id}")

    @admin.display(description=_("payee's account"))
    def account(self, row: OutgoingTransfer) -> Any:
        if row.target.startswith("tax:"):
            return _("the tax office")
        return crypto.mask(row.payee["number"]) if row.payee else _("our own")

    def facts(self, row: OutgoingTransfer) -> list[tuple[Any, Any]]:
        return [
            (_("for"), self.purpose(row)),
            (_("amount"), format_money(row.amount, row.currency)),
            (_("payee's account"), self.account(row)),
            (_("account holder"), row.payee.get("holder", "") or self.account(row)),
            (_("reason"), row.reason),
            (_("prepared by"), row.maker),
            (_("state"), row.get_state_display()),
        ]


for queue in (
    queues.Queue(
        key="receipts",
        label=_("Bank receipts that wait"),
        model=StatementLine,
        rows=lambda: StatementLine.objects.filter(remaining__gt=0),
        since="booked_on",
        roles=(FINANCE_MAKER,),
    ),
    queues.Queue(
        key="transfers_to_approve",
        label=_("Outgoing transfers that wait for approval"),
        model=OutgoingTransfer,
        rows=lambda: OutgoingTransfer.objects.filter(state=OutgoingTransfer.State.PREPARED),
        since="prepared_at",
        roles=(FINANCE_CHECKER,),
    ),
    queues.Queue(
        key="transfers_to_make",
        label=_("Approved transfers to be made at the bank"),
        model=OutgoingTransfer,
        rows=lambda: OutgoingTransfer.objects.filter(state=OutgoingTransfer.State.APPROVED),
        since="approved_at",
        roles=(FINANCE_MAKER,),
    ),
    queues.Queue(
        key="statements",
        label=_("Bank statements for a person to look at"),
        model=StatementFile,
        rows=lambda: StatementFile.objects.exclude(problems=[]),
        since="imported_at",
        roles=(FINANCE_MAKER,),
    ),
):
    queues.register(queue)
