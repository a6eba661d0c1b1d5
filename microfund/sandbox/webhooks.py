"""Webhooks: signed as the provider signs, delivered by a background thread with retries, spoiled to order."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import random
import socket
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .store import Document, Store, new_id, public

if TYPE_CHECKING:
    from .engine import Settings

MODES = {
    "normal": "each event once, in order, retried until the receiver answers 2xx",
    "hold": "kept back until `flush`, or until the mode is normal again",
    "lose": "never sent (the event can still be read in /v1/events)",
    "double": "each event twice",
    "late": "`seconds` later",
    "double_new_id": "twice, the second time as another event id for the same fact",
    "shuffle": "in a random order (by `seed`) within `seconds`",
}
RETRY_SECONDS = (1, 2, 4, 8, 15, 30, 60)
MAX_ATTEMPTS = 60
TIMEOUT_SECONDS = 15


def signature(payload: bytes, secret: str, at: int) -> str:
    """The ``Stripe-Signature`` header for a body sent at that second."""
    signed = f"{at}.".encode() + payload
    return f"t={at},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


class Outbox:
    """Queue and sender. The queue is in the store, so what was not delivered survives a restart."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._connections: set[http.client.HTTPConnection] = set()
        self.mode = "normal"
        self.seconds = 1.0
        self.skew_seconds = 0
        self._random = random.Random(1)  # noqa: S311 - an order to test with, not a secret

    def set_mode(
        self, mode: str, *, seconds: float | None = None, seed: int | None = None, skew_seconds: int | None = None
    ) -> None:
        """Change how events are sent from now on; leaving ``hold`` sends what was held. ValueError if unknown."""
        if mode not in MODES:
            raise ValueError(f"unknown mode of webhooks {mode!r}: one of {', '.join(MODES)}")
        self.seconds = seconds if seconds is not None else (2.0 if mode == "late" else 1.0)
        self.skew_seconds = skew_seconds or 0
        self._random = random.Random(1 if seed is None else seed)  # noqa: S311
        if mode != "hold":
            self._store.sql("UPDATE delivery SET state = 'queued' WHERE state = 'held'")
        self.mode = mode
        self.wake()

    def enqueue(self, event: Document) -> None:
        """Inside the transaction of what happened."""
        if self._settings.webhook_url is None:
            self._add(event, "no_endpoint")
        elif self.mode in ("hold", "lose"):
            self._add(event, "held" if self.mode == "hold" else "lost")
        elif self.mode == "late":
            self._add(event, "queued", time.time() + self.seconds)
        elif self.mode == "shuffle":
            self._add(event, "queued", time.time() + self._random.random() * self.seconds)
        else:
            self._add(event, "queued")
            if self.mode == "double":
                self._add(event, "queued")
            elif self.mode == "double_new_id":
                self._add(self._store.put({**event, "id": new_id("evt")}), "queued")

    def start(self) -> None:
        """Begin delivering."""
        self._store.sql("UPDATE delivery SET state = 'queued' WHERE state = 'sending'")
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Cut the delivery under way, if any (it stays queued), and stop."""
        self._stopping = True
        self.wake()
        for connection in list(self._connections):
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(timeout=5)

    def wake(self) -> None:
        """There may be something to send."""
        self._wake.set()

    def flush(self, order: list[str] | None = None) -> list[dict[str, Any]]:
        """Send now, in the caller's thread, what is queued or held: all of it, or the named events in that order."""
        rows = self._store.sql(
            "SELECT seq, event FROM delivery WHERE state IN ('queued', 'held') ORDER BY next_at, seq"
        )
        if order is not None:
            place = {name: i for i, name in enumerate(order)}
            rows = sorted((r for r in rows if r["event"] in place), key=lambda r: place[r["event"]])
        return [result for row in rows if (result := self._deliver(row["seq"])) is not None]

    def send(self, event_id: str, times: int = 1) -> list[dict[str, Any]]:
        """Send an event again, lost and delivered ones too. Raises KeyError when there is none of that id."""
        event = self._store.get(event_id, "event")
        if event is None:
            raise KeyError(event_id)
        seqs = [self._add(event, "held") for _ in range(times)]
        return [result for seq in seqs if (result := self._deliver(seq)) is not None]

    def discard(self) -> int:
        """Lose all that is queued or held. Returns how many deliveries."""
        return len(
            self._store.sql("UPDATE delivery SET state = 'lost' WHERE state IN ('queued', 'held') RETURNING seq")
        )

    def describe(self) -> list[dict[str, Any]]:
        """All deliveries, the oldest first."""
        return [dict(row) for row in self._store.sql("SELECT * FROM delivery ORDER BY seq")]

    def _add(self, event: Document, state: str, next_at: float = 0.0) -> int:
        rows = self._store.sql(
            "INSERT INTO delivery (event, type, state, next_at) VALUES (?, ?, ?, ?) RETURNING seq",
            (event["id"], event["type"], state, next_at),
        )
        return rows[0]["seq"]

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._wait_and_deliver()
            except Exception:  # one bad delivery must not end all others
                traceback.print_exc()
                time.sleep(1)

    def _wait_and_deliver(self) -> None:
        rows = self._store.sql("SELECT seq, next_at FROM delivery WHERE state = 'queued' ORDER BY next_at, seq LIMIT 1")
        pause = rows[0]["next_at"] - time.time() if rows else 3600.0
        if pause <= 0:
            self._deliver(rows[0]["seq"])
        else:
            self._wake.wait(pause)
            self._wake.clear()

    def _deliver(self, seq: int) -> dict[str, Any] | None:
        claimed = self._store.sql(
            "UPDATE delivery SET state = 'sending', attempts = attempts + 1"
            " WHERE seq = ? AND state IN ('queued', 'held') RETURNING event, type, attempts",
            (seq,),
        )
        if not claimed:
            return None
        row = claimed[0]
        event = self._store.get(row["event"], "event")
        if event is None:  # the sandbox was reset meanwhile
            self._store.sql("DELETE FROM delivery WHERE seq = ?", (seq,))
            return None
        answer, error = self._post({**public(event), "pending_webhooks": 1})
        delivered = answer is not None and 200 <= answer < 300
        attempts = row["attempts"]
        waiting = "held" if self.mode == "hold" else "queued"
        state = "delivered" if delivered else waiting if attempts < MAX_ATTEMPTS else "failed"
        again = time.time() + RETRY_SECONDS[min(attempts, len(RETRY_SECONDS)) - 1]
        self._store.sql(
            "UPDATE delivery SET state = ?, answer = ?, error = ?, next_at = ? WHERE seq = ?",
            (state, answer, error, again, seq),
        )
        self.wake()
        return {"event": row["event"], "type": row["type"], "state": state, "answer": answer, "error": error}

    def _post(self, event: Document) -> tuple[int | None, str | None]:
        url = urlsplit(self._settings.webhook_url or "")
        payload = json.dumps(event, ensure_ascii=False, indent=2).encode()
        connect = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        connection = connect(url.hostname or "127.0.0.1", url.port, timeout=TIMEOUT_SECONDS)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (+sandbox)",
            "Stripe-Signature": signature(payload, self._settings.webhook_secret, int(time.time()) + self.skew_seconds),
        }
        self._connections.add(connection)
        try:
            connection.request("POST", (url.path or "/") + (f"?{url.query}" if url.query else ""), payload, headers)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            return None, f"{type(error).__name__}: {error}"
        finally:
            self._connections.discard(connection)
            connection.close()
        return response.status, None
