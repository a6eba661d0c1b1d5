"""Who is paid in a run and who is not, and why: set-based over what was released (domain.md section 8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from investments.distributions.taxed import IN_CASH, NEWEST, SPAN

_BASE = "coalesce(newest.from_per_unit, 0)"
_BY = SPAN.format(low=_BASE, high="instalment.per_unit_before + instalment.per_unit")
_BEFORE = SPAN.format(low=_BASE, high="instalment.per_unit_before")
#: What of an allocation an instalment pays: principal first, tax of all profit so far less what was taken before; and
#: balances of vouchers that were not used, taxed before (`returned`). What a deceased holder is still owed goes to the
#: heir who was named for it.
DUE = f"""
due AS (
    SELECT allocation.id AS allocation_id, instalment.id AS instalment_id, holding.fund_id,
           coalesce(holding.paid_to_id, holding.investor_id) AS investor_id, distribution.id AS distribution_id,
           holding.frozen_at IS NOT NULL AND holding.paid_to_id IS NULL AS frozen,
           EXISTS (SELECT FROM investments_unclaimedpart AS kept
                    WHERE kept.allocation_id = allocation.id AND kept.instalment_id = instalment.id
                      AND kept.claimed_at IS NULL) AS set_aside,
           instalment.per_unit * allocation.units AS gross,
           (least(instalment.per_unit_before + instalment.per_unit, distribution.principal_per_unit)
            - least(instalment.per_unit_before, distribution.principal_per_unit)) * allocation.units AS principal,
           ({_BY}
            - {_BEFORE})::bigint AS tax, 0::bigint AS returned, NULL::bigint AS return_id
      FROM investments_instalment AS instalment
      JOIN investments_distribution AS distribution ON distribution.id = instalment.distribution_id
      JOIN investments_allocation AS allocation ON allocation.distribution_id = distribution.id
      JOIN investments_holding AS holding ON holding.id = allocation.holding_id
      {NEWEST}
     WHERE instalment.state = 'approved' AND NOT instalment.complete AND {IN_CASH}
       AND NOT EXISTS (SELECT FROM investments_payoutitem AS item
                        WHERE item.allocation_id = allocation.id AND item.instalment_id = instalment.id)
    UNION ALL
    SELECT line.allocation_id, NULL, holding.fund_id, coalesce(holding.paid_to_id, holding.investor_id),
           line.distribution_id, holding.frozen_at IS NOT NULL AND holding.paid_to_id IS NULL,
           back.set_aside_at IS NOT NULL, 0, 0, 0, back.amount, back.id
      FROM investments_electedreturn AS back
      JOIN investments_electedline AS line ON line.id = back.line_id
      JOIN investments_allocation AS allocation ON allocation.id = line.allocation_id
      JOIN investments_holding AS holding ON holding.id = allocation.holding_id
     WHERE back.amount > 0 AND back.released_at IS NOT NULL AND back.payout_id IS NULL
)
"""  # noqa: S608 - texts of this module
#: By investor and fund: what is new, and why it would not be sent. Small sums wait, but not over the year's end and not
#: once a fund has nothing more to pay.
_JUDGED = """
judged AS (
    SELECT part.fund_id, part.investor_id, part.gross, part.principal, part.tax, part.returned,
           part.gross - part.tax + part.returned AS net, account.id AS account_id,
           CASE WHEN part.frozen THEN 'frozen'
                WHEN account.id IS NULL THEN 'no_account'
                WHEN part.set_aside THEN 'unclaimed'
                WHEN part.gross - part.tax + part.returned < policy.payout_minimum AND NOT %(year_end)s
                     AND NOT last.over THEN 'small'
                ELSE '' END AS excluded
      FROM (SELECT fund_id, investor_id, bool_or(frozen) AS frozen,
                   bool_or(set_aside) AS set_aside, sum(gross)::bigint AS gross,
                   sum(principal)::bigint AS principal, sum(tax)::bigint AS tax, sum(returned)::bigint AS returned
              FROM due GROUP BY fund_id, investor_id) AS part
      JOIN investments_fund AS fund ON fund.id = part.fund_id
      JOIN investments_policyprofile AS policy ON policy.id = fund.policy_id
      JOIN LATERAL (SELECT fund.state <> 'operating' OR NOT EXISTS (
                             SELECT FROM investments_period AS period
                              WHERE period.fund_id = fund.id AND period.state IN
                                    ('scheduled', 'report_due', 'reported', 'accepted', 'calculated')) AS over
                   ) AS last ON true
      LEFT JOIN investments_bankaccount AS account
        ON account.investor_id = part.investor_id AND account.ended_at IS NULL
     WHERE part.gross - part.tax + part.returned > 0
)
"""
#: Payouts that were put together before and did not arrive: an account was given since the last try.
_AGAIN = """
again AS (
    SELECT payout.id AS payout_id, payout.fund_id, payout.investor_id, payout.net, account.id AS account_id,
           coalesce(last.number, 0) AS tries,
           CASE WHEN holding.frozen_at IS NOT NULL AND holding.paid_to_id IS NULL THEN 'frozen'
                WHEN account.id IS NULL THEN 'no_account'
                WHEN payout.state = 'returned' AND account.id = last.account_id THEN 'returned'
                ELSE '' END AS excluded
      FROM investments_payout AS payout
      LEFT JOIN investments_holding AS holding
        ON holding.fund_id = payout.fund_id AND holding.investor_id = payout.investor_id
      LEFT JOIN LATERAL (SELECT number, account_id FROM investments_payoutattempt
                          WHERE payout_id = payout.id ORDER BY number DESC LIMIT 1) AS last ON true
      LEFT JOIN investments_bankaccount AS account
        ON account.investor_id = coalesce(holding.paid_to_id, payout.investor_id) AND account.ended_at IS NULL
     WHERE payout.state IN ('waiting', 'returned')
)
"""
EXCLUSIONS = {
    "frozen": _("frozen"),
    "no_account": _("no bank account"),
    "unclaimed": _("set aside after a year; comes back with the account"),
    "small": _("under the minimum; carried"),
    "returned": _("returned; the account was not changed since"),
}


def is_year_end(pay_on: date) -> bool:
    """Small sums are paid in December, whatever they are (section 8)."""
    return pay_on.month == 12


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a preview: a fund, why it is excluded ("" = it is paid), how many payments, their net sum in yen."""

    fund_id: int
    excluded: str
    payments: int
    amount: int


