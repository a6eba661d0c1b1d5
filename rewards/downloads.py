"""Digital rewards: files that an owner gives for an offer, which its holders download (domain.md section 10). Kept
encrypted; given out to be saved only, and each time is counted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import PurePath
from typing import Any, BinaryIO

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from businesses.models import Business
from investments.models import Investor
from microfund.kernel import locks, private
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError

from . import claims
from .holds import stopped
from .models import DigitalFile, Download, Entitlement, Offer

FOLDER = "rewards"
MAX_BYTES = 30 * 1024 * 1024
MOST_FILES = 30


def _kind(content: bytes) -> str:
    """What a file is, by its first bytes; "" for what is not taken."""
    if content.startswith(b"%PDF-"):
        return "application/pdf"
    if content.startswith(b"fLaC"):
        return "audio/flac"
    if content.startswith(b"OggS"):
        return "audio/ogg"
    if content.startswith(b"RIFF") and content[8:12] == b"WAVE":
        return "audio/wav"
    if content[4:8] == b"ftyp":
        return "audio/mp4" if content[8:11] == b"M4A" else "video/mp4"
    # The frame header of an MP3 after eleven set bits, or the tag in front of it.
    if content.startswith(b"ID3") or (content[:1] == b"\xff" and content[1:2] in (b"\xfb", b"\xf3", b"\xf2", b"\xfa")):
        return "audio/mpeg"
    return ""


def files_of(business: Business) -> QuerySet[DigitalFile]:
    """The files of a business's offers that are there, with how often each was taken and by how many."""
    found = DigitalFile.objects.filter(offer__fund__business=business, removed_at=None)
    return found.annotate(
        times=Count("downloads"), holders=Count("downloads__entitlement", distinct=True)
    ).select_related("offer")


def named(names: list[str]) -> Iterable[str]:
    """Which of these files a row names; not one that was taken away."""
    return DigitalFile.objects.filter(file__in=names, removed_at=None).values_list("file", flat=True)


def add(offer: Offer, file: BinaryIO, *, name: str, actor: Any, at: datetime) -> DigitalFile:
    """Keep a file for the holders of a digital reward; the same file twice is one.

    Raises DomainError with field "file": "too_large" (over MAX_BYTES), "empty", "wrong_kind", "too_many", "wrong_state"
    (the offer is not a download, or has ended).
    """
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise DomainError("too_large", _("A file may have 30 MB at most."), field="file")
    if not content.strip():
        raise DomainError("empty", _("This file is empty."), field="file")
    kind = _kind(content)
    if not kind:
        message = _("Send a recording (MP3, M4A, FLAC, OGG, WAV), a film (MP4) or a PDF.")
        raise DomainError("wrong_kind", message, field="file")
    digest = hashlib.sha256(content).hexdigest()
    with private.stored(FOLDER, content) as (stored, key), transaction.atomic():
        offer = locks.lock_one(Offer, offer.pk)
        if offer.kind != Offer.Kind.DIGITAL or offer.ended_at is not None:
            raise DomainError("wrong_state", _("This reward is no download, or has ended."), field="file")
        own = offer.files.filter(removed_at=None)
        known = own.filter(sha256=digest).first()
        if known is not None:
            private.remove(stored)
            return known
        if own.count() >= MOST_FILES:
            raise DomainError("too_many", _("A reward may have 30 files at most."), field="file")
        made = DigitalFile.objects.create(
            offer=offer,
            name=PurePath(name).name[-120:] or "file",
            content_type=kind,
            size=len(content),
            sha256=digest,
            file=stored,
            key=key,
            added_by=actor,
            added_at=at,
        )
        audit.record(action="rewards.DigitalFile.added", subject=made, at=at, actor=actor)
        return made


def remove(business: Business, pk: int, *, actor: Any, at: datetime) -> None:
    """Take a file away; what was downloaded stays known. One that is gone is nothing."""
    with transaction.atomic():
        found = DigitalFile.objects.filter(offer__fund__business=business, pk=pk, removed_at=None).first()
        if found is None:
            return
        audit.record(action="rewards.DigitalFile.removed", subject=found, at=at, actor=actor)
        DigitalFile.objects.filter(pk=pk).update(removed_at=at)
    private.remove(found.file)


def of_entitlement(row: Entitlement) -> QuerySet[DigitalFile]:
    """What the holder of a claimed digital reward may download."""
    return DigitalFile.objects.filter(offer=row.cycle.offer_id, removed_at=None)


def take(investor: Investor, pk: int, file_pk: int, *, actor: Any, at: datetime) -> tuple[DigitalFile, bytes]:
    """A file's bytes for whoever has claimed it; counted and noted before they are given out.

    Raises Entitlement.DoesNotExist (another person's), DigitalFile.DoesNotExist, FileNotFoundError,
    DomainError("wrong_state" (not claimed, or withdrawn), "stopped" (the payment for it is disputed)).
    """
    row = claims.own(investor, pk)
    found = of_entitlement(row).get(pk=file_pk)
    if row.state != Entitlement.State.DELIVERED:
        raise DomainError("wrong_state", _("Claim the reward first."))
    if Entitlement.objects.filter(stopped(), pk=pk).exists():
        raise DomainError("stopped", _("This holding is frozen; rewards wait until that is over."))
    content = private.get(found.file, found.key)
    with transaction.atomic():
        Download.objects.create(entitlement=row, file=found, at=at)
        audit.record(action="rewards.DigitalFile.downloaded", subject=found, at=at, actor=actor)
    return found, content
