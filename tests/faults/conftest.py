"""A sandbox and a warmed process for the proofs by faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.faults import provider, world
from tests.faults.zygote import Zygote
from tests.sandbox_client import SandboxProcess


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    """The provider, its clock standing still at the present of the proofs."""
    with provider.running() as process:
        provider.set_clock(world.NOW)
        yield process


@pytest.fixture
def zygote(db: None, sandbox: SandboxProcess, tmp_path: Path) -> Iterator[Zygote]:
    """A process on this test's database and sandbox that forks a child for each case."""
    environment = {
        **provider.settings_for(sandbox),
        "FAULT_DATABASE": connection.settings_dict["NAME"],
        "FAULT_MAIL": str(tmp_path / "mail"),
    }
    with Zygote(environment) as process:
        yield process
