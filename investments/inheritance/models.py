"""Units of somebody who has died, and the heirs to whom they move (domain.md section 11).

PostgreSQL keeps the promises (migrations/sql/inheritance.sql): what was decided never changes, shares make the whole,
and the movements of an inheritance sum to nothing within one fund.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from investments.holdings.models import Holding
from investments.investors.models import Investor
from microfund.kernel.models import AppendOnly
from microfund.kernel.states import StateTable


class Inheritance(models.Model):
    """All units of one holding of a deceased person, to be moved to heirs: proposed by one person, approved by another
    (CHECK). `payee` is the heir who receives what is still to be paid for the time before; `units` are the whole
    holding. `moved_on` is the business date on which they moved: whoever held them on an earlier record date stays who
    held them."""

    class State(models.TextChoices):
        PREPARED = "prepared", _("waits for approval")
        DONE = "done", _("moved")
        WITHDRAWN = "withdrawn", _("withdrawn")

    holding = models.ForeignKey(Holding, models.PROTECT, related_name="inheritances", verbose_name=_("holding"))
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.PREPARED)
    units = models.PositiveIntegerField(_("units"))
    payee = models.ForeignKey(
        Investor, models.PROTECT, related_name="+", verbose_name=_("receives what is still to be paid")
    )
    reason = models.CharField(_("reason"), max_length=200)
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("prepared by"))
    prepared_at = models.DateTimeField(_("prepared at"))
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("approved by")
    )
    approved_at = models.DateTimeField(_("approved at"), null=True)
    moved_on = models.DateField(_("moved on"), null=True)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("inheritance")
        verbose_name_plural = _("inheritances")
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="done")
                | (
                    Q(checker__isnull=False, approved_at__isnull=False, moved_on__isnull=False) & ~Q(checker=F("maker"))
                ),
                name="inheritance_two_people",
            ),
            models.CheckConstraint(condition=Q(units__gt=0), name="inheritance_positive"),
            models.UniqueConstraint(fields=["holding"], condition=~Q(state="withdrawn"), name="inheritance_once"),
        ]

    def __str__(self) -> str:
        return f"{self.holding} {self.units}"


INHERITANCE_STATES = StateTable(
    "investments.Inheritance", {"prepared": ("done", "withdrawn")}, section="domain.md section 11"
)


class InheritanceShare(AppendOnly):
    """The units that one heir gets of an inheritance."""

    inheritance = models.ForeignKey(Inheritance, models.PROTECT, related_name="shares", verbose_name=_("inheritance"))
    heir = models.ForeignKey(Investor, models.PROTECT, related_name="inherited", verbose_name=_("heir"))
    units = models.PositiveIntegerField(_("units"))

    class Meta:
        verbose_name = _("share of an inheritance")
        verbose_name_plural = _("shares of inheritances")
        constraints = [
            models.UniqueConstraint(fields=["inheritance", "heir"], name="inheritance_share_once"),
            models.CheckConstraint(condition=Q(units__gt=0), name="inheritance_share_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.inheritance_id}: {self.units}"
