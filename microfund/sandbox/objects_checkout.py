"""Sessions, line items, payment intents and charges in the provider's shape. Builders only; verbs are in payments.py.

Fields that the provider answers as null are there as null, so that attribute access in the client library behaves as
with the real one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .store import Document

if TYPE_CHECKING:
    from .engine import Sandbox

NO_ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}


def line_item(box: Sandbox, *, name: str, currency: str, unit_amount: int, quantity: int, **more: Any) -> Document:
    """One line of a session. ``more``: description, metadata of the product."""
    total = unit_amount * quantity
    return {
        "id": box.new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": currency,
        "description": name,
        "metadata": {},
        "price": {
            "id": box.new_id("price"),
            "object": "price",
            "active": False,
            "billing_scheme": "per_unit",
            "created": box.clock.now(),
            "currency": currency,
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": None,
            "metadata": {},
            "nickname": None,
            "product": box.new_id("prod"),
            "recurring": None,
            "tax_behavior": "unspecified",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "one_time",
            "unit_amount": unit_amount,
            "unit_amount_decimal": str(unit_amount),
        },
        "quantity": quantity,
        "_detail": more.get("detail"),
    }


def session(box: Sandbox, *, lines: list[Document], currency: str, expires_at: int, **given: Any) -> Document:
    """An open session. ``given``: what the caller sent, see api_checkout.create."""
    now = box.clock.now()
    total = sum(line["amount_total"] for line in lines)
    session_id = box.new_id("cs_test")
    return {
        "id": session_id,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": given["billing_address_collection"],
        "branding_settings": None,
        "cancel_url": given["cancel_url"],
        "client_reference_id": given["client_reference_id"],
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": now,
        "currency": currency,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": {"message": given["submit_message"]} if given["submit_message"] else None,
            "terms_of_service_acceptance": None,
        },
        "customer": None,
        "customer_account": None,
        "customer_creation": given["customer_creation"],
        "customer_details": None,
        "customer_email": given["customer_email"],
        "discounts": [],
        "expires_at": expires_at,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": given["locale"],
        "metadata": given["metadata"],
        "mode": "payment",
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": given["payment_method_options"],
        "payment_method_types": given["payment_method_types"],
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": given["phone_number_collection"]},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": given["submit_type"],
        "subscription": None,
        "success_url": given["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{box.base_url}/pay/{session_id}",
        "wallet_options": None,
        "_line_items": lines,
        "_intent": given["intent"],
        "_due_at": expires_at,
    }


def payment_intent(box: Sandbox, sess: Document) -> Document:
    """The intent that a session makes when its visitor first tries to pay."""
    intent_id = box.new_id("pi")
    data = sess["_intent"]
    options: dict[str, Any] = {}
    if "card" in sess["payment_method_types"]:
        options["card"] = {
            "installments": None,
            "mandate_options": None,
            "network": None,
            "request_three_d_secure": "automatic",
        }
    if "konbini" in sess["payment_method_types"]:
        days = (sess["payment_method_options"].get("konbini") or {}).get("expires_after_days")
        options["konbini"] = {
            "confirmation_number": None,
            "expires_after_days": days,
            "expires_at": None,
            "product_description": None,
        }
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount": sess["amount_total"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{intent_id}_secret_{box.new_id('s')}",
        "confirmation_method": "automatic",
        "created": box.clock.now(),
        "currency": sess["currency"],
        "customer": None,
        "customer_account": None,
        "description": data["description"],
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": data["metadata"],
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": options,
        "payment_method_types": sess["payment_method_types"],
        "processing": None,
        "receipt_email": data["receipt_email"],
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": data["statement_descriptor"],
        "statement_descriptor_suffix": data["statement_descriptor_suffix"],
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
        "_session": sess["id"],
    }


CARDS = {"card": "4242", "decline": "0002", "hold": "0077"}
"""Last four digits of the card by what happens with it."""


def charge(box: Sandbox, intent: Document, *, method: str, status: str, payer: dict[str, str | None]) -> Document:
    """A charge of an intent. ``method``: card, decline, hold or konbini; ``status``: succeeded, pending or failed."""
    konbini = method == "konbini"
    succeeded = status == "succeeded"
    if konbini:
        details: Document = {"konbini": {"store": {"chain": payer.get("chain") or "lawson"}}, "type": "konbini"}
    else:
        details = {"card": _card(intent["amount"], CARDS[method]), "type": "card"}
    failed = status == "failed"
    return {
        "id": box.new_id("py" if konbini else "ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if succeeded else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": None,
        "billing_details": {
            "address": dict(NO_ADDRESS),
            "email": payer.get("email"),
            "name": payer.get("name"),
            "phone": payer.get("phone"),
            "tax_id": None,
        },
        "calculated_statement_descriptor": intent["statement_descriptor"] or "SANDBOX",
        "captured": succeeded,
        "created": box.clock.now(),
        "currency": intent["currency"],
        "customer": None,
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": "card_declined" if failed else None,
        "failure_message": "Your card was declined." if failed else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "on_behalf_of": None,
        "outcome": outcome(status, konbini=konbini),
        "paid": succeeded,
        "payment_intent": intent["id"],
        "payment_method": intent["payment_method"],
        "payment_method_details": details,
        "radar_options": {},
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": status,
        "transfer_data": None,
        "transfer_group": None,
        "_open_dispute": False,
    }


def outcome(status: str, *, konbini: bool) -> Document | None:
    """What the network said about a charge."""
    if konbini:
        return None
    failed = status == "failed"
    return {
        "advice_code": "try_again_later" if failed else None,
        "network_advice_code": None,
        "network_decline_code": "05" if failed else None,
        "network_status": "declined_by_network" if failed else "approved_by_network",
        "reason": "generic_decline" if failed else None,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": "The bank did not return any further details with this decline."
        if failed
        else "Payment complete.",
        "type": "issuer_declined" if failed else "authorized",
    }


def _card(amount: int, last4: str) -> Document:
    return {
        "amount_authorized": amount,
        "authorization_code": None,
        "brand": "visa",
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "JP",
        "exp_month": 12,
        "exp_year": 2049,
        "extended_authorization": {"status": "disabled"},
        "fingerprint": f"sandbox{last4}",
        "funding": "credit",
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "last4": last4,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": "visa",
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": None,
        "wallet": None,
    }
