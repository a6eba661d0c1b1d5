"""What a fund offers besides cash, and what its holders choose (domain.md section 10).

A choice holds for every record date from its day on. Both the choice and the calculation hold the fund's row, so a
choice that arrives in the last second of a record date counts, or is refused; it is never lost.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from investments.holdings.models import Holding
from investments.offerings.models import Fund
from investments.revenue.models import UNDECIDED, Period
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason

from .elected import Choice, Election, ElectionOffer
from .models import Distribution

#: A fund may offer something from its first draft to the end of its term.
ENDED = (Fund.State.FAILED, Fund.State.MATURED, Fund.State.SETTLED, Fund.State.WOUND_UP)


def make_offer(
    fund: Fund, *, in_kind: bool, bonus: Decimal, give_back: bool, actor: Any, at: datetime, reason: str
) -> ElectionOffer:
    """Staff write down what the business agreed to: from now on holders may choose this. Choices that were made keep
    the bonus that they were made with.

    Raises DomainError: "reason_needed", "wrong_state" (the fund has ended), "bonus" (not from 0 to 1, or without "in
    kind"), "unchanged".
    """
    require_reason(reason)
    if not 0 <= bonus <= 1 or (bonus and not in_kind):
        raise DomainError("bonus", _("A bonus is from 0 to 100 % and only for what is taken in kind."), field="bonus")
    with transaction.atomic():
        fund = locks.lock_one(Fund, fund.pk)
        if fund.state in ENDED:
            raise DomainError("wrong_state", _("This fund has ended."))
        before = offer_of(fund)
        known = (before.in_kind, before.bonus, before.give_back) if before else (False, 0, False)
        if known == (in_kind, bonus, give_back):
            raise DomainError("unchanged", _("That is what the fund offers already."))
        row = ElectionOffer.objects.create(
            fund=fund,
            in_kind=in_kind,
            bonus=bonus,
            give_back=give_back,
            reason=reason.strip()[:200],
            made_by=actor,
            made_at=at,
        )
        audit.record(
            action="investments.ElectionOffer.made",
            subject=row,
            at=at,
            actor=actor,
            reason=reason,
            changes={"in_kind": in_kind, "bonus": str(bonus), "give_back": give_back, "fund": fund.slug},
        )
        return row


def offer_of(fund: Fund) -> ElectionOffer | None:
    """What a fund offers now; None where it never offered anything but cash."""
    return fund.election_offers.order_by("-pk").first()


def next_period(fund: Fund, *, at: datetime) -> Period | None:
    """The first period for which a choice made now still counts: its record date is not over."""
    on = clock.today_in(fund.policy.zone, at)
    return fund.periods.filter(state__in=UNDECIDED, record_on__gte=on).order_by("number").first()


def choice_of(holding: Holding) -> Election | None:
    """The last choice that was made for a holding; None: cash."""
    return holding.elections.order_by("-made_at", "-pk").first()


def elect(
    holding: Holding, choice: str, *, offer_id: int | None, period: Period, actor: Any, at: datetime
) -> Election | None:
    """A holder chooses how distributions are taken from `period` on, as its page showed it: `offer_id` is the offer
    with its bonus. The same choice again is nothing; None where cash was chosen and was never anything else.

    Raises DomainError: "closed" (the record date of the period is over, or it is calculated), "not_offered", "stale"
    (the fund offers something else by now), "frozen" (also after a death), "no_units".
    """
    with transaction.atomic():
        fund = locks.lock_one(Fund, holding.fund_id)
        holding = Holding.objects.get(pk=holding.pk)
        _require_time(fund, Period.objects.get(pk=period.pk, fund=fund), at=at)
        if holding.frozen_at is not None:
            raise DomainError("frozen", _("This holding is frozen; it is paid in cash until that is over."))
        if not holding.units:
            raise DomainError("no_units", _("This holding has no units any more."))
        before = choice_of(holding)
        if choice == Choice.CASH and (before is None or before.choice == Choice.CASH):
            return before
        offer = offer_of(fund)
        if offer is None or (choice != Choice.CASH and not offer.allows(choice)):
            raise DomainError("not_offered", _("This fund does not offer that."), field="choice")
        if offer.pk != offer_id and choice == Choice.IN_KIND:
            raise DomainError("stale", _("The bonus has changed meanwhile; please look at it again."), field="choice")
        bonus = offer.bonus if choice == Choice.IN_KIND else Decimal(0)
        if before is not None and (before.choice, before.bonus) == (choice, bonus):
            return before
        row = Election.objects.create(
            holding=holding, offer=offer, choice=choice, bonus=bonus, made_by=actor, made_at=at
        )
        audit.record(
            action="investments.Election.made",
            subject=row,
            at=at,
            actor=actor,
            changes={"choice": [before.choice if before else Choice.CASH, choice], "holding": holding.reference},
        )
        return row


def _require_time(fund: Fund, period: Period, *, at: datetime) -> None:
    """Raise DomainError("closed") unless a choice of now still counts for a period. The caller holds the fund's row,
    and so does the calculation: none of a record date that would take this choice up can have been written."""
    on = clock.today_in(fund.policy.zone, at)
    if on > period.record_on:
        text = _("For this period you could choose until %(date)s. Choose now for the next one.") % {
            "date": date_format(period.record_on, "DATE_FORMAT")
        }
        raise DomainError("closed", text, field="choice", date=period.record_on)
    if _calculated(fund, on):
        raise DomainError("closed", _("What this period pays has just been calculated."), field="choice")


def _calculated(fund: Fund, on: Any) -> bool:
    """Whether a distribution of a fund was calculated for a record date from `on` on."""
    return fund.distributions.exclude(state=Distribution.State.DISCARDED).filter(record_on__gte=on).exists()
