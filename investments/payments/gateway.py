"""The single door to the payment provider: the only `import stripe` (architecture.md section 2).

Every call goes through `_call`, which refuses to run inside a transaction, and answers with plain facts. An answer
that does not say whether the thing happened (time-out, cut connection, 5xx, 429, a key in use) is
`ProviderUnreachable`: the caller repeats under the same key or looks it up, and never invents a new key. The key alone
chooses between sandbox and provider: `sk_sandbox_…` speaks to settings.SANDBOX_URL.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import stripe
from django.conf import settings

from microfund.kernel import clock, locks

from .facts import BalanceFacts, DisputeFacts, PayoutFacts, RefundFacts, SessionFacts

# Currencies whose smallest unit at the provider is not the currency's own (Stripe documentation, "Zero-decimal
# currencies", special cases); none of them can be a fund's currency.
_SPECIAL_CURRENCIES = frozenset({"ISK", "HUF", "TWD", "UGX"})


class ProviderUnreachable(Exception):
    """Nobody knows whether the call took effect."""


class ProviderRefused(Exception):
    """The provider said no; nothing happened there. `code` is its own."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class BadSignature(Exception):
    """A webhook whose signature does not match its raw body."""


class NotAnEvent(Exception):
    """A body that our secret signed and that is no event about an object."""


def to_provider(amount: int, currency: str) -> int:
    """Our minor units are the provider's: ¥1 is 1, $1 is 100. Raises ValueError where that is not so."""
    if currency.upper() in _SPECIAL_CURRENCIES:
        raise ValueError(f"{currency} has other units at the provider")
    return amount


def is_live() -> bool:
    """Whether our key moves real money; every object must agree."""
    return settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))


@lru_cache(maxsize=4)
def _client(key: str, sandbox_url: str, timeout: int) -> stripe.StripeClient:
    base = {"api": sandbox_url} if key.startswith("sk_sandbox_") else None
    return stripe.StripeClient(
        key,
        stripe_version=settings.STRIPE_API_VERSION,
        base_addresses=base,  # type: ignore[arg-type]
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=timeout),
    )


def _call(name: str, act: Callable[[stripe.StripeClient], Any]) -> Any:
    """Make one call, outside any transaction; raises ProviderUnreachable or ProviderRefused."""
    if locks.in_own_transaction():
        raise RuntimeError(f"{name}: the provider must not be called inside a transaction")
    client = _client(settings.STRIPE_SECRET_KEY, settings.SANDBOX_URL, settings.STRIPE_TIMEOUT_SECONDS)
    try:
        return act(client)
    except (stripe.InvalidRequestError, stripe.CardError) as error:
        # 409: our own earlier call under this key is still running over there.
        if error.http_status == 409:
            raise ProviderUnreachable(f"{name}: {error}") from error
        raise ProviderRefused(str(error.user_message or error), error.code or "") from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        # A matter of our configuration: nothing happened over there, and the same call is right once it is mended.
        raise ProviderUnreachable(f"{name}: our key was refused") from error
    except stripe.StripeError as error:
        raise ProviderUnreachable(f"{name}: {type(error).__name__}: {error}") from error


def _instant(seconds: Any) -> datetime | None:
    return datetime.fromtimestamp(int(seconds), UTC) if seconds else None


def _get(row: Any, *path: str, default: Any = None) -> Any:
    """Walk optional parts of a provider object."""
    for name in path:
        if row is None or isinstance(row, str):
            return default
        row = row.get(name) if hasattr(row, "get") else getattr(row, name, None)
    return default if row is None else row


def _id(row: Any) -> str | None:
    return row if isinstance(row, str) or row is None else row["id"]


_SESSION_EXPAND = ["payment_intent", "payment_intent.latest_charge"]


def _session(raw: Any) -> SessionFacts:
    row = raw.to_dict() if hasattr(raw, "to_dict") else raw
    intent = row.get("payment_intent")
    whole = intent if isinstance(intent, dict) else {}
    charge = whole.get("latest_charge") if isinstance(whole.get("latest_charge"), dict) else {}
    return SessionFacts(
        id=row["id"],
        url=row.get("url") or "",
        status=row.get("status") or "",
        payment_status=row.get("payment_status") or "",
        amount=row.get("amount_total") or 0,
        currency=(row.get("currency") or "").upper(),
        livemode=bool(row.get("livemode")),
        expires_at=_instant(row["expires_at"]) or clock.now(),
        attempt_id=(row.get("metadata") or {}).get("attempt", ""),
        intent_id=_id(intent),
        intent_status=whole.get("status", ""),
        amount_received=whole.get("amount_received") or 0,
        amount_refunded=charge.get("amount_refunded") or 0,
        disputed=bool(charge.get("disputed")),
        pay_by=_instant(_get(whole, "next_action", "konbini_display_details", "expires_at")),
    )


