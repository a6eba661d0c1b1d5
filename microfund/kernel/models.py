"""Abstract models shared by all apps; no domain words here."""

from __future__ import annotations

from typing import Any

from django.db import models

from .errors import DomainError


class AppendOnlyQuerySet(models.QuerySet):
    """Refuses in Python what the database's triggers refuse as well, with a clearer message."""

    def update(self, **kwargs: Any) -> int:
        raise DomainError("append_only", f"{self.model.__name__} rows are never changed")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise DomainError("append_only", f"{self.model.__name__} rows are never deleted")


class AppendOnly(models.Model):
    """A row that is written once: triggers refuse UPDATE, DELETE and TRUNCATE (architecture.md section 6)."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None and not self._state.adding:
            raise DomainError("append_only", f"{type(self).__name__} rows are never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise DomainError("append_only", f"{type(self).__name__} rows are never deleted")
