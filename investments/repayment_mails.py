"""The mails of repayment (pages.md 2.6, E15, E17, E22 to E24): to holders about what a period pays, and how a fund or a
year ended; to owners about what they owe. What was sent and what came back: payout_mails.py.

Each is in its reader's language, once for each event and person whatever runs twice. Holders are taken in batches, each
an event of its own. Nothing is mailed that is older than `settings.MAIL_NOTHING_OLDER_DAYS` (a replayed history, a
restore).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from django.db.models import Exists, F, OuterRef, Sum
from django.utils.translation import gettext as _

from investments import events
from investments.distributions.elected import NET_KEPT, Choice, ElectedLine
from investments.distributions.explain import sentences
from investments.distributions.models import Allocation, Distribution
from investments.distributions.taxed import taken
from investments.holdings.models import Holding
from investments.investors.models import Investor
from investments.letters import BATCH, to_investor, to_operator, to_owners
from investments.mail_parts import operator_account
from investments.offerings.models import Fund
from investments.payouts.models import Payout
from microfund.kernel import clock
from microfund.kernel.money import format_money
from microfund.kernel.notices.letters import Letter, day, is_news
from microfund.kernel.notices.parts import link, name_of
from microfund.kernel.outbox.services import publish, subscribe


@dataclass(frozen=True)
class HolderMailBatch:
    """The next investors, those with an id above `after`, are to be written to about `subject_id`: a distribution, a
    payout run, a fund or a year, by `kind`."""

    kind: str
    subject_id: int
    after: int
    at: datetime


def register() -> None:
    """Subscribe to what is mailed about; called once when the app is ready."""
    subscribe(events.DistributionApproved, distribution_approved)
    subscribe(events.RecoupReached, recoup_reached)
    subscribe(events.FundMatured, fund_matured)
    subscribe(HolderMailBatch, holder_mail_batch)


def _owed(own: Distribution) -> Letter:
    """To the owners: what they owe in cash, and what their supporters take otherwise."""
    words = {"number": own.period.number, "date": day(own.payment_on), "fund": name_of(own.fund)}
    taken_so = (
        (_("Taken in kind by your supporters: owed in vouchers, with the bonus on top"), own.in_kind),
        (_("Given back to you"), own.given_back),
    )
    facts = [(text, format_money(amount, own.fund.currency)) for text, amount in taken_so if amount]
    button, url = _("See what is owed"), link("studio:payments", own.fund.business.slug)
    if not own.owed:
        return Letter(
            subject=_("Payment of period %(number)d: nothing is owed in cash") % words,
            paragraphs=[
                _("What period %(number)d of %(fund)s pays is decided; all of it is taken in kind or given back.")
                % words,
                *sentences(own),
            ],
            facts=facts,
            button=button,
            url=url,
        )
    return Letter(
        subject=_("Payment of period %(number)d: due on %(date)s") % words,
        paragraphs=[
            _("What period %(number)d of %(fund)s pays is decided. Please transfer it by %(date)s.") % words,
            *sentences(own),
            _("Write the code in front of your name as the sender. A part pays the oldest amount first."),
        ],
        facts=[*operator_account(own.owed, own.fund.currency, own.payer_code), *facts],
        button=button,
        url=url,
    )


# --- Events that begin batches ------------------------------------------------------------------------------------


def batch(event: HolderMailBatch) -> None:
    """Write to these investors."""
    publish(event, key=f"{event.kind}:{event.subject_id}:{event.after}", at=event.at)


def distribution_approved(event: events.DistributionApproved) -> None:
    """E15 and E17 to the holders, 0 per unit included; to the owners what they owe."""
    if not is_news(event.at):
        return
    own = Distribution.objects.select_related("fund__business", "period", "terms").get(pk=event.distribution_id)
    if own.owed or own.elected_units:
        to_owners("payment_owed", own.fund, lambda: _owed(own), key=f"payment_owed:{own.pk}", at=event.at)
    batch(HolderMailBatch("period_result", own.pk, 0, event.at))


def recoup_reached(event: events.RecoupReached) -> None:
    """E22: the whole investment is earned back."""
    if not is_news(event.at):
        return
    fund = Fund.objects.select_related("business").get(pk=event.fund_id)

    def letter() -> Letter:
        words = {"fund": name_of(fund)}
        return Letter(
            subject=_("%(fund)s has earned its investment back") % words,
            paragraphs=[
                _(
                    "Your sales so far return the whole investment of your supporters. That is what this fund was made"
                    " for. We have written to them; a few words of your own, as news, would mean more than ours."
                ),
            ],
            button=_("Write to your supporters"),
            url=link("studio:news_new", fund.business.slug),
        )

    to_owners("recoup_reached", fund, letter, key=f"recoup_reached:{fund.pk}", at=event.at)
    batch(HolderMailBatch("recoup_reached", event.distribution_id, 0, event.at))


def fund_matured(event: events.FundMatured) -> None:
    """E23: the last period is paid; totals over the whole term."""
    if not is_news(event.at):
        return
    fund = Fund.objects.select_related("business").get(pk=event.fund_id)

    def letter() -> Letter:
        decided = fund.distributions.filter(state=Distribution.State.APPROVED)
        lost = Sum(F("written_off_per_unit") * (F("units") - F("elected_units")))
        otherwise = Sum(F("in_kind") + F("given_back") - F("returned"))
        paid = decided.aggregate(sum=Sum("gross") - lost - otherwise)["sum"] or 0
        return Letter(
            subject=_("%(fund)s: the last period is paid") % {"fund": name_of(fund)},
            paragraphs=[
                _("Every period of the term has been reported and paid. Thank you for staying with it to the end.")
            ],
            facts=[(_("Paid to the holders over the whole term"), format_money(paid, fund.currency))],
            button=_("See all results"),
            url=link("businesses:results", fund.business.slug) + f"?fund={fund.slug}",
        )

    key = f"fund_matured:{fund.pk}"
    to_owners("fund_matured", fund, letter, key=key, at=event.at)
    to_operator("fund_matured", letter, key=key, at=event.at)
    batch(HolderMailBatch("fund_matured", fund.pk, 0, event.at))


def yearly_statements_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep, E24: in January, the payments of the year before; later only if January was missed."""
    year = on.year - 1
    if not is_news(at) or not is_news(clock.start_of_day(date(on.year, 1, 1))):
        return {}
    if not in_year(year).exists():
        return {}
    batch(HolderMailBatch("yearly_statement", year, 0, at))
    return {}


