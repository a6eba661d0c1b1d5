"""Outgoing mail, as it was written and sent."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from microfund.kernel import queues
from microfund.kernel.accounts.roles import OPERATIONS, SUPPORT
from microfund.kernel.acts import Act
from microfund.kernel.admin import ReadOnlyAdmin

from . import services
from .models import Notice


def _retry(notice: Notice, *, actor: Any, at: Any, reason: str) -> None:
    services.retry(notice)


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    """One mail to one person."""

    list_display = ("happened_at", "kind", "recipient", "subject", "language", "state", "sent_at", "attempts")
    list_filter = ("state", "kind", "language")
    search_fields = ("=recipient", "key")
    search_help_text = _("Exact e-mail address, or part of the key")
    ordering = ("-pk",)
    fields = (
        "kind",
        "key",
        "recipient",
        "language",
        "subject",
        "plain_text",
        "happened_at",
        "state",
        "attempts",
        "next_try_at",
        "sent_at",
        "last_error",
    )
    acts = (
        Act(
            name="retry",
            label=_("Send again"),
            roles=(OPERATIONS, SUPPORT),
            run=_retry,
            when=lambda notice: notice.state == Notice.State.FAILED,
            explanation=_("The mail server refused this mail several times. Check the address first."),
            done=_("The mail is queued again."),
            audit="notices.Notice.retried",
        ),
    )

    @admin.display(description=_("text"))
    def plain_text(self, row: Notice) -> str:
        return format_html("<pre>{}</pre>", row.text)


queues.register(
    queues.Queue(
        key="notices_failed",
        label=_("Mails that could not be sent"),
        model=Notice,
        rows=lambda: Notice.objects.filter(state=Notice.State.FAILED),
        since="recorded_at",
        roles=(OPERATIONS, SUPPORT),
    )
)
