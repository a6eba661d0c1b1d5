"""Orders and the counters of a person (domain.md section 4)."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from businesses.models import Business
from investments.investors.models import Investor
from investments.offerings.models import Document, Fund, Terms
from microfund.kernel.models import AppendOnly
from microfund.kernel.states import StateTable


class Order(models.Model):
    """An investor's application for units. Amounts are totals of the order in minor units (yen).

    A draft lives in the visitor's session; the row begins when units are reserved. `form_token` makes sending the
    last form twice one order. `total = investment + donation + fee` is a CHECK.
    """

    class State(models.TextChoices):
        RESERVED = "reserved", _("reserved")
        AWAITING_PAYMENT = "awaiting_payment", _("waiting for payment")
        PAID = "paid", _("paid")
        CONFIRMED = "confirmed", _("confirmed")
        EXPIRED = "expired", _("expired")
        CANCELLED = "cancelled", _("cancelled")
        FAILED = "failed", _("fund not funded")
        REFUNDED = "refunded", _("refunded")

    class Method(models.TextChoices):
        CARD = "card", _("card")
        KONBINI = "konbini", _("convenience store")
        BANK_TRANSFER = "bank_transfer", _("bank transfer")

    reference = models.CharField(_("reference"), max_length=20, unique=True)
    payer_code = models.CharField(_("payer code"), max_length=10, unique=True)
    form_token = models.UUIDField(_("form token"), unique=True)
    investor = models.ForeignKey(Investor, models.PROTECT, related_name="orders")
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="orders")
    terms = models.ForeignKey(Terms, models.PROTECT, related_name="orders")
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.RESERVED)
    method = models.CharField(_("way to pay"), max_length=13, choices=Method.choices)
    units = models.PositiveIntegerField(_("units"))
    investment = models.BigIntegerField(_("investment"))
    donation = models.BigIntegerField(_("donation"))
    fee = models.BigIntegerField(_("fee"))
    total = models.BigIntegerField(_("total"))
    currency = models.CharField(_("currency"), max_length=3)
    language = models.CharField(_("language"), max_length=8, default="en")
    answers = models.JSONField(_("answers"), default=dict)
    supporter_name_shown = models.BooleanField(_("name shown"), default=False)
    supporter_message = models.CharField(_("message"), max_length=200, blank=True, default="")
    applied_at = models.DateTimeField(_("applied at"))
    # The person's total in the business counts this order until this date (12 months after application).
    counts_until = models.DateField(_("counts until"))
    counted = models.BooleanField(_("counted in the person's total"), default=True)
    reserved_until = models.DateTimeField(_("reserved until"), null=True, blank=True)
    extensions = models.PositiveSmallIntegerField(_("extensions"), default=0)
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    cooling_off_ends_at = models.DateTimeField(_("cooling-off ends at (exclusive)"), null=True, blank=True)
    cleared_at = models.DateTimeField(_("past cooling-off and identity"), null=True, blank=True)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    frozen_at = models.DateTimeField(_("frozen by a dispute at"), null=True, blank=True)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [
            models.CheckConstraint(condition=Q(units__gt=0), name="order_units_positive"),
            models.CheckConstraint(
                condition=Q(
                    total=F("investment") + F("donation") + F("fee"), investment__gt=0, donation__gte=0, fee__gte=0
                ),
                name="order_total_is_its_parts",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["paid", "confirmed"])
                | Q(paid_at__isnull=False, cooling_off_ends_at__isnull=False),
                name="order_paid_has_dates",
            ),
        ]
        indexes = [
            models.Index(fields=["investor", "-applied_at"], name="order_investor_idx"),
            models.Index(fields=["fund", "state"], name="order_fund_state_idx"),
            models.Index(
                fields=["reserved_until"],
                condition=Q(state__in=["reserved", "awaiting_payment"]),
                name="order_reserved_idx",
            ),
            models.Index(fields=["cooling_off_ends_at"], condition=Q(state="paid"), name="order_cooling_idx"),
            models.Index(fields=["counts_until"], condition=Q(counted=True), name="order_counts_idx"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_delayed(self) -> bool:
        """Whether the way to pay holds units for hours or days before the money comes."""
        return self.method != self.Method.CARD


ORDER_STATES = StateTable(
    "investments.Order",
    {
        "reserved": ("awaiting_payment", "paid", "expired", "cancelled", "failed"),
        "awaiting_payment": ("paid", "expired", "cancelled", "failed"),
        "expired": ("paid", "refunded"),
        "paid": ("confirmed", "cancelled", "failed", "refunded"),
        "confirmed": ("refunded",),
    },
    section="domain.md section 4",
)
HOLDS_UNITS = ("reserved", "awaiting_payment", "paid", "confirmed")
UNPAID = ("reserved", "awaiting_payment")


class Acceptance(AppendOnly):
    """Which document an investor accepted, in which version, when and from where."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="acceptances")
    document = models.ForeignKey(Document, models.PROTECT, related_name="acceptances")
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    accepted_at = models.DateTimeField(_("accepted at"))
    ip = models.GenericIPAddressField(_("IP address"), null=True)

    class Meta:
        verbose_name = _("acceptance")
        verbose_name_plural = _("acceptances")
        constraints = [models.UniqueConstraint(fields=["order", "document"], name="acceptance_once")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.sha256[:12]}"


class PersonBusiness(models.Model):
    """A person's investment halves in one business over 12 months, reserved to confirmed (yen)."""

    investor = models.ForeignKey(Investor, models.PROTECT, related_name="+")
    business = models.ForeignKey(Business, models.PROTECT, related_name="+")
    invested = models.BigIntegerField(_("invested"), default=0)

    class Meta:
        verbose_name = _("person's total in a business")
        verbose_name_plural = _("persons' totals in businesses")
        constraints = [
            models.UniqueConstraint(fields=["investor", "business"], name="person_business_once"),
            models.CheckConstraint(condition=Q(invested__gte=0), name="person_business_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.investor_id}/{self.business_id}: {self.invested}"


class PersonFund(models.Model):
    """A person's units in one fund, reserved to confirmed."""

    investor = models.ForeignKey(Investor, models.PROTECT, related_name="+")
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="+")
    units = models.IntegerField(_("units"), default=0)

    class Meta:
        verbose_name = _("person's units in a fund")
        verbose_name_plural = _("persons' units in funds")
        constraints = [
            models.UniqueConstraint(fields=["investor", "fund"], name="person_fund_once"),
            models.CheckConstraint(condition=Q(units__gte=0), name="person_fund_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.investor_id}/{self.fund_id}: {self.units}"
