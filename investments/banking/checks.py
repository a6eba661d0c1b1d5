"""What must hold of bank receipts: no yen is kept, lost or used twice (domain.md sections 4.3 and 9.3)."""

from __future__ import annotations

from collections.abc import Iterator

from microfund.kernel.integrity import query, register


def receipts() -> Iterator[str]:
    """A receipt is what was used of it and what remains, and what remains is what the journal keeps as unallocated.

    What the provider paid out stands in the statements too, but its money is journaled with the payout itself.
    """
    yield from query("""
        SELECT format('investments_statementline %s (%s %s): %s is not %s remaining and %s used', line.id,
                      line.booked_on, line.bank_key, line.amount, line.remaining, coalesce(uses.amount, 0))
          FROM investments_statementline AS line
          LEFT JOIN (SELECT line_id, sum(amount) AS amount FROM investments_receiptuse GROUP BY line_id) AS uses
            ON uses.line_id = line.id
         WHERE line.amount <> line.remaining + coalesce(uses.amount, 0)
           AND NOT (line.provider_payout AND line.remaining = 0 AND uses.amount IS NULL)
         ORDER BY line.id
    """)
    yield from query("""
        WITH journal AS (
            SELECT line.subject,
                   sum(CASE line.side WHEN 'C' THEN line.amount ELSE -line.amount END) AS balance
              FROM investments_line AS line
              JOIN investments_account AS account ON account.id = line.account_id
               AND account.code = 'unallocated_receipts'
             GROUP BY line.subject
        )
        SELECT format('investments_statementline %s (%s): %s remaining, unallocated in the journal %s',
                      coalesce(line.id::text, journal.subject), coalesce(line.bank_key, 'does not exist'),
                      coalesce(line.remaining, 0), coalesce(journal.balance, 0))
          FROM investments_statementline AS line
          FULL JOIN journal ON journal.subject = 'receipt:' || line.id
         WHERE coalesce(line.remaining, 0) <> coalesce(journal.balance, 0)
         ORDER BY line.id
    """)


def receipt_uses() -> Iterator[str]:
    """Each use of a receipt is journaled once with its amount; what staff sent back was a transfer, and what is held is
    what transfers are under way for."""
    yield from query("""
        WITH posted AS (
            SELECT split_part(entry.reference, ':', 3)::bigint AS use_id, entry.id, entry.reference,
                   sum(line.amount) AS amount, min(line.subject) AS subject
              FROM investments_entry AS entry
              JOIN investments_line AS line ON line.entry_id = entry.id AND line.side = 'D'
              JOIN investments_account AS account ON account.id = line.account_id
               AND account.code = 'unallocated_receipts'
             WHERE split_part(entry.reference, ':', 2) = 'use'
             GROUP BY 1, 2, 3
        )
        SELECT CASE WHEN own.id IS NULL THEN format('investments_entry %s (%s): no such use of a receipt', posted.id,
                                                    posted.reference)
                    ELSE format('investments_receiptuse %s (line %s, %s): %s, journaled %s for %s', own.id,
                                own.line_id, own.target, own.amount, coalesce(posted.amount, 0),
                                coalesce(posted.subject, 'nothing')) END
          FROM investments_receiptuse AS own FULL JOIN posted ON posted.use_id = own.id
         WHERE own.amount IS DISTINCT FROM posted.amount
            OR posted.subject IS DISTINCT FROM 'receipt:' || own.line_id
         ORDER BY own.id
    """)
    yield from query("""
        SELECT format('investments_outgoingtransfer %s: %s yen sent for %s, of which %s were sent back by receipts',
                      coalesce(transfer.id::text, 'missing'), coalesce(transfer.amount, 0),
                      coalesce(transfer.target, sent.target), coalesce(sent.amount, 0))
          FROM (SELECT *, 'transfer:' || id AS own FROM investments_outgoingtransfer
                 WHERE target LIKE 'receipt:%' AND state = 'sent') AS transfer
          FULL JOIN (SELECT target, 'receipt:' || line_id AS line, sum(amount) AS amount FROM investments_receiptuse
                      WHERE purpose = 'sent_back' AND target LIKE 'transfer:%' GROUP BY target, line_id) AS sent
            ON sent.target = transfer.own
         WHERE transfer.amount IS DISTINCT FROM sent.amount OR transfer.target IS DISTINCT FROM sent.line
    """)
    yield from query("""
        SELECT format('investments_statementline %s: %s held, transfers of %s under way', line.id, line.held,
                      coalesce(transfers.amount, 0))
          FROM investments_statementline AS line
          LEFT JOIN (SELECT target, sum(amount) AS amount FROM investments_outgoingtransfer
                      WHERE state IN ('prepared', 'approved') GROUP BY target) AS transfers
            ON transfers.target = 'receipt:' || line.id
         WHERE line.held <> coalesce(transfers.amount, 0)
         ORDER BY line.id
    """)