def preview(pay_on: date) -> list[Line]:
    """What a run on this date would pay, and what it would leave out, by fund and reason."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {DUE}, {_JUDGED}, {_AGAIN}"  # noqa: S608 - texts of this module
            " SELECT fund_id, excluded, count(*), sum(net)::bigint FROM ("
            "   SELECT fund_id, excluded, net FROM judged"
            "   UNION ALL SELECT fund_id, excluded, net FROM again) AS part"
            " GROUP BY fund_id, excluded ORDER BY fund_id, excluded",
            {"year_end": is_year_end(pay_on)},
        )
        return [Line(*row) for row in cursor.fetchall()]


#: What is due as a table of its own, counted: of the parts of one statement the planner knows no number, takes one row
#: for a million, and would go through all of one part for each row of another.
_GATHER = (
    "DROP TABLE IF EXISTS pg_temp.due_in_run",
    f"CREATE TEMPORARY TABLE due_in_run ON COMMIT DROP AS WITH {DUE} SELECT * FROM due",  # noqa: S608
    "ANALYZE pg_temp.due_in_run",
)
_BUILD = f"""
WITH due AS (SELECT * FROM pg_temp.due_in_run), {_JUDGED}, {_AGAIN}
, payout AS (
    INSERT INTO investments_payout (run_id, fund_id, investor_id, state, gross, principal, profit, tax, net, returned)
    SELECT %(run)s, fund_id, investor_id, 'in_run', gross, principal, gross - principal, tax, net, returned
      FROM judged WHERE excluded = ''
     ORDER BY fund_id, investor_id
    RETURNING id, fund_id, investor_id, net
)
, item AS (
    INSERT INTO investments_payoutitem
           (payout_id, instalment_id, allocation_id, gross, principal, profit, tax, net)
    SELECT payout.id, due.instalment_id, due.allocation_id, due.gross, due.principal, due.gross - due.principal,
           due.tax, due.gross - due.tax
      FROM due JOIN payout ON payout.fund_id = due.fund_id AND payout.investor_id = due.investor_id
     WHERE due.return_id IS NULL
    RETURNING 1
)
, back AS (
    UPDATE investments_electedreturn AS back SET payout_id = payout.id
      FROM due JOIN payout ON payout.fund_id = due.fund_id AND payout.investor_id = due.investor_id
     WHERE back.id = due.return_id
    RETURNING 1
)
, retried AS (
    UPDATE investments_payout AS payout SET state = 'in_run'
      FROM again WHERE payout.id = again.payout_id AND again.excluded = '' AND payout.state IN ('waiting', 'returned')
    RETURNING payout.id
)
, attempt AS (
    INSERT INTO investments_payoutattempt (payout_id, run_id, number, state, account_id, amount)
    SELECT tried.payout_id, %(run)s, tried.number, 'in_run', tried.account_id, tried.net
      FROM (SELECT payout.id AS payout_id, 1 AS number, judged.account_id, payout.net
              FROM payout JOIN judged ON judged.fund_id = payout.fund_id AND judged.investor_id = payout.investor_id
            UNION ALL
            SELECT payout_id, tries + 1, account_id, net
              FROM again JOIN retried ON retried.id = again.payout_id) AS tried
     ORDER BY tried.payout_id
    RETURNING amount
)
SELECT count(*), coalesce(sum(amount), 0)::bigint, (SELECT count(*) FROM item), (SELECT count(*) FROM retried)
  FROM attempt
"""  # noqa: S608 - texts of this module


def build(run_id: int, pay_on: date) -> tuple[int, int]:
    """Write payouts, their parts and their attempts for a prepared run; (payments, sum in yen). In the caller's
    transaction."""
    with connection.cursor() as cursor:
        for statement in _GATHER:
            cursor.execute(statement)
        cursor.execute(_BUILD, {"run": run_id, "year_end": is_year_end(pay_on)})
        payments, amount, _items, _retried = cursor.fetchone()
    return payments, amount


def excluded_people(pay_on: date, fund_id: int, limit: int = 200) -> list[dict[str, Any]]:
    """Who of a fund would be left out and why, at most `limit` of them, the largest sums first."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {DUE}, {_JUDGED}, {_AGAIN}"  # noqa: S608 - texts of this module
            " SELECT investor_id, excluded, net FROM ("
            "   SELECT fund_id, investor_id, excluded, net FROM judged"
            "   UNION ALL SELECT fund_id, investor_id, excluded, net FROM again) AS part"
            " WHERE fund_id = %(fund)s AND excluded <> '' ORDER BY net DESC, investor_id LIMIT %(limit)s",
            {"year_end": is_year_end(pay_on), "fund": fund_id, "limit": limit},
        )
        return [dict(zip(("investor_id", "excluded", "net"), row, strict=True)) for row in cursor.fetchall()]
