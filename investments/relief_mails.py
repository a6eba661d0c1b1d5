"""The mails about what will not be paid, or later: arrears that were written off, and moratoria (domain.md section 5).

Holders are taken in batches as for every other mail of repayment.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from investments import events
from investments.distributions import explain
from investments.distributions.changes import WriteOff
from investments.investors.models import Investor
from investments.letters import to_owners
from investments.repayment_mails import KINDS, HolderMailBatch, Kind, Writer, batch, distribution_of, in_lines, lines_of
from microfund.kernel.money import format_money
from microfund.kernel.notices.letters import Letter, is_news
from microfund.kernel.notices.parts import link, name_of
from microfund.kernel.outbox.services import subscribe


def register() -> None:
    """Subscribe to what is mailed about; called once when the app is ready."""
    subscribe(events.DistributionWrittenOff, written_off)


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
            facts=[
                (_("Units"), f"{line.units:,}"),
                (_("Decided for you, before tax"), format_money(line.gross, currency)),
                (_("Written off, before tax"), format_money(own.written_off_per_unit * line.units, currency)),
                (_("Paid in the end, before tax"), format_money(own.cash_per_unit * line.units, currency)),
            ],
            button=_("See this payment"),
            url=link("distribution", line.pk),
        )

    return letter


KINDS["written_off"] = Kind(in_lines, _written_off)
