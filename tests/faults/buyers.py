"""A town in one process, and a PostgreSQL of its own that is killed under it again and again: four buyers, and the
desks of a payday (`payday.py`).

`python -m tests.faults.buyers KILLS` prints one JSON object; `durable` and `relaxed` hold the counts and findings of
the kills with the server as it is, and of one with `synchronous_commit=off`. Whoever acts writes down each act that was
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
#: What must have been acknowledged between two kills.
BETWEEN_KILLS = {"placed": BUYERS, "paid": 1, "approved": 1, "received": 1, "sent": 1}


class Town:
    """Everybody who acts, what they were told, and the way to stop them all."""

    def __init__(self) -> None:
        self.told: dict[str, set[str]] = {}
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []
        self.go, self.end = threading.Event(), threading.Event()
        self.parked = threading.Semaphore(0)
        self.threads: list[threading.Thread] = []
        self.mutex = threading.Lock()

    def note(self, token: str, outcome: str) -> None:
        """An act was acknowledged."""
        with self.mutex:
            self.told.setdefault(token, set()).add(outcome)
            self.counts[outcome] += 1

    def employ(self, act: Callable[[], None]) -> None:
        """One more who does this again and again."""
        self.threads.append(threading.Thread(target=self._work, args=[act], daemon=True))
        self.threads[-1].start()

    def _work(self, act: Callable[[], None]) -> None:
        """Act until the server is gone, park, go on; until the end. Whoever did not notice that it was gone (a sweep
        goes on after an error) parks after the act under way."""
        from django.db import Error, connection

        while not self.end.is_set():
            self.go.wait()
            try:
                while self.go.is_set() and not self.end.is_set():
                    act()
            except Error:
                self.counts["unknown"] += 1
            except Exception as error:  # told to the test, which fails
                self.errors.append(f"{type(error).__name__}: {error}")
                self.end.set()
            finally:
                connection.close()
                self.go.clear()
                self.parked.release()

    def close(self) -> None:
        """Let everybody go home."""
        self.end.set()
        self.go.set()
        for thread in self.threads:
            thread.join(timeout=120)


class Buyers:
    """Four people at the last step of the flow, each in a fund of their own."""

    def __init__(self, town: Town, chance: Any) -> None:
        from tests import make
        from tests.faults import world

        self.town, self.chance = town, chance
        self.funds = [world.make_fund(units_offered=19_000) for _buyer in range(BUYERS)]
        self.persons = [make.make_investor(at=world.NOW) for _person in range(PERSONS)]
        self._next = 0
        for number in range(BUYERS):
            town.employ(lambda number=number: self._act(number))  # type: ignore[misc]

    def stock(self) -> None:
        """There are units enough."""

    def _turn(self) -> tuple[Any, str]:
        """The next person, and a token for the form."""
        import uuid

        with self.town.mutex:
            self._next += 1
            token = uuid.UUID(int=self.chance.getrandbits(128), version=4)
            return self.persons[self._next % len(self.persons)], str(token)

    def _act(self, number: int) -> None:
        """A reservation; then it is paid by card, cancelled, or left."""
        from investments.orders.models import Order
        from investments.payments import services as payments
        from investments.payments import settle
        from tests.faults import provider, world

        fund = self.funds[number]
        person, token = self._turn()
        facts = {"fund": fund.pk, "investor": person.pk, "units": 1, "method": "card", "at": world.NOW.isoformat()}
        order = world.place_again({**facts, "token": token, "label": f"<{token}>"})
        self.town.note(token, "placed")
        if number == 0:
            attempt = world.open_page(order)
            provider.pay(attempt)
            if settle.settle(attempt.pk, at=world.NOW).state == "succeeded":
                self.town.note(token, "paid")
        elif self.town.counts["placed"] % 3 == 0:
            order = payments.cancel_order(order, at=world.NOW, actor=None)
            assert order.state == Order.State.CANCELLED
            self.town.note(token, "cancelled")

    def lost(self) -> list[str]:
        """Orders that were acknowledged and are not in the database, or not as far."""
        from investments.orders.models import Order

        found = {str(token): state for token, state in Order.objects.values_list("form_token", "state")}
        missing = []
        for token, outcomes in self.town.told.items():
            if "placed" not in outcomes:
                continue
            state = found.get(token)
            wanted = "cancelled" if "cancelled" in outcomes else "paid" if "paid" in outcomes else None
            if state is None or (wanted and state != wanted):
                missing.append(f"{token}: told {sorted(outcomes)}, is {state}")
        return missing


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


def run(town: Town, groups: list[Any], cluster: Any, kills: int, chance: Any) -> dict[str, Any]:
    """Kill `kills` times under load; counts and findings."""
    from django.db import connection

    from microfund.kernel.embedded import keeper
    from tests.faults import books

    town.told.clear()
    counts, missing, wrong = Counter[str](), [], []
    town.counts.clear()
    for number in range(kills):
        connection.ensure_connection()
        for group in groups:
            group.stock()
        before, postmaster = town.counts.copy(), keeper.postmaster_file(cluster.data_dir)[0]
        town.go.set()
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and not town.errors:
            if all(town.counts[name] >= before[name] + least for name, least in BETWEEN_KILLS.items()):
                break
            time.sleep(0.005)
        time.sleep(chance.uniform(0.0, 0.3))
        counts["processes"] += kill(cluster)
        town.go.clear()
        for _thread in town.threads:
            town.parked.acquire()
        if town.errors:
            break
        connection.close()
        connection.ensure_connection()
        counts["kills"] += keeper.postmaster_file(cluster.data_dir)[0] != postmaster
        gone = [line for group in groups for line in group.lost()]
        missing += gone
        for line in gone:
            town.told.pop(line.split(": ")[0])
        wrong += [f"kill {number + 1}: {line}" for g in groups for f in g.funds for line in books.problems(f.pk)]
    return {**town.counts, **counts, "lost": missing, "wrong": wrong + town.errors}


def relax() -> None:
    """From now on a commit does not wait for the disk, and the WAL writer sleeps for ten seconds."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET synchronous_commit = off")
        cursor.execute("ALTER SYSTEM SET wal_writer_delay = '10s'")
        cursor.execute("SELECT pg_reload_conf()")
    _wait_until_relaxed()


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

    from tests.faults import afterwards, books, provider, world
    from tests.faults.payday import Payday
    from tests.faults.scale import SEED, rng

    call_command("migrate", verbosity=0)
    cluster: Any = connection.cluster  # type: ignore[attr-defined]
    chance = rng("postgres")
    with provider.running():
        provider.set_clock(world.NOW)
        town = Town()
        groups = [Buyers(town, chance), Payday(town, chance)]
        answer: dict[str, Any] = {"seed": SEED, "durable": run(town, groups, cluster, kills, chance)}
        compared, differs = afterwards.compare(*groups)
        answer["durable"] |= {"compared": compared, "differs": differs}
        provider.set_clock(world.NOW)
        try:
            books.verify_everything()
        except SystemExit as red:
            answer["durable"]["wrong"].append(f"verify_ledger: {red}")
        relax()
        answer["relaxed"] = run(town, groups, cluster, 1, chance)
        town.close()
    connection.close()
    cluster.stop()
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
