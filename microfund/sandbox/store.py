"""State in one SQLite file: documents with a few indexed columns. One connection, one lock, one transaction a request.

Every object of the provider is kept as the JSON document that the API answers. Keys that begin with an underscore are
the sandbox's own notes (a deadline, the payout a transaction went into) and never leave it.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Document = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, created INTEGER NOT NULL,
    payment_intent TEXT, charge TEXT, reference TEXT, payout TEXT, source TEXT, arrival_date INTEGER,
    type TEXT, status TEXT, currency TEXT, due_at INTEGER, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS object_kind ON object (kind, created DESC, seq DESC);
CREATE INDEX IF NOT EXISTS object_intent ON object (payment_intent, kind) WHERE payment_intent IS NOT NULL;
CREATE INDEX IF NOT EXISTS object_charge ON object (charge, kind) WHERE charge IS NOT NULL;
CREATE INDEX IF NOT EXISTS object_reference ON object (reference, kind) WHERE reference IS NOT NULL;
CREATE INDEX IF NOT EXISTS object_payout ON object (kind, payout);
CREATE INDEX IF NOT EXISTS object_source ON object (source, kind) WHERE source IS NOT NULL;
CREATE INDEX IF NOT EXISTS object_due ON object (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS idempotency (
    key TEXT PRIMARY KEY, created INTEGER NOT NULL, request TEXT NOT NULL, fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS idempotency_created ON idempotency (created);
CREATE TABLE IF NOT EXISTS delivery (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, type TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, next_at REAL NOT NULL DEFAULT 0, answer INTEGER, error TEXT);
CREATE INDEX IF NOT EXISTS delivery_state ON delivery (state, next_at, seq);
CREATE INDEX IF NOT EXISTS delivery_event ON delivery (event);
CREATE TABLE IF NOT EXISTS bank_row (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, date TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('credit', 'debit')),
    amount INTEGER NOT NULL CHECK (amount > 0), payer_name TEXT NOT NULL, payer_code TEXT NOT NULL DEFAULT '',
    edi TEXT NOT NULL DEFAULT '', memo TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS bank_row_date ON bank_row (date, seq);
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

COLUMNS = ("payment_intent", "charge", "source", "arrival_date", "type", "status", "currency")
FILTERS = frozenset((*COLUMNS, "reference", "payout", "created"))
OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Store:
    """The only place that touches SQLite. Raises ``sqlite3.OperationalError`` when another sandbox holds the file."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.5)
        self._db.row_factory = sqlite3.Row
        # One process owns the file: a second one is refused at its first write instead of sharing state by accident.
        self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript("BEGIN IMMEDIATE;" + SCHEMA + "COMMIT;")

    def close(self) -> None:
        """Write the log back into the file and let go of it."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, one at a time. Joins an outer transaction of the same thread."""
        with self._lock:
            if self._depth:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            else:
                self._db.execute("COMMIT")
            finally:
                self._depth = 0

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Inside a transaction: undo only what happens within when it raises."""
        self._db.execute("SAVEPOINT inner")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO inner")
            raise
        finally:
            self._db.execute("RELEASE inner")

    def put(self, doc: Document) -> Document:
        """Insert or replace an object by its id; its place in lists stays."""
        reference = doc.get("client_reference_id")
        with self._lock:
            self._db.execute(
                "INSERT INTO object (id, kind, created, payment_intent, charge, source, arrival_date, type, status,"
                " currency, reference, payout, due_at, body) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
                " ON CONFLICT (id) DO UPDATE SET payment_intent=excluded.payment_intent, charge=excluded.charge,"
                " source=excluded.source, status=excluded.status, payout=excluded.payout, due_at=excluded.due_at,"
                " body=excluded.body",
                (
                    doc["id"],
                    doc["object"],
                    doc["created"],
                    *(value if isinstance(value := doc.get(c), str | int) else None for c in COLUMNS),
                    reference,
                    doc.get("_payout"),
                    doc.get("_due_at"),
                    json.dumps(doc, ensure_ascii=False, separators=(",", ":")),
                ),
            )
        return doc

    def get(self, object_id: str, kind: str | None = None) -> Document | None:
        """The object with that id (and kind), or None."""
        with self._lock:
            row = self._db.execute("SELECT kind, body FROM object WHERE id = ?", (object_id,)).fetchone()
        if row is None or (kind is not None and row["kind"] != kind):
            return None
        return json.loads(row["body"])

    def find(
        self,
        kind: str,
        *,
        equal: dict[str, Any] | None = None,
        ranges: dict[str, dict[str, int]] | None = None,
        types: list[str] | None = None,
        after: str | None = None,
        before: str | None = None,
        limit: int | None = None,
    ) -> list[Document]:
        """Objects of a kind, newest first. ``after`` and ``before`` are ids: what follows or precedes them."""
        where: list[str] = ["kind = ?"]
        args: list[Any] = [kind]
        for name, value in (equal or {}).items():
            where.append(f"{_column(name)} IS ?")
            args.append(value)
        for name, limits in (ranges or {}).items():
            for operator, bound in limits.items():
                where.append(f"{_column(name)} {OPERATORS[operator]} ?")
                args.append(bound)
        if types:
            where.append("type IN (" + ",".join("?" * len(types)) + ")")
            args.extend(types)
        order = "created DESC, seq DESC"
        for cursor, sign in ((after, "<"), (before, ">")):
            if cursor is not None:
                where.append(f"(created, seq) {sign} (SELECT created, seq FROM object WHERE id = ?)")  # noqa: S608
                args.append(cursor)
        if before is not None:
            order = "created, seq"
        sql = "SELECT body FROM object WHERE " + " AND ".join(where) + " ORDER BY " + order  # noqa: S608 - own names only
        if limit is not None:
            sql += " LIMIT ?"
            args.append(limit)
        with self._lock:
            rows = self._db.execute(sql, args).fetchall()
        return [json.loads(row["body"]) for row in rows]

    def due(self, now: int) -> list[Document]:
        """Objects whose deadline has come, the earliest first."""
        with self._lock:
            rows = self._db.execute("SELECT body FROM object WHERE due_at <= ? ORDER BY due_at, seq", (now,)).fetchall()
        return [json.loads(row["body"]) for row in rows]

    def sql(self, statement: str, args: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        """A statement for the tables that are not objects (keys, deliveries, bank rows)."""
        with self._lock:
            return self._db.execute(statement, args).fetchall()

    def get_meta(self, key: str) -> str | None:
        """A setting, or None."""
        rows = self.sql("SELECT value FROM meta WHERE key = ?", (key,))
        return rows[0]["value"] if rows else None

    def set_meta(self, key: str, value: str) -> None:
        """Keep a setting."""
        self.sql("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))

    def reset(self) -> None:
        """Forget everything but settings."""
        with self.transaction():
            for table in ("object", "idempotency", "delivery", "bank_row", "sqlite_sequence"):
                self.sql(f"DELETE FROM {table}")  # noqa: S608 - names from the line above


def _column(name: str) -> str:
    if name not in FILTERS:
        raise ValueError(f"not a filter: {name}")
    return name


def new_id(prefix: str) -> str:
    """An id shaped like the provider's own."""
    return f"{prefix}_{secrets.token_hex(12)}"


def public(doc: Any) -> Any:
    """The document without the sandbox's own notes, at every depth."""
    if isinstance(doc, dict):
        return {key: public(value) for key, value in doc.items() if not key.startswith("_")}
    if isinstance(doc, list):
        return [public(item) for item in doc]
    return doc
