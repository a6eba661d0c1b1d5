"""A person's rewards (pages.md I5): what can be claimed, what is on its way, what came, what is coming.

Another person's reward and one that does not exist answer alike.
"""

from __future__ import annotations

from typing import Any

import segno
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from investments.investors import addresses
from investments.investors import queries as investors
from investments.models import Investor
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.notices.parts import link
from microfund.kernel.pages import REFUSED, form_methods, private, refuse

from . import arrival, claims, downloads, queries, vouchers
from .forms import NEW, OWN, ClaimForm, ComplaintForm
from .models import DigitalFile, Entitlement, Offer, Voucher

SHOWN = 100


@private
@require_safe
@login_required
def reward_list(request: HttpRequest) -> HttpResponse:
    """I5: everything that is or will be one's own, what waits for an answer first."""
    investor = investors.investor_of(request.user)
    on = clock.today_in()
    rows = list(queries.entitlements_of(investor)[:SHOWN]) if investor else []
    context = {
        "waiting": [row for row in rows if row.state in queries.WAITING],
        "under_way": [row for row in rows if row.state in queries.UNDER_WAY],
        "over": [row for row in rows if row.state in queries.OVER],
        "coming": queries.coming(investor, on=on) if investor else [],
        "vouchers": list(queries.vouchers_of(investor)[:SHOWN]) if investor else [],
        "on": on,
        "trail": [(_("My account"), reverse("me"))],
    }
    return render(request, "rewards/list.html", context)


def _own(request: HttpRequest, pk: int) -> tuple[Investor, Entitlement]:
    investor = investors.investor_of(request.user)
    try:
        return investor, claims.own(investor, pk)  # type: ignore[return-value]
    except Entitlement.DoesNotExist:
        raise Http404 from None


@private
@form_methods
@login_required
def claim(request: HttpRequest, pk: int) -> HttpResponse:
    """I5: one reward: claim it, change the claim until it is packed, or see where it is."""
    investor, row = _own(request, pk)
    form = ClaimForm(
        request.POST if request.method == "POST" else None, row=row, investor=investor, initial=_initial(row, investor)
    )
    if request.method == "POST" and form.is_valid() and _claimed(request, investor, row, form):
        return redirect("rewards:claim", pk=row.pk)
    return _page(request, row, form, ComplaintForm())


def _page(request: HttpRequest, row: Entitlement, form: ClaimForm | None, complaint: ComplaintForm) -> HttpResponse:
    """The page of a reward, as it stands or with what was refused."""
    on, cycle = clock.today_in(), row.cycle
    wrong = bool(form and form.errors) or bool(complaint.errors)
    context = {
        "row": row,
        "cycle": cycle,
        "offer": cycle.offer,
        "business": cycle.offer.fund.business,
        "form": form if _may_claim(row, on=on) else None,
        "complaint_form": complaint if arrival.may_complain(row, on=on) else None,
        "refused": complaint if complaint.errors else form,
        "files": _files(row),
        "is_named": claims.is_named(row),
        "at_once": cycle.offer.kind in claims.AT_ONCE,
        "over": row.state == Entitlement.State.CLAIMABLE and not _may_claim(row, on=on),
        "parcel": getattr(row, "parcel", None),
        "left": None if cycle.stock is None else cycle.stock - cycle.promised,
        "compensation": queries.compensation_of(row) if row.state == Entitlement.State.COMPENSATED else None,
        "instead": row.replaced_by.filter(holding=row.holding).select_related("cycle__offer").first(),
        **_voucher(row),
        "trail": [(_("My account"), reverse("me")), (_("Rewards"), reverse("rewards:list"))],
    }
    return render(request, "rewards/claim.html", context, status=REFUSED if wrong else 200)


def _files(row: Entitlement) -> list[DigitalFile]:
    """What can be downloaded."""
    if row.cycle.offer.kind != Offer.Kind.DIGITAL or row.state != Entitlement.State.DELIVERED:
        return []
    return list(downloads.of_entitlement(row))


def _may_claim(row: Entitlement, *, on: Any) -> bool:
    """Whether the form is shown: within the window, until packing, or for what came back."""
    if row.holding.frozen_at is not None:
        return False
    if row.state == Entitlement.State.CLAIMABLE:
        return claims.is_open(row, on=on)
    return row.state in claims.MAY_CLAIM or claims.is_named(row)


