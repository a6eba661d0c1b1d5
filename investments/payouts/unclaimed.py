"""What could not be paid for twelve months is set aside, and comes back when the investor gives an account (domain.md
section 7): payouts that the bank returned, and parts and balances of vouchers of which no payout was ever made, for
want of an account. It stays the investor's: it is never income."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from investments.banking.models import BankAccount
from investments.distributions.elected import ElectedReturn
from investments.holdings.models import Holding
from investments.ledger import post as ledger
from investments.offerings.models import Fund
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit

from . import select
from .models import BankReturn, Payout, PayoutAttempt, UnclaimedPart

MONTHS = 12
#: Parts of investors without an account whose payment date (as planned, or the day of their release) is a year ago.
_OLD = f"""
WITH {select.DUE}
, old AS (
    SELECT due.fund_id, due.investor_id, due.instalment_id, due.allocation_id, (due.gross - due.tax)::bigint AS net
      FROM due
      JOIN investments_instalment AS instalment ON instalment.id = due.instalment_id
      JOIN investments_distribution AS distribution ON distribution.id = due.distribution_id
      JOIN investments_fund AS fund ON fund.id = due.fund_id
      JOIN investments_policyprofile AS policy ON policy.id = fund.policy_id
     WHERE NOT due.frozen AND NOT due.set_aside AND due.gross > due.tax
       AND greatest(distribution.payment_on, (instalment.approved_at AT TIME ZONE policy.zone)::date) <= %(before)s
       AND NOT EXISTS (SELECT FROM investments_bankaccount AS account
                        WHERE account.investor_id = due.investor_id AND account.ended_at IS NULL)
)
"""  # noqa: S608 - texts of this package
_KEEP = f"""{_OLD}
INSERT INTO investments_unclaimedpart (fund_id, investor_id, instalment_id, allocation_id, net, set_aside_at)
SELECT fund_id, investor_id, instalment_id, allocation_id, net, %(at)s FROM old
 WHERE fund_id = %(fund)s AND investor_id = %(investor)s
 ORDER BY allocation_id, instalment_id
RETURNING id, net
"""  # noqa: S608 - texts of this package


def set_aside_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: payouts whose last transfer came back twelve months ago and more are set aside, and parts that could not
    be paid since; those whose investor has given an account meanwhile wait for the next run again."""
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
    before = clock.add_months(on, -MONTHS)
    with connection.cursor() as cursor:
        cursor.execute(f"{_OLD} SELECT DISTINCT fund_id, investor_id FROM old ORDER BY 1, 2", {"before": before})  # noqa: S608
        pairs = cursor.fetchall()
    locks.each(pairs, lambda pair: _keep_parts(*pair, before=before, at=at), counts, "set_aside")
    # What was set aside of somebody who has died is claimed by the heir who is paid for them.
    back = UnclaimedPart.objects.annotate(payee=Coalesce("allocation__holding__paid_to", "investor")).filter(
        claimed_at__isnull=True,
        payee__in=BankAccount.objects.filter(ended_at__isnull=True).values("investor_id"),
    )
    pairs = list(back.order_by("fund_id", "investor_id").values_list("fund_id", "investor_id").distinct())
    locks.each(pairs, lambda pair: _claim_parts(*pair, at=at), counts, "claimed")
    unpaid = _unpaid_returns()
    old = unpaid.filter(
        Q(payee_frozen=False) | Q(line__allocation__holding__paid_to__isnull=False),
        has_account=False,
        set_aside_at=None,
        released_at__lt=clock.start_of_day(before + timedelta(days=1)),
    )
    locks.each(old.values_list("pk", flat=True), lambda pk: _move_return(pk, aside=True, at=at), counts, "set_aside")
    given = unpaid.filter(has_account=True, set_aside_at__isnull=False)
    locks.each(given.values_list("pk", flat=True), lambda pk: _move_return(pk, aside=False, at=at), counts, "claimed")
    return counts


def _unpaid_returns() -> QuerySet[ElectedReturn]:
    """What came back of vouchers, is paid in and in no payout, with whether whoever gets it has an account."""
    holding = "line__allocation__holding"
    found = ElectedReturn.objects.filter(released_at__isnull=False, payout=None).annotate(
        payee=Coalesce(f"{holding}__paid_to", f"{holding}__investor"),
        payee_frozen=Q(**{f"{holding}__frozen_at__isnull": False}),
    )
    accounts = BankAccount.objects.filter(investor=OuterRef("payee"), ended_at__isnull=True)
    return found.annotate(has_account=Exists(accounts)).order_by("pk")


