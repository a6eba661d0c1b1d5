"""Row 3 of the proofs: a call that moves money ends in every way a call can end, and is tried again after a second,
after 25 hours (the provider has forgotten the key) and after 31 days. Nobody is charged or refunded twice, and nobody's
money stays at the provider without an order.

The payer is the worst one: pays every page that is open at the provider, whether we know of it or not.
"""

from __future__ import annotations

import inspect
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from django.db import transaction
from django.test import override_settings

from investments.offerings.models import Fund
from investments.orders.models import UNPAID, Order
from investments.payments import checkout, gateway, refund
from investments.payments import services as payments
from investments.payments.models import PaymentAttempt, Refund
from microfund.kernel.errors import DomainError
from tests.faults import books, provider, world
from tests.faults.scale import Tally
from tests.sandbox_client import SandboxProcess

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

#: Our client gives up the spoiled call after this many seconds, and every other one only when something is wrong.
PATIENCE, PATIENT = 1, 120
KINDS = {
    "timeout_before": 30.0,
    "timeout_after": 30.0,
    "reset_before": 0.0,
    "reset_after": 0.0,
    "429": 0.0,
    "500": 0.0,
    "500_after": 0.0,
    "500_stored": 0.0,
    "slow": PATIENCE + 0.3,
}
DELAYS = {"1 s": timedelta(seconds=1), "25 h": timedelta(hours=25), "31 d": timedelta(days=31)}
CALLS = {
    "create_session": "POST /v1/checkout/sessions",
    "create_refund": "POST /v1/refunds",
    "expire_session": "POST /v1/checkout/sessions/*/expire",
}


_GATEWAY_CALL = re.compile(r'"(\w+)",\s*lambda client[^:]*: client\.v1\.[\w.]+?\.(\w+)\(')


def test_every_call_that_changes_something_at_the_provider_is_spoiled_here() -> None:
    called = _GATEWAY_CALL.findall(inspect.getsource(gateway))
    assert len(called) >= 10
    assert {name for name, verb in called if verb not in ("retrieve", "list")} == set(CALLS)


#: The calls that are to be given up soon, once each.
_hasty: set[str] = set()


@pytest.fixture(autouse=True)
def impatient(sandbox: SandboxProcess) -> Iterator[None]:
    """Wait a second for the provider where it was told to be silent."""
    real = gateway._call

    def call(name: str, act: Callable[[Any], Any]) -> Any:
        seconds = PATIENCE if name in _hasty else PATIENT
        _hasty.discard(name)
        with override_settings(STRIPE_TIMEOUT_SECONDS=seconds):
            return real(name, act)

    _hasty.clear()
    with mock.patch.object(gateway, "_call", call):
        yield


def pay_whatever_is_open(order: Order) -> None:
    """The payer pays every page of this order that the provider still shows."""
    for session in provider.sessions_of(order.reference):
        if session["status"] == "open":
            provider.control("pay", session=session["id"])


def spoil(call: str, kind: str) -> None:
    _hasty.clear()
    if KINDS[kind]:
        _hasty.add(call)
    provider.control("faults", faults=[{"match": CALLS[call], "kind": kind, "seconds": KINDS[kind]}])


def fired_by_now() -> int:
    """How many faults really happened; a slow answer counts once it is given, which is after we stopped waiting."""
    deadline = time.monotonic() + PATIENT
    while not provider.ask("faults")["fired"] and time.monotonic() < deadline:
        time.sleep(0.02)
    return provider.forget_faults()["fired"]


def try_to_pay(order: Order, *, at: datetime) -> None:
    """The visitor presses the button; a refusal is an answer too."""
    order.refresh_from_db()
    if order.state in UNPAID:
        try:
            payments.start_payment(order, at=at)
        except DomainError as refusal:
            assert refusal.code in ("wrong_state", "extensions", "refused"), refusal.code


def first_try(call: str, fund: Fund) -> Order:
    """Come to the call and make it."""
    if call == "create_refund":
        order = world.paid(fund)
        payments.cancel_order(order, at=world.NOW, actor=order.investor.user)
        refund.send(order.refunds.get().pk, at=world.NOW)
        return order
    order = world.place(fund)
    try_to_pay(order, at=world.NOW)
    if call == "expire_session":
        payments.cancel_order(order, at=world.NOW, actor=order.investor.user)
    return order


