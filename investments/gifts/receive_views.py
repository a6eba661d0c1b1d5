"""The receiver's side (pages.md P23): what the gift is, then who they are and what they sign, as F2 and F3 ask of any
investor. Whoever holds the link sees the gift; only who is logged in can accept it."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from investments.investors import queries as investors
from investments.investors.models import Investor
from investments.offerings.models import Document
from investments.offerings.services import current_terms
from investments.orders import draft as drafts
from investments.orders import giving, steps
from investments.orders.forms import UnderstandingForm
from investments.orders.models import Gift
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import REFUSED, form_methods, private

from . import services
from .views import state_of

_SELECTED = ("order__fund__business", "order__fund__policy", "order__fund__counter", "order__payer", "order__investor")
#: What the line of steps calls them.
STEPS = (gettext_lazy("The gift"), gettext_lazy("You"), gettext_lazy("Documents"))


def _gift(token: str) -> Gift:
    """The gift of a link. Raises Http404 for one that never was, or not any more."""
    if not token.isascii() or len(token) > giving.LONGEST_TOKEN:
        raise Http404
    gift = Gift.objects.select_related(*_SELECTED).filter(token_hash=giving.hash_of(token)).first()
    if gift is None:
        raise Http404
    return gift


def _page(request: HttpRequest, name: str, gift: Gift, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    order = gift.order
    shared = {
        "gift": gift,
        "order": order,
        "fund": order.fund,
        "business": order.fund.business,
        "giver": order.payer.name,
        "by": services.last_day(order),
        "steps": STEPS,
    }
    response = render(request, f"investments/gift_{name}.html", {**shared, **context}, status=status)
    # The address is the key to the gift: no other site is told of it.
    response["Referrer-Policy"] = "no-referrer"
    return response


@private
@form_methods
def offer(request: HttpRequest, token: str) -> HttpResponse:
    """P23: who gives what, with their words; accept or decline. A gift that is over says so in words of its own."""
    gift = _gift(token)
    at = clock.now()
    open_now = services.can_be_accepted(gift, at=at)
    if request.method == "POST" and request.POST.get("do") == "decline":
        try:
            services.decline(gift, at=at)
        except DomainError as error:
            messages.error(request, str(error))
        return redirect("investments:gift_offer", token)
    user_id = request.user.pk
    context = {
        "current": 1,
        "open_now": open_now,
        "state": state_of(gift)[0],
        "token": token,
        "own": user_id is not None and gift.order.payer.user_id == user_id,
        "theirs": user_id is not None and gift.order.investor.user_id == user_id,
    }
    return _page(request, "offer", gift, context, status=200 if open_now or context["theirs"] else 410)


def _waiting(request: HttpRequest, token: str) -> Gift | HttpResponse:
    """A gift that the visitor may accept now, or where to go instead."""
    gift = _gift(token)
    if not services.can_be_accepted(gift, at=clock.now()) or gift.order.payer.user_id == request.user.pk:
        return redirect("investments:gift_offer", token)
    return gift


def _draft(request: HttpRequest, gift: Gift) -> drafts.Draft:
    return drafts.load(request, f"gift:{gift.pk}")


@private
@form_methods
@login_required
def you(request: HttpRequest, token: str) -> HttpResponse:
    """F2 for the receiver: the profile the first time, later a confirmation; `?change=1` shows the form again."""
    gift = _waiting(request, token)
    if isinstance(gift, HttpResponse):
        return gift
    investor = investors.investor_of(request.user)
    confirmed, context = steps.applicant(request, investor, gift.order.fund, at=clock.now())
    if confirmed:
        draft = _draft(request, gift)
        draft.investor_id = confirmed.pk
        drafts.save(request, draft)
        return redirect("investments:gift_documents", token)
    context |= {"current": 2, "token": token}
    return _page(request, "you", gift, context, status=steps.status_of(context["form"]))


@private
@form_methods
@login_required
def documents(request: HttpRequest, token: str) -> HttpResponse:
    """F3 for the receiver, and the signature: what is accepted is kept with hash, time and IP, and the units are
    theirs."""
    gift = _waiting(request, token)
    if isinstance(gift, HttpResponse):
        return gift
    investor = investors.investor_of(request.user)
    draft = _draft(request, gift)
    if investor is None or draft.investor_id != investor.pk or not investors.is_complete(investor):
        return redirect("investments:gift_you", token)
    code = steps.language()
    found = steps.documents_of(current_terms(gift.order.fund), code)
    shared: dict[str, Any] = {"documents": found, "draft": draft, "policy": gift.order.fund.policy}
    form = UnderstandingForm(request.POST or None, **shared)
    if request.method == "POST":
        draft.tries += 1
        drafts.save(request, draft)
        if form.is_valid() and _sign(request, gift, investor, form, found, code):
            return redirect("order", gift.order.reference)
    context = {"current": 3, "form": form, "token": token}
    return _page(request, "documents", gift, context, status=REFUSED if form.errors else 200)


def _sign(
    request: HttpRequest, gift: Gift, investor: Investor, form: UnderstandingForm, found: list[Document], code: str
) -> bool:
    at, ip = clock.now(), get_adapter(request).get_client_ip(request)
    accepted = [services.place.Accepted(document.pk, document.sha256, at, ip) for document in found]
    try:
        services.accept(gift, investor, acceptances=accepted, answers=form.answers(), language=code, at=at)
    except DomainError as error:
        form.add_error(None, str(error))
        return False
    messages.success(request, _("The gift is accepted. Your contract is on its way by mail."))
    return True


@private
@require_GET
@login_required
def open_document(request: HttpRequest, token: str, document_id: int) -> HttpResponse:
    """Note that a document was opened, in exactly this version, and show it."""
    gift = _gift(token)
    document = Document.objects.filter(fund=gift.order.fund, pk=document_id).only("pk", "sha256").first()
    if document is None:
        raise Http404
    return steps.show_opened(request, _draft(request, gift), gift.order.fund, document)
