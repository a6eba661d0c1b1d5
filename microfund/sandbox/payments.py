"""What happens to a session and its payment: paid, declined, held, konbini slip, expired, cancelled."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from . import balance
from .clock import business_date, end_of_business_day
from .errors import ApiError, conflict, missing_object
from .objects_checkout import charge, outcome, payment_intent
from .store import Document

if TYPE_CHECKING:
    from .engine import Sandbox

DEFAULT_KONBINI_DAYS = 3
DEFAULT_PAYER_EMAIL = "visitor@example.com"
CHAINS = ("familymart", "lawson", "ministop", "seicomart")
HOW = ("card", "decline", "hold", "konbini")


def sweep(box: Sandbox) -> None:
    """Let deadlines that have come take effect: sessions and konbini slips expire, payouts arrive."""
    for doc in box.store.due(box.clock.now()):
        if doc["object"] == "checkout.session":
            expire_session(box, doc)
        elif doc["object"] == "payout":
            balance.settle_payout(box, doc, "paid")
        else:
            konbini_expire(box, doc)


def expire_session(box: Sandbox, sess: Document) -> Document:
    """An open session can no longer be paid."""
    if sess["status"] != "open":
        raise conflict(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of'
            f" `{sess['status']}`."
        )
    sess.update(status="expired", url=None, _due_at=None)
    box.store.put(sess)
    if sess["payment_intent"]:
        intent = _get(box, "payment_intent", sess["payment_intent"])
        _cancel(box, intent, "expired")
    box.emit("checkout.session.expired", sess)
    return sess


def pay(
    box: Sandbox,
    sess: Document,
    how: str,
    *,
    email: str | None = None,
    name: str | None = None,
    phone: str | None = None,
    chain: str | None = None,
) -> Document:
    """The visitor of an open session tries to pay. Returns the intent; a decline leaves the session open."""
    if how not in HOW:
        raise ApiError(f"Unknown way to pay: {how}. One of {', '.join(HOW)}.", param="how")
    method = "konbini" if how == "konbini" else "card"
    if method not in sess["payment_method_types"]:
        raise conflict(f"This Checkout Session does not accept {method}.", param="how")
    if sess["status"] != "open":
        raise conflict(f"This Checkout Session is {sess['status']} and can no longer be paid.")
    payer = {
        "email": sess["customer_email"] or email or DEFAULT_PAYER_EMAIL,
        "name": name or None,
        "phone": phone or None,
        "chain": chain,
    }
    if sess["payment_intent"]:
        intent = _get(box, "payment_intent", sess["payment_intent"])
    else:
        intent = payment_intent(box, sess)
        sess["payment_intent"] = intent["id"]
    intent["payment_method"] = box.new_id("pm")
    intent["_payer"] = payer
    if how == "decline":
        _decline(box, sess, intent)
        return intent
    sess.update(status="complete", url=None, _due_at=None)
    sess["customer_details"] = {
        "address": {"city": None, "country": "JP", "line1": None, "line2": None, "postal_code": None, "state": None},
        "business_name": None,
        "email": payer["email"],
        "individual_name": None,
        "name": payer["name"],
        "phone": payer["phone"],
        "tax_exempt": "none",
        "tax_ids": [],
    }
    if how == "card":
        _succeed(box, sess, intent, charge(box, intent, method="card", status="succeeded", payer=payer))
    elif how == "hold":
        _hold(box, sess, intent)
    else:
        _print_slip(box, sess, intent)
    return intent


def release(box: Sandbox, intent: Document, *, succeed: bool) -> Document:
    """A held payment comes to its end."""
    if intent["status"] != "processing":
        raise conflict(f"This PaymentIntent is not held: its status is {intent['status']}.")
    sess = _get(box, "checkout.session", intent["_session"])
    held = _get(box, "charge", intent["latest_charge"])
    if succeed:
        held.update(
            status="succeeded", paid=True, captured=True, amount_captured=held["amount"],
            outcome=outcome("succeeded", konbini=False),
        )  # fmt: skip
        _succeed(box, sess, intent, held, late=True)
        return intent
    held.update(
        status="failed", failure_code="card_declined", failure_message="Your card was declined.",
        outcome=outcome("failed", konbini=False),
    )  # fmt: skip
    box.store.put(held)
    _fail(box, intent, "card_declined", "Your card was declined.", held["id"])
    box.emit("charge.failed", held)
    box.emit("payment_intent.payment_failed", intent)
    box.emit("checkout.session.async_payment_failed", sess)
    return intent


def konbini_pay(box: Sandbox, intent: Document, chain: str | None = None) -> Document:
    """The slip is paid at a counter. Refused once it has expired, as tills do."""
    if intent["status"] != "requires_action":
        raise conflict(f"There is no slip to pay: the status is {intent['status']}.")
    sess = _get(box, "checkout.session", intent["_session"])
    payer = {**intent["_payer"], "chain": chain or intent["_payer"].get("chain")}
    intent.update(next_action=None, _due_at=None)
    paid = charge(box, intent, method="konbini", status="succeeded", payer=payer)
    _succeed(box, sess, intent, paid, late=True)
    return intent


def konbini_expire(box: Sandbox, intent: Document) -> Document:
    """The slip's deadline has passed unpaid."""
    if intent["status"] != "requires_action":
        raise conflict(f"There is no slip to expire: the status is {intent['status']}.")
    intent.update(next_action=None, _due_at=None)
    _fail(box, intent, "payment_intent_payment_attempt_expired", "The payment attempt has expired.", None)
    box.emit("payment_intent.payment_failed", intent)
    box.emit("checkout.session.async_payment_failed", _get(box, "checkout.session", intent["_session"]))
    return intent


