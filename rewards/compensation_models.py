"""Money instead of a reward that cannot be delivered: what the business owes to its holder (domain.md section 10)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from investments.models import ReceiptUse
from microfund.kernel.states import StateTable


class Compensation(models.Model):
    """An amount (yen) that the business owes to a holder instead of an entitlement: proposed by one person, approved by
    another (CHECK), at most the `value` of what was promised (CHECK). From the approval on it is journaled, and nothing
    of it changes but how far it is (trigger).

    `reason` is what the holder reads. `payer_code` is what the business writes on its transfer, `use` the part of the
    bank receipt by which it has paid. What the business never pays is written off by two people as well: proposed by
    `loss_maker`, decided by `loss_checker`; the holder reads `loss_reason`.
    """

    class State(models.TextChoices):
        PREPARED = "prepared", _("waits for approval")
        APPROVED = "approved", _("owed by the business")
        FUNDED = "funded", _("to be paid out")
        PAID = "paid", _("paid")
        WITHDRAWN = "withdrawn", _("withdrawn")
        LOST = "lost", _("written off")

    entitlement = models.ForeignKey(
        "rewards.Entitlement", models.PROTECT, related_name="compensations", verbose_name=_("entitlement")
    )
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.PREPARED)
    amount = models.BigIntegerField(_("amount"))
    value = models.BigIntegerField(_("value of the reward"))
    reason = models.CharField(_("reason, as the holder reads it"), max_length=200)
    payer_code = models.CharField(_("payer code"), max_length=10, unique=True)
    due_on = models.DateField(_("due from the business on"), null=True)
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("prepared by"))
    prepared_at = models.DateTimeField(_("prepared at"))
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("approved by")
    )
    approved_at = models.DateTimeField(_("approved at"), null=True)
    use = models.OneToOneField(ReceiptUse, models.PROTECT, null=True, related_name="compensation")
    paid_on = models.DateField(_("paid on"), null=True)
    loss_reason = models.CharField(
        _("reason of the write-off, as the holder reads it"), max_length=200, blank=True, db_default=""
    )
    loss_maker = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("write-off prepared by"),
    )
    loss_prepared_at = models.DateTimeField(_("write-off prepared at"), null=True)
    loss_checker = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("write-off approved by"),
    )
    lost_on = models.DateField(_("written off on"), null=True)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("compensation for a reward")
        verbose_name_plural = _("compensations for rewards")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount__lte=F("value")), name="compensation_within_the_value"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["prepared", "withdrawn"])
                | (Q(checker__isnull=False, approved_at__isnull=False, due_on__isnull=False) & ~Q(checker=F("maker"))),
                name="compensation_two_people",
            ),
            models.CheckConstraint(
                condition=Q(use__isnull=False, state__in=["funded", "paid"])
                | Q(use__isnull=True, state__in=["prepared", "approved", "withdrawn", "lost"]),
                name="compensation_funded",
            ),
            models.CheckConstraint(
                condition=Q(paid_on__isnull=False, state="paid") | (Q(paid_on__isnull=True) & ~Q(state="paid")),
                name="compensation_paid",
            ),
            models.CheckConstraint(
                condition=Q(loss_checker__isnull=True, lost_on__isnull=True) & ~Q(state="lost")
                | Q(state="lost", loss_checker__isnull=False, lost_on__isnull=False, loss_maker__isnull=False)
                & ~Q(loss_checker=F("loss_maker"))
                & ~Q(loss_reason=""),
                name="compensation_lost_by_two",
            ),
            models.UniqueConstraint(fields=["entitlement"], condition=~Q(state="withdrawn"), name="compensation_once"),
        ]

    def __str__(self) -> str:
        return f"{self.entitlement_id}: {self.amount}"


COMPENSATION_STATES = StateTable(
    "rewards.Compensation",
    {"prepared": ("approved", "withdrawn"), "approved": ("funded", "lost"), "funded": ("paid",)},
    section="domain.md section 10",
)
