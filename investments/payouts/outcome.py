"""What becomes of what was sent: paid after three bank days, returned by the bank, periods and funds that end by it
(domain.md sections 3, 6 and 8)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.banking import services as banking
from investments.banking.models import StatementLine
from investments.distributions import in_kind
from investments.distributions.models import Distribution
from investments.distributions.taxed import IN_CASH
from investments.ledger import post as ledger
from investments.offerings.models import FUND_STATES, Fund
from investments.revenue.models import PERIOD_STATES, Period
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.outbox.services import publish

from . import select
from .models import RUN_STATES, BankReturn, Payout, PayoutAttempt, PayoutItem, PayoutRun
from .services import BANK_DAYS_TO_RETURN

# --- Paid -----------------------------------------------------------------------------------------------------


def mark_paid(run_id: int, *, at: datetime) -> bool:
    """sent → done once three bank days have passed after the transfer date: what did not come back is paid."""
    with transaction.atomic():
        run = locks.try_lock(PayoutRun, run_id, state=PayoutRun.State.SENT)
        if run is None or clock.today_in(None, at) <= clock.add_bank_days(run.pay_on, BANK_DAYS_TO_RETURN):
            return False
        attempts = PayoutAttempt.objects.filter(run=run, state=PayoutAttempt.State.SENT)
        Payout.objects.filter(pk__in=attempts.values("payout_id")).update(state=Payout.State.PAID, paid_on=run.pay_on)
        attempts.update(state=PayoutAttempt.State.PAID)
        RUN_STATES.move(run, PayoutRun.State.DONE, at=at)
        publish(events.PayoutsPaid(run_id=run.pk, at=at), key=str(run.pk), at=at)
        return True


def paid_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: runs whose time for returns is over, then what ends by it."""
    counts = {"paid": 0, "complete": 0, "advanced": 0, "matured": 0, "settled": 0, "errors": 0}
    sent = PayoutRun.objects.filter(state=PayoutRun.State.SENT, pay_on__lt=on).order_by("pay_on", "pk")
    locks.each(sent.values_list("pk", flat=True), lambda pk: mark_paid(pk, at=at), counts, "paid")
    counts["complete"] = _complete_instalments()
    waiting = Period.objects.filter(state__in=[Period.State.FUNDED, Period.State.PAYING])
    payable = {line.fund_id for line in select.preview(on) if not line.excluded} if waiting.exists() else set()
    locks.each(
        waiting.order_by("fund_id", "number").values_list("pk", flat=True),
        lambda pk: advance_period(pk, at=at, payable=payable),
        counts,
        "advanced",
    )
    operating = Fund.objects.filter(state=Fund.State.OPERATING).exclude(
        periods__in=Period.objects.exclude(state="paid")
    )
    locks.each(operating.order_by("pk").values_list("pk", flat=True), lambda pk: mature(pk, at=at), counts, "matured")
    return counts


def _complete_instalments() -> int:
    """Mark the instalments whose every line in cash stands in a payout, so that runs need not look at them again."""
    with connection.cursor() as cursor:
        cursor.execute(f"""
            UPDATE investments_instalment AS instalment SET complete = true
             WHERE instalment.state = 'approved' AND NOT instalment.complete
               AND NOT EXISTS (
                   SELECT FROM investments_allocation AS allocation
                    WHERE allocation.distribution_id = instalment.distribution_id AND {IN_CASH}
                      AND NOT EXISTS (SELECT FROM investments_payoutitem AS item
                                       WHERE item.allocation_id = allocation.id
                                         AND item.instalment_id = instalment.id))
        """)  # noqa: S608 - texts of this package
        return int(cursor.rowcount)


def _under_way(period: Period) -> tuple[bool, bool]:
    """Whether some money of the period's distribution has been sent, and whether some is in a run or at the bank."""
    items = PayoutItem.objects.filter(instalment__distribution__period=period, instalment__distribution__supplement=0)
    states = set(Payout.objects.filter(pk__in=items.values("payout_id")).values_list("state", flat=True).distinct())
    sent = items.filter(payout__withheld_on__isnull=False).exists()
    return sent, bool(states & {Payout.State.IN_RUN, Payout.State.SENT})


