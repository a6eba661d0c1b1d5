"""What the rest of the house may hear about (architecture.md section 4): ids and plain values, never rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class OrderPlaced:
    """An order waits for its bank transfer: the payer now needs the account, the amount and the code."""

    order_id: int
    at: datetime


@dataclass(frozen=True)
class OrderPaid:
    """The money is there and the units are sold; cooling-off runs."""

    order_id: int
    at: datetime


@dataclass(frozen=True)
class OrderConfirmed:
    """The order became a holding."""

    order_id: int
    investor_id: int
    fund_id: int
    units: int
    at: datetime


@dataclass(frozen=True)
class OrderEnded:
    """The order ended without a holding: `state` is expired, cancelled, failed or refunded."""

    order_id: int
    state: str
    at: datetime


@dataclass(frozen=True)
class RefundSettled:
    """A refund reached the payer's side: `state` is succeeded or paid_by_bank."""

    refund_id: int
    state: str
    at: datetime


@dataclass(frozen=True)
class ReceiptSentBack:
    """Money that paid no order was sent back to its payer by bank."""

    use_id: int
    at: datetime


@dataclass(frozen=True)
class HoldingRescinded:
    """Confirmed units were taken back (a lost dispute, a refund made at the provider)."""

    order_id: int
    investor_id: int
    fund_id: int
    units: int
    at: datetime


@dataclass(frozen=True)
class HoldingFrozen:
    """A dispute froze the order and, once confirmed, its holding."""

    order_id: int
    at: datetime


@dataclass(frozen=True)
class HoldingUnfrozen:
    """No dispute of the order is open or undecided any more, whether won or lost."""

    order_id: int
    at: datetime


@dataclass(frozen=True)
class FundSucceeded:
    """The minimum is reached; irrevocable."""

    fund_id: int
    at: datetime


@dataclass(frozen=True)
class TermsAmended:
    """A fund has a new version of its terms; holders are told."""

    terms_id: int
    fund_id: int
    at: datetime


@dataclass(frozen=True)
class FundFailed:
    """The fund closed short; everyone is refunded."""

    fund_id: int
    at: datetime


@dataclass(frozen=True)
class TermStarted:
    """The fund operates; its periods are written."""

    fund_id: int
    at: datetime


@dataclass(frozen=True)
class BankAccountChanged:
    """An investor gave or changed the account to which they are paid."""

    account_id: int
    investor_id: int
    at: datetime


@dataclass(frozen=True)
class IdentityRejected:
    """Staff could not confirm who an investor is; the case says why."""

    case_id: int
    at: datetime