def _initial(row: Entitlement, investor: Investor) -> dict[str, Any]:
    parcel = getattr(row, "parcel", None)
    first = {"to": OWN if addresses.registered(investor) else NEW}
    if parcel is None and row.cycle.offer.kind == Offer.Kind.ACKNOWLEDGEMENT:
        return {**first, "card": investor.name}
    if parcel is None or (row.state not in claims.MAY_CLAIM and not claims.is_named(row)):
        return first
    known = {name: parcel.address.get(name, "") for name in addresses.PARTS}
    return {
        **known,
        "to": "pass_on" if parcel.donee_id else NEW,
        "donee": str(parcel.donee_id or ""),
        "gift": parcel.gift,
        "card": parcel.card,
        "wish_on": parcel.wish_on.isoformat() if parcel.wish_on else "",
        "allergies": parcel.allergies,
        "read_allergens": True,
    }


def _claimed(request: HttpRequest, investor: Investor, row: Entitlement, form: ClaimForm) -> bool:
    """Do what was chosen; the refusal stands by its field."""
    at = clock.now()
    choice = form.choice()
    try:
        claims.claim(investor, row.pk, choice, actor=request.user, at=at)
        label = form.cleaned_data.get("keep_as", "")
        if label and form.cleaned_data.get("to") == NEW:
            addresses.save(investor, label=label, address=choice.address, actor=request.user, at=at)
    except DomainError as error:
        if error.data.get("field") == "label":
            messages.warning(request, str(error))
            return True
        refuse(form, error)
        return False
    messages.success(request, _("It is noted. Until it is packed you can still change it here."))
    return True


def _voucher(row: Entitlement) -> dict[str, Any]:
    own = getattr(row, "voucher", None)
    return {"voucher": None} if own is None else _shown(own)


def _shown(own: Voucher) -> dict[str, Any]:
    """A voucher, its code as it is read out, and as a picture for the till."""
    address = f"{link('rewards:till', own.business.slug)}?code={own.code}#till"
    # Our own drawing of our own code.
    qr = mark_safe(segno.make(address, error="m").svg_inline(scale=4, border=2, dark="#142B36", light="#FFFFFF"))  # noqa: S308
    return {"voucher": own, "code": vouchers.shown(own.code), "qr": qr}


@private
@require_safe
@login_required
def voucher(request: HttpRequest, pk: int) -> HttpResponse:
    """I5: the voucher of a payment in kind: its code, what is left, until when, and what came back to cash."""
    investor = investors.investor_of(request.user)
    own = queries.vouchers_of(investor).filter(pk=pk).first() if investor else None
    if own is None or own.line is None:
        raise Http404
    context = {
        **_shown(own),
        "line": own.line,
        "over": vouchers.is_over(own, on=clock.today_in()),
        "back": getattr(own.line, "came_back", None),
        "trail": [(_("My account"), reverse("me")), (_("Rewards"), reverse("rewards:list"))],
    }
    return render(request, "rewards/voucher.html", context)


@private
@require_POST
@login_required
def decline(request: HttpRequest, pk: int) -> HttpResponse:
    """I5: the investor does not want it; others may have it."""
    investor, row = _own(request, pk)
    try:
        claims.decline(investor, row.pk, actor=request.user, at=clock.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Thank you for telling us. Somebody else may have it."))
    return redirect("rewards:claim", pk=row.pk)


@private
@require_POST
@login_required
def received(request: HttpRequest, pk: int) -> HttpResponse:
    """I5: it is there."""
    investor, row = _own(request, pk)
    try:
        arrival.received(investor, row.pk, actor=request.user, at=clock.now())
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Good to know. Enjoy it."))
    return redirect("rewards:claim", pk=row.pk)


@private
@require_POST
@login_required
def complain(request: HttpRequest, pk: int) -> HttpResponse:
    """I5: it did not arrive, or arrived damaged; the business answers."""
    investor, row = _own(request, pk)
    form = ComplaintForm(request.POST)
    if form.is_valid():
        try:
            arrival.complain(investor, row.pk, actor=request.user, at=clock.now(), **form.cleaned_data)
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, _("The business has been told, and answers you."))
            return redirect("rewards:claim", pk=row.pk)
    return _page(request, row, None, form)


@private
@require_POST
@login_required
def download(request: HttpRequest, pk: int, file: int) -> HttpResponse:
    """I5: a file of a digital reward, to be saved. By POST, for each time is counted."""
    investor, row = _own(request, pk)
    try:
        found, content = downloads.take(investor, row.pk, file, actor=request.user, at=clock.now())
    except (DigitalFile.DoesNotExist, FileNotFoundError):
        raise Http404 from None
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("rewards:claim", pk=row.pk)
    answer = HttpResponse(content, content_type=found.content_type)
    answer["Content-Disposition"] = content_disposition_header(True, found.name)
    return answer
