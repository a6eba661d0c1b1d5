"""What must hold of payouts, their parts, their attempts and the runs (domain.md sections 7, 8, 9.5 and 9.6)."""

from __future__ import annotations

from collections.abc import Iterator

from investments.ledger.checks import balances
from microfund.kernel.integrity import query, register, shared


def parts() -> Iterator[str]:
    """A payout is the sum of its parts, a part is what its instalment pays of its allocation, and no part is in two
    payouts."""
    yield from query("""
        SELECT format('investments_payout %s: %s = %s + %s, tax %s; its parts make %s = %s + %s, tax %s', own.id,
                      own.gross, own.principal, own.profit, own.tax, coalesce(part.gross, 0),
                      coalesce(part.principal, 0), coalesce(part.profit, 0), coalesce(part.tax, 0))
          FROM investments_payout AS own
          LEFT JOIN (SELECT payout_id, sum(gross) AS gross, sum(principal) AS principal, sum(profit) AS profit,
                            sum(tax) AS tax, sum(net) AS net
                       FROM investments_payoutitem GROUP BY 1) AS part ON part.payout_id = own.id
         WHERE (own.gross, own.principal, own.profit, own.tax, own.net) IS DISTINCT FROM
               (coalesce(part.gross, 0), coalesce(part.principal, 0), coalesce(part.profit, 0), coalesce(part.tax, 0),
                coalesce(part.net, 0) + own.returned)
         ORDER BY own.id
    """)
    yield from query("""
        WITH expected AS (
            SELECT item.*, instalment.state, allocation.id AS line,
                   instalment.per_unit * allocation.units AS wanted,
                   floor((greatest(0, instalment.per_unit_before + instalment.per_unit
                                      - distribution.principal_per_unit) - paid.profit)
                         * allocation.units::numeric * coalesce(held.rate, allocation.rate))
                   - floor((greatest(0, instalment.per_unit_before - distribution.principal_per_unit) - paid.profit)
                           * allocation.units::numeric * coalesce(held.rate, allocation.rate)) AS wanted_tax
              FROM investments_payoutitem AS item
              LEFT JOIN investments_allocation AS allocation ON allocation.id = item.allocation_id
              LEFT JOIN investments_distribution AS distribution ON distribution.id = allocation.distribution_id
              LEFT JOIN investments_instalment AS instalment
                ON instalment.id = item.instalment_id AND instalment.distribution_id = distribution.id
              LEFT JOIN LATERAL (SELECT from_per_unit, rate FROM investments_retaxedallocation
                                  WHERE allocation_id = allocation.id AND from_per_unit <= instalment.per_unit_before
                                  ORDER BY id DESC LIMIT 1) AS held ON true
              LEFT JOIN LATERAL (SELECT greatest(0, coalesce(held.from_per_unit, 0)
                                                    - distribution.principal_per_unit) AS profit) AS paid ON true
        )
        SELECT format('investments_payoutitem %s (payout %s, allocation %s): gross %s, tax %s; its instalment says %s, '
                      '%s', id, payout_id, allocation_id, gross, tax, coalesce(wanted, 0), coalesce(wanted_tax, 0))
          FROM expected
         WHERE state IS DISTINCT FROM 'approved' OR gross IS DISTINCT FROM wanted OR tax IS DISTINCT FROM wanted_tax
         ORDER BY id
    """)
    yield from query("""
        SELECT format('investments_payoutitem %s: allocation %s is in payouts twice for instalment %s',
                      string_agg(id::text, ', ' ORDER BY id), allocation_id, instalment_id)
          FROM investments_payoutitem GROUP BY allocation_id, instalment_id HAVING count(*) > 1
    """)


