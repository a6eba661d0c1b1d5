"""The mail that a thank-you letter has arrived (pages.md 2.6, E27), to every holder in batches."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from businesses import images
from businesses.models import Picture
from investments.letters import to_holders
from investments.models import Holding
from microfund.kernel.notices import attachments, compose
from microfund.kernel.notices.letters import Letter as MailLetter
from microfund.kernel.notices.letters import MailPicture, is_news
from microfund.kernel.notices.models import Notice
from microfund.kernel.notices.parts import in_language, link, name_of
from microfund.kernel.outbox.services import publish, subscribe

from .events import LetterPublished
from .models import Letter

#: How wide a picture stands in a mail, in pixels.
WIDTH = 550


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
    attachments.register("letter_arrived", carried)


def _batch(batch: LetterMailBatch) -> None:
    publish(batch, key=f"{batch.letter_id}:{batch.after}", at=batch.at)


def letter_published(event: LetterPublished) -> None:
    """E27: begins the batches."""
    if is_news(event.at):
        _batch(LetterMailBatch(event.letter_id, 0, event.at))


def letter_mail_batch(event: LetterMailBatch) -> None:
    """Write to the next holders, one mail each, then ask for the rest."""
    row = Letter.objects.select_related("fund__business").get(pk=event.letter_id)
    held, shown = Holding.objects.filter(fund=row.fund, units__gt=0), _shown(row)

    def letter() -> MailLetter:
        words = {"business": name_of(row.fund.business)}
        return MailLetter(
            subject=_("%(business)s has written you a letter") % words,
            paragraphs=[_("It thanks you by name and can be printed.")],
            button=_("Read the letter"),
            url=link("rewards:letter", row.pk),
            picture=_picture(shown) if shown else None,
        )

    after = to_holders("letter_arrived", held, letter, key=f"letter:{row.pk}", after=event.after, at=event.at)
    if after is not None:
        _batch(LetterMailBatch(row.pk, after, event.at))


def _shown(row: Letter) -> Letter | Picture | None:
    """What the owner drew or photographed for it, else the picture of the business."""
    return row if row.digest else row.fund.business.pictures.filter(role=Picture.Role.HERO).first()


def _picture(shown: Letter | Picture) -> MailPicture:
    own = isinstance(shown, Letter)
    alt = _("What the business drew or photographed for you") if own else in_language(shown, "alt")
    width = min(shown.width, WIDTH)
    url = f"cid:{attachments.PICTURE}"
    if compose.is_collecting():  # nothing comes along with a sample
        url = f"data:image/jpeg;base64,{b64encode(images.as_jpeg(shown)).decode()}"
    return MailPicture(url, alt, width, shown.height * width // shown.width)


def carried(notice: Notice) -> attachments.Attachment | None:
    """The picture of a letter's mail; the second part of its key is the letter."""
    row = Letter.objects.select_related("fund__business").get(pk=int(notice.key.split(":")[1]))
    shown = _shown(row)
    return attachments.picture(images.as_jpeg(shown)) if shown else None
