"""What the provider has and we could not record: kept with its reason, tried again, and never in the way of the rest.

A list of the provider is read on past an object that our database refuses (money refunded there and paid by bank here,
say); the object waits for staff in `UnrecordedObject` instead of holding up the list for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from django.db import transaction

from microfund.kernel import locks
from microfund.kernel.audit import services as audit

from . import gateway
from .models import UNRECORDED_STATES, UnrecordedObject

log = structlog.get_logger(__name__)
State = UnrecordedObject.State


def record_all(
    kind: str,
    rows: Iterable[Any],
    ask: Callable[[str], Any],
    act: Callable[[Any], bool],
    counts: dict[str, int],
    key: str,
    *,
    at: datetime,
    also: Iterable[str] = (),
) -> None:
    """Record each of `rows` (facts with an `id`); then what stands for the ids `also`, and for those that still wait,
    which `ask(id)` answers.

    What `act` records is counted under `key`, what it raises is kept and counted under "kept"; what staff have looked
    at is left alone. Raises gateway.ProviderUnreachable: the rest is for the next time.
    """
    waiting = dict(UnrecordedObject.objects.filter(kind=kind).values_list("provider_id", "state"))
    seen = set()
    for facts in rows:
        seen.add(facts.id)
        _try(kind, facts.id, partial(act, facts), waiting.get(facts.id, ""), counts, key, at=at)
    still = [provider_id for provider_id, state in waiting.items() if state == State.OPEN]
    for provider_id in dict.fromkeys([*also, *still]):
        if provider_id not in seen:
            _try(
                kind,
                provider_id,
                lambda own=provider_id: act(ask(own)),
                waiting.get(provider_id, ""),
                counts,
                key,
                at=at,
            )


def _try(
    kind: str,
    provider_id: str,
    act: Callable[[], bool],
    state: str,
    counts: dict[str, int],
    key: str,
    *,
    at: datetime,
) -> None:
    if state == State.REVIEWED:
        return
    try:
        counts[key] += bool(act())
    except gateway.ProviderUnreachable:
        raise
    except Exception as error:  # kept on a row for staff, with its reason, and tried again with the next look
        log.exception("provider.unrecorded", kind=kind, provider_id=provider_id)
        _keep(kind, provider_id, f"{type(error).__name__}: {error}"[:2000], at=at)
        counts["kept"] += 1
        return
    if state == State.OPEN:
        with transaction.atomic():
            row = locks.try_lock(UnrecordedObject, UnrecordedObject.objects.get(provider_id=provider_id).pk)
            if row is not None and row.state == State.OPEN:
                UNRECORDED_STATES.move(row, State.RECORDED, at=at)


def _keep(kind: str, provider_id: str, problem: str, *, at: datetime) -> None:
    with transaction.atomic():
        row, created = UnrecordedObject.objects.get_or_create(
            provider_id=provider_id, defaults={"kind": kind, "problem": problem, "seen_at": at, "tried_at": at}
        )
        if created:
            audit.record(
                action="investments.UnrecordedObject.open", subject=row, at=at, changes={"object": provider_id}
            )
            return
        row = locks.lock_one(UnrecordedObject, row.pk)
        if row.state == State.RECORDED:
            row = UNRECORDED_STATES.move(row, State.OPEN, at=at)
        row.tries, row.tried_at, row.problem = row.tries + 1, at, problem
        row.save(update_fields=["tries", "tried_at", "problem"])


def looked_at(row: UnrecordedObject, *, actor: Any, at: datetime, reason: str) -> UnrecordedObject:
    """Staff have seen to it, at the provider or here: it is not tried again. Raises DomainError("wrong_state")."""
    with transaction.atomic():
        return UNRECORDED_STATES.move(row, State.REVIEWED, at=at, actor=actor, reason=reason)
