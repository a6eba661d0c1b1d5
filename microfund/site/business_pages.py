"""The list of businesses and the pages of one: story and terms, simulator, documents (pages.md P2–P5).

They show several apps' data and therefore live here. Everything is read by GET and works without JavaScript.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import InvalidPage, Page, Paginator
from django.db.models import Count, QuerySet, Window
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from businesses import queries as businesses
from businesses.models import Business, Picture
from businesses.news import queries as news
from businesses.questions import queries as questions
from investments.distributions import elections
from investments.models import Fund, Period, PolicyProfile, Terms
from investments.offerings import queries as offerings
from investments.policy import services as policies
from microfund.kernel import clock
from rewards import queries as rewards

from . import filters, simulation
from .business_cards import cards_of, state_label
from .figures import supporters_of
from .page_cache import for_visitors
from .share_pages import share
from .templatetags.tomobune import active_language, bilingual_filter
from .term_diff import comparison, differences
from .term_rows import term_rows

PAGE_SIZE = 12
LONGEST_NUMBER = 6


@for_visitors
@require_safe
def business_list(request: HttpRequest) -> HttpResponse:
    """P2: search, filter, sort and page through one fund of each business; all of it stands in the address."""
    filterset = filters.FundFilter(request.GET, queryset=offerings.shown_funds())
    funds = filterset.qs
    if not filterset.form.cleaned_data.get("sort"):
        funds = filters.ordered(funds, "closing")
    try:
        page = _page(funds, request.GET.get("page", "1"), everything=not filterset.active)
    except InvalidPage:
        first = urlencode([(key, value) for key, value in request.GET.items() if key != "page"])
        context = {"first_page": f"{request.path}?{first}" if first else request.path}
        return render(request, "businesses/no_such_page.html", context, status=404)
    context = {
        "filter": filterset,
        "chips": filters.chips(filterset, request.path),
        "unknown": filterset.unknown,
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


@dataclass(frozen=True, slots=True)
class Shown:
    """What every page of a business starts from. `fund` is the one it shows; `preview` when the public sees nothing."""

    business: Business
    funds: list[Fund]
    fund: Fund | None
    terms: Terms | None
    policy: PolicyProfile
    preview: bool
    on: date
    at: datetime

    @property
    def figures(self) -> offerings.Figures | None:
        """The figures of the shown fund."""
        if self.fund is None or self.terms is None:
            return None
        return offerings.figures(self.fund, self.terms, on=self.on, at=self.at)

    @property
    def query(self) -> str:
        """The query that keeps a fund other than the first one in links to the business's other pages."""
        return f"?fund={self.fund.slug}" if self.fund and self.fund != self.funds[0] else ""

    def context(self) -> dict[str, Any]:
        """What all templates of a business share."""
        figures = self.figures
        home = reverse("businesses:detail", args=[self.business.slug])
        return {
            "business": self.business,
            "fund": self.fund,
            "terms": self.terms,
            "policy": self.policy,
            "figures": figures,
            "state_label": state_label(self.fund, self.terms, figures) if self.fund else "",
            "preview": self.preview,
            "fund_query": self.query,
            "today": self.on,
            "home_href": home + self.query,
            "trail": [(_("Home"), reverse("home")), (_("Businesses"), reverse("businesses:list"))],
        }


View = Callable[..., HttpResponse]


