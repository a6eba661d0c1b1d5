"""Open a hosted payment page for an order (domain.md section 4.3): the attempt is committed before the call.

A call without an answer leaves the attempt `created`; it is repeated under the same key for 23 hours and looked up by
creation time and our reference after that. There is never a second key for one attempt, nor a second attempt beside
an unresolved one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from investments.investors.models import Investor
from investments.orders.models import UNPAID, Order
from investments.policy import services as policy
from microfund.kernel import locks
from microfund.kernel.errors import DomainError

from . import gateway, window
from .models import ATTEMPT_STATES, UNRESOLVED, PaymentAttempt

# The provider forgets an idempotency key after 24 hours (Stripe documentation, "Idempotent requests").
KEY_LIVES = timedelta(hours=23)
# How far the provider's clock may stand apart from ours in a look-up.
CLOCK_SKEW = timedelta(minutes=10)
FIRST_CHECK = timedelta(minutes=1)


def begin(order: Order, *, at: datetime) -> PaymentAttempt:
    """The order's unresolved attempt, or a new one (which extends the reservation, at most three times).

    Raises DomainError: "wrong_state" when the order is not to be paid any more, "closed" when the fund takes no orders
    or would close before a new attempt is over, "extensions" when it was extended often enough.
    """
    with transaction.atomic():
        order = locks.lock_one(Order, order.pk)
        window.require_reserved(order, at=at)
        unresolved = PaymentAttempt.objects.filter(order=order, state__in=UNRESOLVED).first()
        if unresolved is not None:
            return unresolved
        profile = window.require_time(order, at=at)
        if order.attempts.exists():
            if order.extensions >= profile.reservation_extensions:
                raise DomainError(
                    "extensions", gettext_lazy("This order was tried often enough. Please start a new one.")
                )
            order.extensions += 1
            order.reserved_until = max(order.reserved_until, at + timedelta(minutes=profile.reservation_minutes))
            order.save(update_fields=["extensions", "reserved_until"])
        return PaymentAttempt.objects.create(
            order=order,
            method=order.method,
            amount=order.total,
            currency=order.currency,
            payer_kana=Investor.objects.values_list("name_kana", flat=True).get(pk=order.payer_id),
            created_at=at,
            session_expires_at=at + timedelta(minutes=profile.session_minutes),
            next_check_at=at + FIRST_CHECK,
        )


def start_checkout(order: Order, *, at: datetime) -> PaymentAttempt:
    """The attempt with its payment page; `url` is empty when the provider did not answer (nothing is lost: the same
    call is made again by the next try or by the sweep). Raises DomainError as `begin`, or "refused".
    """
    attempt = begin(order, at=at)
    if attempt.state == PaymentAttempt.State.CREATED:
        attempt = open_page(attempt.pk, at=at)
        if attempt.state == PaymentAttempt.State.FAILED:
            raise DomainError("refused", gettext_lazy("The payment provider refused this payment. Please try again."))
    return attempt


def open_page(attempt_id: int, *, at: datetime) -> PaymentAttempt:
    """Make (or repeat, or look up) the provider call of an attempt that is still `created`."""
    attempt = PaymentAttempt.objects.select_related("order__fund__policy", "order__payer__user").get(pk=attempt_id)
    if attempt.state != PaymentAttempt.State.CREATED:
        return attempt
    first_call = attempt.called_at
    payable = attempt.order.state in UNPAID
    if first_call is None and not payable:
        return _resolve_dead(attempt, "the order ended before the provider was called", at=at)
    if first_call is None:
        # Committed before the call: an attempt without it was certainly never sent.
        PaymentAttempt.objects.filter(pk=attempt.pk, called_at=None).update(called_at=at)
        first_call = at
    try:
        if payable and at - first_call < KEY_LIVES:
            facts = _call(attempt)
        elif at - first_call < CLOCK_SKEW:
            # The order has ended: no page is opened for it any more, and the call may still be on its way.
            return attempt
        else:
            facts = gateway.find_session(
                attempt.pk, since=attempt.created_at - CLOCK_SKEW, until=first_call + timedelta(days=1) + CLOCK_SKEW
            )
    except gateway.ProviderUnreachable as error:
        PaymentAttempt.objects.filter(pk=attempt.pk).update(problem=str(error)[:500])
        attempt.refresh_from_db()
        return attempt
    except gateway.ProviderRefused as error:
        return _resolve_dead(attempt, str(error), at=at)
    if facts is None:
        return _resolve_dead(attempt, "nothing was found at the provider", at=at)
    with transaction.atomic():
        locks.lock_one(Order, attempt.order_id)
        fresh = locks.lock_one(PaymentAttempt, attempt.pk)
        if fresh.state == PaymentAttempt.State.CREATED:
            return ATTEMPT_STATES.move(
                fresh,
                PaymentAttempt.State.OPEN,
                at=at,
                session_id=facts.id,
                intent_id=facts.intent_id,
                url=facts.url,
                problem="",
            )
        return fresh


def _resolve_dead(attempt: PaymentAttempt, problem: str, *, at: datetime) -> PaymentAttempt:
    """The provider certainly holds nothing for this attempt."""
    with transaction.atomic():
        locks.lock_one(Order, attempt.order_id)
        fresh = locks.lock_one(PaymentAttempt, attempt.pk)
        if fresh.state == PaymentAttempt.State.CREATED:
            return ATTEMPT_STATES.move(
                fresh, PaymentAttempt.State.FAILED, at=at, resolved_at=at, problem=problem[:500], next_check_at=None
            )
        return fresh


def _call(attempt: PaymentAttempt) -> gateway.SessionFacts:
    """The same parameters each time, since the provider compares them under one key."""
    order = attempt.order
    with translation.override(order.language):
        name = order.fund.name_ja if order.language == "ja" else order.fund.name_en
        lines = [
            (_("%(fund)s: donation") % {"fund": name}, order.donation),
            (_("%(fund)s: investment") % {"fund": name}, order.investment),
            (_("%(fund)s: fee") % {"fund": name}, order.fee),
        ]
        back = settings.SITE_URL + reverse("investments:return", args=[order.reference])
        cancel = settings.SITE_URL + reverse("order", args=[order.reference])
    return gateway.create_session(
        key=attempt.idempotency_key,
        attempt_id=attempt.pk,
        order_reference=order.reference,
        method="konbini" if attempt.method == policy.KONBINI else "card",
        lines=[(text, amount) for text, amount in lines if amount],
        currency=attempt.currency,
        email=order.payer.user.email,
        language=order.language,
        expires_at=attempt.session_expires_at,
        konbini_days=order.fund.policy.konbini_days,
        return_url=back,
        cancel_url=cancel,
    )
