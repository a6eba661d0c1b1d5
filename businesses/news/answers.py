"""What readers answer to news: thanks, and comments of supporters and of the business (pages.md P6).

Who is a supporter is a question of the layers above, so the caller answers it: `may_comment`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from microfund.kernel import locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError

from .models import LONGEST_COMMENT, Comment, Post, Thanks

LONGEST_NAME = 40


def thank(post: Post, user: Any, *, at: datetime) -> None:
    """Count the reader's thanks, once."""
    Thanks.objects.bulk_create([Thanks(post=post, user=user, at=at)], ignore_conflicts=True)


def unthank(post: Post, user: Any) -> None:
    """Take the reader's thanks back, if there are any."""
    Thanks.objects.filter(post=post, user=user).delete()


def comment(
    post: Post,
    *,
    author: Any,
    name: str,
    text: str,
    form_token: UUID,
    may_comment: bool,
    from_business: bool,
    at: datetime,
) -> Comment:
    """Write a comment; the same form sent twice is one.

    Raises DomainError: "not_a_supporter", "not_published", "name_needed", "text_needed", "text_too_long".
    """
    name, text = " ".join(name.split()), text.replace("\r\n", "\n").strip()
    if not (may_comment or from_business):
        raise DomainError("not_a_supporter", _("Comments are for supporters of this business."))
    if not post.is_published:
        raise DomainError("not_published", _("This post cannot be read any more."))
    if not name or len(name) > LONGEST_NAME:
        raise DomainError(
            "name_needed", _("Give a name of at most %(most)d letters.") % {"most": LONGEST_NAME}, field="name"
        )
    if not text:
        raise DomainError("text_needed", _("Write something first."), field="text")
    if len(text) > LONGEST_COMMENT:
        message = _("A comment has at most %(most)d letters.") % {"most": LONGEST_COMMENT}
        raise DomainError("text_too_long", message, field="text")
    made, _created = Comment.objects.get_or_create(
        form_token=form_token,
        defaults={
            "post": post,
            "author": author,
            "name": name,
            "text": text,
            "from_business": from_business,
            "created_at": at,
        },
    )
    return made


def remove_comment(comment: Comment, *, actor: Any, at: datetime, reason: str) -> Comment:
    """Take a comment off the page; readers see the reason. A second time changes nothing.

    Raises DomainError("reason_needed").
    """
    reason = " ".join(reason.split())
    if not reason:
        raise DomainError("reason_needed", _("Give a reason."), field="reason")
    with transaction.atomic():
        fresh = locks.lock_one(Comment, comment.pk)
        if fresh.removed_at is None:
            fresh.removed_at, fresh.removed_reason = at, reason[:200]
            fresh.save(update_fields=["removed_at", "removed_reason"])
            audit.record(action="businesses.Comment.removed", subject=fresh, at=at, actor=actor, reason=reason[:200])
    return fresh
