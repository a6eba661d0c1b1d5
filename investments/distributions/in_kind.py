"""What holders take in kind or give back of an approved distribution, and what comes back to cash of vouchers that were
not used (domain.md sections 7 and 10).

The business owes it as goods, outside of the fund's books: here it is no longer payable and no longer receivable. Its
tax is still paid in cash, and before everything else: it is withheld the moment that the business has paid it in.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.ledger import post as ledger
from investments.offerings.models import Fund
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.services import publish

from .elected import VOUCHER_OPEN, Choice, ElectedLine
from .models import Distribution


def require_unfrozen(distribution: Distribution) -> None:
    """Raise DomainError("stale") where a holding was frozen since its line was calculated: a dispute, or a death."""
    taken = distribution.elected_lines.exclude(choice=Choice.CASH)
    if taken.filter(allocation__holding__frozen_at__isnull=False).exists():
        raise DomainError("stale", _("A holding was frozen since this was calculated: discard it and calculate again."))


def take(fund: Fund, distribution: Distribution, *, at: datetime) -> None:
    """At the approval: what is taken otherwise is settled. The caller holds the fund and the distribution."""
    taken = distribution.in_kind + distribution.given_back
    if not taken:
        return
    assert fund.book_id is not None
    subject = f"distribution:{distribution.pk}"
    ledger.post(
        kind="distribution_elected",
        source=("distribution", distribution.pk),
        legs=[
            ledger.debit(fund.book_id, "distributions_payable", taken, subject),
            ledger.credit(fund.book_id, "receivable_from_business", taken, subject),
        ],
        on=clock.today_in(fund.policy.zone, at),
        at=at,
    )
    publish(
        events.DistributionTakenInKind(distribution_id=distribution.pk, fund_id=fund.pk, at=at),
        key=str(distribution.pk),
        at=at,
    )


def withhold(distribution: Distribution, *, at: datetime) -> None:
    """The tax of what is taken otherwise is there: it is withheld, once."""
    tax, fund = distribution.elected_tax, distribution.fund
    if not tax or distribution.received < tax:
        return
    assert fund.book_id is not None
    subject = f"distribution:{distribution.pk}"
    ledger.post(
        kind="elected_tax_withheld",
        source=("distribution", distribution.pk),
        legs=[
            ledger.debit(fund.book_id, "withholding_accrued", tax, subject),
            ledger.credit(fund.book_id, "withholding_payable", tax, subject),
        ],
        on=clock.today_in(fund.policy.zone, at),
        at=at,
    )


# --- Back to cash ---------------------------------------------------------------------------------------------


def vouchers_open(fund: Fund) -> bool:
    """Whether something that was taken in kind may still come back to cash."""
    return ElectedLine.objects.filter(VOUCHER_OPEN, distribution__fund=fund).exists()


def release_returned(distribution: Distribution, *, at: datetime) -> None:
    """What came back and is paid in may be paid out, oldest first and each in whole. The caller holds the row."""
    own = distribution.elected_returns.filter(amount__gt=0)
    there = distribution.received - distribution.cash - _released(distribution)
    for row in own.filter(released_at__isnull=True).order_by("pk"):
        if row.amount > there:
            return
        row.released_at = at
        row.save(update_fields=["released_at"])
        there -= row.amount


def _released(distribution: Distribution) -> int:
    return distribution.elected_returns.filter(released_at__isnull=False).aggregate(s=Sum("amount", default=0))["s"]


def unreleased(distribution: Distribution) -> int:
    """Yen that came back from vouchers and are not paid in."""
    return distribution.returned - _released(distribution) if distribution.returned else 0
