"""What all calls of the API share: fetch by id, lists with cursors, expansion of ids into objects."""

from __future__ import annotations

from .engine import Sandbox
from .errors import ApiError, missing_object
from .params import Params
from .store import Document

MAX_DEPTH = 4
INCLUDABLE = {("checkout.session", "line_items"), ("charge", "refunds")}
"""Lists that are left out of an object unless they are asked for."""


def fetch(box: Sandbox, kind: str, object_id: str, *, param: str = "id") -> Document:
    """The object of that kind, brought up to date. 404 otherwise."""
    doc = box.store.get(object_id, kind)
    if doc is None:
        raise missing_object(kind, object_id, param)
    return current(box, doc)


def current(box: Sandbox, doc: Document) -> Document:
    """With what depends on the present moment worked out."""
    if doc["object"] == "balance_transaction":
        doc["status"] = "available" if doc["available_on"] <= box.clock.now() else "pending"
    elif doc["object"] == "event":
        waiting = box.store.sql(
            "SELECT COUNT(*) AS n FROM delivery WHERE event = ? AND state IN ('queued', 'held', 'sending')",
            (doc["id"],),
        )
        doc["pending_webhooks"] = waiting[0]["n"]
    elif doc["object"] == "dispute":
        doc["evidence_details"]["past_due"] = (
            doc["status"] == "needs_response" and doc["evidence_details"]["due_by"] < box.clock.now()
        )
    return doc


def listing(
    box: Sandbox,
    kind: str,
    url: str,
    params: Params,
    *,
    equal: dict[str, str | None] | None = None,
    ranges: dict[str, dict[str, int]] | None = None,
    types: list[str] | None = None,
) -> Document:
    """A page of a list, newest first. ``equal`` filters with value None are left out."""
    limit = params.integer("limit", least=1, most=100) or 10
    after, before = params.text("starting_after"), params.text("ending_before")
    if after and before:
        raise ApiError("You can not pass both starting_after and ending_before.", param="starting_after")
    for name, cursor in (("starting_after", after), ("ending_before", before)):
        if cursor is not None:
            fetch(box, kind, cursor, param=name)
    bounds = {"created": params.span("created"), **(ranges or {})}
    params.finish()
    found = box.store.find(
        kind,
        equal={name: value for name, value in (equal or {}).items() if value is not None},
        ranges=bounds,
        types=types,
        after=after,
        before=before,
        limit=limit + 1,
    )
    page = found[:limit]
    if before is not None:
        page.reverse()
    return as_list([current(box, doc) for doc in page], url, has_more=len(found) > limit)


def as_list(rows: list[Document], url: str, *, has_more: bool = False) -> Document:
    """A list object."""
    return {"object": "list", "data": rows, "has_more": has_more, "url": url}


def expand(box: Sandbox, doc: Document, path: str) -> None:
    """Replace the id at ``path`` (``payment_intent.latest_charge``, ``data.source``) by its object, in place."""
    parts = path.split(".")
    if len(parts) > MAX_DEPTH:
        raise ApiError(f"You cannot expand more than {MAX_DEPTH} levels of a property: {path}", param="expand")
    _expand(box, doc, parts, path)


def _expand(box: Sandbox, doc: Document, parts: list[str], path: str) -> None:
    name, rest = parts[0], parts[1:]
    value = doc.get(name)
    if (doc.get("object"), name) in INCLUDABLE and value is None:
        value = doc[name] = _included(box, doc, name)
    if isinstance(value, str):
        found = box.store.get(value)
        if found is None:
            raise _not_expandable(path)
        value = doc[name] = current(box, found)
    elif name not in doc or isinstance(value, int):
        raise _not_expandable(path)
    if not rest:
        return
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            _expand(box, item, rest, path)


def _included(box: Sandbox, doc: Document, name: str) -> Document:
    if name == "line_items":
        return as_list(doc["_line_items"], f"/v1/checkout/sessions/{doc['id']}/line_items")
    rows = box.store.find("refund", equal={"charge": doc["id"]}, limit=11)
    return as_list(rows[:10], f"/v1/charges/{doc['id']}/refunds", has_more=len(rows) > 10)


def _not_expandable(path: str) -> ApiError:
    return ApiError(f"This property cannot be expanded ({path}).", param="expand")
