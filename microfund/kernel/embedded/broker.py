"""The message broker that is there when nothing is configured: kombu's file transport over a folder of ours.

It drops a message when it is read, so ``acks_late`` means nothing here; every task is also found by a sweep.
"""

import time
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.3


def celery_broker_settings(data_dir: Path) -> dict[str, Any]:
    """Celery settings for a broker of files under ``<data_dir>/broker``; makes nothing until a task is sent or read.

    Keys are Celery's own names (``broker_url``, ``broker_transport_options``).
    """
    root = Path(data_dir) / "broker"
    messages = str(root / "messages")
    return {
        "broker_url": "filesystem://",
        "broker_transport_options": {
            "data_folder_in": messages,
            "data_folder_out": messages,
            "processed_folder": str(root / "processed"),
            "control_folder": str(root / "control"),
            "store_processed": False,
            "polling_interval": POLL_SECONDS,
        },
    }


def prune(data_dir: Path, *, older_than_seconds: int = 86_400) -> int:
    """Remove processed messages and abandoned locks older than that; returns how many files went."""
    limit = time.time() - older_than_seconds
    removed = 0
    for path in (Path(data_dir) / "broker" / "processed").glob("*"):
        if path.is_file() and path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)
            removed += 1
    return removed
