import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from microfund.kernel.embedded.postgres import Cluster

from .processes import until_gone


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of its own for a cluster; after the test no process may be left in it."""
    path = Path(tempfile.mkdtemp(prefix="tb-"))
    yield path
    cluster = Cluster(path / "postgres")
    cluster.stop()
    Cluster._instances.pop(cluster.data_dir, None)
    try:
        until_gone(path)
    finally:
        shutil.rmtree(path)
        if cluster.socket_dir != cluster.data_dir:
            shutil.rmtree(cluster.socket_dir, ignore_errors=True)


@pytest.fixture
def cluster(folder: Path) -> Iterator[Cluster]:
    """A running cluster that this process uses."""
    cluster = Cluster(folder / "postgres", {"durable": False})
    cluster.ensure_running()
    yield cluster
    cluster.release()
