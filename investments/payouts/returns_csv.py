"""Returned transfers from a file: the list that a bank gives, as CSV with a head (domain.md section 8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from investments.offerings.models import Fund
from microfund.kernel import locks, textfiles
from microfund.kernel.errors import DomainError

from .models import BankReturn, Payout, PayoutAttempt
from .outcome import record_return

#: Columns that must be there; `cause` and `remark` may. `code` is the 20-digit customer code of the transfer's record.
REQUIRED = ("code", "amount", "returned_on")
MOST_BYTES = 1024 * 1024
MOST_ROWS = 5_000


@dataclass(frozen=True)
class ReturnRow:
    """One row of the file; `amount` in yen, to be held against the transfer."""

    row: int
    attempt_id: int
    amount: int
    returned_on: date
    cause: str
    remark: str


def _bad(row: int, problem: str) -> DomainError:
    text = _("Row %(row)d: %(problem)s Nothing was recorded.") % {"row": row, "problem": problem}
    return DomainError("csv", text, field="file", row=row)


def read(content: bytes) -> list[ReturnRow]:
    """The rows of a file. Raises DomainError("csv") naming the first row that is wrong."""
    rows = textfiles.rows(content, field="file", most=MOST_BYTES)
    head = [name.strip().lower() for name in next(rows, (1, []))[1]]
    missing = [name for name in REQUIRED if name not in head]
    if missing:
        raise _bad(1, _("the column %(name)s is missing.") % {"name": missing[0]})
    found: dict[int, ReturnRow] = {}
    for number, cells in rows:
        cells = [cell.strip() for cell in cells]
        if not any(cells):
            continue
        own = _row(number, dict.fromkeys(head, "") | dict(zip(head, cells, strict=False)))
        if len(cells) < len(head):
            raise _bad(number, _("it has fewer columns than the head; the file may be cut."))
        if any(cells[len(head) :]):
            raise _bad(number, _("it has more columns than the head."))
        if own.attempt_id in found:
            raise _bad(number, _("this transfer stands there twice."))
        found[own.attempt_id] = own
        if len(found) > MOST_ROWS:
            raise _bad(number, _("a file holds %(most)d transfers at most.") % {"most": MOST_ROWS})
    if not found:
        raise DomainError("csv", _("The file holds no transfer."), field="file")
    return list(found.values())


def _row(number: int, values: dict[str, str]) -> ReturnRow:
    code, amount = values["code"], values["amount"].replace(",", "")
    if not (code.isascii() and code.isdecimal() and len(code) <= 20 and 0 < int(code) < 2**63):
        raise _bad(number, _("its customer code is not a number of up to 20 digits."))
    if not (amount.isascii() and amount.isdecimal() and len(amount) <= 15):
        raise _bad(number, _("its amount is not a whole number of yen."))
    try:
        returned_on = date.fromisoformat(values["returned_on"].replace("/", "-"))
    except ValueError:
        raise _bad(number, _("its date is not written like 2027-03-01.")) from None
    cause = values.get("cause", "") or BankReturn.Cause.OTHER
    if cause not in BankReturn.Cause.values:
        names = ", ".join(BankReturn.Cause.values)
        raise _bad(number, _("its cause is none of %(names)s.") % {"names": names})
    return ReturnRow(number, int(code), int(amount), returned_on, cause, values.get("remark", "")[:200])


def record_file(content: bytes, *, actor: Any, at: datetime) -> tuple[int, int]:
    """Record every return of a file, or none; how many were new, and how many were known and stay as they are.

    Raises DomainError("csv") naming the row: a transfer that is not ours, was not sent, or has another amount.
    """
    rows = read(content)
    with transaction.atomic():
        attempts = PayoutAttempt.objects.select_related("payout", "run").in_bulk([own.attempt_id for own in rows])
        for own in rows:
            attempt = attempts.get(own.attempt_id)
            if attempt is None:
                raise _bad(own.row, _("no transfer of ours has this customer code."))
            if attempt.amount != own.amount:
                raise _bad(own.row, _("the transfer was of another amount."))
        # All rows of a kind before the next kind, as in every other transaction.
        locks.lock(Fund, {attempt.payout.fund_id for attempt in attempts.values()})
        locks.lock(Payout, {attempt.payout_id for attempt in attempts.values()})
        locks.lock(PayoutAttempt, attempts)
        known = BankReturn.objects.filter(attempt__in=list(attempts)).count()
        for own in rows:
            try:
                record_return(
                    attempts[own.attempt_id],
                    returned_on=own.returned_on,
                    actor=actor,
                    at=at,
                    cause=own.cause,
                    reason=own.remark,
                )
            except DomainError as error:
                raise _bad(own.row, str(error)) from None
        return len(rows) - known, known
