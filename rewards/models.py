"""What a business promises its investors in kind, and what becomes of every promise (domain.md section 10).

An Offer opens Cycles; a cycle gives each holding of its record date an Entitlement; a claimed one is a Parcel or a
Voucher. PostgreSQL keeps: one entitlement for each holding and cycle, stock promised ≤ stock, an offer as it was once a
cycle has opened (migrations/sql/rewards.sql).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from investments.investors import prefectures
from investments.models import Fund, Holding
from microfund.kernel.states import StateTable

from .compensation_models import Compensation
from .download_models import DigitalFile, Download
from .letter_models import Letter
from .parcel_models import Batch, Carrier, Donee, Parcel
from .pictured import Pictured
from .season_models import Seasonal
from .visit_models import Booking, Visit
from .voucher_models import Redemption, Voucher

__all__ = [
    "Batch",
    "Booking",
    "Carrier",
    "Compensation",
    "Cycle",
    "DigitalFile",
    "Donee",
    "Download",
    "Entitlement",
    "Letter",
    "Offer",
    "Parcel",
    "Redemption",
    "Visit",
    "Voucher",
]


#: The beginning of a postal code, without a hyphen.
_POSTAL = re.compile(r"[0-9]{2,7}")


class Offer(Seasonal, Pictured):
    """One promised reward of a fund, for holders of at least `minimum_units`; with `per_units`, one item for each so
    many units. Once a cycle has opened it never changes: `revise` ends it and makes a new version.

    `cycle` says when it comes: once, after period `from_period`; after every `every` periods from then on; or each year
    in its season (rewards/season_models.py, rewards/calendar.py). A promise without dates ("none") opens no cycle. One
    that the business proposes is `waiting` until the staff takes it on: it is no promise yet, nobody sees it and
    nothing opens.

    `not_to` holds prefectures, and beginnings of postal codes, such as of islands that no chilled parcel reaches.
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
    starts_on = models.DateField(_("no cycle before"), null=True, blank=True)
    claim_days = models.PositiveSmallIntegerField(_("days to claim"), default=60, validators=[MinValueValidator(1)])
    dispatch_days = models.PositiveSmallIntegerField(
        _("days to send after that"), default=30, help_text=_("Of a season its last day counts instead.")
    )
    valid_days = models.PositiveSmallIntegerField(_("days a voucher is valid"), default=180)
    stock = models.PositiveIntegerField(_("stock for each cycle"), null=True, blank=True)
    not_to = models.JSONField(_("prefectures and postal codes it is not sent to"), default=list, blank=True)
    cold = models.BooleanField(_("sent chilled"), default=False)
    adults_only = models.BooleanField(_("only for people of 20 and over"), default=False)
    unclaimed = models.CharField(_("not claimed"), max_length=6, choices=Unclaimed.choices, default=Unclaimed.EXPIRE)
    link = models.URLField(_("address of the download"), blank=True)
    waiting = models.BooleanField(_("proposed by the business"), default=False, db_default=False, editable=False)
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
            models.CheckConstraint(
                condition=Q(season_until_month__isnull=True, season_until_day__isnull=True)
                | Q(
                    season_until_month__isnull=False,
                    season_until_day__isnull=False,
                    season_until_month__range=(1, 12),
                    season_until_day__range=(1, 31),
                ),
                name="reward_season_until",
            ),
            models.CheckConstraint(
                condition=Q(
                    claim_month__isnull=True,
                    claim_day__isnull=True,
                    claim_until_month__isnull=True,
                    claim_until_day__isnull=True,
                )
                | Q(
                    claim_month__isnull=False,
                    claim_day__isnull=False,
                    claim_until_month__isnull=False,
                    claim_until_day__isnull=False,
                    claim_month__range=(1, 12),
                    claim_day__range=(1, 31),
                    claim_until_month__range=(1, 12),
                    claim_until_day__range=(1, 31),
                    cycle="season",
                    season_until_month__isnull=False,
                ),
                name="reward_claim_days",
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
        self.clean_season()
        for place in self.not_to:
            if place not in prefectures.NAMES and not _POSTAL.fullmatch(str(place)):
                text = _("“%(place)s” is neither a prefecture nor the beginning of a postal code (2 to 7 digits).")
                raise ValidationError({"not_to": text % {"place": place}})

    @property
    def not_sent_to(self) -> str:
        """Where it is not sent, in words: prefectures by name, then beginnings of postal codes."""
        latin = get_language() != "ja"
        names = prefectures.NAMES if latin else {name: name for name in prefectures.NAMES}
        named = [names.get(place, f"〒{place}…") for place in self.not_to]
        return (", " if latin else "、").join(named)

    def goes_to(self, address: Mapping[str, str]) -> bool:
        """Whether it is sent to an address."""
        code = address.get("postal_code", "").replace("-", "")
        return not any(place == address.get("prefecture") or code.startswith(place) for place in self.not_to)


class Cycle(models.Model):
    """One time that an offer comes: entitlements are those of the holdings at the end of `record_on`; they are claimed
    from `opens_on` to the end of `closes_on`, and sent by `dispatch_by`, from `dispatch_from` on where that is later
    than the claims open. `number` is the period's, or the year's in which the season begins.

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
    dispatch_from = models.DateField(_("send from"), null=True)
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
            models.CheckConstraint(
                condition=Q(dispatch_from__isnull=True)
                | Q(dispatch_from__gt=F("opens_on"), dispatch_from__lte=F("dispatch_by")),
                name="reward_cycle_dispatch",
            ),
        ]
        indexes = [models.Index(fields=["state", "closes_on"], name="reward_cycle_due_idx")]

    def __str__(self) -> str:
        return f"{self.offer_id} #{self.number}"

    @property
    def wish_from(self) -> date:
        """The first day that may be wished for: the claims are closed, and the season has begun."""
        after = self.closes_on + timedelta(days=1)
        return after if self.dispatch_from is None else max(after, self.dispatch_from)


CYCLE_STATES = StateTable("rewards.Cycle", {"open": ("closed",)}, section="domain.md section 10")


class Entitlement(models.Model):
    """What one holding may claim of one cycle: `quantity` items. Written by one statement for all holdings of the
    record date; its references are checked once for the statement, like those of allocations.

    One that `replaces` another was made of it: its units went to heirs, or another reward of the same value is given
    instead. Together they are worth what it was (trigger). `claim_by` is its own last day, where the cycle's would be
    too short; `note` says why staff changed something. What is carried is in that of its holding of the cycle
    `carried_to`, once that has opened.
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
    carried_to = models.ForeignKey(
        Cycle, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False,
        verbose_name=_("came with"),
    )  # fmt: skip
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
            models.CheckConstraint(
                condition=Q(carried_to__isnull=True) | Q(state="carried"), name="entitlement_carried_once"
            ),
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
        "packing": ("shipped", "claimed", "passed_on", "withdrawn"),
        "shipped": ("delivered", "returned"),
        "delivered": ("returned", "withdrawn"),
        "returned": ("claimed", "passed_on", "substituted", "declined", "withdrawn", "moved", "compensated"),
        "carried": ("claimable", "moved", "withdrawn"),
    },  # fmt: skip
    section="domain.md section 10",
)
