"""The steps of the funding flow up to the check page, which is in payments/views.py because it also begins to pay.

Each POST that is accepted answers with a redirect; what is refused is shown again as it was typed, with status 422.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from investments.investors import queries as investors
from investments.investors.models import Investor
from investments.offerings import waiting
from investments.offerings.models import Document, Fund
from investments.offerings.queries import BYTES
from investments.offerings.services import current_terms
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import REFUSED, form_methods, private

from . import draft as drafts
from . import queries, steps
from .forms import GiftForm, SupporterForm, UnderstandingForm, UnitsForm
from .models import UNPAID, Order
from .room import room_for

get_or_post = form_methods


def _on(name: str, slug: str) -> HttpResponseRedirect:
    return redirect(f"investments:{name}", slug)


@private
@get_or_post
def units(request: HttpRequest, slug: str) -> HttpResponse:
    """F1: how many units, with the split; without JavaScript a button shows the sums (`?units=3`)."""
    at = clock.now()
    fund = steps.fund_or_404(slug)
    if not steps.takes_orders(fund, at):
        return steps.closed(request, fund)
    terms = current_terms(fund)
    draft = drafts.load(request, slug)
    investor = investors.investor_of(request.user)
    room = room_for(fund, terms, investor, at=at)
    if request.method == "POST":
        form = UnitsForm(request.POST, room=room)
        if form.is_valid():
            chosen = form.cleaned_data["units"]
            if "show" in request.POST:
                return redirect(f"{reverse('investments:units', args=[slug])}?units={chosen}")
            made = queries.order_of_form(draft.token, investor)
            if made is not None:
                again_or_new(draft, made)
            draft.units, draft.for_gift = chosen, form.cleaned_data["gift"]
            drafts.save(request, draft)
            return _on("you", slug)
    else:
        form = (
            UnitsForm(_asked(request), room=room)
            if "units" in request.GET
            else UnitsForm(
                initial={"units": min(draft.units or 1, max(1, room.most)), "gift": draft.for_gift}, room=room
            )
        )
    shown = _shown(form, room.most)
    context = {
        "form": form,
        "terms": terms,
        "room": room,
        "waiting": _waiting(investor, fund),
        "shown": shown,
        "investment": terms.investment * shown,
        "donation": terms.donation * shown,
        "fee": terms.fee * shown,
        "total": terms.unit_price * shown,
    }
    return steps.page(request, "units", fund, context, status=REFUSED if form.errors else 200)


def _waiting(investor: Investor | None, fund: Fund) -> Order | None:
    """An order of this fund that this visitor has not paid yet: perhaps that is the one they meant to go on with."""
    return queries.orders_of(investor).filter(fund=fund, state__in=UNPAID).first() if investor else None


def _asked(request: HttpRequest) -> dict[str, str]:
    return {"units": request.GET["units"]}


def _shown(form: UnitsForm, most: int) -> int:
    """The units whose sums are shown: what was asked for if it can be had, else what can be."""
    if form.is_bound:
        return form.cleaned_data["units"] if form.is_valid() else form.offer or 1
    return form.initial["units"]


def came_to_nothing(order: Order) -> bool:
    """Whether an order ended without a payment, so that the answers it was made of may serve again."""
    return order.state in (Order.State.EXPIRED, Order.State.CANCELLED) and order.paid_at is None


def again_or_new(draft: drafts.Draft, made: Order) -> None:
    """Make a used draft ready for another order: with its answers if the first came to nothing, else from the start."""
    if came_to_nothing(made):
        draft.renew()
    else:
        draft.start_again(draft.units)


@private
@get_or_post
@login_required
def you(request: HttpRequest, slug: str) -> HttpResponse:
    """F2: who applies. The first time a form, later a confirmation; `?change=1` shows the form again."""
    at = clock.now()
    fund = steps.fund_or_404(slug)
    if not steps.takes_orders(fund, at):
        return steps.closed(request, fund)
    terms = current_terms(fund)
    draft = drafts.load(request, slug)
    investor = investors.investor_of(request.user)
    gap = steps.missing(draft, investor, terms, before="you")
    if gap:
        return _on(gap, slug)
    confirmed, context = steps.applicant(request, investor, fund, at=at)
    if confirmed:
        draft.investor_id = confirmed.pk
        drafts.save(request, draft)
        return _on("documents", slug)
    return steps.page(request, "you", fund, context, status=steps.status_of(context["form"]))


@private
@get_or_post
@login_required
def documents(request: HttpRequest, slug: str) -> HttpResponse:
    """F3: the documents, five statements to judge, the consents. What is accepted is kept with hash, time and IP."""
    at = clock.now()
    fund = steps.fund_or_404(slug)
    if not steps.takes_orders(fund, at):
        return steps.closed(request, fund)
    terms = current_terms(fund)
    draft = drafts.load(request, slug)
    gap = steps.missing(draft, investors.investor_of(request.user), terms, before="documents")
    if gap:
        return _on(gap, slug)
    code = steps.language()
    found = steps.documents_of(terms, code)
    shared: dict[str, Any] = {"documents": found, "draft": draft, "policy": fund.policy}
    if request.method == "POST":
        draft.tries += 1
        form = UnderstandingForm(request.POST, **shared)
        if form.is_valid():
            ip = get_adapter(request).get_client_ip(request)
            draft.accepted = [
                {"id": document.pk, "sha256": document.sha256, "at": at.isoformat(), "ip": ip} for document in found
            ]
            draft.language = code
            draft.answers = form.answers()
        drafts.save(request, draft)
        if form.is_valid():
            return _on("supporter", slug)
    elif draft.accepts(found):
        # Given before in this same application, for these same bytes: nothing has to be entered twice.
        form = UnderstandingForm(initial=_given(draft), **shared)
    else:
        form = UnderstandingForm(**shared)
    return steps.page(request, "documents", fund, {"form": form}, status=REFUSED if form.errors else 200)


def _given(draft: drafts.Draft) -> dict[str, Any]:
    given: dict[str, Any] = {f"document_{item['id']}": True for item in draft.accepted}
    given |= dict.fromkeys(draft.answers.get("consents", []), True)
    for key, value in draft.answers.get("questions", {}).items():
        given[f"question_{key}"] = "true" if value else "false"
    return given


@private
@require_GET
@login_required
def open_document(request: HttpRequest, slug: str, document_id: int) -> HttpResponse:
    """Note that a document of this fund was opened, in exactly this version, and show it."""
    fund = steps.fund_or_404(slug)
    document = Document.objects.filter(fund=fund, pk=document_id).defer(*BYTES).first()
    if document is None:
        raise Http404
    return steps.show_opened(request, drafts.load(request, slug), fund, document)


@private
@get_or_post
@login_required
def supporter(request: HttpRequest, slug: str) -> HttpResponse:
    """F4: how the supporter appears, both answers are free; of a gift, whom it is for."""
    at = clock.now()
    fund = steps.fund_or_404(slug)
    if not steps.takes_orders(fund, at):
        return steps.closed(request, fund)
    terms = current_terms(fund)
    draft = drafts.load(request, slug)
    gap = steps.missing(draft, investors.investor_of(request.user), terms, before="supporter")
    if gap:
        return _on(gap, slug)
    kind = GiftForm if draft.for_gift else SupporterForm
    if request.method == "POST":
        form = kind(request.POST)
        if form.is_valid():
            if draft.for_gift:
                draft.gift = form.cleaned_data
            else:
                draft.supporter = form.cleaned_data
            drafts.save(request, draft)
            return _on("check", slug)
    else:
        known = draft.gift if draft.for_gift else draft.supporter
        form = kind(initial=known or {"language": steps.language()})
    context = {"form": form, "for_gift": draft.for_gift}
    return steps.page(request, "supporter", fund, context, status=REFUSED if form.errors else 200)


def own_order(request: HttpRequest, reference: str) -> Order:
    """The visitor's own order; another person's and one that does not exist answer alike. Raises Http404."""
    try:
        return queries.order_of(request.user, reference)
    except Order.DoesNotExist:
        raise Http404 from None


def order_url(order: Order) -> str:
    """The order's own page."""
    return reverse("order", args=[order.reference])


@private
@form_methods
@login_required
def waiting_list(request: HttpRequest, slug: str) -> HttpResponse:
    """F1: to be told when units of a fund that is sold out are free again, or not any more."""
    at = clock.now()
    fund = steps.fund_or_404(slug)
    if not steps.takes_orders(fund, at):
        return steps.closed(request, fund)
    if request.method == "POST":
        _wait_or_not(request, fund)
        return _on("waiting", slug)
    entry = waiting.entry_of(request.user, fund)
    context = {
        "fund": fund,
        "business": fund.business,
        "entry": entry,
        "before": waiting.before(entry) if entry and entry.told_at is None else 0,
        "free": fund.counter.available,
    }
    return render(request, "investments/waiting.html", context)


def _wait_or_not(request: HttpRequest, fund: Fund) -> None:
    if request.POST.get("do") == "leave":
        waiting.leave(request.user, fund)
        messages.success(request, _("You are off the list."))
        return
    try:
        waiting.join(request.user, fund, at=clock.now())
    except DomainError as error:
        messages.info(request, str(error))
    else:
        messages.success(request, _("You are on the list and get a mail when units are free."))
