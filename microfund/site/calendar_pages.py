"""The private calendar: the page where its secret address is made, and the feed itself (pages.md I11)."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST, require_safe

from investments.investors import calendar as addresses
from microfund.kernel import clock
from microfund.kernel.pages import private

from .calendar_feed import feed


@private
@require_safe
@login_required
def calendar(request: HttpRequest) -> HttpResponse:
    """I11: the address to put into one's own calendar, how to do that, how to make it worthless."""
    found = addresses.address_of(request.user)
    address = request.build_absolute_uri(reverse("calendar_feed", args=[found.token])) if found else ""
    context = {
        "found": found,
        "address": address,
        "subscribe": "webcal://" + address.partition("://")[2],
        "trail": [(_("My account"), reverse("me"))],
    }
    return render(request, "site/calendar.html", context)


@private
@require_POST
@login_required
def calendar_address(request: HttpRequest) -> HttpResponse:
    """Make the address, make it anew, or turn it off (`act` is `make` or `drop`)."""
    at = clock.now()
    act = request.POST.get("act")
    if act == "drop":
        addresses.drop_address(request.user, at=at)
        messages.success(request, _("The calendar is turned off. Its address leads nowhere any more."))
    elif act == "make":
        before = addresses.address_of(request.user) is not None
        addresses.make_address(request.user, at=at)
        if before:
            messages.success(request, _("There is a new address. The old one leads nowhere any more."))
        else:
            messages.success(request, _("Your calendar has an address now."))
    return redirect("calendar")


@cache_control(private=True, no_cache=True)
@require_safe
def calendar_feed(request: HttpRequest, token: str) -> HttpResponse:
    """The feed. Who knows the address reads it without logging in; an unknown or former one answers 404."""
    found = addresses.find(token)
    if found is None:
        raise Http404
    response = HttpResponse(feed(found.user, at=clock.now()), content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = 'inline; filename="tomobune.ics"'
    response["Content-Language"] = found.user.language
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
