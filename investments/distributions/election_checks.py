"""What must hold of choices, of what is taken in kind or given back, and of what came back to cash (domain.md section
10)."""

from __future__ import annotations

from collections.abc import Iterator

from microfund.kernel.integrity import query, register


def elections() -> Iterator[str]:
    """A choice was one that its fund offered, with the bonus that was offered; a line was taken as its holder had
    chosen last on the record date, or in cash where the holding was frozen, and no other line was."""
    yield from query("""
        SELECT format('investments_election %s: %s with %s, its offer %s says %s', own.id, own.choice, own.bonus,
                      own.offer_id, coalesce(offer.bonus::text, 'nothing'))
          FROM investments_election AS own
          LEFT JOIN investments_holding AS holding ON holding.id = own.holding_id
          LEFT JOIN investments_electionoffer AS offer
            ON offer.id = own.offer_id AND offer.fund_id = holding.fund_id AND offer.made_at <= own.made_at
         WHERE offer.id IS NULL
            OR NOT CASE own.choice WHEN 'in_kind' THEN offer.in_kind AND own.bonus = offer.bonus
                                   WHEN 'give_back' THEN offer.give_back ELSE true END
         ORDER BY own.id
    """)
    yield from query("""
        WITH wanted AS (
            SELECT distribution.id AS distribution_id, allocation.id AS allocation_id, chosen.id AS election_id,
                   chosen.choice, chosen.bonus
              FROM investments_distribution AS distribution
              JOIN investments_fund AS fund ON fund.id = distribution.fund_id
              JOIN investments_policyprofile AS policy ON policy.id = fund.policy_id
              JOIN LATERAL (
                   SELECT DISTINCT ON (election.holding_id) election.*
                     FROM investments_election AS election
                     JOIN investments_holding AS holding
                       ON holding.id = election.holding_id AND holding.fund_id = distribution.fund_id
                    WHERE election.made_at < (distribution.record_on + 1)::timestamp AT TIME ZONE policy.zone
                    ORDER BY election.holding_id, election.made_at DESC, election.id DESC) AS chosen ON true
              JOIN investments_allocation AS allocation
                ON allocation.distribution_id = distribution.id AND allocation.holding_id = chosen.holding_id
             WHERE distribution.state <> 'discarded' AND distribution.action <> 'wind_up' AND chosen.choice <> 'cash'
               AND allocation.net > 0
        )
        SELECT format('investments_allocation %s (distribution %s): choice %s says %s, its line says %s of %s',
                      coalesce(wanted.allocation_id, line.allocation_id),
                      coalesce(wanted.distribution_id, line.distribution_id),
                      coalesce(wanted.election_id::text, 'none'), coalesce(wanted.choice, 'cash'),
                      coalesce(line.choice, 'cash'),
                      coalesce(line.election_id::text, 'none'))
          FROM wanted
          FULL JOIN (SELECT line.* FROM investments_electedline AS line
                       JOIN investments_distribution AS distribution
                         ON distribution.id = line.distribution_id AND distribution.state <> 'discarded') AS line
            ON line.allocation_id = wanted.allocation_id
         WHERE line.election_id IS DISTINCT FROM wanted.election_id
            OR (line.choice, line.bonus) NOT IN ((wanted.choice, wanted.bonus), ('cash', 0))
         ORDER BY 1
    """)


