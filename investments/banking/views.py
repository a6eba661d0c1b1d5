"""An investor's bank account: shown masked, changed in three steps (bank, branch, account), never shown whole again.

A change asks for a second factor and for the password or factor once more (domain.md section 11).
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from investments.investors.queries import investor_of
from microfund.kernel import clock
from microfund.kernel.accounts.factors import has_factor
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import REFUSED, form_methods, private, refuse

from . import accounts, bank_list, queries
from .forms import AccountForm


def _for_investors(view: Any) -> Any:
    """A step of the change: for somebody with a profile and a second factor who has just shown who they are."""

    @private
    @form_methods
    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponse:
        investor = investor_of(request.user)
        if investor is None:
            messages.info(request, _("Please give your personal details first."))
            return redirect("investments:profile")
        if not has_factor(request.user):
            return redirect("investments:bank")
        return _sure(request, investor, *arguments, **options)

    @reauthentication_required
    def _sure(request: HttpRequest, investor: Any, *arguments: Any, **options: Any) -> HttpResponse:
        return view(request, investor, *arguments, **options)

    return guarded


@private
@require_safe
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """The current account and the earlier ones, with the last three digits of each."""
    investor = investor_of(request.user)
    context = {
        "investor": investor,
        "account": queries.current_account(investor),
        "former": queries.former_accounts(investor) if investor else [],
        "has_factor": has_factor(request.user),
    }
    return render(request, "investments/bank.html", context)


@_for_investors
def choose_bank(request: HttpRequest, investor: Any) -> HttpResponse:
    """Step 1: the bank, by number, name or kana. The search stands in the address."""
    text = request.GET.get("q", "")[:60]
    context = {"q": text, "found": bank_list.banks(text), "most": bank_list.MOST}
    return render(request, "investments/bank_choose.html", context)


@_for_investors
def choose_branch(request: HttpRequest, investor: Any, bank: str) -> HttpResponse:
    """Step 2: the branch of a bank."""
    place = bank_list.bank(bank)
    if place is None:
        raise Http404
    text = request.GET.get("q", "")[:60]
    context = {"q": text, "bank": place, "found": bank_list.branches(bank, text), "most": bank_list.MOST}
    return render(request, "investments/branch_choose.html", context)


@_for_investors
def fill_in(request: HttpRequest, investor: Any, bank: str, branch: str) -> HttpResponse:
    """Step 3: kind, number and holder; saved, audited and told by mail."""
    places = bank_list.bank(bank), bank_list.branch(bank, branch)
    if None in places:
        raise Http404
    form = AccountForm(request.POST or None, investor=investor, initial={"holder": investor.name_kana})
    if request.method == "POST" and form.is_valid():
        try:
            accounts.change(investor, bank=bank, branch=branch, **form.cleaned_data, at=clock.now(), actor=request.user)
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, _("Your bank account is saved. A mail about it is on its way to you."))
            return redirect("investments:bank")
    context = {"form": form, "bank": places[0], "branch": places[1], "is_post": bank == "9900"}
    return render(request, "investments/bank_account.html", context, status=REFUSED if form.errors else 200)
