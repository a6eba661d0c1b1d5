"""The reconciling sweeps: ask the provider about objects, so weeks without a webhook lose nothing (section 4.3)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q

from investments.ledger.models import Book
from microfund.kernel import clock, locks

from . import dispute, gateway, postings, refund, settle
from .models import DISPUTES_ASKED, UNRESOLVED, Dispute, PaymentAttempt, ProviderCursor, ProviderPayout, Refund

# The provider's lists are read again this far back each time: late and out-of-order rows are seen, known ones skipped.
OVERLAP = timedelta(days=3)
# On a database that has never asked.
FIRST_LOOK = timedelta(days=90)


def payments_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: ask about every unresolved attempt that is due."""
    counts = {"settled": 0, "errors": 0}
    due = PaymentAttempt.objects.filter(state__in=UNRESOLVED, method__in=["card", "konbini"]).filter(
        Q(next_check_at__lte=at) | Q(next_check_at=None)
    )

    def ask(pk: int) -> bool:
        try:
            return settle.settle(pk, at=at).state not in UNRESOLVED
        except gateway.ProviderUnreachable as error:
            PaymentAttempt.objects.filter(pk=pk).update(problem=str(error)[:500])
            return False

    locks.each(due.order_by("next_check_at", "pk").values_list("pk", flat=True), ask, counts, "settled")
    return counts


def refunds_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: send what is requested and ask about what is on its way."""
    counts = {"moved": 0, "errors": 0}
    due = Refund.objects.filter(
        state__in=["requested", "pending", "requires_action", "charged_back"], by_bank=False, next_check_at__lte=at
    ).order_by("next_check_at", "pk")

    def ask(pk: int) -> bool:
        before = Refund.objects.values_list("state", flat=True).get(pk=pk)
        return refund.send(pk, at=at).state != before

    locks.each(due.values_list("pk", flat=True), ask, counts, "moved")
    return counts


def objects_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: refunds and disputes made at the provider since the last look, and how open disputes stand."""
    counts = {"refunds": 0, "disputes": 0, "errors": 0}
    if not PaymentAttempt.objects.filter(intent_id__isnull=False).exists():
        return counts
    since = _since("objects", at)

    def attempt_of(facts: gateway.RefundFacts | gateway.DisputeFacts) -> PaymentAttempt | None:
        return PaymentAttempt.objects.filter(intent_id=facts.intent_id).first() if facts.intent_id else None

    def refunded(facts: gateway.RefundFacts) -> bool:
        attempt = attempt_of(facts)
        return attempt is not None and refund.observe(facts, attempt, at=at)

    def disputed(facts: gateway.DisputeFacts) -> bool:
        attempt = attempt_of(facts)
        return attempt is not None and dispute.observe(facts, attempt, at=at)

    # One object that cannot be recorded must not hide the others.
    try:
        locks.each(gateway.list_refunds(since=since), refunded, counts, "refunds")
        locks.each(gateway.list_disputes(since=since), disputed, counts, "disputes")
        for own in Dispute.objects.filter(state__in=DISPUTES_ASKED).select_related("attempt"):
            dispute.ask(own, at=at)
    except gateway.ProviderUnreachable:
        counts["errors"] += 1
    if not counts["errors"]:
        _seen("objects", at)
    return counts


def payouts_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: the provider's payouts to our bank, gross by fund, the operator topping up the fees (section 7)."""
    counts = {"payouts": 0, "errors": 0}
    if not PaymentAttempt.objects.filter(intent_id__isnull=False).exists():
        return counts
    try:
        for facts in list(gateway.list_payouts(since=_since("payouts", at))):
            counts["payouts"] += record_payout(facts, at=at)
    except gateway.ProviderUnreachable:
        counts["errors"] += 1
        return counts
    _seen("payouts", at)
    return counts


def record_payout(facts: gateway.PayoutFacts, *, at: datetime) -> bool:
    """Journal one payout once. Lines that are no fund's (a dispute won, its fee) are the operator's own and were
    journaled with their event; lines that we do not know are kept on the row for staff."""
    if ProviderPayout.objects.filter(provider_id=facts.id).exists():
        return False
    books = dict(
        PaymentAttempt.objects.filter(
            intent_id__in={line.intent_id for line in facts.lines if line.intent_id}
        ).values_list("intent_id", "order__fund__book_id")
    )
    gross: dict[int, int] = {}
    fees, unmatched = 0, []
    for line in facts.lines:
        book = books.get(line.intent_id or "")
        reinstated = line.kind == "dispute" and line.amount > 0
        if book is not None and line.kind in ("charge", "refund", "dispute") and not reinstated:
            gross[book] = gross.get(book, 0) + line.amount
        elif not reinstated:
            unmatched.append({"id": line.id, "kind": line.kind, "amount": line.amount, "source": line.source})
        if line.kind != "dispute":
            fees += line.fee
    with transaction.atomic():
        payout, created = ProviderPayout.objects.get_or_create(
            provider_id=facts.id,
            defaults={
                "amount": facts.amount,
                "fees": fees,
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


def _since(name: str, at: datetime) -> datetime:
    """From when to read a list again: before the last good look, and before `at` when the clock was set back."""
    seen = ProviderCursor.objects.filter(pk=name).values_list("seen_until", flat=True).first()
    return min(seen, at) - OVERLAP if seen else at - FIRST_LOOK


def _seen(name: str, at: datetime) -> None:
    ProviderCursor.objects.update_or_create(pk=name, defaults={"seen_until": at})
