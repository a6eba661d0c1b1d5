"""The house's rules as versioned rows (domain.md section 2): staff see and version them, funds freeze a version."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class PolicyProfile(models.Model):
    """One version of the policy. A fund freezes its version at opening; legal limits apply as of the act.

    Amounts are yen, periods in the named unit. `payment_methods` maps a method (card, konbini, bank_transfer) to the
    reference of the operator's legal opinion that allows it.
    """

    version = models.PositiveIntegerField(_("version"), unique=True)
    effective_from = models.DateField(_("effective from"))
    reason = models.CharField(_("reason"), max_length=200)
    units_per_order = models.PositiveIntegerField(_("units per order"), default=49)
    units_per_person = models.PositiveIntegerField(_("units per person and fund"), default=49)
    investment_per_person_business = models.BigIntegerField(
        _("investment of one person in one business over 12 months (yen)"), default=500_000
    )
    investment_per_business = models.BigIntegerField(
        _("investment offered by one business in funds opened within 12 months (yen)"), default=99_999_999
    )
    unequal_halves_allowed = models.BooleanField(_("unequal halves allowed"), default=False)
    cooling_off_days = models.PositiveSmallIntegerField(_("cooling-off days"), default=8)
    report_due_days = models.PositiveSmallIntegerField(_("report due, days after a period"), default=90)
    payment_due_days = models.PositiveSmallIntegerField(_("payment due, days after a period"), default=120)
    minimum_age = models.PositiveSmallIntegerField(_("minimum age"), default=18)
    reservation_minutes = models.PositiveSmallIntegerField(_("reservation (minutes)"), default=35)
    session_minutes = models.PositiveSmallIntegerField(_("checkout session (minutes)"), default=31)
    reservation_extensions = models.PositiveSmallIntegerField(_("extensions of a reservation"), default=3)
    identity_deadline_days = models.PositiveSmallIntegerField(_("identity deadline, days after closing"), default=14)
    bank_transfer_days = models.PositiveSmallIntegerField(_("bank transfer (bank days)"), default=5)
    konbini_days = models.PositiveSmallIntegerField(_("konbini (days)"), default=2)
    konbini_maximum = models.BigIntegerField(_("konbini maximum (yen)"), default=300_000)
    delayed_share_percent = models.PositiveSmallIntegerField(
        _("share of units that delayed methods may hold (%)"), default=20, validators=[MaxValueValidator(100)]
    )
    payment_methods = models.JSONField(_("payment methods and legal opinions"), default=dict)
    payout_minimum = models.BigIntegerField(_("payout minimum (yen)"), default=1_000)
    offering_days_maximum = models.PositiveSmallIntegerField(_("offering + cooling-off, at most (days)"), default=150)
    zone = models.CharField(_("business time zone"), max_length=40, default="Asia/Tokyo")

    class Meta:
        verbose_name = _("policy profile")
        verbose_name_plural = _("policy profiles")
        ordering = ["-version"]

    def __str__(self) -> str:
        return f"v{self.version} ({self.effective_from})"


class TaxRate(models.Model):
    """A tax rate from a date on: withholding by class of payee, or consumption tax."""

    class Kind(models.TextChoices):
        WITHHOLDING = "withholding", _("withholding")
        CONSUMPTION = "consumption", _("consumption tax")

    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    payee_class = models.CharField(_("class of payee"), max_length=20, blank=True, default="")
    valid_from = models.DateField(_("valid from"))
    rate = models.DecimalField(
        _("rate"),
        max_digits=5,
        decimal_places=4,
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(1))],
    )

    class Meta:
        verbose_name = _("tax rate")
        verbose_name_plural = _("tax rates")
        constraints = [
            models.UniqueConstraint(fields=["kind", "payee_class", "valid_from"], name="tax_rate_once"),
            models.CheckConstraint(condition=models.Q(rate__gte=0, rate__lte=1), name="tax_rate_range"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.rate} ({self.valid_from})"
