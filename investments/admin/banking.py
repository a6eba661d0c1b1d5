"""Bank statements, receipts and what became of them, outgoing transfers (domain.md sections 4.3 and 9.3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from investments.banking import services as banking
from investments.models import Order, OutgoingTransfer, ReceiptUse, StatementFile, StatementLine
from investments.payments import transfer
from microfund.kernel import crypto, queues
from microfund.kernel.accounts.roles import FINANCE_MAKER, OPERATIONS
from microfund.kernel.acts import Act
from microfund.kernel.admin import Panel, ReadOnlyAdmin, ReadOnlyInline, link, list_url, money, pretty
from microfund.kernel.money import format_money

from .forms import ACCOUNT_TYPES, AmountTransferForm, OrderForm, StatementForm, payee_of
from .journal import subject_panel


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
            when=lambda line: line.remaining > 0,
            explanation=_("Exactly the order's total is used; what is left over waits to be sent back."),
            confirm=True,
        ),
        Act(
            name="send_back",
            label=_("Send back"),
            roles=(FINANCE_MAKER,),
            run=_send_back,
            form=AmountTransferForm,
            initial=lambda line: {"amount": line.remaining},
            when=lambda line: line.remaining > 0,
            explanation=_("Record a transfer that was made back to the payer, to an account in the payer's name."),
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


@admin.register(OutgoingTransfer)
class OutgoingTransferAdmin(ReadOnlyAdmin):
    """Money that staff sent by bank. The account is masked; each unmasking is noted."""

    list_display = ("target", money("amount", _("amount")), "account", "transferred_on", "bank_reference", "maker")
    list_select_related = ("maker",)
    search_fields = ("=target", "=bank_reference")
    ordering = ("-pk",)
    fields = (
        "target",
        money("amount", _("amount")),
        "account",
        "transferred_on",
        "bank_reference",
        "maker",
        "recorded_at",
    )
    acts = (
        Act(
            name="unmask",
            label=_("Show the account"),
            roles=(FINANCE_MAKER,),
            run=_unmask,
            explanation=_("What is shown, to whom and why is noted in the audit trail."),
            audit="investments.OutgoingTransfer.unmasked",
        ),
    )

    @admin.display(description=_("payee's account"))
    def account(self, row: OutgoingTransfer) -> str:
        return crypto.mask(row.payee.get("number", ""))


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
        key="statements",
        label=_("Bank statements for a person to look at"),
        model=StatementFile,
        rows=lambda: StatementFile.objects.exclude(problems=[]),
        since="imported_at",
        roles=(FINANCE_MAKER,),
    ),
):
    queues.register(queue)
