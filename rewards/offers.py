"""Offers once their cycles have begun: a change is a new version, and the old one ends (domain.md section 10)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason

from .models import Offer


def propose(offer: Offer, *, actor: Any, at: datetime) -> Offer:
    """An owner proposes an offer, or changes a proposal: an unsaved one, or one that waits. The staff takes it on.

    Raises DomainError("wrong_state" (it was taken on meanwhile)).
    """
    with transaction.atomic():
        if offer.pk is not None and not locks.lock_one(Offer, offer.pk).waiting:
            raise DomainError("wrong_state", _("The fund's staff has taken it on; it cannot be changed here any more."))
        offer.waiting = True
        offer.save()
        audit.record(action="rewards.Offer.proposed", subject=offer, at=at, actor=actor)
        return offer


def take_on(offer: Offer, *, actor: Any, at: datetime, reason: str = "") -> Offer:
    """The staff takes on what a business proposes: from now on it is a promise. No cycle of it lies before today.

    Raises DomainError("wrong_state")."""
    with transaction.atomic():
        offer = locks.lock_one(Offer, offer.pk)
        if not offer.waiting or offer.ended_at is not None:
            raise DomainError("wrong_state", _("This offer does not wait."))
        offer.waiting, offer.starts_on = False, offer.starts_on or clock.today_in(None, at)
        offer.save(update_fields=["waiting", "starts_on"])
        audit.record(action="rewards.Offer.taken_on", subject=offer, at=at, actor=actor, reason=reason)
        return offer


def end(offer: Offer, *, actor: Any, at: datetime, reason: str) -> Offer:
    """No further cycle of this offer opens; what is open stays. Raises DomainError("reason_needed", "ended")."""
    require_reason(reason)
    with transaction.atomic():
        offer = locks.lock_one(Offer, offer.pk)
        if offer.ended_at is not None:
            raise DomainError("ended", _("This offer has ended already."))
        offer.ended_at = at
        offer.save(update_fields=["ended_at"])
        audit.record(action="rewards.Offer.ended", subject=offer, at=at, actor=actor, reason=reason)
        return offer


def revise(offer: Offer, *, actor: Any, at: datetime, reason: str) -> Offer:
    """End an offer and begin a new version of it, which can be edited until its first cycle opens; none of its cycles
    lies before the day after. Raises DomainError("reason_needed", "ended")."""
    with transaction.atomic():
        old = end(offer, actor=actor, at=at, reason=reason)
        new = Offer.objects.get(pk=old.pk)
        new.pk, new.replaces, new.version, new.ended_at = None, old, old.version + 1, None
        opened = old.cycles.order_by("-opens_on").values_list("opens_on", flat=True).first()
        new.starts_on = max(opened, clock.today_in(None, at)) + timedelta(days=1) if opened else old.starts_on
        new._state.adding = True
        new.save()
        audit.record(action="rewards.Offer.revised", subject=new, at=at, actor=actor, reason=reason)
        return new
