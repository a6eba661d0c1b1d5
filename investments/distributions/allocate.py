"""The lines of a distribution, set-based: one statement for all holdings of the record date (domain.md section 5).

The per-unit figures come from the rule; principal, profit and tax of a holding are those of
`offerings.allocation.allocate_units`, written in SQL. A property test holds the two against each other.
"""

from __future__ import annotations

from django.db import connection

from investments.offerings.exact import RATE_SCALE, scaled_rate

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
    for name, value in sums.items():
        setattr(distribution, name, value)
    distribution.save(update_fields=list(sums))
