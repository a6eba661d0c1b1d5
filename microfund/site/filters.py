"""Search, filters and order of a list in its address; the list of businesses, its map, its feed (pages.md P2, P12)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import django_filters
from django import forms
from django.db.models import (
    DecimalField,
    Exists,
    F,
    OuterRef,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from businesses import queries as businesses
from businesses.models import Business, Disaster, Question
from investments.models import Fund, RevenueReport, Terms
from investments.offerings.models import LIST_ORDER
from rewards.models import Offer

#: What a visitor calls the state of a fund, and the states behind each.
STAGES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "raising": (_("Raising"), (Fund.State.OPEN,)),
    "coming": (_("Opens soon"), (Fund.State.SCHEDULED,)),
    "funded": (_("Funded"), (Fund.State.CLOSED,)),
    "repaying": (_("Repaying"), (Fund.State.OPERATING,)),
    "ended": (_("Ended"), (Fund.State.MATURED, Fund.State.SETTLED, Fund.State.WOUND_UP)),
    "unfunded": (_("Not funded"), (Fund.State.FAILED,)),
}
#: Bands of the price of one unit in yen: lowest and highest, both inclusive.
PRICES: dict[str, tuple[Any, int, int | None]] = {
    "to-11000": (_("up to ¥11,000"), 0, 11_000),
    "11001-22000": (_("¥11,001 to ¥22,000"), 11_001, 22_000),
    "from-22001": (_("from ¥22,001"), 22_001, None),
}
SORTS = {
    "closing": _("closing soon"),
    "newest": _("newest"),
    "needed": _("most needed"),
    "reported": _("recently reported"),
}
LONGEST_SEARCH = 80


def _towns() -> list[tuple[str, str]]:
    language = (get_language() or "en")[:2]
    rows = businesses.published().order_by("town_en").values_list("town_en", "town_ja").distinct()
    return [(english, japanese if language == "ja" else english) for english, japanese in rows]


def _disasters() -> list[tuple[str, str]]:
    language = (get_language() or "en")[:2]
    field = "name_ja" if language == "ja" else "name_en"
    return list(Disaster.objects.order_by("-happened_on").values_list("slug", field))


class AddressFilter(django_filters.FilterSet):
    """Search, filters and order of a list, all in the address. A value that nobody knows is left out and reported by
    `unknown`; what only orders the list is no filter."""

    #: Filters that a page folds away until one of them is in force.
    further: tuple[str, ...] = ()
    #: What orders the list and leaves nothing out.
    ordering: tuple[str, ...] = ("sort",)

    @property
    def first_fields(self) -> list[Any]:
        """The fields that are always seen, without the search words."""
        return [field for field in self.form if field.name != "q" and field.name not in self.further]

    @property
    def further_fields(self) -> list[Any]:
        """The fields that are folded away."""
        return [field for field in self.form if field.name in self.further]

    @property
    def further_used(self) -> bool:
        """Whether one of those is in force, or was asked for what it does not know."""
        return any(name in self.active or name in self.errors for name in self.further)

    @property
    def unknown(self) -> list[tuple[Any, str]]:
        """Label of the filter and value, for each value that was left out."""
        return [(self.form.fields[name].label, str(self.data.get(name, ""))[:40]) for name in self.errors]

    @property
    def active(self) -> dict[str, str]:
        """Filters in force by name, with their value; the order of the list is no filter."""
        return {name: value for name, value in self.form.cleaned_data.items() if value and name not in self.ordering}

    def shown_value(self, name: str, value: str) -> Any:
        """How a visitor reads a filter's value."""
        choices = getattr(self.form.fields[name], "choices", None)
        return dict(choices).get(value, value) if choices is not None else _("“%(value)s”") % {"value": value}


