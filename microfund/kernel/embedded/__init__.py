"""The default when nothing is configured: PostgreSQL from a wheel and a broker in files, both under one data folder.

Importable from settings: needs neither Django's models nor a running server.
"""

from pathlib import Path
from typing import Any

from .broker import celery_broker_settings
from .errors import EmbeddedError
from .postgres import Cluster

#: In the data folder: where the demo over it runs, as settings.
ADDRESSES = "demo.env"

__all__ = ["ADDRESSES", "EmbeddedError", "celery_broker_settings", "database_settings"]


def database_settings(data_dir: Path, *, name: str = "tomobune", durable: bool = True) -> dict[str, Any]:
    """A ``DATABASES`` entry for the embedded PostgreSQL over ``<data_dir>/postgres``, started by its first connection.

    ``durable=False`` gives up safety against a power cut for speed; for tests.
    """
    return Cluster(Path(data_dir) / "postgres", {"durable": durable}).settings(name)
