"""Four workers take the same orders in opposite order, through cancelling, settling, confirming and refunding.

Locks are taken in one declared order, so nobody waits in a circle; whoever comes second finds the order changed and is
told so. The control takes two of these locks the wrong way round.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction

from investments.offerings.models import Fund
from investments.orders import services as orders
from investments.orders.models import Order
from investments.payments import services as payments
from investments.payments import settle
from investments.payments.models import PaymentAttempt
from microfund.kernel.errors import DomainError
from tests import make
from tests.faults import books, provider, world
from tests.faults.scale import Tally, rng, rounds
from tests.sandbox_client import SandboxProcess

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

ORDERS = 12
LATER = world.NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def sandbox() -> Iterator[SandboxProcess]:
    """The provider, its clock standing still at the present of the proofs."""
    with provider.running() as process:
        provider.set_clock(world.NOW)
        yield process


def in_threads(*works: Callable[[], None]) -> list[str]:
    """Do all of it at the same moment; what was raised."""
    start, wrong = threading.Barrier(len(works), timeout=120), []

    def run(work: Callable[[], None]) -> None:
        try:
            start.wait()
            work()
        except BaseException as error:  # told to the test
            wrong.append(f"{type(error).__name__}: {error}")
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def shared_orders() -> tuple[Fund, list[Order]]:
    """Orders of three persons in one fund; every second one is paid, the others only at the provider."""
    provider.set_clock(world.NOW)
    fund = world.make_fund(units_offered=2 * ORDERS)
    persons = [make.make_investor(at=world.NOW) for _person in range(3)]
    made = []
    for number in range(ORDERS):
        order = world.place(fund, f"{number:02}", investor=persons[number % 3])
        attempt = world.open_page(order)
        provider.pay(attempt)
        if number % 2:
            settle.settle(attempt.pk, at=world.NOW)
        made.append(order)
    return fund, made


def each(counts: Counter[str], name: str, rows: Sequence[int], act: Callable[[int], object]) -> Callable[[], None]:
    """Do one act with all rows; a refusal is an answer, anything else is raised."""

    def work() -> None:
        for pk in rows:
            try:
                counts[name] += bool(act(pk))
            except DomainError:
                counts["refused"] += 1

    return work


def test_opposite_orders_of_the_same_rows_never_deadlock() -> None:
    """architecture.md section 3."""
    tally, chance, wrong = Tally("lock order"), rng("lock order"), []
    staff = make.make_user(is_staff=True)
    for _round in rounds(short=6, long=1_000):
        fund, made = shared_orders()
        pks = [order.pk for order in made]
        attempts = dict(PaymentAttempt.objects.filter(order_id__in=pks).values_list("order_id", "pk"))
        shuffled = chance.sample(pks, len(pks))

        def cancel(pk: int) -> object:
            return payments.cancel_order(Order.objects.get(pk=pk), at=LATER, actor=None)

        def settle_one(pk: int, attempts: dict[int, int] = attempts) -> object:
            return settle.settle(attempts[pk], at=LATER)

        def confirm(pk: int) -> object:
            cleared = orders.clear_order(pk, at=world.COOLED)
            return orders.confirm_order(pk, at=world.COOLED) or cleared

        def give_back(pk: int) -> object:
            order = Order.objects.get(pk=pk)
            return payments.refund_by_staff(order, at=LATER, actor=staff, reason="asked for by letter")

        counts: Counter[str] = Counter()
        wrong += in_threads(
            each(counts, "cancelled", pks, cancel),
            each(counts, "settled", pks[::-1], settle_one),
            each(counts, "confirmed", shuffled, confirm),
            each(counts, "given back", shuffled[::-1], give_back),
        )
        for name, number in counts.items():
            tally.add(name, number)
        tally.add("orders", len(pks))
        world.sweeps(["payments.reconcile", "payments.refunds"], at=LATER + timedelta(hours=2))
        wrong += books.problems(fund.pk)
        open_ones = Order.objects.filter(pk__in=pks, state__in=["reserved", "awaiting_payment"])
        wrong += [f"order {pk} is still open" for pk in open_ones.values_list("pk", flat=True)]
    assert not wrong, "\n".join(wrong)
    tally.require("orders", 6 * ORDERS)
    tally.require("refused", 1)
    for name in ("cancelled", "settled", "given back"):
        tally.require(name, 1)
    tally.show()
    books.verify_everything()


#: Locks of the other worker's tests are on the same server. The locks themselves: what pg_stat_activity says stays the
#: same within a transaction, and whoever came after its first look is never seen.
_WAITS_FOR_ME = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def test_control_two_locks_the_wrong_way_round_deadlock() -> None:
    """The fund's counter before the order, while a cancellation comes the declared way."""
    fund = world.make_fund()
    order = world.paid(fund)
    taken = threading.Event()

    def wrong_way() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM investments_fundcounter WHERE fund_id = %s FOR UPDATE", [fund.pk])
            taken.set()
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline:
                cursor.execute(_WAITS_FOR_ME)
                if cursor.fetchone()[0]:
                    break
                time.sleep(0.01)
            cursor.execute("SELECT 1 FROM investments_order WHERE id = %s FOR UPDATE", [order.pk])

    def declared_way() -> None:
        assert taken.wait(120)
        payments.cancel_order(order, at=LATER, actor=None)

    wrong = in_threads(wrong_way, declared_way)
    print(f"\n  the wrong way round: {wrong}")
    assert len(wrong) == 1 and wrong[0].startswith(OperationalError.__name__) and "deadlock" in wrong[0]
