"""Tasks sent by one process arrive in another through the folder, whole, once, soon, and at little cost."""

import os
import statistics
import threading
import time
from pathlib import Path

from kombu import Connection, Queue

from microfund.kernel.embedded import broker

from .processes import PATIENCE, ended, lives, processes_in, python, until, until_gone

APP = """
    import sys, time
    from pathlib import Path
    from celery import Celery
    from microfund.kernel import embedded
    folder = Path(sys.argv[1])
    app = Celery("tiny")
    app.conf.update(embedded.celery_broker_settings(folder), task_ignore_result=True, timezone="UTC",
                    beat_schedule={"tick": {"task": "tick", "schedule": 1.0}})

    @app.task(name="note")
    def note(word, sent):
        (folder / f"{word}.note").write_text(str(time.time() - sent))

    @app.task(name="tick")
    def tick():
        with (folder / "ticks").open("a") as ticks:
            ticks.write("x")
"""
WORKER = (
    APP
    + """
    app.worker_main(["worker", "-B", "-c", "1", "-s", str(folder / "beat"), "--without-gossip", "--without-mingle",
                     "--loglevel", "WARNING"])
"""
)
SENDER = (
    APP
    + """
    for number in range(20):
        note.delay(f"{sys.argv[2]}-{number}", time.time())
"""
)
SELDOM = (
    APP
    + """
    for number in range(9):
        note.delay(f"late-{number}", time.time())
        time.sleep(0.7 + number / 30)
"""
)


def _size(path: Path) -> int:
    return path.stat().st_size


# As Celery sends tasks: to the queue by its name, past all exchanges.
NUMBERS = Queue("numbers", routing_key="numbers")


def connection(folder: Path) -> Connection:
    settings = broker.celery_broker_settings(folder)
    return Connection(settings["broker_url"], transport_options=settings["broker_transport_options"])


def test_a_worker_with_embedded_beat_takes_what_other_processes_send(folder):
    worker = python(WORKER, folder)
    with ended(worker):
        senders = [python(SENDER, folder, name) for name in "ab"]
        with ended(*senders):
            for sender in senders:
                out, _ = sender.communicate(timeout=PATIENCE)
                assert sender.returncode == 0, out
        until(lambda: len(list(folder.glob("*.note"))) == 40, "40 tasks done")
        until(lambda: (folder / "ticks").exists(), "beat's own task")
        seldom = python(SELDOM, folder)
        with ended(seldom):
            until(lambda: len(notes := list(folder.glob("late-*.note"))) == 9 and all(map(_size, notes)), "late tasks")
            seldom.communicate(timeout=PATIENCE)
        # The machine may do something else while one of them waits, hardly while most of them do.
        waited = statistics.median(float(note.read_text()) for note in folder.glob("late-*.note"))
        assert waited < 3 * broker.POLL_SECONDS + 0.5, f"a task waited {waited:.2f} s"
        worker.terminate()
        worker.communicate(timeout=PATIENCE)
    until_gone(folder)


def test_an_idle_worker_costs_little(folder):
    worker = python(WORKER.replace('"schedule": 1.0', '"schedule": 3600.0'), folder)
    with ended(worker):
        control = folder / "broker" / "control"
        until(lambda: list(control.glob("*.pidbox.exchange")) if control.exists() else None, "the worker's start")
        time.sleep(1.5)

        def cpu_seconds() -> float:
            total = 0.0
            for pid in processes_in(folder):
                if lives(pid):
                    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                    total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            return total

        spent: list[float] = []

        def is_idle() -> bool:
            before = cpu_seconds()
            time.sleep(3)
            spent.append(round(cpu_seconds() - before, 2))
            return spent[-1] < 0.3

        # On a slow machine the start takes its time too; a worker that polls in haste is never idle.
        try:
            until(is_idle, "an idle worker")
        finally:
            print(f"CPU seconds in each 3 idle seconds: {spent}")
        worker.terminate()
        worker.communicate(timeout=PATIENCE)


def test_every_message_arrives_exactly_once_under_concurrent_readers_and_writers(folder):
    got: list[int] = []
    stop = threading.Event()

    def write(start: int) -> None:
        with connection(folder) as own, own.SimpleQueue(NUMBERS) as queue:
            for number in range(start, start + 100):
                queue.put({"number": number, "padding": "x" * 5000})

    def read() -> None:
        with connection(folder) as own, own.SimpleQueue(NUMBERS) as queue:
            while not stop.is_set():
                try:
                    message = queue.get(block=True, timeout=0.05)
                except queue.Empty:
                    continue
                got.append(message.payload["number"])
                message.ack()

    readers = [threading.Thread(target=read) for _ in range(3)]
    writers = [threading.Thread(target=write, args=(start,)) for start in (0, 100, 200)]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    try:
        until(lambda: len(got) >= 300, "300 messages")
    finally:
        stop.set()
        for thread in readers:
            thread.join()
    assert sorted(got) == list(range(300))
    assert not list((folder / "broker" / "messages").iterdir())
    assert not list((folder / "broker" / "processed").iterdir())


def test_only_the_owner_can_read_messages(folder):
    with connection(folder) as own, own.SimpleQueue(NUMBERS) as queue:
        queue.put({"number": 1})
    for name in ("messages", "processed", "control"):
        assert (folder / "broker" / name).stat().st_mode & 0o077 == 0


def test_pruning_removes_the_old_and_keeps_the_new(folder):
    with connection(folder) as own, own.SimpleQueue(NUMBERS) as queue:
        queue.put({"number": 1})
        queue.put({"number": 2})
    first, second = sorted((folder / "broker" / "messages").iterdir())
    abandoned = folder / "broker" / "processed" / first.name
    abandoned.write_text("taken by a worker that was killed")
    two_days_ago = time.time() - 2 * 86_400
    os.utime(first, (two_days_ago, two_days_ago))
    os.utime(abandoned, (two_days_ago, two_days_ago))
    assert broker.prune(folder) == 2
    assert not first.exists()
    assert second.exists()


def test_settings_alone_write_nothing(folder):
    broker.celery_broker_settings(folder)
    assert not list(folder.iterdir())
