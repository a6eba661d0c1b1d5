"""The first page and the pages in plain words (pages.md P1 and P18)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from businesses.news import queries as news
from investments.offerings import queries as offerings
from investments.offerings.models import Terms
from investments.policy import services as policies
from microfund.kernel import clock
from microfund.kernel.money import split_inclusive_tax

from .business_cards import cards
from .figures import totals
from .filters import ordered
from .glossary import WORDS
from .map_pages import pins
from .page_cache import for_visitors

RAISING_CARDS = 3
OTHER_CARDS = 3


@for_visitors
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """P1: what this is, who raises now, how a unit works, what came of it so far.

    With no open fund it says so and shows how funds of the past went instead.
    """
    at = clock.now()
    on = clock.today_in(at=at)
    raising = cards(offerings.open_funds(on)[:RAISING_CARDS], on=on, at=at)
    context: dict[str, Any] = {
        "raising": raising,
        "pins": pins(raising),
        "totals": totals(),
        "unit": _default_unit(),
        "news": news.latest(),
    }
    if not raising:
        context["others"] = cards(ordered(offerings.shown_funds(), "closing")[:OTHER_CARDS], on=on, at=at)
    return render(request, "site/home.html", context)


@for_visitors
@require_safe
def how_it_works(request: HttpRequest) -> HttpResponse:
    """P18: from choosing a business to the last payment, with the figures of the policy in force."""
    return _plain(request, "site/how_it_works.html")


@for_visitors
@require_safe
def risks(request: HttpRequest) -> HttpResponse:
    """P18: what can be lost, and how."""
    return _plain(request, "site/risks.html")


@for_visitors
@require_safe
def fees(request: HttpRequest) -> HttpResponse:
    """P18: what is paid to whom, and the taxes."""
    on = clock.today_in()
    net, tax = split_inclusive_tax(_default_unit()["fee"], policies.tax_rate("consumption", on))
    return _plain(request, "site/fees.html", fee_net=net, fee_tax=tax, consumption=policies.tax_rate("consumption", on))


@for_visitors
@require_safe
def glossary(request: HttpRequest) -> HttpResponse:
    """P18: the words, each with an address of its own."""
    return _plain(request, "site/glossary.html", words=WORDS)


def _plain(request: HttpRequest, template: str, **more: Any) -> HttpResponse:
    on = clock.today_in()
    context = {
        "policy": policies.current(on),
        "withholding": policies.tax_rate("withholding", on),
        "unit": _default_unit(),
        "trail": [(_("Home"), reverse("home"))],
        **more,
    }
    return render(request, template, context)


def _default_unit() -> dict[str, int]:
    """The usual unit in yen; a fund's own terms may say otherwise."""
    parts = {part: Terms._meta.get_field(part).default for part in ("investment", "donation", "fee")}
    return {**parts, "price": sum(parts.values())}