def _move_return(pk: int, *, aside: bool, at: datetime) -> bool:
    """Set aside what came back of a voucher, or take it up again: an account was given."""
    with transaction.atomic():
        if not locks.advisory("payouts.build"):
            return False  # a run is being put together: tomorrow
        fund = locks.lock_one(Fund, Fund.objects.values_list("pk", flat=True).get(distributions__elected_returns=pk))
        row = ElectedReturn.objects.select_for_update().get(pk=pk)
        if row.payout_id is not None or (row.set_aside_at is not None) == aside:
            return False
        day = clock.today_in(fund.policy.zone, at)
        source = ("elected_return", f"{row.pk}:{day.isoformat()}")
        _post(fund, source, row.amount, f"elected_return:{row.pk}", aside=aside, at=at)
        row.set_aside_at = at if aside else None
        row.save(update_fields=["set_aside_at"])
        audit.record(
            action=f"investments.ElectedReturn.{'set_aside' if aside else 'claimed'}",
            subject=row,
            at=at,
            changes={"amount": row.amount},
        )
        return True


def _keep_parts(fund_id: int, investor_id: int, *, before: date, at: datetime) -> bool:
    """Set aside what a fund could not pay one investor for a year."""
    with transaction.atomic():
        if not locks.advisory("payouts.build"):
            return False  # a run is being put together: tomorrow
        fund = locks.lock_one(Fund, fund_id)
        with connection.cursor() as cursor:
            cursor.execute(_KEEP, {"before": before, "at": at, "fund": fund_id, "investor": investor_id})
            parts = cursor.fetchall()
        return _post_parts(fund, parts, aside=True, at=at)


def _claim_parts(fund_id: int, investor_id: int, *, at: datetime) -> bool:
    """An account was given: what was set aside of one investor is payable again."""
    with transaction.atomic():
        if not locks.advisory("payouts.build"):
            return False
        fund = locks.lock_one(Fund, fund_id)
        own = UnclaimedPart.objects.select_for_update().filter(fund=fund, investor=investor_id, claimed_at__isnull=True)
        parts = list(own.order_by("pk").values_list("pk", "net"))
        UnclaimedPart.objects.filter(pk__in=[pk for pk, _net in parts]).update(claimed_at=at)
        return _post_parts(fund, parts, aside=False, at=at)


def _post_parts(fund: Fund, parts: list[tuple[int, int]], *, aside: bool, at: datetime) -> bool:
    """One entry for all the parts of one investor; its source is the first of them."""
    if not parts:
        return False
    first, net = min(pk for pk, _net in parts), sum(net for _pk, net in parts)
    _post(fund, ("part", first), net, f"part:{first}", aside=aside, at=at)
    for row in UnclaimedPart.objects.filter(pk__in=[pk for pk, _net in parts]).order_by("pk"):
        audit.record(
            action=f"investments.UnclaimedPart.{'set_aside' if aside else 'claimed'}",
            subject=row,
            at=at,
            changes={"net": row.net},
        )
    return True


def _post(fund: Fund, source: tuple[str, object], net: int, subject: str, *, aside: bool, at: datetime) -> None:
    """Move an amount between what is payable and what is set aside."""
    assert fund.book_id is not None
    payable = ledger.debit if aside else ledger.credit
    kept = ledger.credit if aside else ledger.debit
    ledger.post(
        kind="payout_set_aside" if aside else "payout_claimed",
        source=source,
        legs=[
            payable(fund.book_id, "distributions_payable", net, subject),
            kept(fund.book_id, "unclaimed_distributions", net, subject),
        ],
        on=clock.today_in(fund.policy.zone, at),
        at=at,
    )


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
        aside, day = after == Payout.State.UNCLAIMED, clock.today_in(fund.policy.zone, at)
        source = ("return", f"{back.pk}:{day.isoformat()}")
        _post(fund, source, payout.net, f"payout:{payout.pk}", aside=aside, at=at)
        payout.state = after
        payout.save(update_fields=["state"])
        audit.record(
            action=f"investments.Payout.{'set_aside' if aside else 'claimed'}",
            subject=payout,
            at=at,
            changes={"state": [before, after], "net": payout.net},
        )
        return True
