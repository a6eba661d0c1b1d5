"""Investors: a person or a company, who they are, and the state of their identity check (domain.md section 11)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from microfund.kernel.crypto import EncryptedJSONField, EncryptedTextField


class Investor(models.Model):
    """The investor's account: one person or one company. Birth date, address and phone are encrypted at rest.

    `address` is {"postal_code", "prefecture", "city", "street", "building"}; `birth_date` an ISO date. `prefecture` is
    that of the address once more, in clear, so that supporters can be counted by it; empty once the account is closed.
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
    prefecture = models.CharField(_("prefecture"), max_length=10, blank=True, default="", db_default="")
    phone = EncryptedTextField(_("phone"), blank=True, default="")
    purpose = models.CharField(_("purpose"), max_length=20, blank=True, default="")
    experience = models.CharField(_("experience"), max_length=20, blank=True, default="")
    funds_origin = models.CharField(_("origin of the money"), max_length=20, blank=True, default="")
    # Keyed hashes by which the same person is found twice (duplicates.py); the values themselves are encrypted.
    person_hash = models.CharField(max_length=64, blank=True, default="", db_index=True, editable=False)
    phone_hash = models.CharField(max_length=64, blank=True, default="", db_index=True, editable=False)
    identity_state = models.CharField(
        _("identity check"), max_length=10, choices=Identity.choices, default=Identity.UNVERIFIED, db_index=True
    )
    identity_changed_at = models.DateTimeField(_("identity check changed at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    died_on = models.DateField(_("died on"), null=True, blank=True)
    death_recorded_at = models.DateTimeField(_("death recorded at"), null=True, blank=True)

    class Meta:
        verbose_name = _("investor")
        verbose_name_plural = _("investors")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="person") | ~models.Q(corporate_number=""),
                name="investor_company_has_number",
            ),
            models.CheckConstraint(
                condition=models.Q(died_on__isnull=True, death_recorded_at__isnull=True)
                | models.Q(died_on__isnull=False, death_recorded_at__isnull=False, kind="person"),
                name="investor_death",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Address(models.Model):
    """An address that an investor keeps for parcels: their own, or somebody else's. Encrypted but for the label.

    `address` is {"name", "postal_code", "prefecture", "city", "street", "building", "phone"}, as a parcel is labelled.
    """

    investor = models.ForeignKey(Investor, models.CASCADE, related_name="addresses", verbose_name=_("investor"))
    label = models.CharField(_("label"), max_length=40)
    address = EncryptedJSONField(_("address"), default=dict)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")
        constraints = [models.UniqueConstraint(fields=["investor", "label"], name="address_label_once")]

    def __str__(self) -> str:
        return self.label


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


class IdentityCase(models.Model):
    """One check of an investor's identity, from its submission to its decision. At most one is open.

    `cause` is why it was rejected, in words that the investor is told; the reviewer's own reason is in the audit trail.
    """

    class Outcome(models.TextChoices):
        VERIFIED = "verified", _("verified")
        REJECTED = "rejected", _("rejected")

    class Cause(models.TextChoices):
        UNREADABLE = "unreadable", _("The picture cannot be read: it is blurred, too dark, or cut off.")
        EXPIRED = "expired", _("The document has expired.")
        NAME = "name", _("The name on it is not the one in your personal details.")
        BIRTH_DATE = "birth_date", _("The date of birth on it is not the one in your personal details.")
        ADDRESS = "address", _("The address on it is not the one in your personal details.")
        KIND = "kind", _("This document is not one that we can accept.")
        MISSING = "missing", _("A side of the document, or the document, is missing.")
        OTHER = "other", _("The details could not be confirmed.")

    investor = models.ForeignKey(Investor, models.PROTECT, related_name="identity_cases", verbose_name=_("investor"))
    opened_at = models.DateTimeField(_("submitted at"))
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=8, choices=Outcome.choices, blank=True, default="")
    cause = models.CharField(_("told to the investor"), max_length=12, choices=Cause.choices, blank=True, default="")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decided by")
    )

    class Meta:
        verbose_name = _("identity check")
        verbose_name_plural = _("identity checks")
        constraints = [
            models.UniqueConstraint(
                fields=["investor"], condition=models.Q(decided_at__isnull=True), name="identity_case_one_open"
            ),
            models.CheckConstraint(
                condition=models.Q(decided_at__isnull=True, outcome="")
                | (models.Q(decided_at__isnull=False) & ~models.Q(outcome="")),
                name="identity_case_decided_with_outcome",
            ),
            models.CheckConstraint(
                condition=~models.Q(outcome="rejected") | ~models.Q(cause=""), name="identity_case_rejected_with_cause"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.outcome or 'open'}"


class IdentityDocument(models.Model):
    """A picture of an identity document, encoded anew, encrypted under `key`, in the private storage under `name`.

    Deleting one takes the file and the key away and keeps the row: what there was, and until when.
    """

    class Kind(models.TextChoices):
        LICENCE = "licence", _("driving licence")
        NUMBER_CARD = "number_card", _("Individual Number Card (front only)")
        PASSPORT = "passport", _("passport")
        RESIDENCE = "residence", _("residence card")
        REGISTER = "register", _("certificate of registered matters (companies)")
        OTHER = "other", _("another official document")

    class Side(models.TextChoices):
        FRONT = "front", _("front")
        BACK = "back", _("back")
        FURTHER = "further", _("further page")

    case = models.ForeignKey(IdentityCase, models.PROTECT, related_name="documents", verbose_name=_("identity check"))
    kind = models.CharField(_("kind of document"), max_length=12, choices=Kind.choices)
    side = models.CharField(_("side"), max_length=8, choices=Side.choices)
    name = models.CharField(max_length=80, unique=True, editable=False)
    key = EncryptedTextField(blank=True, default="", editable=False)
    size = models.PositiveIntegerField(_("bytes"))
    width = models.PositiveIntegerField(_("width"))
    height = models.PositiveIntegerField(_("height"))
    uploaded_at = models.DateTimeField(_("uploaded at"))
    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True)

    class Meta:
        verbose_name = _("identity document")
        verbose_name_plural = _("identity documents")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(deleted_at__isnull=True) | models.Q(key=""),
                name="identity_document_key_goes_with_it",
            ),
            models.UniqueConstraint(
                fields=["case", "side"],
                condition=models.Q(deleted_at__isnull=True),
                name="identity_document_one_of_a_side",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.get_side_display()}"


