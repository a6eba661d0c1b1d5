"""State tables: which state may follow which, changed under a row lock, each change an audit row.

`docs/states.md` is generated from the tables declared here (`manage.py docs_states`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from . import locks
from .audit import services as audit
from .errors import DomainError

M = TypeVar("M", bound=models.Model)

_tables: dict[str, StateTable] = {}


class StateTable:
    """The transitions of one model's state field.

    `transitions` maps a state to the states that may follow it. `section` names the rule (domain.md).
    """

    def __init__(
        self, label: str, transitions: dict[str, tuple[str, ...]], *, section: str, field: str = "state"
    ) -> None:
        self.label = label
        self.transitions = transitions
        self.section = section
        self.field = field
        _tables[f"{label}.{field}"] = self

    def allowed(self, state: str, to: str) -> bool:
        """Whether `to` may follow `state`."""
        return to in self.transitions.get(state, ())

    def require(self, state: str, to: str) -> None:
        """Raise DomainError("wrong_state") unless `to` may follow `state`."""
        if not self.allowed(state, to):
            raise DomainError(
                "wrong_state",
                _("This cannot go from “%(state)s” to “%(to)s”.") % {"state": state, "to": to},
                state=state,
                to=to,
            )

    def move(
        self,
        row: M,
        to: str,
        *,
        at: datetime,
        actor: Any = None,
        reason: str = "",
        details: dict[str, Any] | None = None,
        **values: Any,
    ) -> M:
        """Lock `row`, check the transition, write state and `values`, leave an audit row; returns the fresh row.

        Raises DomainError("wrong_state"). Must run inside a transaction. The passed object is refreshed in place.
        """
        fresh = locks.lock_one(type(row), row.pk)
        before = getattr(fresh, self.field)
        self.require(before, to)
        values[self.field] = to
        for name, value in values.items():
            setattr(fresh, name, value)
            setattr(row, name, value)
        fresh.save(update_fields=list(values))
        audit.record(
            action=f"{self.label}.{to}",
            subject=fresh,
            at=at,
            actor=actor,
            reason=reason,
            changes={self.field: [before, to], **(details or {})},
        )
        return fresh


def tables() -> dict[str, StateTable]:
    """All declared tables by `label.field`, for the generated documentation."""
    return dict(_tables)
