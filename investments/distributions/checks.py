"""What must hold of distributions, their lines and what the business paid in (domain.md sections 5, 7 and 9.4–9.5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from investments.offerings.queries import rule_terms
from investments.offerings.rule import Action, counted, entitlement
from microfund.kernel.integrity import query, register

from .models import Distribution


def allocations() -> Iterator[str]:
    """A distribution's lines make its sums, each line is its units at the per-unit figures with the tax of its rate,
    and every holding of the record date has one."""
    yield from query("""
        SELECT format('investments_distribution %s: says %s holdings, %s units, %s = %s + %s, tax %s; its lines make '
                      '%s, %s, %s = %s + %s, tax %s', own.id, own.holdings, own.units, own.gross, own.principal,
                      own.profit, own.tax, coalesce(part.holdings, 0), coalesce(part.units, 0),
                      coalesce(part.gross, 0), coalesce(part.principal, 0), coalesce(part.profit, 0),
                      coalesce(part.tax, 0))
          FROM investments_distribution AS own
          LEFT JOIN (SELECT distribution_id, count(*) AS holdings, sum(units) AS units, sum(gross) AS gross,
                            sum(principal) AS principal, sum(profit) AS profit, sum(tax) AS tax, sum(net) AS net
                       FROM investments_allocation GROUP BY distribution_id) AS part ON part.distribution_id = own.id
         WHERE (own.holdings, own.units, own.gross, own.principal, own.profit, own.tax, own.net)
               IS DISTINCT FROM
               (coalesce(part.holdings, 0), coalesce(part.units, 0), coalesce(part.gross, 0),
                coalesce(part.principal, 0), coalesce(part.profit, 0), coalesce(part.tax, 0), coalesce(part.net, 0))
         ORDER BY own.id
    """)
    yield from query("""
        SELECT format('investments_allocation %s (distribution %s, holding %s): %s units for %s = %s + %s, tax %s, '
                      'net %s', line.id, own.id, line.holding_id, line.units, line.gross, line.principal, line.profit,
                      line.tax, line.net)
          FROM investments_allocation AS line
          JOIN investments_distribution AS own ON own.id = line.distribution_id
         WHERE line.gross <> own.per_unit * line.units OR line.principal <> own.principal_per_unit * line.units
            OR line.gross <> line.principal + line.profit OR line.gross <> line.net + line.tax
            OR line.tax <> floor(line.profit * line.rate)
         ORDER BY line.id
    """)
    yield from query("""
        SELECT format('investments_distribution %s: holding %s had %s units on %s, its line says %s', own.id,
                      coalesce(held.holding_id, line.holding_id), coalesce(held.units, 0), own.record_on,
                      coalesce(line.units, 0))
          FROM investments_distribution AS own
          JOIN LATERAL (SELECT holding.id AS holding_id, sum(movement.units) AS units
                          FROM investments_holding AS holding
                          JOIN investments_movement AS movement ON movement.holding_id = holding.id
                         WHERE holding.fund_id = own.fund_id AND movement.effective_on <= own.record_on
                           AND movement.happened_at <= own.calculated_at
                         GROUP BY holding.id HAVING sum(movement.units) > 0) AS held ON true
          LEFT JOIN investments_allocation AS line
            ON line.distribution_id = own.id AND line.holding_id = held.holding_id
         WHERE own.state <> 'discarded' AND line.units IS DISTINCT FROM held.units
         ORDER BY own.id, 1
    """)


def rule() -> Iterator[str]:
    """Every approved distribution is what the rule says of its terms and figures, follows the ones before, and never
    returns more principal than was invested."""
    before: dict[int, int] = defaultdict(int)
    approved = Distribution.objects.filter(state=Distribution.State.APPROVED).select_related("terms")
    for row in approved.order_by("fund_id", "period__number", "supplement"):
        terms = rule_terms(row.terms)
        total = counted(terms, {int(number): revenue for number, revenue in row.figures.items()})
        earned = entitlement(terms, total)
        principal_before = min(row.paid_before, terms.investment)
        expected = (
            before[row.fund_id],
            total,
            earned,
            principal_before,
            min(row.per_unit, terms.investment - principal_before),
        )
        stored = (
            row.paid_before,
            row.cumulative_revenue,
            row.entitlement_per_unit,
            row.principal_before,
            row.principal_per_unit,
        )
        beyond = row.action != Action.WIND_UP and row.per_unit > max(0, earned - row.paid_before)
        if stored != expected or beyond:
            yield (
                f"investments_distribution {row.pk} (fund {row.fund_id}): {row.per_unit} per unit; before, counted, "
                f"earned, principal before and now are {stored}, the rule says {expected}"
            )
        before[row.fund_id] += row.per_unit


def decisions() -> Iterator[str]:
    """Whoever approved did not calculate, and a period's state is that of its distribution."""
    yield from query("""
        SELECT format('investments_distribution %s: calculated by %s, approved by %s', id, calculated_by_id,
                      coalesce(approved_by_id::text, 'nobody'))
          FROM investments_distribution
         WHERE state = 'approved' AND (approved_by_id IS NULL OR approved_by_id = calculated_by_id)
         ORDER BY id
    """)
    yield from query("""
        SELECT format('investments_period %s (fund %s #%s): is %s, its distribution is %s', period.id, period.fund_id,
                      period.number, period.state, coalesce(own.state, 'missing'))
          FROM investments_period AS period
          LEFT JOIN investments_distribution AS own
            ON own.period_id = period.id AND own.supplement = 0 AND own.state <> 'discarded'
         WHERE period.state IN ('approved', 'funded', 'paying', 'paid') AND own.state IS DISTINCT FROM 'approved'
            OR period.state = 'calculated' AND own.state IS DISTINCT FROM 'calculated'
            OR period.state IN ('scheduled', 'report_due', 'reported', 'accepted') AND own.action <> 'wind_up'
         ORDER BY period.id
    """)


