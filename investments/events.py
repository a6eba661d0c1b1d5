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
class GiftOffered:
    """A paid gift is to be sent to its receiver by mail, for the n-th time (`sending`)."""

    gift_id: int
    sending: int
    at: datetime


@dataclass(frozen=True)
class GiftSettled:
    """The receiver answered: `state` is accepted (the contract is theirs, cooling-off runs) or declined."""

    gift_id: int
    state: str
    at: datetime


@dataclass(frozen=True)
class GiftUnused:
    """Nobody has answered a gift for two weeks."""

    gift_id: int
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
class UnitsInherited:
    """The units of somebody who has died have moved to heirs; the inheritance says to whom."""

    inheritance_id: int
    fund_id: int
    at: datetime


@dataclass(frozen=True)
class DistributionTakenInKind:
    """An approved distribution that some holders take in kind or give back: vouchers are due for what is in kind."""

    distribution_id: int
    fund_id: int
    at: datetime


@dataclass(frozen=True)
class ElectedReturned:
    """What was not used of a voucher in kind (yen, without bonus) is owed in cash again."""

    return_id: int
    fund_id: int
    amount: int
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


@dataclass(frozen=True)
class ReportDue:
    """A period has ended; its owner is to report its revenue."""

    period_id: int
    at: datetime


@dataclass(frozen=True)
class ReportSubmitted:
    """An owner has signed a revenue report; staff are to decide on it."""

    report_id: int
    at: datetime


@dataclass(frozen=True)
class ReportReturned:
    """Staff returned a report; it says what is to be mended."""

    report_id: int
    at: datetime


@dataclass(frozen=True)
class ReportAccepted:
    """A report counts as it stands. A restatement acts from the next distribution on."""

    report_id: int
    at: datetime


@dataclass(frozen=True)
class DistributionApproved:
    """What a period pays is decided, 0 per unit included; holders are told, the business is asked to pay."""

    distribution_id: int
    fund_id: int
    at: datetime


@dataclass(frozen=True)
class RecoupReached:
    """The revenue counted so far returns the whole investment."""

    distribution_id: int
    fund_id: int
    at: datetime


@dataclass(frozen=True)
class DistributionFunded:
    """The business has paid in all of a distribution."""

    distribution_id: int
    fund_id: int
    at: datetime


@dataclass(frozen=True)
class DistributionWrittenOff:
    """What a business still owed of a distribution was given up by two people; nothing of it is owed any more."""

    write_off_id: int
    distribution_id: int
    fund_id: int
    at: datetime


@dataclass(frozen=True)
class DistributionRetaxed:
    """What is still to be paid of a distribution was taxed at the rates of a transfer date."""

    retax_id: int
    distribution_id: int
    fund_id: int
    at: datetime


@dataclass(frozen=True)
class MoratoriumDeclared:
    """Every fund of a moratorium has had its step: payments of its periods are put off, or they are not counted."""

    moratorium_id: int
    at: datetime


@dataclass(frozen=True)
class MoratoriumEnded:
    """A moratorium was ended early: periods that are not decided yet pay again as their reports say."""

    moratorium_id: int
    at: datetime


@dataclass(frozen=True)
class PayoutsSent:
    """A run was sent to the bank."""

    run_id: int
    at: datetime


@dataclass(frozen=True)
class PayoutsPaid:
    """No transfer of a run came back within three bank days (but those that did): its payouts are paid."""

    run_id: int
    at: datetime


@dataclass(frozen=True)
class PayoutReturned:
    """The bank returned a transfer; the investor is to look at the account."""

    payout_id: int
    attempt_id: int
    at: datetime


@dataclass(frozen=True)
class UnitsFree:
    """Units of a fund are free again, and it is this person's turn to be told."""

    fund_id: int
    user_id: int
    at: datetime


@dataclass(frozen=True)
class FundMatured:
    """The last period of a fund is paid."""

    fund_id: int
    at: datetime


@dataclass(frozen=True)
class FundWoundUp:
    """A fund ended before its term: the residual was its last distribution."""

    fund_id: int
    distribution_id: int
    at: datetime


@dataclass(frozen=True)
class FundsReleased:
    """Money was released to the business: `part` is "donation" or "investment", `amount` in yen."""

    fund_id: int
    part: str
    amount: int
    at: datetime
