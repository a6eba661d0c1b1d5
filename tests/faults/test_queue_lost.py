"""Row 9 of the proofs: the broker is emptied, away or repeats itself, and beats and sweeps come all at once.

The broker only makes things soon: what it loses is found by the sweeps within two rounds. Each run is compared with one
in which nothing was lost.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection

from investments.offerings.models import Fund
from investments.orders.models import Order
from investments.payments import services as payments
from investments.payments import webhook
from microfund.celery import app as site
from microfund.kernel import clock, jobs
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox.models import Event
from microfund.kernel.schedule import services as schedule
from tests import make
from tests.architecture import code
from tests.faults import books, provider, world
from tests.faults.broker import Queue, no_broker, queue
from tests.faults.scale import Tally, rng, rounds
from tests.sandbox_client import SandboxProcess

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

#: How often the broker is emptied in the short set.
POINTS = 20
#: What runs every minute and carries what the queue would have carried, in its order.
SWEEPS = (*world.SWEEPS, "outbox.dispatch", "notices.send")


@pytest.fixture
def waiting(sandbox: SandboxProcess, tmp_path: Path) -> Iterator[Queue]:
    """The house's own broker of files."""
    with queue(tmp_path) as found:
        yield found


def story(worker: Queue | None, *, times: int = 1, empty_before: int = 0) -> Fund:
    """Two orders are paid, told of by webhook, then cancelled and refunded; a worker follows after every step."""
    provider.set_clock(world.NOW)
    # A fund without a minimum succeeds when it opens, and who is written of it depends on the time of the letter.
    fund = world.make_fund(units_minimum=9)
    staff = make.make_user(is_staff=True)

    def work() -> None:
        if worker is not None:
            worker.work(at=world.NOW, times=times, empty_before=empty_before)

    placed = [world.place(fund, label, units=2) for label in "AB"]
    for order in placed:
        attempt = world.open_page(order)
        provider.pay(attempt)
        for event in provider.events_of(attempt.session_id or ""):
            if event["type"] == "checkout.session.completed":
                webhook.receive(*provider.signed(event), at=world.NOW)
        work()
    # A staff member sees the money before they act: when its message was lost, a sweep has been there first.
    if not all(Order.objects.filter(pk=order.pk, state=Order.State.PAID).exists() for order in placed):
        world.sweeps(["payments.webhooks"], at=world.NOW + timedelta(minutes=2), times=1)
        work()
    payments.cancel_order(placed[0], at=world.NOW, actor=placed[0].investor.user)
    work()
    payments.refund_by_staff(placed[1], at=world.NOW, actor=staff, reason="asked for by letter")
    work()
    return fund


def two_sweeps(names: tuple[str, ...] = SWEEPS, *, at: object = None) -> None:
    """The minute's sweeps, twice; `outbox.dispatch` and `notices.send` see the clock of the machine."""
    at = at or world.NOW + timedelta(minutes=20)
    for _round in range(2):
        for name in (found.name for found in schedule.sweeps() if found.name in names):
            world.sweep(name, at=at)  # type: ignore[arg-type]


def state_of(fund: Fund) -> books.State:
    """The fund's rows, and what its people were written."""
    state = books.state_of(fund.pk)
    people = Order.objects.filter(fund=fund).values_list("investor__user_id", "supporter_message")
    letters = []
    for user, label in people:
        found = Notice.objects.filter(user_id=user).order_by("key").values_list("kind", "state", "attempts")
        letters += [f"{label} {kind} {sent} {attempts}" for kind, sent, attempts in found]
    return {**state, "letters": sorted(letters)}


def stuck(fund: Fund) -> list[str]:
    """Events and letters that are not done."""
    return [
        *[f"event {e.key}" for e in Event.objects.filter(done_at=None)],
        *[f"letter {n.key}" for n in Notice.objects.exclude(state=Notice.State.SENT)],
        *books.problems(fund.pk),
    ]


def expected_of(worker: Queue) -> tuple[books.State, int]:
    """The state after a story in which nothing was lost, and how many messages it took."""
    before = worker.handled
    fund = story(worker)
    messages = worker.handled - before
    two_sweeps()
    assert not stuck(fund), stuck(fund)
    worker.handled = 0
    return state_of(fund), messages


def test_the_worker_knows_every_task_that_is_asked_for() -> None:
    """An unknown task is thrown away by the worker: its work would always wait for a sweep."""
    site.loader.import_default_modules()
    asked = set()
    for path in code.files(*code.PRODUCT):
        asked |= set(re.findall(r"\bsend_soon\(\s*\"([\w.]+)\"", path.read_text(encoding="utf-8")))
    assert len(asked) >= 4 and asked <= set(site.tasks), asked - set(site.tasks)