def outgoing_transfers() -> Iterator[str]:
    """What left by bank was prepared by one person and approved by another, and is journaled once with its amount on
    the day it left; nothing else is journaled as having left so."""
    yield from query("""
        SELECT format('investments_outgoingtransfer %s (%s): is %s, prepared by %s, approved by %s', id, target, state,
                      maker_id, coalesce(checker_id::text, 'nobody'))
          FROM investments_outgoingtransfer
         WHERE state IN ('approved', 'sent') AND (checker_id IS NULL OR checker_id = maker_id)
         ORDER BY id
    """)
    yield from query("""
        WITH sent AS (
            SELECT id, target, amount, transferred_on,
                   CASE split_part(target, ':', 1)
                        WHEN 'refund' THEN 'refund_by_bank:' || target
                        WHEN 'dispute' THEN 'dispute_topped_up:' || target
                        WHEN 'fees' THEN 'fees_swept:transfer:' || id
                        WHEN 'release' THEN 'released:' || target
                        WHEN 'tax' THEN 'tax_paid:' || target
                        WHEN 'compensation' THEN 'compensation_paid:' || target
                        WHEN 'credit' THEN 'credit_returned:' || target
                        ELSE (SELECT 'receipt_sent_back:use:' || own.id FROM investments_receiptuse AS own
                               WHERE own.target = 'transfer:' || transfer.id) END AS reference
              FROM investments_outgoingtransfer AS transfer WHERE state = 'sent'
        ), left_bank AS (
            SELECT entry.id, entry.effective_on, sum(line.amount) AS amount, entry.reference
              FROM investments_entry AS entry
              JOIN investments_line AS line ON line.entry_id = entry.id AND line.side = 'C'
              JOIN investments_account AS account ON account.id = line.account_id
               AND account.code IN ('bank', 'trust_bank')
             WHERE entry.kind IN ('refund_by_bank', 'dispute_topped_up', 'fees_swept', 'released', 'tax_paid',
                                  'compensation_paid', 'credit_returned')
                OR (entry.kind = 'receipt_sent_back' AND EXISTS (
                       SELECT FROM investments_receiptuse AS own WHERE own.target LIKE 'transfer:%'
                          AND own.id = split_part(entry.reference, ':', 3)::bigint))
             GROUP BY entry.id
        )
        SELECT format('investments_outgoingtransfer %s (%s): %s sent on %s, journaled %s on %s (%s)',
                      coalesce(sent.id::text, 'missing'), coalesce(sent.target, '-'), coalesce(sent.amount, 0),
                      coalesce(sent.transferred_on::text, '-'), coalesce(left_bank.amount, 0),
                      coalesce(left_bank.effective_on::text, '-'), coalesce(sent.reference, left_bank.reference, '-'))
          FROM sent FULL JOIN left_bank ON left_bank.reference = sent.reference
         WHERE sent.amount IS DISTINCT FROM left_bank.amount
            OR sent.transferred_on IS DISTINCT FROM left_bank.effective_on
         ORDER BY 1
    """)


def claims() -> Iterator[str]:
    """No bank line was imported or claimed twice."""
    yield from query("""
        SELECT format('investments_statementline %s: the same bank line %s', string_agg(id::text, ', ' ORDER BY id),
                      bank_key)
          FROM investments_statementline GROUP BY bank_key HAVING count(*) > 1
    """)
    yield from query("""
        SELECT format('investments_receiptuse %s: line %s is %s to %s twice',
                      string_agg(id::text, ', ' ORDER BY id), line_id, purpose, target)
          FROM investments_receiptuse GROUP BY line_id, purpose, target HAVING count(*) > 1
    """)


def register_checks() -> None:
    """Called once when the app is ready."""
    register("banking.receipts", "9.3", receipts)
    register("banking.receipt_uses", "9.3", receipt_uses)
    register("banking.claims", "9.3", claims)
    register("banking.outgoing_transfers", "7", outgoing_transfers)
