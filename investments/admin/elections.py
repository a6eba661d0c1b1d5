"""What funds offer besides cash, what holders chose, and what of a distribution is taken otherwise (domain.md section
10). Choices are the holders' own: staff read them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from investments.distributions import elections
from investments.distributions.elected import Choice
from investments.distributions.explain import percent
from investments.models import Distribution, ElectedLine, Election, ElectionOffer, Fund
from microfund.kernel.accounts.roles import OPERATIONS
from microfund.kernel.acts import Act, ReasonForm
from microfund.kernel.admin import Panel, ReadOnlyAdmin, link
from microfund.kernel.money import format_money

SHOWN = 200


class OfferForm(ReasonForm):
    """What the business agreed to."""

    in_kind = forms.BooleanField(label=_("In kind: vouchers for the goods of the business"), required=False)
    bonus = forms.DecimalField(
        label=_("Bonus in kind, as a rate"),
        min_value=Decimal(0),
        max_value=Decimal(1),
        decimal_places=4,
        initial=Decimal(0),
        help_text=_("0.1 is a voucher for 10 % more than the money."),
    )
    give_back = forms.BooleanField(label=_("Giving back to the business"), required=False)


def _offer(fund: Fund, *, actor: Any, at: datetime, reason: str, **values: Any) -> None:
    elections.make_offer(fund, actor=actor, at=at, reason=reason, **values)


def _initial(fund: Fund) -> dict[str, Any]:
    now = elections.offer_of(fund)
    return {"in_kind": now.in_kind, "bonus": now.bonus, "give_back": now.give_back} if now else {}


#: On the page of a fund.
OFFER = Act(
    name="offer_besides_cash",
    label=_("Offer repayment in kind or giving back"),
    roles=(OPERATIONS,),
    run=_offer,
    form=OfferForm,
    initial=_initial,
    when=lambda fund: fund.state not in elections.ENDED,
    explanation=_(
        "What the business has agreed to in writing. Holders may choose it from now on; choices that were made keep "
        "the bonus that they were made with."
    ),
    confirm=True,
)


def offers_panel(fund: Fund) -> Panel:
    """What a fund has offered besides cash, for its page."""
    return Panel(
        _("Offered besides cash"),
        (_("since"), _("in kind"), _("bonus"), _("giving back"), _("reason")),
        [
            (own.made_at, _yes(own.in_kind), percent(own.bonus), _yes(own.give_back), own.reason)
            for own in fund.election_offers.order_by("-pk")
        ],
        numeric=frozenset({2}),
    )


def _yes(value: bool) -> Any:
    return _("yes") if value else _("no")


def sums(row: Distribution) -> list[tuple[Any, Any]]:
    """How much of a distribution is taken how, before it is approved and after."""
    return [
        (_("owed in cash, tax included"), format_money(row.cash)),
        (_("taken in kind, after tax"), format_money(row.in_kind)),
        (_("given back, after tax"), format_money(row.given_back)),
    ]


def lines_panel(row: Distribution) -> Panel:
    """The lines of a distribution that are not taken in cash, the largest first."""
    lines = row.elected_lines.select_related("allocation__holding", "came_back").order_by("-net", "pk")[:SHOWN]
    return Panel(
        _("Not taken in cash"),
        (_("holding"), _("choice"), _("net"), _("worth of the voucher"), _("back in cash")),
        [
            (
                own.allocation.holding.reference,
                own.get_choice_display() if own.choice != Choice.CASH else _("in cash: the holding is frozen"),
                format_money(own.net),
                format_money(own.worth) if own.choice == Choice.IN_KIND else "–",
                _came_back(own),
            )
            for own in lines
        ],
        numeric=frozenset({2, 3, 4}),
    )


def _came_back(line: ElectedLine) -> str:
    back = getattr(line, "came_back", None)
    if back is None:
        return "–"
    amount = format_money(back.amount)
    return _("%(amount)s, set aside") % {"amount": amount} if back.set_aside_at else amount


@admin.register(Election)
class ElectionAdmin(ReadOnlyAdmin):
    """A holder's choice; only the holder changes it."""

    list_display = ("holding", "choice", "bonus", "made_by", "made_at")
    list_filter = ("choice",)
    list_select_related = ("holding", "made_by")
    search_fields = ("holding__reference",)
    ordering = ("-pk",)
    fields = ("holding", "offer", "choice", "bonus", "made_by", "made_at")

    def panels(self, request: Any, row: Election) -> list[Panel]:
        """Every choice of the holding, the newest first."""
        found = row.holding.elections.select_related("made_by").order_by("-made_at", "-pk")
        return [
            Panel(
                _("Choices of this holding"),
                (_("choice"), _("bonus"), _("made by"), _("made at")),
                [
                    (link(Election, own.pk, own.get_choice_display()), percent(own.bonus), own.made_by, own.made_at)
                    for own in found
                ],
                numeric=frozenset({1}),
            )
        ]


@admin.register(ElectionOffer)
class ElectionOfferAdmin(ReadOnlyAdmin):
    """What a fund offered besides cash from an instant on."""

    list_display = ("fund", "in_kind", "bonus", "give_back", "made_by", "made_at")
    list_select_related = ("fund", "made_by")
    search_fields = ("fund__slug",)
    ordering = ("-pk",)
