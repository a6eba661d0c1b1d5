"""Holdings: confirmed units of one investor in one fund, the sum of their movements (domain.md sections 1 and 9)."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from investments.investors.models import Investor
from investments.offerings.models import Fund
from microfund.kernel.models import AppendOnly


class Holding(models.Model):
    """One investor's units in one fund. `units` is kept equal to the sum of the movements by a trigger. `paid_to` is
    the heir who gets what is still to be paid, once the units of a deceased investor have moved."""

    reference = models.CharField(_("reference"), max_length=20, unique=True)
    investor = models.ForeignKey(Investor, models.PROTECT, related_name="holdings")
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="holdings")
    units = models.PositiveIntegerField(_("units"), default=0)
    frozen_at = models.DateTimeField(_("frozen at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    paid_to = models.ForeignKey(
        Investor, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("paid to")
    )

    class Meta:
        verbose_name = _("holding")
        verbose_name_plural = _("holdings")
        constraints = [models.UniqueConstraint(fields=["investor", "fund"], name="holding_once")]

    def __str__(self) -> str:
        return self.reference


class Movement(AppendOnly):
    """A change of a holding: units added (positive) or taken (negative), and why. Never changed or deleted."""

    class Kind(models.TextChoices):
        CONFIRM = "confirm", _("confirmed")
        RESCIND = "rescind", _("rescinded")
        TRANSFER = "transfer", _("transferred")
        INHERIT = "inherit", _("inherited")

    holding = models.ForeignKey(Holding, models.PROTECT, related_name="movements")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    units = models.IntegerField(_("units"))
    # The occurrence that caused it (`order:12`): one movement of a kind for each.
    source = models.CharField(_("source"), max_length=60)
    effective_on = models.DateField(_("effective on"))
    happened_at = models.DateTimeField(_("happened at"))
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("movement")
        verbose_name_plural = _("movements")
        constraints = [
            models.UniqueConstraint(fields=["kind", "source", "holding"], name="movement_once"),
            models.CheckConstraint(
                condition=~models.Q(units=0)
                & (~models.Q(kind="confirm") | models.Q(units__gt=0))
                & (~models.Q(kind="rescind") | models.Q(units__lt=0)),
                name="movement_sign",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.units}"
