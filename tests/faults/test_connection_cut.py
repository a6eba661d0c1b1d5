"""Row 7 of the proofs: the connection to the database is cut before or after any statement, or after COMMIT and before
anybody is told.

What a client was told is read charitably: ok must have happened, failed must not have, unknown may be either. Then the
client does the same again, and there must be exactly one effect.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from django.db import Error, connection

from investments.ledger.models import Line
from investments.offerings.models import Fund
from investments.orders.models import Order
from investments.payments import services as payments
from investments.payments import settle
from investments.payments.models import PaymentAttempt
from microfund.kernel.errors import DomainError
from tests.faults import books, provider, world
from tests.faults.cases import repayment
from tests.faults.proxy import between
from tests.faults.scale import Tally, rng, rounds
from tests.sandbox_client import SandboxProcess

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

CUTS, AT_COMMIT = 250, 50
#: Rounds that share a fund.
SHARED = 50


@dataclass(frozen=True)
class Act:
    """One thing that a client does: what it needs, doing it (once or again), and how often it has happened."""

    prepare: Callable[[Fund], dict[str, Any]]
    do: Callable[[dict[str, Any]], Any]
    times: Callable[[dict[str, Any]], int]


def _form(fund: Fund) -> dict[str, Any]:
    return world.form(fund, units=1)


def _orders(facts: dict[str, Any]) -> int:
    return Order.objects.filter(investor_id=facts["investor"]).count()


def _paid_page(fund: Fund) -> dict[str, Any]:
    attempt = world.open_page(world.place(fund, units=1))
    provider.pay(attempt)
    return {"attempt": attempt.pk}


def _captures(facts: dict[str, Any]) -> int:
    """The money of an attempt stands in the journal as often as this."""
    attempt = PaymentAttempt.objects.get(pk=facts["attempt"])
    lines = Line.objects.filter(subject=f"order:{attempt.order_id}", account__code="psp_clearing", side="D")
    times = lines.count()
    assert (attempt.state == PaymentAttempt.State.SUCCEEDED) == bool(times), "state and journal differ"
    return times


def _reserved(fund: Fund) -> dict[str, Any]:
    return {"order": world.place(fund, units=1).pk}


def _cancel(facts: dict[str, Any]) -> None:
    payments.cancel_order(Order.objects.get(pk=facts["order"]), at=world.NOW + timedelta(minutes=1), actor=None)


def _cancelled(facts: dict[str, Any]) -> int:
    return Order.objects.filter(pk=facts["order"], state=Order.State.CANCELLED).count()


ACTS = {
    "place": Act(_form, world.place_again, _orders),
    "settle": Act(_paid_page, lambda facts: settle.settle(facts["attempt"], at=world.NOW), _captures),
    "cancel": Act(_reserved, _cancel, _cancelled),
}


def outcome_of(act: Act, facts: dict[str, Any]) -> str:
    """What the client was told."""
    try:
        act.do(facts)
    except DomainError:
        return "failed"
    except Error:
        return "unknown"
    finally:
        connection.close()
    return "ok"


def judged(name: str, act: Act, facts: dict[str, Any], told: str) -> list[str]:
    """What was told against what is there; then the same again."""
    times = act.times(facts)
    wrong = []
    if times > 1 or (told == "ok" and times != 1) or (told == "failed" and times):
        wrong.append(f"{name}: told {told}, happened {times} times")
    again = outcome_of(act, facts)
    if again != "ok" or act.times(facts) != 1:
        wrong.append(f"{name}: told {told}, then {again}, happened {act.times(facts)} times")
    return wrong


@contextmanager
def cut(at: int, after: bool, tally: Tally) -> Iterator[list[int]]:
    """The backend is terminated before (or after) statement number `at` of the block; yields a count of statements."""
    params = connection.get_connection_params()
    params.pop("cursor_factory", None)
    side = psycopg2.connect(**params)
    side.autocommit = True
    statements = [0]

    def terminate() -> None:
        with side.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 120000)", [connection.connection.info.backend_pid])
            assert cursor.fetchone()[0], "the backend outlives its end"
        tally.add("cuts")

    def execute(do: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        statements[0] += 1
        if statements[0] != at:
            return do(sql, params, many, context)
        if not after:
            terminate()
            return do(sql, params, many, context)
        answer = do(sql, params, many, context)
        terminate()
        return answer

    try:
        with connection.execute_wrapper(execute):
            yield statements
    finally:
        side.close()


def make_fund() -> Fund:
    """Units for many rounds."""
    return world.make_fund(units_offered=10 * SHARED)


def test_a_cut_connection_leaves_exactly_one_effect(sandbox: SandboxProcess) -> None:
    """domain.md section 4.1."""
    tally, chance, wrong, funds = Tally("7 connection cut"), rng("cuts"), [], []
    lengths = {name: _length(act) for name, act in ACTS.items()}
    for number in rounds(short=CUTS, long=8_000):
        if number % SHARED == 0:
            funds.append(make_fund())
        name = _chosen(chance)
        facts = ACTS[name].prepare(funds[-1])
        connection.ensure_connection()
        with cut(chance.randint(1, lengths[name]), chance.random() < 0.5, tally):
            told = outcome_of(ACTS[name], facts)
        tally.add(told)
        wrong += judged(name, ACTS[name], facts, told)
    wrong += [line for fund in funds for line in books.problems(fund.pk)]
    assert not wrong, "\n".join(wrong)
    tally.require("cuts", CUTS)
    tally.require("unknown", CUTS // 2)
    tally.show(statements=lengths)
    books.verify_everything()


def _length(act: Act) -> int:
    """The statements of an act on a fund that this process knows already."""
    fund = make_fund()
    act.do(act.prepare(fund))
    facts = act.prepare(fund)
    connection.ensure_connection()
    with cut(0, False, Tally("none")) as statements:
        assert outcome_of(act, facts) == "ok"
    return statements[0]


def _chosen(chance: random.Random) -> str:
    return chance.choices(["place", "settle", "cancel"], weights=[3, 1, 1])[0]


def test_an_eaten_answer_to_commit_leaves_exactly_one_effect(sandbox: SandboxProcess) -> None:
    """The server has committed; the client does not know, and does the same again."""
    tally, chance, wrong, funds = Tally("7 answer to COMMIT eaten"), rng("commits"), [], []
    for number in rounds(short=AT_COMMIT, long=2_000):
        if number % SHARED == 0:
            funds.append(make_fund())
        name = _chosen(chance)
        facts = ACTS[name].prepare(funds[-1])
        with between() as proxy:
            connection.ensure_connection()
            proxy.hungry.set()
            told = outcome_of(ACTS[name], facts)
        tally.add("eaten", proxy.eaten)
        tally.add(told)
        wrong += judged(name, ACTS[name], facts, told)
    wrong += [line for fund in funds for line in books.problems(fund.pk)]
    assert not wrong, "\n".join(wrong)
    tally.require("eaten", AT_COMMIT)
    tally.require("unknown", AT_COMMIT // 2)
    tally.show()
    books.verify_everything()


def test_an_eaten_answer_to_any_commit_of_a_payday_leaves_what_an_undisturbed_one_does(sandbox: SandboxProcess) -> None:
    """Every act of a payday: its answer is eaten, then the same person does it again."""
    tally, wrong = Tally("7 payday, answer to COMMIT eaten"), []
    for name, case in repayment.CASES.items():
        case.act(expected_of := case.prepare())
        expected = case.finish(expected_of)
        context = case.prepare()
        told = "ok"
        with between() as proxy:
            connection.ensure_connection()
            proxy.hungry.set()
            try:
                case.act(context)
            except (
                Error,
                AssertionError,
            ):  # a sweep keeps the error, and `world.sweep` then asserts that there was none
                told = "unknown"
        tally.add("eaten", proxy.eaten)
        tally.add(told)
        case.act(context)
        found = books.difference(expected, case.finish(context))
        wrong += [f"{name}, told {told}:\n{found}"] if found else []
        wrong += books.problems(context["fund"])
    assert not wrong, "\n".join(wrong)
    tally.require("eaten", len(repayment.CASES))
    tally.require("unknown", len(repayment.CASES) - 2)
    tally.show()
    books.verify_everything()


def test_control_without_the_unique_form_token_the_retry_is_a_second_order(sandbox: SandboxProcess) -> None:
    """The same cut, with the unique key of the form dropped."""
    doubled, act, fund = 0, ACTS["place"], make_fund()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'investments_order'::regclass AND contype = 'u'"
            " AND pg_get_constraintdef(oid) = 'UNIQUE (form_token)'"
        )
        name = cursor.fetchone()[0]
        cursor.execute(f"ALTER TABLE investments_order DROP CONSTRAINT {name}")
    try:
        for _round in range(5):
            facts = act.prepare(fund)
            with between() as proxy:
                connection.ensure_connection()
                proxy.hungry.set()
                outcome_of(act, facts)
            assert proxy.eaten == 1
            doubled += bool(judged("place", act, facts, "unknown"))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE investments_order SET form_token = gen_random_uuid()")
            cursor.execute(f"ALTER TABLE investments_order ADD CONSTRAINT {name} UNIQUE (form_token)")
    print(f"\n  without the unique form token: {doubled} of 5 retries made a second order")
    assert doubled >= 1
