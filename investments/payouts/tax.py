"""Withheld tax, paid over month by month (domain.md section 7): what a month's first transfers withheld is due on the
10th of the next month, for all funds of a business at once: it is the business that withholds.

Totals are kept by fund, whose bank they leave; what the funds of one business withheld in one month is one transfer,
named by the oldest of its totals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from investments.banking import outgoing
from investments.banking.models import UNDER_WAY, OutgoingTransfer
from investments.ledger import post as ledger
from investments.offerings.models import Fund
from investments.payments.postings import require_in_bank
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError

from .models import TaxPayment

DUE_DAY = 10
_FETCH = 2_000


def due_on(month: date) -> date:
    """When the tax of a month (its first day) is to be paid over: the 10th of the next, or the bank day after it."""
    return clock.next_bank_day(clock.add_months(month, 1).replace(day=DUE_DAY))


def withheld(*, before: date, fund_id: int | None = None) -> dict[int, dict[date, int]]:
    """Yen that the journal withheld by fund and month, in months that ended before a date."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT fund.id, date_trunc('month', entry.effective_on)::date, sum(line.amount)::bigint
              FROM investments_account AS account
              JOIN investments_fund AS fund ON fund.book_id = account.book_id
              JOIN investments_line AS line ON line.account_id = account.id AND line.side = 'C'
              JOIN investments_entry AS entry ON entry.id = line.entry_id
             WHERE account.code = 'withholding_payable' AND entry.effective_on < %(before)s
               AND (%(fund)s::bigint IS NULL OR fund.id = %(fund)s::bigint)
             GROUP BY 1, 2 ORDER BY 1, 2
            """,
            {"before": before, "fund": fund_id},
        )
        found: dict[int, dict[date, int]] = {}
        for fund, month, amount in cursor.fetchall():
            found.setdefault(fund, {})[month] = amount
    return found


def together(row: TaxPayment) -> QuerySet[TaxPayment]:
    """The totals of a month of all funds of one business, oldest first: one sum to the tax office."""
    return TaxPayment.objects.filter(
        month=row.month, fund__business=row.fund.business_id, fund__currency=row.fund.currency
    ).order_by("pk")


def unpaid() -> QuerySet[TaxPayment]:
    """One total for each business and month of which something is not paid over, the oldest of it."""
    group = ("month", "fund__business_id", "fund__currency")
    return TaxPayment.objects.filter(paid_on=None).order_by(*group, "pk").distinct(*group).select_related("fund")


def is_under_way(row: TaxPayment) -> bool:
    """Whether a transfer of this business's total of this month is prepared or approved and not over."""
    targets = [f"tax:{pk}" for pk in together(row).values_list("pk", flat=True)]
    return OutgoingTransfer.objects.filter(target__in=targets, state__in=UNDER_WAY).exists()


#: Every profit that was paid and taxed, on the day on which its tax was withheld: by the first transfer, or of what was
#: taken in kind or given back once its tax was there. `fund` and `part` may be asked about.
_TAXED = """
  FROM (SELECT payout.fund_id, payout.investor_id, payout.profit, payout.tax, payout.withheld_on AS day
          FROM investments_payout AS payout
        UNION ALL
        SELECT holding.fund_id, holding.investor_id, allocation.profit, line.tax, entry.effective_on
          FROM investments_electedline AS line
          JOIN investments_allocation AS allocation ON allocation.id = line.allocation_id
          JOIN investments_holding AS holding ON holding.id = allocation.holding_id
          JOIN investments_entry AS entry
            ON entry.reference = 'elected_tax_withheld:distribution:' || line.distribution_id
         WHERE line.choice <> 'cash') AS part
  JOIN investments_fund AS fund ON fund.id = part.fund_id
 WHERE part.profit > 0 AND part.day >= %(first)s AND part.day < %(end)s
"""


@dataclass(frozen=True, slots=True)
class Slip:
    """What the payment slip of a month asks for: people who were paid a profit, the profit and the tax of it (yen)."""

    people: int
    profit: int
    tax: int


