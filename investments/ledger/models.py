"""The journal: append-only double entry in books (domain.md section 7).

PostgreSQL keeps the promises (migrations/sql/ledger.sql): an entry balances within each book and currency at commit
and has at least two lines; lines join an entry only in the transaction that wrote it (the entry is sealed by its
commit); rows are never changed, deleted or truncated.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from microfund.kernel.models import AppendOnly


class Book(AppendOnly):
    """The operator's book, or one fund's. `code` is `operator` or `fund:<fund id>`."""

    code = models.CharField(_("code"), max_length=40, unique=True)
    kind = models.CharField(
        _("kind"), max_length=10, choices=[("operator", _("operator")), ("fund", _("fund"))], default="fund"
    )
    currency = models.CharField(_("currency"), max_length=3, default="JPY")

    class Meta:
        verbose_name = _("book")
        verbose_name_plural = _("books")

    def __str__(self) -> str:
        return self.code


class Account(AppendOnly):
    """One account of one book; `code` is from the chart of accounts (ledger/accounts.py)."""

    book = models.ForeignKey(Book, models.PROTECT, related_name="accounts")
    code = models.CharField(_("code"), max_length=40)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [models.UniqueConstraint(fields=["book", "code"], name="ledger_account_once")]

    def __str__(self) -> str:
        return f"{self.book_id}:{self.code}"


class Entry(AppendOnly):
    """One business event. `reference` is `kind:source:id`; posting it again is nothing."""

    kind = models.CharField(_("kind"), max_length=40)
    reference = models.CharField(_("reference"), max_length=120, unique=True)
    effective_on = models.DateField(_("effective on"))
    happened_at = models.DateTimeField(_("happened at"))
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())
    memo = models.CharField(_("memo"), max_length=200, blank=True, default="")
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="reversed_by", verbose_name=_("reverses")
    )
    # The transaction that wrote the entry, set by the database: no line joins the entry after its commit.
    xact = models.BigIntegerField(editable=False, db_default=0)

    class Meta:
        verbose_name = _("journal entry")
        verbose_name_plural = _("journal entries")
        indexes = [models.Index(fields=["effective_on"], name="ledger_entry_date_idx")]

    def __str__(self) -> str:
        return self.reference


class Line(AppendOnly):
    """One line of an entry: a positive amount in minor units (yen) on one side of one account.

    `subject` says what the money belongs to (`order:12`, `holding:3`, `receipt:7`), for the sub-ledgers. The two
    references are checked once per statement by the ledger's triggers, which is several times faster than a
    foreign-key trigger per row and as strict, since entries and accounts can be neither deleted nor re-keyed.
    """

    class Side(models.TextChoices):
        DEBIT = "D", _("debit")
        CREDIT = "C", _("credit")

    entry = models.ForeignKey(Entry, models.PROTECT, related_name="lines", db_constraint=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="lines", db_constraint=False)
    side = models.CharField(_("side"), max_length=1, choices=Side.choices)
    amount = models.BigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    subject = models.CharField(_("belongs to"), max_length=40, blank=True, default="")

    class Meta:
        verbose_name = _("journal line")
        verbose_name_plural = _("journal lines")
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="ledger_line_positive"),
            models.CheckConstraint(condition=models.Q(side__in=["D", "C"]), name="ledger_line_side"),
        ]
        indexes = [
            models.Index(fields=["subject"], condition=~models.Q(subject=""), name="ledger_line_subject_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.amount}"
