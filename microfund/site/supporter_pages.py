"""Who supports a business, as they wish to be seen (pages.md P10)."""

from __future__ import annotations

from django.core.paginator import InvalidPage, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .business_pages import Shown, business_page
from .figures import named_supporters, shown_messages, supporters_of
from .page_cache import for_visitors
from .templatetags.tomobune import bilingual_filter

PAGE_SIZE = 100


@for_visitors
@business_page(needs_terms=True)
def supporters(request: HttpRequest, shown: Shown) -> HttpResponse:
    """P10: where supporters live, and of those who show their name, who came last first, what they wrote."""
    assert shown.fund is not None
    try:
        page = Paginator(named_supporters(shown.fund), PAGE_SIZE).page(request.GET.get("page", "1"))
    except InvalidPage:
        return render(request, "businesses/no_such_page.html", {"first_page": request.path}, status=404)
    people = list(page.object_list)
    messages = shown_messages(shown.fund, [investor for investor, _name in people]) if people else {}
    supporters = supporters_of(shown.fund)
    context = {
        **shown.context(),
        "page_obj": page,
        "supporters": supporters,
        "prefectures": supporters.named(),
        "names": [name for investor, name in people if investor not in messages],
        "quoted": [(name, messages[investor]) for investor, name in people if investor in messages],
    }
    context["trail"] += [(bilingual_filter(shown.business, "name"), context["home_href"])]
    return render(request, "businesses/supporters.html", context)
