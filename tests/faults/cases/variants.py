"""The code with one guard taken out, for the negative controls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest import mock

from django.db import transaction

from investments.orders.models import Order
from investments.payments import postings
from investments.payments.models import PaymentAttempt


@contextmanager
def variant(name: str) -> Iterator[None]:
    """The code with one guard taken out; the empty name is the code as it is."""
    with _VARIANTS[name]():
        yield


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def _posting_outside() -> Iterator[None]:
    """The journal is written after the commit that marks the attempt as paid."""
    post = postings.payment_received

    def later(attempt: PaymentAttempt, order: Order, *, at: datetime) -> None:
        transaction.on_commit(lambda: post(attempt, order, at=at))

    with mock.patch.object(postings, "payment_received", later):
        yield


@contextmanager
def _event_outside() -> Iterator[None]:
    """The confirmation is announced after its commit, as a signal would."""
    from investments.orders import services as orders

    publish = orders.publish

    def later(event: Any, *, key: str, at: datetime) -> None:
        transaction.on_commit(lambda: publish(event, key=key, at=at))

    with mock.patch.object(orders, "publish", later):
        yield


@contextmanager
def _sending_outside() -> Iterator[None]:
    """A run's money leaves the books after the commit that marks the run as sent."""
    from investments.payouts import services as payouts

    post = payouts._post_sent

    def later(*values: Any, at: datetime) -> None:
        transaction.on_commit(lambda: post(*values, at=at))

    with mock.patch.object(payouts, "_post_sent", later):
        yield


_VARIANTS: dict[str, Callable[[], Any]] = {
    "": _as_it_is,
    "posting outside": _posting_outside,
    "event outside": _event_outside,
    "sending outside": _sending_outside,
}
