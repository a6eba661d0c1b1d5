"""Calls about money that was captured: refunds, disputes, balance, payouts, events."""

from __future__ import annotations

from . import balance, refunds
from .api_lists import fetch, listing
from .engine import Sandbox
from .errors import ApiError, conflict
from .params import MAX_INTEGER, Params
from .store import Document

REASONS = ("duplicate", "fraudulent", "requested_by_customer")
EVENT_DAYS = 30
"""Events older than this can no longer be listed or fetched, as with the real provider."""


def create_refund(box: Sandbox, params: Params) -> Document:
    """POST /v1/refunds"""
    charge_id, intent_id = params.text("charge"), params.text("payment_intent")
    if not charge_id and not intent_id:
        raise ApiError(
            "One of the following params should be provided for this request: payment_intent or charge.",
            code="parameter_missing",
        )
    amount = params.integer("amount", least=1, most=MAX_INTEGER)
    reason = params.text("reason", choices=REASONS)
    metadata = params.metadata()
    email = params.text("instructions_email", most=800)
    params.finish()
    if charge_id:
        charge = fetch(box, "charge", charge_id, param="charge")
        if intent_id and charge["payment_intent"] != intent_id:
            raise ApiError("The charge is not of that payment intent.", param="charge")
    else:
        intent = fetch(box, "payment_intent", intent_id or "", param="payment_intent")
        if intent["status"] != "succeeded":
            raise conflict(
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                code="payment_intent_unexpected_state",
                param="payment_intent",
            )
        charge = fetch(box, "charge", intent["latest_charge"])
    return refunds.create_refund(box, charge, amount=amount, reason=reason, metadata=metadata, instructions_email=email)


def retrieve_refund(box: Sandbox, params: Params, refund_id: str) -> Document:
    """GET /v1/refunds/{id}"""
    params.finish()
    return fetch(box, "refund", refund_id)


def cancel_refund(box: Sandbox, params: Params, refund_id: str) -> Document:
    """POST /v1/refunds/{id}/cancel: only one that waits for the customer."""
    params.finish()
    refund = fetch(box, "refund", refund_id)
    if refund["status"] != "requires_action":
        raise conflict(f"You can only cancel a refund that requires action; this one is {refund['status']}.")
    return refunds.settle_refund(box, refund, "canceled")


def list_refunds(box: Sandbox, params: Params) -> Document:
    """GET /v1/refunds"""
    equal = {"charge": params.text("charge"), "payment_intent": params.text("payment_intent")}
    return listing(box, "refund", "/v1/refunds", params, equal=equal)


def retrieve_dispute(box: Sandbox, params: Params, dispute_id: str) -> Document:
    """GET /v1/disputes/{id}"""
    params.finish()
    return fetch(box, "dispute", dispute_id)


def list_disputes(box: Sandbox, params: Params) -> Document:
    """GET /v1/disputes"""
    equal = {"charge": params.text("charge"), "payment_intent": params.text("payment_intent")}
    return listing(box, "dispute", "/v1/disputes", params, equal=equal)


def retrieve_balance(box: Sandbox, params: Params) -> Document:
    """GET /v1/balance"""
    params.finish()
    return balance.totals(box)


def retrieve_transaction(box: Sandbox, params: Params, transaction_id: str) -> Document:
    """GET /v1/balance_transactions/{id}"""
    params.finish()
    return fetch(box, "balance_transaction", transaction_id)


def list_transactions(box: Sandbox, params: Params) -> Document:
    """GET /v1/balance_transactions. Those of a payout include the payout's own."""
    equal = {name: params.text(name) for name in ("payout", "source", "type", "currency")}
    if equal["payout"]:
        fetch(box, "payout", equal["payout"], param="payout")
    return listing(box, "balance_transaction", "/v1/balance_transactions", params, equal=equal)


def retrieve_payout(box: Sandbox, params: Params, payout_id: str) -> Document:
    """GET /v1/payouts/{id}"""
    params.finish()
    return fetch(box, "payout", payout_id)


def list_payouts(box: Sandbox, params: Params) -> Document:
    """GET /v1/payouts"""
    equal = {"status": params.text("status", choices=("pending", "paid", "failed", "canceled"))}
    ranges = {"arrival_date": params.span("arrival_date")}
    return listing(box, "payout", "/v1/payouts", params, equal=equal, ranges=ranges)


def retrieve_event(box: Sandbox, params: Params, event_id: str) -> Document:
    """GET /v1/events/{id}"""
    params.finish()
    event = fetch(box, "event", event_id)
    if event["created"] < box.clock.now() - EVENT_DAYS * 86400:
        raise ApiError(f"No such event: '{event_id}'", status=404, code="resource_missing", param="id")
    return event


def list_events(box: Sandbox, params: Params) -> Document:
    """GET /v1/events, of the last 30 days."""
    types = params.strings("types")
    single = params.text("type")
    if single and types:
        raise ApiError("You may not provide both type and types.", param="type")
    bounds = params.span("created")
    bounds["gte"] = max(bounds.get("gte", 0), box.clock.now() - EVENT_DAYS * 86400)
    wanted = [single] if single else types
    plain = [name for name in wanted if not name.endswith("*")]
    if len(plain) < len(wanted):  # `charge.*`: a family, answered by its known members
        rows = box.store.sql("SELECT DISTINCT type FROM object WHERE kind = 'event'")
        families = tuple(name[:-1] for name in wanted if name.endswith("*"))
        plain += [row["type"] for row in rows if row["type"].startswith(families)] or ["-"]
    return listing(box, "event", "/v1/events", params, types=plain, ranges={"created": bounds})


ROUTES = (
    ("POST", "refunds", create_refund),
    ("GET", "refunds", list_refunds),
    ("GET", "refunds/{id}", retrieve_refund),
    ("POST", "refunds/{id}/cancel", cancel_refund),
    ("GET", "disputes", list_disputes),
    ("GET", "disputes/{id}", retrieve_dispute),
    ("GET", "balance", retrieve_balance),
    ("GET", "balance_transactions", list_transactions),
    ("GET", "balance_transactions/{id}", retrieve_transaction),
    ("GET", "payouts", list_payouts),
    ("GET", "payouts/{id}", retrieve_payout),
    ("GET", "events", list_events),
    ("GET", "events/{id}", retrieve_event),
)
