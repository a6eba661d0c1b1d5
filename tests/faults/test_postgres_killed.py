"""Row 6 of the proofs: PostgreSQL is killed with SIGKILL, all its processes at once, under buyers and the desks of a
payday; nothing acknowledged is lost, and once everybody has finished, all is as if nothing had been killed
(`afterwards.py`). The server is one of its own with fsync on; buyers and desks are a process of their own (`buyers.py`,
`payday.py`).
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
KILLS = min(300, max(10, int(SECONDS / 4))) if TORTURE else 10


@pytest.fixture(scope="module")
def answer() -> Iterator[dict[str, Any]]:
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
        [sys.executable, "-m", "tests.faults.buyers", str(KILLS)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600 + 30 * KILLS,
    )
    try:
        assert done.returncode == 0, done.stderr[-6_000:]
        yield {**json.loads(done.stdout.splitlines()[-1]), "began": began}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


#: Acts of buyers, and of a payday: at least so many between two kills (`buyers.BETWEEN_KILLS`).
BOUGHT = {"placed": 4, "paid": 1}
PAYDAY = {"calculated": 1, "approved": 1, "received": 1, "prepared": 1, "sent": 1}


def test_no_acknowledged_commit_is_lost(answer: dict[str, Any]) -> None:
    """architecture.md section 3, domain.md sections 6 to 9."""
    tally, found = Tally("6 PostgreSQL killed", started=answer["began"]), answer["durable"]
    for what in ("kills", "processes", *BOUGHT, "cancelled", *PAYDAY, "done", "unknown", "compared"):
        tally.add(what, found.get(what, 0))
    assert not found["lost"], "\n".join(found["lost"])
    assert not found["wrong"], "\n".join(found["wrong"])
    assert not found["differs"], "\n".join(found["differs"][:20])
    tally.require("kills", KILLS)
    tally.require("unknown", KILLS)
    tally.require("cancelled", 1)
    tally.require("compared", BOUGHT["placed"] * KILLS)
    for what, least in (BOUGHT | PAYDAY).items():
        tally.require(what, least * KILLS)
    tally.show()


def test_control_a_commit_that_does_not_wait_for_the_disk_is_lost(answer: dict[str, Any]) -> None:
    """The same kill with `synchronous_commit=off` and `wal_writer_delay=10s`: orders are gone, and acts of a payday."""
    found = answer["relaxed"]
    payday = sum(line.startswith(("distribution=", "run=")) for line in found["lost"])
    print(f"\n  without waiting for the disk: {len(found['lost']) - payday} orders lost, {payday} rows of a payday")
    assert found["kills"] == 1 and len(found["lost"]) > payday >= 1
