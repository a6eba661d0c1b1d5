"""Thank-you letters: the owner writes once, each holder gets a page of their own (domain.md section 10)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, BinaryIO

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from businesses import images
from investments.distributions.models import Distribution
from investments.models import Fund, Holding
from investments.offerings.queries import rule_terms
from investments.offerings.rule import recoup_revenue
from microfund.kernel import locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.services import publish as tell

from . import events
from .models import Letter

LONGEST = 4_000


def has_come(fund: Fund, moment: str) -> bool:
    """Whether the moment of a letter has come for a fund; that of reopening its owner knows."""
    if moment == Letter.Moment.FUNDED:
        # Once the offering is over: whoever buys later would never be told of a letter that is out.
        return fund.succeeded_at is not None and fund.state != Fund.State.OPEN
    if moment == Letter.Moment.REOPENED:
        return fund.state in (Fund.State.OPERATING, Fund.State.MATURED, Fund.State.SETTLED)
    if moment == Letter.Moment.MATURED:
        return fund.state in (Fund.State.MATURED, Fund.State.SETTLED)
    newest = (
        fund.distributions.filter(state=Distribution.State.APPROVED)
        .select_related("terms")
        .order_by("-cumulative_revenue")
        .first()
    )
    return newest is not None and newest.cumulative_revenue >= recoup_revenue(rule_terms(newest.terms))


def save(
    fund: Fund,
    moment: str,
    *,
    text_en: str,
    text_ja: str,
    actor: Any,
    at: datetime,
    send: bool = False,
    picture: BinaryIO | None = None,
) -> Letter:
    """Write the draft of a letter, and with `send` publish it in the same transaction: refused, nothing is saved. A
    `picture`, a drawing or a photograph, goes through the image pipeline; without one the letter keeps what it had.

    Raises DomainError: "moment" (unknown), "published", "text_too_long", those of `publish`, images.ImageRefused.
    """
    if moment not in Letter.Moment.values:
        raise DomainError("moment", _("Please choose one of the moments."))
    texts = {"text_en": text_en.replace("\r\n", "\n").strip(), "text_ja": text_ja.replace("\r\n", "\n").strip()}
    for name, text in texts.items():
        if len(text) > LONGEST:
            message = _("A letter has at most %(most)d letters.") % {"most": LONGEST}
            raise DomainError("text_too_long", message, field=name)
    made = images.ingest(picture) if picture is not None else None
    with transaction.atomic():
        locks.lock_one(Fund, fund.pk)
        row = Letter.objects.filter(fund=fund, moment=moment).first() or Letter(fund=fund, moment=moment)
        if row.published_at is not None:
            raise DomainError("published", _("This letter has been sent; it stays as it is."))
        row.text_en, row.text_ja = texts["text_en"], texts["text_ja"]
        row.written_by, row.saved_at = actor, at
        if made is not None:
            row.show(made)
        row.save()
        return publish(row, actor=actor, at=at) if send else row


def publish(letter: Letter, *, actor: Any, at: datetime) -> Letter:
    """Give every holder their letter, by page and mail. A second time is nothing.

    Raises DomainError: "too_early" (its moment has not come), "text_needed".
    """
    with transaction.atomic():
        fund = locks.lock_one(Fund, letter.fund_id)
        row = Letter.objects.select_for_update(of=("self",)).get(pk=letter.pk)
        if row.published_at is not None:
            return row
        if not has_come(fund, row.moment):
            raise DomainError("too_early", _("This moment has not come yet."))
        if not (row.text_en or row.text_ja):
            raise DomainError("text_needed", _("Write something first."), field="text_ja")
        row.published_at = at
        row.save(update_fields=["published_at"])
        audit.record(action="rewards.Letter.published", subject=row, at=at, actor=actor)
        tell(events.LetterPublished(letter_id=row.pk, at=at), key=str(row.pk), at=at)
        return row


def letters_of(investor: Any) -> QuerySet[Letter]:
    """The letters to a person, newest first."""
    held = Holding.objects.filter(investor=investor, units__gt=0).values("fund")
    found = Letter.objects.filter(fund__in=held, published_at__isnull=False)
    return found.select_related("fund__business").order_by("-published_at", "-pk")
