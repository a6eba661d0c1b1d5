"""The address book (pages.md I9): what parcels may be sent to. Another person's address does not exist."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import REFUSED, form_methods, private, refuse

from . import addresses, queries
from .address_forms import KeptAddressForm
from .models import Address, Investor


def _own(request: HttpRequest) -> Investor | None:
    return queries.investor_of(request.user)


@private
@require_safe
@login_required
def address_list(request: HttpRequest) -> HttpResponse:
    """Every address that one keeps, the registered one first."""
    investor = _own(request)
    if investor is None:
        messages.info(request, _("Please give your personal details first."))
        return redirect("investments:profile")
    context = {
        "registered": addresses.registered(investor),
        "addresses": investor.addresses.order_by("label"),
        "most": addresses.MOST,
    }
    return render(request, "investments/addresses.html", context)


@private
@form_methods
@login_required
def address_edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Keep a new address, or change one."""
    investor = _own(request)
    if investor is None:
        if pk is not None:
            raise Http404
        return redirect("investments:profile")
    row = None
    if pk is not None:
        row = Address.objects.filter(investor=investor, pk=pk).first()
        if row is None:
            raise Http404
    known = {"label": row.label, **row.address} if row else None
    form = KeptAddressForm(request.POST if request.method == "POST" else None, initial=known)
    if request.method == "POST" and form.is_valid():
        label = form.cleaned_data["label"]
        try:
            addresses.save(investor, label=label, address=form.address(), actor=request.user, at=clock.now(), pk=pk)
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, _("The address is kept."))
            return redirect("investments:addresses")
    context = {"form": form, "address": row}
    return render(request, "investments/address.html", context, status=REFUSED if form.errors else 200)


@private
@require_POST
@login_required
def address_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget an address."""
    investor = _own(request)
    if investor is None or not Address.objects.filter(investor=investor, pk=pk).exists():
        raise Http404
    addresses.remove(investor, pk, actor=request.user, at=clock.now())
    messages.success(request, _("The address was removed."))
    return redirect("investments:addresses")