def journal() -> Iterator[str]:
    """Every approved distribution is journaled once with its sums, and nothing else is."""
    yield from query("""
        WITH posted AS (
            SELECT split_part(entry.reference, ':', 3)::bigint AS id,
                   sum(line.amount) FILTER (WHERE account.code = 'receivable_from_business') AS gross,
                   sum(line.amount) FILTER (WHERE account.code = 'distributions_payable') AS net,
                   sum(line.amount) FILTER (WHERE account.code = 'withholding_accrued') AS tax
              FROM investments_entry AS entry
              JOIN investments_line AS line ON line.entry_id = entry.id
              JOIN investments_account AS account ON account.id = line.account_id
             WHERE entry.kind = 'distribution_approved'
             GROUP BY entry.id
        )
        SELECT format('investments_distribution %s: %s = %s + %s, journaled %s = %s + %s', coalesce(own.id, posted.id),
                      coalesce(own.gross, 0), coalesce(own.net, 0), coalesce(own.tax, 0), coalesce(posted.gross, 0),
                      coalesce(posted.net, 0), coalesce(posted.tax, 0))
          FROM (SELECT * FROM investments_distribution WHERE state = 'approved' AND gross > 0) AS own
          FULL JOIN posted ON posted.id = own.id
         WHERE (coalesce(own.gross, 0), coalesce(own.net, 0), coalesce(own.tax, 0)) IS DISTINCT FROM
               (coalesce(posted.gross, 0), coalesce(posted.net, 0), coalesce(posted.tax, 0))
         ORDER BY 1
    """)


def received() -> Iterator[str]:
    """What the business paid in is the sum of the receipts and credits used for it, journaled as such; no more is
    released to be paid out than is there, and what is there in whole is released."""
    yield from query("""
        SELECT format('investments_distribution %s: received %s of %s, receipts make %s, journaled %s', own.id,
                      own.received, own.gross, coalesce(paid.amount, 0), coalesce(posted.amount, 0))
          FROM investments_distribution AS own
          LEFT JOIN (SELECT pay_in.distribution_id, sum(pay_in.amount) AS amount
                       FROM investments_payin AS pay_in
                       LEFT JOIN investments_receiptuse AS receipt
                         ON receipt.id = pay_in.use_id AND receipt.amount = pay_in.amount
                        AND receipt.target = 'distribution:' || pay_in.distribution_id
                      WHERE receipt.id IS NOT NULL OR pay_in.credit_id IS NOT NULL
                      GROUP BY 1) AS paid ON paid.distribution_id = own.id
          LEFT JOIN (SELECT line.subject, sum(line.amount) AS amount
                       FROM investments_entry AS entry
                       JOIN investments_line AS line ON line.entry_id = entry.id AND line.side = 'C'
                       JOIN investments_account AS account
                         ON account.id = line.account_id AND account.code = 'receivable_from_business'
                      WHERE entry.kind IN ('business_paid_in', 'credit_used') GROUP BY 1) AS posted
            ON posted.subject = 'distribution:' || own.id
         WHERE own.received <> coalesce(paid.amount, 0) OR own.received <> coalesce(posted.amount, 0)
         ORDER BY own.id
    """)
    yield from query("""
        SELECT format('investments_distribution %s: %s of %s per unit released, instalments make %s, received %s of %s',
                      own.id, own.instalment_per_unit, own.per_unit, coalesce(part.per_unit, 0), own.received,
                      own.gross)
          FROM investments_distribution AS own
          LEFT JOIN (SELECT distribution_id, sum(per_unit) AS per_unit FROM investments_instalment
                      WHERE state = 'approved' GROUP BY 1) AS part ON part.distribution_id = own.id
         WHERE own.instalment_per_unit <> coalesce(part.per_unit, 0)
            OR own.instalment_per_unit * (own.units - own.elected_units) > own.received
            OR own.state = 'approved' AND own.received >= own.gross - own.in_kind - own.given_back
               AND own.instalment_per_unit <> own.per_unit AND own.gross > 0
         ORDER BY own.id
    """)