def attempts() -> Iterator[str]:
    """A payout has at most one live attempt, for its whole amount, and is in the state that its attempts make; a run is
    the sum of its attempts and was approved by another person than prepared it."""
    yield from query("""
        SELECT format('investments_payout %s: is %s with %s live attempts (%s), tax withheld on %s', own.id, own.state,
                      coalesce(tried.live, 0), coalesce(tried.states, '-'), coalesce(own.withheld_on::text, '-'))
          FROM investments_payout AS own
          LEFT JOIN (SELECT payout_id, count(*) FILTER (WHERE state IN ('in_run', 'sent', 'paid')) AS live,
                            max(state) FILTER (WHERE state IN ('in_run', 'sent', 'paid')) AS state,
                            string_agg(state, ' ' ORDER BY number) AS states,
                            bool_or(state IN ('sent', 'paid', 'returned')) AS left_once
                       FROM investments_payoutattempt GROUP BY 1) AS tried ON tried.payout_id = own.id
         WHERE coalesce(tried.live, 0) > 1
            OR coalesce(tried.state, 'none') <>
               CASE WHEN own.state IN ('in_run', 'sent', 'paid') THEN own.state ELSE 'none' END
            OR (own.withheld_on IS NOT NULL) <> coalesce(tried.left_once, false)
         ORDER BY own.id
    """)
    yield from query("""
        SELECT format('investments_payoutattempt %s: %s for payout %s of %s', attempt.id, attempt.amount,
                      attempt.payout_id, coalesce(own.net, 0))
          FROM investments_payoutattempt AS attempt
          LEFT JOIN investments_payout AS own ON own.id = attempt.payout_id
         WHERE attempt.amount IS DISTINCT FROM own.net AND attempt.state <> 'withdrawn'
         ORDER BY attempt.id
    """)
    yield from query("""
        SELECT format('investments_payoutrun %s: %s payments of %s, its attempts make %s of %s, prepared by %s, '
                      'approved by %s', run.id, run.payments, run.amount, coalesce(own.payments, 0),
                      coalesce(own.amount, 0), run.maker_id, coalesce(run.checker_id::text, 'nobody'))
          FROM investments_payoutrun AS run
          LEFT JOIN (SELECT run_id, count(*) AS payments, sum(amount) AS amount FROM investments_payoutattempt
                      GROUP BY 1) AS own ON own.run_id = run.id
         WHERE run.payments <> coalesce(own.payments, 0) OR run.amount <> coalesce(own.amount, 0)
            OR run.state IN ('approved', 'sent', 'done')
               AND (run.checker_id IS NULL OR run.checker_id = run.maker_id)
         ORDER BY run.id
    """)


def journal() -> Iterator[str]:
    """What a run sent of each fund, and the tax its first attempts withheld, is journaled once; so is every return."""
    yield from query("""
        WITH sent AS (
            SELECT run.id || ':' || payout.fund_id AS source, sum(attempt.amount) AS amount,
                   sum(payout.tax) FILTER (WHERE attempt.number = first.number) AS tax
              FROM investments_payoutattempt AS attempt
              JOIN investments_payoutrun AS run ON run.id = attempt.run_id AND run.state IN ('sent', 'done')
              JOIN investments_payout AS payout ON payout.id = attempt.payout_id
              JOIN (SELECT payout_id, min(number) AS number FROM investments_payoutattempt
                     WHERE state IN ('sent', 'paid', 'returned') GROUP BY 1) AS first
                ON first.payout_id = payout.id
             GROUP BY 1
        ), posted AS (
            SELECT split_part(entry.reference, ':', 3) || ':' || split_part(entry.reference, ':', 4) AS source,
                   sum(line.amount) FILTER (WHERE account.code = 'distributions_payable') AS amount,
                   sum(line.amount) FILTER (WHERE account.code = 'withholding_accrued') AS tax
              FROM investments_entry AS entry
              JOIN investments_line AS line ON line.entry_id = entry.id
              JOIN investments_account AS account ON account.id = line.account_id
             WHERE entry.kind = 'payouts_sent' GROUP BY 1
        )
        SELECT format('investments_payoutrun %s: %s sent, tax %s; journaled %s, tax %s',
                      coalesce(sent.source, posted.source), coalesce(sent.amount, 0), coalesce(sent.tax, 0),
                      coalesce(posted.amount, 0), coalesce(posted.tax, 0))
          FROM sent FULL JOIN posted ON posted.source = sent.source
         WHERE coalesce(sent.amount, 0) <> coalesce(posted.amount, 0)
            OR coalesce(sent.tax, 0) <> coalesce(posted.tax, 0)
         ORDER BY 1
    """)
    yield from query("""
        SELECT format('investments_payoutattempt %s: is %s, returned on %s, journaled %s of %s', attempt.id,
                      attempt.state, coalesce(back.returned_on::text, '-'), coalesce(posted.amount, 0), attempt.amount)
          FROM investments_payoutattempt AS attempt
          LEFT JOIN investments_bankreturn AS back ON back.attempt_id = attempt.id
          LEFT JOIN (SELECT split_part(entry.reference, ':', 3)::bigint AS return_id, sum(line.amount) AS amount
                       FROM investments_entry AS entry
                       JOIN investments_line AS line ON line.entry_id = entry.id AND line.side = 'C'
                       JOIN investments_account AS account
                         ON account.id = line.account_id AND account.code = 'distributions_payable'
                      WHERE entry.kind = 'payout_returned' GROUP BY 1) AS posted ON posted.return_id = back.id
         WHERE (attempt.state = 'returned') <> (back.id IS NOT NULL)
            OR back.id IS NOT NULL AND posted.amount IS DISTINCT FROM attempt.amount
         ORDER BY attempt.id
    """)


