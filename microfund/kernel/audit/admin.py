"""The audit trail, to be read and filtered by person, object and date."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from microfund.kernel.admin import ReadOnlyAdmin, pretty

from .models import AuditRow


class ObjectFilter(admin.SimpleListFilter):
    """Rows of one object: given by the links of other pages, as `?object_type=…&object_id=…`."""

    title = _("object type")
    parameter_name = "object_type"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [(self.value() or "", self.value() or "")] if self.value() else []

    def has_output(self) -> bool:
        return bool(self.value())

    def queryset(self, request: Any, queryset: Any) -> Any:
        return queryset.filter(object_type=self.value()) if self.value() else queryset


class ObjectIdFilter(ObjectFilter):
    """The object's number."""

    title = _("object")
    parameter_name = "object_id"

    def queryset(self, request: Any, queryset: Any) -> Any:
        return queryset.filter(object_id=self.value()) if self.value() else queryset


@admin.register(AuditRow)
class AuditRowAdmin(ReadOnlyAdmin):
    """Who did what, when and why."""

    list_display = ("happened_at", "by", "action", "object_type", "object_id", "reason", "sealed")
    list_filter = (ObjectFilter, ObjectIdFilter, "happened_at")
    search_fields = ("=action", "=object_id", "=actor__email", "=actor_label")
    search_help_text = _("Exact action, object number, e-mail address or user:number")
    list_select_related = ("actor", "seal")
    ordering = ("-pk",)
    fields = (
        "happened_at",
        "recorded_at",
        "by",
        "action",
        "object_type",
        "object_id",
        "changed",
        "reason",
        "hash_text",
        "sealed",
    )

    @admin.display(description=_("by"))
    def by(self, row: AuditRow) -> str:
        return row.actor.email if row.actor else row.actor_label

    @admin.display(description=_("sealed"), boolean=True)
    def sealed(self, row: AuditRow) -> bool:
        return hasattr(row, "seal")

    @admin.display(description=_("changes"))
    def changed(self, row: AuditRow) -> str:
        return pretty(row.changes)

    @admin.display(description=_("content hash"))
    def hash_text(self, row: AuditRow) -> str:
        return bytes(row.content_hash).hex()
