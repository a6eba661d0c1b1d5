"""The pages of one business: story and terms, simulator, documents (pages.md P3–P5).

They show several apps' data and therefore live here. Everything is read by GET and works without JavaScript.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from businesses import queries as businesses
from businesses.models import Business, Picture
from businesses.news import queries as news
from businesses.profile.story import parts_of
from businesses.questions import queries as questions
from investments.distributions import elections
from investments.distributions.results import paid_so_far, reported, results_of
from investments.models import Fund, PolicyProfile, Terms
from investments.offerings import queries as offerings
from investments.offerings.projection import Projection
from investments.payouts import spending
from investments.policy import services as policies
from investments.revenue.services import period_rows
from microfund.kernel import clock
from rewards import queries as rewards

from . import result_charts, simulation
from .business_cards import state_label
from .figures import named_supporters, supporters_of
from .page_cache import for_visitors
from .share_pages import share
from .templatetags.tomobune import active_language, bilingual_filter
from .term_diff import comparison, differences
from .term_rows import term_rows
from .yearly_rate import in_percent, xirr

#: Names of supporters on the page of the business itself.
FEW_NAMES = 12
#: Prefectures with most supporters that stand there by name.
FEW_PREFECTURES = 6


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
    parts, others = parts_of(shown.business, [picture for picture in pictures if picture.role == Picture.Role.STORY])
    context = {
        **shown.context(),
        "hero": heroes[0] if heroes else None,
        "share": share(shown.business, heroes[0] if heroes else None),
        "latest_news": news.latest(shown.business),
        "latest_questions": questions.latest_answered(shown.business),
        "story": parts,
        "other_pictures": others,
        "milestones": shown.business.milestones.all(),
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
    most = min(shown.policy.units_per_order, shown.policy.units_per_person)
    figures = shown.figures
    supporters = supporters_of(fund)
    context: dict[str, Any] = {
        "supporters": supporters,
        "prefectures": supporters.named(FEW_PREFECTURES),
        "supporter_names": [name for _investor, name in named_supporters(fund)[:FEW_NAMES]],
        "most_units": min(most, figures.left) if figures else most,
        **uses_context(shown.business, fund, terms),
        "rows": term_rows(fund, terms, shown.policy),
        "documents": _documents(shown.business, fund),
        "rewards": rewards.offers_of(fund),
        "passed_on": rewards.passed_on(fund),
        "named": rewards.named(fund),
        **_results(fund, terms, on=shown.on),
    }
    if _can_project(terms):
        rule, rate = offerings.rule_terms(terms), _tax_rate(shown.on)
        context |= {
            "table": simulation.short_table(rule, terms.plan_revenue, 1, rate),
            "chart": simulation.chart(rule, terms.plan_revenue, percent=100, units=1),
            "tax_rate": rate,
        }
    return context


def uses_context(business: Business, fund: Fund, terms: Terms) -> dict[str, Any]:
    """What the money is for; `start` is the sum of the uses before one, so that their bars make up a whole. Once money
    was released: what the business has spent of it."""
    may_have = fund.state in (Fund.State.CLOSED, *offerings.TERM_RUNS)
    released = spending.released_of(business).get(fund.slug, 0) if may_have else 0
    spent = {row.use_en: row for row in business.spending.filter(fund=fund.slug)} if released else {}
    uses, start = [], 0
    for use in terms.uses:
        uses.append({**use, "start": start, "spent": spent.get(use["en"])})
        start += use["amount"]
    return {
        "uses": uses,
        "uses_total": start,
        "released": released,
        "spent_total": sum(row.amount for row in spent.values()),
        "spent_on": max((row.reported_on for row in spent.values()), default=None),
    }


def _results(fund: Fund, terms: Terms, *, on: date) -> dict[str, Any]:
    """What came of the fund so far, once its periods are rows, that is, from the start of the term."""
    if fund.state not in offerings.TERM_RUNS:
        return {}
    periods = results_of(fund, terms, on=on)
    known, paid = reported(periods), paid_so_far(periods)
    return {
        "periods": periods,
        "known": known,
        "paid": paid,
        "sales_total": sum(result.revenue or 0 for result in known),
        "plan_total": sum(result.plan or 0 for result in known),
        "sales": result_charts.sales(periods) if known else None,
        "returns": result_charts.returns(periods, terms.investment) if known else None,
    }


def _documents(business: Business, fund: Fund) -> dict[str, Any]:
    """The stored documents, those in the visitor's language apart from the others; with the `version` of the newest, by
    which earlier ones were replaced."""
    language = active_language()
    found: dict[str, Any] = {"own": [], "other": [], "version": 0}
    for row in offerings.documents_of(fund):
        href = reverse("businesses:document", args=[business.slug, row.sha256])
        found["version"] = max(found["version"], row.terms.version)
        found["own" if row.language == language else "other"].append(
            {"row": row, "href": href, "slug": business.slug, "replaced": row.terms.version < found["version"]}
        )
    found["replaced"] = any(each["replaced"] for each in (*found["own"], *found["other"]))
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
        "documents": _documents(shown.business, shown.fund),
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
    amounts = {part: getattr(terms, part) * units for part in ("investment", "donation", "fee", "unit_price")}
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
        "yearly": _yearly(shown, terms, projection, amounts),
        "table": simulation.short_table(rule, plan, units, rate),
        "chart": simulation.chart(rule, plan, percent=percent, units=units),
        "presets": [(preset, _simulator_href(shown, preset, units)) for preset in simulation.PRESETS],
        "tax_rate": rate,
        "offer": (offer := elections.offer_of(shown.fund)),
        "in_kind": simulation.in_kind(projection, offer.bonus) if offer and offer.in_kind else 0,
        "amounts": amounts,
    }
    context["trail"] += [(_name(shown.business), context["home_href"])]
    return render(request, "businesses/simulator.html", context)


def _yearly(shown: Shown, terms: Terms, projection: Projection, amounts: dict[str, int]) -> dict[str, str]:
    """The yearly rate on all that is paid, and on the investment alone: paid on the last day of the offering, received
    on the planned payment days, after tax."""
    assert shown.fund is not None
    periods = zip(period_rows(shown.fund, terms, shown.policy), projection.periods, strict=True)
    received = [(planned.payment_due_on, row.allocation.net) for planned, row in periods]
    return {
        name: in_percent(xirr(shown.fund.closes_on, amounts[part], received))
        for name, part in (("all", "unit_price"), ("investment", "investment"))
    }


def _simulator_href(shown: Shown, percent: int, units: int) -> str:
    query = {"sales_pct": percent, "units": units}
    if shown.query and shown.fund:
        query["fund"] = shown.fund.slug
    return f"?{urlencode(query)}"


def _name(business: Business) -> str:
    return bilingual_filter(business, "name")