def unclaimed() -> Iterator[str]:
    """What is set aside in a fund's book is the net of its unclaimed payouts, parts and what came back of vouchers; no
    such part is in a payout."""
    yield from query("""
        SELECT format('investments_unclaimedpart %s (allocation %s): is set aside and in payout %s', own.id,
                      own.allocation_id, item.payout_id)
          FROM investments_unclaimedpart AS own
          JOIN investments_payoutitem AS item
            ON item.allocation_id = own.allocation_id AND item.instalment_id = own.instalment_id
         WHERE own.claimed_at IS NULL ORDER BY own.id
    """)
    set_aside = [row for row in shared(balances) if row.code == "unclaimed_distributions"]
    yield from query(
        """
        SELECT format('investments_fund %s (%s): %s set aside, its unclaimed payouts make %s', fund.id, fund.slug,
                      coalesce(posted.amount, 0), coalesce(own.net, 0))
          FROM investments_fund AS fund
          LEFT JOIN (SELECT book_id, sum(amount) AS amount
                       FROM unnest(%(books)s::bigint[], %(amounts)s::bigint[]) AS part (book_id, amount)
                      GROUP BY 1) AS posted ON posted.book_id = fund.book_id
          LEFT JOIN (SELECT fund_id, sum(net) AS net
                       FROM (SELECT fund_id, net FROM investments_payout WHERE state = 'unclaimed'
                             UNION ALL SELECT fund_id, net FROM investments_unclaimedpart
                                        WHERE claimed_at IS NULL
                             UNION ALL SELECT distribution.fund_id, back.amount
                                         FROM investments_electedreturn AS back
                                         JOIN investments_distribution AS distribution
                                           ON distribution.id = back.distribution_id
                                        WHERE back.set_aside_at IS NOT NULL) AS part
                      GROUP BY 1) AS own ON own.fund_id = fund.id
         WHERE coalesce(posted.amount, 0) <> coalesce(own.net, 0)
         ORDER BY fund.id
        """,
        {"books": [row.book_id for row in set_aside], "amounts": [-row.amount for row in set_aside]},
    )


