"""What the provider says, as plain values: gateway.py makes them, and nothing else of the provider goes further."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A checkout session as the provider sees it now; amounts in minor units."""

    id: str
    url: str
    status: str
    payment_status: str
    amount: int
    currency: str
    livemode: bool
    expires_at: datetime
    attempt_id: str
    intent_id: str | None
    intent_status: str
    amount_received: int
    amount_refunded: int
    disputed: bool
    pay_by: datetime | None


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """A refund as the provider sees it now."""

    id: str
    status: str
    amount: int
    currency: str
    intent_id: str | None
    our_refund_id: str
    created_at: datetime
    failure: str


@dataclass(frozen=True, slots=True)
class DisputeFacts:
    """A dispute as the provider sees it now; `fee` is what the provider charged for it so far."""

    id: str
    status: str
    amount: int
    fee: int
    currency: str
    intent_id: str | None
    evidence_due_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BalanceFacts:
    """One line of a payout: `kind` charge, refund, dispute or other; `amount` signed gross, `fee` the provider's."""

    id: str
    kind: str
    amount: int
    fee: int
    intent_id: str | None
    source: str


@dataclass(frozen=True, slots=True)
class PayoutFacts:
    """A payout of the provider to our bank: pending, in_transit, paid, failed or canceled."""

    id: str
    amount: int
    currency: str
    status: str
    arrived_at: datetime
