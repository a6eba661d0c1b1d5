"""Work queues of staff: what waits for a person, how much of it and since when (pages.md section 1.2).

An app registers its queues beside its admin classes; the index of the staff console shows them all, and the list of
each model can be filtered to one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import Count, Min, Model, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Queue:
    """Rows of one model that wait for staff. `since` is the field that says since when, or empty; `roles` are those who
    work on it (everybody on the staff sees it)."""

    key: str
    label: Any
    model: type[Model]
    rows: Callable[[], QuerySet[Any]]
    since: str = ""
    roles: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The model's list, filtered to this queue."""
        meta = self.model._meta
        return f"{reverse(f'admin:{meta.app_label}_{meta.model_name}_changelist')}?queue={self.key}"


@dataclass(frozen=True, slots=True)
class Length:
    """A queue as it stands: how many rows wait, and since when the oldest does (an instant, a date or None)."""

    queue: Queue
    count: int
    oldest: Any


_queues: dict[str, Queue] = {}


def register(queue: Queue) -> None:
    """Add a queue; the last one registered under a key counts."""
    _queues[queue.key] = queue


def queues(model: type[Model] | None = None) -> list[Queue]:
    """The registered queues, of one model or all, in the order of their registration."""
    return [queue for queue in _queues.values() if model in (None, queue.model)]


def lengths() -> list[Length]:
    """How long every queue is: one query each."""
    found = []
    for queue in queues():
        figures: dict[str, Any] = {"count": Count("pk")}
        if queue.since:
            figures["oldest"] = Min(queue.since)
        row = queue.rows().order_by().aggregate(**figures)
        found.append(Length(queue, row["count"], row.get("oldest")))
    return found


class QueueFilter(admin.SimpleListFilter):
    """The filter of a list to one of its model's queues; not shown where there is none."""

    title = _("work queue")
    parameter_name = "queue"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, Any]]:
        return [(queue.key, queue.label) for queue in queues(model_admin.model)]

    def queryset(self, request: Any, queryset: QuerySet[Any]) -> QuerySet[Any]:
        queue = _queues.get(self.value() or "")
        if queue is None or queue.model is not queryset.model:
            return queryset
        return queryset.filter(pk__in=queue.rows().order_by().values("pk"))
