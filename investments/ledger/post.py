"""The only writer of the journal (domain.md section 7).

An entry and its lines go in by one statement each way: `post` for one event, `post_many` for thousands (COPY). What
an entry must be (balanced in each book at commit, sealed afterwards, never changed) PostgreSQL enforces; here errors
are only explained.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, connection

from .accounts import CHARTS, OPERATOR
from .models import Account, Book, Entry


class PostingError(Exception):
    """A posting that cannot be: unknown account, not balanced, a reference used for something else."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One line to be posted: `amount` > 0 in minor units on `side` ("D" or "C") of account `code` in book `book_id`."""

    book_id: int
    code: str
    side: str
    amount: int
    subject: str = ""


def debit(book_id: int, code: str, amount: int, subject: str = "") -> Leg:
    """A debit line."""
    return Leg(book_id, code, "D", amount, subject)


def credit(book_id: int, code: str, amount: int, subject: str = "") -> Leg:
    """A credit line."""
    return Leg(book_id, code, "C", amount, subject)


def _check(reference: str, legs: Sequence[Leg]) -> None:
    if len(legs) < 2:
        raise PostingError(f"{reference}: an entry has at least two lines")
    balances: dict[int, int] = {}
    for leg in legs:
        if type(leg.amount) is not int or leg.amount <= 0:
            raise PostingError(f"{reference}: {leg.code} {leg.amount!r} is not a positive whole amount")
        balances[leg.book_id] = balances.get(leg.book_id, 0) + (leg.amount if leg.side == "D" else -leg.amount)
    if any(balances.values()):
        raise PostingError(f"{reference}: does not balance within each book: {balances}")


_POST = """
WITH entry AS (
    INSERT INTO investments_entry (kind, reference, effective_on, happened_at, memo, reverses_id)
    VALUES (%(kind)s, %(reference)s, %(on)s, %(at)s, %(memo)s, %(reverses)s)
    ON CONFLICT (reference) DO NOTHING
    RETURNING id
)
, line AS (
    INSERT INTO investments_line (entry_id, account_id, side, amount, currency, subject)
    SELECT entry.id, account.id, leg.side, leg.amount, book.currency, leg.subject
      FROM entry,
           unnest(%(books)s::bigint[], %(codes)s::text[], %(sides)s::text[], %(amounts)s::bigint[],
                  %(subjects)s::text[])
           WITH ORDINALITY AS leg (book_id, code, side, amount, subject, n)
      JOIN investments_book AS book ON book.id = leg.book_id
      JOIN investments_account AS account ON account.book_id = leg.book_id AND account.code = leg.code
     ORDER BY leg.n
    RETURNING 1
)
SELECT (SELECT id FROM entry), (SELECT count(*) FROM line)
"""


def post(
    *,
    kind: str,
    source: tuple[str, object],
    legs: Sequence[Leg],
    on: date,
    at: datetime,
    memo: str = "",
    reverses: Entry | None = None,
) -> int | None:
    """Post one event in the caller's transaction; returns the entry's id, or None when it was posted before.

    `source` is (type, id) of the row of this occurrence, so the reference is `kind:type:id`. Zero amounts must be left
    out by the caller. Raises PostingError; the database refuses at commit what slips through.
    """
    reference = f"{kind}:{source[0]}:{source[1]}"
    _check(reference, legs)
    with connection.cursor() as cursor:
        cursor.execute(
            _POST,
            {
                "kind": kind,
                "reference": reference,
                "on": on,
                "at": at,
                "memo": memo,
                "reverses": reverses.pk if reverses else None,
                "books": [leg.book_id for leg in legs],
                "codes": [leg.code for leg in legs],
                "sides": [leg.side for leg in legs],
                "amounts": [leg.amount for leg in legs],
                "subjects": [leg.subject for leg in legs],
            },
        )
        entry_id, lines = cursor.fetchone()
    if entry_id is None:
        _same_again(reference, legs)
        return None
    if lines != len(legs):
        raise PostingError(f"{reference}: an account is not in the book's chart")
    return entry_id


