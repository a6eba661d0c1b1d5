"""Payout runs: prepared by one person, approved by another, given to the bank (domain.md sections 6 to 9)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.banking import zengin
from investments.banking.queries import bank_profile
from investments.banking.zengin import BankProfile, Transfer
from investments.ledger import post as ledger
from investments.offerings.models import Fund
from investments.payments.postings import require_in_bank
from microfund.kernel import clock, locks, private
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.outbox.services import publish

from . import retax, select
from .models import RUN_STATES, Payout, PayoutAttempt, PayoutFile, PayoutRun

#: Bank days after which a transfer that did not come back is taken to have arrived (section 8).
BANK_DAYS_TO_RETURN = 3
FOLDER = "payouts"
_FETCH = 2_000
_ACCOUNT = ("bank_code", "bank_kana", "branch_code", "branch_kana", "kind", "number", "holder")


def build_run(*, pay_on: date, actor: Any, at: datetime) -> PayoutRun:
    """Prepare a run for a bank day: everything that was released, but what `select.preview` excludes, taxed at the
    rates of the day (`retax`).

    One run at a time is put together. Raises DomainError: "past" (the date has gone), "bank_day", "under_way" (a run
    waits for approval or for being sent), "nothing", "bank_short" (a fund's bank does not hold it), "profile".
    """
    profile = bank_profile()
    today = clock.today_in(None, at)
    if pay_on < today:
        raise DomainError("past", _("The transfer date has gone."))
    if not clock.is_bank_day(pay_on):
        raise DomainError("bank_day", _("Banks are closed on that date."))
    with transaction.atomic():
        if not locks.advisory("payouts.build"):
            raise DomainError("under_way", _("Another run is being prepared this moment."))
        if PayoutRun.objects.filter(state__in=["prepared", "approved"]).exists():
            raise DomainError("under_way", _("Another run waits for approval or for being sent."))
        retax.for_run(pay_on, actor=actor, at=at)
        run = PayoutRun.objects.create(pay_on=pay_on, profile=profile.as_dict(), maker=actor, prepared_at=at)
        run.payments, run.amount = select.build(run.pk, pay_on)
        if not run.payments:
            raise DomainError("nothing", _("There is nothing to pay out now."))
        run.save(update_fields=["payments", "amount"])
        _require_cash(_lock_funds(run))
        audit.record(
            action="investments.PayoutRun.prepared",
            subject=run,
            at=at,
            actor=actor,
            changes={"payments": run.payments, "amount": run.amount, "pay_on": pay_on.isoformat()},
        )
    return run


def amounts_by_fund(run: PayoutRun) -> dict[int, tuple[int, int, int]]:
    """By fund: payments, net sum (yen), and the tax that the first attempts among them withhold."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT payout.fund_id, count(*), sum(attempt.amount)::bigint,"
            "       coalesce(sum(payout.tax) FILTER (WHERE payout.withheld_on IS NULL), 0)::bigint"
            "  FROM investments_payoutattempt AS attempt"
            "  JOIN investments_payout AS payout ON payout.id = attempt.payout_id"
            " WHERE attempt.run_id = %s AND attempt.state <> 'withdrawn'"
            " GROUP BY payout.fund_id ORDER BY payout.fund_id",
            [run.pk],
        )
        return {fund_id: (count, amount, tax) for fund_id, count, amount, tax in cursor.fetchall()}


def _lock_funds(run: PayoutRun) -> dict[Fund, tuple[int, int, int]]:
    """The funds of a run, locked, each with its `amounts_by_fund`."""
    by_fund = amounts_by_fund(run)
    return {fund: by_fund[fund.pk] for fund in locks.lock(Fund, by_fund)}


def _require_cash(funds: dict[Fund, tuple[int, int, int]]) -> None:
    """Raise DomainError("bank_short") where a locked fund's bank does not hold its part."""
    for fund, (_payments, amount, _tax) in funds.items():
        require_in_bank(fund, amount)


# --- The file -------------------------------------------------------------------------------------------------


def transfers(run: PayoutRun) -> Iterator[Transfer]:
    """The lines of a run in the order of their attempts, streamed."""
    rows = (
        PayoutAttempt.objects.filter(run=run)
        .exclude(state=PayoutAttempt.State.WITHDRAWN)
        .order_by("pk")
        .values_list("pk", *(f"account__{name}" for name in _ACCOUNT), "amount")
    )
    for row in rows.iterator(chunk_size=_FETCH):
        yield Transfer(*row)


def render(run: PayoutRun) -> Iterator[Iterator[bytes]]:
    """The bank files of a run, each an iterator of records that must be read to its end; several where the bank's row
    limit asks for it."""
    profile = BankProfile(**run.profile)
    lines = transfers(run)
    left = run.payments
    while left > 0:
        count = min(left, profile.row_limit)
        yield zengin.render(islice(lines, count), profile, run.pay_on)
        left -= count


def _keep_files(run: PayoutRun) -> list[str]:
    """Render and keep the files of a run that is being approved; their SHA-256s. A file is at most 10,000 records."""
    digests = []
    for number, records in enumerate(render(run)):
        content = b"".join(records)
        digest = hashlib.sha256(content).hexdigest()
        file, key = private.put(FOLDER, content)
        count, amount = zengin.sums(content)
        PayoutFile.objects.create(
            run=run, number=number, payments=count, amount=amount, sha256=digest, file=file, key=key
        )
        digests.append(digest)
    return digests


