"""Accounting periods of a fund, all written when its term starts (domain.md section 6)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from investments.offerings.models import Fund
from microfund.kernel.crypto import EncryptedTextField
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


#: States of a period whose distribution is approved, and of one whose report is accepted.
DISTRIBUTED = (Period.State.APPROVED, Period.State.FUNDED, Period.State.PAYING, Period.State.PAID)
#: Nothing is calculated yet, so the planned payment date may still move.
UNDECIDED = (Period.State.SCHEDULED, Period.State.REPORT_DUE, Period.State.REPORTED, Period.State.ACCEPTED)
REPORT_ACCEPTED = (Period.State.ACCEPTED, Period.State.CALCULATED, *DISTRIBUTED)

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


class RevenueReport(models.Model):
    """One version of a period's revenue report (domain.md sections 1, 5 and 6). Amounts in minor units (yen), without
    consumption tax.

    `lines` lists {"label", "months"}: one for each part of the revenue basis, `months` its figures in the order of the
    period's months; `revenue` is their sum. A restatement is a further accepted version of a period that has one; it
    acts from the next distribution on. The staff who decide are never who signed (CHECK). Once submitted, the figures
    never change (trigger): a returned report is mended in a new version.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        SUBMITTED = "submitted", _("submitted")
        RETURNED = "returned", _("returned")
        ACCEPTED = "accepted", _("accepted")
        DISCARDED = "discarded", _("discarded")

    class Action(models.TextChoices):
        REPORT = "report", _("report")
        DEFER = "defer", _("defer the payment")
        WAIVE = "waive", _("waive the period")

    period = models.ForeignKey(Period, models.PROTECT, related_name="reports", verbose_name=_("period"))
    version = models.PositiveSmallIntegerField(_("version"))
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.DRAFT)
    action = models.CharField(_("action"), max_length=6, choices=Action.choices, default=Action.REPORT)
    restatement = models.BooleanField(_("restates an accepted report"), default=False)
    lines = models.JSONField(_("figures"), default=list)
    revenue = models.BigIntegerField(_("revenue"), default=0)
    staff = models.PositiveIntegerField(_("people employed"), null=True, blank=True)
    jobs_created = models.PositiveIntegerField(_("jobs created"), null=True, blank=True)
    comment = models.TextField(_("comment"), blank=True, default="")
    reason = models.TextField(_("reason"), blank=True, default="")
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    saved_at = models.DateTimeField(_("saved at"))
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("signed by")
    )
    submitted_at = models.DateTimeField(_("submitted at"), null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided at"), null=True)
    answer = models.TextField(_("answer of the fund's staff"), blank=True, default="")
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("revenue report")
        verbose_name_plural = _("revenue reports")
        constraints = [
            models.UniqueConstraint(fields=["period", "version"], name="report_version_once"),
            models.UniqueConstraint(
                fields=["period"], condition=Q(state__in=["draft", "submitted"]), name="report_one_open"
            ),
            models.UniqueConstraint(
                fields=["period"], condition=Q(state="accepted", restatement=False), name="report_accepted_once"
            ),
            models.CheckConstraint(condition=Q(revenue__gte=0), name="report_not_negative"),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "discarded"])
                | Q(submitted_by__isnull=False, submitted_at__isnull=False),
                name="report_signed",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["returned", "accepted"])
                | (Q(decided_by__isnull=False, decided_at__isnull=False) & ~Q(decided_by=F("submitted_by"))),
                name="report_two_people",
            ),
            models.CheckConstraint(
                condition=(Q(action="report") & Q(restatement=False)) | ~Q(reason="") | Q(state="draft"),
                name="report_reason",
            ),
            models.CheckConstraint(condition=Q(restatement=False) | Q(action="report"), name="report_restates_figure"),
        ]
        indexes = [models.Index(fields=["state", "submitted_at"], name="report_state_idx")]

    def __str__(self) -> str:
        return f"{self.period} v{self.version}"


REPORT_STATES = StateTable(
    "investments.RevenueReport",
    {"draft": ("submitted", "discarded"), "submitted": ("returned", "accepted")},
    section="domain.md sections 5 and 6",
)


class Evidence(models.Model):
    """A file that shows a report's figures: private, encrypted under a key of its own (kernel/private.py)."""

    report = models.ForeignKey(RevenueReport, models.PROTECT, related_name="evidence", verbose_name=_("report"))
    name = models.CharField(_("file name"), max_length=120)
    content_type = models.CharField(_("kind of file"), max_length=40)
    size = models.PositiveIntegerField(_("bytes"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    file = models.CharField(_("stored as"), max_length=100)
    key = EncryptedTextField(_("key"))
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    added_at = models.DateTimeField(_("added at"))

    class Meta:
        verbose_name = _("evidence of a report")
        verbose_name_plural = _("evidence of reports")
        constraints = [models.UniqueConstraint(fields=["report", "sha256"], name="evidence_once")]

    def __str__(self) -> str:
        return self.name
