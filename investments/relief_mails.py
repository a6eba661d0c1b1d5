"""The mails about what will not be paid, or later: arrears that were written off, and moratoria (domain.md section 5).

Holders are taken in batches as for every other mail of repayment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from investments import events
from investments.distributions import explain
from investments.distributions.changes import WriteOff
from investments.distributions.elected import Choice
from investments.distributions.models import Allocation
from investments.distributions.taxed import taken
from investments.holdings.models import Holding
from investments.investors.models import Investor
from investments.letters import to_owners
from investments.repayment_mails import KINDS, HolderMailBatch, Kind, Writer, batch, distribution_of, lines_of
from investments.revenue.models import Moratorium, MoratoriumFund
from microfund.kernel.money import format_money
from microfund.kernel.notices.letters import Letter, is_news
from microfund.kernel.notices.parts import link, name_of
from microfund.kernel.outbox.services import subscribe


def register() -> None:
    """Subscribe to what is mailed about; called once when the app is ready."""
    subscribe(events.DistributionWrittenOff, written_off)
    subscribe(events.MoratoriumDeclared, moratorium_declared)
    subscribe(events.MoratoriumEnded, moratorium_ended)


def written_off(event: events.DistributionWrittenOff) -> None:
    """What a period still owed was given up: to the holders what they will not get and why, to the owners that nothing
    of it is owed any more."""
    if not is_news(event.at):
        return
    own = distribution_of(event.distribution_id)
    row = WriteOff.objects.get(pk=event.write_off_id)

    def letter() -> Letter:
        words = {"number": own.period.number, "fund": name_of(own.fund)}
        kept = _(
            "%(credit)s of what you had paid in come to less than one yen for each unit. They are kept as your credit:"
            " they pay what you owe next, or come back to you where nothing follows."
        ) % {"credit": format_money(row.credit, own.fund.currency)}
        return Letter(
            subject=_("Nothing is owed of period %(number)d any more") % words,
            paragraphs=[
                _("What your business still owed of period %(number)d of %(fund)s was written off.") % words,
                *([kept] if row.credit else []),
                _("Your supporters have been told what they will not get, and why."),
            ],
            quoted=_("The reason that they read:"),
            quote=row.reason,
            facts=[(_("Written off"), format_money(row.amount, own.fund.currency))],
            button=_("See your payments"),
            url=link("studio:payments", own.fund.business.slug),
        )

    to_owners("written_off", own.fund, letter, key=f"written_off:{row.pk}", at=event.at)
    batch(HolderMailBatch("written_off", own.pk, 0, event.at))


def _losing(distribution_id: int) -> Any:
    """The investors who do not get something of a distribution: those who were to be paid in cash, and those whose
    voucher was not used up."""
    lines = Allocation.objects.filter(distribution_id=distribution_id)
    back = Q(elected__came_back__amount__gt=0, elected__came_back__released_at__isnull=True)
    otherwise = Q(elected__choice__in=[Choice.IN_KIND, Choice.GIVE_BACK])
    in_cash = ~otherwise & Q(distribution__written_off_per_unit__gt=0)
    return lines.filter(in_cash | back).values("holding__investor_id")


def _written_off(pk: int, investors: Sequence[Investor]) -> Writer:
    """What a holding will not get of a period, and why."""
    own = distribution_of(pk)
    lines = lines_of(own, investors)

    def letter(investor: Investor) -> Letter:
        line, currency = lines[investor.pk], own.fund.currency
        words = {"business": name_of(own.fund.business), "number": own.period.number}
        return Letter(
            subject=_("%(business)s: a part of period %(number)d will not be paid") % words,
            paragraphs=[
                _(
                    "%(business)s could not pay all that period %(number)d owed you. Two people of the fund's staff"
                    " have decided to give up the rest; nothing of it is owed any more."
                )
                % words,
                *explain.written_off(own),
                _("Your units, and what later periods may earn, are untouched."),
            ],
            facts=_lost(line, currency),
            button=_("See this payment"),
            url=link("distribution", line.pk),
        )

    return letter


def _lost(line: Allocation, currency: str) -> list[tuple[str, str]]:
    """What of a line is not paid: of the units, or of a voucher that was not used up."""
    otherwise, own = taken(line), line.distribution
    if otherwise is not None:
        lost = format_money(otherwise.came_back.amount, currency)
        return [(_("Not used of your voucher, and written off"), lost)]
    return [
        (_("Units"), f"{line.units:,}"),
        (_("Decided for you, before tax"), format_money(line.gross, currency)),
        (_("Written off, before tax"), format_money(own.written_off_per_unit * line.units, currency)),
        (_("Paid in the end, before tax"), format_money(own.cash_per_unit * line.units, currency)),
    ]


# --- Moratoria ----------------------------------------------------------------------------------------------------


def moratorium_declared(event: events.MoratoriumDeclared) -> None:
    """Payments of many funds are put off, or periods are not counted: to every holder over all their funds, and to the
    owners of each."""
    _tell_owners("moratorium", event.moratorium_id, event.at)


def moratorium_ended(event: events.MoratoriumEnded) -> None:
    """It was ended early: to the same."""
    _tell_owners("moratorium_ended", event.moratorium_id, event.at)


def _tell_owners(kind: str, pk: int, at: datetime) -> None:
    if not is_news(at):
        return
    own = Moratorium.objects.get(pk=pk)
    for part in _parts(pk).select_related("fund__business").order_by("pk"):

        def letter(part: MoratoriumFund = part) -> Letter:
            fund = part.fund
            numbers = _numbers(own, fund.pk)
            text = _(
                "Reports are due as before: what you sell counts as the moratorium says, and your supporters like to"
                " hear how you are."
            )
            return Letter(
                subject=_subject(own, kind),
                paragraphs=[*_what(own, kind), text],
                quoted=_("The reason that your supporters read:"),
                quote=own.end_reason if kind == "moratorium_ended" else own.reason,
                facts=[(name_of(fund), numbers)] if numbers else [],
                button=_("See your reports"),
                url=link("studio:reports", fund.business.slug),
            )

        to_owners(kind, part.fund, letter, key=f"{kind}:{part.pk}", at=at)
    batch(HolderMailBatch(kind, pk, 0, at))


def _parts(pk: int) -> QuerySet[MoratoriumFund]:
    """The funds that a moratorium covers or covered."""
    return MoratoriumFund.objects.filter(moratorium_id=pk, state__in=["applied", "lifted"])


def _numbers(own: Moratorium, fund_id: int) -> str:
    """The periods of a fund that are under it: "3, 4"."""
    numbers = own.periods.filter(fund_id=fund_id).order_by("number").values_list("number", flat=True)
    return _("periods %(numbers)s") % {"numbers": ", ".join(map(str, numbers))} if numbers else ""


def _subject(own: Moratorium, kind: str) -> str:
    if kind == "moratorium_ended":
        return _("The moratorium “%(title)s” has ended") % {"title": own.title}
    return _("Moratorium: %(title)s") % {"title": own.title}


def _what(own: Moratorium, kind: str) -> list[str]:
    if kind == "moratorium_ended":
        return [
            _("What was not decided yet pays again as the businesses report. What was put off before is paid with it.")
            if own.action == Moratorium.Action.DEFER
            else _("Periods that were not decided yet count again.")
        ]
    if own.action == Moratorium.Action.DEFER:
        return [
            _("Sales of these periods count, but what they earn is paid with a later period. Nothing is lost by it.")
        ]
    return [_("Sales of these periods do not count, and nothing is paid for them. What was carried before waits.")]


def _moratorium(kind: str, pk: int, investors: Sequence[Investor]) -> Writer:
    """One mail for all the funds of a holder that are concerned."""
    own = Moratorium.objects.get(pk=pk)
    held: dict[int, list[Holding]] = {}
    found = Holding.objects.filter(investor__in=investors, fund__in=_parts(pk).values("fund_id"), units__gt=0)
    for holding in found.select_related("fund__business").order_by("pk"):
        held.setdefault(holding.investor_id, []).append(holding)

    def letter(investor: Investor) -> Letter:
        facts = []
        for holding in held[investor.pk]:
            units = ngettext("%(units)d unit", "%(units)d units", holding.units) % {"units": holding.units}
            numbers = _numbers(own, holding.fund_id)
            facts.append((name_of(holding.fund.business), " · ".join(part for part in (numbers, units) if part)))
        return Letter(
            subject=_subject(own, kind),
            paragraphs=[
                *_what(own, kind),
                _("Your units, and what other periods earn, are untouched."),
            ],
            quoted=_("Why:"),
            quote=own.end_reason if kind == "moratorium_ended" else own.reason,
            facts=facts,
            button=_("See your holdings"),
            url=link("holdings"),
        )

    return letter


def _holders(pk: int) -> Any:
    """The investors who hold units of the funds concerned."""
    return Holding.objects.filter(fund__in=_parts(pk).values("fund_id"), units__gt=0).values("investor_id")


KINDS |= {
    "written_off": Kind(_losing, _written_off),
    "moratorium": Kind(_holders, partial(_moratorium, "moratorium")),
    "moratorium_ended": Kind(_holders, partial(_moratorium, "moratorium_ended")),
}
