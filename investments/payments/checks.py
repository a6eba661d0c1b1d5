"""What must hold between payments, refunds, disputes, payouts and the journal (domain.md sections 4 and 9.3)."""

from __future__ import annotations

from collections.abc import Iterator

from microfund.kernel.integrity import query, register

# What the entries of one kind of source row say: the row's id from the reference, credits less debits of one account.
_POSTED = """
    SELECT split_part(entry.reference, ':', 3)::bigint AS source_id, entry.kind, min(entry.id) AS entry_id,
           min(entry.reference) AS reference, min(account.book_id) AS book_id, min(line.subject) AS subject,
           bigint_sum(CASE line.side WHEN 'C' THEN line.amount ELSE -line.amount END) AS amount
      FROM investments_entry AS entry
      JOIN investments_line AS line ON line.entry_id = entry.id
      JOIN investments_account AS account ON account.id = line.account_id
"""


def attempts() -> Iterator[str]:
    """An attempt asks for its order's total and captured all of it or nothing, unless it does not match; one at most is
    unresolved."""
    yield from query("""
        SELECT format('investments_paymentattempt %s (order %s): %s, %s of %s %s captured, the order is %s %s',
                      attempt.id, "order".reference, attempt.state, attempt.captured, attempt.amount,
                      attempt.currency, "order".total, "order".currency)
          FROM investments_paymentattempt AS attempt JOIN investments_order AS "order" ON "order".id = attempt.order_id
         WHERE attempt.amount <> "order".total OR attempt.currency <> "order".currency
            OR (attempt.state NOT IN ('mismatch', 'reviewed')
                AND attempt.captured <> CASE attempt.state WHEN 'succeeded' THEN attempt.amount ELSE 0 END)
         ORDER BY attempt.id
    """)
    yield from query("""
        SELECT format('investments_order %s (%s): has %s unresolved attempts (%s)', "order".id, "order".reference,
                      count(*), string_agg(attempt.id::text, ', ' ORDER BY attempt.id))
          FROM investments_paymentattempt AS attempt JOIN investments_order AS "order" ON "order".id = attempt.order_id
         WHERE attempt.state IN ('created', 'open', 'processing')
         GROUP BY "order".id HAVING count(*) > 1
         ORDER BY "order".id
    """)


def received() -> Iterator[str]:
    """Money captured by an attempt is journaled once, for its order and in its fund's book: at the provider, or as the
    bank receipts applied to it."""
    yield from query(f"""
        WITH posted AS ({_POSTED} WHERE entry.kind = 'payment_received' AND account.code = 'applicant_deposits'
                         GROUP BY 1, 2)
        SELECT CASE WHEN posted.entry_id IS NULL THEN format('investments_paymentattempt %s (order %s): captured %s '
                             'without an entry', own.id, own.reference, own.captured)
                    WHEN own.id IS NULL THEN format('investments_entry %s (%s): no such attempt has succeeded',
                                                    posted.entry_id, posted.reference)
                    ELSE format('investments_entry %s (%s): %s in book %s for %s, the attempt captured %s for order %s',
                                posted.entry_id, posted.reference, posted.amount, posted.book_id, posted.subject,
                                own.captured, own.order_id) END
          FROM (SELECT attempt.id, attempt.captured, attempt.order_id, "order".reference, fund.book_id
                  FROM investments_paymentattempt AS attempt
                  JOIN investments_order AS "order" ON "order".id = attempt.order_id
                  JOIN investments_fund AS fund ON fund.id = "order".fund_id
                 WHERE attempt.captured > 0 AND attempt.method <> 'bank_transfer') AS own
          FULL JOIN posted ON posted.source_id = own.id
         WHERE (posted.amount, posted.book_id, posted.subject)
               IS DISTINCT FROM (own.captured, own.book_id, 'order:' || own.order_id)
    """)  # noqa: S608 - our own literals
    yield from query("""
        SELECT format('investments_paymentattempt %s: captured %s, receipts of %s were applied to it',
                      coalesce(own.id::text, applied.target), coalesce(own.captured, 0), coalesce(applied.amount, 0))
          FROM (SELECT id, captured FROM investments_paymentattempt
                 WHERE captured > 0 AND method = 'bank_transfer') AS own
          FULL JOIN (SELECT target, sum(amount) AS amount FROM investments_receiptuse
                      WHERE purpose = 'applied' AND target LIKE 'attempt:%' GROUP BY target) AS applied
            ON applied.target = 'attempt:' || own.id
         WHERE coalesce(own.captured, 0) <> coalesce(applied.amount, 0)
    """)


