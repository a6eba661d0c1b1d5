"""Every model of the app, in the order of the money's flow; the definitions live in the sub-packages."""

from .banking.models import BankAccount, OutgoingTransfer, ReceiptUse, StatementFile, StatementLine
from .holdings.models import Holding, Movement
from .investors.models import CalendarAddress, IdentityCase, IdentityDocument, Investor, Resemblance
from .ledger.models import Account, Book, Entry, Line
from .offerings.models import Document, Fund, FundCounter, Terms
from .orders.models import Acceptance, Order, PersonBusiness, PersonFund
from .payments.models import (
    Dispute,
    PaymentAttempt,
    ProviderCursor,
    ProviderPayout,
    Refund,
    UnrecordedObject,
    WebhookDelivery,
)
from .policy.models import PolicyProfile, TaxRate
from .revenue.models import Period

__all__ = [
    "Acceptance",
    "Account",
    "BankAccount",
    "Book",
    "CalendarAddress",
    "Dispute",
    "Document",
    "Entry",
    "Fund",
    "FundCounter",
    "Holding",
    "IdentityCase",
    "IdentityDocument",
    "Investor",
    "Line",
    "Movement",
    "Order",
    "OutgoingTransfer",
    "PaymentAttempt",
    "Period",
    "PersonBusiness",
    "PersonFund",
    "PolicyProfile",
    "ProviderCursor",
    "ProviderPayout",
    "ReceiptUse",
    "Refund",
    "Resemblance",
    "StatementFile",
    "StatementLine",
    "TaxRate",
    "Terms",
    "UnrecordedObject",
    "WebhookDelivery",
]
