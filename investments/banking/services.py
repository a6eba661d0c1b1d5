"""Import bank statements, offer what came in to those who may claim it, send back what is nobody's.

Every yen on the trust account is a row: unallocated until it is applied to an order or sent back, never kept
(domain.md sections 4.3 and 7).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.ledger import post as ledger
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.services import publish

from . import names, outgoing, parsers
from .models import OutgoingTransfer, ReceiptUse, StatementFile, StatementLine
from .parsers import Credit

log = structlog.get_logger(__name__)

Claimer = Callable[..., bool]
_claimers: list[tuple[str, Claimer]] = []


def register_claimer(name: str, fn: Claimer) -> None:
    """Offer receipts to `fn(line_id, at=...)`, after the claimers registered before; registering a name again replaces
    it. A claimer works in transactions of its own, may be called again at any time, and answers True when nothing of
    the line remains. Called in AppConfig.ready().
    """
    for place, (known, _fn) in enumerate(_claimers):
        if known == name:
            _claimers[place] = (name, fn)
            return
    _claimers.append((name, fn))


# --- Import ---------------------------------------------------------------------------------------------------


def import_statement(
    *,
    content: bytes,
    name: str,
    format: str = "auto",  # noqa: A002 - the word on the form
    actor: Any,
    at: datetime,
) -> StatementFile:
    """Import one statement ("csv", "zengin" or "auto") and offer each new receipt to the claimers.

    The file, its receipts and their journal entries are one transaction; a file that is not sound in every row changes
    nothing. The same file again is the same StatementFile. A deposit that stands in several statements, of whatever
    format, is one receipt. What the provider pays out to the same account (the payer is PROVIDER_PAYER_NAME) is stored
    with nothing remaining and without an entry: the fund's bank is debited when the payout itself is journaled, from
    the provider's own list, so an entry here would book the money twice. A deposit that the bank took back (取消) is
    sent back in the same import; where it is used already, people must decide: it stands in the file's `problems`.

    Raises DomainError: those of `parsers.parse`, and "changed" (a row the bank numbers like another one it gave
    before); `data` names the row.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    known = StatementFile.objects.filter(sha256=sha256).first()
    if known is not None:
        return known
    statement = parsers.parse(content, format=format, today=clock.today_in(None, at))
    with transaction.atomic():
        _one_import_at_a_time()
        known = StatementFile.objects.filter(sha256=sha256).first()
        if known is not None:
            return known
        file = StatementFile.objects.create(
            sha256=sha256,
            format=statement.format,
            name=name[:200],
            rows=len(statement.credits),
            imported_by=actor,
            imported_at=at,
        )
        new = _store(file, statement, at=at)
        audit.record(
            action="investments.StatementFile.imported",
            subject=file,
            at=at,
            actor=actor,
            changes={"rows": file.rows, "new": len(new), "sha256": sha256},
        )
    for line_id in new:
        _offer(line_id, at=at)
    return file