def one_capture() -> Iterator[str]:
    """A paid or confirmed order is held by exactly one capture that was not given back, an ended one by none. Money
    that did not match pays no order: staff who have seen to it have given it back."""
    yield from query("""
        SELECT format('investments_paymentattempt %s (order %s): did not match and was seen to, %s of %s given back',
                      attempt.id, attempt.order_id, coalesce(sum(refund.amount), 0), attempt.captured)
          FROM investments_paymentattempt AS attempt
          LEFT JOIN investments_refund AS refund ON refund.attempt_id = attempt.id
         WHERE attempt.state = 'reviewed' AND attempt.captured > 0
         GROUP BY attempt.id HAVING coalesce(sum(refund.amount), 0) <> attempt.captured
         ORDER BY attempt.id
    """)
    yield from query("""
        WITH net AS (
            SELECT attempt.order_id, attempt.id, attempt.captured - coalesce(refund.amount, 0) AS kept,
                   coalesce(dispute.amount, 0) AS lost
              FROM investments_paymentattempt AS attempt
              LEFT JOIN (SELECT attempt_id, sum(amount) AS amount FROM investments_refund GROUP BY 1) AS refund
                ON refund.attempt_id = attempt.id
              LEFT JOIN (SELECT attempt_id, sum(amount) AS amount FROM investments_dispute
                          WHERE state = 'lost' GROUP BY 1) AS dispute ON dispute.attempt_id = attempt.id
             WHERE attempt.captured > coalesce(refund.amount, 0) AND attempt.state NOT IN ('mismatch', 'reviewed')
        ), wrong AS (
            SELECT order_id AS id
              FROM (SELECT id AS order_id, 1 AS wanted, 0 AS capture, 0 AS unlost
                      FROM investments_order WHERE state IN ('paid', 'confirmed')
                     UNION ALL
                    SELECT order_id, 0, 1, CASE WHEN kept > lost THEN 1 ELSE 0 END FROM net) AS part
             GROUP BY order_id
            HAVING sum(wanted) <> CASE WHEN sum(wanted) = 1 THEN sum(capture) ELSE sum(unlost) END
        )
        SELECT format('investments_order %s (%s): is %s, captured and kept by attempts %s', "order".id,
                      "order".reference, "order".state,
                      coalesce(string_agg(format('%s (%s)', net.id, net.kept), ', ' ORDER BY net.id), 'none'))
          FROM wrong
          JOIN investments_order AS "order" ON "order".id = wrong.id
          LEFT JOIN net ON net.order_id = "order".id
         GROUP BY "order".id
         ORDER BY "order".id
    """)


def order_money() -> Iterator[str]:
    """An order's deposits are its total while it is paid and nothing otherwise, and beside it what came without
    matching and is not given back; what it is owed back is its refunds that are still open."""
    return query("""
        WITH journal AS (
            SELECT *
              FROM (SELECT line.subject, account.book_id,
                           coalesce(bigint_sum(CASE line.side WHEN 'C' THEN line.amount ELSE -line.amount END)
                                    FILTER (WHERE account.code = 'applicant_deposits'), 0) AS deposits,
                           coalesce(bigint_sum(CASE line.side WHEN 'C' THEN line.amount ELSE -line.amount END)
                                    FILTER (WHERE account.code = 'refunds_payable'), 0) AS owed
                      FROM investments_line AS line
                      JOIN investments_account AS account ON account.id = line.account_id
                     WHERE account.code IN ('applicant_deposits', 'refunds_payable')
                     GROUP BY 1, 2) AS part
             WHERE deposits <> 0 OR owed <> 0
        ), own AS (
            SELECT "order".id, "order".reference, "order".state, 'order:' || "order".id AS subject, fund.book_id,
                   coalesce(beside.amount, 0)
                   + CASE "order".state WHEN 'paid' THEN "order".total ELSE 0 END AS deposits,
                   coalesce(refunds.amount, 0) AS owed
              FROM investments_order AS "order"
              JOIN investments_fund AS fund ON fund.id = "order".fund_id
              LEFT JOIN (SELECT order_id, sum(amount) AS amount FROM investments_refund
                          WHERE state NOT IN ('succeeded', 'paid_by_bank', 'charged_back')
                          GROUP BY order_id) AS refunds
                ON refunds.order_id = "order".id
              LEFT JOIN (SELECT attempt.order_id, sum(attempt.captured - coalesce(given.amount, 0)) AS amount
                           FROM investments_paymentattempt AS attempt
                           LEFT JOIN (SELECT attempt_id, sum(amount) AS amount FROM investments_refund GROUP BY 1)
                                AS given ON given.attempt_id = attempt.id
                          WHERE attempt.state IN ('mismatch', 'reviewed') AND attempt.captured > 0
                          GROUP BY 1) AS beside ON beside.order_id = "order".id
        )
        SELECT format('investments_order %s (%s): is %s, deposits %s instead of %s, refunds payable %s instead of %s '
                      '(%s in book %s)', coalesce(own.id::text, '?'), coalesce(own.reference, 'unknown'),
                      coalesce(own.state, 'not there'), coalesce(journal.deposits, 0), coalesce(own.deposits, 0),
                      coalesce(journal.owed, 0), coalesce(own.owed, 0), coalesce(journal.subject, own.subject),
                      coalesce(journal.book_id, own.book_id))
          FROM own FULL JOIN journal ON journal.subject = own.subject AND journal.book_id = own.book_id
         WHERE coalesce(journal.deposits, 0) <> coalesce(own.deposits, 0)
            OR coalesce(journal.owed, 0) <> coalesce(own.owed, 0)
         ORDER BY own.id
    """)