def taxed() -> Iterator[str]:
    """A line that was taxed again keeps what was withheld of it before and is taxed from there on at the new rate; what
    is journaled of its distribution says so; and a fund's accrued tax is that of its lines, less what was withheld and
    what was written off."""
    yield from query("""
        WITH line AS (
            SELECT own.*, distribution.id AS distribution, distribution.written_off_per_unit AS lost,
                   distribution.per_unit - distribution.written_off_per_unit AS high,
                   distribution.principal_per_unit AS principal, allocation.units,
                   lag(own.tax) OVER line AS tax_was, allocation.tax AS tax_planned,
                   (SELECT coalesce(sum(item.tax), 0)
                      FROM investments_payoutitem AS item
                      JOIN investments_instalment AS part ON part.id = item.instalment_id
                     WHERE item.allocation_id = own.allocation_id AND part.per_unit_before < own.from_per_unit)
                   AS withheld
              FROM investments_retaxedallocation AS own
              JOIN investments_retax AS retax ON retax.id = own.retax_id
              JOIN investments_allocation AS allocation ON allocation.id = own.allocation_id
              JOIN investments_distribution AS distribution ON distribution.id = allocation.distribution_id
            WINDOW line AS (PARTITION BY own.allocation_id ORDER BY own.id)
        )
        SELECT format('investments_retaxedallocation %s (allocation %s): tax %s after %s, of which %s withheld; it was '
                      '%s, its parts make %s', id, allocation_id, tax, tax_before, taken,
                      coalesce(tax_was, tax_planned), withheld)
          FROM line
         WHERE tax_before <> coalesce(tax_was, tax_planned) OR taken <> withheld
            OR lost = 0 AND tax <> taken + floor((greatest(0, high - principal)
                                                  - greatest(0, from_per_unit - principal)) * units::numeric * rate)
         ORDER BY id
    """)
    yield from query("""
        WITH posted AS (
            SELECT split_part(entry.reference, ':', 3)::bigint AS id,
                   coalesce(sum(line.amount) FILTER (WHERE account.code = 'distributions_payable'), 0) AS net,
                   coalesce(sum(line.amount) FILTER (WHERE account.code = 'withholding_accrued'), 0) AS tax
              FROM investments_entry AS entry
              JOIN investments_line AS line ON line.entry_id = entry.id
              JOIN investments_account AS account ON account.id = line.account_id
             WHERE entry.kind = 'distribution_retaxed' GROUP BY entry.id
        )
        SELECT format('investments_retax %s: net %s, tax %s; journaled net %s, tax %s', coalesce(own.id, posted.id),
                      own.net, own.tax, posted.net, posted.tax)
          FROM investments_retax AS own FULL JOIN posted ON posted.id = own.id
         WHERE (own.net, own.tax) IS DISTINCT FROM (posted.net, posted.tax)
         ORDER BY 1
    """)
    accrued = [row for row in shared(balances) if row.code == "withholding_accrued"]
    yield from query(
        """
        SELECT format('investments_fund %s (%s): tax accrued %s, its lines make %s', fund.id, fund.slug,
                      coalesce(posted.amount, 0),
                      coalesce(own.tax, 0) - coalesce(own.written_off, 0) - coalesce(sent.tax, 0)
                      - coalesce(own.taken, 0))
          FROM investments_fund AS fund
          LEFT JOIN (SELECT book_id, sum(amount) AS amount
                       FROM unnest(%(books)s::bigint[], %(amounts)s::bigint[]) AS part (book_id, amount)
                      GROUP BY 1) AS posted ON posted.book_id = fund.book_id
          LEFT JOIN (SELECT distribution.fund_id, sum(coalesce(newest.tax, distribution.tax)) AS tax,
                            sum(decided.tax) AS written_off,
                            sum(distribution.elected_tax) FILTER (WHERE distribution.received
                                                                        >= distribution.elected_tax) AS taken
                       FROM investments_distribution AS distribution
                       LEFT JOIN LATERAL (SELECT tax FROM investments_retax WHERE distribution_id = distribution.id
                                           ORDER BY number DESC LIMIT 1) AS newest ON true
                       LEFT JOIN investments_writeoff AS decided
                         ON decided.distribution_id = distribution.id AND decided.state = 'approved'
                      WHERE distribution.state = 'approved' GROUP BY 1) AS own ON own.fund_id = fund.id
          LEFT JOIN (SELECT fund_id, sum(tax) AS tax FROM investments_payout WHERE withheld_on IS NOT NULL GROUP BY 1)
               AS sent ON sent.fund_id = fund.id
         WHERE coalesce(posted.amount, 0)
               <> coalesce(own.tax, 0) - coalesce(own.written_off, 0) - coalesce(sent.tax, 0)
                  - coalesce(own.taken, 0)
         ORDER BY fund.id
        """,
        {"books": [row.book_id for row in accrued], "amounts": [-row.amount for row in accrued]},
    )


def register_checks() -> None:
    """Called once when the app is ready."""
    register("payouts.parts", "9.5", parts)
    register("payouts.attempts", "9.5", attempts)
    register("payouts.journal", "7", journal)
    register("payouts.unclaimed", "7", unclaimed)
    register("payouts.taxed", "5", taxed)
