"""Arrears that are written off by two people, and the credits of businesses that are left of them (domain.md section
5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from investments.banking import outgoing
from investments.distributions import credit, write_off
from investments.distributions.elected import Choice
from investments.distributions.models import OWING
from investments.models import Distribution, PayIn, WriteOff
from investments.revenue.models import UNDECIDED
from microfund.kernel import queues
from microfund.kernel.accounts.roles import FINANCE_CHECKER, FINANCE_MAKER
from microfund.kernel.acts import Act, ReasonForm, RemarkForm
from microfund.kernel.admin import Panel, ReadOnlyAdmin, link, money
from microfund.kernel.errors import DomainError
from microfund.kernel.money import format_money

from .forms import PayeeForm, payee_of
from .journal import subject_panel

SHOWN = 200


class WriteOffForm(ReasonForm):
    """Why: for everybody to read."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["reason"].help_text = _("The holders and the public read it, with the results of the fund.")


class CreditForm(PayeeForm):
    """To which account of the business."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["holder"].help_text = _("It must be the business.")


def _prepare(row: Distribution, *, actor: Any, at: datetime, reason: str) -> None:
    write_off.prepare(row, actor=actor, at=at, reason=reason)


def _preview(row: Distribution, data: dict[str, Any]) -> list[Panel]:
    """The figures, and what each holder would not get, the largest first."""
    if not row.owed:
        raise DomainError("nothing", _("The business owes nothing of this distribution."))
    found = write_off.figures(row)
    in_cash = row.allocations.exclude(elected__choice__in=[Choice.IN_KIND, Choice.GIVE_BACK])
    lines = in_cash.select_related("holding__investor").order_by("-gross", "pk")[:SHOWN]
    return [
        Panel(_("What it would mean"), (_("what"), _("amount")), _figures(found), numeric=frozenset({1})),
        Panel(
            _("By holding, before tax"),
            (_("holding"), _("investor"), _("units"), _("will be paid"), _("will not be paid")),
            [
                (
                    own.holding.reference,
                    own.holding.investor.name,
                    own.units,
                    format_money((row.per_unit - found.per_unit) * own.units),
                    format_money(found.per_unit * own.units),
                )
                for own in lines
            ],
            numeric=frozenset({2, 3, 4}),
        ),
    ]


def _figures(found: Any) -> list[tuple[Any, Any]]:
    return [
        (_("claim on the business that is given up"), format_money(found.amount)),
        (_("not paid to the holders, per unit"), format_money(found.per_unit)),
        (_("… in all, net"), format_money(found.net)),
        (_("tax that falls away"), format_money(found.tax)),
        (_("credit of the business"), format_money(found.credit)),
    ]


#: On the page of a distribution.
WRITE_OFF = Act(
    name="write_off",
    label=_("Write off what is owed"),
    roles=(FINANCE_MAKER,),
    run=_prepare,
    form=WriteOffForm,
    preview=_preview,
    when=lambda row: Distribution.objects.filter(OWING, pk=row.pk).exists(),
    explanation=_(
        "Every whole yen for each unit that the business has paid in is still paid out; the rest is never paid. "
        "Another person approves it. It counts as distributed, so it does not fall due again."
    ),
    confirm=True,
    danger=True,
)


def panel(row: Distribution) -> Panel:
    """The write-offs of a distribution, for its page."""
    return Panel(
        _("Write-offs"),
        (_("write-off"), _("state"), _("per unit"), _("amount"), _("reason")),
        [
            (
                link(WriteOff, own.pk, own.pk),
                own.get_state_display(),
                format_money(own.per_unit),
                format_money(own.amount),
                own.reason,
            )
            for own in row.write_offs.order_by("pk")
        ],
        numeric=frozenset({2, 3}),
    )


def _approve(row: WriteOff, *, actor: Any, at: datetime, reason: str) -> None:
    write_off.approve(row, actor=actor, at=at, reason=reason)


def _withdraw(row: WriteOff, *, actor: Any, at: datetime, reason: str) -> None:
    write_off.withdraw(row, actor=actor, at=at, reason=reason)


def _give_back(row: WriteOff, *, actor: Any, at: datetime, reason: str, **values: Any) -> None:
    credit.give_back(row, payee=payee_of(values), actor=actor, at=at, reason=reason)


def _prepared(row: WriteOff) -> bool:
    return row.state == WriteOff.State.PREPARED


def _returnable(row: WriteOff) -> bool:
    return credit.returnable(row) and not outgoing.under_way(f"credit:{row.pk}")


@admin.register(WriteOff)
class WriteOffAdmin(ReadOnlyAdmin):
    """Arrears of one distribution that are given up."""

    list_display = (
        "distribution", "state", money("amount", _("amount"), "JPY"), money("per_unit", _("per unit"), "JPY"),
        money("credit_left", _("credit left"), "JPY"), "maker", "prepared_at", "checker", "approved_at",
    )  # fmt: skip
    list_filter = ("state",)
    list_select_related = ("distribution", "maker", "checker")
    search_fields = ("distribution__fund__slug",)
    ordering = ("-pk",)
    fields = (
        "fund_link", "distribution_link", "state", "reason", money("amount", _("amount"), "JPY"),
        money("per_unit", _("per unit"), "JPY"), money("net", _("net"), "JPY"),
        money("tax", _("tax that falls away"), "JPY"), money("credit", _("credit of the business"), "JPY"),
        money("credit_left", _("credit left"), "JPY"),
        money("returned", _("transferred back to the business"), "JPY"), "returned_on", "maker", "prepared_at",
        "checker", "approved_at",
    )  # fmt: skip
    acts = (
        Act(
            name="approve",
            label=_("Approve"),
            roles=(FINANCE_CHECKER,),
            run=_approve,
            form=RemarkForm,
            when=_prepared,
            explanation=_(
                "From then on nothing of it is owed any more: the holders, the owners and the public are told with "
                "the reason below. Nobody may approve what they prepared themselves."
            ),
            confirm=True,
            danger=True,
        ),
        Act(
            name="withdraw",
            label=_("Withdraw"),
            roles=(FINANCE_MAKER, FINANCE_CHECKER),
            run=_withdraw,
            when=_prepared,
            explanation=_("The business owes it as before."),
            danger=True,
        ),
        Act(
            name="give_back",
            label=_("Transfer the credit back to the business"),
            roles=(FINANCE_MAKER,),
            run=_give_back,
            form=CreditForm,
            when=_returnable,
            explanation=_("Nothing follows that it could pay. Another person approves the transfer."),
            confirm=True,
        ),
    )

    @admin.display(description=_("fund"))
    def fund_link(self, row: WriteOff) -> str:
        fund = row.distribution.fund
        return link(type(fund), fund.pk, fund.slug)

    @admin.display(description=_("distribution"))
    def distribution_link(self, row: WriteOff) -> str:
        return link(Distribution, row.distribution_id, row.distribution_id)

    def facts(self, row: WriteOff) -> list[tuple[Any, Any]]:
        own = row.distribution
        return [
            (_("fund"), own.fund.slug),
            (_("period"), own.period.number),
            (_("decided, per unit"), format_money(own.per_unit)),
            (_("paid in by the business"), format_money(own.received)),
            *_figures(row),
            (_("reason"), row.reason),
            (_("prepared by"), row.maker),
        ]

    def panels(self, request: Any, row: WriteOff) -> list[Panel]:
        return [
            Panel(
                _("What the credit paid"),
                (_("distribution"), _("amount")),
                [
                    (link(Distribution, own.distribution_id, own.distribution_id), format_money(own.amount))
                    for own in PayIn.objects.filter(credit=row).order_by("pk")
                ],
                numeric=frozenset({1}),
            ),
            subject_panel(f"write_off:{row.pk}"),
        ]


def _idle_credits() -> Any:
    """Credits of businesses of whose fund every period is decided."""
    return WriteOff.objects.filter(credit_left__gt=0).exclude(distribution__fund__periods__state__in=UNDECIDED)


for queue in (
    queues.Queue(
        key="write_offs_to_approve",
        label=_("Write-offs to approve"),
        model=WriteOff,
        rows=lambda: WriteOff.objects.filter(state=WriteOff.State.PREPARED),
        since="prepared_at",
        roles=(FINANCE_CHECKER,),
    ),
    queues.Queue(
        key="credits_to_return",
        label=_("Credits of businesses to be transferred back"),
        model=WriteOff,
        rows=_idle_credits,
        since="approved_at",
        roles=(FINANCE_MAKER,),
    ),
):
    queues.register(queue)
