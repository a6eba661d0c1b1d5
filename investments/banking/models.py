"""The operator's bank: imported statements and what each line was claimed for (domain.md sections 4.3 and 8)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from microfund.kernel.crypto import EncryptedJSONField


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
    back (yen).

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
                condition=models.Q(provider_payout=False) | models.Q(remaining=0), name="statement_line_payout"
            ),
        ]
        indexes = [
            models.Index(fields=["booked_on"], name="statement_line_day_idx"),
            models.Index(fields=["booked_on"], condition=models.Q(remaining__gt=0), name="statement_line_open_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.booked_on} {self.amount} {self.payer_name}"


class ReceiptUse(models.Model):
    """What a receipt, or part of it, was used for: applied to a source (`attempt:12`) or sent back."""

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
    """Money that staff sent from the operator's bank: a refund or a receipt sent back. Account details are encrypted:
    {"bank", "branch", "type", "number", "holder"}; the holder must be the payer (domain.md section 4.8).
    """

    target = models.CharField(_("for"), max_length=60, unique=True)
    amount = models.BigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3, default="JPY")
    payee = EncryptedJSONField(_("payee's account"))
    transferred_on = models.DateField(_("transfer date"))
    bank_reference = models.CharField(_("bank's reference"), max_length=60)
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("outgoing transfer")
        verbose_name_plural = _("outgoing transfers")
        constraints = [models.CheckConstraint(condition=models.Q(amount__gt=0), name="outgoing_transfer_positive")]

    def __str__(self) -> str:
        return f"{self.target} {self.amount}"
