"""Checks of what the database promises, run in production: each answers with the rows that differ, nothing when all is
well (domain.md section 9).

An app registers its checks in `ready()`; `manage.py verify_ledger` and a daily sweep run them. All run in one snapshot,
so a purchase that commits meanwhile is either wholly seen or not at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db import connection, transaction

T = TypeVar("T")
Finder = Callable[[], Iterator[str]]
_FETCH = 2_000


@dataclass(frozen=True, slots=True)
class Check:
    """One promise: `name` (`area.what`), the `section` of domain.md that makes it, and what finds its breaches."""

    name: str
    section: str
    find: Finder

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


_checks: dict[str, Check] = {}
# What several checks of one run read, such as the balance of every account; None outside of a run.
_shared: dict[Callable[[], Any], Any] | None = None


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
    if _shared is None:
        return read()
    if read not in _shared:
        _shared[read] = read()
    return _shared[read]


def rows(sql: str, params: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """Every row of a query; parameters as in `query`."""
    with connection.cursor() as cursor:
        cursor.execute(sql.replace("%s", "%%s") if params else sql, params)
        return cursor.fetchall()


def run(names: list[str] | None = None) -> Iterator[Outcome]:
    """Run the checks (all, or those named) in one snapshot of the database, one outcome each.

    Raises KeyError for an unknown name. Inside a caller's transaction its own snapshot is used.
    """
    global _shared
    wanted = checks() if names is None else [_checks[name] for name in names]
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        with connection.cursor() as cursor:
            if outermost:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # The checks read whole tables: hashing in memory and two more processes are worth it, compiling is not.
            cursor.execute("SET LOCAL work_mem = '128MB'")
            cursor.execute("SET LOCAL jit = off")
        _shared = {}
        try:
            for check in wanted:
                began = time.monotonic()
                differences = list(check.find())
                yield Outcome(check, differences, time.monotonic() - began)
        finally:
            _shared = None
