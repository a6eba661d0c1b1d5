"""Payout runs, their bank files, and transfers that came back (domain.md sections 6 and 8)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from investments.models import Fund, Investor, Payout, PayoutAttempt, PayoutRun, UnclaimedPart
from investments.payouts import retax, select, services
from microfund.kernel import clock, queues
from microfund.kernel.accounts.roles import FINANCE_CHECKER, FINANCE_MAKER
from microfund.kernel.acts import Act, ReasonForm, RemarkForm
from microfund.kernel.admin import Panel, ReadOnlyAdmin, link, list_url, money
from microfund.kernel.errors import DomainError
from microfund.kernel.money import format_money

from .bank_files import bank_file
from .journal import subject_panel
from .returns import RETURN

SHOWN = 200


class RunForm(forms.Form):
    """When the bank is to make the transfers."""

    pay_on = forms.DateField(
        label=_("Transfer date"),
        widget=forms.DateInput(attrs={"type": "date"}),
        initial=lambda: clock.add_bank_days(clock.today_in(), 1),
        help_text=_("A day on which banks are open, today or later."),
    )


class FileForm(ReasonForm):
    """Which of a run's files, and what for."""

    part = forms.IntegerField(label=_("File number"), min_value=1, initial=1)
    field_order = ("part", "reason")


def _prepare(row: None, *, actor: Any, at: datetime, pay_on: Any) -> None:
    services.build_run(pay_on=pay_on, actor=actor, at=at)


def _preview(row: None, data: dict[str, Any]) -> list[Panel]:
    """By fund what would be paid at the tax rates of the date, and who would be left out and why."""
    with retax.foreseen(data["pay_on"], at=clock.now()) as changes:
        lines = select.preview(data["pay_on"])
        if not any(not line.excluded for line in lines):
            raise DomainError("nothing", _("There is nothing to pay out now."))
        people = [
            (fund_id, own)
            for fund_id in dict.fromkeys(line.fund_id for line in lines if line.excluded)
            for own in select.excluded_people(data["pay_on"], fund_id)
        ]
    slugs = dict(Fund.objects.filter(pk__in={line.fund_id for line in lines}).values_list("pk", "slug"))
    names = dict(Investor.objects.filter(pk__in=[own["investor_id"] for _f, own in people]).values_list("pk", "name"))
    taxed = Panel(
        _("Taxed at another rate on this date"),
        (_("fund"), _("period"), _("tax as it stands"), _("tax then")),
        [
            (
                own.distribution.fund.slug,
                own.distribution.period.number,
                format_money(own.before),
                format_money(own.after),
            )
            for own in changes
        ],
        numeric=frozenset({1, 2, 3}),
    )
    return [
        *([taxed] if changes else []),
        Panel(
            _("To be paid"),
            (_("fund"), _("payments"), _("amount")),
            [(slugs[own.fund_id], own.payments, format_money(own.amount)) for own in lines if not own.excluded],
            numeric=frozenset({1, 2}),
        ),
        Panel(
            _("Left out"),
            (_("fund"), _("investor"), _("reason"), _("amount")),
            [
                (
                    slugs[fund_id],
                    names[own["investor_id"]],
                    select.EXCLUSIONS[own["excluded"]],
                    format_money(own["net"]),
                )
                for fund_id, own in people
            ],
            numeric=frozenset({3}),
        ),
    ]


def _approve(run: PayoutRun, *, actor: Any, at: datetime, reason: str) -> None:
    services.approve_run(run, actor=actor, at=at, reason=reason)


def _withdraw(run: PayoutRun, *, actor: Any, at: datetime, reason: str) -> None:
    services.withdraw_run(run, actor=actor, at=at, reason=reason)


def _download(run: PayoutRun, *, actor: Any, at: datetime, part: int, reason: str) -> HttpResponse:
    content = services.download(run, part - 1, actor=actor, at=at, reason=reason)
    return bank_file(content, f"zengin-{run.pk}-{part}.txt")


