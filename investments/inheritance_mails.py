"""The mail that units have come to an heir (pages.md S8), in the language of their login, once for each inheritance."""

from __future__ import annotations

from functools import partial

from django.utils.translation import gettext as _

from investments import events
from investments.holdings.models import Holding
from investments.inheritance.models import Inheritance, InheritanceShare
from investments.letters import to_investor
from microfund.kernel.notices.letters import Letter, day, is_news
from microfund.kernel.notices.parts import link, name_of
from microfund.kernel.outbox.services import subscribe


def register() -> None:
    """Subscribe; called once when the app is ready."""
    subscribe(events.UnitsInherited, units_inherited)


def units_inherited(event: events.UnitsInherited) -> None:
    """To each heir: how many units, from when on, and who gets what is still to be paid."""
    if not is_news(event.at):
        return
    row = Inheritance.objects.select_related("holding__fund__business").get(pk=event.inheritance_id)
    shares = row.shares.select_related("heir__user").order_by("pk")
    references = dict(
        Holding.objects.filter(fund=row.holding.fund_id, investor__in=shares.values("heir")).values_list(
            "investor", "reference"
        )
    )
    for share in shares:
        letter = partial(_letter, row, share, references[share.heir_id])
        to_investor("units_inherited", share.heir, letter, key=f"units_inherited:{share.pk}", at=event.at)


def _letter(row: Inheritance, share: InheritanceShare, reference: str) -> Letter:
    assert row.moved_on is not None
    words = {"business": name_of(row.holding.fund.business), "date": day(row.moved_on)}
    last = (
        _("What was still to be paid for the time before is paid to you; please give a bank account if you have not.")
        if row.payee_id == share.heir_id
        else _("What was still to be paid for the time before is paid to the heir who was named for it.")
    )
    return Letter(
        subject=_("Units of %(business)s have come to you by inheritance") % words,
        paragraphs=[
            _("Since %(date)s these units are yours, with everything that they pay from now on.") % words,
            _("What they had returned of the investment before counts on, as it stands on the page of the holding."),
            last,
        ],
        facts=[(_("Units"), str(share.units)), (_("Holding"), reference), (_("Since"), words["date"])],
        button=_("See the holding"),
        url=link("holding", reference),
    )
