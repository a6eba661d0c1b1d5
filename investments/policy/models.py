"""The house's rules as versioned rows (domain.md section 2): staff see and version them, funds freeze a version.

Versions and rates are only added: a trigger refuses every change (migrations/sql/rules.sql), since an open fund has
frozen what one of them says.
"""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from .methods import validate_methods, validate_zone

# What no version may go beyond: the law's limits (yen, days, years) and those of the payment provider.
PERSON_MOST = 500_000
BUSINESS_MOST = 99_999_999
COOLING_OFF_LEAST = 8
AGE_LEAST = 18
OFFERING_MOST = 150
# The provider's pages live half an hour at least, counted from its own clock, and a day at most.
SESSION_LEAST, SESSION_MOST = 31, 1_439
EXTENSIONS_MOST = 3
KONBINI_MOST = 300_000
KONBINI_DAYS_MOST = 60


def _between(least: int, most: int) -> list[MinValueValidator | MaxValueValidator]:
    return [MinValueValidator(least), MaxValueValidator(most)]


class PolicyProfile(models.Model):
    """One version of the policy. A fund freezes its version at opening; legal limits apply as of the act.

    Amounts are yen, periods in the named unit. `payment_methods` maps a method (card, konbini, bank_transfer) to the
    reference of the operator's legal opinion that allows it.
    """

    version = models.PositiveIntegerField(_("version"), unique=True)
    effective_from = models.DateField(_("effective from"))
    reason = models.CharField(_("reason"), max_length=200)
    units_per_order = models.PositiveIntegerField(_("units per order"), default=49, validators=[MinValueValidator(1)])
    units_per_person = models.PositiveIntegerField(
        _("units per person and fund"), default=49, validators=[MinValueValidator(1)]
    )
    investment_per_person_business = models.BigIntegerField(
        _("investment of one person in one business over 12 months (yen)"),
        default=500_000,
        validators=_between(1, PERSON_MOST),
    )
    investment_per_business = models.BigIntegerField(
        _("investment offered by one business in funds opened within 12 months (yen)"),
        default=99_999_999,
        validators=_between(1, BUSINESS_MOST),
    )
    unequal_halves_allowed = models.BooleanField(_("unequal halves allowed"), default=False)
    cooling_off_days = models.PositiveSmallIntegerField(
        _("cooling-off days"), default=8, validators=[MinValueValidator(COOLING_OFF_LEAST)]
    )
    report_due_days = models.PositiveSmallIntegerField(
        _("report due, days after a period"), default=90, validators=[MinValueValidator(1)]
    )
    payment_due_days = models.PositiveSmallIntegerField(_("payment due, days after a period"), default=120)
    minimum_age = models.PositiveSmallIntegerField(
        _("minimum age"), default=18, validators=[MinValueValidator(AGE_LEAST)]
    )
    reservation_minutes = models.PositiveSmallIntegerField(_("reservation (minutes)"), default=35)
    session_minutes = models.PositiveSmallIntegerField(
        _("checkout session (minutes)"), default=31, validators=_between(SESSION_LEAST, SESSION_MOST)
    )
    reservation_extensions = models.PositiveSmallIntegerField(
        _("extensions of a reservation"), default=3, validators=[MaxValueValidator(EXTENSIONS_MOST)]
    )
    identity_deadline_days = models.PositiveSmallIntegerField(
        _("identity deadline, days after closing"), default=14, validators=[MinValueValidator(1)]
    )
    bank_transfer_days = models.PositiveSmallIntegerField(
        _("bank transfer (bank days)"), default=5, validators=[MinValueValidator(1)]
    )
    konbini_days = models.PositiveSmallIntegerField(
        _("konbini (days)"), default=2, validators=_between(1, KONBINI_DAYS_MOST)
    )
    konbini_maximum = models.BigIntegerField(
        _("konbini maximum (yen)"), default=300_000, validators=_between(1, KONBINI_MOST)
    )
    delayed_share_percent = models.PositiveSmallIntegerField(
        _("share of units that delayed methods may hold (%)"), default=20, validators=[MaxValueValidator(100)]
    )
    payment_methods = models.JSONField(
        _("payment methods and legal opinions"), default=dict, validators=[validate_methods]
    )
    payout_minimum = models.BigIntegerField(_("payout minimum (yen)"), default=1_000, validators=[MinValueValidator(0)])
    offering_days_maximum = models.PositiveSmallIntegerField(
        _("offering + cooling-off, at most (days)"), default=150, validators=[MaxValueValidator(OFFERING_MOST)]
    )
    zone = models.CharField(_("business time zone"), max_length=40, default="Asia/Tokyo", validators=[validate_zone])

    class Meta:
        verbose_name = _("policy profile")
        verbose_name_plural = _("policy profiles")
        ordering = ["-version"]
        # Ways to pay and zone are CHECKs too, in migrations/sql/rules.sql.
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    units_per_order__gte=1,
                    units_per_person__gte=1,
                    investment_per_person_business__range=(1, PERSON_MOST),
                    investment_per_business__range=(1, BUSINESS_MOST),
                    minimum_age__gte=AGE_LEAST,
                    payout_minimum__gte=0,
                    delayed_share_percent__lte=100,
                ),
                name="policy_limits",
            ),
            models.CheckConstraint(
                condition=Q(
                    cooling_off_days__gte=COOLING_OFF_LEAST,
                    offering_days_maximum__gt=F("cooling_off_days"),
                    offering_days_maximum__lte=OFFERING_MOST,
                    identity_deadline_days__gte=1,
                ),
                name="policy_cooling_off",
                violation_error_message=_("The offering must leave a day before cooling-off."),
            ),
            models.CheckConstraint(
                condition=Q(report_due_days__gte=1, payment_due_days__gte=F("report_due_days")),
                name="policy_report_before_payment",
                violation_error_message=_("A payment cannot be due before the report that it follows."),
            ),
            models.CheckConstraint(
                condition=Q(
                    session_minutes__range=(SESSION_LEAST, SESSION_MOST),
                    reservation_minutes__gt=F("session_minutes"),
                    reservation_extensions__lte=EXTENSIONS_MOST,
                ),
                name="policy_session_in_reservation",
                violation_error_message=_("A reservation must be longer than the checkout session that it waits for."),
            ),
            models.CheckConstraint(
                condition=Q(
                    bank_transfer_days__gte=1,
                    konbini_days__range=(1, KONBINI_DAYS_MOST),
                    konbini_maximum__range=(1, KONBINI_MOST),
                ),
                name="policy_delayed_methods",
            ),
        ]

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
