"""What came to a person by inheritance, with the history of its units."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery, Sum

from investments.distributions.models import Distribution
from investments.holdings.models import Holding
from investments.offerings.models import Terms
from investments.orders.models import Order
from investments.payouts.models import Payout, PayoutItem

from .models import Inheritance, InheritanceShare

_FUND = OuterRef("inheritance__holding__fund")


@dataclass(frozen=True, slots=True)
class Inherited:
    """Units of one fund that came to somebody on `moved_on`, with the investment halves they stand for, what had been
    distributed for them before (`before`, of which `principal_before` is investment), and what was still to be paid
    then and has arrived here since (`claims`, `claims_principal`). Yen, before tax."""

    holding_id: int
    fund_id: int
    units: int
    moved_on: date
    investment: int
    before: int
    principal_before: int
    claims: int
    claims_principal: int


def inherited_by(investor: Any, funds: Iterable[int] | QuerySet | None = None) -> list[Inherited]:
    """What a person inherited, in some funds or in all, oldest first; one query. What was distributed before is by
    record date, arrears included, as principal before is counted (domain.md section 5)."""
    shares = InheritanceShare.objects.filter(heir=investor, inheritance__state=Inheritance.State.DONE)
    if funds is not None:
        shares = shares.filter(inheritance__holding__fund__in=funds)
    fund = OuterRef("inheritance__holding__fund")
    terms = Terms.objects.filter(fund=fund).order_by("-version").values("investment")[:1]
    earlier = Distribution.objects.filter(
        fund=fund, state=Distribution.State.APPROVED, record_on__lt=OuterRef("inheritance__moved_on")
    ).values("fund")
    claims = PayoutItem.objects.filter(
        allocation__holding=OuterRef("inheritance__holding"),
        payout__investor=OuterRef("heir"),
        payout__state=Payout.State.PAID,
    ).values("payout__investor")
    rows: Any = shares.annotate(
        each=Subquery(terms),
        per_unit=Subquery(earlier.annotate(sum=Sum("per_unit")).values("sum")),
        principal_per_unit=Subquery(earlier.annotate(sum=Sum("principal_per_unit")).values("sum")),
        claimed=Subquery(claims.annotate(sum=Sum("gross")).values("sum")),
        claimed_principal=Subquery(claims.annotate(sum=Sum("principal")).values("sum")),
    ).order_by("inheritance__moved_on", "pk")
    return [
        Inherited(
            holding_id=row.inheritance.holding_id,
            fund_id=row.inheritance.holding.fund_id,
            units=row.units,
            moved_on=row.inheritance.moved_on,
            investment=row.units * row.each,
            before=row.units * (row.per_unit or 0),
            principal_before=row.units * (row.principal_per_unit or 0),
            claims=row.claimed or 0,
            claims_principal=row.claimed_principal or 0,
        )
        for row in rows.select_related("inheritance__holding")
    ]


def origins_of(holdings: Iterable[int]) -> list[int]:
    """These holdings of people who have died and, where they had inherited their units themselves, those from which
    these came, and so on; one query for each generation."""
    found: dict[int, None] = {}
    newest = list(holdings)
    while newest:
        found |= dict.fromkeys(newest)
        earlier = InheritanceShare.objects.filter(
            Exists(Holding.objects.filter(pk__in=newest, investor=OuterRef("heir"), fund=_FUND)),
            inheritance__state=Inheritance.State.DONE,
        )
        keys = earlier.order_by("pk").values_list("inheritance__holding", flat=True)
        newest = [pk for pk in dict.fromkeys(keys) if pk not in found]
    return list(found)


def first_orders(holdings: Iterable[int]) -> list[Order]:
    """The orders by which units were bought that came from these holdings, oldest first: their contract goes with the
    units, whoever inherited them."""
    origins = origins_of(holdings)
    if not origins:
        return []
    of_holding = Holding.objects.filter(pk__in=origins, investor=OuterRef("investor"), fund=OuterRef("fund"))
    bought = Order.objects.filter(Exists(of_holding), confirmed_at__isnull=False)
    return list(bought.select_related("fund__business").order_by("confirmed_at", "pk"))
