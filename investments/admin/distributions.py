"""Distributions: calculated by one person, approved by another; what a business owes and pays in part (domain.md
section 5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from investments.distributions import pay_in, services
from investments.distributions.explain import percent, sentences
from investments.distributions.models import OWING
from investments.models import Distribution, Fund, Instalment, Period, RevenueReport, StatementLine
from investments.payouts import outcome
from investments.revenue.models import DISTRIBUTED
from microfund.kernel import queues
from microfund.kernel.accounts.roles import FINANCE_CHECKER, FINANCE_MAKER
from microfund.kernel.acts import Act, ReasonForm, RemarkForm
from microfund.kernel.admin import Panel, ReadOnlyAdmin, link, money
from microfund.kernel.money import format_money

from . import elections, write_offs
from .journal import subject_panel

SHOWN = 200


def calculate(period: Period, *, actor: Any, at: datetime) -> None:
    services.prepare(period, actor=actor, at=at)


#: On the page of a period, which `frozen.py` shows.
CALCULATE = Act(
    name="calculate",
    label=_("Calculate the distribution"),
    roles=(FINANCE_MAKER,),
    run=calculate,
    form=forms.Form,
    when=lambda period: period.state == Period.State.ACCEPTED,
    explanation=_("What the accepted report pays, for every holding of the record date. Another person approves it."),
    confirm=True,
)


class WindUpForm(ReasonForm):
    """What is left for each unit, and why the fund ends."""

    residual_per_unit = forms.IntegerField(label=_("Residual per unit (yen)"), min_value=0)
    field_order = ("residual_per_unit", "reason")


class BusinessForm(ReasonForm):
    """The fund whose business has paid."""

    fund = forms.SlugField(label=_("Fund"), help_text=_("The fund's name in its address."))
    field_order = ("fund", "reason")

    def clean_fund(self) -> Fund:
        found = Fund.objects.filter(slug=self.cleaned_data["fund"]).first()
        if found is None:
            raise forms.ValidationError(_("There is no fund of this name."))
        return found


def _wind_up(fund: Fund, *, actor: Any, at: datetime, residual_per_unit: int, reason: str) -> None:
    services.prepare_wind_up(fund, residual_per_unit=residual_per_unit, actor=actor, at=at, reason=reason)


def _by_holder(fund: Fund, data: dict[str, Any]) -> list[Panel]:
    """What a wind-up would pay each holder before tax, the largest first."""
    held = fund.holdings.filter(units__gt=0).select_related("investor").order_by("-units", "pk")[:SHOWN]
    return [
        Panel(
            _("By holding"),
            (_("holding"), _("investor"), _("units"), _("gross")),
            [
                (own.reference, own.investor.name, own.units, format_money(own.units * data["residual_per_unit"]))
                for own in held
            ],
            numeric=frozenset({2, 3}),
        )
    ]


def _supplement(fund: Fund, *, actor: Any, at: datetime) -> None:
    services.prepare_supplement(fund, actor=actor, at=at)


def _settle(fund: Fund, *, actor: Any, at: datetime, reason: str) -> None:
    outcome.settle(fund, actor=actor, at=at, reason=reason)


def _ends(fund: Fund) -> bool:
    return fund.periods.filter(number=fund.periods.count(), state__in=DISTRIBUTED).exists()


#: On the page of a fund.
FUND_ACTS = (
    Act(
        name="wind_up",
        label=_("Wind the fund up"),
        roles=(FINANCE_MAKER,),
        run=_wind_up,
        form=WindUpForm,
        preview=_by_holder,
        when=lambda fund: fund.state == Fund.State.OPERATING and not _ends(fund),
        explanation=_("Calculate the last distribution; once another person approves it, every other claim ends."),
        confirm=True,
        danger=True,
    ),
    Act(
        name="supplement",
        label=_("Calculate a supplement"),
        roles=(FINANCE_MAKER,),
        run=_supplement,
        form=forms.Form,
        when=lambda fund: fund.state in (Fund.State.OPERATING, Fund.State.MATURED) and _ends(fund),
        explanation=_("After the last period: what an upward restatement still pays. Another person approves it."),
        confirm=True,
    ),
    Act(
        name="settle",
        label=_("Close the books of the fund"),
        roles=(FINANCE_CHECKER,),
        run=_settle,
        when=lambda fund: fund.state == Fund.State.MATURED,
        explanation=_("Nothing is owed and nothing is due any more. After that no report can be corrected."),
        confirm=True,
    ),
)


def _apply(line: StatementLine, *, actor: Any, at: datetime, fund: Fund, reason: str) -> None:
    pay_in.apply_by_staff(line, fund, actor=actor, at=at, reason=reason)


#: On the page of a bank receipt.
APPLY_TO_BUSINESS = Act(
    name="business",
    label=_("Apply to what a business owes"),
    roles=(FINANCE_MAKER,),
    run=_apply,
    form=BusinessForm,
    when=lambda line: line.free > 0,
    explanation=_("The receipt pays the fund's open distributions, oldest first; what is left over waits."),
    confirm=True,
)


def _approve(row: Distribution, *, actor: Any, at: datetime, reason: str) -> None:
    services.approve(row, actor=actor, at=at, reason=reason)


def _discard(row: Distribution, *, actor: Any, at: datetime, reason: str) -> None:
    services.discard(row, actor=actor, at=at, reason=reason)


def _part(row: Distribution, *, actor: Any, at: datetime, reason: str) -> None:
    pay_in.prepare_instalment(row, actor=actor, at=at, reason=reason)


def explained(row: Distribution) -> str:
    """How the per-unit figure comes about, in the words that the holders read."""
    return " ".join(sentences(row))


def _calculated(row: Distribution) -> bool:
    return row.state == Distribution.State.CALCULATED


@admin.register(Distribution)
class DistributionAdmin(ReadOnlyAdmin):
    """What one period of a fund pays."""

    list_display = (
        "fund", "period", "state", "action", money("per_unit", _("per unit"), "JPY"), "units",
        money("gross", _("gross"), "JPY"), money("received", _("paid in by the business"), "JPY"), "payment_on",
    )  # fmt: skip
    list_filter = ("state", "action")
    list_select_related = ("fund", "period")
    search_fields = ("fund__slug", "=payer_code")
    ordering = ("-pk",)
    fields = (
        "fund", "period", "supplement", "state", "action", "reason", "explained_here", "record_on", "payment_on",
        money("per_unit", _("per unit"), "JPY"), "holdings", "units", money("gross", _("gross"), "JPY"),
        money("principal", _("principal"), "JPY"), money("profit", _("profit"), "JPY"),
        money("tax", _("tax withheld"), "JPY"), money("net", _("net"), "JPY"),
        money("in_kind", _("taken in kind, after tax"), "JPY"), money("given_back", _("given back, after tax"), "JPY"),
        money("returned", _("in kind, back in cash"), "JPY"), "payer_code",
        money("received", _("paid in by the business"), "JPY"), money("owed", _("still owed"), "JPY"),
        money("written_off", _("written off"), "JPY"),
        "calculated_by", "calculated_at", "approved_by", "approved_at",
    )  # fmt: skip
    acts = (
        Act(
            name="approve",
            label=_("Approve"),
            roles=(FINANCE_CHECKER,),
            run=_approve,
            form=RemarkForm,
            when=_calculated,
            explanation=_(
                "From then on the business owes it and it never changes. Compare the figures with the report first; "
                "nobody may approve what they calculated themselves."
            ),
            confirm=True,
        ),
        Act(
            name="discard",
            label=_("Discard"),
            roles=(FINANCE_MAKER, FINANCE_CHECKER),
            run=_discard,
            when=_calculated,
            explanation=_("Nothing of it is paid; the period waits to be calculated again."),
            danger=True,
        ),
        Act(
            name="part",
            label=_("Prepare a part payment"),
            roles=(FINANCE_MAKER,),
            run=_part,
            when=lambda row: row.state == Distribution.State.APPROVED and row.owed and pay_in.payable_in_part(row) > 0,
            explanation=_("What the business has paid in is paid out per unit; the rest stays owed."),
            confirm=True,
        ),
        write_offs.WRITE_OFF,
    )

    @admin.display(description=_("why this much"))
    def explained_here(self, row: Distribution) -> str:
        return explained(row)

    def facts(self, row: Distribution) -> list[tuple[Any, Any]]:
        return [
            (_("fund"), row.fund.slug),
            (_("period"), row.period.number),
            (_("why this much"), explained(row)),
            (_("holdings"), row.holdings),
            (_("units"), row.units),
            (_("gross"), format_money(row.gross)),
            (_("tax withheld"), format_money(row.tax)),
            (_("net"), format_money(row.net)),
            *elections.sums(row),
            (_("paid in by the business"), format_money(row.received)),
            (_("calculated by"), row.calculated_by),
        ]

    def panels(self, request: Any, row: Distribution) -> list[Panel]:
        lines = row.allocations.select_related("holding__investor").order_by("-gross", "pk")[:SHOWN]
        return [
            Panel(
                _("By holding"),
                (_("holding"), _("investor"), _("units"), _("gross"), _("tax withheld"), _("net")),
                [
                    (own.holding.reference, own.holding.investor.name, own.units, format_money(own.gross),
                     format_money(own.tax), format_money(own.net))
                    for own in lines
                ],
                numeric=frozenset({2, 3, 4, 5}),
            ),
            Panel(
                _("Released to be paid out"),
                (_("instalment"), _("state"), _("per unit")),
                [
                    (link(Instalment, own.pk, own.number), own.get_state_display(), format_money(own.per_unit))
                    for own in row.instalments.order_by("number")
                ],
                numeric=frozenset({2}),
            ),
            *([elections.lines_panel(row)] if row.elected_lines.exists() else []),
            write_offs.panel(row),
            Panel(
                _("Taxed again"),
                (_("transfer date"), _("persons"), _("companies"), _("tax withheld"), _("net")),
                [
                    (own.pay_on, percent(own.rate_person), percent(own.rate_company), format_money(own.tax),
                     format_money(own.net))
                    for own in row.retaxes.order_by("number")
                ],
                numeric=frozenset({1, 2, 3, 4}),
            ),
            subject_panel(f"distribution:{row.pk}"),
        ]  # fmt: skip


def _approve_part(row: Instalment, *, actor: Any, at: datetime, reason: str) -> None:
    pay_in.approve_instalment(row, actor=actor, at=at, reason=reason)


def _withdraw_part(row: Instalment, *, actor: Any, at: datetime, reason: str) -> None:
    pay_in.withdraw_instalment(row, actor=actor, at=at, reason=reason)


def _prepared(row: Instalment) -> bool:
    return row.state == Instalment.State.PREPARED


@admin.register(Instalment)
class InstalmentAdmin(ReadOnlyAdmin):
    """A part of a distribution that may be paid out."""

    list_display = (
        "distribution", "number", "state", money("per_unit", _("per unit"), "JPY"), "complete", "maker", "prepared_at",
    )  # fmt: skip
    list_filter = ("state", "complete")
    list_select_related = ("distribution", "maker")
    ordering = ("-pk",)
    acts = (
        Act(
            name="approve",
            label=_("Approve"),
            roles=(FINANCE_CHECKER,),
            run=_approve_part,
            form=RemarkForm,
            when=_prepared,
            explanation=_("The part may be paid out with the next run; the rest stays owed."),
            confirm=True,
        ),
        Act(
            name="withdraw",
            label=_("Withdraw"),
            roles=(FINANCE_MAKER, FINANCE_CHECKER),
            run=_withdraw_part,
            when=_prepared,
            danger=True,
        ),
    )

    def facts(self, row: Instalment) -> list[tuple[Any, Any]]:
        distribution = row.distribution
        return [
            (_("fund"), distribution.fund.slug),
            (_("period"), distribution.period.number),
            (_("per unit"), format_money(row.per_unit)),
            (_("amount"), format_money(row.per_unit * distribution.cash_units)),
            (_("paid in by the business"), format_money(distribution.received)),
            (_("reason"), row.reason),
            (_("prepared by"), row.maker or "–"),
        ]


def _owing() -> Any:
    return Distribution.objects.filter(OWING)


for queue in (
    queues.Queue(
        key="distributions_to_calculate",
        label=_("Distributions to calculate"),
        model=Period,
        rows=lambda: Period.objects.filter(
            state=Period.State.ACCEPTED,
            fund__state=Fund.State.OPERATING,
            reports__in=RevenueReport.objects.filter(state="accepted", restatement=False),
        ),
        since="report_due_on",
        roles=(FINANCE_MAKER,),
    ),
    queues.Queue(
        key="distributions_to_approve",
        label=_("Distributions to approve"),
        model=Distribution,
        rows=lambda: Distribution.objects.filter(state=Distribution.State.CALCULATED),
        since="calculated_at",
        roles=(FINANCE_CHECKER,),
    ),
    queues.Queue(
        key="distributions_owed",
        label=_("Distributions to be paid by the business"),
        model=Distribution,
        rows=_owing,
        since="payment_on",
        roles=(FINANCE_MAKER,),
    ),
    queues.Queue(
        key="parts_to_approve",
        label=_("Part payments to approve"),
        model=Instalment,
        rows=lambda: Instalment.objects.filter(state=Instalment.State.PREPARED),
        since="prepared_at",
        roles=(FINANCE_CHECKER,),
    ),
):
    queues.register(queue)