def business_page(*, needs_terms: bool) -> Callable[[View], View]:
    """Find the business and its fund for a page.

    A draft answers 404 as if it did not exist, but shows itself to its members and to staff; a withdrawn business
    answers 410 with the reason; `needs_terms` answers 404 while there is nothing to show. `?fund=` names another
    fund of the business.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        @require_safe
        def page(request: HttpRequest, slug: str) -> HttpResponse:
            business = businesses.with_page_data(Business.objects.filter(slug=slug)).first()
            if business is None:
                raise Http404
            if business.state == Business.State.WITHDRAWN:
                context = {"business": business, "trail": [(_("Home"), reverse("home"))]}
                return render(request, "businesses/withdrawn.html", context, status=410)
            hidden = business.state != Business.State.PUBLISHED
            if hidden and not businesses.may_preview(request.user, business):
                raise Http404
            shown = _shown(request, business, hidden)
            if needs_terms and shown.terms is None:
                raise Http404
            response = view(request, shown)
            if shown.preview:
                response["X-Robots-Tag"] = "noindex"
                response["Cache-Control"] = "private, no-store"
            return response

        return page

    return decorate


def _shown(request: HttpRequest, business: Business, hidden: bool) -> Shown:
    funds = offerings.funds_of(business, drafts=hidden)
    wanted = request.GET.get("fund", "")
    preview = hidden
    if wanted and all(fund.slug != wanted for fund in funds) and not hidden:
        if not businesses.may_preview(request.user, business):
            raise Http404
        funds, preview = offerings.funds_of(business, drafts=True), True
    if wanted:
        fund = next((fund for fund in funds if fund.slug == wanted), None)
        if fund is None:
            raise Http404
    else:
        fund = funds[0] if funds else None
    at = clock.now()
    on = clock.today_in(at=at)
    return Shown(
        business=business,
        funds=funds,
        fund=fund,
        terms=offerings.terms_of(fund) if fund else None,
        policy=(fund.policy if fund else None) or policies.current(on),
        preview=preview,
        on=on,
        at=at,
    )


def _can_project(terms: Terms) -> bool:
    """Whether the plan covers the term; only a draft's may not."""
    return len(terms.plan_revenue) == terms.periods


@for_visitors
@business_page(needs_terms=False)
def detail(request: HttpRequest, shown: Shown) -> HttpResponse:
    """P3: one business with the fund it raises or repays."""
    pictures = list(shown.business.pictures.all())
    heroes = [picture for picture in pictures if picture.role == Picture.Role.HERO]
    context = {
        **shown.context(),
        "hero": heroes[0] if heroes else None,
        "share": share(shown.business, heroes[0] if heroes else None),
        "latest_news": news.latest(shown.business),
        "latest_questions": questions.latest_answered(shown.business),
        "story_pictures": [picture for picture in pictures if picture.role == Picture.Role.STORY],
        "team": shown.business.team.all(),
        "other_funds": [
            {
                "fund": fund,
                "label": state_label(fund, offerings.terms_of(fund), None),
                "href": f"{reverse('businesses:detail', args=[shown.business.slug])}?fund={fund.slug}",
            }
            for fund in shown.funds
            if fund != shown.fund
        ],
    }
    if shown.fund and shown.terms:
        context |= _fund_context(shown, shown.fund, shown.terms)
    return render(request, "businesses/detail.html", context)


def _fund_context(shown: Shown, fund: Fund, terms: Terms) -> dict[str, Any]:
    total = sum(use["amount"] for use in terms.uses)
    context: dict[str, Any] = {
        "supporters": supporters_of(fund),
        "uses": terms.uses,
        "uses_total": total,
        "rows": term_rows(fund, terms, shown.policy),
        "documents": _documents(fund),
        "rewards": rewards.offers_of(fund),
        "periods": _periods(fund, terms),
    }
    if _can_project(terms):
        rule = offerings.rule_terms(terms)
        context |= {
            "table": simulation.short_table(rule, terms.plan_revenue, 1, _tax_rate(shown.on)),
            "chart": simulation.chart(rule, terms.plan_revenue, percent=100, units=1),
            "tax_rate": _tax_rate(shown.on),
        }
    return context


def _periods(fund: Fund, terms: Terms) -> list[dict[str, Any]]:
    """The periods with planned sales once they are rows, that is, from the start of the term."""
    if fund.state not in offerings.TERM_RUNS:
        return []
    plan = terms.plan_revenue
    return [
        {"row": period, "plan": plan[period.number - 1] if period.number <= len(plan) else None}
        for period in Period.objects.filter(fund=fund).order_by("number")
    ]