def cancel(box: Sandbox, intent: Document, reason: str | None) -> Document:
    """Cancel an intent that has not been paid; a konbini slip can then no longer be paid."""
    sess = _get(box, "checkout.session", intent["_session"])
    if sess["status"] == "open":
        raise conflict(
            "You cannot cancel this PaymentIntent because it was created by a Checkout Session that is open. Expire"
            " the Checkout Session instead."
        )
    if intent["status"] not in ("requires_payment_method", "requires_action"):
        raise conflict(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    waited = intent["status"] == "requires_action"
    _cancel(box, intent, reason)
    if waited:
        box.emit("checkout.session.async_payment_failed", sess)
    return intent


def _succeed(box: Sandbox, sess: Document, intent: Document, paid: Document, *, late: bool = False) -> None:
    balance.record_charge(box, paid)
    box.store.put(paid)
    intent.update(
        status="succeeded", amount_received=intent["amount"], latest_charge=paid["id"], processing=None,
        last_payment_error=None,
    )  # fmt: skip
    sess["payment_status"] = "paid"
    box.store.put(intent)
    box.store.put(sess)
    box.emit("charge.succeeded", paid)
    box.emit("payment_intent.succeeded", intent)
    box.emit("checkout.session.async_payment_succeeded" if late else "checkout.session.completed", sess)


def _hold(box: Sandbox, sess: Document, intent: Document) -> None:
    held = box.store.put(charge(box, intent, method="hold", status="pending", payer=intent["_payer"]))
    intent.update(status="processing", latest_charge=held["id"], processing={"type": "card"}, last_payment_error=None)
    box.store.put(intent)
    box.store.put(sess)
    box.emit("payment_intent.processing", intent)
    box.emit("checkout.session.completed", sess)


def _decline(box: Sandbox, sess: Document, intent: Document) -> None:
    failed = box.store.put(charge(box, intent, method="decline", status="failed", payer=intent["_payer"]))
    _fail(box, intent, "card_declined", "Your card was declined.", failed["id"])
    box.store.put(sess)
    box.emit("charge.failed", failed)
    box.emit("payment_intent.payment_failed", intent)


def _print_slip(box: Sandbox, sess: Document, intent: Document) -> None:
    days = (sess["payment_method_options"].get("konbini") or {}).get("expires_after_days") or DEFAULT_KONBINI_DAYS
    deadline = end_of_business_day(business_date(box.clock.now()) + timedelta(days=days))
    number = str(box.clock.now())[-6:].rjust(11, "1")
    codes = {chain: {"confirmation_number": number, "payment_code": f"{i}{number[-5:]}"} for i, chain in
             enumerate(CHAINS, start=1)}  # fmt: skip
    intent.update(
        status="requires_action",
        last_payment_error=None,
        next_action={
            "type": "konbini_display_details",
            "konbini_display_details": {
                "expires_at": deadline,
                "hosted_voucher_url": f"{box.base_url}/konbini/{intent['id']}",
                "stores": codes,
            },
        },
        # The slip is good through that second, so it expires with the next.
        _due_at=deadline + 1,
    )
    box.store.put(intent)
    box.store.put(sess)
    box.emit("payment_intent.requires_action", intent)
    box.emit("checkout.session.completed", sess)


def _fail(box: Sandbox, intent: Document, code: str, message: str, charge_id: str | None) -> None:
    error: dict[str, Any] = {
        "code": code,
        "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        "message": message,
        "type": "card_error" if code == "card_declined" else "invalid_request_error",
    }
    if charge_id:
        error.update(charge=charge_id, decline_code="generic_decline")
    intent.update(
        status="requires_payment_method", last_payment_error=error, latest_charge=charge_id, processing=None,
        payment_method=None,
    )  # fmt: skip
    box.store.put(intent)


def _cancel(box: Sandbox, intent: Document, reason: str | None) -> None:
    intent.update(
        status="canceled", canceled_at=box.clock.now(), cancellation_reason=reason, next_action=None, _due_at=None
    )
    box.store.put(intent)
    box.emit("payment_intent.canceled", intent)


def _get(box: Sandbox, kind: str, object_id: str) -> Document:
    doc = box.store.get(object_id, kind)
    if doc is None:
        raise missing_object(kind, object_id)
    return doc
