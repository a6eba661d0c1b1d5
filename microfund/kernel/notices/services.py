"""Queue a mail in the caller's transaction; send what is due outside of any."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction

from microfund.kernel import clock
from microfund.kernel.jobs import send_soon

from . import attachments, choices, compose, kinds
from .models import Notice

log = structlog.get_logger(__name__)
BACKOFF_MINUTES = (1, 5, 30, 120, 720)
MAX_ATTEMPTS = 8
LEASE = timedelta(minutes=10)
UNSENT = (Notice.State.QUEUED, Notice.State.SENDING)


def queue(
    kind: str,
    *,
    key: str,
    to: str,
    language: str,
    at: datetime,
    context: dict[str, Any],
    user: Any = None,
    headers: dict[str, str] | None = None,
    template: str = "",
) -> None:
    """Write one notice, rendered now in the reader's language; once for each key; none of a kind that `user` switched
    off (choices.py).

    `at` is when the thing happened; `headers` are further ones of the mail, such as List-Unsubscribe; `template` names
    templates other than the kind's. Raises LookupError for a kind that was not declared (kinds.py) and
    TemplateDoesNotExist for one without templates.
    """
    kinds.require(kind)
    only_looked_at = compose.is_collecting()
    if not only_looked_at and (Notice.objects.filter(key=key).exists() or not choices.is_wanted(user, kind)):
        return
    mail = compose.compose(template or kind, context, language=language)
    if compose.collect(kind, mail):
        return
    notice = Notice(
        key=key,
        kind=kind,
        user=user,
        recipient=to,
        language=language,
        subject=mail.subject[:200],
        text=mail.text,
        html=mail.html,
        headers=headers or {},
        happened_at=at,
    )
    Notice.objects.bulk_create([notice], ignore_conflicts=True)  # another worker may have queued it meanwhile
    send_soon("notices.send")


def _claim(notice_id: int) -> Notice | None:
    """Take one due notice for LEASE, so that two workers never send it together."""
    with transaction.atomic():
        notice = (
            Notice.objects.select_for_update(skip_locked=True)
            .filter(pk=notice_id, state__in=UNSENT, next_try_at__lte=clock.machine())
            .first()
        )
        if notice is None:
            return None
        notice.state = Notice.State.SENDING
        notice.attempts += 1
        notice.next_try_at = clock.machine() + LEASE
        notice.save(update_fields=["state", "attempts", "next_try_at"])
        return notice


def _mail(notice: Notice) -> None:
    domain = settings.SITE_URL.split("//")[-1].split(":")[0]
    message = EmailMultiAlternatives(
        notice.subject,
        notice.text,
        settings.DEFAULT_FROM_EMAIL,
        [notice.recipient],
        # The same notice always has the same id, so a mail system can drop a repeat after a crash in between.
        headers={
            **notice.headers,
            "Message-ID": f"<notice-{notice.pk}@{domain}>",
            "Content-Language": notice.language,
        },
    )
    message.attach_alternative(notice.html, "text/html")
    carried = attachments.of(notice)
    if isinstance(carried, tuple):
        message.attach(*carried)
    elif carried is not None:
        message.attach(carried)
    message.send()


def send_due(*, limit: int = 200) -> dict[str, int]:
    """Send due notices; returns counts. A refusal by the mail server is tried again, at most MAX_ATTEMPTS times."""
    counts = {"sent": 0, "errors": 0}
    due = Notice.objects.filter(state__in=UNSENT, next_try_at__lte=clock.machine()).order_by("next_try_at", "id")
    for notice_id in list(due.values_list("pk", flat=True)[:limit]):
        notice = _claim(notice_id)
        if notice is None:
            continue
        try:
            _mail(notice)
        except Exception as error:  # kept on the row and shown to staff; the next notice still goes out
            log.exception("notices.failed", notice_id=notice.pk)
            wait = BACKOFF_MINUTES[min(notice.attempts - 1, len(BACKOFF_MINUTES) - 1)]
            notice.state = Notice.State.FAILED if notice.attempts >= MAX_ATTEMPTS else Notice.State.QUEUED
            notice.last_error = f"{type(error).__name__}: {error}"[:2000]
            notice.next_try_at = clock.machine() + timedelta(minutes=wait)
            counts["errors"] += 1
        else:
            notice.state = Notice.State.SENT
            notice.sent_at = clock.machine()
            counts["sent"] += 1
        notice.save(update_fields=["state", "last_error", "next_try_at", "sent_at"])
    return counts


def retry(notice: Notice) -> None:
    """Put a failed notice back in the queue."""
    Notice.objects.filter(pk=notice.pk, state=Notice.State.FAILED).update(
        state=Notice.State.QUEUED, attempts=0, next_try_at=clock.machine()
    )
    send_soon("notices.send")
