"""The journal, to be read: book, accounts with balances, lines with running balance, entries (domain.md section 7)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import BigIntegerField, Case, F, QuerySet, Sum, Value, When, Window
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from investments.ledger import export
from investments.models import Account, Book, Entry, Line, Order
from microfund.kernel.accounts.roles import AUDITOR, FINANCE_CHECKER, FINANCE_MAKER
from microfund.kernel.acts import Act, ReasonForm
from microfund.kernel.admin import Panel, ReadOnlyAdmin, link, list_url
from microfund.kernel.audit import services as audit
from microfund.kernel.money import format_money
from microfund.kernel.sheets import sheet

SHOWN = 100
SIGNED = Case(When(side=Line.Side.DEBIT, then=F("amount")), default=-F("amount"), output_field=BigIntegerField())


def balance_panel(book: Book) -> Panel:
    """Every account of a book with its balance on its own side: debits less credits."""
    accounts = (
        Account.objects.filter(book=book)
        .annotate(
            debits=Coalesce(
                Sum(Case(When(lines__side="D", then="lines__amount"))), Value(0), output_field=BigIntegerField()
            ),
            credits=Coalesce(
                Sum(Case(When(lines__side="C", then="lines__amount"))), Value(0), output_field=BigIntegerField()
            ),
        )
        .order_by("pk")
    )
    rows = [
        (
            link(Account, account.pk, account.code),
            format_money(account.debits, book.currency),
            format_money(account.credits, book.currency),
            format_money(account.debits - account.credits, book.currency),
        )
        for account in accounts
    ]
    return Panel(
        _("Journal: accounts and balances"),
        (_("account"), _("debits"), _("credits"), _("balance (debits less credits)")),
        rows,
        numeric=frozenset({1, 2, 3}),
    )


def line_panel(lines: QuerySet[Line], title: Any, more_url: str = "") -> Panel:
    """Journal lines with their entries."""
    shown = lines.select_related("entry", "account__book").order_by("pk")[:SHOWN]
    rows = [
        (
            line.entry.effective_on,
            link(Entry, line.entry_id, line.entry.reference),
            line.account.book.code,
            link(Account, line.account_id, line.account.code),
            format_money(line.amount, line.currency) if line.side == Line.Side.DEBIT else "",
            format_money(line.amount, line.currency) if line.side == Line.Side.CREDIT else "",
        )
        for line in shown
    ]
    columns = (_("date"), _("entry"), _("book"), _("account"), _("debit"), _("credit"))
    return Panel(title, columns, rows, numeric=frozenset({4, 5}), more_url=more_url)


def subject_panel(subject: str) -> Panel:
    """The journal lines of one order or receipt."""
    return line_panel(Line.objects.filter(subject=subject), _("Journal"), list_url(Line, f"subject__exact={subject}"))


@admin.register(Book)
class BookAdmin(ReadOnlyAdmin):
    """The operator's book, or one fund's."""

    list_display = ("code", "kind", "currency", "fund")
    list_filter = ("kind",)
    list_select_related = ("fund",)
    search_fields = ("code", "fund__slug")
    ordering = ("pk",)
    fields = ("code", "kind", "currency")

    def panels(self, request: Any, row: Book) -> list[Panel]:
        return [balance_panel(row)]


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """One account with its lines and the balance after each."""

    list_display = ("code", "book")
    list_filter = ("code",)
    list_select_related = ("book",)
    search_fields = ("=code", "=book__code")
    ordering = ("book", "pk")
    fields = ("book_link", "code", "balance")

    @admin.display(description=_("book"))
    def book_link(self, row: Account) -> str:
        return link(Book, row.book_id, row.book.code)

    @admin.display(description=_("balance (debits less credits)"))
    def balance(self, row: Account) -> str:
        return format_money(row.lines.aggregate(sum=Coalesce(Sum(SIGNED), Value(0)))["sum"], row.book.currency)

    def panels(self, request: Any, row: Account) -> list[Panel]:
        lines = (
            row.lines.annotate(after=Window(Sum(SIGNED), order_by=F("pk").asc()))
            .select_related("entry")
            .order_by("-pk")[:SHOWN]
        )
        rows = [
            (
                line.entry.effective_on,
                link(Entry, line.entry_id, line.entry.reference),
                line.subject,
                format_money(line.amount, line.currency) if line.side == Line.Side.DEBIT else "",
                format_money(line.amount, line.currency) if line.side == Line.Side.CREDIT else "",
                format_money(line.after, line.currency),
            )
            for line in lines
        ]
        columns = (_("date"), _("entry"), _("belongs to"), _("debit"), _("credit"), _("balance after"))
        more = list_url(Line, f"account__exact={row.pk}")
        return [Panel(_("Lines, newest first"), columns, rows, numeric=frozenset({3, 4, 5}), more_url=more)]


class ExportForm(ReasonForm):
    """Which days, of which book."""

    what = forms.ChoiceField(
        label=_("What"),
        choices=[("lines", _("every line")), ("balances", _("balances before and after, by account"))],
    )
    first = forms.DateField(label=_("From"), widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label=_("until"), widget=forms.DateInput(attrs={"type": "date"}))
    book = forms.ModelChoiceField(
        label=_("Ledger book"), queryset=Book.objects.order_by("pk"), required=False, empty_label=_("all books")
    )
    field_order = ("what", "first", "last", "book", "reason")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "first" in data and "last" in data and data["first"] > data["last"]:
            self.add_error("last", _("The first date lies after the last."))
        return data


def _export(
    row: None, *, what: str, first: date, last: date, book: Book | None, reason: str, actor: Any, at: datetime
) -> Any:
    head, rows = {"lines": (export.line_head, export.lines), "balances": (export.balance_head, export.balances)}[what]
    made = sheet(head(), rows(first, last, book_id=book and book.pk))
    audit.record(
        action="investments.Entry.exported",
        subject=("investments.Entry", ""),
        at=at,
        actor=actor,
        reason=reason,
        changes={
            "what": what,
            "from": first.isoformat(),
            "until": last.isoformat(),
            "book": book.code if book else "",
            "rows": made.rows,
            "sha256": made.sha256,
        },
    )
    return made.answer(f"journal-{what}-{first.isoformat()}-{last.isoformat()}.csv")


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    """One business event and its lines."""

    list_display = ("reference", "kind", "effective_on", "happened_at", "recorded_at", "memo")
    list_filter = ("kind", "effective_on")
    search_fields = ("reference",)
    ordering = ("-pk",)
    fields = ("reference", "kind", "effective_on", "happened_at", "recorded_at", "memo", "reverses", "xact")
    list_acts = (
        Act(
            name="export",
            label=_("Take the journal as CSV"),
            roles=(FINANCE_MAKER, FINANCE_CHECKER, AUDITOR),
            run=_export,
            form=ExportForm,
            explanation=_(
                "Between two business dates, both included. Who takes it, and why, is noted in the audit trail with "
                "the number of rows and the SHA-256 of the file."
            ),
        ),
    )

    def panels(self, request: Any, row: Entry) -> list[Panel]:
        return [line_panel(row.lines.all(), _("Lines"))]


@admin.register(Line)
class LineAdmin(ReadOnlyAdmin):
    """Lines, by account or by what they belong to."""

    list_display = ("entry_link", "date", "account_link", "side", "money_text", "subject_link")
    list_select_related = ("entry", "account__book")
    list_display_links = None
    search_fields = ("=subject",)
    search_help_text = _("What the money belongs to, such as order:12 or receipt:7")
    ordering = ("-pk",)

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        return lookup in ("subject__exact", "account__exact") or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("entry"))
    def entry_link(self, row: Line) -> str:
        return link(Entry, row.entry_id, row.entry.reference)

    @admin.display(description=_("date"))
    def date(self, row: Line) -> Any:
        return row.entry.effective_on

    @admin.display(description=_("account"))
    def account_link(self, row: Line) -> str:
        return link(Account, row.account_id, f"{row.account.book.code} {row.account.code}")

    @admin.display(description=_("amount"))
    def money_text(self, row: Line) -> str:
        return format_money(row.amount, row.currency)

    @admin.display(description=_("belongs to"))
    def subject_link(self, row: Line) -> str:
        kind, _colon, pk = row.subject.partition(":")
        return link(Order, pk, row.subject) if kind == "order" and pk.isdigit() else row.subject
