"""The mails about what did not arrive well (pages.md 2.6, E18): to the owners what a holder says, to the holder what
the business answers."""

from __future__ import annotations

from django.utils.translation import gettext as _

from investments.letters import to_investor, to_owners
from microfund.kernel.notices.letters import Letter, is_news
from microfund.kernel.notices.parts import in_language, link, name_of
from microfund.kernel.outbox.services import subscribe

from . import events
from .mails import travelled
from .models import Entitlement


def register() -> None:
    """Subscribe; called once when the app is ready."""
    subscribe(events.ParcelComplained, parcel_complained)
    subscribe(events.ParcelAnswered, parcel_answered)


def _row(pk: int) -> Entitlement:
    return Entitlement.objects.select_related(
        "cycle__offer__fund__business", "holding__investor__user", "parcel__batch"
    ).get(pk=pk)


def parcel_complained(event: events.ParcelComplained) -> None:
    """To the owners; nobody's name or address stands in it."""
    if not is_news(event.at):
        return
    row = _row(event.entitlement_id)
    fund, parcel = row.cycle.offer.fund, row.parcel

    def letter() -> Letter:
        words = {
            "pk": row.pk,
            "problem": parcel.get_complaint_display(),
            "reward": in_language(row.cycle.offer, "text"),
        }
        facts = [(_("Reward"), words["reward"]), (_("Parcel"), str(row.pk)), *travelled(parcel)]
        return Letter(
            subject=_("Parcel %(pk)d: %(problem)s") % words,
            paragraphs=[
                _("A supporter says that it %(problem)s: %(reward)s.") % words,
                _("Please ask the carrier, and answer on the page of the batch: send it again, or say what follows."),
            ],
            facts=facts,
            quoted=_("The supporter writes:") if parcel.complaint_note else "",
            quote=parcel.complaint_note,
            button=_("To the batch"),
            url=link("rewards:batch", fund.business.slug, parcel.batch_id),
        )

    to_owners("parcel_complained", fund, letter, key=f"parcel_complained:{row.pk}:{event.at.isoformat()}", at=event.at)


def parcel_answered(event: events.ParcelAnswered) -> None:
    """To the holder: what the business says, or sends instead."""
    if not is_news(event.at):
        return
    row = _row(event.entitlement_id)

    def letter() -> Letter:
        words = {"business": name_of(row.cycle.offer.fund.business), "reward": in_language(row.cycle.offer, "text")}
        instead = row.state == Entitlement.State.SUBSTITUTED
        said = (
            _("Something else is sent to you instead: what it is, stands below.")
            if instead
            else _("You said that something was wrong with your parcel. This is the answer.")
        )
        return Letter(
            subject=_("%(business)s writes about your reward") % words,
            paragraphs=[said],
            facts=[(_("Reward"), words["reward"])],
            quoted=_("%(business)s writes:") % words,
            quote=row.parcel.note,
            button=_("See your reward"),
            url=link("rewards:claim", row.pk),
        )

    key = f"reward_answered:{row.pk}:{event.at.isoformat()}"
    to_investor("reward_answered", row.holding.investor, letter, key=key, at=event.at)