def _send(run: PayoutRun, *, actor: Any, at: datetime, reason: str) -> None:
    services.mark_sent(run, actor=actor, at=at, reason=reason)


def _in(*states: str) -> Any:
    return lambda row: row.state in states


@admin.register(PayoutRun)
class PayoutRunAdmin(ReadOnlyAdmin):
    """One bank file of payouts, decided by two people."""

    list_display = (
        "pk", "pay_on", "state", "payments", money("amount", _("amount")), "maker", "prepared_at", "checker", "sent_at",
    )  # fmt: skip
    list_filter = ("state",)
    list_select_related = ("maker", "checker")
    ordering = ("-pk",)
    fields = (
        "pay_on", "state", "payments", money("amount", _("amount")), "maker", "prepared_at", "checker", "approved_at",
        "sent_at",
    )  # fmt: skip
    list_acts = (
        Act(
            name="prepare",
            label=_("Prepare a run"),
            roles=(FINANCE_MAKER,),
            run=_prepare,
            form=RunForm,
            preview=_preview,
            explanation=_("Everything that was released to be paid out, but what is left out with its reason."),
            confirm=True,
        ),
    )
    acts = (
        Act(
            name="approve",
            label=_("Approve"),
            roles=(FINANCE_CHECKER,),
            run=_approve,
            form=RemarkForm,
            when=_in(PayoutRun.State.PREPARED),
            explanation=_("The bank files are fixed; nobody may approve what they prepared themselves."),
            confirm=True,
        ),
        Act(
            name="download",
            label=_("Download a bank file"),
            roles=(FINANCE_MAKER, FINANCE_CHECKER),
            run=_download,
            form=FileForm,
            when=_in(PayoutRun.State.APPROVED, PayoutRun.State.SENT, PayoutRun.State.DONE),
            explanation=_(
                "Who takes the file, and why, is noted in the audit trail. The same run gives the same bytes."
            ),
        ),
        Act(
            name="send",
            label=_("Record as sent"),
            roles=(FINANCE_MAKER,),
            run=_send,
            form=RemarkForm,
            when=_in(PayoutRun.State.APPROVED),
            explanation=_("The files were given to the bank: the money is journaled on the transfer date."),
            confirm=True,
        ),
        Act(
            name="withdraw",
            label=_("Withdraw"),
            roles=(FINANCE_MAKER, FINANCE_CHECKER),
            run=_withdraw,
            when=_in(PayoutRun.State.PREPARED, PayoutRun.State.APPROVED),
            explanation=_("It was not given to the bank and will not be; its payouts wait for the next run."),
            danger=True,
        ),
    )

    def facts(self, row: PayoutRun) -> list[tuple[Any, Any]]:
        return [
            (_("transfer date"), row.pay_on),
            (_("payments"), row.payments),
            (_("amount"), format_money(row.amount, row.currency)),
            (_("prepared by"), row.maker),
            (_("state"), row.get_state_display()),
        ]

    def panels(self, request: Any, row: PayoutRun) -> list[Panel]:
        attempts = row.attempts.select_related("payout__investor", "payout__fund").order_by("pk")[:SHOWN]
        return [
            Panel(
                _("Bank files"),
                (_("file"), _("payments"), _("amount"), _("SHA-256")),
                [
                    (f"zengin-{row.pk}-{own.number + 1}.txt", own.payments, format_money(own.amount, row.currency),
                     own.sha256)
                    for own in row.files.order_by("number")
                ],
                numeric=frozenset({1, 2}),
            ),
            Panel(
                _("Attempts"),
                (_("attempt"), _("fund"), _("investor"), _("amount"), _("state")),
                [
                    (link(PayoutAttempt, own.pk, own.pk), own.payout.fund.slug, own.payout.investor.name,
                     format_money(own.amount, row.currency), own.get_state_display())
                    for own in attempts
                ],
                numeric=frozenset({3}),
                more_url=list_url(PayoutAttempt, f"run__id__exact={row.pk}"),
            ),
            subject_panel(f"run:{row.pk}"),
        ]  # fmt: skip


