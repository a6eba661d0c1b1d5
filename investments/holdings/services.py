"""Movements of units; a holding is their sum."""

from __future__ import annotations

import secrets
from datetime import date, datetime

from investments.holdings.models import Holding, Movement
from microfund.kernel import locks

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def record_movement(
    *, investor_id: int, fund_id: int, kind: str, units: int, source: str, on: date, at: datetime
) -> Movement:
    """Write one movement of `units` (signed) and make the holding if it is the first; once for each source.

    Runs in the caller's transaction. Raises IntegrityError when this movement was written before or would take more
    units than are held.
    """
    locks.note("investments.Holding")
    holding, _ = Holding.objects.get_or_create(
        investor_id=investor_id,
        fund_id=fund_id,
        defaults={
            "reference": "H-" + "".join(secrets.choice(_ALPHABET) for _n in range(8)),
            "created_at": at,
        },
    )
    return Movement.objects.create(
        holding=holding, kind=kind, units=units, source=source, effective_on=on, happened_at=at
    )


def inherited_away(*, investor_id: int, fund_id: int) -> bool:
    """Whether the units of a holding have moved to heirs."""
    return Holding.objects.filter(investor_id=investor_id, fund_id=fund_id, paid_to__isnull=False).exists()


def freeze(*, investor_id: int, fund_id: int, at: datetime | None) -> None:
    """Freeze (an instant) or unfreeze (None) a holding, if there is one: distributions accrue, rewards stop (domain.md
    sections 4.9 and 11). Which of the two, `orders.services.refreeze_holding` says."""
    locks.note("investments.Holding")
    Holding.objects.filter(investor_id=investor_id, fund_id=fund_id).update(frozen_at=at)
