"""Before a run is built, what it may pay is taxed at the rates of its transfer date (domain.md section 5).

What was withheld before keeps its tax, and every line keeps what was planned; a row says from where on which rate
holds. The journal has a reversing and a new entry for the whole distribution.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.distributions.changes import Retax
from investments.distributions.models import Distribution
from investments.distributions.taxed import IN_CASH, NEWEST, SPAN
from investments.ledger import post as ledger
from investments.ledger.models import Entry
from investments.offerings.exact import RATE_SCALE, scaled_rate
from investments.offerings.models import Fund
from investments.policy.services import withholding_rate
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.services import publish

from .models import PayoutRun

_RATE = "(CASE allocation.payee_class WHEN 'company' THEN %(company)s ELSE %(person)s END)::numeric / %(scale)s"
#: Lines of released distributions of which something is still to be taxed, at another rate than that of the date. The
#: withheld parts of a line come before all others, so they are one span from nothing up to `low`.
_HIGH = "distribution.per_unit - distribution.written_off_per_unit"
_TAXED_SO_FAR = SPAN.format(low="coalesce(newest.from_per_unit, 0)", high=_HIGH)
_CHANGED = f"""
line AS (
    SELECT allocation.id, allocation.distribution_id, distribution.fund_id, allocation.units,
           distribution.principal_per_unit AS principal,
           {_HIGH} AS high,
           coalesce(done.per_unit, 0) AS low, coalesce(done.tax, 0) AS taken, {_RATE} AS rate,
           coalesce(newest.rate, allocation.rate) AS rate_before, coalesce(newest.tax, allocation.tax) AS tax_before,
           coalesce(newest.tax, allocation.tax) - coalesce(newest.taken, 0)
           - {_TAXED_SO_FAR} AS written_off
      FROM investments_distribution AS distribution
      JOIN investments_allocation AS allocation ON allocation.distribution_id = distribution.id
      {NEWEST}
      LEFT JOIN LATERAL (SELECT sum(instalment.per_unit) AS per_unit, sum(item.tax) AS tax
                           FROM investments_payoutitem AS item
                           JOIN investments_payout AS payout
                             ON payout.id = item.payout_id AND payout.withheld_on IS NOT NULL
                           JOIN investments_instalment AS instalment ON instalment.id = item.instalment_id
                          WHERE item.allocation_id = allocation.id) AS done ON true
     WHERE distribution.state = 'approved' AND distribution.profit > 0 AND {IN_CASH}
       AND (EXISTS (SELECT FROM investments_instalment AS part
                     WHERE part.distribution_id = distribution.id AND part.state = 'approved' AND NOT part.complete)
            OR EXISTS (SELECT FROM investments_instalment AS part
                         JOIN investments_payoutitem AS item ON item.instalment_id = part.id
                         JOIN investments_payout AS payout
                           ON payout.id = item.payout_id AND payout.state = 'waiting' AND payout.withheld_on IS NULL
                        WHERE part.distribution_id = distribution.id))
), changed AS MATERIALIZED (
    SELECT *, (taken + floor((greatest(0, high - principal) - greatest(0, low - principal)) * units::numeric * rate)
               + written_off)::bigint AS tax
      FROM line
     WHERE rate <> rate_before AND high > greatest(low, principal)
       AND NOT EXISTS (SELECT FROM investments_unclaimedpart AS kept
                        WHERE kept.allocation_id = line.id AND kept.claimed_at IS NULL)
)
"""  # noqa: S608 - texts of this module
_WRITE = f"""
WITH {_CHANGED}
, retax AS (
    INSERT INTO investments_retax
           (distribution_id, number, pay_on, rate_person, rate_company, tax, net, maker_id, happened_at)
    SELECT own.distribution_id,
           (SELECT count(*) + 1 FROM investments_retax WHERE distribution_id = own.distribution_id),
           %(pay_on)s, %(person)s::numeric / %(scale)s, %(company)s::numeric / %(scale)s, whole.tax + own.more,
           whole.gross - whole.tax - own.more, %(maker)s, %(at)s
      FROM (SELECT distribution_id, sum(tax - tax_before) AS more FROM changed
             WHERE distribution_id = %(distribution)s GROUP BY 1) AS own
      JOIN LATERAL (SELECT sum(coalesce(newest.tax, allocation.tax)) AS tax, sum(allocation.gross) AS gross
                      FROM investments_allocation AS allocation {NEWEST}
                     WHERE allocation.distribution_id = own.distribution_id) AS whole ON true
    RETURNING id
), written AS (
    INSERT INTO investments_retaxedallocation (retax_id, allocation_id, from_per_unit, taken, rate, tax_before, tax)
    SELECT retax.id, changed.id, changed.low, changed.taken, changed.rate, changed.tax_before, changed.tax
      FROM changed, retax WHERE changed.distribution_id = %(distribution)s
     ORDER BY changed.id
    RETURNING 1
)
SELECT (SELECT id FROM retax), (SELECT count(*) FROM written)
"""  # noqa: S608 - texts of this module
#: Payouts that were put together before and were never sent are taxed again with their lines.
_WAITING = f"""
UPDATE investments_payoutitem AS own SET tax = anew.tax, net = own.gross - anew.tax
  FROM (SELECT item.id,
               ({SPAN.format(low="newest.from_per_unit", high="instalment.per_unit_before + instalment.per_unit")}
                - {SPAN.format(low="newest.from_per_unit", high="instalment.per_unit_before")})::bigint AS tax
          FROM investments_payoutitem AS item
          JOIN investments_payout AS payout
            ON payout.id = item.payout_id AND payout.state = 'waiting' AND payout.withheld_on IS NULL
          JOIN investments_instalment AS instalment ON instalment.id = item.instalment_id
          JOIN investments_allocation AS allocation ON allocation.id = item.allocation_id
          JOIN investments_distribution AS distribution ON distribution.id = allocation.distribution_id
          {NEWEST}
         WHERE allocation.distribution_id = %(distribution)s AND newest.id IS NOT NULL) AS anew
 WHERE own.id = anew.id AND own.tax <> anew.tax
