"""Row 6 of the proofs: PostgreSQL is killed with SIGKILL, all its processes at once, under buyers and under a payday;
nothing acknowledged is lost. The server is one of its own with fsync on; buyers and staff are processes of their own
(`buyers.py`, `payers.py`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.scale import SECONDS, TORTURE, Tally

pytestmark = pytest.mark.faults

ROOT = Path(__file__).resolve().parents[2]
PAYDAYS = min(60, max(5, int(SECONDS / 10))) if TORTURE else 5
KILLS = min(300, max(10, int(SECONDS / 4))) if TORTURE else 10


def told_by(program: str, kills: int) -> Iterator[dict[str, Any]]:
    """What they were told and what was there after each recovery; both kinds of server in one run."""
    folder = Path(tempfile.mkdtemp(prefix="tb-"))
    environment = {
        **os.environ,
        "TOMOBUNE_DATA": str(folder),
        "DJANGO_SETTINGS_MODULE": "tests.faults.durable_settings",
        "DATABASE_URL": "",
    }
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", f"tests.faults.{program}", str(kills)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600 + 30 * kills,
    )
    try:
        assert done.returncode == 0, done.stderr[-6_000:]
        yield {**json.loads(done.stdout.splitlines()[-1]), "began": began}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def answer() -> Iterator[dict[str, Any]]:
    """Under buyers."""
    yield from told_by("buyers", KILLS)


@pytest.fixture(scope="module")
def payday() -> Iterator[dict[str, Any]]:
    """Under the staff of a payday."""
    yield from told_by("payers", PAYDAYS)


def test_no_acknowledged_commit_is_lost(answer: dict[str, Any]) -> None:
    """architecture.md section 3."""
    tally, found = Tally("6 PostgreSQL killed", started=answer["began"]), answer["durable"]
    for what in ("kills", "processes", "placed", "paid", "cancelled", "unknown"):
        tally.add(what, found.get(what, 0))
    assert not found["lost"], "\n".join(found["lost"])
    assert not found["wrong"], "\n".join(found["wrong"])
    tally.require("kills", KILLS)
    tally.require("unknown", KILLS)
    tally.require("placed", 4 * KILLS)
    tally.require("cancelled", 1)
    tally.require("paid", KILLS)
    tally.show()


def test_control_a_commit_that_does_not_wait_for_the_disk_is_lost(answer: dict[str, Any]) -> None:
    """The same kill with `synchronous_commit=off` and `wal_writer_delay=10s`."""
    found = answer["relaxed"]
    print(f"\n  without waiting for the disk: {len(found['lost'])} of {found['placed']} lost")
    assert found["kills"] == 1 and len(found["lost"]) >= 1


def test_no_acknowledged_act_of_a_payday_is_lost(payday: dict[str, Any]) -> None:
    """domain.md sections 6 to 9: calculated, approved, received, prepared, sent."""
    tally, found = Tally("6 PostgreSQL killed under a payday", started=payday["began"]), payday["durable"]
    for what in ("kills", "processes", "calculated", "approved", "received", "prepared", "sent", "unknown"):
        tally.add(what, found.get(what, 0))
    assert not found["lost"], "\n".join(found["lost"])
    assert not found["wrong"], "\n".join(found["wrong"])
    tally.require("kills", PAYDAYS)
    for what in ("calculated", "approved", "received", "prepared", "sent"):
        tally.require(what, PAYDAYS)
    tally.show()


def test_control_of_a_payday_a_commit_that_does_not_wait_for_the_disk_is_lost(payday: dict[str, Any]) -> None:
    """The same kill with `synchronous_commit=off` and `wal_writer_delay=10s`."""
    found = payday["relaxed"]
    print(f"\n  without waiting for the disk: {len(found['lost'])} acts of a payday lost")
    assert found["kills"] == 1 and len(found["lost"]) >= 1