def create_session(
    *,
    key: str,
    attempt_id: int,
    order_reference: str,
    method: str,
    lines: list[tuple[str, int]],
    currency: str,
    email: str,
    language: str,
    expires_at: datetime,
    konbini_days: int,
    return_url: str,
    cancel_url: str,
) -> SessionFacts:
    """Open a hosted payment page for these lines (name, amount in minor units) under our idempotency key."""
    params: dict[str, Any] = {
        "mode": "payment",
        "payment_method_types": [method],
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": currency.lower(),
                    "unit_amount": to_provider(amount, currency),
                    "product_data": {"name": name},
                },
            }
            for name, amount in lines
        ],
        "client_reference_id": order_reference,
        "customer_email": email,
        "locale": language,
        "expires_at": int(expires_at.timestamp()),
        "metadata": {"attempt": str(attempt_id), "order": order_reference},
        "payment_intent_data": {"metadata": {"attempt": str(attempt_id), "order": order_reference}},
        "success_url": return_url,
        "cancel_url": cancel_url,
        "expand": _SESSION_EXPAND,
    }
    if method == "konbini":
        params["payment_method_options"] = {"konbini": {"expires_after_days": konbini_days}}
    return _session(
        _call(
            "create_session",
            lambda client: client.v1.checkout.sessions.create(params=params, options={"idempotency_key": key}),
        )
    )


def get_session(session_id: str) -> SessionFacts:
    """Ask again about one session."""
    return _session(
        _call(
            "get_session",
            lambda client: client.v1.checkout.sessions.retrieve(session_id, params={"expand": _SESSION_EXPAND}),
        )
    )


def find_session(attempt_id: int, *, since: datetime, until: datetime) -> SessionFacts | None:
    """Look for the session of an attempt whose call was never answered, by creation time and our reference in it."""
    for row in _pages(
        "find_session",
        lambda client, params: client.v1.checkout.sessions.list(params=params),
        {"created": {"gte": int(since.timestamp()), "lte": int(until.timestamp())}},
    ):
        if _get(row, "metadata", "attempt") == str(attempt_id):
            return get_session(row["id"])
    return None


def expire_session(session_id: str) -> None:
    """Close a payment page that is no longer wanted; a page that is over already is fine."""
    try:
        _call("expire_session", lambda client: client.v1.checkout.sessions.expire(session_id))
    except ProviderRefused:
        return


def _pages(name: str, fetch: Callable[[stripe.StripeClient, Any], Any], params: dict[str, Any]) -> Iterator[Any]:
    """All rows of a list, page by page, as plain dictionaries."""
    after: str | None = None
    while True:
        query = {**params, "limit": 100, **({"starting_after": after} if after else {})}
        page = _call(name, lambda client, query=query: fetch(client, query))
        rows = [row.to_dict() for row in page.data]
        yield from rows
        if not page.has_more or not rows:
            return
        after = rows[-1]["id"]


def _refund(row: Any) -> RefundFacts:
    row = row.to_dict() if hasattr(row, "to_dict") else row
    return RefundFacts(
        id=row["id"],
        status=row.get("status") or "pending",
        amount=row["amount"],
        currency=row["currency"].upper(),
        intent_id=_id(row.get("payment_intent")),
        our_refund_id=(row.get("metadata") or {}).get("refund", ""),
        created_at=_instant(row["created"]) or clock.now(),
        failure=row.get("failure_reason") or "",
    )


def create_refund(*, key: str, refund_id: int, intent_id: str, amount: int, currency: str) -> RefundFacts:
    """Send money back to the instrument that paid, under our idempotency key."""
    return _refund(
        _call(
            "create_refund",
            lambda client: client.v1.refunds.create(
                params={
                    "payment_intent": intent_id,
                    "amount": to_provider(amount, currency),
                    "metadata": {"refund": str(refund_id)},
                },
                options={"idempotency_key": key},
            ),
        )
    )


def get_refund(provider_id: str) -> RefundFacts:
    """Ask again about one refund."""
    return _refund(_call("get_refund", lambda client: client.v1.refunds.retrieve(provider_id)))


def list_refunds(*, intent_id: str | None = None, since: datetime | None = None) -> Iterator[RefundFacts]:
    """The refunds of one payment, or all made since an instant."""
    params: dict[str, Any] = {"payment_intent": intent_id} if intent_id else {}
    if since:
        params["created"] = {"gte": int(since.timestamp())}
    for row in _pages("list_refunds", lambda client, query: client.v1.refunds.list(params=query), params):
        yield _refund(row)


