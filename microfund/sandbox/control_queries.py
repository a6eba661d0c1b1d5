"""What tests ask afterwards: who was charged how often, and what became of the webhooks."""

from __future__ import annotations

from typing import Any

from .engine import Sandbox


def charges(box: Sandbox) -> dict[str, Any]:
    """Charges that succeeded (yen), the oldest first, and totals by the session's client_reference_id.

    A reference with more than one charge was charged twice.
    """
    references = {
        sess["payment_intent"]: sess["client_reference_id"]
        for sess in box.store.find("checkout.session")
        if sess["payment_intent"]
    }
    rows: list[dict[str, Any]] = []
    totals: dict[str, dict[str, int]] = {}
    for charge in reversed(box.store.find("charge", equal={"status": "succeeded"})):
        reference = references.get(charge["payment_intent"])
        row = {
            "id": charge["id"],
            "payment_intent": charge["payment_intent"],
            "client_reference_id": reference,
            "method": charge["payment_method_details"]["type"],
            "amount": charge["amount"],
            "captured": charge["amount_captured"],
            "refunded": charge["amount_refunded"],
            "disputed": charge["disputed"],
        }
        rows.append(row)
        total = totals.setdefault(reference or "", {"charges": 0, "captured": 0, "refunded": 0})
        total["charges"] += 1
        total["captured"] += row["captured"]
        total["refunded"] += row["refunded"]
    return {"charges": rows, "by_client_reference_id": totals}


def delivery_counts(box: Sandbox) -> dict[str, int]:
    """How many deliveries are in each state."""
    rows = box.store.sql("SELECT state, COUNT(*) AS n FROM delivery GROUP BY state ORDER BY state")
    return {row["state"]: row["n"] for row in rows}
