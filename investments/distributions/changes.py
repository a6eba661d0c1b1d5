"""What changes after a distribution was approved, which itself never does: arrears that are written off, and lines that
are taxed at another rate (domain.md section 5). PostgreSQL keeps the promises (migrations/sql/after_approval.sql).
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from microfund.kernel.models import AppendOnly
from microfund.kernel.states import StateTable

from .models import Allocation, Distribution


class WriteOff(models.Model):
    """Arrears of an approved distribution that the business need not pay any more (domain.md section 5): prepared by
    one person, approved by another (CHECK). Amounts in minor units (yen).

    `amount` is what is given up of the claim on the business, `per_unit` what the holders will not get of each unit,
    `net` and `tax` that over all holdings as it was planned. What the business had paid in that makes less than one
    yen for each unit cannot be paid out: it is a `credit` of the business, of which `credit_left` pays its next
    distribution or is transferred back (`credit:<id>`): `returned` on `returned_on`.
    """

    class State(models.TextChoices):
        PREPARED = "prepared", _("waits for approval")
        APPROVED = "approved", _("approved")
        WITHDRAWN = "withdrawn", _("withdrawn")

    distribution = models.ForeignKey(
        Distribution, models.PROTECT, related_name="write_offs", verbose_name=_("distribution")
    )
    state = models.CharField(_("state"), max_length=9, choices=State.choices, default=State.PREPARED)
    amount = models.BigIntegerField(_("amount"))
    per_unit = models.BigIntegerField(_("per unit"))
    net = models.BigIntegerField(_("net"))
    tax = models.BigIntegerField(_("tax that falls away"))
    credit = models.BigIntegerField(_("credit of the business"), default=0)
    credit_left = models.BigIntegerField(_("credit left"), default=0)
    returned = models.BigIntegerField(_("transferred back to the business"), default=0)
    returned_on = models.DateField(_("transferred back on"), null=True)
    reason = models.CharField(_("reason"), max_length=200)
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("prepared by"))
    prepared_at = models.DateTimeField(_("prepared at"))
    checker = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("approved by")
    )
    approved_at = models.DateTimeField(_("approved at"), null=True)
    recorded_at = models.DateTimeField(_("recorded at"), db_default=Now())

    class Meta:
        verbose_name = _("write-off")
        verbose_name_plural = _("write-offs")
        constraints = [
            models.UniqueConstraint(fields=["distribution"], condition=~Q(state="withdrawn"), name="write_off_once"),
            models.CheckConstraint(
                condition=~Q(state="approved")
                | (Q(checker__isnull=False, approved_at__isnull=False) & ~Q(checker=F("maker"))),
                name="write_off_two_people",
            ),
            models.CheckConstraint(
                condition=Q(
                    amount__gt=0,
                    per_unit__gte=0,
                    net__gte=0,
                    tax__gte=0,
                    credit__gte=0,
                    amount=F("net") + F("tax") - F("credit"),
                ),
                name="write_off_sums",
            ),  # fmt: skip
            models.CheckConstraint(
                condition=Q(credit_left__gte=0, returned__gte=0, credit__gte=F("credit_left") + F("returned"))
                & (Q(state="approved") | Q(credit_left=0))
                & (Q(returned=0, returned_on__isnull=True) | Q(returned__gt=0, returned_on__isnull=False)),
                name="write_off_credit",
            ),
        ]
        indexes = [
            models.Index(fields=["distribution"], condition=Q(credit_left__gt=0), name="write_off_credit_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.distribution_id}: {self.amount}"


WRITE_OFF_STATES = StateTable(
    "investments.WriteOff",
    {"prepared": ("approved", "withdrawn")},
    section="domain.md section 5",
)


class Retax(AppendOnly):
    """The lines of a distribution taxed again for a transfer date under another rate, before the run of that date is
    built. What was withheld before stays as it was. `net` and `tax` are the sums over all lines from then on (yen).
    """

    distribution = models.ForeignKey(
        Distribution, models.PROTECT, related_name="retaxes", verbose_name=_("distribution")
    )
    number = models.PositiveSmallIntegerField(_("number"))
    pay_on = models.DateField(_("transfer date"))
    rate_person = models.DecimalField(_("withholding rate, persons"), max_digits=5, decimal_places=4)
    rate_company = models.DecimalField(_("withholding rate, companies"), max_digits=5, decimal_places=4)
    net = models.BigIntegerField(_("net"), default=0)
    tax = models.BigIntegerField(_("tax withheld"), default=0)
    maker = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("prepared by")
    )
    happened_at = models.DateTimeField(_("happened at"))

    class Meta:
        verbose_name = _("new tax rate of a distribution")
        verbose_name_plural = _("new tax rates of distributions")
        constraints = [
            models.UniqueConstraint(fields=["distribution", "number"], name="retax_once"),
            models.CheckConstraint(condition=Q(net__gte=0, tax__gte=0), name="retax_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.distribution_id}.{self.number}"


class RetaxedAllocation(AppendOnly):
    """One line of a distribution taxed again (yen): what was paid of it before, up to `from_per_unit`, keeps the tax
    that was `taken`; what comes after is taxed at `rate`. `tax` is its whole tax from then on, `tax_before` what
    it was. The allocation keeps its own figures; of several rows the one with the highest id counts.
    """

    retax = models.ForeignKey(Retax, models.PROTECT, related_name="lines", db_constraint=False)
    allocation = models.ForeignKey(Allocation, models.PROTECT, related_name="retaxed", db_constraint=False)
    from_per_unit = models.BigIntegerField(_("from, per unit"))
    taken = models.BigIntegerField(_("withheld before"))
    rate = models.DecimalField(_("withholding rate"), max_digits=5, decimal_places=4)
    tax_before = models.BigIntegerField(_("tax before"))
    tax = models.BigIntegerField(_("tax withheld"))

    class Meta:
        verbose_name = _("line taxed again")
        verbose_name_plural = _("lines taxed again")
        constraints = [
            models.UniqueConstraint(fields=["retax", "allocation"], name="retaxed_allocation_once"),
            models.CheckConstraint(
                condition=Q(from_per_unit__gte=0, taken__gte=0, tax__gte=F("taken"), rate__gte=0, rate__lte=1),
                name="retaxed_allocation_sums",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.allocation_id}: {self.tax}"
