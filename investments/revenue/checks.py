"""What must hold of periods and their reports (domain.md sections 5 and 6)."""

from __future__ import annotations

from collections.abc import Iterator

from microfund.kernel.integrity import query, register


def reports() -> Iterator[str]:
    """A report's revenue is the sum of its figures; whoever decides is not who signed; a period that was accepted has
    one accepted report, and it alone."""
    yield from query("""
        SELECT format('investments_revenuereport %s (period %s v%s): says %s, its figures make %s', report.id,
                      report.period_id, report.version, report.revenue, coalesce(own.revenue, 0))
          FROM investments_revenuereport AS report
          LEFT JOIN LATERAL (SELECT sum(figure::bigint) AS revenue
                               FROM jsonb_array_elements(report.lines) AS line,
                                    jsonb_array_elements_text(line -> 'months') AS figure) AS own ON true
         WHERE report.revenue <> coalesce(own.revenue, 0)
         ORDER BY report.id
    """)
    yield from query("""
        SELECT format('investments_revenuereport %s: is %s, signed by %s, decided by %s', id, state,
                      coalesce(submitted_by_id::text, 'nobody'), coalesce(decided_by_id::text, 'nobody'))
          FROM investments_revenuereport
         WHERE state IN ('accepted', 'returned')
           AND (submitted_by_id IS NULL OR decided_by_id IS NULL OR submitted_by_id = decided_by_id)
         ORDER BY id
    """)
    yield from query("""
        SELECT format('investments_period %s (fund %s #%s): is %s with %s accepted reports', period.id, period.fund_id,
                      period.number, period.state, coalesce(own.reports, 0))
          FROM investments_period AS period
          LEFT JOIN (SELECT period_id, count(*) AS reports FROM investments_revenuereport
                      WHERE state = 'accepted' AND NOT restatement GROUP BY period_id) AS own
            ON own.period_id = period.id
         WHERE period.state IN ('accepted', 'calculated', 'approved', 'funded', 'paying', 'paid')
               AND coalesce(own.reports, 0) <> 1
            OR period.state IN ('scheduled', 'report_due', 'reported') AND coalesce(own.reports, 0) <> 0
         ORDER BY period.id
    """)


def periods() -> Iterator[str]:
    """The periods of a term follow one another without a gap, as many as its terms say, once the term has begun."""
    yield from query("""
        SELECT format('investments_period %s (fund %s #%s): begins on %s, the one before ended on %s', id, fund_id,
                      number, starts_on, before)
          FROM (SELECT *, lag(ends_on) OVER (PARTITION BY fund_id ORDER BY number) AS before,
                       lag(number) OVER (PARTITION BY fund_id ORDER BY number) AS number_before
                  FROM investments_period) AS period
         WHERE before IS NOT NULL AND (starts_on <> before + 1 OR number <> number_before + 1)
         ORDER BY id
    """)
    yield from query("""
        SELECT format('investments_fund %s (%s): is %s with %s of %s periods', fund.id, fund.slug, fund.state,
                      coalesce(own.periods, 0), terms.periods)
          FROM investments_fund AS fund
          JOIN LATERAL (SELECT periods FROM investments_terms WHERE fund_id = fund.id ORDER BY version DESC LIMIT 1)
               AS terms ON true
          LEFT JOIN (SELECT fund_id, count(*) AS periods FROM investments_period GROUP BY 1) AS own
            ON own.fund_id = fund.id
         WHERE fund.state IN ('operating', 'matured', 'settled') AND coalesce(own.periods, 0) <> terms.periods
         ORDER BY fund.id
    """)


def relief() -> Iterator[str]:
    """What a moratorium makes of a period, two people decided for its fund; none defers the last period; and once it is
    ended, no undecided period is left under it."""
    yield from query("""
        SELECT format('investments_moratorium %s: is %s, prepared by %s, approved by %s', id, state, maker_id,
                      coalesce(checker_id::text, 'nobody'))
          FROM investments_moratorium
         WHERE state IN ('approved', 'ended') AND (checker_id IS NULL OR checker_id = maker_id)
         ORDER BY id
    """)
    yield from query("""
        SELECT format('investments_period %s (fund %s #%s): is under “%s” by moratorium %s, which is %s to “%s”, its '
                      'fund %s', period.id, period.fund_id, period.number, period.relief, own.id, own.state, own.action,
                      coalesce(part.state, 'missing'))
          FROM investments_period AS period
          JOIN investments_moratorium AS own ON own.id = period.moratorium_id
          LEFT JOIN investments_moratoriumfund AS part
            ON part.moratorium_id = own.id AND part.fund_id = period.fund_id
          JOIN LATERAL (SELECT max(number) AS number FROM investments_period WHERE fund_id = period.fund_id) AS last
            ON true
         WHERE period.relief <> own.action OR own.state NOT IN ('approved', 'ended')
            OR coalesce(part.state, '') NOT IN ('applied', 'lifted')
            OR part.state = 'lifted'
               AND period.state IN ('scheduled', 'report_due', 'reported', 'accepted', 'calculated')
            OR period.relief = 'defer' AND period.number = last.number
         ORDER BY period.id
    """)


def register_checks() -> None:
    """Called once when the app is ready."""
    register("revenue.periods", "6", periods)
    register("revenue.reports", "6", reports)
    register("revenue.relief", "5", relief)