def refunds() -> Iterator[str]:
    """The refunds of an attempt never exceed what it captured, and are of its order and currency."""
    yield from query("""
        SELECT format('investments_paymentattempt %s: refunds of %s exceed the captured %s', attempt.id,
                      sum(refund.amount), attempt.captured)
          FROM investments_refund AS refund
          JOIN investments_paymentattempt AS attempt ON attempt.id = refund.attempt_id
         GROUP BY attempt.id HAVING sum(refund.amount) > attempt.captured
         ORDER BY attempt.id
    """)
    yield from query("""
        SELECT format('investments_refund %s: is of order %s, its attempt of order %s', refund.id, refund.order_id,
                      attempt.order_id)
          FROM investments_refund AS refund
          JOIN investments_paymentattempt AS attempt ON attempt.id = refund.attempt_id
         WHERE refund.order_id <> attempt.order_id OR refund.currency <> attempt.currency
         ORDER BY refund.id
    """)


def refund_entries() -> Iterator[str]:
    """A refund is journaled as its state says: decided once (with the rest that became a refund of its own), paid each
    time it was done, taken back each time it failed later, and recorded as a transfer when it was paid by bank."""
    return query("""
        WITH posted AS (
            SELECT split_part(entry.reference, ':', 3)::bigint AS refund_id,
                   coalesce(sum(line.amount) FILTER (WHERE line.side = 'C'
                                AND entry.kind IN ('refund_decided', 'refund_of_part', 'refund_split')), 0) AS decided,
                   coalesce(sum(line.amount) FILTER (WHERE line.side = 'D' AND entry.kind = 'refund_paid'), 0) AS paid,
                   coalesce(sum(line.amount) FILTER (WHERE line.side = 'C' AND entry.kind = 'refund_failed'), 0)
                       AS failed,
                   coalesce(sum(line.amount) FILTER (WHERE line.side = 'D' AND entry.kind = 'refund_by_bank'), 0)
                       AS bank
              FROM investments_entry AS entry
              JOIN investments_line AS line ON line.entry_id = entry.id
              JOIN investments_account AS account ON account.id = line.account_id AND account.code = 'refunds_payable'
             WHERE entry.kind IN ('refund_decided', 'refund_of_part', 'refund_split', 'refund_paid', 'refund_failed',
                                  'refund_by_bank')
             GROUP BY 1
        )
        SELECT format('investments_refund %s (%s): %s of %s; journal: decided %s, paid %s, failed %s, by bank %s; '
                      'transferred %s', coalesce(refund.id, posted.refund_id), coalesce('order ' || refund.order_id,
                      'does not exist'), coalesce(refund.state, '-'), coalesce(refund.amount, 0), posted.decided,
                      posted.paid, posted.failed, posted.bank, coalesce(transfer.amount, 0))
          FROM investments_refund AS refund
          FULL JOIN posted ON posted.refund_id = refund.id
          LEFT JOIN investments_outgoingtransfer AS transfer ON transfer.target = 'refund:' || refund.id
               AND transfer.state = 'sent'
          LEFT JOIN (SELECT split_from_id, sum(amount) AS amount FROM investments_refund GROUP BY 1) AS rest
            ON rest.split_from_id = refund.id
         WHERE refund.id IS NULL OR posted.refund_id IS NULL
            OR posted.decided <> refund.amount + coalesce(rest.amount, 0)
            OR posted.bank <> CASE refund.state WHEN 'paid_by_bank' THEN refund.amount ELSE 0 END
            OR posted.bank <> coalesce(transfer.amount, 0)
            OR posted.paid % refund.amount <> 0 OR posted.paid > refund.amount * refund.occurrence
            OR posted.paid - posted.failed <> CASE refund.state WHEN 'succeeded' THEN refund.amount ELSE 0 END
         ORDER BY 1
    """)


