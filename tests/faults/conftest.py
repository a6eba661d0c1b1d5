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
def sandbox_of_file() -> Iterator[SandboxProcess]:
    """One provider for the tests of a file."""
    with provider.running() as process:
        yield process


@pytest.fixture
def sandbox(sandbox_of_file: SandboxProcess) -> SandboxProcess:
    """The provider, its clock standing still at the present of the proofs, wherever an earlier test left it."""
    provider.set_clock(world.NOW)
    return sandbox_of_file


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
