"""Tax that was withheld, by month: what each business pays over by the 10th of the next, in one transfer (domain.md
section 7)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Max, Q, Sum
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from investments.models import TaxPayment
from investments.payouts import tax
from microfund.kernel import queues
from microfund.kernel.accounts.roles import FINANCE_CHECKER, FINANCE_MAKER
from microfund.kernel.acts import Act, ReasonForm
from microfund.kernel.admin import Panel, ReadOnlyAdmin, link, money
from microfund.kernel.audit import services as audit
from microfund.kernel.commands import FIRST_YEAR, LAST_YEAR
from microfund.kernel.money import format_money
from microfund.kernel.sheets import sheet

from .journal import subject_panel

#: So many totals of businesses stand above the list, the newest first.
SHOWN = 50


def _pay_over(row: TaxPayment, *, actor: Any, at: datetime, reason: str) -> None:
    tax.pay_over(row, actor=actor, at=at, reason=reason)


def _payable(row: TaxPayment) -> bool:
    return row.paid_on is None and not tax.is_under_way(row)


class RecordsForm(ReasonForm):
    """Of which year."""

    year = forms.IntegerField(label=_("Year"), min_value=FIRST_YEAR, max_value=LAST_YEAR)
    field_order = ("year", "reason")


def _records(row: None, *, year: int, reason: str, actor: Any, at: datetime) -> Any:
    head = (
        _("business"), _("investor no."), _("kind"), _("name"), _("name in kana"), _("corporate number"),
        _("payments"), _("profit that was paid"), _("tax withheld of it"),
    )  # fmt: skip
    made = sheet(head, tax.records(year))
    audit.record(
        action="investments.TaxPayment.records",
        subject=("investments.TaxPayment", ""),
        at=at,
        actor=actor,
        reason=reason,
        changes={"year": year, "rows": made.rows, "sha256": made.sha256},
    )
    return made.answer(f"payment-records-{year}.csv")


def _by_business() -> Panel:
    """What each business pays over of each month, of all its funds."""
    months = (
        TaxPayment.objects.values("month", "fund__business__slug", "fund__currency")
        .annotate(
            funds=Count("pk"),
            total=Sum("amount"),
            left=Sum("amount", filter=Q(paid_on=None), default=0),
            due=Max("due_on"),
            paid=Max("paid_on"),
        )
        .order_by("-month", "fund__business__slug")[:SHOWN]
    )
    return Panel(
        _("By business and month"),
        (_("month"), _("business"), _("funds"), _("withheld"), _("to be paid over"), _("due on"), _("paid on")),
        [
            (
                f"{own['month']:%Y-%m}",
                own["fund__business__slug"],
                own["funds"],
                format_money(own["total"], own["fund__currency"]),
                format_money(own["left"], own["fund__currency"]),
                date_format(own["due"], "SHORT_DATE_FORMAT"),
                "" if own["left"] or own["paid"] is None else date_format(own["paid"], "SHORT_DATE_FORMAT"),
            )
            for own in months
        ],
        numeric=frozenset({2, 3, 4}),
    )


@admin.register(TaxPayment)
class TaxPaymentAdmin(ReadOnlyAdmin):
    """Tax that one fund withheld in one month; all funds of its business are paid over together."""

    list_display = ("fund", "business", "month", money("amount", _("amount"), "JPY"), "due_on", "paid_on")
    list_filter = (("paid_on", admin.EmptyFieldListFilter),)
    list_select_related = ("fund__business",)
    search_fields = ("fund__slug", "fund__business__slug")
    ordering = ("-month", "-pk")
    fields = ("fund", "month", money("amount", _("amount"), "JPY"), "due_on", "created_at", "paid_on")
    list_acts = (
        Act(
            name="records",
            label=_("Take the payment records of a year as CSV"),
            roles=(FINANCE_MAKER, FINANCE_CHECKER),
            run=_records,
            form=RecordsForm,
            explanation=_(
                "Everybody who was paid a profit, by business: how much, and the tax withheld of it, in yen. Who takes "
                "the list, and why, is noted in the audit trail."
            ),
        ),
    )
    acts = (
        Act(
            name="pay_over",
            label=_("Pay the tax over"),
            roles=(FINANCE_MAKER,),
            run=_pay_over,
            when=_payable,
            explanation=_(
                "Prepare the transfer of the month's total to the tax office, of all funds of the business; another "
                "person approves it."
            ),
            confirm=True,
        ),
    )

    @admin.display(description=_("business"), ordering="fund__business__slug")
    def business(self, row: TaxPayment) -> str:
        return row.fund.business.slug

    def list_panels(self, request: Any) -> list[Panel]:
        return [_by_business()]

    def facts(self, row: TaxPayment) -> list[tuple[Any, Any]]:
        own = list(tax.together(row))
        slip = tax.slip(row)
        return [
            (_("business"), row.fund.business.slug),
            (_("month"), f"{row.month:%Y-%m}"),
            (_("to be paid over, of all its funds"), format_money(sum(o.amount for o in own if o.paid_on is None))),
            (_("due on"), row.due_on),
            (_("people who were paid a profit"), f"{slip.people:,}"),
            (_("profit that was paid"), format_money(slip.profit)),
            (_("tax withheld of it"), format_money(slip.tax)),
        ]

    def panels(self, request: Any, row: TaxPayment) -> list[Panel]:
        return [
            Panel(_("For the payment slip of the business"), (_("what"), _("figure")), self.facts(row)),
            Panel(
                _("All funds of the business in this month"),
                (_("fund"), _("amount"), _("paid on")),
                [
                    (
                        link(TaxPayment, own.pk, own.fund.slug),
                        format_money(own.amount, own.fund.currency),
                        own.paid_on or "",
                    )
                    for own in tax.together(row).select_related("fund")
                ],
                numeric=frozenset({1}),
            ),
            subject_panel(f"tax:{row.pk}"),
        ]


queues.register(
    queues.Queue(
        key="tax_to_pay",
        label=_("Withheld tax to be paid over"),
        model=TaxPayment,
        rows=lambda: TaxPayment.objects.filter(paid_on=None),
        since="created_at",
        roles=(FINANCE_MAKER,),
    )
)
