"""The list of businesses (pages.md P2): read by GET, all of it in the address, working without JavaScript."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.paginator import InvalidPage, Page, Paginator
from django.db.models import Count, QuerySet, Window
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from investments.models import Fund
from investments.offerings import queries as offerings
from microfund.kernel import clock

from . import filters
from .business_cards import cards_of
from .page_cache import for_visitors

PAGE_SIZE = 12
LONGEST_NUMBER = 6


@for_visitors
@require_safe
def business_list(request: HttpRequest) -> HttpResponse:
    """P2: search, filter, sort and page through one fund of each business; all of it stands in the address."""
    filterset = filters.FundFilter(request.GET, queryset=offerings.shown_funds())
    funds = filters.found_by(filterset)
    try:
        page = _page(funds, request.GET.get("page", "1"), everything=not filterset.active)
    except InvalidPage:
        first = urlencode([(key, value) for key, value in request.GET.items() if key != "page"])
        context = {"first_page": f"{request.path}?{first}" if first else request.path}
        return render(request, "businesses/no_such_page.html", context, status=404)
    context = {
        **filters.shown_with(filterset, request.path),
        "page_obj": page,
        "count": page.paginator.count,
        "cards": cards_of(page.object_list, on=clock.today_in(), at=clock.now()),
        "culprits": [] if page.paginator.count else filters.culprits(filterset, request.path),
        "trail": [(_("Home"), reverse("home"))],
    }
    return render(request, "businesses/list.html", context)


def _page(funds: QuerySet[Fund], number: str, *, everything: bool) -> Page:
    """One page of the list as primary keys. Raises InvalidPage.

    Only keys are sorted, counted and skipped, never the wide rows. The whole list is counted apart, so that in its
    usual order it is read from an index as far as the page goes; what filters leave is counted by the query that finds
    it.
    """
    keys = funds.values_list("pk", flat=True)
    if everything:
        return CountedPaginator(keys, offerings.count_shown()).page(number)
    if not (number.isdecimal() and len(number) <= LONGEST_NUMBER and int(number)):
        return Paginator(keys, PAGE_SIZE).page(number)
    start = (int(number) - 1) * PAGE_SIZE
    rows = funds.annotate(found=Window(Count("pk"))).values_list("pk", "found")[start : start + PAGE_SIZE]
    page = [key for key, _found in rows]
    if not page and start:
        return Paginator(keys, PAGE_SIZE).page(number)  # past the end: it knows what to say
    return Page(page, int(number), CountedPaginator(page, rows[0][1] if page else 0))


class CountedPaginator(Paginator):
    """A paginator that has been told how many there are."""

    def __init__(self, keys: Any, count: int) -> None:
        super().__init__(keys, PAGE_SIZE)
        self.count = count
