"""Vouchers and their uses (domain.md section 10). PostgreSQL keeps that a use is never changed
(migrations/sql/rewards.sql)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from businesses.models import Business
from investments.models import ElectedLine


class Voucher(models.Model):
    """A voucher: its code, what it is worth (yen) and what is left of it. Redeemed by the business.

    It is of an entitlement that was claimed, or of a `line` of a distribution taken in kind; that one has `ended_at`
    once it is used up or its time is over, and what is left of it comes back to cash.
    """

    entitlement = models.OneToOneField("rewards.Entitlement", models.PROTECT, null=True, related_name="voucher")
    line = models.OneToOneField(
        ElectedLine, models.PROTECT, null=True, related_name="voucher", verbose_name=_("line taken otherwise")
    )
    business = models.ForeignKey(Business, models.PROTECT, related_name="+", verbose_name=_("business"))
    code = models.CharField(_("code"), max_length=16, unique=True)
    value = models.BigIntegerField(_("value (yen)"))
    balance = models.BigIntegerField(_("left (yen)"))
    valid_until = models.DateField(_("valid until"))
    made_at = models.DateTimeField(_("made at"))
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        verbose_name = _("voucher")
        verbose_name_plural = _("vouchers")
        constraints = [
            models.CheckConstraint(
                condition=Q(balance__gte=0, balance__lte=F("value"), value__gt=0), name="voucher_balance"
            ),
            models.CheckConstraint(
                condition=Q(entitlement__isnull=False, line__isnull=True, ended_at__isnull=True)
                | Q(entitlement__isnull=True, line__isnull=False),
                name="voucher_of_one_thing",
            ),
        ]
        indexes = [
            models.Index(
                fields=["valid_until"], condition=Q(line__isnull=False, ended_at__isnull=True), name="voucher_end_idx"
            )
        ]

    def __str__(self) -> str:
        return self.code


class Redemption(models.Model):
    """One use of a voucher. `form_token` is of the form that was sent: sent twice, it is one use."""

    voucher = models.ForeignKey(Voucher, models.PROTECT, related_name="redemptions")
    amount = models.BigIntegerField(_("amount (yen)"))
    form_token = models.UUIDField(unique=True)
    redeemed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    redeemed_at = models.DateTimeField(_("redeemed at"))

    class Meta:
        verbose_name = _("use of a voucher")
        verbose_name_plural = _("uses of vouchers")
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="redemption_positive")]

    def __str__(self) -> str:
        return f"{self.voucher_id}: {self.amount}"