def taken() -> Iterator[str]:
    """What a distribution says to be taken in kind or given back is the sum of its lines, journaled once; their tax is
    withheld once it is paid in; none of them is in a payout."""
    yield from query("""
        WITH part AS (
            SELECT distribution_id, sum(net) FILTER (WHERE choice = 'in_kind') AS in_kind,
                   sum(net) FILTER (WHERE choice = 'give_back') AS given_back,
                   sum(units) FILTER (WHERE choice <> 'cash') AS units, sum(tax) FILTER (WHERE choice <> 'cash') AS tax
              FROM investments_electedline GROUP BY 1
        ), posted AS (
            SELECT split_part(entry.reference, ':', 3)::bigint AS id,
                   sum(line.amount) FILTER (WHERE account.code = 'receivable_from_business') AS taken,
                   sum(line.amount) FILTER (WHERE account.code = 'withholding_payable') AS withheld
              FROM investments_entry AS entry
              JOIN investments_line AS line ON line.entry_id = entry.id
              JOIN investments_account AS account ON account.id = line.account_id
             WHERE entry.kind IN ('distribution_elected', 'elected_tax_withheld') GROUP BY 1
        )
        SELECT format('investments_distribution %s: %s in kind, %s given back, %s units, tax %s; its lines make %s, '
                      '%s, %s, %s; journaled %s, withheld %s', coalesce(own.id, posted.id), own.in_kind, own.given_back,
                      own.elected_units, own.elected_tax, coalesce(part.in_kind, 0), coalesce(part.given_back, 0),
                      coalesce(part.units, 0), coalesce(part.tax, 0), coalesce(posted.taken, 0),
                      coalesce(posted.withheld, 0))
          FROM investments_distribution AS own
          LEFT JOIN part ON part.distribution_id = own.id
          FULL JOIN posted ON posted.id = own.id
         WHERE (own.in_kind, own.given_back, own.elected_units, own.elected_tax) IS DISTINCT FROM
               (coalesce(part.in_kind, 0), coalesce(part.given_back, 0), coalesce(part.units, 0),
                coalesce(part.tax, 0))
            OR coalesce(posted.taken, 0)
               <> CASE own.state WHEN 'approved' THEN own.in_kind + own.given_back ELSE 0 END
            OR coalesce(posted.withheld, 0)
               <> CASE WHEN own.state = 'approved' AND own.received >= own.elected_tax THEN own.elected_tax ELSE 0 END
         ORDER BY 1
    """)
    yield from query("""
        SELECT format('investments_payoutitem %s: allocation %s was taken %s', item.id, item.allocation_id, line.choice)
          FROM investments_payoutitem AS item
          JOIN investments_electedline AS line ON line.allocation_id = item.allocation_id
         WHERE line.choice <> 'cash' ORDER BY item.id
    """)


def returned() -> Iterator[str]:
    """What came back to cash is of a line in kind and at most its net, journaled once; a distribution says its sum;
    what was released is paid in, and what is in a payout is released and makes that payout's sum."""
    yield from query("""
        WITH posted AS (
            SELECT split_part(entry.reference, ':', 3)::bigint AS id, sum(line.amount) AS amount
              FROM investments_entry AS entry
              JOIN investments_line AS line ON line.entry_id = entry.id AND line.side = 'C'
             WHERE entry.kind = 'elected_returned' GROUP BY 1
        )
        SELECT format('investments_electedreturn %s (line %s): %s back of %s taken %s, journaled %s', own.id,
                      own.line_id, own.amount, line.net, line.choice, coalesce(posted.amount, 0))
          FROM investments_electedreturn AS own
          LEFT JOIN investments_electedline AS line ON line.id = own.line_id
          FULL JOIN posted ON posted.id = own.id
         WHERE line.choice IS DISTINCT FROM 'in_kind' OR own.amount > line.net
            OR own.distribution_id IS DISTINCT FROM line.distribution_id
            OR coalesce(own.amount, 0) <> coalesce(posted.amount, 0)
         ORDER BY 1
    """)
    yield from query("""
        SELECT format('investments_distribution %s: %s came back, its vouchers make %s, of which %s are released; paid '
                      'in %s beyond %s', own.id, own.returned, coalesce(part.amount, 0), coalesce(part.released, 0),
                      own.received, own.gross - own.in_kind - own.given_back)
          FROM investments_distribution AS own
          LEFT JOIN (SELECT distribution_id, sum(amount) AS amount,
                            sum(amount) FILTER (WHERE released_at IS NOT NULL) AS released
                       FROM investments_electedreturn GROUP BY 1) AS part ON part.distribution_id = own.id
         WHERE own.returned <> coalesce(part.amount, 0)
            OR coalesce(part.released, 0) > greatest(0, own.received - (own.gross - own.in_kind - own.given_back))
         ORDER BY own.id
    """)
    yield from query("""
        SELECT format('investments_payout %s: %s of vouchers, they make %s', own.id, own.returned,
                      coalesce(part.amount, 0))
          FROM investments_payout AS own
          LEFT JOIN (SELECT payout_id, sum(amount) AS amount FROM investments_electedreturn
                      WHERE released_at IS NOT NULL GROUP BY 1) AS part ON part.payout_id = own.id
         WHERE own.returned <> coalesce(part.amount, 0) ORDER BY own.id
    """)


def register_checks() -> None:
    """Called once when the app is ready."""
    register("distributions.elections", "10", elections)
    register("distributions.taken", "10", taken)
    register("distributions.returned", "10", returned)