def _one_import_at_a_time() -> None:
    """Two imports of overlapping statements must not both miss what the other is about to store."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('banking.import', 0))")


Facts = tuple[date, int, str, str]


def _facts(credit: Credit | StatementLine) -> Facts:
    """What every format says of a deposit."""
    return credit.booked_on, credit.amount, names.plain_name(credit.payer_name), names.plain_code(credit.payer_code)


def _bank_key(facts: Facts, place: int) -> str:
    """The identity of the `place`-th deposit (from 1) of these facts on its day."""
    booked_on, amount, name, code = facts
    digest = hashlib.sha256(f"{booked_on}|{amount}|{name}|{code}".encode()).hexdigest()[:32]
    return f"{booked_on:%Y%m%d}-{digest}-{place}"


def _store(file: StatementFile, statement: parsers.Statement, *, at: datetime) -> list[int]:
    """Write the deposits that are not here yet, with their entries, and send back what the bank took back; returns the
    ids of the new receipts."""
    deposits = [credit for credit in statement.credits if not credit.cancelled]
    stored: dict[Facts, list[StatementLine]] = defaultdict(list)
    days = {credit.booked_on for credit in statement.credits}
    for line in StatementLine.objects.filter(booked_on__in=days).order_by("pk"):
        stored[_facts(line)].append(line)
    unknown, renumbered = _match(deposits, stored, statement.format)
    StatementLine.objects.bulk_update(renumbered, ["bank_rows"], batch_size=500)
    places = {facts: len(lines) for facts, lines in stored.items()}
    provider = names.plain_name(settings.PROVIDER_PAYER_NAME)
    lines = []
    for credit in unknown:
        facts = _facts(credit)
        places[facts] = places.get(facts, 0) + 1
        payout = bool(provider) and facts[2] == provider
        lines.append(
            StatementLine(
                file=file,
                row=credit.row,
                bank_key=_bank_key(facts, places[facts]),
                bank_rows={statement.format: credit.bank_row} if credit.bank_row else {},
                booked_on=credit.booked_on,
                amount=credit.amount,
                remaining=0 if payout else credit.amount,
                payer_name=credit.payer_name,
                payer_code=names.plain_code(credit.payer_code),
                memo=credit.memo,
                provider_payout=payout,
            )
        )
    StatementLine.objects.bulk_create(lines, batch_size=1000)
    receipts = [line for line in lines if not line.provider_payout]
    operator = ledger.operator_book_id()
    ledger.post_many([_receipt(operator, line, at=at) for line in receipts])
    _take_back(file, [credit for credit in statement.credits if credit.cancelled], at=at)
    return [line.pk for line in receipts]


def _match(
    deposits: list[Credit],
    stored: dict[Facts, list[StatementLine]],
    format: str,  # noqa: A002
) -> tuple[list[Credit], list[StatementLine]]:
    """Which deposits are not stored yet, and which stored lines learn the bank's number of this format.

    A deposit is a stored line of the same facts: the one with the bank's number, else one that has no number of this
    format yet (it came in another format), each line once.
    """
    by_number = {
        (line.booked_on, line.bank_rows[format]): line
        for lines in stored.values()
        for line in lines
        if format in line.bank_rows
    }
    free = {facts: list(lines) for facts, lines in stored.items()}
    rest: list[Credit] = []
    for credit in deposits:
        line = by_number.get((credit.booked_on, credit.bank_row)) if credit.bank_row else None
        if line is None:
            rest.append(credit)
        elif _facts(line) != _facts(credit):
            raise DomainError(
                "changed",
                _("Row %(row)d: the bank gave another deposit under this number before. Nothing was imported.")
                % {"row": credit.row},
                row=credit.row,
            )
        else:
            free[_facts(line)].remove(line)
    unknown: list[Credit] = []
    renumbered: list[StatementLine] = []
    for credit in rest:
        candidates = free.get(_facts(credit), [])
        line = next((line for line in candidates if not credit.bank_row or format not in line.bank_rows), None)
        if line is None:
            unknown.append(credit)
            continue
        candidates.remove(line)
        if credit.bank_row:
            line.bank_rows = {**line.bank_rows, format: credit.bank_row}
            renumbered.append(line)
    return unknown, renumbered


def _receipt(operator: int, line: StatementLine, *, at: datetime) -> ledger.Posting:
    subject = f"receipt:{line.pk}"
    return ledger.Posting(
        kind="bank_receipt",
        source=("receipt", line.pk),
        legs=[
            ledger.debit(operator, "trust_bank", line.amount, subject),
            ledger.credit(operator, "unallocated_receipts", line.amount, subject),
        ],
        on=line.booked_on,
        at=at,
    )


def _take_back(file: StatementFile, cancelled: list[Credit], *, at: datetime) -> None:
    """Send back what the bank took back, once for each such record in whatever statements it stands. A deposit that is
    used already (its order must be refunded first) or was never here goes to the file's `problems`."""
    places: dict[Facts, int] = defaultdict(int)
    for credit in cancelled:
        facts = _facts(credit)
        places[facts] += 1
        target = f"cancelled:{_bank_key(facts, places[facts])}"
        if ReceiptUse.objects.filter(target=target, line__booked_on=credit.booked_on).exists():
            continue
        same = StatementLine.objects.filter(booked_on=credit.booked_on, amount=credit.amount, provider_payout=False)
        whole = [line for line in same.order_by("-pk") if _facts(line) == facts and line.free == line.amount]
        line = locks.lock_one(StatementLine, whole[0].pk) if whole else None
        if line is None or line.free != line.amount:
            file.problems.append(
                {
                    "row": credit.row,
                    "problem": "cancelled",
                    "date": credit.booked_on.isoformat(),
                    "amount": credit.amount,
                    "payer_name": credit.payer_name,
                }
            )
            continue
        _use_up(line, amount=line.amount, target=target, on=credit.booked_on, at=at, actor=None, reason="取消")
    if file.problems:
        file.save(update_fields=["problems"])


# --- Offering -------------------------------------------------------------------------------------------------


def _offer(line_id: int, *, at: datetime) -> bool:
    """Offer one receipt to the claimers in order until one takes it; an error of one is logged, and the line stays due
    for the sweep."""
    for name, claim in _claimers:
        try:
            if claim(line_id, at=at):
                return True
        except Exception:  # one receipt must not hold up the others; the sweep offers it again
            log.exception("banking.claim_failed", claimer=name, line_id=line_id)
    return False


