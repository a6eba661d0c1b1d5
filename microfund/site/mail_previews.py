"""Previews of every kind of mail for staff (pages.md 2.6, S13): written about made-up people by the functions that
write the real ones (microfund/kernel/notices/kinds.py)."""

from __future__ import annotations

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from microfund.kernel.accounts.roles import ROLES, has_role
from microfund.kernel.notices import kinds

LANGUAGES = tuple(code for code, _name in settings.LANGUAGES)


def _found(request: HttpRequest, name: str) -> kinds.Sample:
    """The sample of this name, for anybody in a staff group: it shows nobody's mail."""
    _require_role(request)
    try:
        return kinds.sample(name)
    except LookupError:
        raise Http404 from None


def _require_role(request: HttpRequest) -> None:
    if not has_role(request.user, *ROLES):
        raise PermissionDenied


@require_safe
def kinds_of_mail(request: HttpRequest) -> HttpResponse:
    """S13: every kind of mail: its number, when it is sent, to whom."""
    _require_role(request)
    context = {
        **admin.site.each_context(request),
        "title": _("Every kind of mail that the site sends"),
        "samples": kinds.samples(),
    }
    return render(request, "admin/mail_previews.html", context)


@csp_update({"frame-src": ["'self'"]})
@require_safe
def one_mail(request: HttpRequest, name: str) -> HttpResponse:
    """S13: one mail in both languages: subject, first words, HTML in a frame, text below it."""
    own = _found(request, name)
    shown = [
        {"language": language, "language_name": get_language_info(language)["name_local"],
         "mail": kinds.preview(own, language)}
        for language in LANGUAGES
    ]  # fmt: skip
    context = {**admin.site.each_context(request), "title": own.when, "sample": own, "shown": shown}
    return render(request, "admin/mail_preview.html", context)


@xframe_options_sameorigin
@require_safe
def mail_html(request: HttpRequest, name: str, language: str) -> HttpResponse:
    """S13: the HTML of a mail as it is sent. It can run and load nothing, and only our own page may frame it."""
    own = _found(request, name)
    if language not in LANGUAGES:
        raise Http404
    response = HttpResponse(kinds.preview(own, language).html)
    response["Content-Security-Policy"] = (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'"
    )
    response["Content-Language"] = language
    return response
