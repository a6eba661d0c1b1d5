"""The giver's side (pages.md I6): the gifts made, each with what can still be done about it, and its card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import segno
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from investments.orders.forms import GiftForm
from investments.orders.models import AWAITS_RECEIVER, UNPAID, Gift
from microfund.kernel import clock, typesetting
from microfund.kernel.errors import DomainError
from microfund.kernel.notices.letters import day
from microfund.kernel.notices.parts import link, name_of
from microfund.kernel.pages import REFUSED, form_methods, private, refuse

from . import services

_CARD = Path(__file__).resolve().parent.joinpath("typst", "card.typ")
_SELECTED = ("order__fund__business", "order__fund__policy", "order__payer")


@private
@require_safe
@login_required
def gifts(request: HttpRequest) -> HttpResponse:
    """I6: every gift that the visitor has made, newest first, with its state and the day until which it waits."""
    made = Gift.objects.filter(order__payer__user_id=request.user.pk).select_related(*_SELECTED).order_by("-pk")
    rows = [(gift, *state_of(gift), services.last_day(gift.order)) for gift in made]
    return render(request, "investments/gifts.html", {"rows": rows})


def state_of(gift: Gift) -> tuple[str, str]:
    """Where a gift stands: a state that state_looks draws, and its words; its own state while the order stands."""
    if gift.order.ended_at is not None:
        return "ended", _("ended")
    if gift.state == Gift.State.OPEN and gift.order.state in UNPAID:
        return "unpaid", _("not paid yet")
    return gift.state, gift.get_state_display()


def _own(request: HttpRequest, reference: str) -> Gift:
    """The visitor's own gift. Raises Http404 for another person's and none alike."""
    found = Gift.objects.select_related(*_SELECTED).filter(
        order__reference=reference, order__payer__user_id=request.user.pk
    )
    gift = found.first()
    if gift is None:
        raise Http404
    return gift


@private
@form_methods
@login_required
def gift(request: HttpRequest, reference: str) -> HttpResponse:
    """I6: one gift: send it again, mean another person, keep the units, print the card, cancel the order."""
    own = _own(request, reference)
    form = GiftForm(initial=_known(own))
    if request.method == "POST":
        if request.POST.get("do") == "change":
            form = GiftForm(request.POST)
        done = _act(request, own, form)
        if done:
            messages.success(request, done)
            return redirect("investments:gift", reference)
    by = services.last_day(own.order)
    state, label = state_of(own)
    context = {
        "gift": own,
        "state": state,
        "label": label,
        "order": own.order,
        "fund": own.order.fund,
        "form": form,
        "by": by,
        "may_change": state in ("unpaid", *AWAITS_RECEIVER),
        "may_hand_over": services.can_be_accepted(own, at=clock.now()),
        "address": link("investments:gift_offer", own.token),
    }
    return render(request, "investments/gift.html", context, status=REFUSED if form.errors else 200)


def _known(own: Gift) -> dict[str, str]:
    return {
        "name": own.receiver_name,
        "email": own.receiver_email,
        "language": own.language,
        "message": own.message,
    }


def _act(request: HttpRequest, own: Gift, form: GiftForm) -> str:
    """Do what a button asks for; what to say about it, or nothing when it was refused (said in the form or above)."""
    at, do = clock.now(), request.POST.get("do")
    try:
        if do == "send":
            services.send_again(own, actor=request.user, at=at)
            return _("It is on its way again.")
        if do == "keep":
            services.keep(own, actor=request.user, at=at)
            return _("The units are yours. The link and the card lead nowhere any more.")
        if do == "change" and form.is_valid():
            services.change(own, form.wish, actor=request.user, at=at)
            return _("It is changed. The link and the card from before lead nowhere any more.")
    except DomainError as error:
        if form.is_bound:
            refuse(form, error)
        else:
            messages.error(request, str(error))
    return ""


@private
@require_safe
@login_required
def card(request: HttpRequest, reference: str) -> HttpResponse:
    """I6: a card to hand over, as PDF on A5, in the receiver's language; its QR code is the gift's link."""
    own = _own(request, reference)
    at = clock.now()
    if not services.can_be_accepted(own, at=at):
        raise Http404
    with translation.override(own.language):
        pdf = typesetting.pdf(_CARD, _card(own), at=own.order.paid_at or own.created_at)
    response = HttpResponse(pdf, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="gift-{own.order.reference}.pdf"'
    return response


def _card(own: Gift) -> dict[str, Any]:
    order, by = own.order, services.last_day(own.order)
    address = link("investments:gift_offer", own.token)
    words = {
        "giver": order.payer.name,
        "business": name_of(order.fund.business),
        "units": order.units,
        "date": day(by) if by else "",
    }
    qr = segno.make(address, error="m")
    return {
        "language": own.language,
        "title": _("A gift for %(name)s") % {"name": own.receiver_name},
        "what": translation.ngettext(
            "%(units)d unit of the fund for %(business)s: half a donation, half an investment.",
            "%(units)d units of the fund for %(business)s: half a donation, half an investment.",
            order.units,
        )
        % words,
        "message": own.message,
        "giver": order.payer.name,
        "how": _("Accept it until %(date)s: scan the code, or type this address. It costs you nothing.") % words,
        "address": address,
        "qr": qr.svg_inline(scale=4, border=2, dark="#142B36", light="#FFFFFF"),
    }
