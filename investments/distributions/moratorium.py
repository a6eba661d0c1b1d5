"""A moratorium: after a disaster, payments of many funds are put off, or periods are not counted (domain.md section 5).

Prepared by one person, approved by another, as is its early end; then each fund has its own step, which is done once
whatever runs twice, and of which an error never stops the others. Once all have had theirs, everybody is told.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from investments import events
from investments.offerings.models import Fund
from investments.revenue.models import (
    MORATORIUM_FUND_STATES,
    MORATORIUM_STATES,
    UNDECIDED,
    Moratorium,
    MoratoriumFund,
    Period,
)
from microfund.kernel import locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.outbox.services import publish

from .outlook import covered

State = Moratorium.State
Step = MoratoriumFund.State


def chosen(*, disaster: Any = None, town: str = "", businesses: Iterable[str] = (), but: Iterable[str] = ()) -> Any:
    """The operating funds of businesses hit by a disaster, in a town, or named by their address (all of them must hold
    that are given), but those of these names."""
    found = Fund.objects.filter(state=Fund.State.OPERATING)
    if disaster is not None:
        found = found.filter(business__disaster=disaster)
    if town:
        found = found.filter(business__town_en__icontains=town) | found.filter(business__town_ja__contains=town)
    if businesses:
        found = found.filter(business__slug__in=businesses)
    return found.exclude(slug__in=but).select_related("business").order_by("slug")


def prepare(
    funds: Iterable[Fund],
    *,
    title: str,
    reason: str,
    action: str,
    from_on: date,
    until_on: date,
    actor: Any,
    at: datetime,
) -> Moratorium:
    """Propose a moratorium over the periods of these funds that end between two dates. Title and reason are public.

    Raises DomainError: "reason_needed", "dates", "nothing" (no fund, or none of them has a period to be covered).
    """
    if not reason.strip() or not title.strip():
        raise DomainError("reason_needed", _("Give a title and a reason."))
    if from_on > until_on:
        raise DomainError("dates", _("The first date lies after the last."), field="until_on")
    own = [fund for fund in funds if covered(fund, action=action, from_on=from_on, until_on=until_on)[0]]
    if not own:
        raise DomainError("nothing", _("No fund has a period that could be covered."))
    with transaction.atomic():
        row = Moratorium.objects.create(
            title=title.strip()[:120],
            reason=reason.strip()[:500],
            action=action,
            from_on=from_on,
            until_on=until_on,
            maker=actor,
            prepared_at=at,
        )
        MoratoriumFund.objects.bulk_create([MoratoriumFund(moratorium=row, fund=fund) for fund in own])
        return row


def approve(row: Moratorium, *, actor: Any, at: datetime, reason: str = "") -> Moratorium:
    """A second person puts it in force; the funds' steps follow. Raises DomainError("same_person", "wrong_state")."""
    if actor.pk == row.maker_id:
        raise DomainError("same_person", _("You prepared this moratorium; another person must approve it."))
    with transaction.atomic():
        return MORATORIUM_STATES.move(
            row,
            State.APPROVED,
            at=at,
            actor=actor,
            reason=reason,
            details={"action": row.action, "funds": row.funds.count()},
            checker=actor,
            approved_at=at,
        )


def withdraw(row: Moratorium, *, actor: Any, at: datetime, reason: str) -> Moratorium:
    """A moratorium that waits for approval will not be declared. Raises DomainError("reason_needed", "wrong_state")."""
    require_reason(reason)
    with transaction.atomic():
        return MORATORIUM_STATES.move(row, State.WITHDRAWN, at=at, actor=actor, reason=reason)


def prepare_end(row: Moratorium, *, actor: Any, at: datetime, reason: str) -> Moratorium:
    """Staff propose to end it early; nothing changes before another person approves it. The reason is public. Raises
    DomainError("reason_needed", "wrong_state", "under_way")."""
    require_reason(reason)
    with transaction.atomic():
        row = locks.lock_one(Moratorium, row.pk)
        MORATORIUM_STATES.require(row.state, State.ENDED)
        if row.end_maker_id is not None:
            raise DomainError("under_way", _("The end of this moratorium waits for approval."))
        row.end_maker, row.end_prepared_at, row.end_reason = actor, at, reason.strip()[:500]
        row.save(update_fields=["end_maker", "end_prepared_at", "end_reason"])
        audit.record(action="investments.Moratorium.end_prepared", subject=row, at=at, actor=actor, reason=reason)
        return row


def withdraw_end(row: Moratorium, *, actor: Any, at: datetime, reason: str) -> Moratorium:
    """It will not be ended early. Raises DomainError("reason_needed", "wrong_state")."""
    require_reason(reason)
    with transaction.atomic():
        row = locks.lock_one(Moratorium, row.pk)
        if row.state != State.APPROVED or row.end_maker_id is None:
            raise DomainError("wrong_state", _("No end of this moratorium waits for approval."))
        row.end_maker, row.end_prepared_at, row.end_reason = None, None, ""
        row.save(update_fields=["end_maker", "end_prepared_at", "end_reason"])
        audit.record(action="investments.Moratorium.end_withdrawn", subject=row, at=at, actor=actor, reason=reason)
        return row


