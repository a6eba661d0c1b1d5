"""Funds and their terms: edited until they are scheduled, then moved by acts only (domain.md section 3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from investments.models import Book, Document, Fund, FundCounter, Order, Period, Terms
from investments.offerings import services as offerings
from investments.offerings.queries import BYTES
from investments.payments import own_accounts
from investments.payments import services as payments
from microfund.kernel import clock, locks, queues
from microfund.kernel.accounts.roles import FINANCE_MAKER, OPERATIONS, REVIEWER
from microfund.kernel.acts import Act, RemarkForm
from microfund.kernel.admin import Panel, ReadOnlyInline, StaffAdmin, link, list_url
from microfund.kernel.money import format_money

from . import elections
from .distributions import FUND_ACTS
from .journal import balance_panel
from .releases import RELEASE
from .terms import EDITABLE, AmendForm, TermsInline, amend, amendable

#: Places of the waiting list on the page of a fund.
WAITING_SHOWN = 50


def _submit(fund: Fund, *, actor: Any, at: datetime, reason: str) -> None:
    offerings.submit(fund, actor=actor, at=at, reason=reason)


def _send_back(fund: Fund, *, actor: Any, at: datetime, reason: str) -> None:
    offerings.send_back(fund, actor=actor, at=at, reason=reason)


def _schedule(fund: Fund, *, actor: Any, at: datetime, reason: str) -> None:
    offerings.schedule(fund, actor=actor, at=at, reason=reason)


def _open(fund: Fund, *, actor: Any, at: datetime, reason: str) -> None:
    offerings.open_fund(fund, actor=actor, at=at, reason=reason)


def _close(fund: Fund, *, actor: Any, at: datetime, reason: str) -> None:
    offerings.close_fund(fund, actor=actor, at=at, reason=reason)


def _fail(fund: Fund, *, actor: Any, at: datetime, reason: str) -> None:
    payments.fail_fund(fund, actor=actor, at=at, reason=reason)


def _sweep_fees(fund: Fund, *, actor: Any, at: datetime, reason: str) -> None:
    own_accounts.sweep_fees(fund, actor=actor, at=at, reason=reason)


def _in(*states: str) -> Any:
    return lambda fund: fund.state in states


class CounterInline(ReadOnlyInline):
    model = FundCounter
    fields = ("accepting", "closes_at", "offered", "reserved", "reserved_delayed", "delayed_limit", "sold", "cleared")
    show_change_link = False


@admin.register(Fund)
class FundAdmin(StaffAdmin):
    """One offering of one business."""

    edit_roles = (REVIEWER, OPERATIONS)
    list_display = ("slug", "business", "state", "opens_on", "closes_on", "term_starts_on", "units")
    list_filter = ("state",)
    list_select_related = ("business", "counter")
    search_fields = ("slug", "name_en", "name_ja", "business__name_en", "business__name_ja")
    ordering = ("-pk",)
    fields = (
        "business",
        "slug",
        "name_en",
        "name_ja",
        "state",
        "opens_on",
        "closes_on",
        "term_starts_on",
        "units_minimum",
        "currency",
        "policy",
        "book_link",
        "opened_at",
        "succeeded_at",
        "closed_at",
        "ended_at",
    )
    readonly_fields = (
        "state",
        "currency",
        "policy",
        "book_link",
        "opened_at",
        "succeeded_at",
        "closed_at",
        "ended_at",
    )
    inlines = (TermsInline, CounterInline)
    acts = (
        Act(
            name="submit",
            label=_("Submit for review"),
            roles=(REVIEWER, OPERATIONS),
            run=_submit,
            form=RemarkForm,
            when=_in(Fund.State.DRAFT),
        ),
        Act(
            name="schedule",
            label=_("Schedule"),
            roles=(REVIEWER,),
            run=_schedule,
            form=RemarkForm,
            when=_in(Fund.State.IN_REVIEW),
            explanation=_("The fund opens by itself on its first day; fund and terms can no longer be edited."),
        ),
        Act(
            name="send_back",
            label=_("Send back"),
            roles=(REVIEWER,),
            run=_send_back,
            when=_in(Fund.State.IN_REVIEW, Fund.State.SCHEDULED),
            explanation=_("The fund becomes a draft again."),
        ),
        Act(
            name="open",
            label=_("Open now"),
            roles=(OPERATIONS,),
            run=_open,
            form=RemarkForm,
            when=lambda fund: (
                fund.state == Fund.State.SCHEDULED and fund.opens_on <= clock.today_in() <= fund.closes_on
            ),
            explanation=_("Policy and terms are frozen, the documents are written, and selling begins."),
            confirm=True,
        ),
        Act(
            name="amend",
            label=_("Amend terms"),
            roles=(REVIEWER,),
            run=amend,
            form=AmendForm,
            initial=amendable,
            when=_in(Fund.State.OPEN, Fund.State.CLOSED, Fund.State.OPERATING),
            explanation=_("A new version with new documents: buyers must accept them, and holders are told."),
            confirm=True,
        ),
        Act(
            name="close",
            label=_("Close early"),
            roles=(OPERATIONS,),
            run=_close,
            when=_in(Fund.State.OPEN),
            explanation=_("Nothing is sold from now on. This cannot be undone."),
            confirm=True,
            danger=True,
        ),
        Act(
            name="fail",
            label=_("Fail and refund everyone"),
            roles=(OPERATIONS,),
            run=_fail,
            # Success is irrevocable; a closed fund without a unit fails by itself.
            when=lambda fund: fund.state in (Fund.State.OPEN, Fund.State.CLOSED) and fund.succeeded_at is None,
            explanation=_("Every order ends and is refunded in full, fee included. This cannot be undone."),
            confirm=True,
            danger=True,
        ),
        Act(
            name="sweep_fees",
            label=_("Sweep the fees"),
            roles=(FINANCE_MAKER,),
            run=_sweep_fees,
            when=lambda fund: fund.book_id is not None and own_accounts.owed(fund) > 0,
            explanation=_("Prepare the transfer of all that the fund owes the operator to the operator's account."),
            confirm=True,
        ),
        RELEASE,
        elections.OFFER,
        *FUND_ACTS,
    )

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """When an edit is sent the row is locked, so that a fund that is being opened meanwhile is not written over."""
        found = super().get_object(request, object_id, from_field)
        if found is None or request.method != "POST" or not locks.in_own_transaction():
            return found
        return locks.lock_one(Fund, found.pk)

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.state in EDITABLE)

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        editing = obj is None or obj.state in EDITABLE
        return (TermsInline,) if editing else (CounterInline,)

    @admin.display(description=_("sold of offered"))
    def units(self, row: Fund) -> str:
        counter = getattr(row, "counter", None)
        return f"{counter.sold} / {counter.offered}" if counter else ""

    @admin.display(description=_("book"))
    def book_link(self, row: Fund) -> str:
        return link(Book, row.book_id, f"fund:{row.pk}") if row.book_id else ""

    def facts(self, row: Fund) -> list[tuple[Any, Any]]:
        facts = [
            (_("fund"), row.slug),
            (_("state"), row.get_state_display()),
            (_("offering"), f"{row.opens_on} – {row.closes_on}"),
        ]
        counter = FundCounter.objects.filter(pk=row.pk).first()
        if counter:
            facts += [
                (_("units sold, reserved, offered"), f"{counter.sold}, {counter.reserved}, {counter.offered}"),
                (_("owed to the operator"), format_money(own_accounts.owed(row), row.currency)),
            ]
        return facts

    def panels(self, request: Any, row: Fund) -> list[Panel]:
        panels = [
            Panel(
                _("Terms"),
                (_("version"), _("units offered"), _("frozen at"), _("reason of this version")),
                [
                    (
                        link(Terms, terms.pk, f"v{terms.version}"),
                        terms.units_offered,
                        terms.frozen_at or "",
                        terms.reason,
                    )
                    for terms in row.terms.order_by("-version")
                ],
                numeric=frozenset({1}),
            ),
            Panel(
                _("Documents"),
                (_("kind"), _("language"), _("SHA-256"), _("created at")),
                [
                    (link(Document, own.pk, own.get_kind_display()), own.language, own.sha256, own.created_at)
                    for own in row.documents.defer(*BYTES).order_by("-pk")
                ],
            ),
            Panel(
                _("Waiting list"),
                (_("asked at"), _("told at")),
                [(own.asked_at, own.told_at or "") for own in row.waiting_entries.order_by("pk")[:WAITING_SHOWN]],
            ),
        ]
        if row.election_offers.exists():
            panels.append(elections.offers_panel(row))
        if row.book_id:
            panels.append(balance_panel(row.book))
            panels.append(_order_panel(row))
        periods = row.periods.order_by("number")
        if periods:
            panels.append(
                Panel(
                    _("Periods"),
                    (_("number"), _("state"), _("starts on"), _("ends on"), _("report due on"), _("payment due on")),
                    [
                        (
                            link(Period, own.pk, own.number),
                            own.get_state_display(),
                            own.starts_on,
                            own.ends_on,
                            own.report_due_on,
                            own.payment_due_on,
                        )
                        for own in periods
                    ],
                )
            )
        return panels


def _order_panel(fund: Fund) -> Panel:
    orders = fund.orders.select_related("investor").order_by("-pk")[:20]
    return Panel(
        _("Newest orders"),
        (_("reference"), _("investor"), _("units"), _("state")),
        [(link(Order, own.pk, own.reference), own.investor.name, own.units, own.get_state_display()) for own in orders],
        numeric=frozenset({2}),
        more_url=list_url(Order, f"fund__id__exact={fund.pk}"),
    )


queues.register(
    queues.Queue(
        key="funds_review",
        label=_("Funds to review"),
        model=Fund,
        rows=lambda: Fund.objects.filter(state=Fund.State.IN_REVIEW),
        since="created_at",
        roles=(REVIEWER,),
    )
)
queues.register(
    queues.Queue(
        key="funds_not_opened",
        label=_("Scheduled funds that did not open"),
        model=Fund,
        rows=lambda: Fund.objects.filter(state=Fund.State.SCHEDULED, opens_on__lt=clock.today_in()),
        since="opens_on",
        roles=(REVIEWER, OPERATIONS),
    )
)
