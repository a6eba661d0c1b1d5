"""The lines of a distribution, set-based: one statement for all holdings of the record date (domain.md section 5).

The per-unit figures come from the rule; principal, profit and tax of a holding are those of
`offerings.allocation.allocate_units`, written in SQL. A property test holds the two against each other.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import connection

from investments.offerings.exact import RATE_SCALE, scaled_rate
from investments.offerings.rule import Action
from microfund.kernel import clock

from .models import Distribution

_ALLOCATE = """
WITH held AS (
    SELECT holding.id, holding.investor_id, sum(movement.units)::bigint AS units
      FROM investments_holding AS holding
      JOIN investments_movement AS movement ON movement.holding_id = holding.id
     WHERE holding.fund_id = %(fund)s AND movement.effective_on <= %(record_on)s
     GROUP BY holding.id
    HAVING sum(movement.units) > 0
)
, priced AS (
    SELECT held.id, held.units, investor.kind AS payee_class,
           CASE investor.kind WHEN 'company' THEN %(company)s ELSE %(person)s END AS rate,
           (%(per_unit)s::bigint - %(principal)s::bigint) * held.units AS profit
      FROM held JOIN investments_investor AS investor ON investor.id = held.investor_id
)
, taxed AS (
    SELECT id, units, payee_class, rate, profit, div(profit::numeric * rate, %(scale)s)::bigint AS tax FROM priced
)
, written AS (
    INSERT INTO investments_allocation
           (distribution_id, holding_id, units, gross, principal, profit, tax, net, rate, payee_class)
    SELECT %(distribution)s, id, units, %(per_unit)s * units, %(principal)s * units, profit, tax,
           %(per_unit)s * units - tax, rate::numeric / %(scale)s, payee_class
      FROM taxed
     ORDER BY id
    RETURNING units, gross, principal, profit, tax, net
)
SELECT count(*), coalesce(sum(units), 0)::bigint, coalesce(sum(gross), 0)::bigint,
       coalesce(sum(principal), 0)::bigint, coalesce(sum(profit), 0)::bigint, coalesce(sum(tax), 0)::bigint,
       coalesce(sum(net), 0)::bigint
  FROM written
"""
#: The lines of holders whose last choice up to the end of the record date is not cash. A frozen holding is paid in cash
#: all the same: rewards stop (section 4.9), and heirs decide for themselves (section 11).
_ELECT = """
WITH chosen AS (
    SELECT DISTINCT ON (election.holding_id) election.id, election.holding_id, election.choice, election.bonus,
           holding.frozen_at IS NOT NULL AS frozen
      FROM investments_election AS election
      JOIN investments_holding AS holding ON holding.id = election.holding_id AND holding.fund_id = %(fund)s
     WHERE election.made_at < %(until)s
     ORDER BY election.holding_id, election.made_at DESC, election.id DESC
)
, written AS (
    INSERT INTO investments_electedline
           (allocation_id, distribution_id, election_id, choice, bonus, units, net, tax)
    SELECT allocation.id, allocation.distribution_id, chosen.id,
           CASE WHEN chosen.frozen THEN 'cash' ELSE chosen.choice END,
           CASE WHEN chosen.frozen THEN 0 ELSE chosen.bonus END, allocation.units, allocation.net, allocation.tax
      FROM chosen
      JOIN investments_allocation AS allocation
        ON allocation.holding_id = chosen.holding_id AND allocation.distribution_id = %(distribution)s
     WHERE chosen.choice <> 'cash' AND allocation.net > 0
     ORDER BY allocation.id
    RETURNING choice, units, net, tax
)
SELECT coalesce(sum(net) FILTER (WHERE choice = 'in_kind'), 0)::bigint,
       coalesce(sum(net) FILTER (WHERE choice = 'give_back'), 0)::bigint,
       coalesce(sum(units) FILTER (WHERE choice <> 'cash'), 0)::bigint,
       coalesce(sum(tax) FILTER (WHERE choice <> 'cash'), 0)::bigint
  FROM written
"""
_ELECTED = ("in_kind", "given_back", "elected_units", "elected_tax")
_SUMS = ("holdings", "units", "gross", "principal", "profit", "tax", "net")


def allocate(distribution: Distribution) -> None:
    """Write the line of every holding that had units at the end of the record date, and the sums into the distribution,
    which the caller has just made in this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            _ALLOCATE,
            {
                "fund": distribution.fund_id,
                "record_on": distribution.record_on,
                "distribution": distribution.pk,
                "per_unit": distribution.per_unit,
                "principal": distribution.principal_per_unit,
                "person": scaled_rate("rate", distribution.rate_person),
                "company": scaled_rate("rate", distribution.rate_company),
                "scale": RATE_SCALE,
            },
        )
        sums = dict(zip(_SUMS, cursor.fetchone(), strict=True))
        # What is left at the end is paid in cash: a business that ends cannot promise goods for it.
        if distribution.action != Action.WIND_UP and distribution.fund.election_offers.exists():
            cursor.execute(
                _ELECT,
                {
                    "fund": distribution.fund_id,
                    "until": clock.start_of_day(
                        distribution.record_on + timedelta(days=1), distribution.fund.policy.zone
                    ),
                    "distribution": distribution.pk,
                },
            )
            sums |= dict(zip(_ELECTED, cursor.fetchone(), strict=True))
    for name, value in sums.items():
        setattr(distribution, name, value)
    distribution.save(update_fields=list(sums))
