"""Re-encrypt everything that is encrypted at rest under the first field key (microfund/kernel/crypto.py).

Works beside traffic: a value is written only if it is still the one that was read, a row that somebody else holds is
left for the next pass, and nothing ever waits, so nobody can be blocked for longer than one small statement. It may be
stopped and started at any time, because a value tells by itself whether the first key encrypted it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import connection, models

from microfund.kernel import crypto

BATCH = 500
# allauth's names for what its adapter encrypted (one secret, one seed, a list of codes).
_SECRET_KEYS = ("secret", "seed", "migrated_codes")

Transform = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Column:
    """One column that holds tokens. `renew(stored)` answers the value to store instead, None when none is needed."""

    model: type[models.Model]
    name: str
    db_type: str
    renew: Transform

    def __str__(self) -> str:
        return f"{self.model._meta.db_table}.{self.name}"


@dataclass(slots=True)
class Result:
    """What one pass over one column did. `missed`: changed or held by somebody else meanwhile; `unreadable`: ids."""

    column: Column
    values: int = 0
    outdated: int = 0
    renewed: int = 0
    unreadable: list[Any] = field(default_factory=list)

    @property
    def missed(self) -> int:
        """Values that another pass must look at again."""
        return self.outdated - self.renewed


def renew_text(stored: str) -> str | None:
    """The token under the first key. Raises crypto.UnreadableField."""
    return None if crypto.is_current(stored) else crypto.rotate(stored)


def renew_factor(stored: str) -> str | None:
    """The JSON of a second factor with its tokens under the first key. Raises crypto.UnreadableField."""
    data = json.loads(stored)
    changed = False
    for key in _SECRET_KEYS:
        value = data.get(key)
        tokens = value if isinstance(value, list) else [value] if value else []
        new = [token if crypto.is_current(token) else crypto.rotate(token) for token in tokens]
        if new != tokens:
            data[key] = new if isinstance(value, list) else new[0]
            changed = True
    return json.dumps(data) if changed else None


def columns() -> Iterator[Column]:
    """Every encrypted column of every model, and the secrets of second factors."""
    for model in apps.get_models():
        for found in model._meta.local_concrete_fields:
            if isinstance(found, crypto.EncryptedTextField) and model._meta.managed and not model._meta.proxy:
                yield Column(model, found.column, "text", renew_text)
    yield Column(Authenticator, "data", "jsonb", renew_factor)


def run_pass(column: Column, *, batch: int = BATCH, write: bool = True) -> Result:
    """Look at every value of a column once, by primary key; each batch is a transaction of its own."""
    result = Result(column)
    quote = connection.ops.quote_name
    table, name, key = quote(column.model._meta.db_table), quote(column.name), quote(column.model._meta.pk.column)
    last: Any = None
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {key}, {name}::text FROM {table}"  # noqa: S608 - names of our own models
                f" WHERE coalesce({name}::text, '') <> '' AND (%s OR {key} > %s) ORDER BY {key} LIMIT %s",
                [last is None, last, batch],
            )
            rows = cursor.fetchall()
        if not rows:
            return result
        last = rows[-1][0]
        result.values += len(rows)
        outdated: list[tuple[Any, str, str]] = []
        for pk, stored in rows:
            try:
                new = column.renew(stored)
            except crypto.UnreadableField:
                result.unreadable.append(pk)
                continue
            if new is not None:
                outdated.append((pk, stored, new))
        result.outdated += len(outdated)
        if outdated and write:
            result.renewed += _write(column, outdated)


def _write(column: Column, changes: list[tuple[Any, str, str]]) -> int:
    """Store the new values of rows that still hold the old ones and that nobody has locked; returns how many."""
    quote = connection.ops.quote_name
    table, name, key = quote(column.model._meta.db_table), quote(column.name), quote(column.model._meta.pk.column)
    key_type = column.model._meta.pk.rel_db_type(connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH free AS (
                SELECT own.{key} AS id, wanted.new
                  FROM {table} AS own
                  JOIN unnest(%s::{key_type}[], %s::{column.db_type}[], %s::{column.db_type}[])
                       AS wanted (id, old, new) ON wanted.id = own.{key} AND wanted.old = own.{name}
                 ORDER BY own.{key}
                   FOR NO KEY UPDATE OF own SKIP LOCKED
            )
            UPDATE {table} AS own SET {name} = free.new FROM free WHERE own.{key} = free.id
            """,  # noqa: S608 - names of our own models
            [list(part) for part in zip(*changes, strict=True)],
        )
        return int(cursor.rowcount)
