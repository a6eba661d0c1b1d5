"""kombu's file transport, made safe for several processes that send and read at once.

As it comes, a reader may take a message between its creation and its writing, two first users may overwrite each
other's list of queues, and read messages pass through the system's public temporary folder.
"""

import contextlib
import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import filesystem
from kombu.utils.json import dumps, loads

from . import trouble


class Channel(filesystem.Channel):
    """Messages are files named ``<time>_<uuid>.<queue>.msg``; they appear whole and are taken by renaming them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for folder in (self.data_folder_in, self.processed_folder, self.control_folder):
            try:
                Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise trouble.from_os_error(error, Path(folder).parent) from error

    @contextlib.contextmanager
    def _table_lock(self, how: int) -> Iterator[None]:
        fd = os.open(Path(self.control_folder) / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, how)
            yield
        finally:
            os.close(fd)

    def get_table(self, exchange: str) -> list[Any]:
        """Queues bound to an exchange."""
        with self._table_lock(fcntl.LOCK_SH):
            return super().get_table(exchange)

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        with self._table_lock(fcntl.LOCK_EX):
            super()._queue_bind(exchange, routing_key, pattern, queue)

    def _put(self, queue: str, payload: Any, **_options: Any) -> None:  # type: ignore[override]
        name = f"{time.time_ns():020d}_{uuid.uuid4()}"
        folder = Path(self.data_folder_out)
        draft = folder / f"{name}.draft"  # no queue reads names that end so
        try:
            draft.write_bytes(dumps(payload).encode())
            draft.rename(folder / f"{name}.{queue}.msg")
        except OSError:
            draft.unlink(missing_ok=True)
            raise

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        ending = f"{queue}.msg"
        folder, taken = Path(self.data_folder_in), Path(self.processed_folder)
        for found in sorted(folder.iterdir()):
            if found.name.partition(".")[2] != ending:
                continue
            try:
                path = found.rename(taken / found.name)
            except FileNotFoundError:
                continue  # another reader was faster
            payload = path.read_bytes()
            path.unlink()
            return loads(payload.decode())
        raise Empty


class Transport(filesystem.Transport):
    """Registered with kombu as ``tomobune-files`` by ``broker.py``."""

    Channel = Channel