class Resemblance(models.Model):
    """Two investors who may be one person: the same kana and birth date (or corporate number), telephone number or bank
    account. A matter of staff; the two are never told.

    `first` is the older row, so a pair is one row. The reason of a decision is in the audit trail.
    """

    class State(models.TextChoices):
        OPEN = "open", _("to be looked at")
        DIFFERENT = "different", _("different people")
        SAME = "same", _("the same person")

    first = models.ForeignKey(Investor, models.PROTECT, related_name="+", verbose_name=_("first investor"))
    second = models.ForeignKey(Investor, models.PROTECT, related_name="+", verbose_name=_("second investor"))
    by_person = models.BooleanField(_("same name and birth date"), default=False)
    by_phone = models.BooleanField(_("same phone"), default=False)
    by_account = models.BooleanField(_("same bank account"), default=False)
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.OPEN, db_index=True)
    found_at = models.DateTimeField(_("found at"))
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decided by")
    )

    class Meta:
        verbose_name = _("resemblance")
        verbose_name_plural = _("resemblances")
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="resemblance_one_of_a_pair"),
            models.CheckConstraint(condition=models.Q(first__lt=models.F("second")), name="resemblance_in_order"),
            models.CheckConstraint(
                condition=models.Q(by_person=True) | models.Q(by_phone=True) | models.Q(by_account=True),
                name="resemblance_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} / {self.second_id}"
