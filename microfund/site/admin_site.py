"""The staff console: Django's admin behind a second factor (domain.md section 11)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin import ModelAdmin as AnyAdmin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.translation import gettext_lazy as _

from microfund.kernel import clock, queues
from microfund.kernel.accounts.factors import has_factor
from microfund.kernel.accounts.roles import OPERATIONS, has_role, roles_of
from microfund.kernel.admin import StaffAdmin
from microfund.kernel.schedule import travel
from microfund.kernel.schedule.models import Heartbeat

from . import mail_previews, staff_dates


class StaffAdminSite(AdminSite):
    """Only active staff with a second factor get in; staff without one are sent to set it up."""

    site_title = _("Tomobune staff")
    site_header = _("Tomobune staff")
    index_title = _("Work queues")
    site_url = "/"
    index_template = "admin/staff_index.html"

    def register(self, model_or_iterable: Any, admin_class: type[AnyAdmin] | None = None, **options: Any) -> None:
        """Take only classes that are guarded by role: packages register tables of theirs as freely editable."""
        if admin_class is not None and issubclass(admin_class, StaffAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """The clock of a demo, the previews of mails, then Django's own."""
        from .travel_pages import time_travel

        return [
            path("time-travel/", self.admin_view(time_travel), name="time_travel"),
            path("mails/", self.admin_view(mail_previews.kinds_of_mail), name="mail_previews"),
            path("mails/<slug:name>/", self.admin_view(mail_previews.one_mail), name="mail_preview"),
            path(
                "mails/<slug:name>/<str:language>.html",
                self.admin_view(mail_previews.mail_html),
                name="mail_preview_html",
            ),
            *super().get_urls(),
        ]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page of the console needs."""
        return {
            **super().each_context(request),
            "time_travels": travel.possible() and has_role(request.user, OPERATIONS),
        }

    def has_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return bool(user.is_active and user.is_staff) and has_factor(user)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The work queues with their lengths and ages, those of the reader's roles first; below them all lists."""
        user = request.user
        lengths = queues.lengths() if user.is_superuser or roles_of(user) else []
        mine = [length for length in lengths if has_role(user, *length.queue.roles)]
        extra = {
            "mine": mine,
            "others": [length for length in lengths if length not in mine],
            "now": clock.now(),
            "worker_seen": Heartbeat.objects.exists(),
            "roles": sorted(roles_of(user)),
            "upcoming": staff_dates.upcoming(clock.today_in()) if lengths else [],
        }
        return super().index(request, {**extra, **(extra_context or {})})

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        user = request.user
        if user.is_authenticated and user.is_active and user.is_staff:
            messages.warning(request, _("The staff console needs a second factor. Set one up first."))
            return redirect("mfa_index")
        if user.is_authenticated:
            messages.error(request, _("The staff console is for staff."))
            return redirect("home")
        return redirect_to_login(reverse("admin:index"), reverse("account_login"))