Writer = Callable[[Investor], Letter]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of batch by its subject's id: whom it is about (ids of investors), and what is written to some of them."""

    about: Callable[[int], Any]
    writer: Callable[[int, Sequence[Investor]], Writer]


#: By the name of the kind, which is also that of its mail.
KINDS: dict[str, Kind] = {}


def in_lines(distribution_id: int) -> Any:
    """The investors who have a line of a distribution."""
    return Allocation.objects.filter(distribution_id=distribution_id).values("holding__investor_id")


def in_year(year: int) -> Any:
    """The investors to whom something was transferred in a year, or who took something otherwise."""
    paid = Payout.objects.filter(investor=OuterRef("pk"), paid_on__year=year)
    taken_so = ElectedLine.objects.filter(
        allocation__holding__investor=OuterRef("pk"),
        distribution__state=Distribution.State.APPROVED,
        distribution__approved_at__year=year,
    ).exclude(choice=Choice.CASH)
    return Investor.objects.filter(Exists(paid) | Exists(taken_so)).values("pk")


def holder_mail_batch(event: HolderMailBatch) -> None:
    """Write to the next investors, one mail each, in the order of their ids, then ask for the rest."""
    wanted = Investor.objects.filter(pk__in=KINDS[event.kind].about(event.subject_id), pk__gt=event.after)
    investors = list(wanted.select_related("user").order_by("pk")[:BATCH])
    write_to(investors, event)
    if len(investors) == BATCH:
        batch(HolderMailBatch(event.kind, event.subject_id, investors[-1].pk, event.at))


def write_to(investors: Sequence[Investor], event: HolderMailBatch) -> None:
    """One mail to each of these investors about what the batch is about."""
    writer = KINDS[event.kind].writer(event.subject_id, investors)
    for investor in investors:
        key = f"{event.kind}:{event.subject_id}:{investor.pk}"
        to_investor(event.kind, investor, partial(writer, investor), key=key, at=event.at)


def lines_of(distribution: Distribution, investors: Sequence[Investor], *also: str) -> dict[int, Allocation]:
    """The line of each investor, with what is `also` to be fetched: a holding is one person's part of one fund."""
    lines = Allocation.objects.filter(distribution=distribution, holding__investor__in=investors)
    found = {}
    for line in lines.select_related("holding", "elected").prefetch_related(*also):
        line.distribution = distribution
        found[line.holding.investor_id] = line
    return found


def distribution_of(pk: int) -> Distribution:
    return Distribution.objects.select_related("fund__business", "period", "terms", "report").get(pk=pk)


def sums(
    gross: int, principal: int, profit: int, tax: int, net: int, currency: str, returned: int = 0, how: str = ""
) -> list[tuple[str, str]]:
    """Amounts in minor units (yen), named as they stand in every mail about a payment; `how` names the last, if it is
    not money that was paid."""
    back = [(_("Not used of vouchers"), format_money(returned, currency))] if returned else []
    return [
        (_("Before tax"), format_money(gross, currency)),
        (_("of it investment that comes back"), format_money(principal, currency)),
        (_("of it profit"), format_money(profit, currency)),
        (_("Tax withheld"), format_money(tax, currency)),
        *back,
        (how or _("Paid to you"), format_money(net, currency)),
    ]


