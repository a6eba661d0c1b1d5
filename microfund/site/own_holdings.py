"""What a person holds, in figures: one place for `/me/`, the list of holdings and its CSV, so that they agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Least
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from investments.distributions.elected import NET_KEPT, Choice
from investments.inheritance.queries import inherited_by
from investments.models import Distribution, ElectedLine, Fund, Holding, InheritanceShare, Order, Period
from investments.offerings.rule import redemption_percent
from investments.payouts.models import Payout
from microfund.kernel import clock
from rewards.queries import RewardCounts, reward_counts

from .templatetags.tomobune import bilingual_filter

#: The term of these funds has not begun.
BEFORE_TERM = (Fund.State.OPEN, Fund.State.CLOSED)
#: Until then a report is awaited, and until then a payment.
UNREPORTED = (Period.State.SCHEDULED, Period.State.REPORT_DUE)
SETTLED = (Period.State.PAID, Period.State.WOUND_UP)


@dataclass(frozen=True, slots=True)
class Amounts:
    """Yen for confirmed units: `invested` (inherited units count with their investment halves), `donated` and `fees`;
    and what has arrived: `received` before tax, of which `principal` is investment that came back, `tax` withheld.
    `otherwise` is what was taken in kind or given back, after tax and without what came back to cash of vouchers, and
    `principal_otherwise` the investment in what was taken.
    `history` and `principal_history` are what inherited units had been paid before they came, less what of it arrived
    here."""

    invested: int = 0
    donated: int = 0
    fees: int = 0
    received: int = 0
    principal: int = 0
    tax: int = 0
    history: int = 0
    principal_history: int = 0
    otherwise: int = 0
    principal_otherwise: int = 0

    @property
    def outstanding(self) -> int:
        """What of the investment has not come back, yen, in cash or by the holder's choice otherwise."""
        return max(0, self.invested - self.principal - self.principal_history - self.principal_otherwise)

    @property
    def share_back(self) -> str:
        """What has arrived as a share of the investment, in percent as people write it (the redemption ratio)."""
        return redemption_percent(self.received + self.history, self.invested) if self.invested else "0.00"

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.invested + other.invested,
            self.donated + other.donated,
            self.fees + other.fees,
            self.received + other.received,
            self.principal + other.principal,
            self.tax + other.tax,
            self.history + other.history,
            self.principal_history + other.principal_history,
            self.otherwise + other.otherwise,
            self.principal_otherwise + other.principal_otherwise,
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One holding with its figures, the day of its first confirmation, and what comes next of it: a date or None."""

    holding: Holding
    confirmed_on: date
    amounts: Amounts
    next_on: date | None
    next_words: str
    rewards: RewardCounts

    @property
    def frozen(self) -> bool:
        """Whether it is frozen: a payment of it is disputed."""
        return self.holding.frozen_at is not None


@dataclass(frozen=True, slots=True)
class Group:
    """Holdings that stand together: the name of what they share (empty if nothing), the rows of this page as the page
    shows them, and the sums of all holdings of the group, on whatever page."""

    name: str
    rows: list[Any]
    units: int = 0
    amounts: Amounts = Amounts()


def holdings_of(investor: Any, *, on: date) -> QuerySet[Holding]:
    """A person's holdings, newest first, each with the dates of its fund that come next from a business date on:
    `term_on`, `report_on`, `payment_on`, and the first of them, `next_on`."""
    term = Fund.objects.filter(pk=OuterRef("fund"), state__in=BEFORE_TERM, term_starts_on__gte=on)
    periods = Period.objects.filter(fund=OuterRef("fund"))
    reports = periods.filter(state__in=UNREPORTED, report_due_on__gte=on).order_by("report_due_on")
    payments = periods.exclude(state__in=SETTLED).filter(payment_due_on__gte=on).order_by("payment_due_on")
    return (
        Holding.objects.filter(investor=investor)
        .select_related("fund__business")
        .annotate(
            term_on=Subquery(term.values("term_starts_on")[:1]),
            report_on=Subquery(reports.values("report_due_on")[:1]),
            payment_on=Subquery(payments.values("payment_due_on")[:1]),
        )
        .annotate(next_on=Least("term_on", "report_on", "payment_on"))
        .order_by("-created_at", "-pk")
    )


def invested(holdings: QuerySet[Holding]) -> QuerySet[Holding]:
    """The holdings with `invested`, the investment of their confirmed orders in yen, to sort by."""
    made = confirmed().filter(investor=OuterRef("investor"), fund=OuterRef("fund")).order_by()
    total = made.values("fund").annotate(total=Sum("investment")).values("total")
    return holdings.annotate(invested=Subquery(total))


def confirmed() -> QuerySet[Order]:
    """The orders that holdings are made of."""
    return Order.objects.filter(state=Order.State.CONFIRMED)


def amounts_by_fund(investor: Any, funds: Iterable[int] | QuerySet | None = None) -> dict[int, Amounts]:
    """What a person paid for what they hold and what has arrived of it, by fund (all of them if none are named); one
    query, and two more for an heir."""
    found = confirmed().filter(investor=investor)
    if funds is not None:
        found = found.filter(fund__in=funds)
    paid = Payout.objects.filter(investor=investor, state=Payout.State.PAID, fund=OuterRef("fund_id"))
    heir = Exists(InheritanceShare.objects.filter(heir=investor))
    taken = (
        ElectedLine.objects.exclude(choice=Choice.CASH)
        .filter(
            allocation__holding__investor=investor,
            distribution__state=Distribution.State.APPROVED,
            distribution__fund=OuterRef("fund_id"),
        )
        .values("distribution__fund")
    )
    sums = found.values("fund_id").annotate(
        heir=heir,
        invested=Sum("investment"),
        donated=Sum("donation"),
        fees=Sum("fee"),
        **{
            f"paid_{name}": Subquery(paid.values("fund").annotate(sum=Sum(name)).values("sum"))
            for name in ("gross", "principal", "tax", "returned")
        },
        taken_net=Subquery(taken.annotate(sum=Sum(NET_KEPT)).values("sum")),
        taken_principal=Subquery(taken.annotate(sum=Sum("allocation__principal")).values("sum")),
    )
    rows = list(sums.order_by("fund_id"))
    amounts = {
        row["fund_id"]: Amounts(
            row["invested"],
            row["donated"],
            row["fees"],
            (row["paid_gross"] or 0) + (row["paid_returned"] or 0),
            row["paid_principal"] or 0,
            row["paid_tax"] or 0,
            otherwise=row["taken_net"] or 0,
            principal_otherwise=row["taken_principal"] or 0,
        )
        for row in rows
    }
    if rows and not rows[0]["heir"]:
        return amounts
    came = inherited_by(investor, funds)
    arrived = _arrived(investor, {row.fund_id for row in came} - amounts.keys()) if came else {}
    for row in came:
        known = amounts.get(row.fund_id) or arrived.get(row.fund_id) or Amounts()
        amounts[row.fund_id] = known + Amounts(
            invested=row.investment,
            history=row.before - row.claims,
            principal_history=row.principal_before - row.claims_principal,
        )
    return amounts


def _arrived(investor: Any, funds: Iterable[int]) -> dict[int, Amounts]:
    """What has arrived by fund, where nothing was ordered; one query."""
    paid = Payout.objects.filter(investor=investor, state=Payout.State.PAID, fund__in=funds).order_by()
    sums = paid.values("fund_id").annotate(
        received=Sum(F("gross") + F("returned")), principal_sum=Sum("principal"), tax_sum=Sum("tax")
    )
    return {
        row["fund_id"]: Amounts(received=row["received"], principal=row["principal_sum"], tax=row["tax_sum"])
        for row in sums
    }


def totals(investor: Any, holdings: QuerySet[Holding] | None = None) -> Amounts:
    """The sums over a person's holdings, or over some of them; as many queries as `amounts_by_fund`."""
    funds = None if holdings is None else holdings.order_by().values("fund")
    return sum(amounts_by_fund(investor, funds).values(), start=Amounts())


