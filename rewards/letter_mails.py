"""The mail that a thank-you letter has arrived (pages.md 2.6, E27), to every holder in batches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from investments.letters import to_holders
from investments.models import Holding
from microfund.kernel.notices.letters import Letter as MailLetter
from microfund.kernel.notices.letters import is_news
from microfund.kernel.notices.parts import link, name_of
from microfund.kernel.outbox.services import publish, subscribe

from .events import LetterPublished
from .models import Letter


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
    held = Holding.objects.filter(fund=row.fund, units__gt=0)

    def letter() -> MailLetter:
        words = {"business": name_of(row.fund.business)}
        return MailLetter(
            subject=_("%(business)s has written you a letter") % words,
            paragraphs=[_("It thanks you by name and can be printed.")],
            button=_("Read the letter"),
            url=link("rewards:letter", row.pk),
        )

    after = to_holders("letter_arrived", held, letter, key=f"letter:{row.pk}", after=event.after, at=event.at)
    if after is not None:
        _batch(LetterMailBatch(row.pk, after, event.at))
