"""The operator's balance at the provider: fees, transactions, payouts to the bank."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from . import bank
from .errors import ApiError, conflict
from .objects_money import balance_transaction, payout
from .store import Document

if TYPE_CHECKING:
    from .engine import Sandbox

DISPUTE_FEE = 1500
"""Yen, kept by the provider however the dispute ends."""
KONBINI_LEAST_FEE = 120


def charge_fee(amount: int, method: str) -> int:
    """3.6 % of the amount, half a yen rounded up; konbini at least 120 yen."""
    fee = (amount * 36 + 500) // 1000
    return max(fee, KONBINI_LEAST_FEE) if method == "konbini" else fee


def record_charge(box: Sandbox, charge: Document) -> None:
    """The money of a charge that succeeded, less the fee. Sets the charge's ``balance_transaction``."""
    method = charge["payment_method_details"]["type"]
    _record(
        box,
        charge,
        amount=charge["amount"],
        fee=charge_fee(charge["amount"], method),
        type="payment" if method == "konbini" else "charge",
        reporting_category="charge",
        available_on=box.clock.now() + box.available_after_days * 86400,
    )


def record_refund(box: Sandbox, refund: Document) -> None:
    """The money of a refund leaves when it is made, whatever its state. The charge's fee is not given back."""
    _record(box, refund, amount=-refund["amount"], type=_refund_type(refund), reporting_category="refund")


def record_refund_failure(box: Sandbox, refund: Document) -> None:
    """The money of a failed or cancelled refund comes back. Sets ``failure_balance_transaction``."""
    type_ = "payment_failure_refund" if refund["id"].startswith("pyr_") else "refund_failure"
    transaction = _record(
        box, refund, amount=refund["amount"], type=type_, reporting_category="refund_failure", field=None
    )
    refund["failure_balance_transaction"] = transaction["id"]


def record_dispute(box: Sandbox, dispute: Document, *, amount: int, fee: int) -> None:
    """A disputed amount is taken (negative) or given back (positive)."""
    transaction = _record(
        box,
        dispute,
        amount=amount,
        fee=fee,
        type="adjustment",
        reporting_category="dispute" if amount < 0 else "dispute_reversal",
        field=None,
    )
    dispute["balance_transactions"].append(transaction)


PAYOUT_STEPS = {
    "pending": ("in_transit", "paid", "failed", "canceled"),
    "in_transit": ("paid", "failed", "canceled"),
    "paid": ("failed",),
}
PAYOUT_FIRST = ("paid", "in_transit", "pending")


def make_payout(box: Sandbox, currency: str = "jpy", *, status: str = "paid", travel_days: int = 0) -> Document:
    """Pay all that is available and not yet paid out to the operator's bank account.

    The transactions then name the payout. One that is ``paid`` has arrived: the bank has a credit of the same amount
    and day; any other arrives by itself on the day ``travel_days`` from now. Raises ApiError when there is nothing to
    pay: the negative rest waits for better days.
    """
    now = box.clock.now()
    rows = box.store.find("balance_transaction", equal={"payout": None, "currency": currency})
    ready = [row for row in rows if row["available_on"] <= now]
    amount = sum(row["net"] for row in ready)
    if amount <= 0:
        raise ApiError(f"There is nothing to pay out: {len(ready)} transactions are available, together {amount}.")
    today = box.clock.today()
    day = today + timedelta(days=travel_days)
    arrival = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    count = len(box.store.find("payout"))
    made = payout(box, amount=amount, currency=currency, arrival_date=arrival, trace=f"PO{today:%y%m%d}{count + 1:06d}")
    made["_trace"] = made["trace_id"]["value"]
    transaction = _record(box, made, amount=-amount, type="payout", reporting_category="payout")
    for row in (*ready, transaction):
        row["_payout"] = made["id"]
        box.store.put(row)
    if status == "paid":
        _arrive(box, made)
    else:
        made.update(status=status, trace_id={"status": "pending", "value": None}, _due_at=arrival)
        box.store.put(made)
        box.emit("payout.created", made)
    return made


def settle_payout(box: Sandbox, made: Document, status: str) -> Document:
    """Move a payout on: ``in_transit``, ``paid``, ``failed`` or ``canceled``. The money of the last two is back in the
    balance and stands as one line in the next payout; one that had arrived is taken from the bank again."""
    if status not in PAYOUT_STEPS.get(made["status"], ()):
        raise conflict(f"A payout that is {made['status']} cannot become {status}.", param="status")
    if status == "paid":
        _arrive(box, made)
    elif status == "in_transit":
        made["status"] = status
        box.store.put(made)
        box.emit("payout.updated", made)
    else:
        _undo(box, made, status)
    return made


def _arrive(box: Sandbox, made: Document) -> None:
    trace = made["_trace"]
    made.update(status="paid", trace_id={"status": "supported", "value": trace}, _due_at=None)
    box.store.put(made)
    bank.book(
        box,
        kind="credit",
        amount=made["amount"],
        payer_name=bank.PROVIDER_NAME,
        edi=trace,
        memo=made["id"],
        day=box.clock.today(),
    )
    box.emit("payout.paid", made)


def _undo(box: Sandbox, made: Document, status: str) -> None:
    arrived = made["status"] == "paid"
    type_ = "payout_failure" if status == "failed" else "payout_cancel"
    back = _record(box, made, amount=made["amount"], type=type_, reporting_category="payout_reversal", field=None)
    made.update(status=status, failure_balance_transaction=back["id"], _due_at=None)
    if status == "failed":
        made.update(failure_code="account_closed", failure_message="The bank account has been closed.")
    box.store.put(made)
    if arrived:
        bank.book(box, kind="debit", amount=made["amount"], payer_name=bank.PROVIDER_NAME, memo=made["id"])
    box.emit(f"payout.{status}", made)


def totals(box: Sandbox) -> Document:
    """The balance object: what is available, and what is pending."""
    now = box.clock.now()
    sums: dict[tuple[str, bool], int] = {}
    for row in box.store.find("balance_transaction"):
        key = (row["currency"], row["available_on"] <= now)
        sums[key] = sums.get(key, 0) + row["net"]
    currencies = sorted({currency for currency, _ in sums} | {"jpy"})

    def part(available: bool) -> list[Document]:
        return [
            {"amount": (n := sums.get((c, available), 0)), "currency": c, "source_types": {"card": n}}
            for c in currencies
        ]

    return {"object": "balance", "available": part(True), "livemode": False, "pending": part(False)}


def _refund_type(refund: Document) -> str:
    return "payment_refund" if refund["id"].startswith("pyr_") else "refund"


def _record(
    box: Sandbox,
    source: Document,
    *,
    amount: int,
    type: str,  # noqa: A002 - the provider's own field name
    reporting_category: str,
    fee: int = 0,
    field: str | None = "balance_transaction",
    available_on: int | None = None,
) -> Document:
    transaction = balance_transaction(
        box,
        amount=amount,
        fee=fee,
        currency=source["currency"],
        type=type,
        reporting_category=reporting_category,
        source=source["id"],
        description=source.get("description"),
        available_on=box.clock.now() if available_on is None else available_on,
    )
    box.store.put(transaction)
    if field is not None:
        source[field] = transaction["id"]
    return transaction
