"""What a moratorium would mean, before anybody decides it: in all, by fund, by holding, and what it does not cover.
Every figure is that of a unit (`outlook`, through the rule that pays) times units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from investments.distributions.outlook import Effect, Outlook, outlook
from investments.models import Fund, Holding, Moratorium
from microfund.kernel.accounts.roles import FINANCE_CHECKER, FINANCE_MAKER, OPERATIONS
from microfund.kernel.acts import Act
from microfund.kernel.admin import Panel, link
from microfund.kernel.audit import services as audit
from microfund.kernel.money import format_money
from microfund.kernel.sheets import sheet

#: So many holdings stand on a page; all of them are in the list as CSV.
SHOWN = 50
#: Why a period that ends in the range is not covered.
SKIPPED = {
    "decided": _("decided already"),
    "last": _("the last period cannot be put off"),
    "covered": _("under another moratorium"),
}
#: What an effect says, in its order.
_EFFECT = (
    _("not paid by these periods"),
    _("of it paid later"),
    _("of it never paid"),
    _("paid by all periods still to come"),
)


def outlooks(row: Moratorium) -> list[Outlook]:
    """What a prepared moratorium would mean, as it stands now, by fund."""
    parts = row.funds.select_related("fund__business").order_by("pk")
    return [outlook(own.fund, action=row.action, from_on=row.from_on, until_on=row.until_on) for own in parts]


def panels(found: list[Outlook]) -> list[Panel]:
    """The tables of a preview."""
    concerned = [own for own in found if own.periods]
    people = Holding.objects.filter(fund__in=[own.fund.pk for own in concerned], units__gt=0)
    return [
        Panel(
            _("In all, at plan"),
            (_("what"), _("figure")),
            [
                (_("funds"), f"{len(concerned):,}"),
                (_("holders, each once"), f"{people.values('investor').distinct().count():,}"),
                (_("units"), f"{sum(own.units for own in concerned):,}"),
                *zip(_EFFECT, _in_all(concerned), strict=True),
            ],
            numeric=frozenset({1}),
        ),
        Panel(
            _("By fund"),
            (
                _("fund"), _("periods"), _("holders"), _("units"), _("figures"),
                _("not paid by these periods, per unit"), _("… in all"), *_EFFECT[1:],
            ),
            [line for own in concerned for line in _fund_lines(own)],
            numeric=frozenset({2, 3, 5, 6, 7, 8, 9}),
        ),
        Panel(
            _("Not covered"),
            (_("fund"), _("period"), _("reason")),
            [(own.fund.slug, number, SKIPPED[why]) for own in found for number, why in own.skipped.items()],
            numeric=frozenset({1}),
        ),
        Panel(
            _("By holding, before tax: the largest %(shown)d; all of them are in the list as CSV once it is prepared")
            % {"shown": SHOWN},
            (_("fund"), _("holding"), _("investor"), _("units"), _("figures"), *_EFFECT),
            list(_largest(concerned)),
            numeric=frozenset({3, 5, 6, 7, 8}),
        ),
    ]  # fmt: skip


def _yen(effect: Effect, units: int) -> tuple[int, int, int, int]:
    """What it means for so many units (yen), in the order of `_EFFECT`."""
    return effect.withheld * units, effect.later * units, effect.never * units, effect.still * units


def _in_all(found: list[Outlook]) -> list[str]:
    columns = zip(*(_yen(own.plan, own.units) for own in found), strict=True)
    return [format_money(sum(column)) for column in columns] or [""] * len(_EFFECT)


def _views(own: Outlook) -> list[tuple[Any, Effect]]:
    """At plan, and as reported where something is."""
    reported = [] if own.reported is None else [(_("as reported"), own.reported)]
    return [(_("at plan"), own.plan), *reported]


def _fund_lines(own: Outlook) -> Iterator[tuple[Any, ...]]:
    numbers = ", ".join(map(str, own.periods))
    for figures, effect in _views(own):
        yield (
            link(Fund, own.fund.pk, own.fund.slug), numbers, own.holders, own.units, figures,
            format_money(effect.withheld), *map(format_money, _yen(effect, own.units)),
        )  # fmt: skip


def _holding_lines(own: Outlook, holdings: Iterable[Holding]) -> Iterator[tuple[Any, ...]]:
    """A line for each holding and each view: fund, holding, investor, units, figures, and the effect in yen."""
    for holding in holdings:
        for figures, effect in _views(own):
            yield (
                own.fund.slug, holding.reference, holding.investor.name, holding.units, figures,
                *_yen(effect, holding.units),
            )  # fmt: skip


def _largest(found: list[Outlook]) -> Iterator[tuple[Any, ...]]:
    """The holdings with the most units over all funds."""
    by_fund = {own.fund.pk: own for own in found}
    most = Holding.objects.filter(fund__in=by_fund, units__gt=0).select_related("investor")
    for holding in most.order_by("-units", "pk")[:SHOWN]:
        for *names, withheld, later, never, still in _holding_lines(by_fund[holding.fund_id], [holding]):
            yield (*names, *map(format_money, (withheld, later, never, still)))


def _all_holdings(row: Moratorium) -> Iterator[tuple[Any, ...]]:
    for own in outlooks(row):
        if own.periods:
            held = Holding.objects.filter(fund=own.fund, units__gt=0).select_related("investor").order_by("pk")
            yield from _holding_lines(own, held.iterator(chunk_size=2_000))


def _list(row: Moratorium, *, actor: Any, at: datetime, reason: str) -> Any:
    head = (_("fund"), _("holding"), _("investor"), _("units"), _("figures"), *_EFFECT)
    made = sheet(head, _all_holdings(row))
    audit.record(
        action="investments.Moratorium.listed",
        subject=row,
        at=at,
        actor=actor,
        reason=reason,
        changes={"rows": made.rows, "sha256": made.sha256},
    )
    return made.answer(f"moratorium-{row.pk}-holders.csv")


#: On the page of a moratorium that waits for approval.
HOLDERS = Act(
    name="holders",
    label=_("Take the list of all holders as CSV"),
    roles=(FINANCE_MAKER, FINANCE_CHECKER, OPERATIONS),
    run=_list,
    when=lambda row: row.state == Moratorium.State.PREPARED,
    explanation=_(
        "What each holding will not be paid, will be paid later and never, and what it still is paid, in yen before "
        "tax, as it stands now. Who takes the list, and why, is noted in the audit trail."
    ),
)
