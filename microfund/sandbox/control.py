"""The control API: the clock, faults, and everything that a visitor, a payer's bank or the provider's staff would do.

JSON in, JSON out, under ``/_control/``. It has no key: it listens on this machine only, and asks for a content type
that a browser does not send across sites.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from . import balance, bank, control_queries, payments, refunds
from .api_lists import fetch
from .engine import REFUND_POLICIES, Sandbox
from .errors import ApiError
from .faults import Fault
from .http_types import Request, Response
from .store import Document, public

Json = dict[str, Any]
LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")


def is_control(path: str) -> bool:
    """Requests that suffer no faults."""
    return path.startswith("/_control/") or path == "/healthz"


def handle(box: Sandbox, request: Request) -> Response:
    """Answer one control call; a mistake in it is a 400 that says what is wrong."""
    name = request.path.removeprefix("/_control/").rstrip("/")
    host = request.headers.get("Host", "").rsplit(":", 1)[0]
    if host not in LOCAL_HOSTS:
        return Response.json({"error": "the control API answers to 127.0.0.1 only"}, 403)
    handler = HANDLERS.get((request.method, name))
    if handler is None:
        known = ", ".join(sorted(f"{method} /_control/{path}" for method, path in HANDLERS))
        return Response.json({"error": f"no such control call; there are: {known}"}, 404)
    try:
        if request.method == "POST" and not request.headers.get("Content-Type", "").startswith("application/json"):
            raise ValueError("send JSON, with Content-Type: application/json")
        data = json.loads(request.body) if request.body.strip() else {}
        if not isinstance(data, dict):
            raise ValueError("send a JSON object")
        return Response.json(handler(box, data if request.method == "POST" else dict(request.arguments)))
    except ApiError as error:
        return Response.json({"error": error.message, "code": error.code, "param": error.param}, error.status)
    except KeyError as error:
        return Response.json({"error": f"missing or unknown: {error.args[0]}"}, 400)
    except (ValueError, TypeError) as error:
        return Response.json({"error": str(error)}, 400)


def set_clock(box: Sandbox, data: Json) -> Json:
    """``{"at": iso or null, "ticking": bool}`` or ``{"advance_seconds": n}``."""
    _only(data, "at", "ticking", "advance_seconds")
    if "advance_seconds" in data:
        box.clock.advance(float(data["advance_seconds"]))
    elif data["at"] is None:
        box.clock.set(None)
    else:
        at = datetime.fromisoformat(data["at"])
        if at.tzinfo is None:
            raise ValueError("the clock is set to an instant with its offset, such as 2027-03-01T09:00:00+09:00")
        box.clock.set(at, ticking=bool(data.get("ticking", False)))
    with box.work():
        return box.clock.describe()


def get_clock(box: Sandbox, data: Json) -> Json:
    """The present of the sandbox."""
    return box.clock.describe()


def order_faults(box: Sandbox, data: Json) -> Json:
    """``{"faults": [...], "webhooks": mode, "seconds", "seed", "skew_seconds"}``. Adds to the faults on order."""
    _only(data, "faults", "webhooks", "seconds", "seed", "skew_seconds")
    box.faults.add([Fault.parse(item) for item in data.get("faults", [])])
    if "webhooks" in data:
        box.outbox.set_mode(
            data["webhooks"],
            seconds=data.get("seconds"),
            seed=data.get("seed"),
            skew_seconds=data.get("skew_seconds"),
        )
    return faults(box, {})


def faults(box: Sandbox, data: Json) -> Json:
    """What is on order, and how much of it really fired."""
    orders = box.faults.describe()
    return {
        "faults": orders,
        "fired": sum(order["fired"] for order in orders),
        "webhooks": box.outbox.mode,
        "webhook_deliveries": control_queries.delivery_counts(box),
    }


def clear_faults(box: Sandbox, data: Json) -> Json:
    """No faults, normal webhooks. Answers the counts up to now."""
    before = faults(box, {})
    box.faults.clear()
    box.outbox.set_mode("normal")
    return before


def pay(box: Sandbox, data: Json) -> Json:
    """``{"session", "how": card|decline|hold|konbini, "email", "name"}``: what the visitor does on the hosted page."""
    _only(data, "session", "how", "email", "name")
    with box.work():
        return _pay(box, data["session"], data)


def pay_many(box: Sandbox, data: Json) -> Json:
    """``{"sessions": [...], "how"}``: all in one transaction."""
    _only(data, "sessions", "how")
    with box.work():
        return {"paid": [_pay(box, session_id, data) for session_id in data["sessions"]]}


def _pay(box: Sandbox, session_id: str, data: Json) -> Json:
    sess = fetch(box, "checkout.session", session_id, param="session")
    intent = payments.pay(box, sess, data.get("how", "card"), email=data.get("email"), name=data.get("name"))
    return {"session": public(sess), "payment_intent": public(intent)}


def release(box: Sandbox, data: Json) -> Json:
    """``{"payment_intent", "outcome": succeed|fail}``: the end of a held payment."""
    _only(data, "payment_intent", "outcome")
    outcome = data.get("outcome", "succeed")
    if outcome not in ("succeed", "fail"):
        raise ValueError("outcome is succeed or fail")
    with box.work():
        intent = fetch(box, "payment_intent", data["payment_intent"])
        return public(payments.release(box, intent, succeed=outcome == "succeed"))


def konbini_pay(box: Sandbox, data: Json) -> Json:
    """``{"payment_intent"}``: pay the slip at a counter."""
    with box.work():
        return public(payments.konbini_pay(box, fetch(box, "payment_intent", data["payment_intent"])))


def konbini_expire(box: Sandbox, data: Json) -> Json:
    """``{"payment_intent"}``: the slip's deadline passes now."""
    with box.work():
        return public(payments.konbini_expire(box, fetch(box, "payment_intent", data["payment_intent"])))


