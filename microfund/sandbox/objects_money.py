"""Refunds, disputes, balance transactions, payouts and events in the provider's shape. Builders only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .store import Document, public

if TYPE_CHECKING:
    from .engine import Sandbox

EVIDENCE_FIELDS = (
    "access_activity_log", "appeal", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier",
    "shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip
DISPUTE_DAYS = 7


def refund(
    box: Sandbox,
    charge: Document,
    *,
    amount: int,
    status: str,
    reason: str | None,
    metadata: dict[str, str],
    instructions_email: str | None,
) -> Document:
    """A refund of a charge, not yet with a balance transaction."""
    now = box.clock.now()
    konbini = charge["payment_method_details"]["type"] == "konbini"
    email = instructions_email or charge["billing_details"]["email"]
    if konbini:
        destination: Document = {"jp_bank_transfer": {"reference": None, "reference_status": "pending"}}
        destination["type"] = "jp_bank_transfer"
    else:
        destination = {
            "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
            "type": "card",
        }
    doc: Document = {
        "id": box.new_id("pyr" if konbini else "re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "customer": None,
        "destination_details": destination,
        "metadata": metadata,
        "next_action": None,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "pending_reason": "processing" if status == "pending" else None,
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }
    if instructions_email:
        doc["instructions_email"] = instructions_email
    if status == "requires_action":
        doc["next_action"] = {
            "type": "display_details",
            "display_details": {
                "email_sent": {"email_sent_at": now, "email_sent_to": email or ""},
                "expires_at": now + 45 * 86400,
            },
        }
    return doc


def dispute(box: Sandbox, charge: Document, *, amount: int, reason: str, inquiry: bool = False) -> Document:
    """A dispute (or an ``inquiry`` before one) that waits for an answer, not yet with balance transactions."""
    now = box.clock.now()
    doc: Document = {
        "id": box.new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE_FIELDS), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + DISPUTE_DAYS * 86400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "network_reason_code": "10.4" if reason == "fraudulent" else "13.1",
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    if charge["payment_method_details"]["type"] == "card":
        doc["payment_method_details"] = {
            "card": {
                "brand": "visa",
                "case_type": "inquiry" if inquiry else "chargeback",
                "network": "visa",
                "network_reason_code": doc["network_reason_code"],
            },
            "type": "card",
        }
    return doc


def balance_transaction(
    box: Sandbox,
    *,
    amount: int,
    fee: int,
    currency: str,
    type: str,  # noqa: A002 - the provider's own field name
    reporting_category: str,
    source: str,
    description: str | None,
    available_on: int,
) -> Document:
    """A movement of the operator's balance at the provider: ``amount`` gross, ``net`` after the fee."""
    details = []
    if fee:
        details.append(
            {
                "amount": fee,
                "application": None,
                "currency": currency,
                "description": "Processing fees" if type in ("charge", "payment") else "Dispute fee",
                "type": "stripe_fee",
            }
        )
    return {
        "id": box.new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": available_on,
        "balance_type": "payments",
        "created": box.clock.now(),
        "currency": currency,
        "description": description,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": details,
        "net": amount - fee,
        "reporting_category": reporting_category,
        "source": source,
        "status": "available" if available_on <= box.clock.now() else "pending",
        "type": type,
        "_payout": None,
    }


def payout(box: Sandbox, *, amount: int, currency: str, arrival_date: int, trace: str) -> Document:
    """A payout to the operator's bank account, as one that has arrived."""
    return {
        "id": box.new_id("po"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": arrival_date,
        "automatic": True,
        "balance_transaction": None,
        "created": box.clock.now(),
        "currency": currency,
        "description": "STRIPE PAYOUT",
        "destination": "ba_sandbox_trust_account",
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "completed",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "paid",
        "trace_id": {"status": "supported", "value": trace},
        "type": "bank_account",
    }


def event(box: Sandbox, type: str, obj: Document, previous: dict[str, Any] | None) -> Document:  # noqa: A002
    """A snapshot of ``obj`` at the moment ``type`` happened to it."""
    data: Document = {"object": public(obj)}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": box.new_id("evt"),
        "object": "event",
        "api_version": box.settings.api_version,
        "created": box.clock.now(),
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": dict(box.request),
        "type": type,
    }
