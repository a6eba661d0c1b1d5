"""The reconciling sweeps: ask the provider about objects, so weeks without a webhook lose nothing (section 4.3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Min, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from investments.ledger.models import Book
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason

from . import dispute, external, gateway, postings, refund, settle, unrecorded
from .models import (
    DISPUTES_ASKED,
    MISMATCHED,
    PAYOUT_STATES,
    UNRESOLVED,
    Dispute,
    PaymentAttempt,
    ProviderCursor,
    ProviderPayout,
    Refund,
)

# The provider's lists are read again this far back each time: late and out-of-order rows are seen, known ones skipped.
OVERLAP = timedelta(days=3)
# A payout is listed by the day it was made, travels for days, and may come back after it had arrived.
PAYOUT_OVERLAP = timedelta(days=45)
# How many refunds that are done are asked about one by one before the list is read instead.
FEW = 20
# On a database that has never asked.
FIRST_LOOK = timedelta(days=90)


def payments_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: ask about every unresolved attempt that is due, and about a wrong one for which somebody may still pay."""
    counts = {"settled": 0, "errors": 0}
    due = PaymentAttempt.objects.filter(state__in=UNRESOLVED, method__in=["card", "konbini"]).filter(
        Q(next_check_at__lte=at) | Q(next_check_at=None)
    )
    wrong = PaymentAttempt.objects.filter(state__in=MISMATCHED, next_check_at__lte=at)

    def ask(pk: int) -> bool:
        try:
            return settle.settle(pk, at=at).state not in UNRESOLVED
        except gateway.ProviderUnreachable as error:
            PaymentAttempt.objects.filter(pk=pk).update(problem=str(error)[:500])
            return False

    def look(pk: int) -> bool:
        try:
            return settle.settle(pk, at=at).captured > 0
        except gateway.ProviderUnreachable:
            return False

    locks.each(due.order_by("next_check_at", "pk").values_list("pk", flat=True), ask, counts, "settled")
    locks.each(wrong.order_by("next_check_at", "pk").values_list("pk", flat=True), look, counts, "settled")
    return counts


def refunds_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: send what is requested, ask about what is on its way, and daily about what is done: it may come back."""
    counts = {"moved": 0, "errors": 0}
    due = Refund.objects.filter(by_bank=False, next_check_at__lte=at).order_by("next_check_at", "pk")

    def ask(pk: int) -> bool:
        before = Refund.objects.values_list("state", flat=True).get(pk=pk)
        return refund.send(pk, at=at).state != before

    open_ones = due.filter(state__in=["requested", "pending", "requires_action", "charged_back"])
    locks.each(open_ones.values_list("pk", flat=True), ask, counts, "moved")
    try:
        _ask_by_list(due.filter(state=Refund.State.SUCCEEDED), counts, at=at)
    except gateway.ProviderUnreachable:
        counts["errors"] += 1
        return counts
    locks.each(due.filter(state=Refund.State.SUCCEEDED).values_list("pk", flat=True)[:FEW], ask, counts, "moved")
    return counts


def _ask_by_list(due: QuerySet[Refund], counts: dict[str, int], *, at: datetime) -> None:
    """A fund that failed has thousands of refunds done on one day: a hundred are answered by one page of the list."""
    waiting = {row["provider_id"]: row["pk"] for row in due.values("pk", "provider_id")}
    if len(waiting) <= FEW:
        return
    since = due.aggregate(first=Min("requested_at"))["first"] - refund.CLOCK_SKEW
    for facts in gateway.list_refunds(since=since):
        pk = waiting.pop(facts.id, None)
        if pk is not None:
            locks.each([pk], lambda own, facts=facts: _moved(own, facts, at=at), counts, "moved")
        if not waiting:
            return


def _moved(pk: int, facts: gateway.RefundFacts, *, at: datetime) -> bool:
    return refund.apply(pk, facts, at=at).state != Refund.State.SUCCEEDED


def objects_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: refunds and disputes made at the provider since the last look, and how open disputes stand.

    An object that cannot be recorded is kept for staff and tried again; the list is read on past it.
    """
    counts = {"refunds": 0, "disputes": 0, "kept": 0, "errors": 0}
    if not PaymentAttempt.objects.filter(intent_id__isnull=False).exists():
        return counts
    since = _since("objects", at, OVERLAP)

    def attempt_of(facts: gateway.RefundFacts | gateway.DisputeFacts) -> PaymentAttempt | None:
        return PaymentAttempt.objects.filter(intent_id=facts.intent_id).first() if facts.intent_id else None

    def refunded(facts: gateway.RefundFacts) -> bool:
        attempt = attempt_of(facts)
        return attempt is not None and external.observe(facts, attempt, at=at)

    def disputed(facts: gateway.DisputeFacts) -> bool:
        attempt = attempt_of(facts)
        return attempt is not None and dispute.observe(facts, attempt, at=at)

    still = Dispute.objects.filter(state__in=DISPUTES_ASKED).values_list("provider_id", flat=True)
    try:
        made: Iterable[Any] = gateway.list_refunds(since=since)
        unrecorded.record_all("refund", made, gateway.get_refund, refunded, counts, "refunds", at=at)
        made = gateway.list_disputes(since=since)
        unrecorded.record_all("dispute", made, gateway.get_dispute, disputed, counts, "disputes", at=at, also=still)
    except gateway.ProviderUnreachable:
        counts["errors"] += 1
        return counts
    _seen("objects", at)
    return counts


