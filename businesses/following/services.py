"""Follow a business and stop (pages.md section 3).

An account follows at once. An address without one follows once the link in a mail to it was opened and confirmed; what
the page answers is the same whether the address is known, follows already or does not exist.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.core import signing
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from businesses.models import Business
from microfund.kernel import limits, locks
from microfund.kernel.errors import DomainError

from . import mails
from .models import Follow

CONFIRM_WITHIN = timedelta(days=7)
#: How long the row of somebody who stopped is kept, so that the links of old mails work.
KEEP_ENDED = timedelta(days=90)
MAILS_A_DAY = 3
_CONFIRM = "businesses.follow.confirm"


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


def ask_by_email(business: Business, email: str, *, cadence: str, language: str, at: datetime) -> None:
    """Send an address the link that makes it follow. At most MAILS_A_DAY to one address, whoever asks."""
    email = email.strip().lower()
    if not limits.allowed("follow.address", email, most=MAILS_A_DAY, seconds=24 * 3600):
        return
    with transaction.atomic():
        row, made = Follow.objects.get_or_create(
            business=business,
            email=email,
            user=None,
            defaults={"cadence": Follow.Cadence(cadence), "language": language, "asked_at": at},
        )
        if not made and row.confirmed_at is None:
            Follow.objects.filter(pk=row.pk).update(asked_at=at)
        token = signing.dumps([row.key.hex, Follow.Cadence(cadence).value, language], salt=_CONFIRM)
        mails.ask_to_confirm(row, token, cadence=cadence, language=language, at=at)


def read_confirmation(token: str) -> tuple[Follow, str, str]:
    """The row of a confirmation link, how often and in which language. Raises DomainError("bad_link")."""
    try:
        key, cadence, language = signing.loads(token, salt=_CONFIRM, max_age=CONFIRM_WITHIN)
        row = Follow.objects.select_related("business").get(key=UUID(hex=key))
    except (signing.BadSignature, ValueError, TypeError, Follow.DoesNotExist) as error:
        raise DomainError("bad_link", _("This link is not valid any more. Follow the business anew.")) from error
    return row, cadence, language


def confirm(token: str, *, at: datetime) -> Follow:
    """The address follows from now on; a second time changes nothing. Raises DomainError("bad_link")."""
    row, cadence, language = read_confirmation(token)
    with transaction.atomic():
        fresh = locks.lock_one(Follow, row.pk)
        fresh.cadence, fresh.language = Follow.Cadence(cadence), language
        fresh.confirmed_at, fresh.ended_at = fresh.confirmed_at or at, None
        fresh.save(update_fields=["cadence", "language", "confirmed_at", "ended_at"])
    return fresh


def row_to_end(token: str) -> Follow | None:
    """The row that a link stops; None when it is gone. Raises DomainError("bad_link") for a token that is not ours."""
    try:
        key = UUID(hex=signing.loads(token, salt=mails.END_SALT))
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise DomainError("bad_link", _("This link is not complete. Copy all of it from the mail.")) from error
    return Follow.objects.select_related("business").filter(key=key).first()


def end(row: Follow, *, at: datetime) -> None:
    """Write to this follower no more; a second time changes nothing."""
    Follow.objects.filter(pk=row.pk, ended_at__isnull=True).update(ended_at=at)


def end_by_account(business: Business, user: Any, *, at: datetime) -> None:
    """The account follows no more."""
    Follow.objects.filter(business=business, user=user, ended_at__isnull=True).update(ended_at=at)


def forget_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: delete addresses that were never confirmed within a week, and the rows of those who stopped long ago."""
    unconfirmed = Follow.objects.filter(confirmed_at__isnull=True, asked_at__lte=at - CONFIRM_WITHIN)
    ended = Follow.objects.filter(ended_at__lte=at - KEEP_ENDED)
    return {"unconfirmed": unconfirmed.delete()[0], "ended": ended.delete()[0]}
