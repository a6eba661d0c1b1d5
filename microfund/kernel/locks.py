"""Row locks, always taken in one declared order, never outside a transaction (architecture.md section 3).

The order is declared by the apps (`declare_order`); two services that lock the same rows can then never wait for each
other in a circle, and a mistake is an error in the first test that runs into it instead of a deadlock in year three.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import structlog
from django.db import connection, models, transaction

log = structlog.get_logger(__name__)
M = TypeVar("M", bound=models.Model)

_order: list[str] = []


class LockOrderError(RuntimeError):
    """A row was locked after one that comes later in the declared order."""


def declare_order(*labels: str) -> None:
    """Append model labels (`app_label.ModelName`) to the global lock order, first locked first."""
    _order.extend(label for label in labels if label not in _order)


def declared_order() -> list[str]:
    """The declared order, first locked first."""
    return list(_order)


def outermost_atomic() -> Any:
    """The outermost transaction block that was not opened by a test case, or None."""
    blocks = [block for block in connection.atomic_blocks if not getattr(block, "_from_testcase", False)]
    return blocks[0] if blocks else None


def in_own_transaction() -> bool:
    """True inside a transaction of the running code (the wrapper of a test case does not count)."""
    return outermost_atomic() is not None


def _held() -> dict[str, Any] | None:
    """What this transaction has locked: its outermost block, the latest rank, the rows; None outside of one."""
    block = outermost_atomic()
    if block is None:
        return None
    held: dict[str, Any] | None = getattr(connection, "_held_locks", None)
    if held is None or held["block"] is not block:
        held = {"block": block, "rank": -1, "rows": set()}
        connection._held_locks = held  # type: ignore[attr-defined]
    return held


def note(label: str, pks: Iterable[Any] = ()) -> None:
    """Check and record that rows of `label` are about to be locked; raises LockOrderError when a later one is held.

    Rows that this transaction holds already may be locked again at any time: that never waits.
    """
    held = _held()
    if held is None or label not in _order:
        return
    rank = _order.index(label)
    rows = {(label, pk) for pk in pks}
    if rank < held["rank"] and not (rows and rows <= held["rows"]):
        raise LockOrderError(f"{label} is locked after {_order[held['rank']]}; the order is {' -> '.join(_order)}")
    held["rank"] = max(rank, held["rank"])


def _remember(rows: Iterable[models.Model]) -> None:
    """These rows are locked until the end of the transaction."""
    held = _held()
    if held is not None:
        held["rows"].update((row._meta.label, row.pk) for row in rows)


def lock(model: type[M], pks: Iterable[Any]) -> list[M]:
    """Lock rows of one model by primary key, ordered by it, and return them fresh.

    The lock leaves the key alone (FOR NO KEY UPDATE): a row that refers to this one may be written meanwhile. With FOR
    UPDATE an order placed while its fund closes would wait for the fund at its foreign key, holding the counter that
    the closing waits for.

    Raises: model.DoesNotExist if one is missing; TransactionManagementError outside a transaction; LockOrderError.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("a row lock needs a transaction")
    wanted = sorted(set(pks))
    if not wanted:
        return []  # nothing to wait for, so no order to keep
    note(model._meta.label, wanted)
    rows = list(
        model._default_manager.select_for_update(of=("self",), no_key=True).filter(pk__in=wanted).order_by("pk")
    )
    if len(rows) != len(wanted):
        raise model.DoesNotExist(f"{model.__name__}: {sorted(set(wanted) - {row.pk for row in rows})}")  # type: ignore[attr-defined]
    _remember(rows)
    return rows


def lock_one(model: type[M], pk: Any) -> M:
    """Lock one row and return it fresh; raises as `lock`."""
    return lock(model, [pk])[0]


def try_lock(model: type[M], pk: Any, **conditions: Any) -> M | None:
    """Lock one row if it meets the conditions and nobody else holds it; None otherwise (a sweep goes on)."""
    note(model._meta.label, [pk])
    rows = model._default_manager.select_for_update(of=("self",), skip_locked=True, no_key=True)
    row = rows.filter(pk=pk, **conditions).first()
    if row is not None:
        _remember([row])
    return row


def each(pks: Iterable[Any], act: Callable[[Any], Any], counts: dict[str, int], key: str) -> None:
    """Treat due rows one after the other; an error in one is logged and counted and never stops the others."""
    for pk in list(pks):
        try:
            counts[key] += bool(act(pk))
        except Exception:  # counted and logged; the sweep's JobRun shows it to staff and the row stays due
            log.exception("sweep.row_failed", key=key, pk=pk)
            counts["errors"] += 1


def advisory(name: str) -> bool:
    """Try to take a lock by name until the end of the transaction; False when somebody else holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        return bool(cursor.fetchone()[0])