def disputes() -> Iterator[str]:
    """A dispute is journaled as its state says, an inquiry not at all; what lost ones took from refunds is what those
    that were taken back come to."""
    yield from query("""
        WITH posted AS (
            SELECT split_part(entry.reference, ':', 3)::bigint AS dispute_id,
                   coalesce(sum(line.amount) FILTER (WHERE entry.kind = 'dispute_opened' AND line.side = 'D'), 0)
                       AS opened,
                   coalesce(sum(line.amount) FILTER (WHERE entry.kind = 'dispute_won' AND line.side = 'C'), 0) AS won,
                   coalesce(sum(line.amount) FILTER (WHERE entry.kind = 'dispute_lost' AND line.side = 'C'), 0) AS lost
              FROM investments_entry AS entry
              JOIN investments_line AS line ON line.entry_id = entry.id
              JOIN investments_account AS account ON account.id = line.account_id
               AND account.code = 'disputed_receivable'
             WHERE entry.kind IN ('dispute_opened', 'dispute_won', 'dispute_lost')
             GROUP BY 1
        )
        SELECT format('investments_dispute %s (%s): %s of %s; journal: opened %s, won %s, lost %s',
                      coalesce(dispute.id, posted.dispute_id), coalesce(dispute.provider_id, 'does not exist'),
                      coalesce(dispute.state, '-'), coalesce(dispute.amount, 0), coalesce(posted.opened, 0),
                      coalesce(posted.won, 0), coalesce(posted.lost, 0))
          FROM investments_dispute AS dispute
          FULL JOIN posted ON posted.dispute_id = dispute.id
         WHERE dispute.id IS NULL
            OR coalesce(posted.opened, 0) <>
               CASE WHEN dispute.state IN ('inquiry', 'closed') THEN 0 ELSE dispute.amount END
            OR coalesce(posted.won, 0) <> CASE dispute.state WHEN 'won' THEN dispute.amount ELSE 0 END
            OR coalesce(posted.lost, 0) <> CASE dispute.state WHEN 'lost' THEN dispute.amount ELSE 0 END
         ORDER BY 1
    """)
    yield from query("""
        SELECT format('investments_paymentattempt %s: lost disputes took %s from its refunds, %s of them were taken '
                      'back', attempt.id, coalesce(lost.amount, 0), coalesce(back.amount, 0))
          FROM investments_paymentattempt AS attempt
          LEFT JOIN (SELECT attempt_id, sum(from_refunds) AS amount FROM investments_dispute GROUP BY 1) AS lost
            ON lost.attempt_id = attempt.id
          LEFT JOIN (SELECT attempt_id, sum(amount) AS amount FROM investments_refund WHERE state = 'charged_back'
                      GROUP BY 1) AS back ON back.attempt_id = attempt.id
         WHERE coalesce(lost.amount, 0) <> coalesce(back.amount, 0)
         ORDER BY attempt.id
    """)


def frozen() -> Iterator[str]:
    """An order, and its investor's holding in the fund, are frozen while a dispute is open or waits for a decision, and
    only then; a holding also once the death of its investor is recorded."""
    yield from query("""
        SELECT format('investments_order %s (%s): %s, disputes open or undecided: %s', "order".id, "order".reference,
                      CASE WHEN "order".frozen_at IS NULL THEN 'is not frozen' ELSE 'is frozen' END,
                      coalesce(string_agg(dispute.id::text, ', ' ORDER BY dispute.id), 'none'))
          FROM investments_order AS "order"
          LEFT JOIN investments_dispute AS dispute
            ON dispute.order_id = "order".id AND (dispute.state = 'open' OR dispute.needs_decision)
         WHERE "order".frozen_at IS NOT NULL OR dispute.id IS NOT NULL
         GROUP BY "order".id
        HAVING ("order".frozen_at IS NULL) <> (count(dispute.id) = 0)
         ORDER BY "order".id
    """)
    yield from query("""
        SELECT format('investments_holding %s (%s): %s, disputes open or undecided: %s', holding.id, holding.reference,
                      CASE WHEN holding.frozen_at IS NULL THEN 'is not frozen' ELSE 'is frozen' END,
                      coalesce(disputed.ids, 'none'))
          FROM investments_holding AS holding
          JOIN investments_investor AS investor ON investor.id = holding.investor_id
          LEFT JOIN (SELECT "order".investor_id, "order".fund_id,
                            string_agg(dispute.id::text, ', ' ORDER BY dispute.id) AS ids
                       FROM investments_dispute AS dispute
                       JOIN investments_order AS "order" ON "order".id = dispute.order_id
                      WHERE dispute.state = 'open' OR dispute.needs_decision
                      GROUP BY 1, 2) AS disputed
            ON disputed.investor_id = holding.investor_id AND disputed.fund_id = holding.fund_id
         WHERE (holding.frozen_at IS NULL) <> (disputed.ids IS NULL AND investor.died_on IS NULL)
         ORDER BY holding.id
    """)


