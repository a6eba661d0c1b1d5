"""The tax of a distribution's lines as it stands: planned at approval, or at the rate of the transfer date since
(domain.md section 5). Texts of SQL that several statements share, and the facts for a page."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from .elected import Choice, ElectedLine
from .models import Allocation, Distribution

#: The newest re-taxing of `allocation`, if there is one; `base` and `rate` say from where on which rate holds.
NEWEST = """
      LEFT JOIN LATERAL (SELECT id, from_per_unit, taken, rate, tax FROM investments_retaxedallocation
                          WHERE allocation_id = allocation.id ORDER BY id DESC LIMIT 1) AS newest ON true
"""
#: Yen of tax on the profit of an allocation between two per-unit marks, by the rate that holds now: {low}, {high}.
SPAN = """floor((greatest(0, {high} - distribution.principal_per_unit)
                   - greatest(0, {low} - distribution.principal_per_unit))
                  * allocation.units::numeric * coalesce(newest.rate, allocation.rate))"""


#: `allocation` is paid in cash: it was not taken in kind or given back, which is settled and never taxed again.
IN_CASH = """NOT EXISTS (SELECT FROM investments_electedline AS taken
                          WHERE taken.allocation_id = allocation.id AND taken.choice <> 'cash')"""


def tax_up_to(distribution: Distribution, per_unit: int) -> tuple[int, int]:
    """Yen of tax over all holdings that are paid in cash if no more than `per_unit` of each unit is paid, and if all of
    it is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(coalesce(newest.taken, 0) + "  # noqa: S608 - texts of this module
            + SPAN.format(low="coalesce(newest.from_per_unit, 0)", high="%(per_unit)s::bigint")
            + "), 0)::bigint, coalesce(sum(coalesce(newest.tax, allocation.tax)), 0)::bigint"
            "  FROM investments_allocation AS allocation"
            "  JOIN investments_distribution AS distribution ON distribution.id = allocation.distribution_id"
            + NEWEST
            + f" WHERE allocation.distribution_id = %(distribution)s AND {IN_CASH}",
            {"per_unit": per_unit, "distribution": distribution.pk},
        )
        kept, whole = cursor.fetchone()
        return kept, whole


def taken(line: Allocation) -> ElectedLine | None:
    """How a line was taken, if not in cash. Uses `elected` if it was fetched with the line, and asks for nothing where
    the whole distribution is paid in cash."""
    if not line.distribution.elected_units:
        return None
    found: ElectedLine | None = getattr(line, "elected", None)
    return found if found is not None and found.choice != Choice.CASH else None


@dataclass(frozen=True, slots=True)
class Due:
    """What a line comes to as it stands, in yen: without what was written off (`lost`, before tax), taxed at the rates
    that hold. `rate` is that of what is still to be paid."""

    gross: int
    principal: int
    profit: int
    tax: int
    net: int
    lost: int
    rate: Decimal


def due(line: Allocation) -> Due:
    """The figures of a line as they stand; those of its approval unless something changed since, and always where it
    was taken otherwise than in cash. Uses `retaxed` if it was fetched with the line."""
    own = line.distribution
    if taken(line) is not None:
        return Due(line.gross, line.principal, line.profit, line.tax, line.net, 0, line.rate)
    newest = max(line.retaxed.all(), key=lambda row: row.pk, default=None)
    rate = newest.rate if newest else line.rate
    gross = own.cash_per_unit * line.units
    principal = min(own.cash_per_unit, own.principal_per_unit) * line.units
    before = max(0, newest.from_per_unit - own.principal_per_unit) * line.units if newest else 0
    tax = (newest.taken if newest else 0) + int((gross - principal - before) * rate)
    return Due(gross, principal, gross - principal, tax, gross - tax, own.written_off_per_unit * line.units, rate)


def rate_of(line: Allocation, per_unit_before: int) -> Decimal:
    """The rate at which the part of a line after `per_unit_before` yen per unit was or will be taxed."""
    held = [own for own in line.retaxed.all() if own.from_per_unit <= per_unit_before]
    return max(held, key=lambda own: own.pk).rate if held else line.rate
