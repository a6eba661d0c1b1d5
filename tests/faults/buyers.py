"""Four buyers in one process, and a PostgreSQL of its own that is killed under them again and again.

`python -m tests.faults.buyers KILLS` prints one JSON object; `durable` and `relaxed` hold the counts and findings of
the kills with the server as it is, and of one with `synchronous_commit=off`. A buyer writes down each act that was
acknowledged; after a kill and the recovery every one of them must be there.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

BUYERS = 4
#: Units that one person may have of one fund; each buyer's next act uses the next person.
PERSONS = 400


class Town:
    """The buyers, what they were told, and the way to stop them all."""

    def __init__(self, funds: list[Any], persons: list[Any], chance: Any) -> None:
        self.funds, self.persons, self.chance = funds, persons, chance
        self.told: dict[str, set[str]] = {}
        self.refused: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        self.go, self.end = threading.Event(), threading.Event()
        self.parked = threading.Semaphore(0)
        self._mutex = threading.Lock()
        self._next = 0

    def note(self, token: str, outcome: str) -> None:
        """An act was acknowledged."""
        with self._mutex:
            self.told.setdefault(token, set()).add(outcome)
            self.counts[outcome] += 1

    def person(self) -> Any:
        """The next buyer."""
        with self._mutex:
            self._next += 1
            return self.persons[self._next % len(self.persons)]

    def buy(self, number: int) -> None:
        """Act until the server is gone, park, go on; until the end."""
        from django.db import Error, connection

        while not self.end.is_set():
            self.go.wait()
            try:
                while not self.end.is_set():
                    self._act(number)
            except Error:
                self.counts["unknown"] += 1
            except Exception as error:  # told to the test, which fails
                self.errors.append(f"{type(error).__name__}: {error}")
                self.end.set()
            finally:
                connection.close()
                self.go.clear()
                self.parked.release()

    def _act(self, number: int) -> None:
        """A reservation; then it is paid by card, cancelled, or left."""
        from investments.orders.models import Order
        from investments.payments import services as payments
        from investments.payments import settle
        from tests.faults import provider, world

        fund, person = self.funds[number], self.person()
        facts = {"fund": fund.pk, "investor": person.pk, "units": 1, "method": "card", "at": world.NOW.isoformat()}
        token = _token(self.chance, self._mutex)
        order = world.place_again({**facts, "token": token, "label": token})
        self.note(token, "placed")
        if number == 0:
            attempt = world.open_page(order)
            provider.pay(attempt)
            if settle.settle(attempt.pk, at=world.NOW).state == "succeeded":
                self.note(token, "paid")
        elif self.counts["placed"] % 3 == 0:
            order = payments.cancel_order(order, at=world.NOW, actor=None)
            assert order.state == Order.State.CANCELLED
            self.note(token, "cancelled")


def _token(chance: Any, mutex: threading.Lock) -> str:
    import uuid

    with mutex:
        return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def kill(cluster: Any) -> int:
    """SIGKILL to the postmaster and every process of its server; how many died."""
    from microfund.kernel.embedded import keeper

    postmaster, _state = keeper.postmaster_file(cluster.data_dir)
    assert keeper.is_postmaster(postmaster, cluster.data_dir), "there is no server to kill"
    pids = [postmaster, *(pid for pid in keeper.server_processes(cluster.data_dir) if pid != postmaster)]
    died = 0
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            died += 1
        except ProcessLookupError:
            continue  # ended by itself since the postmaster is gone
    return died


def lost(town: Town) -> list[str]:
    """Acknowledged acts that are not in the database."""
    from investments.orders.models import Order

    states = dict(Order.objects.values_list("form_token", "state"))
    found = {str(token): state for token, state in states.items()}
    missing = []
    for token, outcomes in town.told.items():
        state = found.get(token)
        wanted = "cancelled" if "cancelled" in outcomes else "paid" if "paid" in outcomes else None
        if state is None or (wanted and state != wanted):
            missing.append(f"{token}: told {sorted(outcomes)}, is {state}")
    return missing


def run(town: Town, cluster: Any, kills: int, chance: Any, judge: Callable[[], list[str]]) -> dict[str, Any]:
    """Kill `kills` times under load; counts and findings."""
    from django.db import connection

    from microfund.kernel.embedded import keeper

    town.told.clear()
    counts, missing, wrong = Counter[str](), [], []
    town.counts.clear()
    for number in range(kills):
        connection.ensure_connection()
        before, paid, postmaster = (
            town.counts["placed"],
            town.counts["paid"],
            keeper.postmaster_file(cluster.data_dir)[0],
        )
        town.go.set()
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and not town.errors:
            if town.counts["placed"] >= before + BUYERS and town.counts["paid"] > paid:
                break
            time.sleep(0.005)
        time.sleep(chance.uniform(0.05, 0.4))
        counts["processes"] += kill(cluster)
        for _buyer in range(BUYERS):
            town.parked.acquire()
        town.go.clear()
        if town.errors:
            break
        connection.close()
        connection.ensure_connection()
        counts["kills"] += keeper.postmaster_file(cluster.data_dir)[0] != postmaster
        missing += [f"kill {number + 1}: {line}" for line in lost(town)]
        for token in {line.split()[2].rstrip(":") for line in missing}:
            town.told.pop(token, None)
        wrong += [f"kill {number + 1}: {line}" for line in judge()]
    return {**town.counts, **counts, "lost": missing, "wrong": wrong + town.errors}


def _wait_until_relaxed() -> None:
    """Until a new backend does not wait for the disk, and a moment more for the WAL writer, which nobody can ask."""
    from django.db import connection

    deadline = time.monotonic() + 60
    while True:
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            if cursor.fetchone()[0] == "off":
                break
        assert time.monotonic() < deadline, "the server does not read its settings"
        time.sleep(0.02)
    connection.close()
    time.sleep(1)


def main(kills: int) -> None:
    """Make the server, its tables and its people, then kill."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from tests import make
    from tests.faults import books, provider, world
    from tests.faults.scale import SEED, rng

    call_command("migrate", verbosity=0)
    cluster: Any = connection.cluster  # type: ignore[attr-defined]
    chance = rng("postgres")
    with provider.running():
        provider.set_clock(world.NOW)
        funds = [world.make_fund(units_offered=19_000) for _buyer in range(BUYERS)]
        persons = [make.make_investor(at=world.NOW) for _person in range(PERSONS)]
        town = Town(funds, persons, chance)
        threads = [threading.Thread(target=town.buy, args=[number], daemon=True) for number in range(BUYERS)]
        for thread in threads:
            thread.start()

        def judge() -> list[str]:
            return [line for fund in funds for line in books.problems(fund.pk)]

        answer: dict[str, Any] = {"seed": SEED, "durable": run(town, cluster, kills, chance, judge)}
        try:
            books.verify_everything()
        except SystemExit as red:
            answer["durable"]["wrong"].append(f"verify_ledger: {red}")
        with connection.cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET synchronous_commit = off")
            cursor.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
            cursor.execute("SELECT pg_reload_conf()")
        _wait_until_relaxed()
        answer["relaxed"] = run(town, cluster, 1, chance, list)
        town.end.set()
        town.go.set()
        for thread in threads:
            thread.join(timeout=120)
    connection.close()
    cluster.stop()
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
