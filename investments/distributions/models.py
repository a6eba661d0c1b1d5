"""Distributions, their lines by holding, what the business paid in and what is paid out of it (domain.md sections 5-7).

PostgreSQL keeps the promises (migrations/sql/distributions.sql): an approved distribution and its allocations never
change, and their sums agree.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from investments.banking.models import ReceiptUse
from investments.holdings.models import Holding
from investments.offerings.models import Fund, Terms
from investments.offerings.rule import Action, Reason
from investments.revenue.models import Period, RevenueReport
from microfund.kernel.models import AppendOnly
from microfund.kernel.states import StateTable

ACTIONS = [
    (Action.REPORT.value, _("report")),
    (Action.DEFER.value, _("deferred")),
    (Action.WAIVE.value, _("waived")),
    (Action.WIND_UP.value, _("wind-up")),
    (Action.SUPPLEMENT.value, _("supplement after a restatement")),
]
REASONS = [
    (Reason.PAID.value, _("paid in full")),
    (Reason.CAPPED.value, _("capped; the rest is carried")),
    (Reason.GRACE.value, _("grace period")),
    (Reason.DEFERRED.value, _("deferred")),
    (Reason.WAIVED.value, _("waived")),
    (Reason.BELOW_FLOOR.value, _("revenue below the floor")),
    (Reason.NO_REVENUE.value, _("no revenue")),
    (Reason.REPAID.value, _("the investment is repaid")),
    (Reason.AHEAD.value, _("paid ahead of what is earned")),
    (Reason.BELOW_ONE.value, _("less than one yen for each unit")),
    (Reason.NO_RESIDUAL.value, _("nothing is left")),
]


#: Yen of a distribution that its business pays in over time, unless they are written off: `cash` and `returned`.
_TO_PAY_IN = F("gross") - F("in_kind") - F("given_back") + F("returned")


class Distribution(models.Model):
    """What one period of a fund pays: yen per unit by the rule, and the sums over the holdings of the record date.

    `figures` is the revenue by period that the rule counted ({"1": 27900000}, as it stood then), so that anybody can
    compute `per_unit` again from `terms`, `figures` and `paid_before`. `supplement` is 0 for the period's own
    distribution. `payer_code` is what the business writes on its transfer; `received` is the part of `gross` that it
    has paid, `instalment_per_unit` what has been released to be paid out so far. `written_off` is what the business
    need not pay any more, `written_off_per_unit` what the holders will not get of it (WriteOff). Calculated by one
    person, approved by another (CHECK). Amounts in minor units (yen).

    `in_kind` and `given_back` are the net that holders of `elected_units` take otherwise (ElectedLine); their tax,
    `elected_tax`, is paid in cash like the rest. `returned` is what of `in_kind` came back to cash.
    """

    class State(models.TextChoices):
        CALCULATED = "calculated", _("calculated")
        APPROVED = "approved", _("approved")
        DISCARDED = "discarded", _("discarded")

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="distributions", verbose_name=_("fund"))
    period = models.ForeignKey(Period, models.PROTECT, related_name="distributions", verbose_name=_("period"))
    supplement = models.PositiveSmallIntegerField(_("supplement"), default=0)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.CALCULATED)
    report = models.ForeignKey(RevenueReport, models.PROTECT, null=True, related_name="distributions")
    terms = models.ForeignKey(Terms, models.PROTECT, related_name="+", verbose_name=_("terms"))
    action = models.CharField(_("action"), max_length=10, choices=ACTIONS)
    reason = models.CharField(_("reason"), max_length=12, choices=REASONS)
    figures = models.JSONField(_("revenue counted, by period"), default=dict)
    counted_revenue = models.BigIntegerField(_("revenue of the period as counted"))
    cumulative_revenue = models.BigIntegerField(_("revenue counted so far"))
    entitlement_per_unit = models.BigIntegerField(_("earned so far, per unit"))
    paid_before = models.BigIntegerField(_("distributed before, per unit"))
    principal_before = models.BigIntegerField(_("principal before, per unit"))
    per_unit = models.BigIntegerField(_("per unit"))
    principal_per_unit = models.BigIntegerField(_("principal per unit"))
    carried_per_unit = models.BigIntegerField(_("carried, per unit"))
    lost_per_unit = models.BigIntegerField(_("ended unpaid, per unit"), default=0)
    record_on = models.DateField(_("record date"))
    payment_on = models.DateField(_("planned payment date"))
    rate_person = models.DecimalField(_("withholding rate, persons"), max_digits=5, decimal_places=4)
    rate_company = models.DecimalField(_("withholding rate, companies"), max_digits=5, decimal_places=4)
    holdings = models.PositiveIntegerField(_("holdings"), default=0)
    units = models.BigIntegerField(_("units"), default=0)
    gross = models.BigIntegerField(_("gross"), default=0)
    principal = models.BigIntegerField(_("principal"), default=0)
    profit = models.BigIntegerField(_("profit"), default=0)
    tax = models.BigIntegerField(_("tax withheld"), default=0)
    net = models.BigIntegerField(_("net"), default=0)
    payer_code = models.CharField(_("payer code"), max_length=10, unique=True)
    received = models.BigIntegerField(_("paid in by the business"), default=0)
    instalment_per_unit = models.BigIntegerField(_("released to be paid out, per unit"), default=0)
    written_off = models.BigIntegerField(_("written off"), default=0, db_default=0)
    written_off_per_unit = models.BigIntegerField(_("written off, per unit"), default=0, db_default=0)
    in_kind = models.BigIntegerField(_("taken in kind, after tax"), default=0, db_default=0)
    given_back = models.BigIntegerField(_("given back, after tax"), default=0, db_default=0)
    elected_units = models.BigIntegerField(_("units not paid in cash"), default=0, db_default=0)
    elected_tax = models.BigIntegerField(_("tax of what is not paid in cash"), default=0, db_default=0)
    returned = models.BigIntegerField(_("in kind, back in cash"), default=0, db_default=0)
    calculated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("calculated by")
    )
    calculated_at = models.DateTimeField(_("calculated at"))
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("approved by")
    )
    approved_at = models.DateTimeField(_("approved at"), null=True)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("distribution")
        verbose_name_plural = _("distributions")
        constraints = [
            models.UniqueConstraint(
                fields=["period", "supplement"], condition=~Q(state="discarded"), name="distribution_once"
            ),
            models.CheckConstraint(
                condition=~Q(state="approved")
                | (Q(approved_by__isnull=False, approved_at__isnull=False) & ~Q(approved_by=F("calculated_by"))),
                name="distribution_two_people",
            ),
            models.CheckConstraint(
                condition=Q(
                    gross=F("per_unit") * F("units"),
                    principal=F("principal_per_unit") * F("units"),
                    profit=F("gross") - F("principal"),
                    net=F("gross") - F("tax"),
                ),
                name="distribution_sums",
            ),
            models.CheckConstraint(
                condition=Q(
                    per_unit__gte=0,
                    principal_per_unit__gte=0,
                    principal_per_unit__lte=F("per_unit"),
                    tax__gte=0,
                    tax__lte=F("profit"),
                ),
                name="distribution_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(
                    received__gte=0,
                    received__lte=_TO_PAY_IN - F("written_off"),
                    instalment_per_unit__gte=0,
                    instalment_per_unit__lte=F("per_unit") - F("written_off_per_unit"),
                ),
                name="distribution_received",
            ),
            models.CheckConstraint(
                condition=Q(written_off=0, written_off_per_unit=0)
                | Q(
                    written_off__gt=0,
                    written_off=_TO_PAY_IN - F("received"),
                    written_off_per_unit__gte=0,
                    written_off_per_unit=F("per_unit") - F("instalment_per_unit"),
                ),
                name="distribution_written_off",
            ),
            models.CheckConstraint(
                condition=Q(
                    in_kind__gte=0,
                    given_back__gte=0,
                    elected_tax__gte=0,
                    elected_units__gte=0,
                    elected_units__lte=F("units"),
                    returned__gte=0,
                    returned__lte=F("in_kind"),
                )
                & Q(in_kind=F("per_unit") * F("elected_units") - F("elected_tax") - F("given_back")),
                name="distribution_elected",
            ),
        ]
        indexes = [models.Index(fields=["fund", "state"], name="distribution_fund_idx")]

    def __str__(self) -> str:
        return f"{self.fund_id} #{self.period_id}.{self.supplement}"

    @property
    def cash_units(self) -> int:
        """Units whose holders are paid in cash."""
        return self.units - self.elected_units

    @property
    def cash(self) -> int:
        """Yen that the business has to pay in by the distribution itself: without what is taken in kind or given back,
        and without what of it came back later."""
        return self.gross - self.in_kind - self.given_back

    @property
    def owed(self) -> int:
        """Yen that the business still has to pay in."""
        return self.cash + self.returned - self.received - self.written_off

    @property
    def in_arrears(self) -> int:
        """Yen of `cash` that are still to be paid in; what came back from vouchers is due without a date."""
        return max(0, self.cash - self.received - self.written_off)

    @property
    def cash_per_unit(self) -> int:
        """Yen per unit that the holders get in the end: all of it, or what was not written off."""
        return self.per_unit - self.written_off_per_unit


#: Distributions of which the business still owes something.
OWING = Q(state=Distribution.State.APPROVED, received__lt=_TO_PAY_IN - F("written_off"))

DISTRIBUTION_STATES = StateTable(
    "investments.Distribution",
    {"calculated": ("approved", "discarded")},
    section="domain.md sections 5 and 6",
)


class Allocation(AppendOnly):
    """One holding's line of a distribution: `gross = principal + profit = net + tax`, in minor units (yen).

    Written by one statement for all holdings; its references are checked once for the statement (architecture.md
    section 6), and neither distributions nor holdings are ever deleted or re-keyed.
    """

    distribution = models.ForeignKey(Distribution, models.PROTECT, related_name="allocations", db_constraint=False)
    holding = models.ForeignKey(Holding, models.PROTECT, related_name="allocations", db_constraint=False)
    units = models.PositiveIntegerField(_("units"))
    gross = models.BigIntegerField(_("gross"))
    principal = models.BigIntegerField(_("principal"))
    profit = models.BigIntegerField(_("profit"))
    tax = models.BigIntegerField(_("tax withheld"))
    net = models.BigIntegerField(_("net"))
    rate = models.DecimalField(_("withholding rate"), max_digits=5, decimal_places=4)
    payee_class = models.CharField(_("class of payee"), max_length=8)

    class Meta:
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        constraints = [
            models.UniqueConstraint(fields=["distribution", "holding"], name="allocation_once"),
            models.CheckConstraint(
                condition=Q(
                    gross=F("principal") + F("profit"),
                    units__gt=0,
                    principal__gte=0,
                    profit__gte=0,
                    tax__gte=0,
                    net=F("gross") - F("tax"),
                ),
                name="allocation_sums",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.distribution_id}:{self.holding_id}"


class PayIn(AppendOnly):
    """Money of the business that pays a distribution (yen): a receipt, or a part of it, applied to what is owed; or a
    credit of the business, left over by a write-off."""

    distribution = models.ForeignKey(Distribution, models.PROTECT, related_name="pay_ins")
    use = models.OneToOneField(ReceiptUse, models.PROTECT, null=True, related_name="pay_in")
    credit = models.ForeignKey("investments.WriteOff", models.PROTECT, null=True, related_name="uses")
    amount = models.BigIntegerField(_("amount"))
    happened_at = models.DateTimeField(_("happened at"))

    class Meta:
        verbose_name = _("payment of a business")
        verbose_name_plural = _("payments of businesses")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="pay_in_positive"),
            models.CheckConstraint(
                condition=Q(use__isnull=False, credit__isnull=True) | Q(use__isnull=True, credit__isnull=False),
                name="pay_in_of_one_source",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.distribution_id}: {self.amount}"


class Instalment(models.Model):
    """A part of an approved distribution that may be paid out, since its cash is there: `per_unit` yen after
    `per_unit_before` (domain.md section 5, part payment). What completes the distribution needs no decision; a part
    that leaves something owed is decided by two people (CHECK). `complete`: every allocation's part is in a payout.
    """

    class State(models.TextChoices):
        PREPARED = "prepared", _("waits for approval")
        APPROVED = "approved", _("approved")
        WITHDRAWN = "withdrawn", _("withdrawn")

    distribution = models.ForeignKey(
        Distribution, models.PROTECT, related_name="instalments", verbose_name=_("distribution")
    )
    number = models.PositiveSmallIntegerField(_("number"))
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.PREPARED)
    per_unit = models.BigIntegerField(_("per unit"))
    per_unit_before = models.BigIntegerField(_("per unit before"))
    complete = models.BooleanField(_("wholly in payouts"), default=False)
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    maker = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("prepared by")
    )
    prepared_at = models.DateTimeField(_("prepared at"))
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("approved by")
    )
    approved_at = models.DateTimeField(_("approved at"), null=True)

    class Meta:
        verbose_name = _("instalment")
        verbose_name_plural = _("instalments")
        constraints = [
            models.UniqueConstraint(fields=["distribution", "number"], name="instalment_once"),
            models.UniqueConstraint(
                fields=["distribution"], condition=Q(state="prepared"), name="instalment_one_prepared"
            ),
            models.UniqueConstraint(
                fields=["distribution", "per_unit_before"],
                condition=~Q(state="withdrawn"),
                name="instalment_after_the_last",
            ),
            models.CheckConstraint(condition=Q(per_unit__gt=0, per_unit_before__gte=0), name="instalment_positive"),
            models.CheckConstraint(
                condition=~Q(state="approved")
                | Q(maker__isnull=True, checker__isnull=True)
                | (Q(maker__isnull=False, checker__isnull=False) & ~Q(maker=F("checker"))),
                name="instalment_two_people",
            ),
        ]
        indexes = [
            models.Index(
                fields=["distribution"], condition=Q(state="approved", complete=False), name="instalment_open_idx"
            )
        ]

    def __str__(self) -> str:
        return f"{self.distribution_id}.{self.number}"


INSTALMENT_STATES = StateTable(
    "investments.Instalment",
    {"prepared": ("approved", "withdrawn")},
    section="domain.md section 5",
)