def rows(investor: Any, holdings: Iterable[Holding]) -> list[Row]:
    """Holdings of `holdings_of`, a page of them or all, as rows; as many queries more as `amounts_by_fund`,
    and one."""
    found: list[Any] = list(holdings)
    amounts = amounts_by_fund(investor, [holding.fund_id for holding in found])
    rewards = reward_counts([holding.pk for holding in found])
    return [
        Row(
            holding=holding,
            confirmed_on=clock.today_in(None, holding.created_at),
            amounts=amounts.get(holding.fund_id, Amounts()),
            next_on=holding.next_on,
            next_words=next_words(holding),
            rewards=rewards.get(holding.pk, RewardCounts()),
        )
        for holding in found
    ]


def next_words(holding: Any) -> str:
    """What is due on the holding's next date; empty if there is none."""
    if holding.next_on is None:
        return ""
    if holding.next_on == holding.term_on:
        return _("term begins")
    return _("sales report due") if holding.next_on == holding.report_on else _("payment due")


def searched(holdings: QuerySet, words: Iterable[str]) -> QuerySet:
    """Holdings or orders with every word in their reference, the name of the fund, or what is searched of the
    business."""
    for word in words:
        holdings = holdings.filter(
            Q(fund__business__search_text__contains=word)
            | Q(reference__icontains=word)
            | Q(fund__name_en__icontains=word)
            | Q(fund__name_ja__icontains=word)
        )
    return holdings


