"""Follow a business and stop (pages.md section 3).

An account follows at once. An address without one follows once the link in a mail to it was opened and confirmed; what
the page answers is the same whether the address is known, follows already or does not exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.core import signing
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from businesses.models import Business
from microfund.kernel import limits, locks
from microfund.kernel.errors import DomainError

from . import mails, queries
from .models import Follow

CONFIRM_WITHIN = timedelta(days=7)
#: How long the row of somebody who stopped is kept, so that the links of old mails work.
KEEP_ENDED = timedelta(days=90)
MAILS_A_DAY = 3
_CONFIRM = "businesses.follow.confirm"


#: How many businesses can be followed by one form.
MOST_AT_ONCE = 50


def follow_by_account(business: Business, user: Any, *, cadence: str, language: str, at: datetime) -> Follow:
    """Let an account follow; who follows already changes how often they are written to."""
    chosen = {"cadence": Follow.Cadence(cadence), "language": language}
    with transaction.atomic():
        made, _created = Follow.objects.update_or_create(
            business=business,
            user=user,
            defaults={**chosen, "ended_at": None},
            create_defaults={**chosen, "asked_at": at, "confirmed_at": at},
        )
    return made


def ask_by_email(businesses: Sequence[Business], email: str, *, cadence: str, language: str, at: datetime) -> None:
    """Send an address one link that makes it follow all of these. At most MAILS_A_DAY to one address, whoever asks.

    The statements are the same whatever is known of the address.
    """
    email, chosen = email.strip().lower(), Follow.Cadence(cadence)
    if not limits.allowed("follow.address", email, most=MAILS_A_DAY, seconds=24 * 3600):
        return
    with transaction.atomic():
        Follow.objects.bulk_create(
            [
                Follow(business=business, email=email, cadence=chosen, language=language, asked_at=at)
                for business in businesses
            ],
            ignore_conflicts=True,
        )
        asked = Follow.objects.filter(email=email, business__in=businesses)
        asked.filter(confirmed_at__isnull=True).update(asked_at=at)
        rows = list(asked.select_related("business").order_by("pk"))
        token = signing.dumps(
            [rows[0].key.hex, chosen.value, language, *(row.business_id for row in rows)], salt=_CONFIRM
        )
        mails.ask_to_confirm(rows, token, cadence=chosen, language=language, at=at)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a confirmation link is about."""

    rows: list[Follow]
    cadence: str
    language: str


def read_confirmation(token: str) -> Confirmation:
    """What a confirmation link is about. Raises DomainError("bad_link")."""
    try:
        key, cadence, language, *wanted = signing.loads(token, salt=_CONFIRM, max_age=CONFIRM_WITHIN)
        asked = Follow.objects.get(key=UUID(hex=key))
    except (signing.BadSignature, ValueError, TypeError, Follow.DoesNotExist) as error:
        raise DomainError("bad_link", _("This link is not valid any more. Follow the business anew.")) from error
    rows = Follow.objects.filter(email=asked.email, business__in=wanted or [asked.business_id])
    return Confirmation(list(rows.select_related("business").order_by("pk")), cadence, language)


def confirm(token: str, *, at: datetime) -> list[Follow]:
    """The address follows from now on; a second time changes nothing. Raises DomainError("bad_link")."""
    found = read_confirmation(token)
    with transaction.atomic():
        rows = locks.lock(Follow, [row.pk for row in found.rows])
        for row in rows:
            row.cadence, row.language = Follow.Cadence(found.cadence), found.language
            row.confirmed_at, row.ended_at = row.confirmed_at or at, None
            row.save(update_fields=["cadence", "language", "confirmed_at", "ended_at"])
    return rows


def _key_in(token: str, salt: str) -> tuple[UUID, bool]:
    """The key of the row that a link came with, and whether it means all weekly mails. Raises DomainError("bad_link")
    for a token that is not ours."""
    try:
        said = signing.loads(token, salt=salt)
        key, everything = (said[0], said[1] == mails.ALL_WEEKLY) if isinstance(said, list) else (said, False)
        return UUID(hex=key), everything
    except (signing.BadSignature, ValueError, TypeError, LookupError) as error:
        raise DomainError("bad_link", _("This link is not complete. Copy all of it from the mail.")) from error


def rows_to_end(token: str) -> list[Follow]:
    """The rows that a link stops, ended or not; none when they are gone. Raises DomainError("bad_link")."""
    key, everything = _key_in(token, mails.END_SALT)
    rows = Follow.objects.select_related("business").filter(key=key)
    row = rows.first()
    if row is None or not everything:
        return [row] if row else []
    weekly = queries.live().filter(user=row.user_id, email=row.email, cadence=Follow.Cadence.WEEKLY)
    return list(weekly.select_related("business").order_by("business__name_en", "pk"))


def managed(token: str) -> tuple[str, list[Follow]]:
    """The address of a link to what it follows, and that, by name of the business. Raises DomainError("bad_link")."""
    key, _everything = _key_in(token, mails.MANAGE_SALT)
    row = Follow.objects.filter(key=key, user=None).first()
    if row is None:
        raise DomainError("bad_link", _("This link is not valid any more. Take the one in the newest mail."))
    rows = queries.live().filter(email=row.email).select_related("business").order_by("business__name_en", "pk")
    return row.email, list(rows)


def change(rows: Iterable[Follow], wanted: dict[int, str], *, at: datetime) -> None:
    """Let followers be written to as `wanted` by primary key says: a cadence, or "" for no more. Others stay."""
    with transaction.atomic():
        for row in locks.lock(Follow, [row.pk for row in rows if row.pk in wanted]):
            if wanted[row.pk]:
                row.cadence = Follow.Cadence(wanted[row.pk])
            else:
                row.ended_at = row.ended_at or at
            row.save(update_fields=["cadence", "ended_at"])


def end(*rows: Follow, at: datetime) -> None:
    """Write to these followers no more; a second time changes nothing."""
    Follow.objects.filter(pk__in=[row.pk for row in rows], ended_at__isnull=True).update(ended_at=at)


def end_by_account(business: Business, user: Any, *, at: datetime) -> None:
    """The account follows no more."""
    Follow.objects.filter(business=business, user=user, ended_at__isnull=True).update(ended_at=at)


def forget_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: delete addresses that were never confirmed within a week, and the rows of those who stopped long ago."""
    unconfirmed = Follow.objects.filter(confirmed_at__isnull=True, asked_at__lte=at - CONFIRM_WITHIN)
    ended = Follow.objects.filter(ended_at__lte=at - KEEP_ENDED)
    return {"unconfirmed": unconfirmed.delete()[0], "ended": ended.delete()[0]}
