"""What an owner promises (pages.md O7): proposes a reward, which the fund's staff takes on, and puts the files of a
digital one there."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from businesses.studio.access import Desk, studio
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import REFUSED, form_methods, refuse, row_id

from . import downloads, offers
from .models import Offer
from .offer_forms import ProposalForm


def _own(desk: Desk, pk: int) -> Offer:
    found = Offer.objects.filter(pk=pk, fund__business=desk.business, ended_at=None).select_related("fund").first()
    if found is None:
        raise Http404
    return found


@studio(owners=True)
@form_methods
def offer_desk(request: HttpRequest, desk: Desk, pk: int | None = None) -> HttpResponse:
    """O7: propose a reward, or change a proposal; one that was taken on is shown, with its files."""
    row = _own(desk, pk) if pk is not None else None
    editable = row is None or row.waiting
    form = None
    if editable:
        form = ProposalForm(request.POST or None, request.FILES or None, business=desk.business, instance=row)
        if request.method == "POST" and form.is_valid():
            try:
                offers.propose(form.instance, actor=request.user, at=clock.now())
            except DomainError as error:
                refuse(form, error)
            else:
                messages.success(request, _("The fund's staff looks at it. Until then you can still change it here."))
                return redirect("rewards:season", slug=desk.business.slug)
    elif request.method == "POST":
        raise Http404
    return _page(request, desk, row, form)


def _page(request: HttpRequest, desk: Desk, row: Offer | None, form: Any, file_error: str = "") -> HttpResponse:
    digital = row is not None and row.kind == Offer.Kind.DIGITAL
    context = {
        **desk.context(),
        "offer": row,
        "form": form,
        "digital": digital,
        "files": downloads.files_of(desk.business).filter(offer=row) if digital else [],
        "file_error": file_error,
    }
    wrong = bool(form and form.errors) or bool(file_error)
    return render(request, "rewards/offer.html", context, status=REFUSED if wrong else 200)


@studio(owners=True)
@require_POST
def files(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """O7: put a file of a digital reward there, or take one away."""
    row = _own(desk, pk)
    do, sent = request.POST.get("do", ""), request.FILES.get("file")
    if do.startswith("remove-"):
        number = row_id(do.removeprefix("remove-"))
        downloads.remove(desk.business, number, actor=request.user, at=clock.now())
        return redirect("rewards:offer", slug=desk.business.slug, pk=row.pk)
    if sent is None:
        return _page(request, desk, row, _form(desk, row), _("Choose a file."))
    try:
        downloads.add(row, sent.file, name=sent.name or "", actor=request.user, at=clock.now())
    except DomainError as error:
        return _page(request, desk, row, _form(desk, row), str(error))
    messages.success(request, _("The file is there. Who has claimed the reward can download it."))
    return redirect("rewards:offer", slug=desk.business.slug, pk=row.pk)


def _form(desk: Desk, row: Offer) -> ProposalForm | None:
    return ProposalForm(business=desk.business, instance=row) if row.waiting else None