def _documents(fund: Fund) -> dict[str, list[dict[str, Any]]]:
    """The stored documents, those in the visitor's language apart from the others."""
    language = active_language()
    found: dict[str, list[dict[str, Any]]] = {"own": [], "other": []}
    for row in offerings.documents_of(fund):
        href = reverse("businesses:document", args=[fund.business.slug, row.sha256])
        found["own" if row.language == language else "other"].append(
            {"row": row, "href": href, "slug": fund.business.slug}
        )
    return found


def _tax_rate(on: date) -> Any:
    return policies.tax_rate("withholding", on)


@for_visitors
@business_page(needs_terms=True)
def terms_page(request: HttpRequest, shown: Shown) -> HttpResponse:
    """P4: every term with its definition, every version with what it changed, any two versions side by side
    (``?from=1&to=3``), every document with its hash."""
    assert shown.fund is not None and shown.terms is not None
    versions = offerings.versions(shown.fund)
    context = {
        **shown.context(),
        "rows": term_rows(shown.fund, shown.terms, shown.policy),
        "documents": _documents(shown.fund),
        "plan": offerings.planned_periods(shown.fund, shown.terms),
        "comparison": comparison(
            shown.fund,
            versions,
            shown.policy,
            older=request.GET.get("from", ""),
            newer=request.GET.get("to", ""),
        ),
        "versions": [
            {
                "row": newer,
                "older": older.version if older else None,
                "changes": differences(shown.fund, older, newer, shown.policy) if older else [],
            }
            for newer, older in zip(versions, [*versions[1:], None], strict=True)
        ],
    }
    context["trail"] += [(_name(shown.business), context["home_href"])]
    return render(request, "businesses/terms.html", context)


@for_visitors
@business_page(needs_terms=True)
def simulator(request: HttpRequest, shown: Shown) -> HttpResponse:
    """P5: what so many units get back if sales come in at such a share of the plan; the address says it all."""
    assert shown.fund is not None and shown.terms is not None
    terms = shown.terms
    if not _can_project(terms):
        raise Http404
    rule, plan = offerings.rule_terms(terms), terms.plan_revenue
    most = min(shown.policy.units_per_order, shown.policy.units_per_person)
    form = simulation.SimulatorForm(request.GET, most_units=most)
    form.is_valid()
    percent, units = form.percent, form.number
    rate = _tax_rate(shown.on)
    projection = simulation.project(rule, plan, percent, units, rate)
    planned = offerings.planned_periods(shown.fund, terms)
    context = {
        **shown.context(),
        "form": form,
        "percent": percent,
        "units": units,
        "most_units": most,
        "most_percent": simulation.MOST_PERCENT,
        "projection": projection,
        "nothing": simulation.project(rule, plan, 0, units, rate),
        "years": list(zip(planned, projection.periods, strict=True)),
        "table": simulation.short_table(rule, plan, units, rate),
        "chart": simulation.chart(rule, plan, percent=percent, units=units),
        "presets": [(preset, _simulator_href(shown, preset, units)) for preset in simulation.PRESETS],
        "tax_rate": rate,
        "offer": (offer := elections.offer_of(shown.fund)),
        "in_kind": simulation.in_kind(projection, offer.bonus) if offer and offer.in_kind else 0,
        "amounts": {part: getattr(terms, part) * units for part in ("investment", "donation", "fee", "unit_price")},
    }
    context["trail"] += [(_name(shown.business), context["home_href"])]
    return render(request, "businesses/simulator.html", context)


def _simulator_href(shown: Shown, percent: int, units: int) -> str:
    query = {"sales_pct": percent, "units": units}
    if shown.query and shown.fund:
        query["fund"] = shown.fund.slug
    return f"?{urlencode(query)}"


def _name(business: Business) -> str:
    return bilingual_filter(business, "name")
