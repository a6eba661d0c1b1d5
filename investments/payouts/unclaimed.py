"""What could not be paid for twelve months is set aside, and comes back when the investor gives an account (domain.md
section 7). It stays the investor's: it is never income."""

from __future__ import annotations

from datetime import date, datetime

from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from investments.banking.models import BankAccount
from investments.holdings.models import Holding
from investments.ledger import post as ledger
from investments.offerings.models import Fund
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit

from .models import BankReturn, Payout, PayoutAttempt

MONTHS = 12


def set_aside_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: payouts whose last transfer came back twelve months ago and more are set aside; those whose investor has
    given another account since wait for the next run again."""
    counts = {"set_aside": 0, "claimed": 0, "errors": 0}
    tried = PayoutAttempt.objects.filter(payout=OuterRef("pk")).order_by("-number").values("account_id")[:1]
    own = Holding.objects.filter(investor=OuterRef("investor"), fund=OuterRef("fund")).values("paid_to")[:1]
    current = BankAccount.objects.filter(investor=OuterRef("payee"), ended_at__isnull=True).values("pk")[:1]
    back = BankReturn.objects.filter(attempt__payout=OuterRef("pk")).order_by("-attempt__number")
    known = Payout.objects.annotate(payee=Coalesce(Subquery(own), "investor_id")).annotate(
        tried=Subquery(tried), current=Subquery(current), back_on=Subquery(back.values("returned_on")[:1])
    )
    mended = Q(current__isnull=False) & ~Q(current=F("tried"))
    old = known.filter(~mended, state=Payout.State.RETURNED, back_on__lte=clock.add_months(on, -MONTHS))
    locks.each(old.order_by("pk").values_list("pk", flat=True), lambda pk: _set_aside(pk, at=at), counts, "set_aside")
    given = known.filter(mended, state=Payout.State.UNCLAIMED)
    locks.each(given.order_by("pk").values_list("pk", flat=True), lambda pk: _claim(pk, at=at), counts, "claimed")
    return counts


def _set_aside(payout_id: int, *, at: datetime) -> bool:
    """returned → unclaimed."""
    return _move(payout_id, Payout.State.RETURNED, Payout.State.UNCLAIMED, at=at)


def _claim(payout_id: int, *, at: datetime) -> bool:
    """unclaimed → returned: the next run takes it up with the account that was given."""
    return _move(payout_id, Payout.State.UNCLAIMED, Payout.State.RETURNED, at=at)


def _move(payout_id: int, before: str, after: str, *, at: datetime) -> bool:
    """Move a payout's net between what is payable and what is set aside."""
    with transaction.atomic():
        fund = locks.lock_one(Fund, Payout.objects.values_list("fund_id", flat=True).get(pk=payout_id))
        payout = locks.lock_one(Payout, payout_id)
        if payout.state != before:
            return False
        back = BankReturn.objects.filter(attempt__payout=payout).order_by("-attempt__number")[0]
        assert fund.book_id is not None
        subject, day = f"payout:{payout.pk}", clock.today_in(fund.policy.zone, at)
        aside = after == Payout.State.UNCLAIMED
        payable = ledger.debit if aside else ledger.credit
        kept = ledger.credit if aside else ledger.debit
        ledger.post(
            kind="payout_set_aside" if aside else "payout_claimed",
            source=("return", f"{back.pk}:{day.isoformat()}"),
            legs=[
                payable(fund.book_id, "distributions_payable", payout.net, subject),
                kept(fund.book_id, "unclaimed_distributions", payout.net, subject),
            ],
            on=day,
            at=at,
        )
        payout.state = after
        payout.save(update_fields=["state"])
        audit.record(
            action=f"investments.Payout.{'set_aside' if aside else 'claimed'}",
            subject=payout,
            at=at,
            changes={"state": [before, after], "net": payout.net},
        )
        return True