def test_what_an_emptied_broker_lost_is_done_within_two_sweeps(waiting: Queue) -> None:
    """architecture.md section 2."""
    tally, wrong, chance = Tally("9 queue emptied"), [], rng("queue")
    expected, messages = expected_of(waiting)
    assert messages >= POINTS // 2, f"the story took {messages} messages"
    for number in rounds(short=POINTS, long=2_000):
        point = number % messages + 1 if number < POINTS else chance.randint(1, messages)
        waiting.handled, before = 0, waiting.lost
        # Every second time each message comes twice as well, so that another one is the last to survive.
        fund = story(waiting, times=1 + number // messages % 2, empty_before=point)
        tally.add("points", waiting.lost > before)
        two_sweeps()
        wrong += [f"emptied before message {point}: {line}" for line in stuck(fund)]
        if difference := books.difference(expected, state_of(fund)):
            wrong.append(f"emptied before message {point}:\n{difference}")
    assert not wrong, "\n".join(wrong)
    tally.require("points", POINTS)
    tally.show(messages=messages, lost=waiting.lost, state=books.state_hash(expected))
    books.verify_everything()


def test_control_without_the_sweep_of_the_outbox_something_is_lost(waiting: Queue) -> None:
    """The same losses, with that one sweep switched off."""
    expected, messages = expected_of(waiting)
    lost = 0
    for point in range(1, messages + 1, 2):
        waiting.handled = 0
        fund = story(waiting, empty_before=point)
        two_sweeps(tuple(name for name in SWEEPS if name != "outbox.dispatch"))
        lost += bool(stuck(fund) or books.difference(expected, state_of(fund)))
    print(f"\n  without outbox.dispatch: red at {lost} of {(messages + 1) // 2} points")
    assert lost >= 1


def _seconds(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def test_a_broker_that_is_away_for_a_day_loses_nothing(waiting: Queue) -> None:
    """Nothing runs for a day, since beat speaks through the broker too; reservations run out meanwhile."""
    tally = Tally("9 broker away")
    expected, messages = expected_of(waiting)
    away = []
    with no_broker(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs.log, "warning", lambda *words, **facts: away.append(facts["task"]))
        fund = story(None)
        took = [_seconds(lambda: jobs.send_soon("outbox.dispatch")) for _time in range(3)]
        assert min(took) < 2, f"a broker that is away holds up whoever asks for something: {took}"
    later = world.NOW + timedelta(days=1)
    provider.set_clock(later)
    two_sweeps(at=later)
    tally.add("messages refused", len(away))
    assert not stuck(fund), stuck(fund)
    assert not books.difference(expected, state_of(fund)), books.difference(expected, state_of(fund))
    tally.require("messages refused", 6)
    tally.show()
    books.verify_everything()


def test_each_message_three_times_has_one_effect(waiting: Queue) -> None:
    """domain.md section 4.3: every trigger may come again."""
    tally = Tally("9 messages thrice")
    expected, messages = expected_of(waiting)
    fund = story(waiting, times=3)
    tally.add("messages", waiting.handled)
    two_sweeps()
    assert not stuck(fund), stuck(fund)
    assert not books.difference(expected, state_of(fund)), books.difference(expected, state_of(fund))
    tally.require("messages", messages)
    tally.show()


@pytest.mark.redis
def test_redis_emptied_and_repeating_itself(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """The same with the broker of a real site."""
    url = os.environ.get("REDIS_TEST_URL")
    if not url:
        pytest.skip("no Redis: set REDIS_TEST_URL")
    tally = Tally("9 redis")
    with queue(tmp_path, url) as waiting:
        expected, messages = expected_of(waiting)
        for point, times in ((1, 1), (messages // 2, 1), (messages, 1), (0, 3)):
            waiting.handled, before = 0, waiting.lost
            fund = story(waiting, times=times, empty_before=point)
            tally.add("emptied", waiting.lost > before)
            two_sweeps()
            assert not stuck(fund), stuck(fund)
            assert not books.difference(expected, state_of(fund)), books.difference(expected, state_of(fund))
    tally.require("emptied", 3)
    tally.show(messages=messages)


# --- Two beats and eight sweeps at once -------------------------------------------------------------------------


def due_fund() -> Fund:
    """Something for every sweep of one evening: paid and not told, run out, past cooling-off, to be refunded."""
    provider.set_clock(world.NOW)
    fund = world.make_fund()
    provider.pay(world.open_page(world.place(fund, "paid, not told", units=1)))
    world.place(fund, "run out", units=1)
    world.open_page(world.place(fund, "run out on the page", units=1))
    for label in ("confirm 1", "confirm 2"):
        world.paid(fund, label, units=1)
    cancelled = world.paid(fund, "cancelled", units=1)
    payments.cancel_order(cancelled, at=world.NOW, actor=cancelled.investor.user)
    provider.set_clock(world.COOLED)
    return fund


def test_two_beats_and_eight_sweeps_at_once_have_one_effect_each(waiting: Queue) -> None:
    """Two beats ask for the minute's sweeps eight times, and eight workers begin at the same moment."""
    tally, wrong = Tally("9 sweeps at once"), []
    on = clock.today_in(None, world.COOLED)
    calm = due_fund()
    for _time in range(2):
        schedule.run_due(on=on, cadences=["minute", "hour"])
    expected = state_of(calm)
    for _round in rounds(short=3, long=500):
        fund = due_fund()
        jobs.send_soon("outbox.dispatch")
        for _beat in range(2):
            for _minute in range(4):
                jobs.send_soon("schedule.run_due", "minute")
        asked = 0
        while (message := waiting.take()) is not None:
            asked += message[0] == "schedule.run_due"
        wrong += at_once(asked, on)
        tally.add("sweeps", asked)
        schedule.run_due(on=on, cadences=["minute", "hour"])
        wrong += stuck(fund)
        if difference := books.difference(expected, state_of(fund)):
            wrong.append(difference)
        if difference := books.difference(expected, state_of(calm)):
            wrong.append(f"done before, and again:\n{difference}")
    assert not wrong, "\n".join(wrong)
    tally.require("sweeps", 24)
    tally.show(state=books.state_hash(expected))
    books.verify_everything()


def at_once(number: int, on: object) -> list[str]:
    """`number` workers run all sweeps at the same moment; what they met."""
    start, wrong = threading.Barrier(number, timeout=120), []

    def run() -> None:
        try:
            start.wait()
            results = schedule.run_due(on=on, cadences=["minute", "hour"])  # type: ignore[arg-type]
            wrong.extend(f"{name}: {error}" for name, (_counts, error) in results.items() if error)
        except BaseException as error:  # told to the test, which fails
            wrong.append(f"{type(error).__name__}: {error}")
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _n in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong
