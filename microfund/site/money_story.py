"""The journal's lines about one person's units, in plain words (domain.md section 7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from investments.models import Line

#: What an entry tells the investor, by its kind. A kind that is not named here is told by its lines alone.
_EVENTS: dict[str, Any] = {
    "payment_received": _("Your payment reached the payment provider"),
    "receipt_applied": _("Your transfer reached the fund's bank account"),
    "order_confirmed": _("Your units were confirmed"),
    "refund_decided": _("A refund was decided"),
    "refund_paid": _("The refund left for you"),
    "refund_by_bank": _("The refund was transferred to you"),
    "refund_failed": _("The refund came back and is owed to you again"),
    "dispute_opened": _("The payment was disputed"),
    "dispute_won": _("The dispute was decided for the fund"),
    "dispute_lost": _("The dispute was lost"),
    "dispute_rescinded": _("What the dispute had taken was settled with the operator"),
    "refund_split": _("The rest of the refund became a refund of its own"),
    "refund_charged_back": _("The refund came back; your bank had given you the money before"),
    "refund_paid_twice": _("The refund left for you, although your bank had given you the money"),
    "reversal": _("An entry was taken back"),
    "compensation_approved": _("Money instead of a reward was decided"),
    "compensation_paid_in": _("The business paid for the reward that it could not deliver"),
    "compensation_paid": _("The money instead of a reward was transferred to you"),
    "compensation_written_off": _("The money instead of a reward was written off"),
}
#: Entries in which what is owed to the operator is no fee, but money that the operator had made good.
_MADE_GOOD = ("dispute_lost", "dispute_rescinded", "refund_charged_back")
#: What a line means to the investor: account of the fund's book, side.
_LINES: dict[tuple[str, str], Any] = {
    ("psp_clearing", "D"): _("with the payment provider"),
    ("psp_clearing", "C"): _("left the payment provider"),
    ("bank", "D"): _("in the fund's bank account"),
    ("bank", "C"): _("left the fund's bank account"),
    ("applicant_deposits", "C"): _("kept for you as a deposit"),
    ("applicant_deposits", "D"): _("no longer a deposit"),
    ("donation_payable", "C"): _("donation, set aside for the business"),
    ("donation_payable", "D"): _("donation, no longer set aside"),
    ("investment_payable", "C"): _("investment, set aside for the business"),
    ("investment_payable", "D"): _("investment, no longer set aside"),
    ("due_to_operator", "C"): _("fee, owed to the operator"),
    ("due_to_operator", "D"): _("fee, no longer owed to the operator"),
    ("refunds_payable", "C"): _("owed back to you"),
    ("refunds_payable", "D"): _("no longer owed back to you"),
    ("due_from_operator", "D"): _("made good by the operator"),
    ("due_from_operator", "C"): _("settled with the operator"),
    ("receivable_from_business", "D"): _("claimed from the business"),
    ("receivable_from_business", "C"): _("settled by the business"),
    ("compensations_payable", "C"): _("owed to you instead of a reward"),
    ("compensations_payable", "D"): _("no longer owed to you"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One line: an amount in minor units and what it means."""

    amount: int
    currency: str
    words: Any


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the journal as far as it concerns these units."""

    on: date
    words: Any
    parts: tuple[Part, ...]


def events_about(subjects: Iterable[str], *, book_id: int) -> list[Event]:
    """What the fund's journal says about subjects such as `order:12`, oldest first. One query."""
    lines = (
        Line.objects.filter(subject__in=list(subjects), account__book_id=book_id)
        .select_related("entry", "account")
        .order_by("entry__happened_at", "entry_id", "pk")
    )
    entries: dict[int, tuple[Any, list[Part]]] = {}
    for line in lines:
        words = _LINES.get((line.account.code, line.side), line.account.code)
        if line.entry.kind in _MADE_GOOD and (line.account.code, line.side) == ("due_to_operator", "C"):
            words = _("owed to the operator, who had made it good")
        entries.setdefault(line.entry_id, (line.entry, []))[1].append(Part(line.amount, line.currency, words))
    return [
        Event(entry.effective_on, _EVENTS.get(entry.kind, _("Booked")), tuple(parts))
        for entry, parts in entries.values()
    ]