def _same_again(reference: str, legs: Sequence[Leg]) -> None:
    """A reference that is posted again must say the same amounts; anything else is a bug that must not pass."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account.book_id, account.code, line.side, line.amount FROM investments_line AS line"
            " JOIN investments_account AS account ON account.id = line.account_id"
            " JOIN investments_entry AS entry ON entry.id = line.entry_id WHERE entry.reference = %s",
            [reference],
        )
        stored = sorted(cursor.fetchall())
    if stored != sorted((leg.book_id, leg.code, leg.side, leg.amount) for leg in legs):
        raise PostingError(f"{reference}: was posted before with other amounts")


@dataclass(frozen=True, slots=True)
class Posting:
    """One event for `post_many`: the arguments of `post`."""

    kind: str
    source: tuple[str, object]
    legs: Sequence[Leg]
    on: date
    at: datetime
    memo: str = ""


def _copy(table: str, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    buffer = io.StringIO()
    # NULL is a word that no column holds, so that an empty text stays an empty text.
    csv.writer(buffer).writerows(rows)
    buffer.seek(0)
    # COPY is psycopg2's own: without this its errors would not be Django's.
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN WITH (FORMAT csv, NULL '\\N')", buffer)


def post_many(postings: Sequence[Posting]) -> int:
    """Post many events by COPY in the caller's transaction, all or nothing; returns how many.

    For batches whose references cannot exist yet, or whose caller has left out those that do. Raises PostingError when
    one was posted before.
    """
    if not postings:
        return 0
    needed = {(leg.book_id, leg.code) for posting in postings for leg in posting.legs}
    accounts = {
        (book_id, code): (pk, currency)
        for pk, book_id, code, currency in Account.objects.filter(
            book_id__in={book_id for book_id, _ in needed}
        ).values_list("pk", "book_id", "code", "book__currency")
    }
    missing = needed - accounts.keys()
    if missing:
        raise PostingError(f"unknown accounts: {sorted(missing)}")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('investments_entry', 'id')) FROM generate_series(1, %s)",
            [len(postings)],
        )
        ids = [row[0] for row in cursor.fetchall()]
    entries: list[tuple[object, ...]] = []
    lines: list[tuple[object, ...]] = []
    for entry_id, posting in zip(ids, postings, strict=True):
        reference = f"{posting.kind}:{posting.source[0]}:{posting.source[1]}"
        _check(reference, posting.legs)
        entries.append((entry_id, posting.kind, reference, posting.on, posting.at.isoformat(), posting.memo))
        for leg in posting.legs:
            account_id, currency = accounts[leg.book_id, leg.code]
            lines.append((entry_id, account_id, leg.side, leg.amount, currency, leg.subject))
    try:
        _copy("investments_entry", ("id", "kind", "reference", "effective_on", "happened_at", "memo"), entries)
        _copy("investments_line", ("entry_id", "account_id", "side", "amount", "currency", "subject"), lines)
    except IntegrityError as error:
        raise PostingError(str(error).splitlines()[0]) from error
    return len(postings)


def reverse(entry: Entry, *, on: date, at: datetime, reason: str) -> int | None:
    """Post the mirror image of an entry, once; returns its id, or None when it was reversed before."""
    legs = [
        Leg(line.account.book_id, line.account.code, "C" if line.side == "D" else "D", line.amount, line.subject)
        for line in entry.lines.select_related("account").order_by("pk")
    ]
    return post(kind="reversal", source=("entry", entry.pk), legs=legs, on=on, at=at, memo=reason[:200], reverses=entry)


def balance(book_id: int, code: str) -> int:
    """The balance of one account in minor units, on the side on which it normally stands. Raises KeyError for a code
    that is in no chart."""
    side = (CHARTS["fund"] | CHARTS["operator"])[code]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(CASE line.side WHEN %s THEN line.amount ELSE -line.amount END), 0)::bigint"
            "  FROM investments_line AS line JOIN investments_account AS account ON account.id = line.account_id"
            " WHERE account.book_id = %s AND account.code = %s",
            [side, book_id, code],
        )
        return int(cursor.fetchone()[0])


def open_book(code: str, *, kind: str, currency: str) -> Book:
    """The book of this code with its whole chart of accounts, made once."""
    book, _ = Book.objects.get_or_create(code=code, defaults={"kind": kind, "currency": currency})
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO investments_account (book_id, code) SELECT %s, unnest(%s::text[]) ON CONFLICT DO NOTHING",
            [book.pk, list(CHARTS[kind])],
        )
    return book


def ensure_operator_book() -> None:
    """The operator's book exists on every database."""
    open_book(OPERATOR, kind="operator", currency="JPY")


def operator_book_id() -> int:
    """The id of the operator's book. Raises Book.DoesNotExist on a database without the baseline."""
    return Book.objects.only("pk").get(code=OPERATOR).pk
