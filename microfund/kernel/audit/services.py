"""Write audit rows, seal them, verify the chain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction

from microfund.kernel import locks

from .models import AuditSeal

GENESIS = hashlib.sha256(b"tomobune audit chain").digest()
SEAL_BATCH = 5_000


def actor_label(actor: Any) -> str:
    """`user:12` for a person, the text itself for a job, `system` for none."""
    if actor is None:
        return "system"
    return actor if isinstance(actor, str) else f"user:{actor.pk}"


def record(
    *,
    action: str,
    subject: models.Model | tuple[str, Any],
    at: datetime,
    actor: Any = None,
    reason: str = "",
    changes: dict[str, Any] | None = None,
) -> None:
    """Write one audit row in the caller's transaction.

    `subject` is the object, or (type, id). `actor` is a user, the name of a job, or None for the system. `changes` is
    JSON: figures in yen or units, states, dates as text.
    """
    object_type, object_id = (subject._meta.label, subject.pk) if isinstance(subject, models.Model) else subject
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_auditrow"
            " (happened_at, actor_id, actor_label, action, object_type, object_id, changes, reason)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb, %s)",
            [
                at,
                getattr(actor, "pk", None),
                actor_label(actor),
                action,
                object_type,
                str(object_id),
                json.dumps(changes or {}, default=str, ensure_ascii=False),
                reason,
            ],
        )


def link(previous: bytes, position: int, content_hash: bytes) -> bytes:
    """The chain hash at `position`."""
    return hashlib.sha256(previous + position.to_bytes(8, "big") + content_hash).digest()


def seal() -> int:
    """Add every row older than all running transactions to the chain; returns how many. One sealer at a time.

    Rows that commit late (a smaller id, a later commit) join the chain at a later position: order of sealing is the
    order of the chain.
    """
    sealed = 0
    while True:
        with transaction.atomic():
            if not locks.advisory("audit.seal"):
                return sealed
            with connection.cursor() as cursor:
                cursor.execute("SELECT position, chain_hash FROM audit_auditseal ORDER BY position DESC LIMIT 1")
                last = cursor.fetchone()
                position, previous = (last[0], bytes(last[1])) if last else (0, GENESIS)
                cursor.execute(
                    """
                    SELECT row.id, row.content_hash
                      FROM audit_auditrow AS row
                     WHERE row.recorded_at >= coalesce(
                               (SELECT sealed.recorded_at - interval '6 hours'
                                  FROM audit_auditseal AS seal
                                  JOIN audit_auditrow AS sealed ON sealed.id = seal.row_id
                                 ORDER BY seal.position DESC LIMIT 1), '-infinity')
                       AND row.xact < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                       AND NOT EXISTS (SELECT FROM audit_auditseal AS seal WHERE seal.row_id = row.id)
                     ORDER BY row.id
                     LIMIT %s
                    """,
                    [SEAL_BATCH],
                )
                links = []
                for row_id, content_hash in cursor.fetchall():
                    position += 1
                    previous = link(previous, position, bytes(content_hash))
                    links.append((position, row_id, previous))
                if links:
                    cursor.execute(
                        "INSERT INTO audit_auditseal (position, row_id, chain_hash)"
                        " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[])",
                        [list(column) for column in zip(*links, strict=True)],
                    )
        sealed += len(links)
        if len(links) < SEAL_BATCH:
            return sealed


def content_hash(fields: tuple[Any, ...]) -> bytes:
    """SHA-256 over the row's facts, as the trigger computes it (sql/triggers.sql): the parts joined by U+001F."""
    return hashlib.sha256("\x1f".join("" if part is None else str(part) for part in fields).encode()).digest()


def head() -> tuple[int, str]:
    """Position and chain hash (hex) of the newest seal. Kept outside of the database (`verify_audit` prints it, the
    daily sweep logs it), it shows later whether the end of the chain was cut off: see `problems`."""
    last = AuditSeal.objects.order_by("-position").values_list("position", "chain_hash").first()
    return (last[0], bytes(last[1]).hex()) if last else (0, GENESIS.hex())


def problems(*, unsealed_minutes: int = 10, anchors: Iterable[tuple[int, str]] = ()) -> Iterator[str]:
    """Every difference between the rows, their hashes and the chain, one line each; nothing when all is well.

    `anchors` are heads of the chain that were kept outside: (position, chain hash in hex).
    """
    kept = dict(anchors)
    previous, expected_position = GENESIS, 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            DECLARE audit_rows NO SCROLL CURSOR FOR
            SELECT seal.position, seal.chain_hash, row.id, row.content_hash,
                   (extract(epoch FROM row.happened_at) * 1000000)::bigint, row.actor_id, row.actor_label, row.action,
                   row.object_type, row.object_id, row.changes::text, row.reason
              FROM audit_auditseal AS seal
              LEFT JOIN audit_auditrow AS row ON row.id = seal.row_id
             ORDER BY seal.position
            """
        )
        while True:
            cursor.execute("FETCH 5000 FROM audit_rows")
            batch = cursor.fetchall()
            if not batch:
                break
            for position, chain_hash, row_id, stored_hash, *facts in batch:
                expected_position += 1
                anchor = kept.pop(position, None)
                if anchor is not None and anchor != bytes(chain_hash).hex():
                    yield f"audit chain: position {position} is not what was kept outside ({anchor[:12]})"
                if position != expected_position:
                    yield f"audit chain: position {expected_position} is missing (found {position})"
                    expected_position = position
                if row_id is None:
                    yield f"audit chain: the row at position {position} is gone"
                    previous = bytes(chain_hash)
                    continue
                if content_hash(tuple(facts)) != bytes(stored_hash):
                    yield f"audit row {row_id}: its content no longer matches its hash"
                if link(previous, position, bytes(stored_hash)) != bytes(chain_hash):
                    yield f"audit chain: broken at position {position} (row {row_id})"
                previous = bytes(chain_hash)
        for position, anchor in sorted(kept.items()):
            if position > 0:
                yield f"audit chain: position {position} is missing, it was kept outside ({anchor[:12]})"
        cursor.execute(
            """
            SELECT row.id, row.recorded_at FROM audit_auditrow AS row
             WHERE row.recorded_at < now() - make_interval(mins => %s)
               AND NOT EXISTS (SELECT FROM audit_auditseal AS seal WHERE seal.row_id = row.id)
             ORDER BY row.id LIMIT 100
            """,
            [unsealed_minutes],
        )
        for row_id, recorded_at in cursor.fetchall():
            yield f"audit row {row_id}: not sealed since {recorded_at.isoformat()}"
