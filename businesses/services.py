"""A business from its draft to its public page (domain.md section 1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, BinaryIO

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from microfund.kernel import clock
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.states import StateTable

from . import images
from .models import Business, Picture

BUSINESS_STATES = StateTable(
    "businesses.Business",
    {
        "draft": ("in_review",),
        "in_review": ("draft", "published"),
        "published": ("withdrawn",),
        "withdrawn": ("published",),
    },
    section="pages.md P3",
)


def submit(business: Business, *, actor: Any, at: datetime) -> Business:
    """draft → in review."""
    with transaction.atomic():
        return BUSINESS_STATES.move(business, Business.State.IN_REVIEW, at=at, actor=actor)


def send_back(business: Business, *, actor: Any, at: datetime, reason: str) -> Business:
    """in review → draft, with a reason."""
    _need_reason(reason)
    with transaction.atomic():
        return BUSINESS_STATES.move(business, Business.State.DRAFT, at=at, actor=actor, reason=reason)


def publish(business: Business, *, actor: Any, at: datetime, reason: str = "") -> Business:
    """in review (or withdrawn, with a reason) → published; staff have checked the page on this date."""
    if business.state == Business.State.WITHDRAWN:
        _need_reason(reason)
    with transaction.atomic():
        return BUSINESS_STATES.move(
            business,
            Business.State.PUBLISHED,
            at=at,
            actor=actor,
            reason=reason,
            published_at=business.published_at or at,
            checked_on=clock.today_in(None, at),
            withdrawn_reason_en="",
            withdrawn_reason_ja="",
        )


def withdraw(business: Business, *, actor: Any, at: datetime, reason_en: str, reason_ja: str) -> Business:
    """published → withdrawn; the public page says why in both languages."""
    _need_reason(reason_en)
    _need_reason(reason_ja)
    with transaction.atomic():
        return BUSINESS_STATES.move(
            business,
            Business.State.WITHDRAWN,
            at=at,
            actor=actor,
            reason=reason_en,
            withdrawn_reason_en=reason_en,
            withdrawn_reason_ja=reason_ja,
        )


def add_picture(
    business: Business,
    file: BinaryIO,
    *,
    alt_en: str,
    alt_ja: str,
    actor: Any,
    at: datetime,
    role: str = Picture.Role.HERO,
    moment: str = "",
) -> Picture:
    """Put an uploaded picture through the pipeline and hang it on the business; a description is needed in both
    languages, `moment` is the part of the story that it stands beside.

    Raises images.ImageRefused, DomainError("alt_needed").
    """
    if not alt_en.strip() or not alt_ja.strip():
        raise DomainError("alt_needed", _("Describe the picture in both languages."))
    processed = images.ingest(file)
    with transaction.atomic():
        picture = Picture.objects.create(
            business=business,
            role=role,
            moment=moment,
            digest=processed.digest,
            widths=list(processed.widths),
            width=processed.width,
            height=processed.height,
            alt_en=alt_en,
            alt_ja=alt_ja,
            position=business.pictures.count(),
        )
        audit.record(action="businesses.Picture.added", subject=picture, at=at, actor=actor)
    return picture


def _need_reason(reason: str) -> None:
    require_reason(reason)
