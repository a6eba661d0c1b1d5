"""What must hold in the journal, whatever has happened (domain.md sections 7 and 9.1, 9.6).

The journal is the largest table of all, so its rows are read in two passes that the checks share: lines summed by
entry, beside the entries, and lines summed by account. The first only says which entries to look at; what differs in
them is found and named from their own rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from microfund.kernel.integrity import query, register, rows, shared

from .accounts import CHARTS

# Accounts that may stand on either side: a fund's clearing has a rule of its own below; the operator's own bank is not
# journaled from its first day; income, fees and losses are what they are.
_EITHER_SIDE = {
    ("fund", "psp_clearing"),
    ("operator", "bank"),
    ("operator", "fee_income"),
    ("operator", "output_tax"),
    ("operator", "psp_fees"),
    ("operator", "dispute_loss"),
}
# What a fund owes without waiting for the business, and what stands for it (domain.md section 9.6).
_COVER = ("bank", "psp_clearing", "due_from_operator")
_OWED = (
    "applicant_deposits",
    "donation_payable",
    "investment_payable",
    "due_to_operator",
    "refunds_payable",
    "withholding_payable",
    "unclaimed_distributions",
    "business_credit",
)
# A payout is on its way for some days, so a refund made in this time before its arrival need not be in it.
_PAYOUT_TRAVELS = timedelta(days=7)


class Balance(NamedTuple):
    """Debits less credits of one account in one currency, in minor units."""

    account_id: int
    code: str
    book_id: int
    book: str
    kind: str
    currency: str
    amount: int


def balances() -> list[Balance]:
    """The balance of every account that has lines."""
    found = rows("""
        SELECT account.id, account.code, book.id, book.code, book.kind, line.currency, line.amount
          FROM (SELECT account_id, currency, sum(CASE side WHEN 'D' THEN amount ELSE -amount END)::bigint AS amount
                  FROM investments_line GROUP BY 1, 2) AS line
          JOIN investments_account AS account ON account.id = line.account_id
          JOIN investments_book AS book ON book.id = account.book_id
         ORDER BY account.id, line.currency
    """)
    return [Balance(*row) for row in found]


def _suspects() -> list[int]:
    """The entries in which something may be wrong: a superset, found in one pass over all lines.

    Within an entry the operator's lines and those of one fund must each come to nothing; an entry of several funds,
    such as a payout of the provider, is looked at again. `age()` makes a number of an inserting transaction.
    """
    return [
        entry_id
        for (entry_id,) in rows("""
            SELECT coalesce(entry.id, part.entry_id)
              FROM (SELECT line.entry_id,
                           bigint_sum(CASE line.side WHEN 'D' THEN line.amount ELSE -line.amount END) AS balance,
                           bigint_sum(CASE line.side WHEN 'D' THEN line.amount ELSE -line.amount END)
                               FILTER (WHERE account.operator) AS operator_balance,
                           min(account.book_id) FILTER (WHERE NOT account.operator) AS first_fund,
                           max(account.book_id) FILTER (WHERE NOT account.operator) AS last_fund,
                           bool_or(account.id IS NULL OR line.currency <> account.currency OR line.amount <= 0
                                   OR line.side NOT IN ('D', 'C')) AS impossible,
                           min(age(line.xmin)) AS youngest, max(age(line.xmin)) AS oldest
                      FROM investments_line AS line
                      LEFT JOIN (SELECT account.id, account.book_id, book.currency,
                                        book.id = (SELECT min(id) FROM investments_book WHERE kind = 'operator')
                                            IS TRUE AS operator
                                   FROM investments_account AS account
                                   JOIN investments_book AS book ON book.id = account.book_id) AS account
                        ON account.id = line.account_id
                     GROUP BY line.entry_id) AS part
              FULL JOIN investments_entry AS entry ON entry.id = part.entry_id
             WHERE entry.id IS NULL OR part.entry_id IS NULL OR part.impossible
                OR part.balance <> 0 OR part.operator_balance <> 0 OR part.first_fund <> part.last_fund
                OR (part.youngest <> age(entry.xmin) OR part.oldest <> age(entry.xmin))
                   AND entry.xmin::text::bigint = mod(entry.xact, 4294967296)
        """)
    ]


def _beside() -> list[tuple[str, str, str]]:
    """Entries without lines, lines without entries, and lines that joined late, as (check, difference, the inserting
    transaction of the entry)."""
    return rows(
        """
        SELECT CASE WHEN line.id IS NULL THEN 'entries' WHEN entry.id IS NULL THEN 'lines' ELSE 'sealed' END,
               CASE WHEN line.id IS NULL THEN format('investments_entry %s (%s): has no lines', entry.id,
                                                     entry.reference)
                    WHEN entry.id IS NULL THEN format('investments_line %s: entry %s does not exist', line.id,
                                                      line.entry_id)
                    ELSE format('investments_line %s: joined entry %s (%s) in another transaction', line.id, entry.id,
                                entry.reference) END,
               coalesce(entry.xmin::text, '')
          FROM unnest(%(suspects)s::bigint[]) AS suspect (id)
          LEFT JOIN investments_entry AS entry ON entry.id = suspect.id
          LEFT JOIN investments_line AS line ON line.entry_id = suspect.id
         WHERE line.id IS NULL OR entry.id IS NULL
            OR (line.xmin <> entry.xmin AND entry.xmin::text::bigint = mod(entry.xact, 4294967296))
         ORDER BY line.id, entry.id
        """,
        {"suspects": shared(_suspects)},
    )


def _wrong_parts() -> list[tuple[int, int, str, int, bool]]:
    """The parts of entries in one book and currency that do not balance or hold an impossible line:
    (entry, book or 0, currency, balance, whether a line is impossible)."""
    return rows(
        """
        SELECT line.entry_id, coalesce(book.id, 0), line.currency,
               sum(CASE line.side WHEN 'D' THEN line.amount ELSE -line.amount END)::bigint,
               bool_or(book.id IS NULL OR line.currency <> book.currency OR line.amount <= 0
                       OR line.side NOT IN ('D', 'C'))
          FROM unnest(%(suspects)s::bigint[]) AS suspect (id)
          JOIN investments_line AS line ON line.entry_id = suspect.id
          LEFT JOIN (investments_account AS account JOIN investments_book AS book ON book.id = account.book_id)
            ON account.id = line.account_id
         GROUP BY line.entry_id, book.id, line.currency
        HAVING sum(CASE line.side WHEN 'D' THEN line.amount ELSE -line.amount END) <> 0
            OR bool_or(book.id IS NULL OR line.currency <> book.currency OR line.amount <= 0
                       OR line.side NOT IN ('D', 'C'))
         ORDER BY 1, 2, 3
        """,
        {"suspects": shared(_suspects)},
    )


def entries() -> Iterator[str]:
    """Every entry has at least two lines and balances within each book and currency."""
    yield from (difference for check, difference, _xmin in shared(_beside) if check == "entries")
    # A single line cannot balance, its amount being positive.
    wrong = [part for part in shared(_wrong_parts) if part[3]]
    yield from query(
        """
        SELECT format('investments_entry %s (%s): debits less credits are %s %s in book %s', entry.id,
                      entry.reference, part.balance, part.currency, part.book_id)
          FROM unnest(%(entries)s::bigint[], %(books)s::bigint[], %(currencies)s::text[], %(balances)s::bigint[])
               AS part (entry_id, book_id, currency, balance)
          JOIN investments_entry AS entry ON entry.id = part.entry_id
         ORDER BY entry.id
        """,
        {
            "entries": [part[0] for part in wrong],
            "books": [part[1] for part in wrong],
            "currencies": [part[2] for part in wrong],
            "balances": [part[3] for part in wrong],
        },
    )


def lines() -> Iterator[str]:
    """Every line belongs to an entry and an account, is positive, on a side, and in its book's currency."""
    yield from (difference for check, difference, _xmin in shared(_beside) if check == "lines")
    yield from query(
        """
        SELECT format('investments_line %s: %s', line.id,
                      CASE WHEN account.id IS NULL THEN format('account %s does not exist', line.account_id)
                           WHEN book.id IS NULL THEN format('book %s does not exist', account.book_id)
                           WHEN line.currency <> book.currency
                                THEN format('%s in a book of %s', line.currency, book.currency)
                           ELSE format('side %s, amount %s', line.side, line.amount) END)
          FROM investments_line AS line
          LEFT JOIN investments_account AS account ON account.id = line.account_id
          LEFT JOIN investments_book AS book ON book.id = account.book_id
         WHERE line.entry_id = ANY(%(entries)s)
           AND (book.id IS NULL OR line.currency <> book.currency OR line.amount <= 0 OR line.side NOT IN ('D', 'C'))
         ORDER BY line.id
        """,
        {"entries": [entry_id for entry_id, _book, _currency, _balance, bad in shared(_wrong_parts) if bad]},
    )