def payouts_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: the provider's payouts to our bank, gross by fund, the operator topping up the fees (section 7).

    A payout is journaled once it is paid, however long it has travelled; one that comes back is turned back.
    """
    counts = {"payouts": 0, "kept": 0, "errors": 0}
    if not PaymentAttempt.objects.filter(intent_id__isnull=False).exists():
        return counts
    try:
        made = gateway.list_payouts(since=_since("payouts", at, PAYOUT_OVERLAP))
        own = ProviderPayout.objects.filter(provider_id__in=[facts.id for facts in made])
        known = dict(own.values_list("provider_id", "state"))
        news = [facts for facts in made if _state_of(facts) not in (None, known.get(facts.id))]
        unrecorded.record_all(
            "payout", news, gateway.get_payout, partial(record_payout, at=at), counts, "payouts", at=at
        )
    except gateway.ProviderUnreachable:
        counts["errors"] += 1
        return counts
    _seen("payouts", at)
    return counts


def _state_of(facts: gateway.PayoutFacts) -> str | None:
    """What a payout is to our books: nothing while it travels."""
    states = {"paid": "paid", "failed": "failed", "canceled": "failed"}
    return states.get(facts.status)


def record_payout(facts: gateway.PayoutFacts, *, at: datetime) -> bool:
    """Journal one payout once it is paid, and turn it back when it failed after that; True when something changed."""
    known = ProviderPayout.objects.filter(provider_id=facts.id).first()
    state = _state_of(facts)
    if known is None and state == ProviderPayout.State.PAID:
        return _arrived(facts, at=at)
    if known is not None and state == ProviderPayout.State.FAILED:
        return _came_back(known, at=at)
    return False


def _arrived(facts: gateway.PayoutFacts, *, at: datetime) -> bool:
    """Lines that are no fund's (a dispute won, what disputes cost) are the operator's own and were journaled with their
    event; lines that we do not know, and what the lines do not explain of the amount, are kept on the row for staff."""
    lines = gateway.payout_lines(facts.id)
    ours = facts.currency == _currency()
    books = _books_of(lines)
    gross: dict[int, int] = {}
    fees, own, unmatched = 0, 0, []
    for line in lines:
        if not ours:
            # Its lines are whole numbers of something else: nothing of it can stand in our books.
            net = line.amount - line.fee
            unmatched.append({"id": line.id, "kind": line.kind, "amount": net, "source": line.source})
            continue
        book = books.get(line.intent_id or "")
        if line.kind == "dispute" and line.amount > 0:
            own += line.amount
        elif book is not None and line.kind in ("charge", "refund", "dispute"):
            gross[book] = gross.get(book, 0) + line.amount
        else:
            unmatched.append({"id": line.id, "kind": line.kind, "amount": line.amount, "source": line.source})
        if line.kind == "dispute":
            own -= line.fee
        else:
            fees += line.fee
    with transaction.atomic():
        payout, created = ProviderPayout.objects.get_or_create(
            provider_id=facts.id,
            defaults={
                "amount": facts.amount,
                "fees": fees,
                "own": own,
                "difference": facts.amount - sum(line.amount - line.fee for line in lines),
                "currency": facts.currency,
                "arrived_on": clock.today_in(None, facts.arrived_at),
                "by_fund": {
                    code: gross[pk] for pk, code in Book.objects.filter(pk__in=gross).values_list("pk", "code")
                },
                "unmatched": unmatched,
            },
        )
        if created:
            postings.provider_payout(payout.pk, gross_by_book=gross, fees=fees, on=payout.arrived_on, at=at)
    return created


def _currency() -> str:
    return Book.objects.values_list("currency", flat=True).get(kind="operator")


def _books_of(lines: list[gateway.BalanceFacts]) -> dict[str, int]:
    """The fund's book of each payment that ours are; a payment that could not be booked is nobody's."""
    ours = PaymentAttempt.objects.filter(intent_id__in={line.intent_id for line in lines if line.intent_id})
    ours = ours.exclude(state__in=MISMATCHED, captured=0)
    return dict(ours.values_list("intent_id", "order__fund__book_id"))


def _came_back(payout: ProviderPayout, *, at: datetime) -> bool:
    """The bank refused it after all: what it brought is at the provider again and comes with a later payout."""
    with transaction.atomic():
        payout = locks.lock_one(ProviderPayout, payout.pk)
        if payout.state == ProviderPayout.State.FAILED:
            return False
        books = dict(Book.objects.filter(code__in=payout.by_fund).values_list("code", "pk"))
        gross = {books[code]: amount for code, amount in payout.by_fund.items()}
        postings.provider_payout(
            payout.pk, gross_by_book=gross, fees=payout.fees, on=clock.today_in(None, at), at=at, failed=True
        )
        PAYOUT_STATES.move(payout, ProviderPayout.State.FAILED, at=at)
        return True


def looked_at(payout: ProviderPayout, *, actor: Any, at: datetime, reason: str) -> ProviderPayout:
    """Staff know what the lines are that we do not, or what the lines do not explain. Raises
    DomainError("reason_needed", "wrong_state")."""
    require_reason(reason)
    with transaction.atomic():
        payout = locks.lock_one(ProviderPayout, payout.pk)
        if payout.reviewed_at is not None or not (payout.unmatched or payout.difference):
            raise DomainError("wrong_state", _("There is nothing to look at, or somebody has."))
        payout.reviewed_at = at
        payout.save(update_fields=["reviewed_at"])
        audit.record(
            action="investments.ProviderPayout.reviewed",
            subject=payout,
            at=at,
            actor=actor,
            reason=reason,
            changes={"unmatched": len(payout.unmatched), "difference": payout.difference},
        )
        return payout


def _since(name: str, at: datetime, overlap: timedelta) -> datetime:
    """From when to read a list again: before the last good look, and before `at` when the clock was set back."""
    seen = ProviderCursor.objects.filter(pk=name).values_list("seen_until", flat=True).first()
    return min(seen, at) - overlap if seen else at - FIRST_LOOK


def _seen(name: str, at: datetime) -> None:
    ProviderCursor.objects.update_or_create(pk=name, defaults={"seen_until": at})
