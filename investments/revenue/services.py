"""The start of a fund's term: all its period rows, with dates, at once (domain.md section 6)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from investments import events
from investments.offerings import services as offerings
from investments.offerings.models import FUND_STATES, Fund, FundCounter, Terms
from investments.orders.models import OPEN, Order
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.outbox.services import publish

from .models import UNCALCULATED, Period


def period_rows(fund: Fund, terms: Terms, profile: Any) -> list[Period]:
    """Every period of the term, unsaved, computed from the anchor `term_starts_on` (29 February counts as 28 in
    other years). The payment date is rolled forward to a bank business day."""
    rows = []
    for number in range(1, terms.periods + 1):
        starts_on, ends_on = clock.period_bounds(fund.term_starts_on, terms.period_months, number)
        rows.append(
            Period(
                fund=fund,
                number=number,
                starts_on=starts_on,
                ends_on=ends_on,
                record_on=ends_on,
                report_due_on=ends_on + timedelta(days=profile.report_due_days),
                payment_due_on=clock.next_bank_day(ends_on + timedelta(days=profile.payment_due_days)),
            )
        )
    return rows


def start_term(fund: Fund, *, at: datetime) -> bool:
    """closed → operating once the fund has succeeded, no order is undecided and the term's first day has come."""
    with transaction.atomic():
        fund = locks.lock_one(Fund, fund.pk)
        if fund.state != Fund.State.CLOSED or fund.succeeded_at is None:
            return False
        if clock.today_in(fund.policy.zone, at) < fund.term_starts_on:
            return False
        waiting = Order.objects.filter(fund=fund, state__in=OPEN, frozen_at=None)
        if waiting.exists() or FundCounter.objects.get(pk=fund.pk).sold == 0:
            return False
        Period.objects.bulk_create(period_rows(fund, offerings.current_terms(fund), fund.policy))
        FUND_STATES.move(fund, Fund.State.OPERATING, at=at)
        publish(events.TermStarted(fund_id=fund.pk, at=at), key=str(fund.pk), at=at)
        return True


def start_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: start the term of every funded fund whose first day has come."""
    counts = {"started": 0, "errors": 0}
    due = Fund.objects.filter(state=Fund.State.CLOSED, term_starts_on__lte=on, succeeded_at__isnull=False)
    locks.each(due.order_by("pk"), lambda fund: start_term(fund, at=at), counts, "started")
    return counts


def reschedule(fund_id: int, *, on: date, at: datetime) -> int:
    """Compute the payment dates of a fund's undecided periods anew, as far as they lie ahead of `on`; how many moved.
    They are rolled forward to a bank business day, and the table of holidays changes (section 6)."""
    with transaction.atomic():
        fund = locks.lock_one(Fund, fund_id)
        ahead = fund.periods.filter(state__in=UNCALCULATED, payment_due_on__gt=on)
        now = {row.number: row.payment_due_on for row in period_rows(fund, offerings.current_terms(fund), fund.policy)}
        moved = 0
        for period in locks.lock(Period, ahead.values_list("pk", flat=True)):
            before, after = period.payment_due_on, now[period.number]
            if before == after or after <= on:
                continue
            period.payment_due_on = after
            period.save(update_fields=["payment_due_on"])
            audit.record(
                action="investments.Period.rescheduled",
                subject=period,
                at=at,
                changes={"payment_due_on": [before.isoformat(), after.isoformat()]},
            )
            moved += 1
        return moved


def _has_moved(fund: Fund, *, on: date) -> bool:
    """Whether a payment date that lies ahead is another by the table of holidays as it is now."""
    now = {row.number: row.payment_due_on for row in period_rows(fund, offerings.current_terms(fund), fund.policy)}
    ahead = fund.periods.filter(state__in=UNCALCULATED, payment_due_on__gt=on)
    return any(due != now[number] for number, due in ahead.values_list("number", "payment_due_on"))


def reschedule_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: the payment dates of every running term, against the table of holidays as it is now."""
    counts = {"moved": 0, "errors": 0}
    running = Fund.objects.filter(state=Fund.State.OPERATING).select_related("policy").order_by("pk")
    locks.each(running, lambda fund: _has_moved(fund, on=on) and reschedule(fund.pk, on=on, at=at), counts, "moved")
    return counts
