"""The operator's bank: imported statements and what each line was claimed for (domain.md sections 4.3 and 8)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from microfund.kernel.crypto import EncryptedJSONField, EncryptedTextField, mask
from microfund.kernel.states import StateTable


class StatementFile(models.Model):
    """One imported statement, known by its hash: the same file twice is one import.

    `problems` lists what a person must look at: {"row", "problem", "date", "amount", "payer_name"} of each deposit that
    the bank took back (取消) although it is used already, or was never here.
    """

    sha256 = models.CharField(_("SHA-256"), max_length=64, unique=True)
    format = models.CharField(_("format"), max_length=10, choices=[("csv", "CSV"), ("zengin", "Zengin")])
    name = models.CharField(_("file name"), max_length=200)
    rows = models.PositiveIntegerField(_("rows"))
    problems = models.JSONField(_("for a person to look at"), default=list, blank=True)
    imported_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    imported_at = models.DateTimeField(_("imported at"))
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("bank statement")
        verbose_name_plural = _("bank statements")

    def __str__(self) -> str:
        return f"{self.name} ({self.imported_at:%Y-%m-%d})"


class StatementLine(models.Model):
    """One credit on the operator's account: a receipt. `remaining` is what has been neither applied to orders nor sent
    back (yen); `held` is the part of it that a transfer back is under way for, and that no order can have meanwhile.

    `bank_key` is a hash of its facts with its place among equal ones of the day, the same in every format, so a line
    that stands in two overlapping statements is one receipt; `bank_rows` keeps the bank's own number of it by format.
    A provider's payout is no receipt: nothing of it remains, and it is journaled with the payout.
    """

    file = models.ForeignKey(StatementFile, models.PROTECT, related_name="lines")
    row = models.PositiveIntegerField(_("row"))
    bank_key = models.CharField(_("bank's key"), max_length=80, unique=True)
    booked_on = models.DateField(_("date"))
    amount = models.BigIntegerField(_("amount"))
    remaining = models.BigIntegerField(_("not yet allocated"))
    held = models.BigIntegerField(_("held to be sent back"), default=0)
    currency = models.CharField(_("currency"), max_length=3, default="JPY")
    payer_name = models.CharField(_("payer"), max_length=120)
    payer_code = models.CharField(_("payer code"), max_length=20, blank=True, db_index=True)
    memo = models.CharField(_("memo"), max_length=200, blank=True)
    bank_rows = models.JSONField(_("bank's own numbers"), default=dict)
    provider_payout = models.BooleanField(_("provider's payout"), default=False)
    problem = models.CharField(
        _("why it waits"),
        max_length=12,
        blank=True,
        default="",
        choices=[
            ("unknown", _("unknown payer code")),
            ("short", _("too little")),
            ("over", _("too much")),
            ("twice", _("paid twice")),
            ("late", _("after the deadline")),
        ],
    )
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("bank receipt")
        verbose_name_plural = _("bank receipts")
        constraints = [
            models.UniqueConstraint(fields=["file", "row"], name="statement_line_once"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="statement_line_positive"),
            models.CheckConstraint(
                condition=models.Q(remaining__gte=0, remaining__lte=models.F("amount")), name="statement_line_remaining"
            ),
            models.CheckConstraint(
                condition=models.Q(held__gte=0, held__lte=models.F("remaining")), name="statement_line_held"
            ),
            models.CheckConstraint(
                condition=models.Q(provider_payout=False) | models.Q(remaining=0), name="statement_line_payout"
            ),
        ]
        indexes = [
            models.Index(fields=["booked_on"], name="statement_line_day_idx"),
            models.Index(fields=["booked_on"], condition=models.Q(remaining__gt=0), name="statement_line_open_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.booked_on} {self.amount} {self.payer_name}"

    @property
    def free(self) -> int:
        """Yen that may still be applied or sent back."""
        return self.remaining - self.held


class ReceiptUse(models.Model):
    """What a receipt, or part of it, was used for: applied to a source (`attempt:12`) or sent back (`transfer:5`, or
    `cancelled:…` by the bank itself)."""

    line = models.ForeignKey(StatementLine, models.PROTECT, related_name="uses")
    purpose = models.CharField(
        _("purpose"), max_length=10, choices=[("applied", _("applied")), ("sent_back", _("sent back"))]
    )
    target = models.CharField(_("target"), max_length=60)
    amount = models.BigIntegerField(_("amount"))
    happened_at = models.DateTimeField(_("happened at"))
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("use of a receipt")
        verbose_name_plural = _("uses of receipts")
        constraints = [
            models.UniqueConstraint(fields=["line", "purpose", "target"], name="receipt_use_once"),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="receipt_use_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.amount} → {self.target}"


class OutgoingTransfer(models.Model):
    """Money that leaves an account of the operator by bank, by hand of two people: one prepares it, another approves
    it, then it is made at the bank and recorded with its date and the bank's reference.

    `target` is what it is for, `kind:id` of a purpose in `outgoing.py` (`refund:12`, `receipt:7`, `dispute:3`,
    `fees:5`); one transfer at most is under way for it. Account details are encrypted: {"bank", "branch", "type",
    "number", "holder"}; the holder must be the payer (domain.md section 4.8); empty between accounts of our own. What
    was prepared never changes (trigger in sql/outgoing.sql). Amounts in minor units (yen).
    """

    class State(models.TextChoices):
        PREPARED = "prepared", _("waits for approval")
        APPROVED = "approved", _("to be made at the bank")
        SENT = "sent", _("sent")
        WITHDRAWN = "withdrawn", _("withdrawn")

    target = models.CharField(_("for"), max_length=60, db_index=True)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.PREPARED)
    amount = models.BigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3, default="JPY")
    payee = EncryptedJSONField(_("payee's account"))
    reason = models.CharField(_("reason"), max_length=200)
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("prepared by"))
    prepared_at = models.DateTimeField(_("prepared at"))
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("approved by")
    )
    approved_at = models.DateTimeField(_("approved at"), null=True)
    # The file of this one transfer as the bank takes it, made at the approval; empty where no account is known.
    file = EncryptedTextField(_("bank file"), blank=True, default="")
    transferred_on = models.DateField(_("transfer date"), null=True)
    bank_reference = models.CharField(_("bank's reference"), max_length=60, blank=True, default="")
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("outgoing transfer")
        verbose_name_plural = _("outgoing transfers")
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="outgoing_transfer_positive"),
            models.CheckConstraint(
                condition=models.Q(state__in=["prepared", "withdrawn"])
                | (models.Q(checker__isnull=False) & ~models.Q(checker=models.F("maker"))),
                name="outgoing_transfer_two_people",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="sent")
                | (models.Q(transferred_on__isnull=False) & ~models.Q(bank_reference="")),
                name="outgoing_transfer_sent",
            ),
            models.UniqueConstraint(
                fields=["target"],
                condition=models.Q(state__in=["prepared", "approved"]),
                name="outgoing_transfer_one_under_way",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target} {self.amount}"

    @property
    def source_id(self) -> int:
        """The row it is for."""
        return int(self.target.partition(":")[2])


UNDER_WAY = ("prepared", "approved")
TRANSFER_STATES = StateTable(
    "investments.OutgoingTransfer",
    {"prepared": ("approved", "withdrawn"), "approved": ("sent", "withdrawn")},
    section="domain.md sections 4.8 and 7",
)


class BankAccount(models.Model):
    """The account to which an investor is paid. A version: a change ends the row and makes another; at most one is
    current. The number is encrypted; `number_hash` (crypto.fingerprint of bank, branch and number) finds equal ones.

    Bank and branch are kept as they were called when the account was given; `holder` is in full-width katakana.
    """

    class Kind(models.TextChoices):
        ORDINARY = "1", _("ordinary")
        CURRENT = "2", _("current")
        SAVINGS = "4", _("savings")

    investor = models.ForeignKey(
        "investments.Investor", models.PROTECT, related_name="bank_accounts", verbose_name=_("investor")
    )
    bank_code = models.CharField(_("bank number"), max_length=4)
    bank_name = models.CharField(_("bank"), max_length=60)
    bank_kana = models.CharField(_("bank in kana"), max_length=60)
    branch_code = models.CharField(_("branch number"), max_length=3)
    branch_name = models.CharField(_("branch"), max_length=60)
    branch_kana = models.CharField(_("branch in kana"), max_length=60)
    kind = models.CharField(_("account type"), max_length=1, choices=Kind.choices, default=Kind.ORDINARY)
    number = EncryptedTextField(_("account number"))
    number_hash = models.CharField(max_length=64, db_index=True, editable=False)
    holder = models.CharField(_("account holder in kana"), max_length=60)
    created_at = models.DateTimeField(_("given at"))
    ended_at = models.DateTimeField(_("replaced at"), null=True, blank=True)

    class Meta:
        verbose_name = _("bank account of an investor")
        verbose_name_plural = _("bank accounts of investors")
        constraints = [
            models.UniqueConstraint(
                fields=["investor"], condition=models.Q(ended_at__isnull=True), name="bank_account_one_current"
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True) | models.Q(ended_at__gte=models.F("created_at")),
                name="bank_account_ends_after_it_began",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bank_name} {self.branch_name} {self.masked}"

    @property
    def masked(self) -> str:
        """The number as pages and mails show it: its last three digits."""
        return mask(self.number)

    @property
    def last_digits(self) -> str:
        """The last three digits of the number, to be read out."""
        return self.number[-3:]

    @property
    def payee(self) -> dict[str, str]:
        """The account as an outgoing transfer takes it, the whole number included."""
        return {
            "bank": self.bank_code,
            "branch": self.branch_code,
            "type": self.kind,
            "number": self.number,
            "holder": self.holder,
        }