def refund_policy(box: Sandbox, data: Json) -> Json:
    """``{"next": policy or [policies]}``: how the next refunds go; ``[]`` forgets them."""
    wanted = data["next"] if isinstance(data["next"], list) else [data["next"]]
    for policy in wanted:
        if policy not in REFUND_POLICIES:
            raise ValueError(f"unknown refund policy {policy!r}: one of {', '.join(REFUND_POLICIES)}")
    box.refund_policies[:] = wanted
    return {"next": list(box.refund_policies)}


def settle_refund(box: Sandbox, data: Json) -> Json:
    """``{"refund", "status": pending|succeeded|failed|canceled, "failure_reason"}``."""
    _only(data, "refund", "status", "failure_reason")
    with box.work():
        refund = fetch(box, "refund", data["refund"])
        return public(refunds.settle_refund(box, refund, data["status"], data.get("failure_reason")))


def dashboard_refund(box: Sandbox, data: Json) -> Json:
    """``{"payment_intent", "amount"}``: a refund made by hand at the provider; all that is left when no amount."""
    _only(data, "payment_intent", "amount", "policy")
    with box.work():
        charge = _charge(box, data)
        amount = data.get("amount")
        if amount is not None:
            amount = _whole("amount", amount)
        return public(
            refunds.create_refund(
                box, charge, amount=amount, reason="requested_by_customer", policy=data.get("policy", "succeeded")
            )
        )


def open_dispute(box: Sandbox, data: Json) -> Json:
    """``{"payment_intent" or "charge", "amount", "reason", "inquiry"}``: with ``inquiry`` the bank only asks first."""
    _only(data, "payment_intent", "charge", "amount", "reason", "inquiry")
    with box.work():
        amount = data.get("amount")
        if amount is not None:
            amount = _whole("amount", amount)
        return public(
            refunds.open_dispute(
                box,
                _charge(box, data),
                amount=amount,
                reason=data.get("reason", "fraudulent"),
                inquiry=bool(data.get("inquiry")),
            )
        )


def escalate_inquiry(box: Sandbox, data: Json) -> Json:
    """``{"dispute"}``: the inquiry becomes a dispute, and the money is withdrawn."""
    _only(data, "dispute")
    with box.work():
        return public(refunds.escalate_inquiry(box, fetch(box, "dispute", data["dispute"])))


def close_inquiry(box: Sandbox, data: Json) -> Json:
    """``{"dispute"}``: the bank asks no further (``warning_closed``)."""
    _only(data, "dispute")
    with box.work():
        return public(refunds.close_inquiry(box, fetch(box, "dispute", data["dispute"])))


def review_dispute(box: Sandbox, data: Json) -> Json:
    """``{"dispute"}``: evidence was sent."""
    with box.work():
        return public(refunds.review_dispute(box, fetch(box, "dispute", data["dispute"])))


def close_dispute(box: Sandbox, data: Json) -> Json:
    """``{"dispute", "outcome": won|lost}``."""
    _only(data, "dispute", "outcome")
    if data["outcome"] not in ("won", "lost"):
        raise ValueError("outcome is won or lost")
    with box.work():
        dispute = fetch(box, "dispute", data["dispute"])
        return public(refunds.close_dispute(box, dispute, won=data["outcome"] == "won"))


def make_payout(box: Sandbox, data: Json) -> Json:
    """``{"status": paid|in_transit|pending, "travel_days"}``: all that is available goes to the bank; at once, unless
    said otherwise."""
    _only(data, "status", "travel_days")
    status = data.get("status", "paid")
    if status not in balance.PAYOUT_FIRST:
        raise ValueError(f"status is one of {', '.join(balance.PAYOUT_FIRST)}")
    days = _whole("travel_days", data.get("travel_days", 0), least=0)
    with box.work():
        return public(balance.make_payout(box, status=status, travel_days=days))


def settle_payout(box: Sandbox, data: Json) -> Json:
    """``{"payout", "status": in_transit|paid|failed|canceled}``."""
    _only(data, "payout", "status")
    with box.work():
        return public(balance.settle_payout(box, fetch(box, "payout", data["payout"]), data["status"]))