def end(row: Moratorium, *, actor: Any, at: datetime, reason: str = "") -> Moratorium:
    """A second person ends it: what is not decided yet pays again as reported. Raises DomainError: "same_person",
    "wrong_state" (not in force, or its end was not prepared)."""
    with transaction.atomic():
        row = locks.lock_one(Moratorium, row.pk)
        MORATORIUM_STATES.require(row.state, State.ENDED)
        if row.end_maker_id is None:
            raise DomainError("wrong_state", _("No end of this moratorium waits for approval."))
        if actor.pk == row.end_maker_id:
            raise DomainError("same_person", _("You prepared this end; another person must approve it."))
        return MORATORIUM_STATES.move(
            row, State.ENDED, at=at, actor=actor, reason=reason or row.end_reason, ended_by=actor, ended_at=at
        )


def leave_out(row: MoratoriumFund, *, actor: Any, at: datetime, reason: str) -> MoratoriumFund:
    """Staff give a fund up whose step fails, so that the others are told. Raises DomainError("reason_needed",
    "wrong_state")."""
    require_reason(reason)
    with transaction.atomic():
        locks.lock_one(Moratorium, row.moratorium_id)
        return MORATORIUM_FUND_STATES.move(row, Step.LEFT_OUT, at=at, actor=actor, reason=reason)


# --- Steps ----------------------------------------------------------------------------------------------------


def step(pk: int, *, at: datetime) -> bool:
    """One fund's step: its periods are covered, or after the end those that are undecided are free again. False when
    there is nothing to do."""
    fund_id, moratorium_id = MoratoriumFund.objects.values_list("fund_id", "moratorium_id").get(pk=pk)
    with transaction.atomic():
        own = locks.lock_one(Moratorium, moratorium_id)
        fund = locks.lock_one(Fund, fund_id)
        locks.lock(Period, fund.periods.values_list("pk", flat=True))
        row = locks.lock_one(MoratoriumFund, pk)
        if own.state == State.APPROVED and row.state == Step.WAITING:
            found, _skipped = covered(fund, action=own.action, from_on=own.from_on, until_on=own.until_on)
            numbers = [period.number for period in found]
            fund.periods.filter(number__in=numbers).update(relief=own.action, moratorium=own)
            to = Step.APPLIED
        elif own.state == State.ENDED and row.state in (Step.WAITING, Step.APPLIED):
            free = fund.periods.filter(moratorium=own, state__in=UNDECIDED)
            numbers = sorted(free.values_list("number", flat=True))
            free.update(relief="", moratorium=None)
            to = Step.LIFTED
        else:
            return False
        MORATORIUM_FUND_STATES.move(row, to, at=at, details={"periods": numbers, "action": own.action}, error="")
        return True


def steps_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: the steps of every fund that waits for one, then the news of it."""
    counts = {"steps": 0, "told": 0, "errors": 0}
    waiting = MoratoriumFund.objects.filter(moratorium__state=State.APPROVED, state=Step.WAITING)
    ended = MoratoriumFund.objects.filter(moratorium__state=State.ENDED, state__in=[Step.WAITING, Step.APPLIED])
    due = (waiting | ended).order_by("pk").values_list("pk", flat=True)
    locks.each(due, lambda pk: _try(pk, at=at), counts, "steps")
    declared = Moratorium.objects.filter(state=State.APPROVED, told_at=None)
    over = Moratorium.objects.filter(state=State.ENDED, end_told_at=None)
    locks.each(
        (declared | over).order_by("pk").values_list("pk", flat=True), lambda pk: tell(pk, at=at), counts, "told"
    )
    return counts


def _try(pk: int, *, at: datetime) -> bool:
    """A step, and why it failed if it did, for the staff to see."""
    try:
        return step(pk, at=at)
    except Exception as error:
        MoratoriumFund.objects.filter(pk=pk).update(error=f"{type(error).__name__}: {error}"[:500])
        raise


def tell(pk: int, *, at: datetime) -> bool:
    """Publish that a moratorium is in force, or has ended, once every fund has had its step."""
    with transaction.atomic():
        row = locks.lock_one(Moratorium, pk)
        open_ones = [Step.WAITING] if row.state == State.APPROVED else [Step.WAITING, Step.APPLIED]
        if row.funds.filter(state__in=open_ones).exists():
            return False
        if row.state == State.APPROVED and row.told_at is None:
            row.told_at = at
            publish(events.MoratoriumDeclared(moratorium_id=row.pk, at=at), key=str(row.pk), at=at)
        elif row.state == State.ENDED and row.end_told_at is None:
            row.end_told_at = at
            publish(events.MoratoriumEnded(moratorium_id=row.pk, at=at), key=str(row.pk), at=at)
        else:
            return False
        row.save(update_fields=["told_at", "end_told_at"])
        return True