def advance_period(period_id: int, *, at: datetime, payable: set[int]) -> bool:
    """funded → paying with the first transfer; paying → paid when all that can be paid has arrived: what is left waits
    for an investor (no account, a returned transfer, a frozen holding) or is carried as too small, and is paid by a
    later run. `payable` are the funds of which a run would pay something today. False when nothing changes.
    """
    with transaction.atomic():
        period = locks.try_lock(Period, period_id, state__in=[Period.State.FUNDED, Period.State.PAYING])
        if period is None:
            return False
        sent, under_way = _under_way(period)
        moved = False
        if period.state == Period.State.FUNDED and sent:
            period = PERIOD_STATES.move(period, Period.State.PAYING, at=at)
            moved = True
        if period.state == Period.State.PAYING and not under_way and period.fund_id not in payable:
            PERIOD_STATES.move(period, Period.State.PAID, at=at)
            moved = True
        return moved


def mature(fund_id: int, *, at: datetime) -> bool:
    """operating → matured once every period is paid."""
    with transaction.atomic():
        fund = locks.try_lock(Fund, fund_id, state=Fund.State.OPERATING)
        if fund is None or not fund.periods.exists() or fund.periods.exclude(state=Period.State.PAID).exists():
            return False
        FUND_STATES.move(fund, Fund.State.MATURED, at=at, ended_at=at)
        publish(events.FundMatured(fund_id=fund.pk, at=at), key=str(fund.pk), at=at)
        return True


def settle(fund: Fund, *, actor: Any, at: datetime, reason: str) -> Fund:
    """matured → settled: staff close a fund that owes nothing and is owed nothing. Raises DomainError: "reason_needed",
    "wrong_state", "not_empty" (naming the account that still holds something), "under_way" (a distribution waits, or a
    voucher in kind is still valid)."""
    require_reason(reason)
    with transaction.atomic():
        fund = locks.lock_one(Fund, fund.pk)
        FUND_STATES.require(fund.state, Fund.State.SETTLED)
        assert fund.book_id is not None
        for code in ("receivable_from_business", "distributions_payable", "withholding_accrued", "withholding_payable",
                     "donation_payable", "investment_payable", "refunds_payable", "due_to_operator",
                     "compensations_payable", "business_credit"):  # fmt: skip
            there = ledger.balance(fund.book_id, code)
            if there:
                raise DomainError(
                    "not_empty",
                    _("The account %(account)s still holds %(there)d yen.") % {"account": code, "there": there},
                )
        if fund.distributions.filter(state=Distribution.State.CALCULATED).exists():
            raise DomainError("under_way", _("A distribution waits for approval."))
        if in_kind.vouchers_open(fund):
            raise DomainError("under_way", _("A voucher of this fund is still valid; what is left of it comes back."))
        return FUND_STATES.move(fund, Fund.State.SETTLED, at=at, actor=actor, reason=reason)


# --- Returned -------------------------------------------------------------------------------------------------


