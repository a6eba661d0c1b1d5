"""What a business promises its investors in kind, and what becomes of every promise (domain.md section 10).

An Offer opens Cycles; a cycle gives each holding of its record date an Entitlement; a claimed one is a Parcel or a
Voucher. PostgreSQL keeps: one entitlement for each holding and cycle, stock promised ≤ stock, an offer as it was once a
cycle has opened (migrations/sql/rewards.sql).
"""

from __future__ import annotations

from datetime import date

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from businesses.models import Business
from investments.models import Fund, Holding
from microfund.kernel.crypto import EncryptedJSONField
from microfund.kernel.states import StateTable

from .compensation_models import Compensation
from .letter_models import Letter
from .visit_models import Booking, Visit
from .voucher_models import Redemption, Voucher

__all__ = [
    "Batch",
    "Booking",
    "Compensation",
    "Cycle",
    "Donee",
    "Entitlement",
    "Letter",
    "Offer",
    "Parcel",
    "Redemption",
    "Visit",
    "Voucher",
]


class Offer(models.Model):
    """One promised reward of a fund, for holders of at least `minimum_units`; with `per_units`, one item for each so
    many units. Once a cycle has opened it never changes: `revise` ends it and makes a new version.

    `cycle` says when it comes: once, after period `from_period`; after every `every` periods from then on; or each year
    on `season_month`-`season_day`, within the term. A promise without dates ("none") opens no cycle.
    """

    class Kind(models.TextChoices):
        GOODS = "goods", _("goods")
        VOUCHER = "voucher", _("voucher")
        VISIT = "visit", _("visit")
        DIGITAL = "digital", _("digital download")
        ACKNOWLEDGEMENT = "thanks", _("acknowledgement")

    class Cycle(models.TextChoices):
        NONE = "none", _("no dates yet")
        ONCE = "once", _("once")
        PERIODS = "periods", _("every so many periods")
        SEASON = "season", _("every year in a season")

    class Unclaimed(models.TextChoices):
        EXPIRE = "expire", _("expires")
        CARRY = "carry", _("comes with the next")

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="reward_offers", verbose_name=_("fund"))
    version = models.PositiveSmallIntegerField(_("version"), default=1)
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replaced_by", verbose_name=_("replaces")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices, default=Kind.GOODS)
    minimum_units = models.PositiveIntegerField(_("minimum units"), default=1, validators=[MinValueValidator(1)])
    per_units = models.PositiveIntegerField(_("one for each so many units"), null=True, blank=True)
    value = models.BigIntegerField(_("value (yen)"), default=0, validators=[MinValueValidator(0)])
    text_en = models.CharField(_("text (English)"), max_length=200)
    text_ja = models.CharField(_("text (Japanese)"), max_length=200)
    when_en = models.CharField(_("when (English)"), max_length=120, blank=True)
    when_ja = models.CharField(_("when (Japanese)"), max_length=120, blank=True)
    allergens_en = models.CharField(_("allergens (English)"), max_length=200, blank=True)
    allergens_ja = models.CharField(_("allergens (Japanese)"), max_length=200, blank=True)
    cycle = models.CharField(_("cycle"), max_length=8, choices=Cycle.choices, default=Cycle.NONE)
    from_period = models.PositiveSmallIntegerField(_("first after period"), default=1)
    every = models.PositiveSmallIntegerField(_("every so many periods"), default=1, validators=[MinValueValidator(1)])
    season_month = models.PositiveSmallIntegerField(
        _("season begins in month"), default=1, validators=[MinValueValidator(1), MaxValueValidator(12)]
    )
    season_day = models.PositiveSmallIntegerField(
        _("season begins on day"), default=1, validators=[MinValueValidator(1), MaxValueValidator(31)]
    )
    starts_on = models.DateField(_("no cycle before"), null=True, blank=True)
    claim_days = models.PositiveSmallIntegerField(_("days to claim"), default=60, validators=[MinValueValidator(1)])
    dispatch_days = models.PositiveSmallIntegerField(_("days to send after that"), default=30)
    valid_days = models.PositiveSmallIntegerField(_("days a voucher is valid"), default=180)
    stock = models.PositiveIntegerField(_("stock for each cycle"), null=True, blank=True)
    not_to = models.JSONField(_("prefectures it is not sent to"), default=list, blank=True)
    cold = models.BooleanField(_("sent chilled"), default=False)
    adults_only = models.BooleanField(_("only for people of 20 and over"), default=False)
    unclaimed = models.CharField(_("not claimed"), max_length=6, choices=Unclaimed.choices, default=Unclaimed.EXPIRE)
    link = models.URLField(_("address of the download"), blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("reward offer")
        verbose_name_plural = _("reward offers")
        ordering = ["minimum_units", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(minimum_units__gte=1), name="reward_minimum_units"),
            models.CheckConstraint(condition=Q(per_units__isnull=True) | Q(per_units__gte=1), name="reward_per_units"),
            models.CheckConstraint(condition=Q(value__gte=0), name="reward_value"),
            models.CheckConstraint(condition=Q(every__gte=1, from_period__gte=1), name="reward_every"),
            models.CheckConstraint(
                condition=Q(season_month__range=(1, 12), season_day__range=(1, 31)), name="reward_season"
            ),
        ]

    def __str__(self) -> str:
        return self.text_en

    def clean(self) -> None:
        """What a form may not save. Raises ValidationError by field."""
        if self.kind == self.Kind.VOUCHER and self.value <= 0:
            raise ValidationError({"value": _("A voucher needs a value.")})
        if self.kind == self.Kind.VISIT and self.cycle != self.Cycle.NONE:
            raise ValidationError({"cycle": _("Visits have days of their own, not cycles.")})
        if self.unclaimed == self.Unclaimed.CARRY and self.cycle in (self.Cycle.ONCE, self.Cycle.NONE):
            raise ValidationError({"unclaimed": _("Nothing comes after it with which it could be sent.")})


