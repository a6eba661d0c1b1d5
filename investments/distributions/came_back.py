"""What was taken in kind and not used in time comes back to cash (domain.md section 10). Whoever knows when a voucher
has ended calls this."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.ledger import post as ledger
from investments.offerings.models import Fund
from investments.revenue.models import Period
from microfund.kernel import clock, locks
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.services import publish

from . import credit
from .elected import Choice, ElectedLine, ElectedReturn
from .models import OWING, Distribution


def come_back(line_id: int, amount: int, *, at: datetime) -> ElectedReturn:
    """The voucher of a line in kind has ended; `amount` yen of its net were not used (0: all was). The business owes
    them in cash, to be paid in like the distribution that they belong to. Called again it is nothing.

    Raises DomainError("amount") for more than was taken, ElectedLine.DoesNotExist.
    """
    with transaction.atomic():
        line = ElectedLine.objects.select_related("distribution").get(pk=line_id)
        fund = locks.lock_one(Fund, line.distribution.fund_id)
        # A credit of the business may pay what it owes again, and what else is open.
        open_ones = fund.distributions.filter(OWING).values_list("period_id", flat=True)
        locks.lock(Period, {line.distribution.period_id, *open_ones})
        distribution = locks.lock_one(Distribution, line.distribution_id)
        known = ElectedReturn.objects.filter(line=line).first()
        if known is not None:
            return known
        if not 0 <= amount <= line.net or line.choice != Choice.IN_KIND:
            raise DomainError("amount", _("No more can come back than was taken in kind."))
        row = ElectedReturn.objects.create(line=line, distribution=distribution, amount=amount, happened_at=at)
        if amount:
            distribution.returned += amount
            distribution.save(update_fields=["returned"])
            assert fund.book_id is not None
            ledger.post(
                kind="elected_returned",
                source=("elected_return", row.pk),
                legs=[
                    ledger.debit(fund.book_id, "receivable_from_business", amount, f"distribution:{distribution.pk}"),
                    ledger.credit(fund.book_id, "distributions_payable", amount, f"distribution:{distribution.pk}"),
                ],
                on=clock.today_in(fund.policy.zone, at),
                at=at,
            )
            credit.use(fund, at=at)
            publish(
                events.ElectedReturned(return_id=row.pk, fund_id=fund.pk, amount=amount, at=at), key=str(row.pk), at=at
            )
        return row