def named(names: list[str]) -> Iterable[str]:
    """Which of these files a row names; of an approval that failed there is none."""
    return PayoutFile.objects.filter(file__in=names).values_list("file", flat=True)


def download(run: PayoutRun, number: int, *, actor: Any, at: datetime, reason: str) -> bytes:
    """One file of an approved run, from number 0, byte for byte as it was approved; who took it and why is an audit row
    that is written first.

    Raises DomainError: "reason_needed", "wrong_state" (not approved, or withdrawn), "part", "changed" (the kept bytes
    are not those of their SHA-256; nothing is given out).
    """
    require_reason(reason)
    if run.state in (PayoutRun.State.PREPARED, PayoutRun.State.WITHDRAWN):
        raise DomainError("wrong_state", _("The file of a run can be fetched once it is approved."))
    kept = PayoutFile.objects.filter(run=run, number=number).first()
    if kept is None:
        raise DomainError("part", _("This run has no such file."))
    content = private.get(kept.file, kept.key)
    if hashlib.sha256(content).hexdigest() != kept.sha256:
        raise DomainError("changed", _("The file is not the one that was approved; nothing was given out."))
    audit.record(
        action="investments.PayoutRun.downloaded",
        subject=run,
        at=at,
        actor=actor,
        reason=reason,
        changes={"file": number + 1, "sha256": kept.sha256},
    )
    return content


# --- Approve, withdraw, send ----------------------------------------------------------------------------------


def approve_run(run: PayoutRun, *, actor: Any, at: datetime, reason: str = "") -> PayoutRun:
    """A second person approves: the bank's files are rendered and kept.

    Raises DomainError: "same_person", "wrong_state", "bank_short", "rate_changed" (its tax is not that of its day), and
    what a bank would refuse in a file, naming the payee ("letter", "account", "amount").
    """
    if actor.pk == run.maker_id:
        raise DomainError("same_person", _("You prepared this run; another person must approve it."))
    with transaction.atomic():
        _require_cash(_lock_funds(run))
        run = locks.lock_one(PayoutRun, run.pk)
        RUN_STATES.require(run.state, PayoutRun.State.APPROVED)
        retax.require_rates(run)
        return RUN_STATES.move(
            run,
            PayoutRun.State.APPROVED,
            at=at,
            actor=actor,
            reason=reason,
            details={"payments": run.payments, "amount": run.amount, "sha256": _keep_files(run)},
            checker=actor,
            approved_at=at,
        )


def withdraw_run(run: PayoutRun, *, actor: Any, at: datetime, reason: str) -> PayoutRun:
    """A run that was not given to the bank will not be: its payouts wait for the next one. Raises
    DomainError("reason_needed", "wrong_state")."""
    require_reason(reason)
    with transaction.atomic():
        run = locks.lock_one(PayoutRun, run.pk)
        RUN_STATES.move(run, PayoutRun.State.WITHDRAWN, at=at, actor=actor, reason=reason)
        attempts = PayoutAttempt.objects.filter(run=run, state=PayoutAttempt.State.IN_RUN)
        Payout.objects.filter(pk__in=attempts.values("payout_id")).update(state=Payout.State.WAITING)
        attempts.update(state=PayoutAttempt.State.WITHDRAWN)
    return run


def mark_sent(run: PayoutRun, *, actor: Any, at: datetime, reason: str = "") -> PayoutRun:
    """The file was given to the bank: the run's money leaves the funds' banks on its transfer date, and the tax of
    every first attempt is withheld. Marking it again is nothing.

    Raises DomainError: "wrong_state", "bank_short", "rate_changed".
    """
    with transaction.atomic():
        funds = _lock_funds(run)
        run = locks.lock_one(PayoutRun, run.pk)
        if run.state in (PayoutRun.State.SENT, PayoutRun.State.DONE):
            return run
        _require_cash(funds)
        retax.require_rates(run)
        RUN_STATES.move(
            run,
            PayoutRun.State.SENT,
            at=at,
            actor=actor,
            reason=reason,
            details={"payments": run.payments, "amount": run.amount},
            sent_at=at,
        )
        for fund, (_payments, amount, tax) in funds.items():
            _post_sent(run, fund, amount, tax, at=at)
        attempts = PayoutAttempt.objects.filter(run=run, state=PayoutAttempt.State.IN_RUN)
        own = Payout.objects.filter(pk__in=attempts.values("payout_id"))
        own.filter(withheld_on__isnull=True).update(withheld_on=run.pay_on)
        own.update(state=Payout.State.SENT)
        attempts.update(state=PayoutAttempt.State.SENT)
        publish(events.PayoutsSent(run_id=run.pk, at=at), key=str(run.pk), at=at)
    return run


def _post_sent(run: PayoutRun, fund: Fund, amount: int, tax: int, *, at: datetime) -> None:
    """One entry for a fund's part of a run (architecture.md section 6: a mass event is posted once)."""
    book = fund.book_id
    assert book is not None
    subject = f"run:{run.pk}"
    legs = [
        ledger.debit(book, "distributions_payable", amount, subject),
        ledger.credit(book, "bank", amount, subject),
    ]
    if tax:
        legs += [
            ledger.debit(book, "withholding_accrued", tax, subject),
            ledger.credit(book, "withholding_payable", tax, subject),
        ]
    ledger.post(kind="payouts_sent", source=("run", f"{run.pk}:{fund.pk}"), legs=legs, on=run.pay_on, at=at)
