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
