"""How much one may still order and how it may be paid, for the pages: reserve.py decides, this explains."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from investments.investors.models import Investor
from investments.offerings.models import Fund, Terms
from investments.policy import services as policy
from microfund.kernel.money import format_money

from . import queries, reserve
from .models import Order
from .services import limits_for


@dataclass(frozen=True, slots=True)
class Room:
    """Units that are left, and what this person may add to what they have. Amounts in yen, `unit` of investment."""

    available: int
    order_limit: int
    held: int
    person_limit: int
    invested: int
    business_limit: int
    unit: int

    @property
    def by_person(self) -> int:
        """Units until the person's limit in the fund."""
        return max(0, self.person_limit - self.held)

    @property
    def by_business(self) -> int:
        """Whole units until the person's yearly limit in the business."""
        return max(0, self.business_limit - self.invested) // self.unit

    @property
    def most(self) -> int:
        """The largest number of units that an order may have now."""
        return min(self.available, self.order_limit, self.by_person, self.by_business)

    def refusal(self, units: int) -> str:
        """Why `units` are too many, with the figures; empty when they are not."""
        if units <= self.most:
            return ""
        if self.most == self.available:
            if not self.available:
                return str(_("No units are left at the moment."))
            return ngettext("Only %(count)d unit is left.", "Only %(count)d units are left.", self.available) % {
                "count": self.available
            }
        if self.most == self.by_person and self.held:
            return _("You hold %(held)d of at most %(limit)d units of this fund.") % {
                "held": self.held,
                "limit": self.person_limit,
            }
        if self.most == self.by_business:
            return _(
                "The law allows at most %(limit)s of investment in one business in 12 months; you have %(invested)s."
            ) % {"limit": format_money(self.business_limit), "invested": format_money(self.invested)}
        return _("At most %(limit)d units can be bought at once.") % {"limit": self.most}


def room_for(fund: Fund, terms: Terms, investor: Investor | None, *, at: datetime) -> Room:
    """The room as the counters stand now; a visitor without a profile holds nothing yet."""
    limits = limits_for(fund, at)
    counters = reserve.seen(investor.pk if investor else 0, fund.pk, fund.business_id)
    return Room(
        available=counters.available,
        order_limit=fund.policy.units_per_order,
        held=counters.units,
        person_limit=limits.person_units,
        invested=counters.invested,
        business_limit=policy.current(limits.on).investment_per_person_business,
        unit=terms.investment,
    )


@dataclass(frozen=True, slots=True)
class Way:
    """A way to pay: whether it is offered for this order now, what it means, and why not if it is not."""

    code: str
    label: Any
    hint: Any
    offered: bool
    why_not: Any = ""


_HINTS = {
    policy.CARD: _("You pay at once on the payment provider's page. We never see your card number."),
    policy.KONBINI: _("You get a number and pay in cash at a convenience store within %(days)d days."),
    policy.BANK_TRANSFER: _("You transfer the amount yourself within %(days)d bank business days."),
}


def ways_to_pay(fund: Fund, *, units: int, total: int, at: datetime) -> list[Way]:
    """Every way that the fund's policy allows at all, with the reason where it cannot be used for this order."""
    profile = fund.policy
    offered = queries.methods_for(fund, total=total, at=at)
    counter = fund.counter
    found = []
    for code in policy.METHODS:
        if code not in profile.payment_methods:
            continue
        why: Any = ""
        if code == policy.KONBINI and total > profile.konbini_maximum:
            why = _("Convenience stores take at most %(limit)s.") % {"limit": format_money(profile.konbini_maximum)}
        elif queries.ends_at(code, profile, at) > counter.closes_at:
            why = _("It could end after the fund closes.")
        elif code not in offered:
            why = _("It is not offered now.")
        elif code in policy.DELAYED and counter.delayed_limit - counter.reserved_delayed < units:
            why = _("The units that may wait for such a payment are taken.")
        days = profile.konbini_days if code == policy.KONBINI else profile.bank_transfer_days
        found.append(Way(code, Order.Method(code).label, _HINTS[code] % {"days": days}, not why, why))
    return found
