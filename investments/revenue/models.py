"""Accounting periods of a fund, all written when its term starts (domain.md section 6)."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from investments.offerings.models import Fund
from microfund.kernel.states import StateTable


class Period(models.Model):
    """One period: dates computed from the term's anchor, never from the period before. Both ends are inclusive."""

    class State(models.TextChoices):
        SCHEDULED = "scheduled", _("scheduled")
        REPORT_DUE = "report_due", _("report due")
        REPORTED = "reported", _("reported")
        ACCEPTED = "accepted", _("accepted")
        CALCULATED = "calculated", _("calculated")
        APPROVED = "approved", _("approved")
        FUNDED = "funded", _("funded")
        PAYING = "paying", _("being paid")
        PAID = "paid", _("paid")
        WOUND_UP = "wound_up", _("wound up")

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="periods")
    number = models.PositiveSmallIntegerField(_("number"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.SCHEDULED)
    starts_on = models.DateField(_("starts on"))
    ends_on = models.DateField(_("ends on"))
    record_on = models.DateField(_("record date"))
    report_due_on = models.DateField(_("report due on"))
    payment_due_on = models.DateField(_("payment due on"))

    class Meta:
        verbose_name = _("period")
        verbose_name_plural = _("periods")
        constraints = [
            models.UniqueConstraint(fields=["fund", "number"], name="period_once"),
            models.CheckConstraint(
                condition=Q(
                    starts_on__lt=F("ends_on"), ends_on__lt=F("report_due_on"), report_due_on__lt=F("payment_due_on")
                ),
                name="period_dates_in_order",
            ),
        ]
        indexes = [models.Index(fields=["state", "report_due_on"], name="period_report_due_idx")]

    def __str__(self) -> str:
        return f"{self.fund_id} #{self.number}"


PERIOD_STATES = StateTable(
    "investments.Period",
    {
        "scheduled": ("report_due", "wound_up"),
        "report_due": ("reported", "wound_up"),
        "reported": ("report_due", "accepted", "wound_up"),
        "accepted": ("calculated", "wound_up"),
        "calculated": ("accepted", "approved", "wound_up"),
        "approved": ("funded", "paid", "wound_up"),
        "funded": ("paying", "wound_up"),
        "paying": ("paid",),
    },
    section="domain.md section 6",
)
