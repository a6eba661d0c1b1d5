"""Pictures of identity documents: taken in, looked at by reviewers, deleted when their time is over (domain.md
section 11).

What is uploaded is judged by its content and encoded anew, so nothing of the file is kept but its pixels; it is stored
encrypted under a key of its own and has no address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from businesses import images
from microfund.kernel import clock, limits, locks, private
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError

from . import identity
from .models import IdentityCase, IdentityDocument, Investor

FOLDER = "identity"
#: A picture of a card needs no more; the largest photographs of a phone are below both.
MAX_BYTES = images.MAX_BYTES
MAX_PIXELS = images.MAX_PIXELS
#: Pictures that one investor may send in a day.
PER_DAY = 15


def submit(
    investor: Investor, *, kind: str, files: Mapping[str, BinaryIO], at: datetime, actor: Any
) -> list[IdentityDocument]:
    """Take in the pictures of a document and hand the investor to the identity check; what was sent before for the
    same check is replaced.

    `files` maps sides (IdentityDocument.Side) to open files; a front is needed. Raises DomainError with `field`:
    "choice", "required", "number_side" (the side of a card with the individual number, which we may not keep), the
    codes of images.ImageRefused; and "verified" (there is nothing to check), "too_often".
    """
    if kind not in IdentityDocument.Kind.values:
        raise DomainError("choice", _("Please choose one of the answers."), field="kind")
    if IdentityDocument.Side.FRONT not in files:
        raise DomainError("required", _("Please choose a picture of the front."), field="front")
    if kind == IdentityDocument.Kind.NUMBER_CARD and len(files) > 1:
        raise DomainError(
            "number_side",
            _("Send only the front of an Individual Number Card: the law does not let us keep the number on its back."),
            field=next(side for side in files if side != IdentityDocument.Side.FRONT),
        )
    _judge(investor, len(files), at=at)
    pictures = {side: _clean(side, file) for side, file in files.items()}
    with ExitStack() as files_kept, transaction.atomic():
        stored = {
            side: files_kept.enter_context(private.stored(FOLDER, data))
            for side, (data, _width, _height) in pictures.items()
        }
        investor = locks.lock_one(Investor, investor.pk)
        _judge(investor, len(files), at=at)
        if investor.identity_state != Investor.Identity.SUBMITTED:
            identity.submit_identity(investor, at=at, actor=actor, reason="documents given")
        case = identity.open_case(investor, at=at)
        replaced = _forget(case.documents.filter(deleted_at__isnull=True), at=at)
        made = IdentityDocument.objects.bulk_create(
            IdentityDocument(
                case=case,
                kind=kind,
                side=side,
                name=stored[side][0],
                key=stored[side][1],
                size=len(data),
                width=width,
                height=height,
                uploaded_at=at,
            )
            for side, (data, width, height) in pictures.items()
        )
        audit.record(
            action="investments.IdentityCase.documents_given",
            subject=case,
            at=at,
            actor=actor,
            changes={"kind": kind, "documents": [row.pk for row in made], "replaced": replaced},
        )
    return made


def _judge(investor: Investor, count: int, *, at: datetime) -> None:
    """Whether this investor may send `count` pictures now."""
    if investor.identity_state == Investor.Identity.VERIFIED:
        raise DomainError("verified", _("Your identity is confirmed already; nothing more is needed."))
    lately = IdentityDocument.objects.filter(case__investor=investor, uploaded_at__gt=at - timedelta(days=1))
    times = list(lately.order_by("uploaded_at").values_list("uploaded_at", flat=True))
    too_many = len(times) + count - PER_DAY
    if too_many > 0:
        again = limits.full_minute(times[min(too_many, len(times)) - 1] + timedelta(days=1))
        message = _("You have sent many pictures within a day. You can send more from %(time)s, Japan time.")
        raise DomainError("too_often", message % {"time": limits.words(again)}, field="front")


def _clean(side: str, file: BinaryIO) -> tuple[bytes, int, int]:
    try:
        return images.reencode(file, max_bytes=MAX_BYTES, max_pixels=MAX_PIXELS)
    except images.ImageRefused as error:
        raise images.ImageRefused(error.code, error.message, **{**error.data, "field": side}) from None


def look(document: IdentityDocument, *, actor: Any, at: datetime) -> bytes:
    """The picture (WebP), for a reviewer; each look is an audit row. Raises DomainError("deleted")."""
    if document.deleted_at is not None:
        raise DomainError("deleted", _("This document was deleted."))
    audit.record(
        action="investments.IdentityDocument.looked_at",
        subject=document,
        at=at,
        actor=actor,
        changes={"investor": document.case.investor_id},
    )
    return private.get(document.name, document.key)


def _forget(documents: Any, *, at: datetime) -> list[int]:
    """Take key and file of these documents away; the rows stay. Answers their ids. Needs a transaction."""
    rows = list(documents.select_for_update().only("pk", "name").order_by("pk"))
    IdentityDocument.objects.filter(pk__in=[row.pk for row in rows]).update(key="", deleted_at=at)
    for row in rows:
        transaction.on_commit(partial(private.remove, row.name))
    return [row.pk for row in rows]


def erase(case: IdentityCase, *, at: datetime, reason: str, actor: Any = None) -> int:
    """Delete every document of a check; answers how many there were. What there was is kept, and an audit row."""
    with transaction.atomic():
        gone = _forget(case.documents.filter(deleted_at__isnull=True), at=at)
        if gone:
            audit.record(
                action="investments.IdentityCase.documents_deleted",
                subject=case,
                at=at,
                actor=actor,
                reason=reason,
                changes={"documents": gone},
            )
    return len(gone)


def delete_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: delete documents settings.IDENTITY_DOCUMENT_DAYS after their check was decided."""
    counts = {"deleted": 0, "errors": 0}
    until = clock.start_of_day(on - timedelta(days=settings.IDENTITY_DOCUMENT_DAYS))
    kept = IdentityDocument.objects.filter(case=OuterRef("pk"), deleted_at__isnull=True)
    due = IdentityCase.objects.filter(Exists(kept), decided_at__lt=until).order_by("pk")
    reason = f"{settings.IDENTITY_DOCUMENT_DAYS} days after the decision"

    def forget(pk: int) -> int:
        return erase(IdentityCase.objects.get(pk=pk), at=at, reason=reason)

    locks.each(due.values_list("pk", flat=True), forget, counts, "deleted")
    return counts


def named(names: list[str]) -> Iterable[str]:
    """Which of these files a row names that was not told to forget it."""
    kept = IdentityDocument.objects.filter(name__in=names, deleted_at__isnull=True)
    return kept.values_list("name", flat=True)