def sealed() -> Iterator[str]:
    """No line joined an entry after the transaction that wrote it.

    PostgreSQL keeps the inserting transaction of every row (`xmin`), and an entry keeps its own (`xact`). A line's can
    be compared with its entry's as long as the entry's row is the original one: not written in a savepoint, and not
    restored from a dump, when many entries share one inserting transaction that is not theirs.
    """
    late = [(difference, xmin) for check, difference, xmin in shared(_beside) if check == "sealed"]
    if not late:
        return
    restored = {
        row[0]
        for row in rows(
            """
            SELECT DISTINCT xmin::text FROM investments_entry
             WHERE xmin::text = ANY(%(xmins)s) AND xmin::text::bigint <> mod(xact, 4294967296)
            """,
            {"xmins": sorted({xmin for _difference, xmin in late})},
        )
    }
    yield from (difference for difference, xmin in late if xmin not in restored)


def references() -> Iterator[str]:
    """Every entry is named `kind:source:id`, and a reversal is the exact opposite of what it reverses."""
    yield from query("""
        SELECT format('investments_entry %s (%s): its kind is %s', id, reference, kind)
          FROM investments_entry WHERE NOT starts_with(reference, kind || ':') ORDER BY id
    """)
    yield from query("""
        SELECT format('investments_entry %s (%s): is not the opposite of entry %s', part.id, part.reference,
                      part.reverses_id)
          FROM (SELECT reversal.id, reversal.reference, reversal.reverses_id, line.account_id
                  FROM investments_entry AS reversal
                  JOIN investments_line AS line ON line.entry_id IN (reversal.id, reversal.reverses_id)
                 WHERE reversal.reverses_id IS NOT NULL
                 GROUP BY 1, 2, 3, 4
                HAVING sum(CASE line.side WHEN 'D' THEN line.amount ELSE -line.amount END) <> 0) AS part
         GROUP BY part.id, part.reference, part.reverses_id
         ORDER BY part.id
    """)