def settings(box: Sandbox, data: Json) -> Json:
    """``{"available_after_days": n}``: how long money of a charge stays pending (0 at the start)."""
    _only(data, "available_after_days")
    box.available_after_days = _whole("available_after_days", data["available_after_days"], least=0)
    return {"available_after_days": box.available_after_days}


def transfer(box: Sandbox, data: Json) -> Json:
    """``{"payer_name", "amount", "payer_code", "date", "kind": credit|debit, "edi", "memo"}``."""
    with box.work():
        return _transfer(box, data)


def transfer_many(box: Sandbox, data: Json) -> Json:
    """``{"transfers": [...]}``: all in one transaction."""
    _only(data, "transfers")
    with box.work():
        return {"rows": [_transfer(box, item) for item in data["transfers"]]}


def _transfer(box: Sandbox, data: Json) -> Json:
    _only(data, "payer_name", "payer_code", "amount", "date", "kind", "edi", "memo")
    texts = {name: str(data[name]) for name in ("payer_code", "kind", "edi", "memo") if name in data}
    day = date.fromisoformat(data["date"]) if data.get("date") else None
    amount = _whole("amount", data["amount"])
    try:
        return bank.book(box, amount=amount, payer_name=str(data["payer_name"]), day=day, **texts)
    except bank.BankError as error:
        raise ValueError(f"{error.field}: {error}") from None


def deliveries(box: Sandbox, data: Json) -> Json:
    """All deliveries of webhooks with their state."""
    return {"deliveries": box.outbox.describe(), "counts": control_queries.delivery_counts(box)}


def flush(box: Sandbox, data: Json) -> Json:
    """``{"order": [event ids]}`` or ``{}``: send now what is queued or held, and wait for the answers."""
    _only(data, "order")
    return {"sent": box.outbox.flush(data.get("order"))}


def send(box: Sandbox, data: Json) -> Json:
    """``{"event", "times"}``: send an event again, delivered and lost ones too, and wait for the answers."""
    _only(data, "event", "times")
    return {"sent": box.outbox.send(data["event"], _whole("times", data.get("times", 1)))}


def discard(box: Sandbox, data: Json) -> Json:
    """Lose what is queued or held."""
    return {"lost": box.outbox.discard()}


def charges(box: Sandbox, data: Json) -> Json:
    """All charges that succeeded, and their totals by client_reference_id."""
    return control_queries.charges(box)


def requests(box: Sandbox, data: Json) -> Json:
    """The last calls of the API, the oldest first; ``status`` null: the connection ended without an answer."""
    return {"requests": list(box.requests)}


def reset(box: Sandbox, data: Json) -> Json:
    """Forget everything."""
    box.reset()
    return {"reset": True}


def _charge(box: Sandbox, data: Json) -> Document:
    if data.get("charge"):
        return fetch(box, "charge", data["charge"])
    intent = fetch(box, "payment_intent", data["payment_intent"])
    if not intent["latest_charge"]:
        raise ValueError(f"{intent['id']} has no charge: its status is {intent['status']}")
    return fetch(box, "charge", intent["latest_charge"])


def _whole(name: str, value: Any, least: int = 1) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} is a whole number from {least} up, not {value!r}")
    return value


def _only(data: Json, *names: str) -> None:
    unknown = set(data) - set(names)
    if unknown:
        raise ValueError(f"unknown: {sorted(unknown)[0]} (known: {', '.join(names)})")


HANDLERS: dict[tuple[str, str], Callable[[Sandbox, Json], Json]] = {
    ("GET", "clock"): get_clock,
    ("POST", "clock"): set_clock,
    ("GET", "faults"): faults,
    ("POST", "faults"): order_faults,
    ("DELETE", "faults"): clear_faults,
    ("POST", "pay"): pay,
    ("POST", "pay_many"): pay_many,
    ("POST", "release"): release,
    ("POST", "konbini/pay"): konbini_pay,
    ("POST", "konbini/expire"): konbini_expire,
    ("POST", "refund_policy"): refund_policy,
    ("POST", "refunds/settle"): settle_refund,
    ("POST", "dashboard_refund"): dashboard_refund,
    ("POST", "disputes/open"): open_dispute,
    ("POST", "disputes/review"): review_dispute,
    ("POST", "disputes/close"): close_dispute,
    ("POST", "disputes/escalate"): escalate_inquiry,
    ("POST", "disputes/close_inquiry"): close_inquiry,
    ("POST", "payouts/make"): make_payout,
    ("POST", "payouts/settle"): settle_payout,
    ("POST", "settings"): settings,
    ("POST", "bank/transfer"): transfer,
    ("POST", "bank/transfers"): transfer_many,
    ("GET", "webhooks"): deliveries,
    ("POST", "webhooks/flush"): flush,
    ("POST", "webhooks/send"): send,
    ("POST", "webhooks/discard"): discard,
    ("GET", "charges"): charges,
    ("GET", "requests"): requests,
    ("POST", "reset"): reset,
}
