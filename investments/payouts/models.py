"""Payout runs, what each investor is sent, and every try at it (domain.md sections 1, 6-8).

PostgreSQL keeps the promises (migrations/sql/payouts.sql and the constraints here): a part of an allocation is in one
payout, a payout has one live attempt, an approved run never changes.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from investments.banking.models import BankAccount, ReceiptUse
from investments.distributions.models import Allocation, Instalment
from investments.investors.models import Investor
from investments.offerings.models import Fund
from microfund.kernel.crypto import EncryptedTextField
from microfund.kernel.models import AppendOnly
from microfund.kernel.states import StateTable


class PayoutRun(models.Model):
    """One bank file: prepared by one person, approved by another (CHECK), sent on its transfer date.

    `profile` is the bank profile it was prepared under (client code and name, the account it is paid from, line ends,
    row limit). Its files are rendered once, at its approval (PayoutFile). Amounts in minor units (yen).
    """

    class State(models.TextChoices):
        PREPARED = "prepared", _("waits for approval")
        APPROVED = "approved", _("to be sent to the bank")
        SENT = "sent", _("sent")
        DONE = "done", _("done")
        WITHDRAWN = "withdrawn", _("withdrawn")

    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.PREPARED)
    pay_on = models.DateField(_("transfer date"))
    currency = models.CharField(_("currency"), max_length=3, default="JPY")
    payments = models.PositiveIntegerField(_("payments"), default=0)
    amount = models.BigIntegerField(_("amount"), default=0)
    profile = models.JSONField(_("bank profile"), default=dict)
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("prepared by"))
    prepared_at = models.DateTimeField(_("prepared at"))
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("approved by")
    )
    approved_at = models.DateTimeField(_("approved at"), null=True)
    sent_at = models.DateTimeField(_("sent at"), null=True)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("payout run")
        verbose_name_plural = _("payout runs")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["prepared", "withdrawn"])
                | (Q(checker__isnull=False, approved_at__isnull=False) & ~Q(checker=F("maker"))),
                name="payout_run_two_people",
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="payout_run_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.pay_on} {self.amount}"


RUN_STATES = StateTable(
    "investments.PayoutRun",
    {"prepared": ("approved", "withdrawn"), "approved": ("sent", "withdrawn"), "sent": ("done",)},
    section="domain.md sections 6 and 8",
)


class PayoutFile(models.Model):
    """One bank file of an approved run: rendered once, kept encrypted under a key of its own (kernel/private.py), so
    that the same run gives the same bytes in ten years, whatever becomes of the accounts in it. Nothing of it changes
    but the token of its key, when field keys are changed (trigger)."""

    run = models.ForeignKey(PayoutRun, models.PROTECT, related_name="files", verbose_name=_("run"))
    number = models.PositiveSmallIntegerField(_("number"))
    payments = models.PositiveIntegerField(_("payments"))
    amount = models.BigIntegerField(_("amount"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    file = models.CharField(_("stored as"), max_length=100)
    key = EncryptedTextField(_("key"))

    class Meta:
        verbose_name = _("bank file")
        verbose_name_plural = _("bank files")
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="payout_file_once")]

    def __str__(self) -> str:
        return f"{self.run_id}.{self.number}"


class Payout(models.Model):
    """Money sent to one investor for one fund, first put together for `run`; paid at most once, whatever is retried.

    `net = gross − tax + returned` is what is sent; `returned` are balances of vouchers in kind that were not used
    (ElectedReturn), taxed before. A payout without a live attempt waits for the next run.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for a run")
        IN_RUN = "in_run", _("in a run")
        SENT = "sent", _("sent")
        PAID = "paid", _("paid")
        RETURNED = "returned", _("returned by the bank")
        UNCLAIMED = "unclaimed", _("unclaimed")

    run = models.ForeignKey(PayoutRun, models.PROTECT, related_name="payouts", verbose_name=_("run"))
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="payouts", verbose_name=_("fund"))
    investor = models.ForeignKey(Investor, models.PROTECT, related_name="payouts", verbose_name=_("investor"))
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.IN_RUN)
    gross = models.BigIntegerField(_("gross"))
    principal = models.BigIntegerField(_("principal"))
    profit = models.BigIntegerField(_("profit"))
    tax = models.BigIntegerField(_("tax withheld"))
    net = models.BigIntegerField(_("net"))
    returned = models.BigIntegerField(_("of vouchers that were not used"), default=0, db_default=0)
    # The first attempt was sent: the tax is withheld by it, and never again.
    withheld_on = models.DateField(_("tax withheld on"), null=True)
    paid_on = models.DateField(_("paid on"), null=True)

    class Meta:
        verbose_name = _("payout")
        verbose_name_plural = _("payouts")
        constraints = [
            models.UniqueConstraint(fields=["run", "fund", "investor"], name="payout_once"),
            models.CheckConstraint(
                condition=Q(
                    gross=F("principal") + F("profit"),
                    net=F("gross") - F("tax") + F("returned"),
                    net__gt=0,
                    tax__gte=0,
                    profit__gte=0,
                    returned__gte=0,
                ),
                name="payout_sums",
            ),
        ]
        indexes = [
            models.Index(
                fields=["fund", "investor"],
                condition=Q(state__in=["waiting", "returned"]),
                name="payout_waiting_idx",
            ),
            models.Index(fields=["investor", "-run"], name="payout_investor_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.fund_id}:{self.investor_id} {self.net}"


class PayoutItem(AppendOnly):
    """The part of one allocation that an instalment pays, in one payout and never in another (yen)."""

    payout = models.ForeignKey(Payout, models.PROTECT, related_name="items", db_constraint=False)
    instalment = models.ForeignKey(Instalment, models.PROTECT, related_name="items", db_constraint=False)
    allocation = models.ForeignKey(Allocation, models.PROTECT, related_name="items", db_constraint=False)
    gross = models.BigIntegerField(_("gross"))
    principal = models.BigIntegerField(_("principal"))
    profit = models.BigIntegerField(_("profit"))
    tax = models.BigIntegerField(_("tax withheld"))
    net = models.BigIntegerField(_("net"))

    class Meta:
        verbose_name = _("part of a payout")
        verbose_name_plural = _("parts of payouts")
        constraints = [
            models.UniqueConstraint(fields=["allocation", "instalment"], name="payout_item_once"),
            models.CheckConstraint(
                condition=Q(gross=F("principal") + F("profit"), net=F("gross") - F("tax"), tax__gte=0),
                name="payout_item_sums",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payout_id}: {self.net}"


class UnclaimedPart(models.Model):
    """The part of one allocation that could not be paid for twelve months, since its investor gave no account (yen):
    set aside, never income; `claimed_at`: an account was given, and it waits for the next run again."""

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="+", verbose_name=_("fund"))
    investor = models.ForeignKey(Investor, models.PROTECT, related_name="+", verbose_name=_("investor"))
    instalment = models.ForeignKey(Instalment, models.PROTECT, related_name="+", verbose_name=_("instalment"))
    allocation = models.ForeignKey(
        Allocation, models.PROTECT, related_name="unclaimed", verbose_name=_("allocation"), db_constraint=False
    )
    net = models.BigIntegerField(_("net"))
    set_aside_at = models.DateTimeField(_("set aside at"))
    claimed_at = models.DateTimeField(_("claimed at"), null=True)

    class Meta:
        verbose_name = _("unclaimed part")
        verbose_name_plural = _("unclaimed parts")
        constraints = [
            models.UniqueConstraint(
                fields=["allocation", "instalment"],
                condition=Q(claimed_at__isnull=True),
                name="unclaimed_part_once",
            ),
            models.CheckConstraint(condition=Q(net__gt=0), name="unclaimed_part_positive"),
        ]
        indexes = [
            models.Index(
                fields=["investor", "fund"], condition=Q(claimed_at__isnull=True), name="unclaimed_part_open_idx"
            )
        ]

    def __str__(self) -> str:
        return f"{self.allocation_id}: {self.net}"


class PayoutAttempt(models.Model):
    """One try at a payout: a line of a run's file. Its id is the 20-digit customer code of the record (section 8)."""

    class State(models.TextChoices):
        IN_RUN = "in_run", _("in a run")
        SENT = "sent", _("sent")
        PAID = "paid", _("paid")
        RETURNED = "returned", _("returned by the bank")
        WITHDRAWN = "withdrawn", _("withdrawn")

    payout = models.ForeignKey(Payout, models.PROTECT, related_name="attempts", db_constraint=False)
    run = models.ForeignKey(PayoutRun, models.PROTECT, related_name="attempts", db_constraint=False)
    number = models.PositiveSmallIntegerField(_("number"), default=1)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.IN_RUN)
    account = models.ForeignKey(BankAccount, models.PROTECT, related_name="+", verbose_name=_("account"))
    amount = models.BigIntegerField(_("amount"))

    class Meta:
        verbose_name = _("attempt of a payout")
        verbose_name_plural = _("attempts of payouts")
        constraints = [
            models.UniqueConstraint(
                fields=["payout"], condition=Q(state__in=["in_run", "sent", "paid"]), name="payout_attempt_one_live"
            ),
            models.UniqueConstraint(fields=["payout", "number"], name="payout_attempt_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payout_attempt_positive"),
        ]
        indexes = [models.Index(fields=["run", "state"], name="payout_attempt_run_idx")]

    def __str__(self) -> str:
        return f"{self.payout_id}.{self.number}"


class BankReturn(models.Model):
    """A transfer that came back. `use` is the part of the statement's line by which the money was seen again, once it
    was; a person says which (domain.md section 8: never silently)."""

    class Cause(models.TextChoices):
        NO_ACCOUNT = "no_account", _("no such account")
        NAME = "name", _("the name is not the holder's")
        CLOSED = "closed", _("the account is closed")
        OTHER = "other", _("another cause")

    attempt = models.OneToOneField(PayoutAttempt, models.PROTECT, related_name="bank_return")
    returned_on = models.DateField(_("returned on"))
    cause = models.CharField(_("cause"), max_length=10, choices=Cause.choices, default=Cause.OTHER)
    reason = models.CharField(_("remark"), max_length=200, blank=True, default="")
    use = models.OneToOneField(ReceiptUse, models.PROTECT, null=True, related_name="bank_return")
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    happened_at = models.DateTimeField(_("happened at"))

    class Meta:
        verbose_name = _("returned transfer")
        verbose_name_plural = _("returned transfers")

    def __str__(self) -> str:
        return f"{self.attempt_id} {self.returned_on}"


class Release(models.Model):
    """Money released to the business: its donations once the fund has succeeded, its investment once the term has
    begun. Paid by an outgoing transfer (`release:<id>`), which two people decide. Amounts in minor units (yen)."""

    class Part(models.TextChoices):
        DONATION = "donation", _("donations")
        INVESTMENT = "investment", _("investment")

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="releases", verbose_name=_("fund"))
    part = models.CharField(_("part"), max_length=10, choices=Part.choices)
    amount = models.BigIntegerField(_("amount"))
    created_at = models.DateTimeField(_("prepared at"))
    released_on = models.DateField(_("released on"), null=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True)

    class Meta:
        verbose_name = _("release to a business")
        verbose_name_plural = _("releases to businesses")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="release_positive"),
            models.UniqueConstraint(
                fields=["fund", "part"],
                condition=Q(released_on__isnull=True, withdrawn_at__isnull=True),
                name="release_one_under_way",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fund_id} {self.part} {self.amount}"


class TaxPayment(models.Model):
    """Tax that was withheld in one month for one fund, paid over by the 10th of the next (domain.md section 7). The
    totals of all funds of a business are paid by one outgoing transfer (`tax:<id>`, the oldest of them). `month` is its
    first day; amounts in minor units (yen)."""

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="tax_payments", verbose_name=_("fund"))
    month = models.DateField(_("month"))
    amount = models.BigIntegerField(_("amount"))
    due_on = models.DateField(_("due on"))
    created_at = models.DateTimeField(_("created at"))
    paid_on = models.DateField(_("paid on"), null=True)

    class Meta:
        verbose_name = _("withheld tax of a month")
        verbose_name_plural = _("withheld tax by month")
        constraints = [
            models.UniqueConstraint(fields=["fund", "month"], name="tax_payment_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="tax_payment_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.fund_id} {self.month:%Y-%m} {self.amount}"