def write_offs() -> Iterator[str]:
    """What a distribution says to be written off, two people decided, and it is journaled once with its parts; what is
    left of the cash is a credit that was used, transferred back or is there, in the fund's book too."""
    yield from query("""
        SELECT format('investments_distribution %s: %s written off, %s per unit; its write-off says %s, %s per unit, '
                      'prepared by %s, approved by %s', own.id, own.written_off, own.written_off_per_unit,
                      coalesce(decided.amount, 0), coalesce(decided.per_unit, 0),
                      coalesce(decided.maker_id::text, 'nobody'), coalesce(decided.checker_id::text, 'nobody'))
          FROM investments_distribution AS own
          LEFT JOIN investments_writeoff AS decided
            ON decided.distribution_id = own.id AND decided.state = 'approved'
          LEFT JOIN LATERAL (SELECT decided.per_unit * (own.units - own.elected_units)
                                    + CASE WHEN own.received < own.elected_tax THEN own.elected_tax ELSE 0 END
                                    + (SELECT coalesce(sum(amount), 0) FROM investments_electedreturn
                                        WHERE distribution_id = own.id AND released_at IS NULL) AS amount) AS lost
            ON true
         WHERE (own.written_off, own.written_off_per_unit)
               IS DISTINCT FROM (coalesce(decided.amount, 0), coalesce(decided.per_unit, 0))
            OR decided.id IS NOT NULL AND (decided.checker_id IS NULL OR decided.checker_id = decided.maker_id
                                           OR decided.amount + decided.credit <> lost.amount
                                           OR decided.net + decided.tax <> lost.amount)
         ORDER BY own.id
    """)
    yield from query("""
        WITH posted AS (
            SELECT split_part(entry.reference, ':', 3)::bigint AS id,
                   coalesce(sum(line.amount) FILTER (WHERE account.code = 'receivable_from_business'), 0) AS amount,
                   coalesce(sum(line.amount) FILTER (WHERE account.code = 'distributions_payable'), 0) AS net,
                   coalesce(sum(line.amount) FILTER (WHERE account.code = 'withholding_accrued'), 0) AS tax,
                   coalesce(sum(line.amount) FILTER (WHERE account.code = 'business_credit'), 0) AS credit
              FROM investments_entry AS entry
              JOIN investments_line AS line ON line.entry_id = entry.id
              JOIN investments_account AS account ON account.id = line.account_id
             WHERE entry.kind = 'written_off' GROUP BY entry.id
        )
        SELECT format('investments_writeoff %s: %s = %s + %s less %s, journaled %s = %s + %s less %s',
                      coalesce(own.id, posted.id), own.amount, own.net, own.tax, own.credit, posted.amount, posted.net,
                      posted.tax, posted.credit)
          FROM (SELECT * FROM investments_writeoff WHERE state = 'approved') AS own
          FULL JOIN posted ON posted.id = own.id
         WHERE (own.amount, own.net, own.tax, own.credit)
               IS DISTINCT FROM (posted.amount, posted.net, posted.tax, posted.credit)
         ORDER BY 1
    """)
    yield from query("""
        SELECT format('investments_writeoff %s: credit %s, of which %s used, %s transferred back, %s left', own.id,
                      own.credit, coalesce(used.amount, 0), own.returned, own.credit_left)
          FROM investments_writeoff AS own
          LEFT JOIN (SELECT credit_id, sum(amount) AS amount FROM investments_payin GROUP BY 1) AS used
            ON used.credit_id = own.id
         WHERE own.state = 'approved' AND own.credit <> coalesce(used.amount, 0) + own.returned + own.credit_left
         ORDER BY own.id
    """)
    yield from query("""
        SELECT format('investments_fund %s (%s): its book holds a credit of %s, its write-offs say %s', fund.id,
                      fund.slug, coalesce(posted.amount, 0), coalesce(own.amount, 0))
          FROM investments_fund AS fund
          LEFT JOIN (SELECT account.book_id,
                            sum(CASE line.side WHEN 'C' THEN line.amount ELSE -line.amount END) AS amount
                       FROM investments_line AS line
                       JOIN investments_account AS account
                         ON account.id = line.account_id AND account.code = 'business_credit'
                      GROUP BY 1) AS posted ON posted.book_id = fund.book_id
          LEFT JOIN (SELECT distribution.fund_id, sum(decided.credit_left) AS amount
                       FROM investments_writeoff AS decided
                       JOIN investments_distribution AS distribution ON distribution.id = decided.distribution_id
                      GROUP BY 1) AS own ON own.fund_id = fund.id
         WHERE coalesce(posted.amount, 0) <> coalesce(own.amount, 0)
         ORDER BY fund.id
    """)


def register_checks() -> None:
    """Called once when the app is ready."""
    register("distributions.allocations", "9.4", allocations)
    register("distributions.rule", "5", rule)
    register("distributions.decisions", "6", decisions)
    register("distributions.journal", "7", journal)
    register("distributions.received", "5", received)
    register("distributions.write_offs", "5", write_offs)
