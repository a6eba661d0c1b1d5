"""What must hold in the journal, whatever has happened (domain.md sections 7 and 9.1, 9.6)."""

from __future__ import annotations

from collections.abc import Iterator

from microfund.kernel.integrity import query, register

from .accounts import CHARTS

# Accounts that may stand on either side: a fund's clearing has a rule of its own below; the operator's own bank is not
# journaled from its first day; income, fees and losses are what they are.
_EITHER_SIDE = ("psp_clearing", "fee_income", "output_tax", "psp_fees", "dispute_loss")
# A payout is on its way for some days, so a refund made in this time before its arrival need not be in it.
_PAYOUT_TRAVELS = "7 days"

_BALANCES = """
    SELECT book.id AS book_id, book.code AS book, book.kind, line.currency, account.id AS account_id, account.code,
           sum(CASE line.side WHEN 'D' THEN line.amount ELSE -line.amount END) AS balance
      FROM (SELECT account_id, currency, side, sum(amount) AS amount FROM investments_line GROUP BY 1, 2, 3) AS line
      JOIN investments_account AS account ON account.id = line.account_id
      JOIN investments_book AS book ON book.id = account.book_id
     GROUP BY 1, 2, 3, 4, 5, 6
"""


def entries() -> Iterator[str]:
    """Every entry has at least two lines and balances within each book and currency."""
    return query("""
        SELECT format('investments_entry %s (%s): %s', entry.id, entry.reference,
                      CASE WHEN coalesce(whole.lines, 0) < 2 THEN format('%s lines', coalesce(whole.lines, 0))
                           ELSE 'debits and credits differ: ' || whole.wrong END)
          FROM investments_entry AS entry
          LEFT JOIN (
                SELECT entry_id, sum(lines) AS lines, bool_or(balance <> 0) AS broken,
                       string_agg(format('book %s %s %s', book_id, balance, currency), ', ')
                           FILTER (WHERE balance <> 0) AS wrong
                  FROM (SELECT line.entry_id, account.book_id, line.currency, count(*) AS lines,
                               sum(CASE line.side WHEN 'D' THEN line.amount ELSE -line.amount END) AS balance
                          FROM investments_line AS line
                          LEFT JOIN investments_account AS account ON account.id = line.account_id
                         GROUP BY 1, 2, 3) AS part
                 GROUP BY entry_id
               ) AS whole ON whole.entry_id = entry.id
         WHERE whole.entry_id IS NULL OR whole.lines < 2 OR whole.broken
         ORDER BY entry.id
    """)


def lines() -> Iterator[str]:
    """Every line belongs to an entry and an account, is positive, on a side, and in its book's currency."""
    return query("""
        SELECT format('investments_line %s: %s', line.id,
                      CASE WHEN entry.id IS NULL THEN format('entry %s does not exist', line.entry_id)
                           WHEN account.id IS NULL THEN format('account %s does not exist', line.account_id)
                           WHEN book.id IS NULL THEN format('book %s does not exist', account.book_id)
                           WHEN line.currency <> book.currency
                                THEN format('%s in a book of %s', line.currency, book.currency)
                           ELSE format('side %s, amount %s', line.side, line.amount) END)
          FROM investments_line AS line
          LEFT JOIN investments_entry AS entry ON entry.id = line.entry_id
          LEFT JOIN investments_account AS account ON account.id = line.account_id
          LEFT JOIN investments_book AS book ON book.id = account.book_id
         WHERE entry.id IS NULL OR book.id IS NULL OR line.currency <> book.currency
            OR line.amount <= 0 OR line.side NOT IN ('D', 'C')
         ORDER BY line.id
    """)


def sealed() -> Iterator[str]:
    """No line joined an entry after the transaction that wrote it.

    PostgreSQL keeps the inserting transaction of every row (`xmin`). It can be compared as long as the entry's row is
    the original one: not in a savepoint, and not restored from a dump (then both have other transactions).
    """
    return query("""
        SELECT format('investments_line %s: joined entry %s (%s) in another transaction', line.id, entry.id,
                      entry.reference)
          FROM investments_entry AS entry
          JOIN investments_line AS line ON line.entry_id = entry.id
         WHERE entry.xmin::text::bigint = entry.xact % 4294967296 AND line.xmin <> entry.xmin
         ORDER BY line.id
    """)


