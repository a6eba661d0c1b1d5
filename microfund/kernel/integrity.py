"""Checks of what the database promises, run in production: each answers with the rows that differ, nothing when all is
well (domain.md section 9).

An app registers its checks in `ready()`; `manage.py verify_ledger` and a daily sweep run them. All run in one snapshot,
so a purchase that commits meanwhile is either wholly seen or not at all, and two at a time, each on a connection of its
own that PostgreSQL lets look at the same snapshot.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

from django.db import connection, transaction

T = TypeVar("T")
Finder = Callable[[], Iterator[str]]
_FETCH = 2_000
_CONNECTIONS = 2
# The checks read whole tables: hashing in memory is worth it, compiling is not. Two run at once, so PostgreSQL need not
# split one over several processes, which takes more of the processor in all.
_ISOLATION = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_SETTINGS = ("work_mem = '256MB'", "jit = off", "max_parallel_workers_per_gather = 0", "enable_mergejoin = off")


@dataclass(frozen=True, slots=True)
class Check:
    """One promise: `name` (`area.what`), the `section` of domain.md that makes it, and what finds its breaches."""

    name: str
    section: str
    find: Finder

    @property
    def area(self) -> str:
        """What comes before the dot: the checks of an area read the same tables."""
        return self.name.partition(".")[0]

    @property
    def promise(self) -> str:
        """The promise in words: the first paragraph of the finder's docstring."""
        return " ".join((self.find.__doc__ or "").strip().split("\n\n")[0].split())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check found: every differing row as one line that names table and id, and how long it took."""

    check: Check
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Unfinished(Exception):
    """A check could not be done, or a connection of the checks failed: nothing is said about the books. One line."""

    def __init__(self, what: str, error: BaseException) -> None:
        super().__init__(f"{what} failed: {' '.join(str(error).split()) or type(error).__name__}")


class _Shared:
    """What several checks of one run read, such as the balance of every account: read once, by whichever asks first."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._answers: dict[Callable[[], Any], Future[Any]] = {}

    def answer(self, read: Callable[[], T]) -> T:
        with self._guard:
            first = read not in self._answers
            answer = self._answers.setdefault(read, Future())
        if first:
            _settle(answer, read)
        return answer.result()


Work = tuple[Check, "Future[Outcome]"]

_checks: dict[str, Check] = {}
# `shared` of the run that this thread works for.
_current = threading.local()


def register(name: str, section: str, find: Finder) -> None:
    """Register a check. `find()` yields one line for each differing row. Raises ValueError for a name in use."""
    known = _checks.get(name)
    if known is not None and known.find is not find:
        raise ValueError(f"two checks are called {name!r}")
    _checks[name] = Check(name, section, find)


def checks() -> list[Check]:
    """The registered checks in the order of their registration, which is that of the money's flow."""
    return list(_checks.values())


def query(sql: str, params: dict[str, Any] | None = None) -> Iterator[str]:
    """The first column of every row of a query: the way most checks say what they found.

    Parameters are named (`%(kinds)s`), so the `%s` of PostgreSQL's format() stays its own.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.replace("%s", "%%s") if params else sql, params)
        while batch := cursor.fetchmany(_FETCH):
            for row in batch:
                yield row[0]


def shared(read: Callable[[], T]) -> T:
    """What `read()` answers, read once in a run however many checks ask for it."""
    own: _Shared | None = getattr(_current, "shared", None)
    return own.answer(read) if own else read()


def rows(sql: str, params: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """Every row of a query; parameters as in `query`."""
    with connection.cursor() as cursor:
        cursor.execute(sql.replace("%s", "%%s") if params else sql, params)
        return cursor.fetchall()


def run(names: list[str] | None = None) -> Iterator[Outcome]:
    """Run the checks (all, or those named) in one snapshot of the database, one outcome each, in their order.

    Raises KeyError for an unknown name; Unfinished when a check or a connection fails, in whatever was found before.
    Inside a caller's transaction its own snapshot and connection are used.
    """
    wanted = checks() if names is None else [_checks[name] for name in names]
    own = _Shared()
    if connection.in_atomic_block:
        with transaction.atomic():
            for check in wanted:
                with _reading(own):
                    outcome = _outcome(check)
                yield outcome
        return
    work: list[Work] = [(check, Future()) for check in wanted]
    broken: list[Exception] = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ISOLATION)
        cursor.execute("SELECT pg_export_snapshot()")
        (snapshot,) = cursor.fetchone()
        # An iterator over a list hands each item to one thread only.
        areas = iter([list(area) for _name, area in groupby(work, lambda item: item[0].area)])
        workers = [threading.Thread(target=_work, args=(areas, snapshot, own, broken)) for _each in range(_CONNECTIONS)]
        for worker in workers:
            worker.start()
        try:
            for _check, future in work:
                yield _awaited(future, broken)
        finally:
            for _check, future in work:
                future.cancel()
            for worker in workers:
                worker.join()
    if broken:  # the other connection did it all, but what failed here is not known to be harmless
        raise Unfinished("a connection of the checks", broken[0]) from broken[0]


def _awaited(future: Future[Outcome], broken: list[Exception]) -> Outcome:
    """The outcome, once it is there. Raises Unfinished."""
    try:
        return future.result()
    except CancelledError:  # by the connection that failed
        raise Unfinished("a connection of the checks", broken[0]) from broken[0]


def _work(areas: Iterator[list[Work]], snapshot: str, own: _Shared, broken: list[Exception]) -> None:
    """Run one area after the other on this thread's connection, in `snapshot`."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_ISOLATION)
            cursor.execute("SET TRANSACTION SNAPSHOT %s", [snapshot])
            with _reading(own):
                for area in areas:
                    for check, future in area:
                        if future.set_running_or_notify_cancel():
                            _settle(future, partial(_outcome, check))
    except Exception as error:  # the connection failed: whoever waits must hear of it, whatever the other one can do
        broken.append(error)
        for area in areas:
            for _check, future in area:
                future.cancel()
    finally:
        connection.close()


@contextmanager
def _reading(own: _Shared) -> Iterator[None]:
    """Let this thread's checks share `own`, with settings for reading whole tables."""
    with connection.cursor() as cursor:
        for setting in _SETTINGS:
            cursor.execute(f"SET LOCAL {setting}")
    _current.shared = own
    try:
        yield
    finally:
        _current.shared = None


def _outcome(check: Check) -> Outcome:
    began = time.monotonic()
    try:
        differences = list(check.find())
    except Exception as error:
        raise Unfinished(f"the check {check.name}", error) from error
    return Outcome(check, differences, time.monotonic() - began)


def _settle(future: Future[T], call: Callable[[], T]) -> None:
    """Give a future what a call answers or raises."""
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)
