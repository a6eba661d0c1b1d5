"""The mails to the owners of a business about the outcome of its fund (pages.md 2.6, E10).

An owner is an active member of the business with the role *owner*, as its memberships stand when the event is told;
editors speak for the business but are not written to. Each owner is written to once for each fund and outcome, in the
language of their account; who also holds units gets the investors' mail as well, since it says something else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import translation

from businesses.members import owners_of
from investments import events, mail_parts
from investments.offerings.models import Fund
from microfund.kernel.notices import services as notices
from microfund.kernel.outbox.services import subscribe


def register() -> None:
    """Subscribe to what owners are written about; called once when the app is ready."""
    subscribe(events.FundSucceeded, fund_succeeded)
    subscribe(events.FundFailed, fund_failed)


def fund_succeeded(event: events.FundSucceeded) -> None:
    """E10: the fund has what it needs; one without a minimum has it from its first day on and says so."""
    _to_owners("owner_fund_succeeded", event.fund_id, at=event.at)


def fund_failed(event: events.FundFailed) -> None:
    """E10: the fund closed short, was failed by staff, or was closed without a unit left."""
    _to_owners("owner_fund_failed", event.fund_id, at=event.at)


def _to_owners(kind: str, fund_id: int, *, at: datetime) -> None:
    fund = Fund.objects.select_related("business", "counter").get(pk=fund_id)
    for owner in owners_of(fund.business):
        _mail(kind, fund, owner.user, at=at)


def _mail(kind: str, fund: Fund, user: Any, *, at: datetime) -> None:
    with translation.override(user.language):
        business_name = mail_parts.name_of(fund.business)
        notices.queue(
            kind,
            key=f"{kind}:{fund.pk}:{user.pk}",
            to=user.email,
            language=user.language,
            at=at,
            user=user,
            context={
                "fund": fund,
                "name": business_name,
                "fund_name": mail_parts.name_of(fund),
                "business_name": business_name,
                "sold": fund.counter.sold,
                "offered": fund.counter.offered,
                "minimum": fund.units_minimum,
                "fund_url": mail_parts.link("businesses:detail", fund.business.slug),
            },
        )
