"""One's own data: a file of everything that is held, and the end of the account (pages.md I9)."""

from __future__ import annotations

from datetime import timedelta

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from investments.investors.queries import investor_of
from investments.payouts.records import accounts_sent_to
from microfund.kernel import clock, limits
from microfund.kernel.audit import services as audit
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from microfund.kernel.pages import form_methods, private

from . import closing
from .personal_data import export as everything

#: Files that one person may ask for within a day.
PER_DAY = 5
EXPORTED = "accounts.User.exported"


@private
@require_safe
@login_required
def privacy(request: HttpRequest) -> HttpResponse:
    """What is held and for how long, and what one can do about it."""
    return render(request, "site/privacy_mine.html", {"investor": investor_of(request.user)})


@private
@form_methods
@login_required
@reauthentication_required
def export(request: HttpRequest) -> HttpResponse:
    """The file, for who has just shown who they are; a few times a day, each an audit row."""
    at = clock.now()
    made = AuditRow.objects.filter(action=EXPORTED, actor_id=request.user.pk, happened_at__gt=at - timedelta(days=1))
    times = list(made.order_by("-happened_at").values_list("happened_at", flat=True)[:PER_DAY])
    again_at = times[-1] + timedelta(days=1) if len(times) == PER_DAY else None
    if request.method == "POST" and again_at is None:
        audit.record(action=EXPORTED, subject=request.user, at=at, actor=request.user)
        response = JsonResponse(
            {"made_at": at, **everything(request.user)}, json_dumps_params={"ensure_ascii": False, "indent": 2}
        )
        response.headers["Content-Disposition"] = f'attachment; filename="tomobune-{at:%Y-%m-%d}.json"'
        return response
    context = {"again": limits.words(limits.full_minute(again_at)) if again_at else ""}
    return render(request, "site/export_mine.html", context, status=429 if again_at else 200)


@private
@form_methods
@login_required
@reauthentication_required
def close(request: HttpRequest) -> HttpResponse:
    """Close the account: what stands against it, or what is erased and what is kept; then one button."""
    refused = None
    if request.method == "POST":
        if request.POST.get("sure") != "yes":
            refused = [_("Tick the box if you want to close the account.")]
        else:
            try:
                closing.close(request.user, at=clock.now())
            except DomainError as error:
                refused = error.data["reasons"]
            else:
                logout(request)
                messages.success(request, _("Your account is closed. Thank you for the way we went together."))
                return redirect("home")
    context = {
        "reasons": closing.blockers(request.user),
        "kept": closing.keeps_contracts(investor := investor_of(request.user)),
        "paid_to": investor is not None and accounts_sent_to(investor).exists(),
        "record_years": settings.PAYMENT_RECORD_YEARS,
        "refused": refused,
        "page_has_errors": bool(refused),
    }
    return render(request, "site/close_account.html", context, status=422 if refused else 200)
