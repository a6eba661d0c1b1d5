"""The journal of a stretch of time, to be given out: its lines, or the balances before and after (domain.md section 7).

Each is one statement, so one snapshot. Lines are streamed: a year of a large house does not fit into memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from .models import Line

_FETCH = 2_000
_BALANCES = """
SELECT book.code, coalesce(fund.slug, ''), account.code, book.currency, part.opening, part.debits, part.credits
  FROM (SELECT line.account_id,
               coalesce(sum(CASE line.side WHEN 'D' THEN line.amount ELSE -line.amount END)
                        FILTER (WHERE entry.effective_on < %(first)s), 0)::bigint AS opening,
               coalesce(sum(line.amount)
                        FILTER (WHERE entry.effective_on >= %(first)s AND line.side = 'D'), 0)::bigint AS debits,
               coalesce(sum(line.amount)
                        FILTER (WHERE entry.effective_on >= %(first)s AND line.side = 'C'), 0)::bigint AS credits
          FROM investments_line AS line JOIN investments_entry AS entry ON entry.id = line.entry_id
         WHERE entry.effective_on <= %(last)s
         GROUP BY line.account_id) AS part
  JOIN investments_account AS account ON account.id = part.account_id
  JOIN investments_book AS book ON book.id = account.book_id
  LEFT JOIN investments_fund AS fund ON fund.book_id = book.id
 WHERE %(book)s::bigint IS NULL OR book.id = %(book)s::bigint
 ORDER BY book.id, account.id
"""


def line_head() -> list[str]:
    """The names of the columns of `lines`."""
    return [
        _("Date"), _("Entry"), _("Kind"), _("Ledger book"), _("Fund"), _("Ledger account"), _("Belongs to"),
        _("Debit"), _("Credit"), _("Currency"), _("Remark"), _("Reverses entry"), _("Recorded at"),
    ]  # fmt: skip


def lines(first: date, last: date, *, book_id: int | None = None) -> Iterator[tuple[Any, ...]]:
    """The journal's lines from one business date to another, both included, by date and entry; of one book, if one is
    given. Amounts in minor units (yen), on one side each."""
    found = Line.objects.filter(entry__effective_on__range=(first, last))
    if book_id is not None:
        found = found.filter(account__book_id=book_id)
    rows = found.order_by("entry__effective_on", "entry_id", "pk").values_list(
        "entry__effective_on", "entry__reference", "entry__kind", "account__book__code", "account__book__fund__slug",
        "account__code", "subject", "side", "amount", "currency", "entry__memo", "entry__reverses__reference",
        "entry__recorded_at",
    )  # fmt: skip
    with transaction.atomic():
        for row in rows.iterator(chunk_size=_FETCH):
            side, amount = row[7:9]
            debit = side == Line.Side.DEBIT
            yield (*row[:7], amount if debit else None, None if debit else amount, *row[9:])


def balance_head() -> list[str]:
    """The names of the columns of `balances`."""
    return [
        _("Ledger book"), _("Fund"), _("Ledger account"), _("Currency"), _("Balance before (debits less credits)"),
        _("Debits"), _("Credits"), _("Balance after (debits less credits)"),
    ]  # fmt: skip


def balances(first: date, last: date, *, book_id: int | None = None) -> Iterator[tuple[Any, ...]]:
    """Every account that was ever moved up to the last business date: its balance before the first, what moved it, and
    its balance after the last, in minor units (yen)."""
    with connection.cursor() as cursor:
        cursor.execute(_BALANCES, {"first": first, "last": last, "book": book_id})
        for *names, opening, debits, credits in cursor.fetchall():
            yield (*names, opening, debits, credits, opening + debits - credits)
