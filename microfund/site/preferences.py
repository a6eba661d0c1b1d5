"""What a visitor prefers to see, kept in a cookie of their own and nowhere else: the light or the dark theme."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from microfund.kernel.pages import form_methods

THEME_COOKIE = "theme"
THEMES = ("light", "dark")
CHOICES = [("system", _("System")), ("light", _("Light")), ("dark", _("Dark"))]
ONE_YEAR = 365 * 24 * 3600


def chosen_theme(request: HttpRequest | None) -> str:
    """The theme the visitor chose, ``light`` or ``dark``; empty for the system's own or a made-up cookie."""
    theme = request.COOKIES.get(THEME_COOKIE, "") if request else ""
    return theme if theme in THEMES else ""


@never_cache
@form_methods
def set_theme(request: HttpRequest) -> HttpResponse:
    """Keep the theme in a cookie and go back. Anything but ``light`` and ``dark`` means the system's own.

    Reading the page changes nothing, its button does. The switch at the foot of every page leads here when scripts
    are off: a form of its own there would put a token into pages that are the same for everybody.
    """
    back = _back(request)
    if request.method != "POST":
        asked = request.GET.get("theme") or chosen_theme(request) or "system"
        return render(request, "site/theme.html", {"back": back, "asked": asked, "choices": CHOICES})
    response = HttpResponseRedirect(back)
    theme = request.POST.get("theme", "")
    if theme in THEMES:
        response.set_cookie(
            THEME_COOKIE, theme, max_age=ONE_YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
        )
    else:
        response.delete_cookie(THEME_COOKIE, samesite="Lax")
    return response


def _back(request: HttpRequest) -> str:
    """The page to return to, if it is one of this site."""
    back = request.POST.get("next", "") or request.GET.get("next", "")
    allowed = url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return back if allowed else "/"
