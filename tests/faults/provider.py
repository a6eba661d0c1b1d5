"""The sandbox as a payer, the provider's staff and its webhook sender use it, in any process whose settings name it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import stripe
from django.conf import settings
from django.test import override_settings

from investments.payments import gateway
from investments.payments.models import PaymentAttempt
from microfund.sandbox.webhooks import signature
from tests.sandbox_client import SECRET_KEY, WEBHOOK_SECRET, SandboxProcess


@contextmanager
def running(**more: Any) -> Iterator[SandboxProcess]:
    """A sandbox that sends no webhooks by itself, and settings that point to it."""
    with SandboxProcess() as sandbox, override_settings(**settings_for(sandbox), **more):
        gateway._client.cache_clear()
        yield sandbox
    gateway._client.cache_clear()


def settings_for(sandbox: SandboxProcess) -> dict[str, Any]:
    """The settings of a site that uses this sandbox; also right as environment variables."""
    return {"SANDBOX_URL": sandbox.url, "STRIPE_SECRET_KEY": SECRET_KEY, "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET}


def _try(method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(urlsplit(settings.SANDBOX_URL).netloc, timeout=120)
    try:
        connection.request(method, path, body, headers or {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def _request(method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> Any:
    status, answer = _try(method, path, body, headers)
    if status != 200:
        raise AssertionError(f"{method} {path}: {status} {answer}")
    return answer


def control(path: str, /, **data: Any) -> Any:
    """POST to the control API."""
    return _request("POST", f"/_control/{path}", json.dumps(data))


def ask(path: str) -> Any:
    """GET from the control API."""
    return _request("GET", f"/_control/{path}")


def forget_faults() -> Any:
    """No faults any more; answers how many fired."""
    return _request("DELETE", "/_control/faults")


def set_clock(at: datetime) -> None:
    """The provider's clock stands still at `at`."""
    control("clock", at=at.isoformat())


def api(path: str) -> Any:
    """GET from the provider's own API, past our gateway."""
    return _request("GET", path, None, {"Authorization": f"Bearer {settings.STRIPE_SECRET_KEY}"})


def session(session_id: str) -> Any:
    """A session as the provider holds it."""
    return api(f"/v1/checkout/sessions/{session_id}?expand[]=payment_intent")


def sessions_of(reference: str) -> list[Any]:
    """Every session that the provider holds for an order, newest first."""
    return [row for row in _all("/v1/checkout/sessions?limit=100") if row["client_reference_id"] == reference]


def _all(path: str) -> Iterator[Any]:
    after = ""
    while True:
        page = api(path + (f"&starting_after={after}" if after else ""))
        yield from page["data"]
        if not page["has_more"]:
            return
        after = page["data"][-1]["id"]


def pay(attempt: PaymentAttempt, how: str = "card") -> None:
    """The payer pays on the hosted page, once: a second visit finds the page closed."""
    assert attempt.session_id, "there is no page to pay on"
    now = session(attempt.session_id)
    if now["status"] == "open":
        control("pay", session=attempt.session_id, how=how)


def pay_out() -> bool:
    """The provider pays out what it has; False when there is nothing."""
    status, _body = _try("POST", "/_control/payouts/make", "{}")
    return status == 200


def refund_by_hand(intent_id: str) -> bool:
    """The provider's staff refund a payment in the dashboard; False when nothing of it is left."""
    status, _answer = _try("POST", "/_control/dashboard_refund", json.dumps({"payment_intent": intent_id}))
    return status == 200


def sell_elsewhere(amount: int) -> None:
    """Another site of the operator sells something through the same account: no attempt of ours."""
    client = stripe.StripeClient(settings.STRIPE_SECRET_KEY, base_addresses={"api": settings.SANDBOX_URL})
    made = client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "line_items": [
                {
                    "price_data": {"currency": "jpy", "unit_amount": amount, "product_data": {"name": "Something"}},
                    "quantity": 1,
                }
            ],
            "payment_method_types": ["card"],
            "success_url": "http://127.0.0.1:8000/",
            "expires_at": ask("clock")["now"] + 31 * 60,
        }
    )
    control("pay", session=made.id)


def charges_of(reference: str) -> list[Any]:
    """The charges that succeeded for an order."""
    return [row for row in ask("charges")["charges"] if row["client_reference_id"] == reference]


def refunds_of(intent_id: str) -> list[Any]:
    """The provider's refunds of one payment."""
    return list(_all(f"/v1/refunds?limit=100&payment_intent={intent_id}"))


def events_of(*object_ids: str) -> list[dict[str, Any]]:
    """The provider's newest events about these objects, oldest first."""
    found = []
    for event in api("/v1/events?limit=100")["data"]:
        subject = event["data"]["object"]
        ids = {subject.get("id"), subject.get("payment_intent"), subject.get("charge")}
        if ids & set(object_ids):
            found.append(event)
    return found[::-1]


def signed(event: dict[str, Any], *, secret: str = "", at: float | None = None) -> tuple[bytes, str]:
    """The raw body and signature header of an event as the provider sends it."""
    body = json.dumps(event, ensure_ascii=False, indent=2).encode()
    return body, signature(body, secret or settings.STRIPE_WEBHOOK_SECRET, int(time.time() if at is None else at))