def play(call: str, kind: str, delay: timedelta, fund: Fund) -> tuple[Order, int]:
    """The call, spoiled; the next try after `delay`; a day more. Answers the order and how many faults fired."""
    provider.set_clock(world.NOW)
    spoil(call, kind)
    order = first_try(call, fund)
    fired = fired_by_now()
    pay_whatever_is_open(order)
    for at in (world.NOW + delay, world.NOW + delay + timedelta(minutes=2), world.NOW + delay + timedelta(hours=26)):
        provider.set_clock(at)
        if call == "create_session":
            try_to_pay(order, at=at)
        pay_whatever_is_open(order)
        world.sweeps(["payments.reconcile", "payments.expire", "payments.refunds"], at=at)
    order.refresh_from_db()
    return order, fired


def judge(order: Order) -> list[str]:
    """What is wrong with the money of one order, here and at the provider."""
    charges = provider.charges_of(order.reference)
    taken = sum(row["captured"] for row in charges)
    returned = sum(row["refunded"] for row in charges)
    here = sum(order.attempts.values_list("captured", flat=True))
    wrong = []
    if len(charges) > 1:
        wrong.append(f"charged {len(charges)} times")
    if here != taken:
        wrong.append(f"the provider took {taken}, we know of {here}")
    sold = order.state in (Order.State.PAID, Order.State.CONFIRMED)
    owed = sum(order.refunds.filter(state=Refund.State.FAILED).values_list("amount", flat=True))
    if taken - returned - owed != (order.total if sold else 0):
        wrong.append(f"order {order.state}: took {taken}, returned {returned}, to be paid by bank {owed}")
    for row in order.refunds.all():
        there = provider.refunds_of(row.attempt.intent_id or "")
        if len(there) > 1 or (there and row.state != Refund.State.SUCCEEDED):
            wrong.append(f"{len(there)} refunds at the provider, ours is {row.state}")
    return wrong


@pytest.mark.parametrize("call", CALLS)
def test_no_answer_of_the_provider_charges_or_refunds_anyone_twice(call: str) -> None:
    tally, wrong = Tally(f"3 double charge, {call}"), []
    fund = world.make_fund(units_offered=1_000)
    for kind in KINDS:
        for name, delay in DELAYS.items():
            order, fired = play(call, kind, delay, fund)
            tally.add("calls")
            tally.add("faults", fired)
            wrong += [f"{kind}, {name}: {text}" for text in judge(order)]
    wrong += books.problems(fund.pk)
    assert not wrong, "\n".join(wrong)
    tally.require("faults", len(KINDS) * len(DELAYS))
    tally.show()
    books.verify_everything()


@contextmanager
def _random_keys() -> Iterator[None]:
    """Each try has a key of its own."""
    key = property(lambda self: str(uuid.uuid4()))
    with mock.patch.object(PaymentAttempt, "idempotency_key", key), mock.patch.object(Refund, "idempotency_key", key):
        yield


@contextmanager
def _no_look_up() -> Iterator[None]:
    """The key is repeated for ever, though the provider forgets it after a day."""
    long = timedelta(days=400)
    with mock.patch.object(checkout, "KEY_LIVES", long), mock.patch.object(refund, "KEY_LIVES", long):
        yield


@pytest.mark.parametrize(
    ("guard", "call", "kind", "delay"),
    [
        (_random_keys, "create_session", "timeout_after", "1 s"),
        (_no_look_up, "create_session", "reset_after", "25 h"),
        (_no_look_up, "create_refund", "reset_after", "25 h"),
    ],
    ids=["random keys", "no look-up of a session", "no look-up of a refund"],
)
def test_control_without_the_guard_money_is_wrong(guard: Callable[[], Any], call: str, kind: str, delay: str) -> None:
    fund = world.make_fund(units_offered=100)
    with guard():
        order, fired = play(call, kind, DELAYS[delay], fund)
    assert fired == 1
    found = judge(order)
    print(f"\n  {guard.__name__}, {call}: {found}")
    assert found


def test_the_provider_is_never_called_inside_a_transaction(sandbox: SandboxProcess) -> None:
    """The single door refuses it (and every case of these proofs has gone through that door)."""
    fund = world.make_fund()
    attempt = world.open_page(world.place(fund))
    with pytest.raises(RuntimeError, match="inside a transaction"), transaction.atomic():
        gateway.get_session(attempt.session_id or "")
