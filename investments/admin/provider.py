"""What comes from the provider: the webhook inbox, its payouts, its lists, and what could not be recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from investments.models import ProviderCursor, ProviderPayout, UnrecordedObject, WebhookDelivery
from investments.payments import reconcile, unrecorded, webhook
from microfund.kernel import queues
from microfund.kernel.accounts.roles import FINANCE_MAKER, OPERATIONS
from microfund.kernel.acts import Act
from microfund.kernel.admin import Panel, ReadOnlyAdmin, money, pretty
from microfund.kernel.errors import DomainError

from .journal import line_panel
from .payments import lines_of


def _replay(delivery: WebhookDelivery, *, actor: Any, at: datetime, reason: str) -> None:
    after = webhook.replay(delivery, at=at)
    if after is not None and after.state == WebhookDelivery.State.FAILED:
        raise DomainError("failed", _("It failed again: %(error)s") % {"error": after.error})


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    """One event of the provider as it came."""

    list_display = ("event_id", "kind", "object_id", "state", "attempts", "received_at", "processed_at", "error")
    list_filter = ("state", "kind", "livemode")
    search_fields = ("=event_id", "=object_id")
    ordering = ("-pk",)
    fields = (
        "event_id",
        "kind",
        "object_id",
        "livemode",
        "state",
        "attempts",
        "received_at",
        "next_try_at",
        "processed_at",
        "error",
        "content",
    )
    acts = (
        Act(
            name="replay",
            label=_("Replay"),
            roles=(OPERATIONS,),
            run=_replay,
            explanation=_(
                "The provider is asked about the object again; effects are unique, so nothing happens twice."
            ),
            audit="investments.WebhookDelivery.replayed",
            outside=True,
        ),
    )

    @admin.display(description=_("body"))
    def content(self, row: WebhookDelivery) -> str:
        return pretty(row.body)

    def facts(self, row: WebhookDelivery) -> list[tuple[Any, Any]]:
        return [(_("event"), row.event_id), (_("kind"), row.kind), (_("state"), row.get_state_display())]


def _payout_looked_at(payout: ProviderPayout, *, actor: Any, at: datetime, reason: str) -> None:
    reconcile.looked_at(payout, actor=actor, at=at, reason=reason)


def _payouts_waiting() -> Any:
    odd = Q(difference__gt=0) | Q(difference__lt=0) | ~Q(unmatched=[])
    return ProviderPayout.objects.filter(odd, reviewed_at=None)


@admin.register(ProviderPayout)
class ProviderPayoutAdmin(ReadOnlyAdmin):
    """A payout of the provider to our bank, and how it was journaled by fund."""

    list_display = (
        "provider_id",
        "state",
        money("amount", _("amount")),
        money("fees", _("fees")),
        money("difference", _("not explained by its lines")),
        "arrived_on",
        "recorded_at",
    )
    list_filter = ("state",)
    ordering = ("-arrived_on", "-pk")
    search_fields = ("=provider_id",)
    fields = (
        "provider_id",
        "state",
        money("amount", _("amount")),
        money("fees", _("fees")),
        money("own", _("the operator's own")),
        money("difference", _("not explained by its lines")),
        "arrived_on",
        "by_fund",
        "foreign",
        "reviewed_at",
        "recorded_at",
    )
    acts = (
        Act(
            name="looked_at",
            label=_("Looked at"),
            roles=(FINANCE_MAKER,),
            run=_payout_looked_at,
            when=lambda payout: payout.reviewed_at is None and bool(payout.unmatched or payout.difference),
            explanation=_(
                "Say what the lines are that belong to none of our payments, or why the lines do not come to the "
                "amount. Nothing is journaled by this."
            ),
        ),
    )

    @admin.display(description=_("not ours"))
    def foreign(self, row: ProviderPayout) -> str:
        return pretty(row.unmatched)

    def panels(self, request: Any, row: ProviderPayout) -> list[Panel]:
        kinds = ("provider_payout", "provider_payout_failed")
        return [line_panel(lines_of([f"{kind}:payout:{row.pk}" for kind in kinds]), _("Journal"))]


@admin.register(ProviderCursor)
class ProviderCursorAdmin(ReadOnlyAdmin):
    """Until when the provider's lists have been read."""

    list_display = ("name", "seen_until")
    ordering = ("name",)


def _object_looked_at(row: UnrecordedObject, *, actor: Any, at: datetime, reason: str) -> None:
    unrecorded.looked_at(row, actor=actor, at=at, reason=reason)


@admin.register(UnrecordedObject)
class UnrecordedObjectAdmin(ReadOnlyAdmin):
    """Something at the provider that could not be recorded here, and why."""

    list_display = ("provider_id", "kind", "state", "tries", "seen_at", "tried_at", "problem")
    list_filter = ("state", "kind")
    search_fields = ("=provider_id",)
    ordering = ("-pk",)
    acts = (
        Act(
            name="looked_at",
            label=_("Looked at"),
            roles=(FINANCE_MAKER, OPERATIONS),
            run=_object_looked_at,
            when=lambda row: row.state == UnrecordedObject.State.OPEN,
            explanation=_("Say what was done about it, at the provider or here. It is not tried again."),
        ),
    )

    def facts(self, row: Any) -> list[tuple[Any, Any]]:
        return [(row.get_kind_display(), row.provider_id), (_("problem"), row.problem)]


for queue in (
    queues.Queue(
        key="webhooks_failed",
        label=_("Webhooks that failed"),
        model=WebhookDelivery,
        rows=lambda: WebhookDelivery.objects.filter(state=WebhookDelivery.State.FAILED),
        since="received_at",
        roles=(OPERATIONS,),
    ),
    queues.Queue(
        key="payouts_unmatched",
        label=_("Provider's payouts that our payments do not explain"),
        model=ProviderPayout,
        rows=_payouts_waiting,
        since="recorded_at",
        roles=(FINANCE_MAKER,),
    ),
    queues.Queue(
        key="unrecorded",
        label=_("Objects of the provider that could not be recorded"),
        model=UnrecordedObject,
        rows=lambda: UnrecordedObject.objects.filter(state=UnrecordedObject.State.OPEN),
        since="seen_at",
        roles=(FINANCE_MAKER, OPERATIONS),
    ),
):
    queues.register(queue)