def charts() -> Iterator[str]:
    """Every book has exactly the accounts of its chart, and there is one book of the operator."""
    kinds = [(kind, code) for kind, chart in CHARTS.items() for code in chart]
    yield from query(
        """
        WITH chart AS (SELECT * FROM unnest(%(kinds)s::text[], %(codes)s::text[]) AS part (kind, code))
        SELECT CASE WHEN account.id IS NULL THEN format('investments_book %s (%s): has no account %s', wanted.id,
                                                        wanted.book, wanted.code)
                    ELSE format('investments_account %s (%s): is not in the chart of book %s', account.id,
                                account.code, account.book_id) END
          FROM (SELECT book.id, book.code AS book, chart.code
                  FROM investments_book AS book JOIN chart ON chart.kind = book.kind) AS wanted
          FULL JOIN investments_account AS account ON account.book_id = wanted.id AND account.code = wanted.code
         WHERE account.id IS NULL OR wanted.id IS NULL
        """,
        {"kinds": [kind for kind, _ in kinds], "codes": [code for _, code in kinds]},
    )
    yield from query("""
        SELECT format('investments_book: %s books of the operator', count(*))
          FROM investments_book WHERE kind = 'operator' HAVING count(*) <> 1
    """)


def totals() -> Iterator[str]:
    """Debits equal credits in every book and in the whole journal."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    for row in shared(balances):
        found[f"{row.book_id} ({row.book})", row.currency] += row.amount
        found["(all)", row.currency] += row.amount
    for (book, currency), amount in sorted(found.items()):
        if amount:
            yield f"investments_book {book}: debits less credits are {amount} {currency}"


def sides() -> Iterator[str]:
    """No account stands on its wrong side: a bank never below zero, no deposit or payable paid out twice."""
    for row in shared(balances):
        side = CHARTS.get(row.kind, {}).get(row.code, "")
        wrong = row.amount < 0 if side == "D" else row.amount > 0
        if side and wrong and (row.kind, row.code) not in _EITHER_SIDE:
            yield f"investments_account {row.account_id} ({row.book} {row.code}): balance {row.amount} {row.currency}"


def coverage() -> Iterator[str]:
    """Each fund's bank, clearing and claim on the operator cover what it owes without waiting for the business."""
    has: dict[tuple[int, str, str], int] = defaultdict(int)
    owes: dict[tuple[int, str, str], int] = defaultdict(int)
    for row in shared(balances):
        if row.kind == "fund" and row.code in _COVER:
            has[row.book_id, row.book, row.currency] += row.amount
        elif row.kind == "fund" and row.code in _OWED:
            owes[row.book_id, row.book, row.currency] -= row.amount
    for book_id, book, currency in sorted(owes.keys() | has.keys()):
        held, owed = has[book_id, book, currency], owes[book_id, book, currency]
        if held < owed:
            yield f"investments_book {book_id} ({book}): holds {held}, owes {owed} {currency}"


