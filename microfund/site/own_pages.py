"""What a person has: the overview, the list of holdings, the list of orders (pages.md I1, I2).

Everything is asked for by its owner, so nothing of anybody else can be found, filtered or exported here.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import InvalidPage, Page, Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from businesses.following.queries import live
from businesses.models import Business, Post
from businesses.news import queries as news
from investments.investors import queries as investors
from investments.models import Holding, Order
from investments.offerings import queries as offerings
from investments.orders import queries as orders
from microfund.kernel import clock
from microfund.kernel.pages import private

from . import filters, own_csv, own_holdings
from .business_cards import cards
from .figures import SUPPORTING
from .own_dates import NEXT_DATES, coming_dates, expected_payment
from .own_filters import HoldingFilter, OrderFilter, holding_state
from .own_recovery import recoveries
from .own_todo import todos
from .statement_pages import pdf_answer

EMPTY_CARDS = 3
#: How many holdings and orders the overview shows.
FEW = 5
PAGE_SIZE = 50


@private
@require_safe
@login_required
def me(request: HttpRequest) -> HttpResponse:
    """I1: news of their businesses, what waits for this person, the sums, what comes next, what they hold and how those
    businesses recover. Without any order: three funds that are raising."""
    at = clock.now()
    on = clock.today_in(None, at)
    investor = investors.investor_of(request.user)
    made = list(orders.orders_of(investor)[:FEW]) if investor else []
    context: dict[str, Any] = {
        "investor": investor,
        "orders": made,
        "news": _news(request.user, investor),
        "todos": todos(investor, at=at) if investor else [],
    }
    if made:
        held = list(own_holdings.holdings_of(investor, on=on)[: FEW + 1])
        dates = coming_dates(investor, on=on) if held else []
        context |= {
            "groups": [own_holdings.Group("", shown(own_holdings.rows(investor, held[:FEW])))] if held else [],
            "more_holdings": len(held) > FEW,
            "totals": own_holdings.totals(investor),
            "dates": dates[:NEXT_DATES],
            "expected": expected_payment(dates),
            "recoveries": recoveries(held[:FEW]),
        }
    else:
        context["cards"] = cards(offerings.open_funds(on)[:EMPTY_CARDS], on=on, at=at)
    return render(request, "site/me.html", context)


def _news(user: Any, investor: Any) -> list[Post]:
    """The newest posts of the businesses that a person supports or follows."""
    theirs = Q(Exists(live().filter(user=user, business=OuterRef("pk"))))
    if investor is not None:
        paid = Order.objects.filter(investor=investor, state__in=SUPPORTING, fund__business=OuterRef("pk"))
        theirs |= Q(Exists(paid))
    return news.latest_of(Business.objects.filter(theirs))


def shown(rows: list[own_holdings.Row]) -> list[tuple[own_holdings.Row, Any]]:
    """Rows, each with the state of its holding in a person's words."""
    return [(row, holding_state(row.holding)) for row in rows]


@private
@require_safe
@login_required
def holdings(request: HttpRequest) -> HttpResponse:
    """I2: every holding with its figures, searched, filtered, sorted and grouped by the address, fifty a page; the
    totals are of all that the filters leave."""
    investor = investors.investor_of(request.user)
    found, filterset = _holdings(request, investor)
    page = page_of(found, request.GET.get("page", "1"))
    filtered = bool(filterset.active)
    rows = shown(own_holdings.rows(investor, page.object_list))
    context = {
        "page_obj": page,
        "groups": own_holdings.groups(investor, found, rows, filterset.grouping),
        "count": page.paginator.count,
        "totals": own_holdings.totals(investor, found if filtered else None),
        "units": own_holdings.units(found),
        **_filter_context(request, filterset),
    }
    return render(request, "site/holdings.html", context)


@private
@require_safe
@login_required
def holdings_csv(request: HttpRequest) -> HttpResponse:
    """I2 as CSV in UTF-8, by the same address as the list; `bom=1` puts a byte order mark in front."""
    investor = investors.investor_of(request.user)
    found, filterset = _holdings(request, investor)
    rows = own_holdings.rows(investor, found)
    totals = own_holdings.totals(investor, found if filterset.active else None)
    on = clock.today_in()
    return own_csv.answer(request, own_csv.holdings_lines(rows, totals), name=f"holdings-{on.isoformat()}")


@private
@require_safe
@login_required
def holdings_pdf(request: HttpRequest) -> HttpResponse:
    """I2 as PDF, by the same address as the list and grouped like it; 404 for somebody who holds nothing."""
    investor = investors.investor_of(request.user)
    found, filterset = _holdings(request, investor)
    rows = shown(own_holdings.rows(investor, found))
    if not rows:
        raise Http404
    at = clock.now()
    context = {
        "investor": investor,
        "groups": own_holdings.groups(investor, found, rows, filterset.grouping),
        "totals": own_holdings.totals(investor, found if filterset.active else None),
        "units": own_holdings.units(found),
        "chips": filters.chips(filterset, request.path),
        "at": at,
    }
    html = render_to_string("site/holdings_document.html", context)
    return pdf_answer(html, at=at, name=f"holdings-{clock.today_in(None, at).isoformat()}", landscape=True)


def _holdings(request: HttpRequest, investor: Any) -> tuple[QuerySet[Holding], HoldingFilter]:
    """This person's holdings as the address asks for them."""
    on = clock.today_in()
    filterset = HoldingFilter(request.GET, queryset=own_holdings.holdings_of(investor, on=on))
    return filterset.qs, filterset


@private
@require_safe
@login_required
def own_orders(request: HttpRequest) -> HttpResponse:
    """Every order ever made, newest first, searched and filtered by the address, fifty a page."""
    investor = investors.investor_of(request.user)
    filterset = OrderFilter(request.GET, queryset=orders.orders_of(investor))
    page = page_of(filterset.qs, request.GET.get("page", "1"))
    context = {
        "page_obj": page,
        "orders": page.object_list,
        "count": page.paginator.count,
        **_filter_context(request, filterset),
    }
    return render(request, "site/orders.html", context)


def page_of(rows: QuerySet, number: str) -> Page:
    """One page of a list; 404 for one that does not exist."""
    try:
        return Paginator(rows, PAGE_SIZE).page(number)
    except InvalidPage:
        raise Http404(_("There is no such page.")) from None


def _filter_context(request: HttpRequest, filterset: filters.AddressFilter) -> dict[str, Any]:
    return {
        "filter": filterset,
        "filtered": bool(filterset.active),
        "chips": filters.chips(filterset, request.path),
        "unknown": filterset.unknown,
        "trail": [(_("My account"), reverse("me"))],
    }
