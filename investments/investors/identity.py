"""The identity check of an investor and its states (domain.md sections 4.5 and 11).

Money may be paid while the check waits; a holding is confirmed only once it is `verified`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from investments import events
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.outbox.services import publish
from microfund.kernel.states import StateTable

from .models import IdentityCase, Investor

IDENTITY_STATES = StateTable(
    "investments.Investor",
    {
        "unverified": ("submitted",),
        "submitted": ("verified", "rejected"),
        "rejected": ("submitted",),
        # A name, birth date or address that was changed must be looked at again.
        "verified": ("submitted",),
    },
    section="domain.md section 11",
    field="identity_state",
)


def submit_identity(investor: Investor, *, at: datetime, actor: Any = None, reason: str = "") -> Investor:
    """unverified, rejected or verified → submitted: staff look at the details. Raises DomainError("wrong_state")."""
    with transaction.atomic():
        fresh = _move(investor, Investor.Identity.SUBMITTED, at=at, actor=actor, reason=reason)
        IdentityCase.objects.create(investor=fresh, opened_at=at)
    return fresh


def verify_identity(investor: Investor, *, actor: Any, at: datetime, reason: str = "") -> Investor:
    """submitted → verified, by a member of staff who is not this investor.

    Raises DomainError("wrong_state", "not_allowed").
    """
    _require_other_staff(investor, actor)
    with transaction.atomic():
        fresh = _move(investor, Investor.Identity.VERIFIED, at=at, actor=actor, reason=reason)
        _decide(fresh, IdentityCase.Outcome.VERIFIED, at=at, actor=actor)
    return fresh


def reject_identity(
    investor: Investor, *, actor: Any, at: datetime, reason: str, cause: str = IdentityCase.Cause.OTHER
) -> Investor:
    """submitted → rejected, with a reason, by a member of staff who is not this investor, who is told the cause.

    `cause` is a value of IdentityCase.Cause. The reason is for staff and the audit trail: it must hold no personal
    data. Tells IdentityRejected. Raises DomainError("wrong_state", "not_allowed", "reason_needed", "choice").
    """
    _require_other_staff(investor, actor)
    require_reason(reason)
    if cause not in IdentityCase.Cause.values:
        raise DomainError("choice", _("Please choose one of the answers."), field="cause")
    with transaction.atomic():
        fresh = _move(investor, Investor.Identity.REJECTED, at=at, actor=actor, reason=reason)
        case = _decide(fresh, IdentityCase.Outcome.REJECTED, at=at, actor=actor, cause=cause)
        publish(events.IdentityRejected(case.pk, at), key=str(case.pk), at=at)
    return fresh


def open_case(investor: Investor, *, at: datetime) -> IdentityCase:
    """The check that is waiting for its decision. The caller holds the investor's row; who was submitted before checks
    were rows gets one now."""
    case, _created = IdentityCase.objects.get_or_create(
        investor=investor, decided_at=None, defaults={"opened_at": investor.identity_changed_at or at}
    )
    return case


def _decide(investor: Investor, outcome: str, *, at: datetime, actor: Any, cause: str = "") -> IdentityCase:
    case = open_case(investor, at=at)
    case.outcome, case.cause, case.decided_at, case.decided_by = outcome, cause, at, actor
    case.save(update_fields=["outcome", "cause", "decided_at", "decided_by"])
    return case


def _move(investor: Investor, to: str, *, at: datetime, actor: Any, reason: str) -> Investor:
    with transaction.atomic():
        return IDENTITY_STATES.move(investor, to, at=at, actor=actor, reason=reason, identity_changed_at=at)


def _require_other_staff(investor: Investor, actor: Any) -> None:
    if not (actor is not None and actor.is_active and actor.is_staff):
        raise DomainError("not_allowed", _("Only staff judge an identity check."))
    if actor.pk == investor.user_id:
        raise DomainError("not_allowed", _("Nobody judges their own identity check."))
