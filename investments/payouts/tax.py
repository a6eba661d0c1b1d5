"""Withheld tax, paid over month by month (domain.md section 7): what a month's first transfers withheld, by fund, is
due on the 10th of the next month."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from investments.banking import outgoing
from investments.banking.models import OutgoingTransfer
from investments.ledger import post as ledger
from investments.offerings.models import Fund
from investments.payments.postings import require_in_bank
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError

from .models import TaxPayment

DUE_DAY = 10


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


def _under_way(row: TaxPayment) -> bool:
    return outgoing.under_way(f"tax:{row.pk}")


def gather(fund_id: int, *, on: date, at: datetime) -> int:
    """Write a fund's monthly totals of the months that ended before `on`; how many rows were written or mended.

    A transfer that is recorded after its month's total was paid over, or while it is under way, is paid over with the
    next month that is open: the sum of all totals is always what was withheld.
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
            row = rows.get(month)
            if row is not None and (row.paid_on is not None or _under_way(row)):
                carried = wanted - row.amount
                continue
            carried = 0
            if wanted <= 0 or (row is not None and row.amount == wanted):
                continue
            if row is None:
                row = TaxPayment(fund=fund, month=month, due_on=due_on(month), created_at=at)
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
    """Prepare the transfer of a month's total to the tax office. Raises DomainError: "done", "amount", "bank_short",
    and those of `outgoing.prepare`."""
    payment.refresh_from_db()
    return outgoing.prepare(
        f"tax:{payment.pk}",
        amount=payment.amount,
        payee={},
        actor=actor,
        at=at,
        reason=reason,
        currency=payment.fund.currency,
    )


class TaxToOffice(outgoing.Purpose):
    """Out of the fund's bank, to the tax office."""

    def lock(self, source_id: int) -> TaxPayment:
        locks.lock_one(Fund, TaxPayment.objects.values_list("fund_id", flat=True).get(pk=source_id))
        return TaxPayment.objects.select_related("fund").get(pk=source_id)

    def judge(self, row: TaxPayment, transfer: OutgoingTransfer, *, at: datetime) -> None:
        if row.paid_on is not None:
            raise DomainError("done", _("This month's tax was paid over before."))
        if transfer.amount != row.amount:
            raise DomainError("amount", _("The month's total has changed; withdraw this transfer."))
        assert row.fund.book_id is not None
        if ledger.balance(row.fund.book_id, "withholding_payable") < row.amount:
            raise DomainError("amount", _("The fund does not owe that much withheld tax."))
        require_in_bank(row.fund, row.amount)

    def sent(self, row: TaxPayment, transfer: OutgoingTransfer, *, at: datetime) -> None:
        book = row.fund.book_id
        assert book is not None and transfer.transferred_on is not None
        row.paid_on = transfer.transferred_on
        row.save(update_fields=["paid_on"])
        subject = f"tax:{row.pk}"
        ledger.post(
            kind="tax_paid",
            source=("tax", row.pk),
            legs=[
                ledger.debit(book, "withholding_payable", row.amount, subject),
                ledger.credit(book, "bank", row.amount, subject),
            ],
            on=row.paid_on,
            at=at,
        )
