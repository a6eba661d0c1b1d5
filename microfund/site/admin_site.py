"""The staff console: Django's admin behind a second factor (domain.md section 11)."""

from __future__ import annotations

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class StaffAdminSite(AdminSite):
    """Only active staff with a second factor get in; staff without one are sent to set it up."""

    site_title = _("Tomobune staff")
    site_header = _("Tomobune staff")
    index_title = _("Work queues")
    site_url = "/"

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return bool(user.is_active and user.is_staff and is_mfa_enabled(user))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        user = request.user
        if user.is_authenticated and user.is_active and user.is_staff:
            messages.warning(request, _("The staff console needs a second factor. Set one up first."))
            return redirect("mfa_index")
        if user.is_authenticated:
            messages.error(request, _("The staff console is for staff."))
            return redirect("home")
        return redirect_to_login(reverse("admin:index"), reverse("account_login"))