@admin.register(Payout)
class PayoutAdmin(ReadOnlyAdmin):
    """What one investor is sent for one fund."""

    list_display = ("pk", "fund", "investor", "state", money("gross", _("gross"), "JPY"),
                    money("tax", _("tax withheld"), "JPY"), money("net", _("net"), "JPY"), "paid_on")  # fmt: skip
    list_filter = ("state",)
    list_select_related = ("fund", "investor")
    search_fields = ("fund__slug", "investor__name", "investor__name_kana")
    ordering = ("-pk",)

    def panels(self, request: Any, row: Payout) -> list[Panel]:
        return [
            Panel(
                _("Attempts"),
                (_("attempt"), _("run"), _("amount"), _("state")),
                [
                    (link(PayoutAttempt, own.pk, own.pk), link(PayoutRun, own.run_id, own.run),
                     format_money(own.amount), own.get_state_display())
                    for own in row.attempts.select_related("run").order_by("number")
                ],
                numeric=frozenset({2}),
            ),
            subject_panel(f"payout:{row.pk}"),
        ]  # fmt: skip


@admin.register(PayoutAttempt)
class PayoutAttemptAdmin(ReadOnlyAdmin):
    """One line of a bank file; its account is masked."""

    list_display = ("pk", "run", "payout", "number", "state", "account", money("amount", _("amount"), "JPY"))
    list_filter = ("state",)
    list_select_related = ("run", "payout", "account")
    search_fields = ("=id",)
    ordering = ("-pk",)
    acts = (RETURN,)

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        return lookup == "run__id__exact" or super().lookup_allowed(lookup, value, request)

    def facts(self, row: PayoutAttempt) -> list[tuple[Any, Any]]:
        return [
            (_("attempt"), row.pk),
            (_("investor"), row.payout.investor.name),
            (_("fund"), row.payout.fund.slug),
            (_("amount"), format_money(row.amount)),
            (_("transfer date"), row.run.pay_on),
            (_("state"), row.get_state_display()),
        ]


@admin.register(UnclaimedPart)
class UnclaimedPartAdmin(ReadOnlyAdmin):
    """What could not be paid for a year since nobody gave an account for it."""

    list_display = ("pk", "fund", "investor", money("net", _("net"), "JPY"), "set_aside_at", "claimed_at")
    list_filter = (("claimed_at", admin.EmptyFieldListFilter),)
    list_select_related = ("fund", "investor")
    search_fields = ("fund__slug", "investor__name", "investor__name_kana")
    ordering = ("-pk",)

    def panels(self, request: Any, row: UnclaimedPart) -> list[Panel]:
        return [subject_panel(f"part:{row.pk}")]


for queue in (
    queues.Queue(
        key="runs_to_approve",
        label=_("Payout runs to approve"),
        model=PayoutRun,
        rows=lambda: PayoutRun.objects.filter(state=PayoutRun.State.PREPARED),
        since="prepared_at",
        roles=(FINANCE_CHECKER,),
    ),
    queues.Queue(
        key="runs_to_send",
        label=_("Payout runs to be sent to the bank"),
        model=PayoutRun,
        rows=lambda: PayoutRun.objects.filter(state=PayoutRun.State.APPROVED),
        since="approved_at",
        roles=(FINANCE_MAKER,),
    ),
    queues.Queue(
        key="payouts_returned",
        label=_("Returned payouts that wait for an account"),
        model=Payout,
        rows=lambda: Payout.objects.filter(state=Payout.State.RETURNED),
        since="withheld_on",
        roles=(FINANCE_MAKER,),
    ),
):
    queues.register(queue)
