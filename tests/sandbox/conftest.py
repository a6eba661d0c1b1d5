"""A sandbox process and a receiver of its webhooks, shared by a test session and emptied before each test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe

from tests.sandbox_client import SandboxProcess


class Receiver(ThreadingHTTPServer):
    """Keeps every webhook it is sent; answers with ``status`` (a list is used up first)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[tuple[bytes, str]] = []
        self.answers: list[int] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/webhooks/stripe/"

    def events(self, secret: str) -> list[stripe.Event]:
        """All of them, each verified with the real library."""
        return [stripe.Webhook.construct_event(body, header, secret) for body, header in list(self.received)]

    def clear(self) -> None:
        self.received.clear()
        self.answers.clear()


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.answers.pop(0) if self.server.answers else 200
        if status == 200:
            self.server.received.append((body, self.headers["Stripe-Signature"]))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="session")
def _receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def _process(_receiver: Receiver) -> Iterator[SandboxProcess]:
    with SandboxProcess(webhook_url=_receiver.url) as process:
        yield process


@pytest.fixture
def sandbox(_process: SandboxProcess, _receiver: Receiver) -> SandboxProcess:
    """An empty sandbox whose webhooks go to ``receiver``."""
    _process.control("webhooks/discard")
    _process.wait_for_webhooks()
    _process.control("reset")
    _receiver.clear()
    return _process


@pytest.fixture
def receiver(sandbox: SandboxProcess, _receiver: Receiver) -> Receiver:
    """Where webhooks arrive."""
    return _receiver


@pytest.fixture
def client(sandbox: SandboxProcess) -> stripe.StripeClient:
    """The real client library, without its own retries, so that a test sees each answer."""
    return make_client(sandbox)


def make_client(sandbox: SandboxProcess, **options: Any) -> stripe.StripeClient:
    """A client of a sandbox."""
    return stripe.StripeClient(
        sandbox.secret_key, base_addresses={"api": sandbox.url}, **{"max_network_retries": 0, **options}
    )


@pytest.fixture
def make_session(sandbox: SandboxProcess, client: stripe.StripeClient) -> Callable[..., stripe.checkout.Session]:
    """Create a session of two units (21,000 yen) as the product does; keywords replace parameters."""

    def make(key: str | None = None, using: stripe.StripeClient | None = None, **given: Any) -> stripe.checkout.Session:
        params = session_params(sandbox, **given)
        return (using or client).v1.checkout.sessions.create(params, {"idempotency_key": key} if key else {})

    return make


def session_params(sandbox: SandboxProcess, **given: Any) -> dict[str, Any]:
    """Parameters of a session: donation, investment and fee of two units."""
    params = {
        "mode": "payment",
        "line_items": [
            {
                "price_data": {"currency": "jpy", "unit_amount": amount, "product_data": {"name": name}},
                "quantity": 2,
            }
            for name, amount in (("Donation", 5000), ("Investment", 5000), ("Fee", 500))
        ],
        "payment_method_types": ["card", "konbini"],
        "payment_method_options": {"konbini": {"expires_after_days": 2}},
        "client_reference_id": "order-1",
        "metadata": {"attempt": "1"},
        "payment_intent_data": {"metadata": {"attempt": "1"}},
        "customer_email": "haruka@example.jp",
        "success_url": "http://127.0.0.1:8000/orders/1/return?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:8000/orders/1/",
        "expires_at": sandbox.control("clock")["now"] + 31 * 60,
        "locale": "en",
    }
    params.update(given)
    return {name: value for name, value in params.items() if value is not None}
