"""Files that show a report's figures: taken in while it is a draft, kept encrypted, read by its owners and by staff
(domain.md section 6).

Pictures are encoded anew; a PDF or a CSV is kept as it is and only ever given out to be saved.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from datetime import datetime
from pathlib import PurePath
from typing import Any, BinaryIO

from django.db import transaction
from django.utils.translation import gettext as _

from businesses import images
from microfund.kernel import locks, private
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError

from .models import Evidence, RevenueReport

FOLDER = "evidence"
MAX_BYTES = 10 * 1024 * 1024
MOST_FILES = 12
PDF, CSV, PICTURE = "application/pdf", "text/csv", "image/webp"


def _read(file: BinaryIO, name: str) -> tuple[bytes, str]:
    """The bytes that are kept and what they are. Raises DomainError("too_large", "empty", "wrong_kind")."""
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise DomainError("too_large", _("A file may have 10 MB at most."), field="evidence")
    if not content.strip():
        raise DomainError("empty", _("This file is empty."), field="evidence")
    if content.startswith(b"%PDF-"):
        return content, PDF
    if PurePath(name).suffix.lower() == ".csv" and b"\x00" not in content:
        return content, CSV
    try:
        return images.reencode(io.BytesIO(content), max_bytes=MAX_BYTES, max_pixels=images.MAX_PIXELS)[0], PICTURE
    except images.ImageRefused as error:
        message = _("Send a PDF, a photograph (JPEG, PNG, WebP) or a CSV.")
        raise DomainError("wrong_kind", message, field="evidence") from error


def add(report: RevenueReport, file: BinaryIO, *, name: str, actor: Any, at: datetime) -> Evidence:
    """Keep a file with a draft; the same file twice is one.

    Raises DomainError: "too_large" (over MAX_BYTES), "empty", "wrong_kind", "too_many", "wrong_state" (it is signed).
    """
    content, kind = _read(file, name)
    digest = hashlib.sha256(content).hexdigest()
    with private.stored(FOLDER, content) as (stored, key), transaction.atomic():
        report = locks.lock_one(RevenueReport, report.pk)
        _require_draft(report)
        known = report.evidence.filter(sha256=digest).first()
        if known is not None:
            private.remove(stored)
            return known
        if report.evidence.count() >= MOST_FILES:
            raise DomainError("too_many", _("A report may have 12 files at most."), field="evidence")
        made = Evidence.objects.create(
            report=report,
            name=PurePath(name).name[-120:] or "file",
            content_type=kind,
            size=len(content),
            sha256=digest,
            file=stored,
            key=key,
            added_by=actor,
            added_at=at,
        )
        audit.record(action="investments.Evidence.added", subject=made, at=at, actor=actor)
        return made


def remove(report: RevenueReport, pk: int, *, actor: Any, at: datetime) -> None:
    """Take a file out of a draft; one that is gone is nothing. Raises DomainError("wrong_state")."""
    with transaction.atomic():
        report = locks.lock_one(RevenueReport, report.pk)
        _require_draft(report)
        found = report.evidence.filter(pk=pk).first()
        if found is None:
            return
        audit.record(action="investments.Evidence.removed", subject=found, at=at, actor=actor)
        found.delete()
        shared = Evidence.objects.filter(file=found.file).exists()
    if not shared:
        private.remove(found.file)


def _require_draft(report: RevenueReport) -> None:
    if report.state != RevenueReport.State.DRAFT:
        raise DomainError("wrong_state", _("This report was signed; its files stay as they are."))


def read(evidence: Evidence, *, actor: Any, at: datetime) -> bytes:
    """The bytes of a file; each look is an audit row. Raises FileNotFoundError."""
    content = private.get(evidence.file, evidence.key)
    audit.record(action="investments.Evidence.looked_at", subject=evidence, at=at, actor=actor)
    return content


def named(names: list[str]) -> Iterable[str]:
    """Which of these files a row names; the versions of a report share theirs."""
    return Evidence.objects.filter(file__in=names).values_list("file", flat=True)


def carry_over(old: RevenueReport, new: RevenueReport) -> None:
    """A new version of a returned report begins with the files of the old one; both rows read the same stored file,
    which no draft's removal may delete while another row names it."""
    Evidence.objects.bulk_create(
        Evidence(
            report=new,
            name=row.name,
            content_type=row.content_type,
            size=row.size,
            sha256=row.sha256,
            file=row.file,
            key=row.key,
            added_by_id=row.added_by_id,
            added_at=row.added_at,
        )
        for row in old.evidence.order_by("pk")
    )
