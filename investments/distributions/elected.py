"""Repayment in kind and giving back: what a fund offers, what holders choose, which lines of a distribution follow a
choice, and what of it comes back to cash (domain.md section 10).

Offers and elections are only ever added, so nothing that was offered changes under a choice that was made. PostgreSQL
keeps the promises (migrations/sql/elections.sql).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from investments.holdings.models import Holding
from investments.offerings.models import Fund
from microfund.kernel import clock
from microfund.kernel.models import AppendOnly

from .models import Allocation, Distribution


class Choice(models.TextChoices):
    """How a holder takes what a distribution pays after tax."""

    CASH = "cash", _("in cash")
    IN_KIND = "in_kind", _("in kind")
    GIVE_BACK = "give_back", _("given back to the business")


def worth(net: int, bonus: Decimal) -> int:
    """What a voucher for so much is worth, in yen: with its bonus, rounded down."""
    return net + int(net * bonus)


class ElectionOffer(AppendOnly):
    """What a fund lets its holders choose besides cash from now on; the newest row holds for new choices, those that
    were made stay. `bonus` is what a voucher is worth more than the money, as a rate (0.1000 = 10 %)."""

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="election_offers", verbose_name=_("fund"))
    in_kind = models.BooleanField(_("in kind"))
    bonus = models.DecimalField(_("bonus in kind"), max_digits=5, decimal_places=4, default=0)
    give_back = models.BooleanField(_("giving back"))
    reason = models.CharField(_("reason"), max_length=200)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("made by"))
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("offer of other repayment")
        verbose_name_plural = _("offers of other repayment")
        constraints = [
            models.CheckConstraint(
                condition=Q(bonus__gte=0, bonus__lte=1) & (Q(in_kind=True) | Q(bonus=0)), name="election_offer_bonus"
            ),
        ]
        indexes = [models.Index(fields=["fund", "-id"], name="election_offer_newest_idx")]

    def __str__(self) -> str:
        return f"{self.fund_id}: {self.bonus}"

    def allows(self, choice: str) -> bool:
        """Whether a holder may choose this."""
        return choice == Choice.CASH or bool(self.in_kind if choice == Choice.IN_KIND else self.give_back)


class Election(AppendOnly):
    """A holder's choice for a holding: it holds for every record date from its day on, until another one is made. Of
    several up to the end of a record date the last counts. `bonus` is what the holder was shown when choosing."""

    holding = models.ForeignKey(Holding, models.PROTECT, related_name="elections", verbose_name=_("holding"))
    offer = models.ForeignKey(ElectionOffer, models.PROTECT, related_name="elections", verbose_name=_("offer"))
    choice = models.CharField(_("choice"), max_length=9, choices=Choice.choices)
    bonus = models.DecimalField(_("bonus in kind"), max_digits=5, decimal_places=4, default=0)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("made by"))
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("choice of repayment")
        verbose_name_plural = _("choices of repayment")
        constraints = [
            models.CheckConstraint(
                condition=Q(choice__in=Choice.values, bonus__gte=0, bonus__lte=1) & (Q(choice="in_kind") | Q(bonus=0)),
                name="election_bonus",
            ),
        ]
        indexes = [models.Index(fields=["holding", "-made_at", "-id"], name="election_newest_idx")]

    def __str__(self) -> str:
        return f"{self.holding_id}: {self.choice}"


class ElectedLine(AppendOnly):
    """A line of a distribution whose holder had chosen something else than cash on the record date; written with the
    lines, by one statement. `net` is taken that way, `tax` is still paid in cash by the business (yen). Where the
    holding was frozen, `choice` is cash all the same, and the line is paid like any other."""

    allocation = models.OneToOneField(Allocation, models.PROTECT, related_name="elected", db_constraint=False)
    distribution = models.ForeignKey(
        Distribution, models.PROTECT, related_name="elected_lines", db_constraint=False, verbose_name=_("distribution")
    )
    election = models.ForeignKey(Election, models.PROTECT, related_name="lines", verbose_name=_("choice of repayment"))
    choice = models.CharField(_("choice"), max_length=9, choices=Choice.choices)
    bonus = models.DecimalField(_("bonus in kind"), max_digits=5, decimal_places=4)
    units = models.PositiveIntegerField(_("units"))
    net = models.BigIntegerField(_("net"))
    tax = models.BigIntegerField(_("tax withheld"))

    class Meta:
        verbose_name = _("line taken otherwise")
        verbose_name_plural = _("lines taken otherwise")
        constraints = [
            models.CheckConstraint(
                condition=Q(choice__in=Choice.values, net__gt=0, tax__gte=0, units__gt=0)
                & (Q(choice="in_kind") | Q(bonus=0)),
                name="elected_line_sums",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.allocation_id}: {self.choice} {self.net}"

    @property
    def on(self) -> date:
        """The business date of the approval: from then on it was taken. Uses `distribution`."""
        return clock.today_in(None, self.distribution.approved_at)

    @property
    def worth(self) -> int:
        """What a line in kind buys, in yen: the net and the bonus on it, rounded down once."""
        return worth(self.net, self.bonus)

    def unused(self, balance: int) -> int:
        """What of the net is not used while `balance` of its worth is left, in yen: every yen of a voucher is net and
        bonus alike; rounded down."""
        return balance * self.net // self.worth


class ElectedReturn(models.Model):
    """What of a line taken in kind was not used in time, without bonus (yen; 0 where all of it was used): the business
    owes it in cash again. It is `released` once the business has paid it in, and goes out with the next `payout`; it is
    `set_aside` while its holder has given no account for a year."""

    line = models.OneToOneField(ElectedLine, models.PROTECT, related_name="came_back", verbose_name=_("line"))
    distribution = models.ForeignKey(
        Distribution, models.PROTECT, related_name="elected_returns", verbose_name=_("distribution")
    )
    amount = models.BigIntegerField(_("amount"))
    happened_at = models.DateTimeField(_("happened at"))
    released_at = models.DateTimeField(_("released at"), null=True)
    payout = models.ForeignKey("investments.Payout", models.PROTECT, null=True, related_name="came_back")
    set_aside_at = models.DateTimeField(_("set aside at"), null=True)

    class Meta:
        verbose_name = _("amount back in cash")
        verbose_name_plural = _("amounts back in cash")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gte=0)
                & (Q(payout__isnull=True) | Q(released_at__isnull=False))
                & (Q(released_at__isnull=True) | Q(amount__gt=0)),
                name="elected_return_steps",
            ),
            models.CheckConstraint(
                condition=Q(set_aside_at__isnull=True) | Q(released_at__isnull=False, payout__isnull=True),
                name="elected_return_set_aside",
            ),
        ]
        indexes = [
            models.Index(
                fields=["distribution"], condition=Q(amount__gt=0, payout__isnull=True), name="elected_return_open_idx"
            )
        ]

    def __str__(self) -> str:
        return f"{self.line_id}: {self.amount}"


#: Lines in kind whose voucher may still be used: what of it comes back is not known yet.
VOUCHER_OPEN = Q(choice=Choice.IN_KIND, distribution__state="approved", came_back__isnull=True)

#: What of a line stays taken otherwise: its net without what came back to cash.
NET_KEPT = F("net") - Coalesce(F("came_back__amount"), 0)

__all__ = ["NET_KEPT", "VOUCHER_OPEN", "Choice", "ElectedLine", "ElectedReturn", "Election", "ElectionOffer", "worth"]
