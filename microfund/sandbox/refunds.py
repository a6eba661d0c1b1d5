"""Refunds and disputes: what happens to money that was captured."""

from __future__ import annotations

from . import balance, objects_money
from .engine import Sandbox
from .errors import ApiError, conflict
from .store import Document

REFUND_DAYS = 180
"""Card and konbini refunds end this many days after the charge."""

REFUND_STEPS = {
    "requires_action": ("pending", "succeeded", "failed", "canceled"),
    "pending": ("succeeded", "failed", "canceled"),
    "succeeded": ("failed",),
}
DISPUTE_OPEN = ("needs_response", "under_review")
INQUIRY_OPEN = ("warning_needs_response", "warning_under_review")


def create_refund(
    box: Sandbox,
    charge: Document,
    *,
    amount: int | None = None,
    reason: str | None = None,
    metadata: dict[str, str] | None = None,
    instructions_email: str | None = None,
    policy: str | None = None,
) -> Document:
    """Refund ``amount`` of a charge (all that is left when None). Returns the refund as the caller first sees it.

    ``policy`` (else the next one on order, else ``succeeded``) decides how it goes; ``failed`` is answered as pending
    and fails at once after that, ``succeeded_then_failed`` is answered as succeeded and then fails.
    """
    left = charge["amount_captured"] - charge["amount_refunded"]
    if charge["status"] != "succeeded":
        raise conflict(f"Charge {charge['id']} has not succeeded and cannot be refunded.", param="charge")
    if left == 0:
        raise conflict(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount is not None and amount > left:
        raise conflict(
            f"Refund amount (¥{amount:,}) is greater than unrefunded amount on charge (¥{left:,})", param="amount"
        )
    if box.store.find("dispute", equal={"charge": charge["id"], "status": "lost"}) or charge["_open_dispute"]:
        raise conflict(f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")
    if box.clock.now() > charge["created"] + REFUND_DAYS * 86400:
        raise conflict(
            f"Charge {charge['id']} is more than {REFUND_DAYS} days old and can no longer be refunded.",
            code="charge_not_refundable",
        )
    konbini = charge["payment_method_details"]["type"] == "konbini"
    if konbini and not (instructions_email or charge["billing_details"]["email"]):
        raise ApiError(
            "A konbini payment is refunded to a bank account that the customer names by e-mail: send"
            " instructions_email.",
            code="parameter_missing",
            param="instructions_email",
        )
    policy = policy or (box.refund_policies.pop(0) if box.refund_policies else "succeeded")
    first = {"failed": "pending", "succeeded_then_failed": "succeeded"}.get(policy, policy)
    refund = objects_money.refund(
        box,
        charge,
        amount=left if amount is None else amount,
        status=first,
        reason=reason,
        metadata=metadata or {},
        instructions_email=instructions_email,
    )
    balance.record_refund(box, refund)
    box.store.put(refund)
    _count(box, charge, refund["amount"])
    box.emit("refund.created", refund)
    box.emit("charge.refunded", charge)
    answer = dict(refund)
    if policy in ("failed", "succeeded_then_failed"):
        settle_refund(box, refund, "failed")
    return answer


def settle_refund(box: Sandbox, refund: Document, status: str, failure_reason: str | None = None) -> Document:
    """Move a refund on: ``pending``, ``succeeded``, ``failed`` or ``canceled``. Money of the last two comes back."""
    if status not in REFUND_STEPS.get(refund["status"], ()):
        raise conflict(f"A refund that is {refund['status']} cannot become {status}.", param="status")
    before = {"status": refund["status"]}
    refund.update(status=status, next_action=None, pending_reason="processing" if status == "pending" else None)
    if status in ("failed", "canceled"):
        balance.record_refund_failure(box, refund)
        if status == "failed":
            refund["failure_reason"] = failure_reason or "expired_or_canceled_card"
        charge = box.store.get(refund["charge"], "charge")
        if charge is None:
            raise RuntimeError(f"refund {refund['id']} without its charge")
        _count(box, charge, -refund["amount"])
    box.store.put(refund)
    box.emit("refund.updated", refund, before)
    box.emit("charge.refund.updated", refund, before)
    if status == "failed":
        box.emit("refund.failed", refund)
    return refund


def open_dispute(
    box: Sandbox, charge: Document, *, amount: int | None = None, reason: str = "fraudulent", inquiry: bool = False
) -> Document:
    """The payer disputes a charge: the amount and a fee are withdrawn at once. An ``inquiry`` only asks first: no
    money moves, and the charge can still be refunded."""
    if charge["status"] != "succeeded":
        raise conflict(f"Charge {charge['id']} has not succeeded and cannot be disputed.")
    if charge["disputed"]:
        raise conflict(f"Charge {charge['id']} is disputed already.")
    amount = charge["amount"] - charge["amount_refunded"] if amount is None else amount
    if not 0 < amount <= charge["amount"]:
        raise conflict(f"The disputed amount must be from 1 to {charge['amount']}.", param="amount")
    dispute = objects_money.dispute(box, charge, amount=amount, reason=reason, inquiry=inquiry)
    if not inquiry:
        balance.record_dispute(box, dispute, amount=-amount, fee=balance.DISPUTE_FEE)
    box.store.put(dispute)
    charge.update(disputed=True, _open_dispute=not inquiry)
    box.store.put(charge)
    box.emit("charge.dispute.created", dispute)
    if not inquiry:
        box.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def escalate_inquiry(box: Sandbox, dispute: Document) -> Document:
    """The payer's bank is not content: the inquiry becomes a dispute, the same object with its old ``created``."""
    charge = _inquired(box, dispute)
    before = {"status": dispute["status"]}
    details = {**dispute["evidence_details"], "due_by": box.clock.now() + objects_money.DISPUTE_DAYS * 86400}
    dispute.update(status="needs_response", is_charge_refundable=False, evidence_details=details)
    if "payment_method_details" in dispute:
        dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
    balance.record_dispute(box, dispute, amount=-dispute["amount"], fee=balance.DISPUTE_FEE)
    box.store.put(dispute)
    charge["_open_dispute"] = True
    box.store.put(charge)
    box.emit("charge.dispute.updated", dispute, before)
    box.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def close_inquiry(box: Sandbox, dispute: Document) -> Document:
    """The payer's bank asks no further; no money has moved."""
    _inquired(box, dispute)
    dispute["status"] = "warning_closed"
    box.store.put(dispute)
    box.emit("charge.dispute.closed", dispute)
    return dispute


def _inquired(box: Sandbox, dispute: Document) -> Document:
    if dispute["status"] not in INQUIRY_OPEN:
        raise conflict(f"The dispute is no open inquiry: {dispute['status']}.")
    charge = box.store.get(dispute["charge"], "charge")
    if charge is None:
        raise RuntimeError(f"dispute {dispute['id']} without its charge")
    return charge


def review_dispute(box: Sandbox, dispute: Document) -> Document:
    """The operator's evidence is with the bank."""
    before = {"status": dispute["status"]}
    after = {"needs_response": "under_review", "warning_needs_response": "warning_under_review"}.get(dispute["status"])
    if after is None:
        raise conflict(f"A dispute that is {dispute['status']} cannot become under_review.")
    details = {**dispute["evidence_details"], "has_evidence": True, "submission_count": 1,
               "submission_method": "manual"}  # fmt: skip
    dispute.update(status=after, evidence_details=details)
    box.store.put(dispute)
    box.emit("charge.dispute.updated", dispute, before)
    return dispute


def close_dispute(box: Sandbox, dispute: Document, *, won: bool) -> Document:
    """The bank decides. Won: the amount comes back, the fee does not."""
    if dispute["status"] not in DISPUTE_OPEN:
        raise conflict(f"The dispute is closed already: {dispute['status']}.")
    charge = box.store.get(dispute["charge"], "charge")
    if charge is None:
        raise RuntimeError(f"dispute {dispute['id']} without its charge")
    dispute["status"] = "won" if won else "lost"
    if won:
        balance.record_dispute(box, dispute, amount=dispute["amount"], fee=0)
    box.store.put(dispute)
    charge["_open_dispute"] = False
    box.store.put(charge)
    box.emit("charge.dispute.closed", dispute)
    if won:
        box.emit("charge.dispute.funds_reinstated", dispute)
    return dispute


def _count(box: Sandbox, charge: Document, amount: int) -> None:
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    box.store.put(charge)
