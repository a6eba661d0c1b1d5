"""`journal_posting`: 100,000 entries of two lines through `post_many`, all checks on, against a server-side
`INSERT … SELECT` of the same rows into tables with the same keys and foreign keys but none of the journal's triggers.
"""

from __future__ import annotations

import time
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from benchmarks.scratch import answer
from investments.ledger.models import Account
from investments.ledger.post import Posting, credit, debit, open_book, post_many

ENTRIES = 100_000
ROUNDS = 3
GOAL = 1.4

_FLOOR_TABLES = """
CREATE TABLE floor_entry (LIKE investments_entry INCLUDING ALL);
CREATE TABLE floor_line (LIKE investments_line INCLUDING ALL);
ALTER TABLE floor_line ADD FOREIGN KEY (entry_id) REFERENCES floor_entry (id);
ALTER TABLE floor_line ADD FOREIGN KEY (account_id) REFERENCES investments_account (id);
ALTER TABLE floor_entry ADD FOREIGN KEY (reverses_id) REFERENCES floor_entry (id);
"""


def _floor(number: int, accounts: list[int]) -> float:
    began = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO floor_entry (id, kind, reference, effective_on, happened_at, memo)
            SELECT %(first)s + n, 'payment_received', 'payment_received:attempt:' || %(first)s + n, current_date,
                   now(), ''
              FROM generate_series(1, %(entries)s) AS n
            """,
            {"first": number * ENTRIES, "entries": ENTRIES},
        )
        cursor.execute(
            """
            INSERT INTO floor_line (entry_id, account_id, side, amount, currency, subject)
            SELECT %(first)s + n, side.account, side.side, 10500, 'JPY', 'order:' || %(first)s + n
              FROM generate_series(1, %(entries)s) AS n, (VALUES (%(one)s, 'D'), (%(two)s, 'C')) AS side (account, side)
            """,
            {"first": number * ENTRIES, "entries": ENTRIES, "one": accounts[0], "two": accounts[1]},
        )
    return time.perf_counter() - began


def _ours(number: int, book: int) -> float:
    at = timezone.now()
    postings = [
        Posting(
            "payment_received",
            ("attempt", number * ENTRIES + n),
            [
                debit(book, "psp_clearing", 10_500, f"order:{number * ENTRIES + n}"),
                credit(book, "applicant_deposits", 10_500, f"order:{number * ENTRIES + n}"),
            ],
            at.date(),
            at,
        )
        for n in range(ENTRIES)
    ]
    began = time.perf_counter()
    with transaction.atomic():
        post_many(postings)
    return time.perf_counter() - began


def run() -> dict[str, Any]:
    """The best of three rounds each, in turn, on growing tables."""
    book = open_book("fund:1", kind="fund", currency="JPY")
    accounts = [Account.objects.get(book=book, code=code).pk for code in ("psp_clearing", "applicant_deposits")]
    with connection.cursor() as cursor:
        cursor.execute(_FLOOR_TABLES)
    floors, ours = [], []
    for number in range(ROUNDS):
        floors.append(_floor(number, accounts))
        ours.append(_ours(number, book.pk))
    return answer(ours=min(ours), floor=min(floors), goal=GOAL, at_least=False, unit="s for 100,000 entries")