def record_return(
    attempt: PayoutAttempt,
    *,
    returned_on: date,
    actor: Any,
    at: datetime,
    cause: str = BankReturn.Cause.OTHER,
    reason: str = "",
    line: StatementLine | None = None,
) -> BankReturn:
    """The bank sent a transfer back: the money is the fund's bank again and owed to the investor, who is asked to look
    at the account. `line` is the deposit on our statement by which it came, if it is known; it must be free and of the
    same amount. The same return again is nothing.

    Raises DomainError: "wrong_state" (never sent), "future", "before_sending" (the date), "amount" (of the line).
    """
    with transaction.atomic():
        payout = Payout.objects.only("fund_id").get(pk=attempt.payout_id)
        fund = locks.lock_one(Fund, payout.fund_id)
        payout = locks.lock_one(Payout, payout.pk)
        attempt = locks.lock_one(PayoutAttempt, attempt.pk)
        known = BankReturn.objects.filter(attempt=attempt).first()
        if known is not None:
            return known
        if attempt.state not in (PayoutAttempt.State.SENT, PayoutAttempt.State.PAID):
            raise DomainError("wrong_state", _("This transfer was not sent."))
        if returned_on > clock.today_in(fund.policy.zone, at):
            raise DomainError("future", _("The date has not come yet."))
        if returned_on < attempt.run.pay_on:
            raise DomainError("before_sending", _("The date lies before the transfer."))
        back = BankReturn.objects.create(
            attempt=attempt,
            returned_on=returned_on,
            cause=cause,
            reason=reason.strip()[:200],
            recorded_by=actor,
            happened_at=at,
        )
        assert fund.book_id is not None
        subject = f"payout:{payout.pk}"
        ledger.post(
            kind="payout_returned",
            source=("return", back.pk),
            legs=[
                ledger.debit(fund.book_id, "bank", attempt.amount, subject),
                ledger.credit(fund.book_id, "distributions_payable", attempt.amount, subject),
            ],
            on=returned_on,
            at=at,
        )
        PayoutAttempt.objects.filter(pk=attempt.pk).update(state=PayoutAttempt.State.RETURNED)
        Payout.objects.filter(pk=payout.pk).update(state=Payout.State.RETURNED, paid_on=None)
        audit.record(
            action="investments.PayoutAttempt.returned",
            subject=attempt,
            at=at,
            actor=actor,
            reason=reason,
            changes={"state": [attempt.state, "returned"], "cause": cause, "amount": attempt.amount},
        )
        publish(events.PayoutReturned(payout_id=payout.pk, attempt_id=attempt.pk, at=at), key=str(attempt.pk), at=at)
        return back if line is None else attach_receipt(back, line, actor=actor, at=at, reason=reason)


def return_by_deposit(
    line: StatementLine, attempt_id: int, *, actor: Any, at: datetime, cause: str, reason: str = ""
) -> BankReturn:
    """Staff say that a deposit on our statement is a transfer that came back; recorded before or by this.

    Raises DomainError: "unknown" (no transfer of ours), and as `record_return` and `attach_receipt`.
    """
    with transaction.atomic():
        attempt = PayoutAttempt.objects.select_related("run").filter(pk=attempt_id).first()
        if attempt is None:
            raise DomainError("unknown", _("No transfer of ours has this customer code."), field="code")
        known = BankReturn.objects.filter(attempt=attempt).first()
        if known is not None:
            return attach_receipt(known, line, actor=actor, at=at, reason=reason)
        return record_return(
            attempt, returned_on=line.booked_on, actor=actor, at=at, cause=cause, reason=reason, line=line
        )


def attach_receipt(back: BankReturn, line: StatementLine, *, actor: Any, at: datetime, reason: str = "") -> BankReturn:
    """The deposit by which a return came: it leaves the trust account, for the fund's bank counts the money since the
    return. Raises DomainError("attached", "amount")."""
    with transaction.atomic():
        back = BankReturn.objects.select_related("attempt").select_for_update(of=("self",)).get(pk=back.pk)
        if back.use_id is not None:
            raise DomainError("attached", _("The deposit of this return is known already."))
        amount = back.attempt.amount
        line = locks.lock_one(StatementLine, line.pk)
        if line.free != amount or line.amount != amount:
            raise DomainError(
                "amount", _("The deposit is not the amount of this transfer, or was used for something else.")
            )
        back.use = banking.take(
            line, amount=amount, target=f"return:{back.attempt_id}", at=at, actor=actor, reason=reason
        )
        back.save(update_fields=["use"])
        ledger.post(
            kind="return_received",
            source=("use", back.use.pk),
            legs=banking.out_of_trust(line.pk, amount),
            on=line.booked_on,
            at=at,
        )
        return back