def references() -> Iterator[str]:
    """Every entry is named `kind:source:id`, and a reversal is the exact opposite of what it reverses."""
    yield from query("""
        SELECT format('investments_entry %s (%s): its kind is %s', id, reference, kind)
          FROM investments_entry WHERE left(reference, length(kind) + 1) <> kind || ':' ORDER BY id
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
    return query(f"""
        SELECT format('investments_book %s: debits less credits are %s %s', coalesce(book_id::text, 'all'),
                      sum(balance), currency)
          FROM ({_BALANCES}) AS account
         GROUP BY GROUPING SETS ((book_id, currency), (currency)) HAVING sum(balance) <> 0
    """)  # noqa: S608 - our own literals


def sides() -> Iterator[str]:
    """No account stands on its wrong side: a bank never below zero, no deposit or payable paid out twice."""
    normal = [(kind, code, side) for kind, chart in CHARTS.items() for code, side in chart.items()]
    normal = [row for row in normal if row[1] not in _EITHER_SIDE and row[:2] != ("operator", "bank")]
    return query(
        f"""
        SELECT format('investments_account %s (%s %s): balance %s %s', balances.account_id, balances.book,
                      balances.code, balances.balance, balances.currency)
          FROM ({_BALANCES}) AS balances
          JOIN unnest(%(kinds)s::text[], %(codes)s::text[], %(sides)s::text[]) AS chart (kind, code, side)
            ON chart.kind = balances.kind AND chart.code = balances.code
         WHERE CASE chart.side WHEN 'D' THEN balances.balance < 0 ELSE balances.balance > 0 END
         ORDER BY balances.account_id
        """,  # noqa: S608 - our own literals
        {
            "kinds": [row[0] for row in normal],
            "codes": [row[1] for row in normal],
            "sides": [row[2] for row in normal],
        },
    )


def coverage() -> Iterator[str]:
    """Each fund's bank, clearing and claim on the operator cover what it owes without waiting for the business."""
    return query(f"""
        SELECT format('investments_book %s (%s): holds %s, owes %s %s', book_id, book, has, owes, currency)
          FROM (SELECT book_id, book, currency,
                       coalesce(sum(balance) FILTER (WHERE code IN ('bank', 'psp_clearing', 'due_from_operator')), 0)
                           AS has,
                       -coalesce(sum(balance) FILTER (WHERE code IN (
                           'applicant_deposits', 'donation_payable', 'investment_payable', 'due_to_operator',
                           'refunds_payable', 'withholding_payable', 'unclaimed_distributions')), 0) AS owes
                  FROM ({_BALANCES}) AS account WHERE kind = 'fund' GROUP BY 1, 2, 3) AS fund
         WHERE has < owes
         ORDER BY book_id
    """)  # noqa: S608 - our own literals


def clearing() -> Iterator[str]:
    """A fund's clearing is below zero only by refunds and disputes newer than the provider's next payout."""
    return query(f"""
        WITH last AS (SELECT max(happened_at) AS payout FROM investments_entry WHERE kind = 'provider_payout')
        SELECT format('investments_account %s (%s psp_clearing): balance %s %s, of which newer refunds and disputes %s',
                      below.account_id, below.book, below.balance, below.currency, coalesce(newer.amount, 0))
          FROM ({_BALANCES}) AS below
          LEFT JOIN LATERAL (
                SELECT sum(CASE line.side WHEN 'C' THEN line.amount ELSE -line.amount END) AS amount
                  FROM investments_line AS line JOIN investments_entry AS entry ON entry.id = line.entry_id, last
                 WHERE line.account_id = below.account_id
                   AND entry.kind IN ('refund_paid', 'refund_failed', 'dispute_opened')
                   AND (last.payout IS NULL OR entry.happened_at > last.payout - interval '{_PAYOUT_TRAVELS}')
               ) AS newer ON true
         WHERE below.code = 'psp_clearing' AND below.balance + coalesce(newer.amount, 0) < 0
         ORDER BY below.account_id
    """)  # noqa: S608 - our own literals


def between_books() -> Iterator[str]:
    """What the funds owe the operator is what the operator is owed, and the other way round."""
    return query(f"""
        SELECT format('investments_book: the funds'' %s and the operator''s %s differ by %s %s', pair.fund,
                      pair.operator, sum(account.balance), account.currency)
          FROM ({_BALANCES}) AS account
          JOIN (VALUES ('due_to_operator', 'due_from_fund'), ('due_from_operator', 'due_to_fund'))
               AS pair (fund, operator)
            ON (account.kind = 'fund' AND account.code = pair.fund)
            OR (account.kind = 'operator' AND account.code = pair.operator)
         GROUP BY pair.fund, pair.operator, account.currency
        HAVING sum(account.balance) <> 0
    """)  # noqa: S608 - our own literals


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
