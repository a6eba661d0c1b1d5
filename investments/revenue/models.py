"""Accounting periods of a fund, all written when its term starts (domain.md section 6)."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

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
        FUNDED = "funded", pgettext_lazy("period", "funded")
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
    # What a moratorium makes of it, whatever its report asks for.
    relief = models.CharField(_("put off or waived"), max_length=6, blank=True, default="", db_default="")
    moratorium = models.ForeignKey(
        "investments.Moratorium", models.PROTECT, null=True, blank=True, related_name="periods",
        verbose_name=_("moratorium"),
    )  # fmt: skip

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
            models.CheckConstraint(
                condition=Q(relief="", moratorium__isnull=True)
                | Q(relief__in=["defer", "waive"], moratorium__isnull=False),
                name="period_relief",
            ),
        ]
        indexes = [models.Index(fields=["state", "report_due_on"], name="period_report_due_idx")]

    def __str__(self) -> str:
        return f"{self.fund_id} #{self.number}"


#: States of a period whose distribution is approved, and of one whose report is accepted.
DISTRIBUTED = (Period.State.APPROVED, Period.State.FUNDED, Period.State.PAYING, Period.State.PAID)
#: Nothing is calculated yet, so the planned payment date may still move.
UNCALCULATED = (Period.State.SCHEDULED, Period.State.REPORT_DUE, Period.State.REPORTED, Period.State.ACCEPTED)
#: Periods of which no distribution was approved.
UNDECIDED = (*UNCALCULATED, Period.State.CALCULATED)
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


#: The actions of a period, the weakest first.
ACTIONS = (RevenueReport.Action.REPORT.value, RevenueReport.Action.DEFER.value, RevenueReport.Action.WAIVE.value)


def effective_action(period: Period, asked: str) -> str:
    """What a period's accepted report does: what it asks for, or more where a moratorium covers the period."""
    return max(asked, period.relief or asked, key=ACTIONS.index)


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


class Moratorium(models.Model):
    """After a disaster, payments of many funds are put off or periods are not counted (domain.md section 5): prepared
    by one person, approved by another (CHECK). It covers the undecided periods of its funds that end between two dates;
    each fund is a step of its own (MoratoriumFund). It can be ended early for what is still undecided, by two people as
    well: from then on businesses owe again what it had put off. Title and reason are public.
    """

    class State(models.TextChoices):
        PREPARED = "prepared", _("waits for approval")
        APPROVED = "approved", _("in force")
        ENDED = "ended", _("ended")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class Action(models.TextChoices):
        DEFER = "defer", _("put the payments off")
        WAIVE = "waive", _("do not count the periods")

    title = models.CharField(_("title"), max_length=120)
    reason = models.CharField(_("reason"), max_length=500)
    action = models.CharField(_("action"), max_length=6, choices=Action.choices)
    from_on = models.DateField(_("periods that end from"))
    until_on = models.DateField(_("until"))
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.PREPARED)
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("prepared by"))
    prepared_at = models.DateTimeField(_("prepared at"))
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("approved by")
    )
    approved_at = models.DateTimeField(_("approved at"), null=True)
    # Everybody was told once every fund had had its step.
    told_at = models.DateTimeField(_("told at"), null=True)
    # Somebody proposes to end it early, for `end_reason`.
    end_maker = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("end prepared by")
    )
    end_prepared_at = models.DateTimeField(_("end prepared at"), null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("ended by")
    )
    ended_at = models.DateTimeField(_("ended at"), null=True)
    end_reason = models.CharField(_("reason of the end"), max_length=500, blank=True, default="")
    end_told_at = models.DateTimeField(_("told of the end at"), null=True)

    class Meta:
        verbose_name = _("moratorium")
        verbose_name_plural = _("moratoria")
        constraints = [
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "ended"])
                | (Q(checker__isnull=False, approved_at__isnull=False) & ~Q(checker=F("maker"))),
                name="moratorium_two_people",
            ),
            models.CheckConstraint(condition=Q(from_on__lte=F("until_on")), name="moratorium_dates"),
            models.CheckConstraint(
                condition=Q(state="ended", ended_by__isnull=False, ended_at__isnull=False)
                | (~Q(state="ended") & Q(ended_by__isnull=True, ended_at__isnull=True)),
                name="moratorium_ended",
            ),
            models.CheckConstraint(
                condition=~Q(state="ended")
                | (Q(end_maker__isnull=False) & ~Q(end_maker=F("ended_by")) & ~Q(end_reason="")),
                name="moratorium_ended_by_two",
            ),
            models.CheckConstraint(
                condition=Q(end_maker__isnull=True, end_prepared_at__isnull=True, end_reason="")
                | (Q(end_maker__isnull=False, end_prepared_at__isnull=False) & ~Q(end_reason="")),
                name="moratorium_end_prepared",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class MoratoriumFund(models.Model):
    """One fund of a moratorium and whether it has had its step; `error` is why the last try at it failed."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for its step")
        APPLIED = "applied", _("in force")
        LIFTED = "lifted", _("ended")
        LEFT_OUT = "left_out", _("left out")

    moratorium = models.ForeignKey(Moratorium, models.PROTECT, related_name="funds", verbose_name=_("moratorium"))
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="moratoria", verbose_name=_("fund"))
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    error = models.CharField(_("error"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("fund of a moratorium")
        verbose_name_plural = _("funds of moratoria")
        constraints = [models.UniqueConstraint(fields=["moratorium", "fund"], name="moratorium_fund_once")]

    def __str__(self) -> str:
        return f"{self.moratorium_id}:{self.fund_id}"


MORATORIUM_STATES = StateTable(
    "investments.Moratorium",
    {"prepared": ("approved", "withdrawn"), "approved": ("ended",)},
    section="domain.md section 5",
)
MORATORIUM_FUND_STATES = StateTable(
    "investments.MoratoriumFund",
    {"waiting": ("applied", "lifted", "left_out"), "applied": ("lifted",)},
    section="domain.md section 5",
)
