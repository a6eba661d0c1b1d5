"""The mail that a thank-you letter has arrived (pages.md 2.6, E27), to every holder in batches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext as _

from investments.letters import Letter as MailLetter
from investments.letters import is_news, send
from investments.models import Holding
from microfund.kernel.notices.parts import link, name_of
from microfund.kernel.outbox.services import publish, subscribe

from .events import LetterPublished
from .models import Letter

#: Holders who are written to in one transaction.
BATCH = 200


@dataclass(frozen=True)
class LetterMailBatch:
    """The next holdings of a letter's fund, those with an id above `after`, are to be told of it."""

    letter_id: int
    after: int
    at: datetime


def register() -> None:
    """Subscribe; called once when the app is ready."""
    subscribe(LetterPublished, letter_published)
    subscribe(LetterMailBatch, letter_mail_batch)


def _batch(batch: LetterMailBatch) -> None:
    publish(batch, key=f"{batch.letter_id}:{batch.after}", at=batch.at)


def letter_published(event: LetterPublished) -> None:
    """E27: begins the batches."""
    if is_news(event.at):
        _batch(LetterMailBatch(event.letter_id, 0, event.at))


def letter_mail_batch(event: LetterMailBatch) -> None:
    """Write to the next holders, one mail each, then ask for the rest."""
    row = Letter.objects.select_related("fund__business").get(pk=event.letter_id)
    held = Holding.objects.filter(fund=row.fund, units__gt=0, pk__gt=event.after).select_related("investor__user")
    found = list(held.order_by("pk")[:BATCH])
    for holding in found:
        investor = holding.investor
        with translation.override(investor.user.language):
            words = {"business": name_of(row.fund.business)}
            letter = MailLetter(
                subject=_("%(business)s has written you a letter") % words,
                paragraphs=[_("It thanks you by name and can be printed.")],
                button=_("Read the letter"),
                url=link("rewards:letter", row.pk),
            )
            key = f"letter:{row.pk}:{holding.pk}"
            send("letter_arrived", letter, key=key, at=event.at, user=investor.user, name=investor.name)
    if len(found) == BATCH:
        _batch(LetterMailBatch(row.pk, found[-1].pk, event.at))