class FundFilter(AddressFilter):
    """Filters over one fund per business."""

    further = ("area", "disaster", "price", "reward", "questions")

    q = django_filters.CharFilter(
        label=_("Search"), method="search", field_name="business", max_length=LONGEST_SEARCH, strip=True
    )
    stage = django_filters.ChoiceFilter(
        label=_("Stage"),
        method="of_stage",
        choices=[(key, label) for key, (label, _states) in STAGES.items()],
        empty_label=_("any stage"),
    )
    trade = django_filters.ChoiceFilter(
        label=_("Trade"), field_name="business__trade", choices=Business.Trade.choices, empty_label=_("any trade")
    )
    area = django_filters.ChoiceFilter(
        label=_("Town"), field_name="business__town_en", choices=[], empty_label=_("any town")
    )
    disaster = django_filters.ChoiceFilter(
        label=_("Disaster"), field_name="business__disaster__slug", choices=[], empty_label=_("any disaster")
    )
    price = django_filters.ChoiceFilter(
        label=_("Price of a unit"),
        method="of_price",
        choices=[(key, label) for key, (label, _low, _high) in PRICES.items()],
        empty_label=_("any price"),
    )
    reward = django_filters.ChoiceFilter(
        label=_("Reward"), method="of_reward", choices=Offer.Kind.choices, empty_label=_("any reward, or none")
    )
    questions = django_filters.ChoiceFilter(
        label=_("Questions"),
        method="of_questions",
        choices=[("answered", _("with answers to read"))],
        empty_label=_("with answers or without"),
    )
    sort = django_filters.ChoiceFilter(
        label=_("Sort by"), method="sorted_by", choices=list(SORTS.items()), empty_label=None
    )

    class Meta:
        model = Fund
        fields: list[str] = []
        form = forms.Form

    def __init__(self, data: Any, *, queryset: QuerySet[Fund], like: FundFilter | None = None) -> None:
        """`like` lends its choices of towns and disasters, which otherwise cost a query each."""
        super().__init__(data, queryset=queryset)
        for name, choices in (("area", _towns), ("disaster", _disasters)):
            self.filters[name].extra["choices"] = like.filters[name].extra["choices"] if like else choices()

    def search(self, funds: QuerySet[Fund], name: str, value: str) -> QuerySet[Fund]:
        """Funds whose business has every word in its names, town, owner, or what the money is for."""
        for word in unicodedata.normalize("NFKC", value).lower().split():
            funds = funds.filter(business__search_text__contains=word)
        return funds

    def of_stage(self, funds: QuerySet[Fund], name: str, value: str) -> QuerySet[Fund]:
        """Funds in one of the states that visitors know as this stage."""
        return funds.filter(state__in=STAGES[value][1])

    def of_price(self, funds: QuerySet[Fund], name: str, value: str) -> QuerySet[Fund]:
        """Funds whose unit costs an amount in this band, fee included, by their newest terms."""
        _label, low, high = PRICES[value]
        newest = Terms.objects.filter(fund=OuterRef("pk")).order_by("-version")
        price = newest.values_list(F("investment") + F("donation") + F("fee"))[:1]
        funds = funds.alias(unit_price=Subquery(price))
        if high is None:
            return funds.filter(unit_price__gte=low)
        return funds.filter(unit_price__range=(low, high)) if low else funds.filter(unit_price__lte=high)

    def of_reward(self, funds: QuerySet[Fund], name: str, value: str) -> QuerySet[Fund]:
        """Funds that promise a reward of this kind."""
        return funds.filter(Exists(Offer.objects.filter(fund=OuterRef("pk"), kind=value, ended_at=None)))

    def of_questions(self, funds: QuerySet[Fund], name: str, value: str) -> QuerySet[Fund]:
        """Funds whose business has answered a question in public."""
        answered = Question.objects.filter(business=OuterRef("business"), state=Question.State.ANSWERED)
        return funds.filter(Exists(answered))

    def sorted_by(self, funds: QuerySet[Fund], name: str, value: str) -> QuerySet[Fund]:
        """The order asked for; see `ordered`."""
        return ordered(funds, value)


def ordered(funds: QuerySet[Fund], by: str) -> QuerySet[Fund]:
    """Funds closing soon, newest, with the largest unsold part, or whose report was accepted last first; raising ones
    in front but for the newest and the reported."""
    if by == "newest":
        return funds.order_by("-opens_on", "-pk")
    if by == "needed":
        share = Cast(F("counter__sold"), DecimalField(max_digits=20, decimal_places=6)) / F("counter__offered")
        return funds.order_by(LIST_ORDER[0], share.asc(nulls_first=True), "closes_on", "pk")
    if by == "reported":
        accepted = RevenueReport.objects.filter(period__fund=OuterRef("pk"), state=RevenueReport.State.ACCEPTED)
        newest = accepted.order_by("-decided_at").values("decided_at")[:1]
        return funds.alias(reported_at=Subquery(newest)).order_by(
            F("reported_at").desc(nulls_last=True), LIST_ORDER[0], "closes_on", "pk"
        )
    return funds.order_by(*LIST_ORDER)


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in force, and the address of the list without it. `count` is what the list would then hold."""

    label: Any
    href: str
    count: int | None = None


def found_by(filterset: FundFilter) -> QuerySet[Fund]:
    """What the filters find, in the order asked for, else closing soon first."""
    funds = filterset.qs
    return funds if filterset.form.cleaned_data.get("sort") else ordered(funds, "closing")


def shown_with(filterset: FundFilter, path: str) -> dict[str, Any]:
    """What a page shows of the filters above all that they find, however it shows that."""
    return {
        "filter": filterset,
        "chips": chips(filterset, path),
        "unknown": filterset.unknown,
        "feed": feed_href(filterset),
    }


def chips(filterset: AddressFilter, path: str) -> list[Chip]:
    """One chip for each filter in force; removing it keeps the others and goes back to the first page."""
    made = []
    for name, value in filterset.active.items():
        label = _("%(filter)s: %(value)s") % {
            "filter": filterset.form.fields[name].label,
            "value": filterset.shown_value(name, value),
        }
        made.append(Chip(label, _without(filterset, path, name)))
    return made


def culprits(filterset: FundFilter, path: str) -> list[Chip]:
    """For a list that came out empty: the filters without which it would not be, each with what it would then hold."""
    found = []
    for chip, name in zip(chips(filterset, path), filterset.active, strict=True):
        data = filterset.data.copy()
        data.pop(name)
        count = FundFilter(data, queryset=filterset.queryset, like=filterset).qs.count()
        if count:
            found.append(Chip(chip.label, chip.href, count))
    return found


def feed_href(filterset: FundFilter) -> str:
    """The feed of what these filters find, now and later."""
    path = reverse("funds_feed")
    return f"{path}?{urlencode(kept)}" if (kept := filterset.active) else path


def _without(filterset: AddressFilter, path: str, name: str) -> str:
    known = [*filterset.active, *filterset.ordering]
    left = [(key, filterset.data[key]) for key in known if key != name and filterset.data.get(key)]
    return f"{path}?{urlencode(left)}" if left else path