def by_state(holdings: QuerySet[Holding], states: Iterable[str]) -> QuerySet[Holding]:
    """Holdings of funds in one of these states that still have units."""
    return holdings.filter(fund__state__in=states, units__gt=0)


def units(holdings: QuerySet[Holding]) -> int:
    """How many units these holdings are; one query."""
    return holdings.order_by().aggregate(units=Sum("units", default=0))["units"]


def grouped(holdings: QuerySet[Holding], by: str) -> QuerySet[Holding]:
    """Holdings ordered by "disaster", the latest first, or by "area", the town's name; within each as they were."""
    keys = ["-fund__business__disaster__happened_on", "fund__business__disaster"]
    if by == "area":
        keys = [_town(), "fund__business__town_en"]
    return holdings.select_related("fund__business__disaster").order_by(*keys, *holdings.query.order_by)


def _town() -> str:
    return f"fund__business__town_{'ja' if (get_language() or 'en').startswith('ja') else 'en'}"


def groups(investor: Any, holdings: QuerySet[Holding], shown: list[tuple[Row, Any]], by: str) -> list[Group]:
    """The rows of one page (with their states) in groups; ungrouped, they are one without a name. `holdings` are those
    of all pages, of which the sums are. Two queries more, and one for an heir."""
    if not by:
        return [Group("", shown)] if shown else []
    place = "fund__business__disaster" if by == "disaster" else "fund__business__town_en"
    amounts = amounts_by_fund(investor, holdings.order_by().values("fund"))
    units: dict[Any, int] = {}
    sums: dict[Any, Amounts] = {}
    for key, fund, many in holdings.order_by().values_list(place, "fund", "units"):
        units[key] = units.get(key, 0) + many
        sums[key] = sums.get(key, Amounts()) + amounts.get(fund, Amounts())
    found: dict[Any, Group] = {}
    for row, state in shown:
        business = row.holding.fund.business
        key = business.disaster_id if by == "disaster" else business.town_en
        named, field = (business.disaster, "name") if by == "disaster" else (business, "town")
        group = found.setdefault(key, Group(bilingual_filter(named, field), [], units[key], sums[key]))
        group.rows.append((row, state))
    return list(found.values())
