"""Events and their deliveries; one that failed can be tried again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from microfund.kernel import queues
from microfund.kernel.accounts.roles import OPERATIONS
from microfund.kernel.acts import Act
from microfund.kernel.admin import ReadOnlyAdmin, ReadOnlyInline, pretty

from . import services
from .models import Delivery, Event


class DeliveryInline(ReadOnlyInline):
    model = Delivery
    fields = ("subscriber", "delivered_at")
    show_change_link = False


def _retry(event: Event, *, actor: Any, at: Any, reason: str) -> None:
    services.retry(event)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """One thing that happened, and which subscribers know of it."""

    list_display = ("kind", "key", "happened_at", "done_at", "attempts", "last_error")
    list_filter = ("kind", ("done_at", admin.EmptyFieldListFilter))
    search_fields = ("key",)
    ordering = ("-pk",)
    fields = (
        "kind",
        "key",
        "content",
        "happened_at",
        "recorded_at",
        "next_try_at",
        "done_at",
        "attempts",
        "last_error",
    )
    inlines = (DeliveryInline,)
    acts = (
        Act(
            name="retry",
            label=_("Deliver again"),
            roles=(OPERATIONS,),
            run=_retry,
            when=lambda event: event.done_at is None,
            explanation=_("Subscribers that have handled the event already are left out."),
            done=_("The event is due again."),
            audit="outbox.Event.retried",
        ),
    )

    @admin.display(description=_("payload"))
    def content(self, row: Event) -> str:
        return pretty(row.payload)


queues.register(
    queues.Queue(
        key="events_failed",
        label=_("Events that could not be delivered"),
        model=Event,
        rows=lambda: Event.objects.filter(done_at=None, attempts__gt=0),
        since="recorded_at",
        roles=(OPERATIONS,),
    )
)