class Cycle(models.Model):
    """One time that an offer comes: entitlements are those of the holdings at the end of `record_on`; they are claimed
    from `opens_on` to the end of `closes_on`, and sent by `dispatch_by`. `number` is the period's, or the year's.

    `promised` is the sum of what was claimed and not given back; a CHECK keeps it within `stock`.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")

    offer = models.ForeignKey(Offer, models.PROTECT, related_name="cycles", verbose_name=_("offer"))
    number = models.PositiveSmallIntegerField(_("number"))
    state = models.CharField(_("state"), max_length=6, choices=State.choices, default=State.OPEN)
    record_on = models.DateField(_("record date"))
    opens_on = models.DateField(_("opens on"))
    closes_on = models.DateField(_("claim by"))
    dispatch_by = models.DateField(_("send by"))
    stock = models.PositiveIntegerField(_("stock"), null=True)
    promised = models.PositiveIntegerField(_("promised"), default=0)
    entitlements_made = models.PositiveIntegerField(_("entitlements"), default=0)
    opened_at = models.DateTimeField(_("opened at"))
    reminded_at = models.DateTimeField(_("reminded at"), null=True)

    class Meta:
        verbose_name = _("reward cycle")
        verbose_name_plural = _("reward cycles")
        constraints = [
            models.UniqueConstraint(fields=["offer", "number"], name="reward_cycle_once"),
            models.CheckConstraint(
                condition=Q(stock__isnull=True) | Q(promised__lte=F("stock")), name="reward_stock_kept"
            ),
            models.CheckConstraint(
                condition=Q(record_on__lt=F("opens_on"), opens_on__lte=F("closes_on"), closes_on__lte=F("dispatch_by")),
                name="reward_cycle_dates",
            ),
        ]
        indexes = [models.Index(fields=["state", "closes_on"], name="reward_cycle_due_idx")]

    def __str__(self) -> str:
        return f"{self.offer_id} #{self.number}"


CYCLE_STATES = StateTable("rewards.Cycle", {"open": ("closed",)}, section="domain.md section 10")


class Entitlement(models.Model):
    """What one holding may claim of one cycle: `quantity` items. Written by one statement for all holdings of the
    record date; its references are checked once for the statement, like those of allocations.

    One that `replaces` another was made of it: its units went to heirs, or another reward of the same value is given
    instead. Together they are worth what it was (trigger). `claim_by` is its own last day, where the cycle's would be
    too short; `note` says why staff changed something.
    """

    class State(models.TextChoices):
        CLAIMABLE = "claimable", _("to be claimed")
        CLAIMED = "claimed", _("claimed")
        PASSED_ON = "passed_on", _("passed on")
        PACKING = "packing", _("being packed")
        SHIPPED = "shipped", _("sent")
        DELIVERED = "delivered", _("received")
        RETURNED = "returned", _("came back")
        SUBSTITUTED = "substituted", _("replaced by something else")
        DECLINED = "declined", _("declined")
        EXPIRED = "expired", _("expired")
        CARRIED = "carried", _("comes with the next")
        WITHDRAWN = "withdrawn", _("withdrawn with its units")
        MOVED = "moved", _("passed to another entitlement")
        COMPENSATED = "compensated", _("money instead")

    cycle = models.ForeignKey(Cycle, models.PROTECT, related_name="entitlements", db_constraint=False)
    holding = models.ForeignKey(Holding, models.PROTECT, related_name="entitlements", db_constraint=False)
    quantity = models.PositiveIntegerField(_("quantity"))
    state = models.CharField(_("state"), max_length=11, choices=State.choices, default=State.CLAIMABLE)
    replaces = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="replaced_by", verbose_name=_("made of")
    )
    claim_by = models.DateField(_("to be claimed by"), null=True)
    note = models.CharField(_("why, as its holder reads it"), max_length=200, blank=True, db_default="")

    class Meta:
        verbose_name = _("entitlement")
        verbose_name_plural = _("entitlements")
        constraints = [
            models.UniqueConstraint(
                fields=["holding", "cycle"], condition=Q(replaces__isnull=True), name="entitlement_once"
            ),
            models.UniqueConstraint(
                fields=["replaces", "holding"],
                condition=Q(replaces__isnull=False),
                name="entitlement_replaced_once",
            ),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="entitlement_positive"),
        ]
        indexes = [models.Index(fields=["cycle", "state"], name="entitlement_state_idx")]

    def __str__(self) -> str:
        return f"{self.cycle_id}:{self.holding_id}"

    @property
    def last_day(self) -> date:
        """Until the end of which day it can be claimed."""
        return self.claim_by or self.cycle.closes_on

    @property
    def value(self) -> int:
        """What it is worth in yen, as the offer states it."""
        return self.cycle.offer.value * self.quantity


#: States in which an entitlement takes from the cycle's stock.
TAKES_STOCK = ("claimed", "passed_on", "packing", "shipped", "delivered", "returned", "substituted")
#: Ended for another entitlement or for money: what was sent before stays out of the stock, though it did not arrive.
SETTLED_OTHERWISE = ("moved", "compensated")
#: Claimed, and not yet in anybody's hands.
TO_PACK = ("claimed", "passed_on")

ENTITLEMENT_STATES = StateTable(
    "rewards.Entitlement",
    {
        "claimable": (
            "claimed",
            "passed_on",
            "declined",
            "expired",
            "carried",
            "withdrawn",
            "delivered",
            "moved",
            "compensated",
        ),
        "claimed": ("packing", "delivered", "passed_on", "declined", "withdrawn", "moved", "compensated"),
        "passed_on": ("packing", "claimed", "declined", "withdrawn"),
        "packing": ("shipped", "claimed", "passed_on"),
        "shipped": ("delivered", "returned"),
        "delivered": ("returned",),
        "returned": ("claimed", "passed_on", "substituted", "declined", "moved", "compensated"),
        "carried": ("moved",),
    },  # fmt: skip
    section="domain.md section 10",
)


class Donee(models.Model):
    """A school or a food bank to which a reward can be passed on; the list is kept by staff."""

    name_en = models.CharField(_("name (English)"), max_length=120)
    name_ja = models.CharField(_("name (Japanese)"), max_length=120)
    address = EncryptedJSONField(_("address"), default=dict)
    active = models.BooleanField(_("can be chosen"), default=True)

    class Meta:
        verbose_name = _("place that rewards are passed on to")
        verbose_name_plural = _("places that rewards are passed on to")

    def __str__(self) -> str:
        return self.name_ja


class Batch(models.Model):
    """Parcels of one cycle that are packed together. Sent as a whole, or parcel by parcel."""

    business = models.ForeignKey(Business, models.PROTECT, related_name="+", verbose_name=_("business"))
    cycle = models.ForeignKey(Cycle, models.PROTECT, related_name="batches", verbose_name=_("cycle"))
    number = models.PositiveSmallIntegerField(_("number"))
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("made by"))
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("batch of parcels")
        verbose_name_plural = _("batches of parcels")
        constraints = [models.UniqueConstraint(fields=["cycle", "number"], name="batch_once")]

    def __str__(self) -> str:
        return f"{self.cycle} / {self.number}"


class Carrier(models.TextChoices):
    """Who carries a parcel."""

    YAMATO = "yamato", _("Yamato")
    SAGAWA = "sagawa", _("Sagawa")
    POST = "post", _("Japan Post")
    OTHER = "other", _("another carrier")


class Parcel(models.Model):
    """How a claimed entitlement travels. `address` is a snapshot taken at the claim, encrypted; the owner reads it only
    from packing until ADDRESS_DAYS after sending, then it is erased."""

    class Problem(models.TextChoices):
        RETURNED = "returned", _("came back to us")
        UNKNOWN = "unknown", _("nobody is known at the address")
        DAMAGED = "damaged", _("arrived damaged")
        LOST = "lost", _("was lost on the way")

    entitlement = models.OneToOneField(Entitlement, models.PROTECT, related_name="parcel")
    address = EncryptedJSONField(_("address"), default=dict)
    prefecture = models.CharField(_("prefecture"), max_length=8, blank=True)
    gift = models.BooleanField(_("for somebody else"), default=False)
    card = models.CharField(_("words on the card"), max_length=200, blank=True)
    donee = models.ForeignKey(Donee, models.PROTECT, null=True, related_name="+", verbose_name=_("passed on to"))
    wish_on = models.DateField(_("wished for"), null=True)
    claimed_at = models.DateTimeField(_("claimed at"))
    batch = models.ForeignKey(Batch, models.PROTECT, null=True, related_name="parcels", verbose_name=_("batch"))
    carrier = models.CharField(_("carrier"), max_length=20, choices=Carrier.choices, blank=True)
    tracking = models.CharField(_("tracking number"), max_length=30, blank=True)
    shipped_on = models.DateField(_("sent on"), null=True)
    problem = models.CharField(_("problem"), max_length=8, choices=Problem.choices, blank=True)
    note = models.CharField(_("remark"), max_length=200, blank=True)
    erased_at = models.DateTimeField(_("address erased at"), null=True)

    class Meta:
        verbose_name = _("parcel")
        verbose_name_plural = _("parcels")
        indexes = [models.Index(fields=["batch"], name="parcel_batch_idx")]

    def __str__(self) -> str:
        return f"{self.entitlement_id}"
