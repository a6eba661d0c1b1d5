"""People who may have two accounts: staff tell them apart, with a reason (pages.md S8)."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from investments.investors import duplicates
from investments.models import Investor, Resemblance
from microfund.kernel import queues
from microfund.kernel.accounts.roles import REVIEWER
from microfund.kernel.acts import Act
from microfund.kernel.admin import Panel, ReadOnlyAdmin, link


def _decide(pair: Resemblance, *, state: str, actor: Any, at: datetime, reason: str) -> None:
    duplicates.decide(pair, state, actor=actor, at=at, reason=reason)


def _open(pair: Resemblance) -> bool:
    return pair.state == Resemblance.State.OPEN


def reasons_of(pair: Resemblance) -> str:
    """What two investors have in common, in words."""
    fields = ("by_person", "by_phone", "by_account")
    return ", ".join(str(Resemblance._meta.get_field(name).verbose_name) for name in fields if getattr(pair, name))


@admin.register(Resemblance)
class ResemblanceAdmin(ReadOnlyAdmin):
    """Two investors who have something in common that two people seldom have."""

    list_display = ("pk", "first", "second", "common", "state", "found_at", "decided_at")
    list_filter = ("state", "by_person", "by_phone", "by_account")
    list_select_related = ("first", "second")
    search_fields = ("first__name", "first__name_kana", "second__name", "second__name_kana")
    ordering = ("-pk",)
    fields = ("common", "state", "found_at", "decided_at", "decided_by")
    acts = (
        Act(
            name="different",
            label=_("Different people"),
            roles=(REVIEWER,),
            run=partial(_decide, state=Resemblance.State.DIFFERENT),
            when=_open,
            explanation=_("They leave the queue, and come back if something else in common is found. Neither is told."),
        ),
        Act(
            name="same",
            label=_("The same person"),
            roles=(REVIEWER,),
            run=partial(_decide, state=Resemblance.State.SAME),
            when=_open,
            explanation=_(
                "Say what was agreed with the person, such as which account is closed. Nothing is merged by this: "
                "orders and holdings stay where they are."
            ),
        ),
    )

    @admin.display(description=_("in common"))
    def common(self, row: Resemblance) -> str:
        return reasons_of(row)

    def facts(self, row: Resemblance) -> list[tuple[Any, Any]]:
        return [
            (_("first investor"), row.first.name),
            (_("second investor"), row.second.name),
            (_("in common"), reasons_of(row)),
        ]

    def panels(self, request: Any, row: Resemblance) -> list[Panel]:
        def cells(investor: Investor) -> tuple[Any, ...]:
            return (
                link(Investor, investor.pk, investor.name),
                investor.name_kana,
                investor.get_kind_display(),
                investor.get_identity_state_display(),
                investor.created_at.date(),
                investor.orders.count(),
            )

        columns = (_("name"), _("name in kana"), _("kind"), _("identity check"), _("created at"), _("orders"))
        return [Panel(_("The two"), columns, [cells(row.first), cells(row.second)], numeric=frozenset({5}))]


queues.register(
    queues.Queue(
        key="resemblances",
        label=_("Investors who may be one person"),
        model=Resemblance,
        rows=lambda: Resemblance.objects.filter(state=Resemblance.State.OPEN),
        since="found_at",
        roles=(REVIEWER,),
    )
)
