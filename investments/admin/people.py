"""Investors and their identity checks, holdings and their movements (domain.md sections 4.5, 9.2 and 11)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from investments.investors import identity, queries
from investments.investors import services as investors
from investments.models import Holding, Investor, Movement, Order
from microfund.kernel import clock, crypto, queues
from microfund.kernel.accounts.roles import OPERATIONS, REVIEWER, SUPPORT
from microfund.kernel.acts import Act, RemarkForm
from microfund.kernel.admin import Panel, ReadOnlyAdmin, ReadOnlyInline, link
from microfund.kernel.money import format_money

from .identity import IdentityPages, RejectForm, cases_panel
from .inheritance import ALIVE, DIED, INHERIT


def _verify(investor: Investor, *, actor: Any, at: datetime, reason: str) -> None:
    identity.verify_identity(investor, actor=actor, at=at, reason=reason)


def _reject(investor: Investor, *, actor: Any, at: datetime, reason: str, cause: str) -> None:
    identity.reject_identity(investor, actor=actor, at=at, reason=reason, cause=cause)


def _unmask(investor: Investor, *, actor: Any, at: datetime, reason: str) -> list[tuple[Any, str]]:
    return [
        (_("birth date"), investor.birth_date),
        (_("address"), " ".join(queries.address_lines(investor))),
        (_("phone"), investor.phone),
    ]


@admin.register(Investor)
class InvestorAdmin(IdentityPages, ReadOnlyAdmin):
    """One person or company. Birth date, address and phone are masked; each unmasking is noted."""

    list_display = ("name", "name_kana", "kind", "email", "identity_state", "identity_changed_at", "created_at")
    list_filter = ("identity_state", "kind")
    list_select_related = ("user",)
    search_fields = ("name", "name_kana", "=user__email", "=corporate_number")
    search_help_text = _("Name, kana, exact e-mail address or corporate number")
    ordering = ("-created_at", "-pk")
    fields = (
        "name",
        "name_kana",
        "kind",
        "email",
        "corporate_number",
        "representative",
        "masked_birth_date",
        "masked_address",
        "masked_phone",
        "purpose_words",
        "experience_words",
        "origin_words",
        "identity_state",
        "identity_changed_at",
        "documents_link",
        "created_at",
        "closed_at",
        "died_on",
    )
    acts = (
        Act(
            name="verify",
            label=_("Identity verified"),
            roles=(REVIEWER,),
            run=_verify,
            form=RemarkForm,
            when=lambda investor: investor.identity_state == Investor.Identity.SUBMITTED,
            explanation=_("The details were compared with the documents. Paid orders can be confirmed from now on."),
        ),
        Act(
            name="reject",
            label=_("Reject identity"),
            roles=(REVIEWER,),
            run=_reject,
            form=RejectForm,
            when=lambda investor: investor.identity_state == Investor.Identity.SUBMITTED,
            explanation=_("The reason is kept in the audit trail: write no personal data in it."),
            danger=True,
        ),
        Act(
            name="unmask",
            label=_("Show personal data"),
            roles=(REVIEWER, SUPPORT, OPERATIONS),
            run=_unmask,
            explanation=_("What is shown, to whom and why is noted in the audit trail."),
            audit="investments.Investor.unmasked",
        ),
        DIED,
        ALIVE,
    )

    @admin.display(description=_("e-mail address"), ordering="user__email")
    def email(self, row: Investor) -> str:
        return row.user.email

    @admin.display(description=_("birth date"))
    def masked_birth_date(self, row: Investor) -> str:
        return crypto.mask(row.birth_date, keep=0)

    @admin.display(description=_("documents"))
    def documents_link(self, row: Investor) -> Any:
        return self.check_link(row)

    @admin.display(description=_("address"))
    def masked_address(self, row: Investor) -> str:
        lines = queries.address_lines(row)
        return crypto.mask(" ".join(lines[1:]), keep=0) if row.address else ""

    @admin.display(description=_("phone"))
    def masked_phone(self, row: Investor) -> str:
        return crypto.mask(row.phone)

    @admin.display(description=_("purpose"))
    def purpose_words(self, row: Investor) -> Any:
        return dict(investors.PURPOSES).get(row.purpose, row.purpose)

    @admin.display(description=_("experience"))
    def experience_words(self, row: Investor) -> Any:
        return dict(investors.EXPERIENCES).get(row.experience, row.experience)

    @admin.display(description=_("origin of the money"))
    def origin_words(self, row: Investor) -> Any:
        return dict(investors.ORIGINS).get(row.funds_origin, row.funds_origin)

    def facts(self, row: Investor) -> list[tuple[Any, Any]]:
        return [(_("investor"), row.name), (_("identity check"), row.get_identity_state_display())]

    def panels(self, request: Any, row: Investor) -> list[Panel]:
        orders = row.orders.select_related("fund").order_by("-pk")[:50]
        holdings = row.holdings.select_related("fund").order_by("-pk")[:50]
        return [
            cases_panel(row),
            Panel(
                _("Orders"),
                (_("reference"), _("fund"), _("units"), _("total"), _("state"), _("applied at")),
                [
                    (
                        link(Order, order.pk, order.reference),
                        order.fund.slug,
                        order.units,
                        format_money(order.total, order.currency),
                        order.get_state_display(),
                        clock.today_in(None, order.applied_at),
                    )
                    for order in orders
                ],
                numeric=frozenset({2, 3}),
            ),
            Panel(
                _("Holdings"),
                (_("reference"), _("fund"), _("units")),
                [(link(Holding, own.pk, own.reference), own.fund.slug, own.units) for own in holdings],
                numeric=frozenset({2}),
            ),
        ]


class MovementInline(ReadOnlyInline):
    model = Movement
    fields = ("kind", "units", "source", "effective_on", "happened_at")
    show_change_link = False


@admin.register(Holding)
class HoldingAdmin(ReadOnlyAdmin):
    """Units of one investor in one fund: the sum of the movements below."""

    list_display = ("reference", "investor", "fund", "units", "frozen_at", "created_at")
    list_filter = (("frozen_at", admin.EmptyFieldListFilter),)
    list_select_related = ("investor", "fund")
    search_fields = ("reference", "fund__slug", "investor__name", "investor__name_kana")
    ordering = ("-pk",)
    fields = ("reference", "investor", "fund", "units", "frozen_at", "created_at", "paid_to")
    acts = (INHERIT,)
    inlines = (MovementInline,)


queues.register(
    queues.Queue(
        key="identity",
        label=_("Identity checks to review"),
        model=Investor,
        rows=queries.waiting_for_check,
        since="identity_changed_at",
        roles=(REVIEWER,),
    )
)