def _dispute(row: Any) -> DisputeFacts:
    row = row.to_dict() if hasattr(row, "to_dict") else row
    return DisputeFacts(
        id=row["id"],
        status=row["status"],
        amount=row["amount"],
        fee=sum(part.get("fee", 0) for part in row.get("balance_transactions") or []),
        currency=row["currency"].upper(),
        intent_id=_id(row.get("payment_intent")),
        evidence_due_at=_instant(_get(row, "evidence_details", "due_by")),
        created_at=_instant(row["created"]) or clock.now(),
    )


def get_dispute(provider_id: str) -> DisputeFacts:
    """Ask again about one dispute."""
    return _dispute(_call("get_dispute", lambda client: client.v1.disputes.retrieve(provider_id)))


def list_disputes(*, intent_id: str | None = None, since: datetime | None = None) -> Iterator[DisputeFacts]:
    """The disputes of one payment, or all opened since an instant."""
    params: dict[str, Any] = {"payment_intent": intent_id} if intent_id else {}
    if since:
        params["created"] = {"gte": int(since.timestamp())}
    for row in _pages("list_disputes", lambda client, query: client.v1.disputes.list(params=query), params):
        yield _dispute(row)


_BALANCE_KINDS = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund",
    "payment_failure_refund": "refund",
    "adjustment": "dispute",
}


# The provider takes back what it could not deliver; `source` is the payout.
_UNDELIVERED = ("payout_failure", "payout_cancel")


def _payout(row: Any) -> PayoutFacts:
    row = row.to_dict() if hasattr(row, "to_dict") else row
    return PayoutFacts(
        id=row["id"],
        amount=row["amount"],
        currency=row["currency"].upper(),
        status=row["status"],
        arrived_at=_instant(row["arrival_date"]) or clock.now(),
    )


def get_payout(provider_id: str) -> PayoutFacts:
    """Ask again about one payout; without its lines."""
    return _payout(_call("get_payout", lambda client: client.v1.payouts.retrieve(provider_id)))


def list_payouts(*, since: datetime) -> list[PayoutFacts]:
    """Payouts made since an instant, oldest first, in whatever state they are; without their lines."""
    rows = _pages(
        "list_payouts",
        lambda client, query: client.v1.payouts.list(params=query),
        {"created": {"gte": int(since.timestamp())}},
    )
    return [_payout(row) for row in rows][::-1]


def payout_lines(payout_id: str) -> list[BalanceFacts]:
    """What a payout is made of. The money of an earlier one that did not arrive is a single line of the next: the lines
    of that earlier payout stand here in its place."""
    lines: list[BalanceFacts] = []
    for part in _pages(
        "list_balance_transactions",
        lambda client, query: client.v1.balance_transactions.list(params=query),
        {"payout": payout_id, "expand": ["data.source"]},
    ):
        source = _id(part.get("source")) or ""
        if part["type"] in _UNDELIVERED and source not in ("", payout_id):
            lines += payout_lines(source)
        elif part["type"] not in ("payout", *_UNDELIVERED):
            lines.append(
                BalanceFacts(
                    id=part["id"],
                    kind=_BALANCE_KINDS.get(part["type"], "other"),
                    amount=part["amount"],
                    fee=part.get("fee") or 0,
                    intent_id=_id(_get(part, "source", "payment_intent")),
                    source=source,
                )
            )
    return lines


def verified_event(body: bytes, signature: str) -> dict[str, Any]:
    """The event of a webhook whose signature on the raw body is right. Raises BadSignature, NotAnEvent."""
    try:
        stripe.Webhook.construct_event(body, signature, settings.STRIPE_WEBHOOK_SECRET)  # type: ignore[no-untyped-call]
    except (ValueError, stripe.SignatureVerificationError) as error:
        raise BadSignature(str(error)) from error
    except (AttributeError, TypeError, KeyError) as error:  # signed, and nothing that the library can read
        raise NotAnEvent(str(error)) from error
    event = event_of(body.decode())
    data = event.get("data", {})
    subject = data.get("object") if isinstance(data, dict) else None
    texts = [event.get("id"), event.get("type"), subject.get("id", "") if isinstance(subject, dict) else None]
    if not all(isinstance(text, str) and "\0" not in text for text in texts) or not event["id"]:
        raise NotAnEvent("without an id, a type or an object")
    return event


def event_of(body: str) -> dict[str, Any]:
    """The event of a stored body, whose signature was checked when it came."""
    event: dict[str, Any] = json.loads(body)
    return event
