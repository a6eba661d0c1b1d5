"""Funds, their frozen terms, the counter that every sale must pass, and the documents (domain.md sections 2–4)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from businesses.models import Business
from investments.ledger.models import Book
from investments.policy.models import PolicyProfile
from microfund.kernel.models import AppendOnly
from microfund.kernel.states import StateTable

#: The usual order of the public list: raising funds, those closing first in front, then the others by stage, newest
#: first. An index has the same expressions, so a page of the list reads a page of it.
LIST_ORDER = (
    Case(
        When(state="open", then=Value(0)),
        When(state="scheduled", then=Value(1)),
        When(state="closed", then=Value(2)),
        When(state="operating", then=Value(3)),
        default=Value(4),
        output_field=models.IntegerField(),
    ).asc(),
    Case(When(state="open", then=F("closes_on")), default=None, output_field=models.DateField()).asc(nulls_last=True),
    F("opens_on").desc(),
    F("id").desc(),
)


class Fund(models.Model):
    """One offering of one business. Dates are business dates in the policy's zone; amounts in the fund's currency."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        IN_REVIEW = "in_review", _("in review")
        SCHEDULED = "scheduled", _("scheduled")
        OPEN = "open", _("raising")
        CLOSED = "closed", _("funded")
        OPERATING = "operating", _("repaying")
        MATURED = "matured", _("matured")
        SETTLED = "settled", _("settled")
        FAILED = "failed", _("not funded")
        WOUND_UP = "wound_up", _("wound up")

    business = models.ForeignKey(Business, models.PROTECT, related_name="funds")
    slug = models.SlugField(_("slug"), unique=True)
    name_en = models.CharField(_("name (English)"), max_length=120)
    name_ja = models.CharField(_("name (Japanese)"), max_length=120)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.DRAFT)
    currency = models.CharField(_("currency"), max_length=3, default="JPY")
    # Frozen at opening; before that the policy in force is used.
    policy = models.ForeignKey(PolicyProfile, models.PROTECT, null=True, blank=True, related_name="funds")
    book = models.OneToOneField(Book, models.PROTECT, null=True, blank=True, related_name="fund")
    opens_on = models.DateField(_("opens on"))
    closes_on = models.DateField(_("closes on, inclusive"))
    term_starts_on = models.DateField(_("term starts on"))
    units_minimum = models.PositiveIntegerField(_("units needed to succeed"), default=0)
    opened_at = models.DateTimeField(_("opened at"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    succeeded_at = models.DateTimeField(_("succeeded at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now())

    class Meta:
        verbose_name = _("fund")
        verbose_name_plural = _("funds")
        constraints = [
            models.CheckConstraint(
                condition=Q(opens_on__lte=F("closes_on"), closes_on__lt=F("term_starts_on")), name="fund_dates_in_order"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "in_review", "scheduled"])
                | Q(book__isnull=False, policy__isnull=False),
                name="fund_open_has_book",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "closes_on"], name="fund_state_closes_idx"),
            models.Index(fields=["business", "-opens_on"], name="fund_business_idx"),
            # Which fund a business shows, without reading the rows; and the public list in its usual order.
            models.Index(fields=["business", "state", "opens_on", "id"], name="fund_shown_idx"),
            models.Index(*LIST_ORDER, name="fund_list_idx"),
        ]

    def __str__(self) -> str:
        return self.slug


FUND_STATES = StateTable(
    "investments.Fund",
    {
        "draft": ("in_review",),
        "in_review": ("draft", "scheduled"),
        "scheduled": ("draft", "open"),
        "open": ("closed", "failed"),
        "closed": ("operating", "failed"),
        "operating": ("matured", "wound_up"),
        "matured": ("settled",),
    },
    section="domain.md section 3",
)


class FundCounter(models.Model):
    """The fund's one hot row: whatever a sale must not exceed is a column of it, and CHECKs hold it (section 4.2).

    `offered ≥ reserved + sold`; `reserved_delayed` is the part of `reserved` held by konbini and bank transfer;
    `cleared` the part of `sold` past cooling-off and identity. Only orders/reserve.py changes the units.
    """

    fund = models.OneToOneField(Fund, models.PROTECT, primary_key=True, related_name="counter")
    accepting = models.BooleanField(_("accepting orders"), default=False)
    closes_at = models.DateTimeField(_("closes at (exclusive)"))
    offered = models.PositiveIntegerField(_("offered"))
    reserved = models.PositiveIntegerField(_("reserved"), default=0)
    reserved_delayed = models.PositiveIntegerField(_("reserved by delayed methods"), default=0)
    delayed_limit = models.PositiveIntegerField(_("at most by delayed methods"))
    sold = models.PositiveIntegerField(_("sold"), default=0)
    cleared = models.PositiveIntegerField(_("cleared"), default=0)

    class Meta:
        verbose_name = _("fund counter")
        verbose_name_plural = _("fund counters")
        constraints = [
            models.CheckConstraint(condition=Q(offered__gte=F("reserved") + F("sold")), name="fund_never_oversold"),
            models.CheckConstraint(condition=Q(reserved_delayed__lte=F("reserved")), name="fund_delayed_in_reserved"),
            models.CheckConstraint(condition=Q(cleared__lte=F("sold")), name="fund_cleared_in_sold"),
        ]

    def __str__(self) -> str:
        return f"{self.fund_id}: {self.reserved}+{self.sold}/{self.offered}"

    @property
    def available(self) -> int:
        """Units that can still be reserved."""
        return self.offered - self.reserved - self.sold


class WaitingEntry(models.Model):
    """Somebody who wants to hear when units of a fund are free again; places on the list are in the order of the key.
    `told_at` is when they were."""

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="waiting_entries", verbose_name=_("fund"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("user"))
    asked_at = models.DateTimeField(_("asked at"))
    told_at = models.DateTimeField(_("told at"), null=True)

    class Meta:
        verbose_name = _("waiting list entry")
        verbose_name_plural = _("waiting list")
        constraints = [models.UniqueConstraint(fields=["fund", "user"], name="waiting_once")]
        indexes = [models.Index(fields=["fund"], condition=Q(told_at=None), name="waiting_untold_idx")]

    def __str__(self) -> str:
        return f"{self.fund_id}:{self.user_id}"


class Terms(models.Model):
    """One version of a fund's terms; a trigger refuses any change once `frozen_at` is set (section 3).

    Amounts per unit in minor units; rates with 4 decimals; `period_cap` null or a list by period (yen per unit or
    null); `plan_revenue` a list by period (yen without consumption tax); `uses` and `risks` lists of objects with
    texts `en`, `ja` (and `amount` for uses).
    """

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="terms")
    version = models.PositiveIntegerField(_("version"), default=1)
    reason = models.CharField(_("reason of this version"), max_length=200, blank=True, default="")
    investment = models.BigIntegerField(_("investment per unit"), default=5_000)
    donation = models.BigIntegerField(_("donation per unit"), default=5_000)
    fee = models.BigIntegerField(_("fee per unit, tax included"), default=500)
    units_offered = models.PositiveIntegerField(_("units offered"))
    rate_before_recoup = models.DecimalField(_("rate before recoup"), max_digits=5, decimal_places=4)
    rate_after_recoup = models.DecimalField(_("rate after recoup"), max_digits=5, decimal_places=4)
    grace_periods = models.PositiveSmallIntegerField(_("grace periods"), default=0)
    periods = models.PositiveSmallIntegerField(_("periods"), default=10)
    period_months = models.PositiveSmallIntegerField(
        _("months of a period"), default=12, choices=[(3, "3"), (6, "6"), (12, "12")]
    )
    period_cap = models.JSONField(_("cap by period"), null=True, blank=True)
    revenue_floor = models.BigIntegerField(_("revenue floor"), default=0)
    revenue_basis_en = models.CharField(
        _("revenue basis (English)"), max_length=200, default="All sales of the business"
    )
    revenue_basis_ja = models.CharField(_("revenue basis (Japanese)"), max_length=200, default="事業者の全売上")
    plan_revenue = models.JSONField(_("planned revenue by period"), default=list)
    uses = models.JSONField(_("use of funds"), default=list)
    risks = models.JSONField(_("risks"), default=list)
    frozen_at = models.DateTimeField(_("frozen at"), null=True, blank=True)

    class Meta:
        verbose_name = _("terms")
        verbose_name_plural = _("terms")
        constraints = [
            models.UniqueConstraint(fields=["fund", "version"], name="terms_version_once"),
            models.CheckConstraint(
                condition=Q(investment__gt=0, donation__gte=0, fee__gte=0, units_offered__gt=0, periods__gt=0),
                name="terms_positive",
            ),
            models.CheckConstraint(
                condition=Q(
                    rate_before_recoup__gt=0,
                    rate_before_recoup__lte=1,
                    rate_after_recoup__gte=0,
                    rate_after_recoup__lte=1,
                ),
                name="terms_rates",
            ),
            models.CheckConstraint(condition=Q(grace_periods__lt=F("periods")), name="terms_grace"),
            models.CheckConstraint(condition=Q(period_months__in=[3, 6, 12]), name="terms_months"),
        ]

    def __str__(self) -> str:
        return f"{self.fund_id} v{self.version}"

    @property
    def unit_price(self) -> int:
        """What one unit costs, fee included."""
        return self.investment + self.donation + self.fee


class Document(AppendOnly):
    """A document as it was offered: HTML and PDF bytes, each with its SHA-256, kept for ever, byte for byte.

    `sha256` is that of the HTML and names the document. A document from before PDFs were made has none: `pdf` is null
    and `pdf_sha256` empty, for nothing is rendered after the terms were frozen.
    """

    class Kind(models.TextChoices):
        PRE_CONTRACT = "pre_contract", _("pre-contract document")
        CONTRACT = "contract", _("contract")
        RISK = "risk", _("risk explanation")

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="documents")
    terms = models.ForeignKey(Terms, models.PROTECT, related_name="documents")
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    language = models.CharField(_("language"), max_length=8)
    html = models.BinaryField(_("HTML"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    pdf = models.BinaryField(_("PDF"), null=True)
    pdf_sha256 = models.CharField(_("SHA-256 of the PDF"), max_length=64, blank=True, default="", db_default="")
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        constraints = [
            models.UniqueConstraint(fields=["terms", "kind", "language"], name="document_once"),
            models.CheckConstraint(
                condition=Q(pdf__isnull=True, pdf_sha256="") | (Q(pdf__isnull=False) & ~Q(pdf_sha256="")),
                name="document_pdf_has_hash",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.language} {self.sha256[:12]}"