def _period_result(pk: int, investors: Sequence[Investor]) -> Writer:
    """E15, or E17 where nothing is due: sales, plan, per unit, when it is paid, and why."""
    own = distribution_of(pk)
    lines = lines_of(own, investors)

    def letter(investor: Investor) -> Letter:
        line, business = lines[investor.pk], name_of(own.fund.business)
        currency = own.fund.currency
        words = {
            "business": business,
            "number": own.period.number,
            "per_unit": format_money(own.per_unit, currency),
            "date": day(own.payment_on),
        }
        if line.gross:
            subject = _("%(business)s: period %(number)d pays %(per_unit)s per unit") % words
            last = (
                _("%(business)s is to pay this in by %(date)s; it is sent to you with the transfers after that.")
                % words
            )
            how = ""
            otherwise = taken(line)
            if otherwise is not None and otherwise.choice == Choice.IN_KIND:
                last, how = _("The way to your voucher comes with a mail of its own."), _("Taken in kind, after tax")
            elif otherwise is not None:
                last, how = _("%(business)s keeps it. Thank you.") % words, _("Given back, after tax")
            facts = sums(line.gross, line.principal, line.profit, line.tax, line.net, currency, how=how)
        else:
            subject = _("%(business)s: nothing to pay for period %(number)d") % words
            last = _("Your units and what they may earn later are untouched.") if own.action != "wind_up" else ""
            facts = []
        return Letter(
            subject=subject,
            paragraphs=[*sentences(own, line), *([last] if last else [])],
            quoted=_("%(business)s writes:") % words,
            quote=own.report.comment if own.report else "",
            facts=facts,
            button=_("See this payment"),
            url=link("distribution", line.pk),
        )

    return letter


def _recoup(pk: int, investors: Sequence[Investor]) -> Writer:
    own = distribution_of(pk)
    lines = lines_of(own, investors)

    def letter(investor: Investor) -> Letter:
        words = {"fund": name_of(own.fund), "business": name_of(own.fund.business)}
        after = (
            _("From now on, what a period pays is profit; tax is withheld from it.")
            if own.terms.rate_after_recoup
            else _("These terms repay no more than that. What was donated has done its work long since.")
        )
        return Letter(
            subject=_("%(fund)s has earned its investment back") % words,
            paragraphs=[
                _("With this period, the sales of %(business)s have earned back the whole investment.") % words,
                after,
                _("You stood by %(business)s when no bank did. Thank you.") % words,
            ],
            button=_("See your holding"),
            url=link("holding", lines[investor.pk].holding.reference),
        )

    return letter


def _totals(payouts: Any) -> dict[str, int]:
    names = ("gross", "principal", "profit", "tax", "net", "returned")
    found = payouts.aggregate(**{name: Sum(name, default=0) for name in names})
    return {name: int(value) for name, value in found.items()}


def _otherwise(investor: Investor, currency: str, **which: Any) -> list[tuple[str, str]]:
    """What somebody took in kind or gave back, after tax and without what came back to cash, each if there is any."""
    own = ElectedLine.objects.filter(
        allocation__holding__investor=investor, distribution__state=Distribution.State.APPROVED, **which
    ).exclude(choice=Choice.CASH)
    found = dict(own.values_list("choice").annotate(sum=Sum(NET_KEPT)))
    named = ((Choice.IN_KIND, _("Taken in kind, after tax")), (Choice.GIVE_BACK, _("Given back, after tax")))
    return [(words, format_money(found[choice], currency)) for choice, words in named if choice in found]


def _matured(pk: int, _investors_: Sequence[Investor]) -> Writer:
    """E23: what a holding brought over the whole term, as paid."""
    fund = Fund.objects.select_related("business").get(pk=pk)

    def letter(investor: Investor) -> Letter:
        holding = Holding.objects.get(investor=investor, fund=fund)
        totals = _totals(Payout.objects.filter(investor=investor, fund=fund, state=Payout.State.PAID))
        return Letter(
            subject=_("%(fund)s: the last period is paid") % {"fund": name_of(fund)},
            paragraphs=[
                _("Every period of the term has been reported and paid. This is what your holding brought in all:"),
            ],
            facts=[
                (_("Units"), f"{holding.units:,}"),
                *sums(**totals, currency=fund.currency),
                *_otherwise(investor, fund.currency, distribution__fund=fund),
            ],
            button=_("See your holding"),
            url=link("holding", holding.reference),
        )

    return letter


def _year(year: int, _investors_: Sequence[Investor]) -> Writer:
    """E24: the sums of a year's transfers."""

    def letter(investor: Investor) -> Letter:
        totals = _totals(Payout.objects.filter(investor=investor, paid_on__year=year))
        return Letter(
            subject=_("Your payments of %(year)d") % {"year": year},
            paragraphs=[
                _("This is what was transferred to you in %(year)d. Your statement lists every payment.")
                % {"year": year}
            ],
            facts=[*sums(**totals, currency="JPY"), *_otherwise(investor, "JPY", distribution__approved_at__year=year)],
            button=_("See the statement"),
            url=link("statement", year),
        )

    return letter


KINDS |= {
    "period_result": Kind(in_lines, _period_result),
    "recoup_reached": Kind(in_lines, _recoup),
    "fund_matured": Kind(
        lambda fund: Holding.objects.filter(fund_id=fund, units__gt=0).values("investor_id"), _matured
    ),
    "yearly_statement": Kind(in_year, _year),
}
