"""Every model of the app, in the order of the money's flow; the definitions live in the sub-packages."""

from .banking.models import BankAccount, OutgoingTransfer, ReceiptUse, StatementFile, StatementLine
from .distributions.changes import Retax, RetaxedAllocation, WriteOff
from .distributions.elected import ElectedLine, ElectedReturn, Election, ElectionOffer
from .distributions.models import Allocation, Distribution, Instalment, PayIn
from .holdings.models import Holding, Movement
from .inheritance.models import Inheritance, InheritanceShare
from .investors.models import Address, CalendarAddress, IdentityCase, IdentityDocument, Investor, Resemblance
from .ledger.models import Account, Book, Entry, Line
from .offerings.models import Document, Fund, FundCounter, Terms, WaitingEntry
from .orders.models import Acceptance, Gift, Order, PersonBusiness, PersonFund
from .payments.models import (
    Dispute,
    PaymentAttempt,
    ProviderCursor,
    ProviderPayout,
    Refund,
    UnrecordedObject,
    WebhookDelivery,
)
from .payouts.models import (
    BankReturn,
    Payout,
    PayoutAttempt,
    PayoutFile,
    PayoutItem,
    PayoutRun,
    Release,
    TaxPayment,
    UnclaimedPart,
)
from .policy.models import PolicyProfile, TaxRate
from .revenue.models import Evidence, Moratorium, MoratoriumFund, Period, RevenueReport

__all__ = [
    "WaitingEntry",
    "Acceptance",
    "Account",
    "Address",
    "Allocation",
    "BankAccount",
    "BankReturn",
    "Book",
    "CalendarAddress",
    "Dispute",
    "Distribution",
    "Document",
    "ElectedLine",
    "ElectedReturn",
    "Election",
    "ElectionOffer",
    "Entry",
    "Evidence",
    "Fund",
    "FundCounter",
    "Gift",
    "Holding",
    "IdentityCase",
    "IdentityDocument",
    "Inheritance",
    "InheritanceShare",
    "Instalment",
    "Investor",
    "Line",
    "Moratorium",
    "MoratoriumFund",
    "Movement",
    "Order",
    "OutgoingTransfer",
    "PayIn",
    "PaymentAttempt",
    "Payout",
    "PayoutAttempt",
    "PayoutFile",
    "PayoutItem",
    "PayoutRun",
    "Period",
    "PersonBusiness",
    "PersonFund",
    "PolicyProfile",
    "ProviderCursor",
    "ProviderPayout",
    "ReceiptUse",
    "Refund",
    "Release",
    "Resemblance",
    "Retax",
    "RetaxedAllocation",
    "RevenueReport",
    "StatementFile",
    "StatementLine",
    "TaxPayment",
    "TaxRate",
    "Terms",
    "UnclaimedPart",
    "UnrecordedObject",
    "WebhookDelivery",
    "WriteOff",
]
