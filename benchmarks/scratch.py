"""A scratch database for one benchmark, and the shape of its answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def scratch_database() -> Iterator[None]:
    """Migrate a new database in the benchmarks' own cluster, and drop it afterwards."""
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def answer(*, ours: float, floor: float, goal: float, at_least: bool, unit: str) -> dict[str, Any]:
    """`ratio` is ours / floor; `goal` its limit: at least (a throughput) or at most (a time)."""
    ratio = ours / floor
    return {
        "ours": round(ours, 4),
        "floor": round(floor, 4),
        "ratio": round(ratio, 3),
        "goal": f"{'>=' if at_least else '<='} {goal}",
        "holds": ratio >= goal if at_least else ratio <= goal,
        "unit": unit,
    }
