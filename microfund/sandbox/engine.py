"""The parts of one sandbox, put together: settings, state, clock, faults, webhooks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import API_VERSION
from .clock import Clock
from .faults import Faults
from .objects_money import event
from .payments import sweep
from .store import Store, new_id
from .webhooks import Outbox

REMEMBERED_REQUESTS = 10_000
REFUND_POLICIES = ("succeeded", "pending", "requires_action", "failed", "succeeded_then_failed")


@dataclass(frozen=True)
class Settings:
    """What the command line says."""

    data: Path
    secret_key: str
    webhook_url: str | None = None
    webhook_secret: str = "whsec_sandbox"  # noqa: S105 - a default for a provider without money
    port: int = 0
    return_anywhere: bool = False
    verbose: bool = False
    api_version: str = API_VERSION


class Sandbox:
    """One provider and one bank. Whoever reads or writes state does so inside ``work()``."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.data / "sandbox.sqlite3")
        self.clock = Clock(self.store)
        self.faults = Faults()
        self.outbox = Outbox(self.store, settings)
        self.refund_policies: list[str] = []
        self.available_after_days = 0
        self.base_url = ""
        self.requests: deque[dict[str, Any]] = deque(maxlen=REMEMBERED_REQUESTS)
        self.request: dict[str, str | None] = {"id": None, "idempotency_key": None}
        self._in_flight: set[str] = set()
        self._in_flight_lock = threading.Lock()

    @contextmanager
    def work(self, *, request_id: str | None = None, idempotency_key: str | None = None) -> Iterator[int]:
        """A transaction that first lets what is due happen (expiries), then yields the present second.

        An error undoes the work, not the expiries before it.
        """
        refused: Exception | None = None
        with self.store.transaction():
            self.request = {"id": None, "idempotency_key": None}
            sweep(self)
            self.request = {"id": request_id, "idempotency_key": idempotency_key}
            try:
                with self.store.savepoint():
                    yield self.clock.now()
            except Exception as error:
                refused = error
        self.outbox.wake()
        if refused is not None:
            raise refused

    def tick(self) -> None:
        """Let deadlines take effect that came without a request."""
        if self.store.due(self.clock.now()):
            with self.work():
                pass

    def enter(self, key: str) -> bool:
        """Mark an idempotency key as in flight; False when it already is."""
        with self._in_flight_lock:
            if key in self._in_flight:
                return False
            self._in_flight.add(key)
            return True

    def leave(self, key: str) -> None:
        """The request with that key is answered."""
        with self._in_flight_lock:
            self._in_flight.discard(key)

    def emit(self, type: str, obj: dict[str, Any], previous: dict[str, Any] | None = None) -> None:  # noqa: A002
        """Record that something happened: an event object, and its webhook."""
        self.outbox.enqueue(self.store.put(event(self, type, obj, previous)))

    def new_id(self, prefix: str) -> str:
        """A fresh id."""
        return new_id(prefix)

    def reset(self) -> None:
        """Forget all objects, keys, deliveries and bank rows; the clock runs in real time again; no faults."""
        with self.store.transaction():
            self.store.reset()
            self.clock.set(None)
            self.refund_policies.clear()
            self.available_after_days = 0
            self.requests.clear()
        self.faults.clear()
        self.outbox.set_mode("normal")

    def close(self) -> None:
        """Stop delivering, let hanging requests go, close the file."""
        self.faults.clear()
        self.outbox.stop()
        self.store.close()
