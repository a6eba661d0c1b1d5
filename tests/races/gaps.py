"""A rival at a chosen statement gap: one service stops before its n-th statement (or its commit) until another, on a
connection of its own, has finished or waits for a lock of the first. No luck is involved: each gap is one run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from django.db import connection

from microfund.kernel.errors import DomainError

Act = Callable[[], Any]


@dataclass
class Meeting:
    """What came of one run. An error that is not a DomainError is a fault of ours, whoever met it. `boundaries` are the
    gaps at which no transaction of the first had read or written anything yet."""

    gaps: int = 0
    boundaries: list[int] = field(default_factory=list)
    met: bool = False
    waited: bool = False
    results: dict[str, Any] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def run(self, name: str, act: Act) -> None:
        """Do it and keep what it said."""
        try:
            self.results[name] = act()
        except DomainError as refusal:
            self.refusals[name] = refusal.code
        except Exception as error:  # kept: the proof says what may be raised, which is nothing
            self.errors.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")


class Watch:
    """Sees from outside whether a backend waits for a lock."""

    def __init__(self) -> None:
        self._raw = psycopg2.connect(**connection.get_connection_params())
        self._raw.autocommit = True

    def waits(self, pid: int) -> bool:
        """Whether the backend stands before a lock that another one holds."""
        with self._raw.cursor() as cursor:
            cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [pid])
            return bool(cursor.fetchone()[0])

    def close(self) -> None:
        self._raw.close()


class _Rival(threading.Thread):
    def __init__(self, meeting: Meeting, act: Act) -> None:
        super().__init__(daemon=True)
        self.meeting, self.act = meeting, act
        self.pid: int | None = None
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            connection.ensure_connection()
            self.pid = connection.connection.get_backend_pid()
            self.meeting.run("rival", self.act)
        except BaseException as failure:  # raised again in the thread that joins
            self.failure = failure
        finally:
            connection.close()


def meet(first: Act, rival: Act, gap: int, watch: Watch) -> Meeting:
    """Run `first`; before its statement or commit number `gap` (from 1) let `rival` run as far as it gets.

    With a gap beyond the last one the rival runs after all is over; `gaps` says how many there were.
    """
    meeting = Meeting()
    thread = _Rival(meeting, rival)

    def come() -> None:
        meeting.met = True
        thread.start()
        while thread.is_alive() and not (thread.pid and watch.waits(thread.pid)):
            time.sleep(0.001)
        meeting.waited = thread.is_alive()

    under_way = False  # the first's transaction has had a statement

    def pass_gap() -> None:
        meeting.gaps += 1
        if not under_way:
            meeting.boundaries.append(meeting.gaps)
        if meeting.gaps == gap:
            come()

    def statement(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        nonlocal under_way
        pass_gap()
        under_way = connection.in_atomic_block
        return execute(sql, params, many, context)

    commit, rollback = connection._commit, connection._rollback

    def gap_and_commit() -> Any:
        nonlocal under_way
        pass_gap()
        under_way = False
        return commit()

    def end_by_rollback() -> Any:
        nonlocal under_way
        under_way = False
        return rollback()

    connection._commit, connection._rollback = gap_and_commit, end_by_rollback
    try:
        with connection.execute_wrapper(statement):
            meeting.run("first", first)
    finally:
        del connection._commit, connection._rollback
    if not meeting.met:
        come()
    thread.join(timeout=120)
    assert not thread.is_alive(), f"the rival hangs at gap {gap}"
    if thread.failure is not None:
        raise thread.failure
    return meeting