def payouts() -> Iterator[str]:
    """A payout of the provider is journaled gross by fund, its fees to the operator; one that failed is turned back."""
    yield from query(f"""
        WITH posted AS ({_POSTED} WHERE entry.kind IN ('provider_payout', 'provider_payout_failed')
                         AND account.code = 'psp_clearing' GROUP BY 1, 2, account.book_id),
             own AS (SELECT payout.id, payout.provider_id, book.id AS book_id, step.kind,
                            gross.value::bigint * step.sign AS amount
                       FROM investments_providerpayout AS payout
                      CROSS JOIN jsonb_each_text(payout.by_fund) AS gross
                       JOIN (VALUES ('provider_payout', 1), ('provider_payout_failed', -1)) AS step (kind, sign)
                         ON step.sign = 1 OR payout.state = 'failed'
                       LEFT JOIN investments_book AS book ON book.code = gross.key
                      WHERE gross.value::bigint <> 0)
        SELECT format('investments_providerpayout %s (%s): %s of book %s, journaled %s as %s',
                      coalesce(own.id, posted.source_id), coalesce(own.provider_id, 'does not exist'),
                      coalesce(own.amount, 0), coalesce(own.book_id, posted.book_id), coalesce(posted.amount, 0),
                      coalesce(own.kind, posted.kind))
          FROM own FULL JOIN posted
            ON posted.source_id = own.id AND posted.book_id = own.book_id AND posted.kind = own.kind
         WHERE own.amount IS DISTINCT FROM posted.amount
         ORDER BY 1
    """)  # noqa: S608 - our own literals
    yield from query(f"""
        WITH posted AS (SELECT source_id, sum(amount) AS amount
                          FROM ({_POSTED} WHERE entry.kind IN ('provider_payout', 'provider_payout_failed')
                                 AND account.code = 'psp_fees' GROUP BY 1, 2) AS part GROUP BY 1)
        SELECT format('investments_providerpayout %s (%s): fees of %s, journaled %s', payout.id, payout.provider_id,
                      payout.fees, -coalesce(posted.amount, 0))
          FROM investments_providerpayout AS payout LEFT JOIN posted ON posted.source_id = payout.id
         WHERE CASE payout.state WHEN 'failed' THEN 0 ELSE payout.fees END <> -coalesce(posted.amount, 0)
         ORDER BY payout.id
    """)  # noqa: S608 - our own literals


def payout_sums() -> Iterator[str]:
    """What a payout of the provider brought is explained by its lines, or staff have said why it is not."""
    return query("""
        SELECT format('investments_providerpayout %s (%s): brought %s; by fund %s, fees %s, own %s, not ours %s, '
                      'not explained %s', payout.id, payout.provider_id, payout.amount, part.gross, payout.fees,
                      payout.own, part.foreign_lines, payout.difference)
          FROM investments_providerpayout AS payout
         CROSS JOIN LATERAL (
               SELECT (SELECT coalesce(sum(value::bigint), 0) FROM jsonb_each_text(payout.by_fund)) AS gross,
                      (SELECT coalesce(sum((line->>'amount')::bigint), 0)
                         FROM jsonb_array_elements(payout.unmatched) AS line) AS foreign_lines
               ) AS part
         WHERE payout.amount <> part.gross - payout.fees + payout.own + part.foreign_lines + payout.difference
            OR (payout.difference <> 0 AND payout.reviewed_at IS NULL)
         ORDER BY payout.id
    """)


def register_checks() -> None:
    """Called once when the app is ready."""
    register("payments.attempts", "4.3", attempts)
    register("payments.received", "9.3", received)
    register("payments.one_capture", "9.3", one_capture)
    register("payments.order_money", "9.3", order_money)
    register("payments.refunds", "4.8", refunds)
    register("payments.refund_entries", "9.3", refund_entries)
    register("payments.disputes", "4.9", disputes)
    register("payments.frozen", "4.9", frozen)
    register("payments.payouts", "7", payouts)
    register("payments.payout_sums", "7", payout_sums)
