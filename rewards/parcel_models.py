"""How what was claimed travels: places that it is passed on to, batches, carriers, parcels (domain.md section 10)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from businesses.models import Business
from microfund.kernel.crypto import EncryptedJSONField, EncryptedTextField


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
    cycle = models.ForeignKey("rewards.Cycle", models.PROTECT, related_name="batches", verbose_name=_("cycle"))
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
    """How a claimed entitlement travels. `address` is a snapshot taken at the claim, encrypted, as is `allergies`, what
    whoever packs it must know; the owner reads both only from packing until ADDRESS_DAYS after sending, then they are
    erased. Of an acknowledgement `card` is the name that stands there.

    `asked_at`: when its holder was asked whether it arrived. `complaint`: what they answered, until the business has
    said what follows.
    """

    class Problem(models.TextChoices):
        RETURNED = "returned", _("came back to us")
        UNKNOWN = "unknown", _("nobody is known at the address")
        DAMAGED = "damaged", _("arrived damaged")
        LOST = "lost", _("was lost on the way")

    entitlement = models.OneToOneField("rewards.Entitlement", models.PROTECT, related_name="parcel")
    address = EncryptedJSONField(_("address"), default=dict)
    prefecture = models.CharField(_("prefecture"), max_length=8, blank=True)
    gift = models.BooleanField(_("for somebody else"), default=False)
    card = models.CharField(_("words on the card"), max_length=200, blank=True)
    allergies = EncryptedTextField(_("allergies"), blank=True, default="", db_default="")
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
    asked_at = models.DateTimeField(_("asked whether it arrived at"), null=True)
    complaint = models.CharField(
        _("complaint"), max_length=8, choices=Problem.choices, blank=True, default="", db_default=""
    )
    complaint_note = models.CharField(
        _("what the holder writes"), max_length=200, blank=True, default="", db_default=""
    )
    complained_at = models.DateTimeField(_("complained at"), null=True)

    class Meta:
        verbose_name = _("parcel")
        verbose_name_plural = _("parcels")
        indexes = [models.Index(fields=["batch"], name="parcel_batch_idx")]

    def __str__(self) -> str:
        return f"{self.entitlement_id}"
