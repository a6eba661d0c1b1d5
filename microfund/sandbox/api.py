"""The provider's HTTP API: key, parameters, idempotency, routes, lists, expansion."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import sqlite3
from collections.abc import Callable
from typing import Any

from . import api_checkout, api_money
from .api_lists import expand
from .engine import Sandbox
from .errors import ApiError
from .http_types import Request, Response
from .params import Params, parse_form
from .store import Document, public

KEY_LIFETIME = 24 * 3600
Handler = Callable[..., Document]

ROUTES: list[tuple[str, re.Pattern[str], Handler]] = [
    (method, re.compile("^/v1/" + re.sub(r"\{id\}", r"([A-Za-z0-9_]{1,255})", path) + "$"), handler)
    for method, path, handler in (*api_checkout.ROUTES, *api_money.ROUTES)
]


def handle(box: Sandbox, request: Request, before_effect: Callable[[], None], spoil: bool = False) -> Response:
    """Answer one call. ``before_effect`` runs when the key is in flight and nothing has happened yet; ``spoil`` makes
    the answer that is kept under the key an error 500."""
    key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
    try:
        authenticate(box, request)
        if key is not None and not 0 < len(key) <= 255:
            raise ApiError("Idempotency keys must have 1 to 255 characters.")
        if key is not None and not box.enter(key):
            raise ApiError(
                "There is currently another in-progress request using this Idempotent Key (that probably means you"
                f" submitted twice, and the other request is still going through): {key}",
                status=409,
                code="idempotency_key_in_use",
            )
        try:
            before_effect()
            return _perform(box, request, key, spoil)
        finally:
            if key is not None:
                box.leave(key)
    except ApiError as error:
        return _answer(error.body(), error.status, request, key)


def authenticate(box: Sandbox, request: Request) -> None:
    """The secret key, as a bearer token or as the user name of basic authentication."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    given = ""
    if scheme.lower() == "bearer":
        given = value.strip()
    elif scheme.lower() == "basic":
        try:
            given = base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            given = ""
    if not given:
        raise ApiError(
            "You did not provide an API key. Send it in the Authorization header, using Bearer auth.", status=401
        )
    if not hmac.compare_digest(given.encode(), box.settings.secret_key.encode()):
        raise ApiError(f"Invalid API Key provided: {given[:11]}{'*' * 8}", status=401)


def server_error() -> Response:
    """What the provider sends when it fails itself."""
    return Response.json(
        {"error": {"type": "api_error", "message": "An unknown error occurred. (A fault of the sandbox, on order.)"}},
        500,
    )


def rate_limit() -> Response:
    """Too many requests."""
    error = {"type": "invalid_request_error", "code": "rate_limit", "message": "Request rate limit exceeded."}
    return Response.json({"error": error}, 429, **{"Stripe-Rate-Limited-Reason": "global-rate"})


def _perform(box: Sandbox, request: Request, key: str | None, spoil: bool) -> Response:
    encoded = request.query if request.method in ("GET", "DELETE") else request.body.decode("utf-8", "replace")
    data = parse_form(encoded)
    fingerprint = hashlib.sha256(json.dumps([request.method, request.path, data], sort_keys=True).encode()).hexdigest()
    with box.work(request_id=request.id, idempotency_key=key) as now:
        if key is not None:
            stored = _stored(box, key, now, fingerprint)
            if stored is not None:
                return _answer(json.loads(stored["body"]), stored["status"], request, key, original=stored["request"])
        try:
            with box.store.savepoint():
                status, body = 200, _call(box, request, data)
        except ApiError as error:
            if not error.stored:
                raise
            status, body = error.status, error.body()
        kept = (status, body) if not spoil else (500, json.loads(server_error().body))
        if key is not None:
            box.store.sql(
                "INSERT INTO idempotency (key, created, request, fingerprint, status, body) VALUES (?,?,?,?,?,?)",
                (key, now, request.id, fingerprint, kept[0], json.dumps(kept[1])),
            )
    response = _answer(kept[1], kept[0], request, key)
    response.effect = status
    return response


def _stored(box: Sandbox, key: str, now: int, fingerprint: str) -> sqlite3.Row | None:
    box.store.sql("DELETE FROM idempotency WHERE created <= ?", (now - KEY_LIFETIME,))
    rows = box.store.sql("SELECT * FROM idempotency WHERE key = ?", (key,))
    if not rows:
        return None
    if rows[0]["fingerprint"] != fingerprint:
        raise ApiError(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try"
            f" using a key other than '{key}' if you meant to execute a different request.",
            type="idempotency_error",
        )
    return rows[0]


def _call(box: Sandbox, request: Request, data: dict[str, Any]) -> Document:
    known = False
    for method, pattern, handler in ROUTES:
        match = pattern.match(request.path)
        if match is None:
            continue
        known = True
        if method == request.method:
            params = Params(data)
            wanted = params.strings("expand")
            result = handler(box, params, *match.groups())
            for path in wanted:
                expand(box, result, path)
            return public(result)
    what = "is not spoken with that method" if known else "is not known to the sandbox"
    raise ApiError(f"Unrecognized request URL ({request.method}: {request.path}): it {what}.", status=404)


def _answer(body: Document, status: int, request: Request, key: str | None, *, original: str | None = None) -> Response:
    response = Response.json(body, status)
    response.headers["Stripe-Version"] = request.headers.get("Stripe-Version", "")
    if key is not None:
        response.headers["Idempotency-Key"] = key
    if original is not None:
        response.headers["Idempotent-Replayed"] = "true"
        response.headers["Original-Request"] = original
    return response