"""  # noqa: S608 - texts of this module
_WAITING_SUMS = """
UPDATE investments_payout AS own SET tax = part.tax, net = own.gross - part.tax
  FROM (SELECT payout.id, sum(item.tax)::bigint AS tax
          FROM investments_payout AS payout JOIN investments_payoutitem AS item ON item.payout_id = payout.id
         WHERE payout.state = 'waiting' AND payout.withheld_on IS NULL GROUP BY payout.id) AS part
 WHERE own.id = part.id AND own.tax <> part.tax
"""


@dataclass(frozen=True, slots=True)
class Change:
    """What taxing again means for one distribution: its tax over all lines before and after (yen)."""

    distribution: Distribution
    before: int
    after: int


def _rates(pay_on: date) -> dict[str, int]:
    return {
        "person": scaled_rate("rate", withholding_rate(pay_on, "person")),
        "company": scaled_rate("rate", withholding_rate(pay_on, "company")),
        "scale": RATE_SCALE,
    }


def for_run(pay_on: date, *, actor: Any, at: datetime) -> list[Change]:
    """Tax everything that a run on this date may pay at the rates of the date; nothing where they hold already.

    In the caller's transaction, before it locks anything else: the funds concerned are locked here.
    """
    rates = _rates(pay_on)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {_CHANGED} SELECT DISTINCT distribution_id, fund_id FROM changed ORDER BY 1",  # noqa: S608
            rates,
        )
        found = cursor.fetchall()
    if not found:
        return []
    funds = {fund.pk: fund for fund in locks.lock(Fund, {fund_id for _pk, fund_id in found})}
    own = locks.lock(Distribution, {pk for pk, _fund in found})
    return [
        change
        for row in own
        if (change := _retax(funds[row.fund_id], row, pay_on, rates, actor=actor, at=at)) is not None
    ]


def _retax(
    fund: Fund, distribution: Distribution, pay_on: date, rates: dict[str, int], *, actor: Any, at: datetime
) -> Change | None:
    before = distribution.retaxes.order_by("-number").first()
    values = {
        **rates, "pay_on": pay_on, "maker": actor.pk if actor else None, "at": at, "distribution": distribution.pk,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, values)
        pk, _lines = cursor.fetchone()
        if pk is None:
            return None
        cursor.execute(_WAITING, {"distribution": distribution.pk})
        cursor.execute(_WAITING_SUMS)
    row = Retax.objects.get(pk=pk)
    _post(fund, distribution, before, row, at=at)
    tax_before = before.tax if before else distribution.tax
    audit.record(
        action="investments.Distribution.retaxed",
        subject=distribution,
        at=at,
        actor=actor,
        changes={"tax": [tax_before, row.tax], "pay_on": pay_on.isoformat()},
    )
    publish(
        events.DistributionRetaxed(retax_id=row.pk, distribution_id=distribution.pk, fund_id=fund.pk, at=at),
        key=str(row.pk),
        at=at,
    )
    return Change(distribution, tax_before, row.tax)


def _post(fund: Fund, distribution: Distribution, before: Retax | None, row: Retax, *, at: datetime) -> None:
    """Take back what the approval, or the taxing before, posted; post the whole distribution with its tax of now."""
    reference = (
        f"distribution_retaxed:retax:{before.pk}" if before else f"distribution_approved:distribution:{distribution.pk}"
    )
    on = clock.today_in(fund.policy.zone, at)
    ledger.reverse(Entry.objects.get(reference=reference), on=on, at=at, reason="taxed again")
    assert fund.book_id is not None
    subject = f"distribution:{distribution.pk}"
    legs = [ledger.debit(fund.book_id, "receivable_from_business", distribution.gross, subject)]
    if row.net:
        legs.append(ledger.credit(fund.book_id, "distributions_payable", row.net, subject))
    if row.tax:
        legs.append(ledger.credit(fund.book_id, "withholding_accrued", row.tax, subject))
    ledger.post(kind="distribution_retaxed", source=("retax", row.pk), legs=legs, on=on, at=at)


@contextmanager
def foreseen(pay_on: date, *, at: datetime) -> Iterator[list[Change]]:
    """Inside, everything is taxed as a run on this date would do it; afterwards nothing of it has happened."""
    with transaction.atomic():
        yield for_run(pay_on, actor=None, at=at)
        transaction.set_rollback(True)


def require_rates(run: PayoutRun) -> None:
    """Raise DomainError("rate_changed") where a run would withhold tax at another rate than that of its day: a rate was
    entered after it was built."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM investments_payoutattempt AS attempt"  # noqa: S608 - texts of this module
            "  JOIN investments_payout AS payout ON payout.id = attempt.payout_id AND payout.withheld_on IS NULL"
            "  JOIN investments_payoutitem AS item ON item.payout_id = payout.id AND item.profit > 0"
            "  JOIN investments_allocation AS allocation ON allocation.id = item.allocation_id"
            f" {NEWEST} WHERE attempt.run_id = %(run)s AND attempt.state <> 'withdrawn'"
            f"   AND coalesce(newest.rate, allocation.rate) <> {_RATE} LIMIT 1",
            {"run": run.pk, **_rates(run.pay_on)},
        )
        if cursor.fetchone():
            raise DomainError(
                "rate_changed",
                _("The tax of this run is of a rate that does not hold on its date: withdraw it and prepare it again."),
            )