def clearing() -> Iterator[str]:
    """A fund's clearing is below zero only by refunds and disputes newer than the provider's next payout."""
    below = [row for row in shared(balances) if row.code == "psp_clearing" and row.amount < 0]
    if not below:
        return
    newer = dict(
        rows(
            """
            SELECT line.account_id, sum(CASE line.side WHEN 'C' THEN line.amount ELSE -line.amount END)::bigint
              FROM investments_entry AS entry
              JOIN investments_line AS line ON line.entry_id = entry.id
             WHERE entry.kind IN ('refund_paid', 'refund_failed', 'dispute_opened')
               AND entry.happened_at > coalesce((SELECT max(happened_at) FROM investments_entry
                                                  WHERE kind = 'provider_payout') - %(travels)s, '-infinity')
               AND line.account_id = ANY(%(accounts)s)
             GROUP BY line.account_id
            """,
            {"accounts": [row.account_id for row in below], "travels": _PAYOUT_TRAVELS},
        )
    )
    for row in below:
        if row.amount + newer.get(row.account_id, 0) < 0:
            yield (
                f"investments_account {row.account_id} ({row.book} psp_clearing): balance {row.amount} {row.currency}, "
                f"of which newer refunds and disputes {newer.get(row.account_id, 0)}"
            )


def between_books() -> Iterator[str]:
    """What the funds owe the operator is what the operator is owed, and the other way round."""
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in shared(balances):
        for fund, operator in (("due_to_operator", "due_from_fund"), ("due_from_operator", "due_to_fund")):
            if row.code == (fund if row.kind == "fund" else operator):
                found[fund, operator, row.currency] += row.amount
    for (fund, operator, currency), amount in sorted(found.items()):
        if amount:
            yield f"investments_book: the funds' {fund} and the operator's {operator} differ by {amount} {currency}"


def register_checks() -> None:
    """Called once when the app is ready."""
    register("ledger.entries", "9.1", entries)
    register("ledger.lines", "7", lines)
    register("ledger.sealed", "7", sealed)
    register("ledger.references", "7", references)
    register("ledger.charts", "7", charts)
    register("ledger.totals", "9.1", totals)
    register("ledger.sides", "9.6", sides)
    register("ledger.coverage", "9.6", coverage)
    register("ledger.clearing", "9.6", clearing)
    register("ledger.between_books", "7", between_books)
