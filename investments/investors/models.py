"""Investors: a person or a company, who they are, and the state of their identity check (domain.md section 11)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from microfund.kernel.crypto import EncryptedJSONField, EncryptedTextField


class Investor(models.Model):
    """The investor's account: one person or one company. Birth date, address and phone are encrypted at rest.

    `address` is {"postal_code", "prefecture", "city", "street", "building"}; `birth_date` an ISO date.
    """

    class Kind(models.TextChoices):
        PERSON = "person", _("a person")
        COMPANY = "company", _("a company")

    class Identity(models.TextChoices):
        UNVERIFIED = "unverified", _("not checked")
        SUBMITTED = "submitted", _("submitted")
        VERIFIED = "verified", _("verified")
        REJECTED = "rejected", _("rejected")

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.PROTECT, related_name="investor")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices, default=Kind.PERSON)
    name = models.CharField(_("name"), max_length=120)
    name_kana = models.CharField(_("name in kana"), max_length=120)
    birth_date = EncryptedTextField(_("birth date"), blank=True, default="")
    corporate_number = models.CharField(_("corporate number"), max_length=13, blank=True, default="")
    representative = models.CharField(_("representative"), max_length=120, blank=True, default="")
    address = EncryptedJSONField(_("address"), blank=True, default=dict)
    phone = EncryptedTextField(_("phone"), blank=True, default="")
    purpose = models.CharField(_("purpose"), max_length=20, blank=True, default="")
    experience = models.CharField(_("experience"), max_length=20, blank=True, default="")
    funds_origin = models.CharField(_("origin of the money"), max_length=20, blank=True, default="")
    identity_state = models.CharField(
        _("identity check"), max_length=10, choices=Identity.choices, default=Identity.UNVERIFIED, db_index=True
    )
    identity_changed_at = models.DateTimeField(_("identity check changed at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("investor")
        verbose_name_plural = _("investors")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="person") | ~models.Q(corporate_number=""),
                name="investor_company_has_number",
            )
        ]

    def __str__(self) -> str:
        return self.name


class CalendarAddress(models.Model):
    """The secret address of one user's calendar feed: who knows it reads the dates, nothing else.

    Found by the SHA-256 of its token, which is kept encrypted so that its owner can see the address again: a copy of
    the database opens no calendar.
    """

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="calendar_address")
    token = EncryptedTextField(_("token"))
    token_hash = models.CharField(_("SHA-256 of the token"), max_length=64, unique=True)
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("calendar address")
        verbose_name_plural = _("calendar addresses")

    def __str__(self) -> str:
        return f"{self.user_id}"
