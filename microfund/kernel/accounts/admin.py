"""Users and the staff groups: who is on the staff, in which role. Only superusers change that."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from microfund.kernel import crypto
from microfund.kernel.accounts import factors
from microfund.kernel.accounts.roles import AUDITOR, OPERATIONS, REVIEWER, SUPPORT
from microfund.kernel.acts import Act
from microfund.kernel.admin import Panel, StaffAdmin

from .models import User


@admin.register(User)
class UserAdmin(StaffAdmin):
    """A login. Passwords and second factors are their owner's own: nobody sets them here. Second factors that somebody
    has lost are taken away, and every recovery code with them."""

    list_display = ("email", "is_active", "is_staff", "language", "date_joined", "last_login")
    list_filter = ("is_staff", "is_active", "groups")
    search_fields = ("email",)
    search_help_text = _("E-mail address")
    ordering = ("email",)
    fields = ("email", "is_active", "is_staff", "groups", "is_superuser", "language", "date_joined", "last_login")
    readonly_fields = ("email", "is_superuser", "language", "date_joined", "last_login")
    view_roles = (REVIEWER, OPERATIONS, SUPPORT, AUDITOR)
    acts = (
        Act(
            name="factors",
            label=_("Take away the second factors"),
            roles=(SUPPORT, OPERATIONS),
            run=factors.take_away,
            when=factors.has_factor,
            explanation=_(
                "For somebody who has lost the second factor and every recovery code. First make sure who is asking: "
                "call the telephone number that we have of them. They are logged out everywhere and told by mail, also "
                "at the address that they had before; they then log in with the password and set up a new factor."
            ),
            done=_("The second factors are gone. The person was told by mail."),
            confirm=True,
            danger=True,
        ),
    )

    def panels(self, request: Any, row: User) -> list[Panel]:
        former = row.former_addresses.order_by("-replaced_at")[:20]
        return [
            Panel(
                _("Former addresses"),
                (_("e-mail address"), _("replaced at")),
                [
                    (crypto.mask(one.email, keep=len(one.email.partition("@")[2]) + 1), one.replaced_at)
                    for one in former
                ],
            ),
            Panel(
                _("Mails switched on or off"),
                (_("kind"), _("wanted"), _("changed at")),
                list(row.notice_choices.order_by("kind").values_list("kind", "wanted", "changed_at")),
            ),
        ]

    def has_add_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff and request.user.is_superuser)
