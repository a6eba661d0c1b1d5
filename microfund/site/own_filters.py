"""Search, filters and order of a person's own lists, all in the address (pages.md I2, I3)."""

from __future__ import annotations

import unicodedata
from typing import Any

import django_filters
from django import forms
from django.db.models import F, QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from investments.models import Fund, Holding, Order

from .filters import LONGEST_SEARCH, AddressFilter
from .own_holdings import by_state, grouped, invested, searched

#: What a person calls the state of a holding, and the states of its fund behind each.
HOLDING_STATES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "before": (_("Term not begun"), (Fund.State.OPEN, Fund.State.CLOSED)),
    "repaying": (_("Repaying"), (Fund.State.OPERATING,)),
    "ended": (_("Ended"), (Fund.State.MATURED, Fund.State.SETTLED, Fund.State.WOUND_UP)),
}
#: By what holdings may stand together (pages.md I2).
HOLDING_GROUPS = {"disaster": _("disaster"), "area": _("town")}
HOLDING_SORTS = {
    "newest": _("newest"),
    "name": _("name of the business"),
    "next": _("next date"),
    "investment": _("largest investment"),
}


def holding_state(holding: Holding) -> Any:
    """The state of a holding in a person's words."""
    if not holding.units:
        return _("No units left")
    return next((label for label, states in HOLDING_STATES.values() if holding.fund.state in states), _("Ended"))


def _words(value: str) -> list[str]:
    """What was typed, as it is compared: one form of each letter, lower case, word by word."""
    return unicodedata.normalize("NFKC", value).lower().split()


class HoldingFilter(AddressFilter):
    """Filters over one person's holdings."""

    q = django_filters.CharFilter(label=_("Search"), method="search", max_length=LONGEST_SEARCH, strip=True)
    state = django_filters.ChoiceFilter(
        label=_("State"),
        method="of_state",
        choices=[(key, label) for key, (label, _states) in HOLDING_STATES.items()],
        empty_label=_("any state"),
    )
    sort = django_filters.ChoiceFilter(
        label=_("Sort by"), method="sorted_by", choices=list(HOLDING_SORTS.items()), empty_label=None
    )
    group = django_filters.ChoiceFilter(
        label=_("Group by"), method="grouped_by", choices=list(HOLDING_GROUPS.items()), empty_label=_("not grouped")
    )
    ordering = ("sort", "group")

    class Meta:
        model = Holding
        fields: list[str] = []
        form = forms.Form

    def search(self, holdings: QuerySet[Holding], name: str, value: str) -> QuerySet[Holding]:
        """Holdings with every word in reference, fund or business."""
        return searched(holdings, _words(value))

    def of_state(self, holdings: QuerySet[Holding], name: str, value: str) -> QuerySet[Holding]:
        """Holdings of funds in the states behind a person's word."""
        return by_state(holdings, HOLDING_STATES[value][1])

    def sorted_by(self, holdings: QuerySet[Holding], name: str, value: str) -> QuerySet[Holding]:
        """By name in the language of the page, by the next date, or by investment; else the newest first."""
        if value == "name":
            language = "ja" if (get_language() or "en").startswith("ja") else "en"
            return holdings.order_by(f"fund__business__name_{language}", "pk")
        if value == "next":
            return holdings.order_by(F("next_on").asc(nulls_last=True), "pk")
        if value == "investment":
            return invested(holdings).order_by(F("invested").desc(nulls_last=True), "pk")
        return holdings

    def grouped_by(self, holdings: QuerySet[Holding], name: str, value: str) -> QuerySet[Holding]:
        """Those of one disaster or town beside each other, each group in the order asked for."""
        return grouped(holdings, value)

    @property
    def grouping(self) -> str:
        """By what the list is grouped; empty for nothing."""
        return self.form.cleaned_data.get("group") or ""


class OrderFilter(AddressFilter):
    """Filters over one person's orders."""

    q = django_filters.CharFilter(label=_("Search"), method="search", max_length=LONGEST_SEARCH, strip=True)
    state = django_filters.ChoiceFilter(
        label=_("State"), field_name="state", choices=Order.State.choices, empty_label=_("any state")
    )

    class Meta:
        model = Order
        fields: list[str] = []
        form = forms.Form

    def search(self, orders: QuerySet[Order], name: str, value: str) -> QuerySet[Order]:
        """Orders with every word in reference, fund or business."""
        return searched(orders, _words(value))
