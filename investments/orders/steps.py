"""What the steps of the funding flow share: the fund, where one is, and the step that is still missing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from investments.investors import queries as investors
from investments.investors.models import Investor
from investments.investors.views import profile_context, profile_form, save_form
from investments.offerings.models import Document, Fund, Terms
from investments.offerings.queries import BYTES, public_funds
from microfund.kernel import clock
from microfund.kernel.pages import REFUSED

from .draft import Draft, save

#: URL name of each step and what the line of steps calls it. Paying itself happens at the provider or the bank.
STEPS = (
    ("units", _("Units")),
    ("you", _("You")),
    ("documents", _("Documents")),
    ("supporter", _("Supporter")),
    ("check", _("Check and pay")),
)
_KINDS = [Document.Kind.PRE_CONTRACT, Document.Kind.RISK, Document.Kind.CONTRACT]


def language() -> str:
    """The language in which documents are shown and an order is made."""
    return "ja" if (get_language() or "en").startswith("ja") else "en"


def fund_or_404(slug: str) -> Fund:
    """A fund that the public may see, with what the steps need. Raises Http404."""
    fund = public_funds().select_related("business", "policy", "counter").filter(slug=slug).first()
    if fund is None:
        raise Http404
    return fund


def takes_orders(fund: Fund, at: datetime) -> bool:
    """Whether orders are taken now; the guard of the reservation asks the same."""
    return fund.state == Fund.State.OPEN and fund.counter.accepting and at < fund.counter.closes_at


def documents_of(terms: Terms, code: str) -> list[Document]:
    """The documents to be accepted, in the order to read them; without their bytes."""
    found = Document.objects.filter(terms=terms, language=code).defer(*BYTES)
    return sorted(found, key=lambda document: _KINDS.index(Document.Kind(document.kind)))


def missing(draft: Draft, investor: Investor | None, terms: Terms, *, before: str) -> str:
    """The URL name of the first step before `before` that is not done; empty when all are."""
    done = {
        "units": draft.units > 0,
        "you": investor is not None and draft.investor_id == investor.pk and investors.is_complete(investor),
        "documents": bool(draft.language) and draft.accepts(documents_of(terms, draft.language)),
        "supporter": (draft.gift if draft.for_gift else draft.supporter) is not None,
    }
    for name, _label in STEPS:
        if name == before:
            break
        if not done[name]:
            return name
    return ""


def applicant(
    request: HttpRequest, investor: Investor | None, fund: Fund, *, at: datetime
) -> tuple[Investor | None, dict[str, Any]]:
    """Who applies: the investor whose details were confirmed or saved by this request, or else what the page shows: the
    form (`form`, the first time and with `?change`), or the details to be confirmed."""
    may_confirm = investors.is_complete(investor) and investor.identity_state != Investor.Identity.REJECTED
    if request.method == "POST" and "confirm" in request.POST and may_confirm:
        return investor, {}
    form = None
    if request.method == "POST" or "change" in request.GET or not may_confirm:
        form = profile_form(request, investor, on=clock.today_in(fund.policy.zone, at))
        saved = save_form(request, form, at=at) if request.method == "POST" else None
        if saved:
            return saved, {}
    return None, {
        "form": form,
        "address": investors.address_lines(investor) if investor else [],
        **profile_context(investor, form.kind if form else ""),
    }


def status_of(form: BaseForm | None) -> int:
    """What a page with this form answers."""
    return REFUSED if form is not None and form.errors else 200


def show_opened(request: HttpRequest, draft: Draft, fund: Fund, document: Document) -> HttpResponse:
    """Note in a draft that a document was opened, in exactly this version, and show it."""
    draft.opened[str(document.pk)] = document.sha256
    save(request, draft)
    return redirect("businesses:document", fund.business.slug, document.sha256)


def page(request: HttpRequest, step: str, fund: Fund, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Render a step with the line of steps; a page with errors says so in its title (templates/base.html)."""
    names = [name for name, _label in STEPS]
    shared = {
        "fund": fund,
        "business": fund.business,
        "steps": [label for _name, label in STEPS],
        "current": names.index(step) + 1,
    }
    return render(request, f"investments/{step}.html", {**shared, **context}, status=status)


def closed(request: HttpRequest, fund: Fund) -> HttpResponse:
    """Why no order can be made now: not yet, or no more. 410 once it is over for good."""
    early = fund.state == Fund.State.SCHEDULED
    return render(
        request,
        "investments/closed.html",
        {"fund": fund, "business": fund.business, "early": early},
        status=200 if early else 410,
    )
