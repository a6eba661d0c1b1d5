"""Orders and the counters of a person (domain.md section 4)."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from businesses.models import Business
from investments.investors.models import Investor
from investments.offerings.models import Document, Fund, Terms
from microfund.kernel.crypto import EncryptedTextField
from microfund.kernel.models import AppendOnly
from microfund.kernel.states import StateTable


class Order(models.Model):
    """An investor's application for units. Amounts are totals of the order in minor units (yen).

    The contract is with `investor`; `payer` applied and paid, and gets back what goes back. They are two persons only
    once somebody has accepted the order as a gift (`Gift`).

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
    payer = models.ForeignKey(Investor, models.PROTECT, related_name="paid_orders", verbose_name=_("payer"))
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
    message_hidden_at = models.DateTimeField(_("message hidden at"), null=True, blank=True)
    message_hidden_reason = models.CharField(
        _("reason of hiding it"), max_length=200, blank=True, default="", db_default=""
    )
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
            models.CheckConstraint(
                condition=Q(message_hidden_at__isnull=True) | ~Q(message_hidden_reason=""),
                name="order_message_hidden_has_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["investor", "-applied_at"], name="order_investor_idx"),
            models.Index(fields=["payer", "-applied_at"], condition=~Q(payer=F("investor")), name="order_payer_idx"),
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
UNPAID = ("reserved", "awaiting_payment")
#: Orders that may still become a holding, or end.
OPEN = (*UNPAID, "paid")


class Gift(models.Model):
    """Units that are to be another's: the order stays its payer's until `receiver_name` accepts it and signs.

    Whoever knows `token` may accept; it is found by its SHA-256 and kept encrypted, so that the giver can hand it on
    again. What the giver wrote of another person is encrypted, and their e-mail address forgotten once it is settled.
    A gift whose order has ended is over, whatever its own state says.
    """

    class State(models.TextChoices):
        OPEN = "open", _("not accepted yet")
        DECLINED = "declined", _("declined")
        ACCEPTED = "accepted", _("accepted")
        KEPT = "kept", _("kept by the giver")

    order = models.OneToOneField(Order, models.PROTECT, related_name="gift", verbose_name=_("order"))
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.OPEN)
    receiver_name = EncryptedTextField(_("name of the receiver"))
    receiver_email = EncryptedTextField(_("e-mail of the receiver"), blank=True, default="")
    message = EncryptedTextField(_("message"), blank=True, default="")
    language = models.CharField(_("language"), max_length=8, default="en")
    token = EncryptedTextField(_("token"))
    token_hash = models.CharField(_("SHA-256 of the token"), max_length=64, unique=True)
    # How often it was sent by mail; which of them it is makes each a mail of its own.
    sendings = models.PositiveSmallIntegerField(_("times sent"), default=0)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    reminded_at = models.DateTimeField(_("giver reminded at"), null=True, blank=True)
    settled_at = models.DateTimeField(_("accepted, declined or kept at"), null=True, blank=True)
    # What the receiver answered to the questions before signing; the giver's answers stay with the order.
    answers = models.JSONField(_("answers"), default=dict)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("gift")
        verbose_name_plural = _("gifts")
        constraints = [
            models.CheckConstraint(
                condition=Q(state="open") | Q(settled_at__isnull=False), name="gift_settled_has_instant"
            )
        ]
        indexes = [models.Index(fields=["order"], condition=Q(state__in=["open", "declined"]), name="gift_awaits_idx")]

    def __str__(self) -> str:
        return f"gift {self.order_id}"


GIFT_STATES = StateTable(
    "investments.Gift",
    {"open": ("accepted", "declined", "kept"), "declined": ("open", "kept")},
    section="domain.md section 4; pages.md, gifts",
)
#: States in which a paid order still waits for somebody to accept it: it is not confirmed, and can be cancelled.
AWAITS_RECEIVER = ("open", "declined")


class Acceptance(AppendOnly):
    """Which document an investor accepted, in which version, when and from where."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="acceptances")
    investor = models.ForeignKey(Investor, models.PROTECT, related_name="acceptances", verbose_name=_("investor"))
    document = models.ForeignKey(Document, models.PROTECT, related_name="acceptances")
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    accepted_at = models.DateTimeField(_("accepted at"))
    ip = models.GenericIPAddressField(_("IP address"), null=True)

    class Meta:
        verbose_name = _("acceptance")
        verbose_name_plural = _("acceptances")
        constraints = [models.UniqueConstraint(fields=["order", "investor", "document"], name="acceptance_once")]

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
