"""Named boundaries of a process: before and after every commit and every call to the outside; and every statement.

A boundary is *passed*; the process either counts and names it, or kills itself there with SIGKILL. Nothing of this is
in the product: the hooks sit on Django's connection, on the gateway's single door and on the mail door, and are put
there by `FaultsConfig` when the environment variable FAULT_POINT is set, which only microfund/settings/test.py reads.

FAULT_POINT is `count` (count and name), `boundary:12` (die at the twelfth boundary), `statement:40` (die before the
fortieth statement) or `idle`.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from typing import Any

_WRITES = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM|CALL)\s+"?([a-z_]+)"?', re.IGNORECASE)
_IS_WRITE = re.compile(
    r"\s*(?:INSERT|UPDATE|DELETE|COPY|CALL|WITH\b.*?\b(?:INSERT|UPDATE|DELETE)\b)", re.IGNORECASE | re.DOTALL
)


class Points:
    """What this process has passed, and where it is to die."""

    def __init__(self) -> None:
        self.boundaries: list[str] = []
        self.statements = 0
        self.written: list[str] = []
        self.counting = False
        self.kind = ""
        self.at = 0
        self.before_death: Callable[[], None] = lambda: None

    def arm(self, plan: str) -> None:
        """Begin anew by a FAULT_POINT. Raises ValueError for one that means nothing."""
        self.boundaries, self.statements, self.written = [], 0, []
        self.kind, _, number = plan.partition(":")
        if self.kind not in ("idle", "count", "boundary", "statement") or bool(number) != (
            self.kind in ("boundary", "statement")
        ):
            raise ValueError(f"FAULT_POINT {plan!r}")
        self.at = int(number or 0)
        self.counting = self.kind != "idle"

    def boundary(self, name: str) -> None:
        """Pass a boundary, or end there."""
        if not self.counting:
            return
        self.boundaries.append(name)
        if self.kind == "boundary" and len(self.boundaries) == self.at:
            self._die()

    def statement(self) -> None:
        """About to send a statement."""
        if not self.counting:
            return
        self.statements += 1
        if self.kind == "statement" and self.statements == self.at:
            self._die()

    def _die(self) -> None:
        self.before_death()
        os.kill(os.getpid(), signal.SIGKILL)


here = Points()
arm = here.arm


def install() -> None:
    """Hook commits, statements, the provider's door and the mail door of this process; a second time is nothing."""
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.utils import CursorWrapper

    from investments.payments import gateway
    from microfund.kernel.notices import services as notices

    if getattr(BaseDatabaseWrapper, "_faults_installed", False):
        return
    BaseDatabaseWrapper._faults_installed = True  # type: ignore[attr-defined]

    commit = BaseDatabaseWrapper._commit
    execute = CursorWrapper._execute

    def _commit(self: Any) -> Any:
        tables = ",".join(dict.fromkeys(here.written)) or "nothing"
        here.written.clear()
        here.boundary(f"before commit ({tables})")
        answer = commit(self)
        here.boundary(f"after commit ({tables})")
        return answer

    def _execute(self: Any, sql: Any, params: Any, *ignored: Any) -> Any:
        here.statement()
        text = sql if isinstance(sql, str) else str(sql)
        if not here.counting or not _IS_WRITE.match(text):
            return execute(self, sql, params, *ignored)
        tables = _WRITES.findall(text)
        if self.db.in_atomic_block:
            here.written.extend(tables)
            return execute(self, sql, params, *ignored)
        # Outside a transaction a statement is its own commit.
        name = ",".join(dict.fromkeys(tables))
        here.boundary(f"before autocommit ({name})")
        answer = execute(self, sql, params, *ignored)
        here.boundary(f"after autocommit ({name})")
        return answer

    BaseDatabaseWrapper._commit = _commit
    CursorWrapper._execute = _execute

    call, mail = gateway._call, notices._mail

    def _call(name: str, act: Any) -> Any:
        here.boundary(f"before {name}")
        answer = call(name, act)
        here.boundary(f"after {name}")
        return answer

    def _mail(notice: Any) -> None:
        here.boundary("before mail")
        mail(notice)
        here.boundary("after mail")

    gateway._call = _call
    notices._mail = _mail