def claim_pending(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: offer what is unallocated again: receipts of a worker that was killed after the import, and those whose
    order has changed since."""
    counts = {"claimed": 0, "errors": 0}
    pending = StatementLine.objects.filter(remaining__gt=F("held")).order_by("booked_on", "pk")

    def offer(line_id: int) -> bool:
        # An error goes to the sweep's counts here.
        return any(claim(line_id, at=at) for _name, claim in _claimers)

    locks.each(pending.values_list("pk", flat=True), offer, counts, "claimed")
    return counts


# --- Sending back ---------------------------------------------------------------------------------------------


def send_back(
    line: StatementLine, *, amount: int, payee: dict[str, str], actor: Any, at: datetime, reason: str
) -> OutgoingTransfer:
    """Prepare a transfer of `amount` yen of a receipt back to its payer; no order can have that part meanwhile.

    `payee` is {"bank", "branch", "type", "number", "holder"}; the holder must be the payer (names compared as banks
    print them). Raises DomainError: "amount" (not positive, or more than is free), "holder", and those of
    `outgoing.prepare`.
    """
    return outgoing.prepare(
        f"receipt:{line.pk}",
        amount=amount,
        payee=payee,
        actor=actor,
        at=at,
        reason=reason,
        currency=line.currency,
    )


class SendingBack(outgoing.Purpose):
    """A receipt, or a part of it, goes back to its payer out of the trust account."""

    def lock(self, source_id: int) -> StatementLine:
        return locks.lock_one(StatementLine, source_id)

    def judge(self, row: StatementLine, transfer: OutgoingTransfer, *, at: datetime) -> None:
        if names.plain_name(transfer.payee.get("holder", "")) != names.plain_name(names.without_code(row.payer_name)):
            raise DomainError("holder", _("The account must be in the name of the payer."))
        # From its preparation on the amount is held, so only a new one can be too much.
        if transfer.pk is None and not 0 < transfer.amount <= row.free:
            raise DomainError(
                "amount",
                _("Between 1 and %(free)d yen of this receipt can be sent back.") % {"free": row.free},
                free=row.free,
            )

    def prepared(self, row: StatementLine, transfer: OutgoingTransfer) -> None:
        row.held += transfer.amount
        row.save(update_fields=["held"])

    def withdrawn(self, row: StatementLine, transfer: OutgoingTransfer, *, at: datetime) -> None:
        row.held -= transfer.amount
        row.save(update_fields=["held"])

    def sent(self, row: StatementLine, transfer: OutgoingTransfer, *, at: datetime) -> None:
        went_back(row, transfer, at=at)


def went_back(line: StatementLine, transfer: OutgoingTransfer, *, at: datetime) -> None:
    """The transfer was made: that much of the locked receipt is used up."""
    assert transfer.transferred_on is not None
    line.held -= transfer.amount
    use = _use_up(
        line,
        amount=transfer.amount,
        target=f"transfer:{transfer.pk}",
        on=transfer.transferred_on,
        at=at,
        actor=transfer.maker,
        reason=transfer.reason,
    )
    publish(events.ReceiptSentBack(use_id=use.pk, at=at), key=str(use.pk), at=at)


def _use_up(
    line: StatementLine, *, amount: int, target: str, on: date, at: datetime, actor: Any, reason: str
) -> ReceiptUse:
    """Money of a locked receipt left the trust account for the payer."""
    use = take(line, amount=amount, target=target, purpose="sent_back", at=at, actor=actor, reason=reason)
    ledger.post(kind="receipt_sent_back", source=("use", use.pk), legs=out_of_trust(line.pk, amount), on=on, at=at)
    return use


# --- Using a receipt --------------------------------------------------------------------------------------------


def take(
    line: StatementLine,
    *,
    amount: int,
    target: str,
    at: datetime,
    actor: Any,
    reason: str,
    purpose: str = "applied",
) -> ReceiptUse:
    """Use `amount` yen of a locked receipt for a target (`attempt:12`); the caller journals it with `out_of_trust`."""
    use = ReceiptUse.objects.create(
        line=line, purpose=purpose, target=target, amount=amount, happened_at=at, actor=actor, reason=reason[:200]
    )
    line.remaining -= amount
    if line.remaining == 0:
        line.problem = ""
    line.save(update_fields=["remaining", "held", "problem"])
    return use


def out_of_trust(line_id: int, amount: int) -> list[ledger.Leg]:
    """The operator's two legs by which money of a receipt leaves the trust account (domain.md section 7)."""
    operator, subject = ledger.operator_book_id(), f"receipt:{line_id}"
    return [
        ledger.debit(operator, "unallocated_receipts", amount, subject),
        ledger.credit(operator, "trust_bank", amount, subject),
    ]
