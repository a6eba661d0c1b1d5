"""To whom letters about funds go: an investor, the holders of a fund, its owners, the fund's staff."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet
from django.utils import translation

from businesses.members import owners_of
from investments.holdings.models import Holding
from investments.investors.models import Investor
from investments.offerings.models import Fund
from microfund.kernel.notices.letters import Letter, send, to_user
from microfund.kernel.notices.parts import name_of

#: Holders who are written to in one transaction.
BATCH = 200


def to_investor(kind: str, investor: Investor, letter: Callable[[], Letter], *, key: str, at: datetime) -> None:
    """One mail to an investor, in the language of their login, unless they have died. `letter` is called while it is
    active."""
    if investor.died_on is not None:
        return
    to_user(kind, investor.user, letter, key=key, at=at, name=investor.name)


def to_holders(
    kind: str, held: QuerySet[Holding], letter: Callable[[], Letter], *, key: str, after: int, at: datetime
) -> int | None:
    """One mail to each of the next of `held`, those with an id above `after`; the id to go on after,
    None at the end."""
    found = list(held.filter(pk__gt=after).select_related("investor__user").order_by("pk")[:BATCH])
    for holding in found:
        to_investor(kind, holding.investor, letter, key=f"{key}:{holding.pk}", at=at)
    return found[-1].pk if len(found) == BATCH else None


def to_owners(kind: str, fund: Fund, letter: Callable[[], Letter], *, key: str, at: datetime) -> None:
    """One mail to each owner of the fund's business, in their language. `letter` is called while it is active."""
    for owner in owners_of(fund.business):
        with translation.override(owner.user.language):
            name = name_of(fund.business)
            send(kind, letter(), key=f"{key}:{owner.user.pk}", at=at, user=owner.user, name=name)


def to_operator(kind: str, letter: Callable[[], Letter], *, key: str, at: datetime) -> None:
    """One mail to the fund's staff, at the operator's address."""
    language = settings.LANGUAGE_CODE
    with translation.override(language):
        send(kind, letter(), key=f"{key}:operator", at=at, to=settings.OPERATOR["email"], lang=language)
