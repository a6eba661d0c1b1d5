"""Calls about paying: checkout sessions, payment intents, charges."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from . import payments
from .api_lists import as_list, fetch, listing
from .engine import Sandbox
from .errors import ApiError
from .objects_checkout import line_item, session
from .params import MAX_INTEGER, Params
from .store import Document

METHODS = ("card", "konbini")
KONBINI_LEAST, KONBINI_MOST = 120, 300_000
LEAST_AMOUNT = 50
"""Yen below which the provider takes no payment."""
SESSION_LEAST, SESSION_MOST = 30 * 60, 24 * 3600
LOCALES = ("auto", "en", "en-GB", "ja")
CANCEL_REASONS = ("abandoned", "duplicate", "fraudulent", "requested_by_customer")


def create(box: Sandbox, params: Params) -> Document:
    """POST /v1/checkout/sessions"""
    now = box.clock.now()
    params.text("mode", required=True, choices=("payment",))
    params.text("ui_mode", choices=("hosted_page", "hosted"))
    methods = params.strings("payment_method_types") or ["card"]
    for method in methods:
        if method not in METHODS:
            raise ApiError(f"The sandbox knows card and konbini, not {method}.", param="payment_method_types")
    lines = [_line(box, line) for line in params.children("line_items")]
    if not lines:
        raise params.missing("line_items")
    currencies = {line["currency"] for line in lines}
    if len(currencies) > 1:
        raise ApiError("All line items must have the same currency.", param="line_items")
    currency = currencies.pop()
    stated = params.text("currency")
    if stated is not None and stated.lower() != currency:
        raise ApiError("The currency is not that of the line items.", param="currency")
    _check_amount(sum(line["amount_total"] for line in lines), currency, methods)
    expires_at = params.integer("expires_at") or now + SESSION_MOST
    if not now + SESSION_LEAST <= expires_at <= now + SESSION_MOST:
        raise ApiError(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    given = _given(params, methods)
    params.finish()
    return box.store.put(session(box, lines=lines, currency=currency, expires_at=expires_at, **given))


def _given(params: Params, methods: list[str]) -> dict[str, Any]:
    """What the session repeats of what the caller sent."""
    intent = params.child("payment_intent_data")
    intent.text("capture_method", choices=("automatic", "automatic_async"))
    for name in ("automatic_tax", "invoice_creation", "adaptive_pricing"):
        if params.child(name).flag("enabled"):
            raise ApiError(f"The sandbox has no {name}.", param=f"{name}[enabled]")
    if params.flag("allow_promotion_codes"):
        raise ApiError("The sandbox has no promotion codes.", param="allow_promotion_codes")
    return {
        "payment_method_types": methods,
        "payment_method_options": _method_options(params.child("payment_method_options"), methods),
        "client_reference_id": params.text("client_reference_id", most=200),
        "metadata": params.metadata(),
        "success_url": _url(params, "success_url", required=True),
        "cancel_url": _url(params, "cancel_url"),
        "locale": params.text("locale", choices=LOCALES),
        "customer_email": _email(params),
        "customer_creation": params.text("customer_creation", choices=("if_required",), default="if_required"),
        "billing_address_collection": params.text("billing_address_collection", choices=("auto",)),
        "phone_number_collection": params.child("phone_number_collection").flag("enabled"),
        "submit_type": params.text("submit_type", choices=("auto", "book", "donate", "pay")),
        "submit_message": params.child("custom_text").child("submit").text("message", most=1200),
        "intent": {
            "metadata": intent.metadata(),
            "description": intent.text("description", most=1000),
            "receipt_email": intent.text("receipt_email", most=512),
            "statement_descriptor": intent.text("statement_descriptor", most=22),
            "statement_descriptor_suffix": intent.text("statement_descriptor_suffix", most=22),
        },
    }


def _line(box: Sandbox, line: Params) -> Document:
    price = line.child("price_data")
    if not line.has("price_data"):
        raise line.missing("price_data")
    currency = (price.text("currency", required=True) or "").lower()
    if len(currency) != 3 or not currency.isalpha():
        raise ApiError(f"Invalid currency: {currency}", param=price.name("currency"))
    product = price.child("product_data")
    name = product.text("name", required=True, most=250) or ""
    unit_amount = price.integer("unit_amount", required=True, least=0, most=MAX_INTEGER) or 0
    price.text("tax_behavior", choices=("unspecified", "inclusive"))
    product.metadata()
    return line_item(
        box,
        name=name,
        currency=currency,
        unit_amount=unit_amount,
        quantity=line.integer("quantity", required=True, least=1, most=999_999) or 1,
        detail=product.text("description", most=1000),
    )


def _check_amount(total: int, currency: str, methods: list[str]) -> None:
    if total > MAX_INTEGER:
        raise ApiError(
            f"The Checkout Session's total amount must be no more than {MAX_INTEGER}.", code="amount_too_large"
        )
    if currency == "jpy" and total < LEAST_AMOUNT:
        raise ApiError(
            f"The Checkout Session's total amount due must add up to at least ¥{LEAST_AMOUNT} jpy",
            code="amount_too_small",
        )
    if "konbini" not in methods:
        return
    if currency != "jpy":
        raise ApiError("konbini is only for jpy.", param="payment_method_types")
    if not KONBINI_LEAST <= total <= KONBINI_MOST:
        raise ApiError(
            f"konbini takes from ¥{KONBINI_LEAST} to ¥{KONBINI_MOST:,}; this is ¥{total:,}.",
            code="amount_too_large" if total > KONBINI_MOST else "amount_too_small",
            param="payment_method_types",
        )


def _method_options(options: Params, methods: list[str]) -> Document:
    found: Document = {}
    card, konbini = options.child("card"), options.child("konbini")
    if "card" in methods:
        found["card"] = {
            "request_three_d_secure": card.text(
                "request_three_d_secure", choices=("any", "automatic", "challenge"), default="automatic"
            )
        }
        for name in ("statement_descriptor_suffix_kana", "statement_descriptor_suffix_kanji"):
            value = card.text(name, most=22)
            if value is not None:
                found["card"][name] = value
    if "konbini" in methods:
        found["konbini"] = {"expires_after_days": konbini.integer("expires_after_days", least=1, most=60)}
    return found


def _url(params: Params, name: str, *, required: bool = False) -> str | None:
    value = params.text(name, required=required)
    if value is not None:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ApiError(f"Not a valid URL: {value}", code="url_invalid", param=name)
    return value


def _email(params: Params) -> str | None:
    value = params.text("customer_email", most=512)
    if value is not None and ("@" not in value or " " in value):
        raise ApiError(f"Invalid email address: {value}", code="email_invalid", param="customer_email")
    return value


def retrieve(box: Sandbox, params: Params, session_id: str) -> Document:
    """GET /v1/checkout/sessions/{id}"""
    params.finish()
    return fetch(box, "checkout.session", session_id)


def list_sessions(box: Sandbox, params: Params) -> Document:
    """GET /v1/checkout/sessions"""
    equal = {
        "payment_intent": params.text("payment_intent"),
        "status": params.text("status", choices=("open", "complete", "expired")),
    }
    return listing(box, "checkout.session", "/v1/checkout/sessions", params, equal=equal)


def expire(box: Sandbox, params: Params, session_id: str) -> Document:
    """POST /v1/checkout/sessions/{id}/expire"""
    params.finish()
    return payments.expire_session(box, fetch(box, "checkout.session", session_id))


def line_items(box: Sandbox, params: Params, session_id: str) -> Document:
    """GET /v1/checkout/sessions/{id}/line_items"""
    params.integer("limit", least=1, most=100)
    params.finish()
    sess = fetch(box, "checkout.session", session_id)
    return as_list(sess["_line_items"], f"/v1/checkout/sessions/{session_id}/line_items")


def retrieve_intent(box: Sandbox, params: Params, intent_id: str) -> Document:
    """GET /v1/payment_intents/{id}"""
    params.finish()
    return fetch(box, "payment_intent", intent_id, param="intent")


def list_intents(box: Sandbox, params: Params) -> Document:
    """GET /v1/payment_intents"""
    return listing(box, "payment_intent", "/v1/payment_intents", params)


def cancel_intent(box: Sandbox, params: Params, intent_id: str) -> Document:
    """POST /v1/payment_intents/{id}/cancel"""
    reason = params.text("cancellation_reason", choices=CANCEL_REASONS)
    params.finish()
    return payments.cancel(box, fetch(box, "payment_intent", intent_id, param="intent"), reason)


def retrieve_charge(box: Sandbox, params: Params, charge_id: str) -> Document:
    """GET /v1/charges/{id}"""
    params.finish()
    return fetch(box, "charge", charge_id)


def list_charges(box: Sandbox, params: Params) -> Document:
    """GET /v1/charges"""
    equal = {"payment_intent": params.text("payment_intent")}
    return listing(box, "charge", "/v1/charges", params, equal=equal)


ROUTES = (
    ("POST", "checkout/sessions", create),
    ("GET", "checkout/sessions", list_sessions),
    ("GET", "checkout/sessions/{id}", retrieve),
    ("POST", "checkout/sessions/{id}/expire", expire),
    ("GET", "checkout/sessions/{id}/line_items", line_items),
    ("GET", "payment_intents", list_intents),
    ("GET", "payment_intents/{id}", retrieve_intent),
    ("POST", "payment_intents/{id}/cancel", cancel_intent),
    ("GET", "charges", list_charges),
    ("GET", "charges/{id}", retrieve_charge),
)
