"""What must be known of a payment for as long as the law says: to which account it went (docs/legal-notes.md)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from investments.banking import accounts
from investments.investors.models import Investor
from microfund.kernel import clock, locks

from .models import PayoutAttempt


def accounts_sent_to(investor: Investor) -> Any:
    """Ids of the investor's accounts that stand in a bank file which was, or may still be, given to the bank."""
    tried = PayoutAttempt.objects.filter(account__investor=investor)
    return tried.exclude(state=PayoutAttempt.State.WITHDRAWN).values_list("account_id", flat=True).distinct()


def forget_accounts_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: accounts of people who left, to which the last transfer was made settings.PAYMENT_RECORD_YEARS ago."""
    counts = {"forgotten": 0, "errors": 0}
    before = clock.add_months(on, -12 * settings.PAYMENT_RECORD_YEARS)
    old = (
        PayoutAttempt.objects.filter(account__investor__closed_at__isnull=False)
        .exclude(account__holder="")
        .values("account_id")
        .annotate(last=Max("run__pay_on"))
        .filter(last__lt=before)
        .order_by("account_id")
    )

    def forget(pk: int) -> int:
        with transaction.atomic():
            return accounts.forget([pk], at=at)

    locks.each(old.values_list("account_id", flat=True), forget, counts, "forgotten")
    return counts
