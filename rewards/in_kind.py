"""Distributions taken in kind: a voucher for every line, and what of it comes back to cash (domain.md section 10).

The voucher is owed by the business, outside of the fund's books. Ending one is two steps, each done once whatever runs
twice: first nothing more can be bought with it, then what was left is given back to the fund's side.
"""

from __future__ import annotations

from datetime import date, datetime

from django.db import connection, transaction
from django.db.models import Q

from investments.distributions import came_back
from investments.events import DistributionTakenInKind
from investments.models import Distribution
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.outbox.services import publish

from . import events
from .models import Voucher

#: A voucher that stands for a payment is valid this long from the approval, to the end of the day.
MONTHS = 6
#: A code of sixteen letters, of 64 random bits, in letters that are not taken for each other.
_CODE = """translate(left(digits, 12) || right(digits, 4), '0123456789abcdef', '23456789ABCDEFGH')"""
_ISSUE = f"""
INSERT INTO rewards_voucher (line_id, business_id, code, value, balance, valid_until, made_at)
SELECT id, %(business)s, {_CODE}, worth, worth, %(until)s, %(at)s
  FROM (SELECT line.id, line.net + floor(line.net * line.bonus)::bigint AS worth,
               replace(gen_random_uuid()::text, '-', '') AS digits
          FROM investments_electedline AS line
         WHERE line.distribution_id = %(distribution)s AND line.choice = 'in_kind') AS own
 ORDER BY id
    ON CONFLICT (line_id) DO NOTHING
"""  # noqa: S608 - texts of this module


def taken_in_kind(event: DistributionTakenInKind) -> None:
    """A distribution was approved: whoever takes it in kind has a voucher."""
    issue(event.distribution_id, at=event.at)


def issue(distribution_id: int, *, at: datetime) -> int:
    """Make the vouchers of a distribution, by one statement; how many. Again it is nothing."""
    with transaction.atomic():
        own = Distribution.objects.select_related("fund__business", "fund__policy").get(pk=distribution_id)
        until = clock.add_months(clock.today_in(own.fund.policy.zone, at), MONTHS)
        values = {"distribution": own.pk, "business": own.fund.business_id, "until": until, "at": at}
        with connection.cursor() as cursor:
            cursor.execute(_ISSUE, values)
            made = int(cursor.rowcount)
        if made:
            publish(events.VouchersIssued(distribution_id=own.pk, at=at), key=str(own.pk), at=at)
        return made


def end_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: vouchers of distributions that are used up or whose last day is over."""
    counts = {"ended": 0, "errors": 0}
    standing = Q(ended_at__isnull=True) & (Q(valid_until__lt=on) | Q(balance=0))
    halfway = Q(ended_at__isnull=False, line__came_back__isnull=True)
    due = Voucher.objects.filter(standing | halfway, line__isnull=False).order_by("valid_until", "pk")
    locks.each(due.values_list("pk", flat=True), lambda pk: end(pk, on=on, at=at), counts, "ended")
    return counts


def end(pk: int, *, on: date, at: datetime) -> bool:
    """End one voucher: nothing more can be bought with it, and what is left comes back, without bonus."""
    with transaction.atomic():
        row = locks.lock_one(Voucher, pk)
        if row.ended_at is None:
            if row.balance and row.valid_until >= on:
                return False
            row.ended_at = at
            row.save(update_fields=["ended_at"])
            audit.record(
                action="rewards.Voucher.ended", subject=row, at=at, changes={"left": row.balance, "value": row.value}
            )
    assert row.line is not None
    came_back.come_back(row.line.pk, row.line.unused(row.balance), at=at)
    return True