def slip(row: TaxPayment) -> Slip:
    """What all funds of a business withheld in a month."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT part.investor_id), coalesce(sum(part.profit), 0)::bigint,"
            f"       coalesce(sum(part.tax), 0)::bigint {_TAXED}"  # noqa: S608 - a text of this module
            "   AND fund.business_id = %(business)s AND fund.currency = %(currency)s",
            {
                "business": row.fund.business_id,
                "currency": row.fund.currency,
                "first": row.month,
                "end": clock.add_months(row.month, 1),
            },
        )
        return Slip(*cursor.fetchone())


def records(year: int) -> Iterator[tuple[str, int, str, str, str, str, int, int, int]]:
    """The payment records of a year, by business and investor: (business, number of the investor, kind, name, kana,
    corporate number, payments of a profit, profit in yen, tax withheld of it in yen). Its tax is that of its months."""
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(
            f"""
            SELECT business.slug, investor.id, investor.kind, investor.name, investor.name_kana,
                   investor.corporate_number, own.payments, own.profit, own.tax
              FROM (SELECT fund.business_id, part.investor_id, count(*) AS payments,
                           sum(part.profit)::bigint AS profit, sum(part.tax)::bigint AS tax {_TAXED}
                     GROUP BY 1, 2) AS own
              JOIN businesses_business AS business ON business.id = own.business_id
              JOIN investments_investor AS investor ON investor.id = own.investor_id
             ORDER BY business.slug, investor.id
            """,  # noqa: S608 - a text of this module
            {"first": date(year, 1, 1), "end": date(year + 1, 1, 1)},
        )
        while found := cursor.fetchmany(_FETCH):
            yield from found


def gather(fund_id: int, *, on: date, at: datetime) -> int:
    """Write a fund's monthly totals of the months that ended before `on`; how many rows were written or mended.

    A transfer that is recorded after its month's total was paid over, or while it is under way, is paid over with the
    next month that is open: the sum of all totals is always what was withheld. A fund of which a month has no total yet
    waits while that of its business is under way.
    """
    this_month = on.replace(day=1)
    changed = carried = 0
    with transaction.atomic():
        fund = locks.lock_one(Fund, fund_id)
        amounts = withheld(before=this_month, fund_id=fund_id).get(fund_id, {})
        rows = {row.month: row for row in fund.tax_payments.all()}
        last = (this_month - timedelta(days=1)).replace(day=1)
        for month in sorted(amounts.keys() | rows.keys() | {last}):
            wanted = amounts.get(month, 0) + carried
            row = rows.get(month) or TaxPayment(fund=fund, month=month, amount=0, due_on=due_on(month), created_at=at)
            if row.paid_on is not None or is_under_way(row):
                carried = wanted - row.amount if row.pk else carried
                continue
            carried = 0
            if wanted <= 0 or row.amount == wanted:
                continue
            before, row.amount = row.amount, wanted
            row.save()
            audit.record(
                action="investments.TaxPayment.totalled", subject=row, at=at, changes={"amount": [before, wanted]}
            )
            changed += 1
    return changed


def gather_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: from the 1st of a month, what the month before withheld, by fund."""
    counts = {"totals": 0, "errors": 0}
    this_month = on.replace(day=1)
    written = dict.fromkeys(Fund.objects.filter(tax_payments__isnull=False).values_list("pk", flat=True), 0)
    for fund_id, amount in TaxPayment.objects.values_list("fund_id", "amount"):
        written[fund_id] += amount
    due = [pk for pk, months in withheld(before=this_month).items() if sum(months.values()) != written.get(pk, 0)]
    locks.each(due, lambda pk: gather(pk, on=on, at=at), counts, "totals")
    return counts


def pay_over(payment: TaxPayment, *, actor: Any, at: datetime, reason: str) -> OutgoingTransfer:
    """Prepare the transfer to the tax office of what is not paid over of a month, of all funds of the business. Raises
    DomainError: "done", "amount", "bank_short", and those of `outgoing.prepare`."""
    payment.refresh_from_db()
    open_ones = list(together(payment).filter(paid_on=None))
    if payment.paid_on is not None or not open_ones:
        raise DomainError("done", _("This month's tax was paid over before."))
    return outgoing.prepare(
        f"tax:{open_ones[0].pk}",
        amount=sum(row.amount for row in open_ones),
        payee={},
        actor=actor,
        at=at,
        reason=reason,
        currency=payment.fund.currency,
    )


class TaxToOffice(outgoing.Purpose):
    """Out of the banks of a business's funds, to the tax office. The row that is judged is the oldest total of it."""

    def lock(self, source_id: int) -> TaxPayment:
        row = TaxPayment.objects.select_related("fund").get(pk=source_id)
        locks.lock(Fund, Fund.objects.filter(business=row.fund.business_id).values_list("pk", flat=True))
        return TaxPayment.objects.select_related("fund").get(pk=source_id)

    def judge(self, row: TaxPayment, transfer: OutgoingTransfer, *, at: datetime) -> None:
        if row.paid_on is not None:
            raise DomainError("done", _("This month's tax was paid over before."))
        parts = list(together(row).filter(paid_on=None).select_related("fund"))
        if transfer.amount != sum(part.amount for part in parts):
            raise DomainError("amount", _("The month's total has changed; withdraw this transfer."))
        for part in parts:
            assert part.fund.book_id is not None
            if ledger.balance(part.fund.book_id, "withholding_payable") < part.amount:
                raise DomainError("amount", _("The fund does not owe that much withheld tax."))
            require_in_bank(part.fund, part.amount)

    def sent(self, row: TaxPayment, transfer: OutgoingTransfer, *, at: datetime) -> None:
        """One entry for the transfer, in the books of all its funds."""
        assert transfer.transferred_on is not None
        legs = []
        for part in together(row).filter(paid_on=None).select_related("fund"):
            book, subject = part.fund.book_id, f"tax:{part.pk}"
            assert book is not None
            part.paid_on = transfer.transferred_on
            part.save(update_fields=["paid_on"])
            legs += [
                ledger.debit(book, "withholding_payable", part.amount, subject),
                ledger.credit(book, "bank", part.amount, subject),
            ]
        ledger.post(kind="tax_paid", source=("tax", row.pk), legs=legs, on=transfer.transferred_on, at=at)
