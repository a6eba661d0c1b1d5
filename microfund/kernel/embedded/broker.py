"""The message broker that is there when nothing is configured: messages as files in a folder of ours.

It drops a message when it is read, so ``acks_late`` means nothing here; every task is also found by a sweep.
"""

import time
from pathlib import Path
from typing import Any

from kombu.transport import TRANSPORT_ALIASES

# How long a task waits in the folder at most before a worker looks (seconds). Looking costs well under a millisecond.
POLL_SECONDS = 0.3

SCHEME = "tomobune-files"
TRANSPORT_ALIASES[SCHEME] = "microfund.kernel.embedded.transport:Transport"


def celery_broker_settings(data_dir: Path) -> dict[str, Any]:
    """Celery settings for a broker of files under ``<data_dir>/broker``.

    Keys are Celery's own names (``broker_url``, ``broker_transport_options``). The folders are made by the first
    connection, not here: settings are also read by commands that must not write.
    """
    root = Path(data_dir) / "broker"
    return {
        "broker_url": f"{SCHEME}://",
        "broker_transport_options": {
            "data_folder_in": str(root / "messages"),
            "data_folder_out": str(root / "messages"),
            "processed_folder": str(root / "processed"),
            "control_folder": str(root / "control"),
            "store_processed": True,
            "polling_interval": POLL_SECONDS,
        },
    }


def prune(data_dir: Path, *, older_than_seconds: int = 86_400) -> int:
    """Remove files that nobody will read any more; returns how many.

    These are messages taken by a worker that was killed before it dropped them, half-written ones, and messages that
    waited for longer than that with no worker there: their sweeps have found the work long since.
    """
    limit = time.time() - older_than_seconds
    removed = 0
    for folder in ("processed", "messages"):
        for path in (Path(data_dir) / "broker" / folder).glob("*"):
            try:
                if path.stat().st_mtime < limit:
                    path.unlink()
                    removed += 1
            except FileNotFoundError:
                continue  # a worker was faster
    return removed
