"""The mails about what becomes of a fund to those who only follow its business (pages.md 2.6, E10), and to its holders
when money is released to the business (E11). Batches, each an event of its own; once for each event and person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils import translation
from django.utils.translation import gettext as _

from businesses.following import mails as following
from businesses.following import queries as followers
from businesses.models import Membership
from investments import events
from investments.holdings.models import Holding
from investments.letters import BATCH, to_holders
from investments.offerings.models import Fund, Terms
from investments.orders.models import Order
from investments.payouts.models import Release
from microfund.kernel.money import format_money
from microfund.kernel.notices.letters import Letter, day, is_news
from microfund.kernel.notices.parts import link, name_of
from microfund.kernel.outbox.services import publish, subscribe


@dataclass(frozen=True)
class FollowerFundBatch:
    """The next followers of a fund's business, those with an id above `after`, hear how the offering ended."""

    fund_id: int
    kind: str
    after: int
    at: datetime


@dataclass(frozen=True)
class ReleaseMailBatch:
    """The next holders of a fund, those with a holding above `after`, hear of a release."""

    fund_id: int
    part: str
    amount: int
    after: int
    at: datetime


def register() -> None:
    """Subscribe to what is mailed about; called once when the app is ready."""
    subscribe(events.FundSucceeded, fund_succeeded)
    subscribe(events.FundFailed, fund_failed)
    subscribe(events.FundsReleased, funds_released)
    subscribe(FollowerFundBatch, follower_fund_batch)
    subscribe(ReleaseMailBatch, release_mail_batch)


# --- E10: to followers --------------------------------------------------------------------------------------------


def fund_succeeded(event: events.FundSucceeded) -> None:
    """E10: the fund has what it needs. One without a minimum has that from its first day on, which is no news."""
    if Fund.objects.filter(pk=event.fund_id, units_minimum__gt=0).exists():
        _to_followers(FollowerFundBatch(event.fund_id, "follow_fund_succeeded", 0, event.at))


def fund_failed(event: events.FundFailed) -> None:
    """E10: the fund closed short."""
    _to_followers(FollowerFundBatch(event.fund_id, "follow_fund_failed", 0, event.at))


def _to_followers(batch: FollowerFundBatch) -> None:
    if is_news(batch.at):
        publish(batch, key=f"{batch.kind}:{batch.fund_id}:{batch.after}", at=batch.at)


def follower_fund_batch(event: FollowerFundBatch) -> None:
    """Write to the next followers but those who have an order of the fund or speak for the business, who hear of it as
    such."""
    fund = Fund.objects.select_related("business").get(pk=event.fund_id)
    own = Order.objects.filter(fund=fund, paid_at__isnull=False, investor__user=OuterRef("user"))
    member = Membership.objects.filter(business=fund.business, user=OuterRef("user"))
    rows = list(
        followers.live()
        .filter(~Exists(own), ~Exists(member), business=fund.business, pk__gt=event.after)
        .select_related("user")
        .order_by("pk")[:BATCH]
    )
    for row in rows:
        row.business = fund.business
        following.write(event.kind, row, lambda: _ended(event.kind, fund), key=f"{fund.pk}", at=event.at)
    if len(rows) == BATCH:
        _to_followers(FollowerFundBatch(fund.pk, event.kind, rows[-1].pk, event.at))


def _ended(kind: str, fund: Fund) -> Letter:
    words = {"fund": name_of(fund), "name": name_of(fund.business), "date": day(fund.closes_on)}
    url = link("businesses:detail", fund.business.slug)
    if kind == "follow_fund_failed":
        return Letter(
            subject=_("%(fund)s was not funded") % words,
            paragraphs=[
                _("%(fund)s of %(name)s, which you follow, did not reach what it needed.") % words,
                _(
                    "Everybody who had paid gets everything back, fees included. The business goes on, and so does its "
                    "news."
                ),
            ],
            button=_("To the business"),
            url=url,
        )
    more = _("Units can still be bought until %(date)s, while there are any.") % words
    return Letter(
        subject=_("%(fund)s has what it needs") % words,
        paragraphs=[
            _("%(fund)s of %(name)s, which you follow, has reached what it needs: the rebuilding can begin.") % words,
            *([more] if fund.state == Fund.State.OPEN else []),
        ],
        button=_("To the business"),
        url=url,
    )


# --- E11: to holders ----------------------------------------------------------------------------------------------


def funds_released(event: events.FundsReleased) -> None:
    """E11: money has gone to the business; begins the batches."""
    if is_news(event.at):
        _to_holders(ReleaseMailBatch(event.fund_id, event.part, event.amount, 0, event.at))


def _to_holders(batch: ReleaseMailBatch) -> None:
    key = f"{batch.fund_id}:{batch.part}:{batch.at.isoformat()}:{batch.after}"
    publish(batch, key=key, at=batch.at)


def release_mail_batch(event: ReleaseMailBatch) -> None:
    """Write to the next holders of the fund, then ask for the rest."""
    fund = Fund.objects.select_related("business").get(pk=event.fund_id)
    terms = Terms.objects.filter(fund=fund, frozen_at__isnull=False).order_by("-version").first()
    last = to_holders(
        "funds_released",
        Holding.objects.filter(fund=fund, units__gt=0),
        lambda: _released(event, fund, terms),
        key=f"funds_released:{fund.pk}:{event.part}:{event.at.isoformat()}",
        after=event.after,
        at=event.at,
    )
    if last is not None:
        _to_holders(ReleaseMailBatch(fund.pk, event.part, event.amount, last, event.at))


def _released(event: ReleaseMailBatch, fund: Fund, terms: Terms | None) -> Letter:
    amount = format_money(event.amount, fund.currency)
    words = {"name": name_of(fund.business), "fund": name_of(fund), "amount": amount}
    uses: list[dict[str, Any]] = terms.uses if terms else []
    what = (
        _("We have transferred %(amount)s of the donations of %(fund)s to the business.")
        if event.part == Release.Part.DONATION
        else _("We have transferred %(amount)s of the investments of %(fund)s to the business.")
    )
    paragraphs = [what % words]
    if uses:
        paragraphs.append(_("What is bought first: %(use)s.") % {"use": _use(uses[0])})
        paragraphs.append(_("This is what the money of the fund is for:"))
    return Letter(
        subject=_("%(name)s has received %(amount)s") % words,
        paragraphs=paragraphs,
        facts=[(_use(use), format_money(use["amount"], fund.currency)) for use in uses],
        button=_("See how it goes on"),
        url=link("businesses:detail", fund.business.slug),
    )


def _use(use: dict[str, Any]) -> str:
    """A use of the money in the active language, or in the one it has."""
    wanted, other = ("ja", "en") if translation.get_language() == "ja" else ("en", "ja")
    return str(use.get(wanted) or use.get(other) or "")
