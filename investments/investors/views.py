"""An investor's own details outside of a purchase: somebody moved, or a check asks for a correction (pages.md I9)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import REFUSED, form_methods, private, refuse

from . import documents, queries, services
from .forms import FORMS, DocumentForm, ProfileForm, initial_of
from .models import Investor


def kind_of(request: HttpRequest, investor: Investor | None) -> str:
    """A person or a company: as asked for, else as the profile says."""
    asked = request.POST.get("kind") or request.GET.get("kind")
    if asked in FORMS:
        return str(asked)
    return investor.kind if investor else Investor.Kind.PERSON


def profile_form(request: HttpRequest, investor: Investor | None, *, on: date) -> ProfileForm:
    """The form for this visitor: as it was sent, else filled with what is known."""
    kind = kind_of(request, investor)
    if request.method == "POST":
        return FORMS[kind](request.POST, on=on)
    known = investor if investor is not None and investor.kind == kind else None
    return FORMS[kind](initial=initial_of(known), on=on)


def save_form(request: HttpRequest, form: ProfileForm, *, at: datetime) -> Investor | None:
    """Save what was sent; None when it is refused, with the reason at its field."""
    if not form.is_valid():
        return None
    try:
        return services.save_profile(request.user, form.profile(), at=at)
    except DomainError as error:
        refuse(form, error)
        return None


def profile_context(investor: Investor | None, kind: str) -> dict[str, Any]:
    """What the pages with the form show beside it."""
    return {
        "investor": investor,
        "kind": kind,
        "kind_is_fixed": bool(investor and investor.orders.exists()),
        "rejected": bool(investor and investor.identity_state == Investor.Identity.REJECTED),
    }


@private
@form_methods
@login_required
def identity_check(request: HttpRequest) -> HttpResponse:
    """Where one's identity check stands, why it was rejected, and the pictures of a document to send for it.

    The pictures themselves are shown to nobody but reviewers, not even to whom they are of.
    """
    at = clock.now()
    investor = queries.investor_of(request.user)
    if investor is None:
        messages.info(request, _("Please give your personal details first."))
        return redirect("investments:profile")
    form = DocumentForm(request.POST, request.FILES) if request.method == "POST" else DocumentForm()
    if form.is_bound and form.is_valid():
        try:
            documents.submit(investor, kind=form.cleaned_data["kind"], files=form.pictures(), at=at, actor=request.user)
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, _("Thank you. Our staff look at your document within a few days."))
            return redirect("investments:identity")
    case = queries.latest_case(investor)
    context = {
        "form": form,
        "investor": investor,
        "case": case,
        "documents": queries.documents_of(case),
        "kept_days": settings.IDENTITY_DOCUMENT_DAYS,
    }
    return render(request, "investments/identity.html", context, status=REFUSED if form.errors else 200)


@private
@form_methods
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Read and change one's own details; a change of identity is checked again by staff."""
    at = clock.now()
    investor = queries.investor_of(request.user)
    form = profile_form(request, investor, on=clock.today_in(None, at))
    if request.method == "POST" and save_form(request, form, at=at):
        messages.success(request, _("Your details are saved."))
        return redirect("investments:profile")
    context = {"form": form, **profile_context(investor, form.kind)}
    return render(request, "investments/profile.html", context, status=REFUSED if form.errors else 200)
