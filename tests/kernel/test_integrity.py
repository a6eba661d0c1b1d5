"""The checks run two at a time in one snapshot; what fails is heard of."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils import timezone

from microfund.kernel import integrity
from microfund.kernel.outbox.models import Event
from tests.faults.zygote import wait_for_other_backends

pytestmark = pytest.mark.django_db(transaction=True)
Register = Callable[[str, integrity.Finder], None]


@pytest.fixture
def register() -> Iterator[Register]:
    """Register checks for one test."""
    names: list[str] = []

    def add(name: str, find: integrity.Finder) -> None:
        integrity.register(name, "9", find)
        names.append(name)

    yield add
    for name in names:
        del integrity._checks[name]


def _run(*names: str) -> dict[str, list[str]]:
    return {outcome.check.name: outcome.differences for outcome in integrity.run(list(names))}


def _scalar(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return str(cursor.fetchone()[0])


def _only_ours_is_left() -> None:
    """Wait until the server has let go of every other client's connection; its own autovacuum may stay."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (ours,) = cursor.fetchone()
    wait_for_other_backends([ours], seconds=20)


def test_two_areas_are_checked_at_once_on_two_connections(register: Register) -> None:
    both = threading.Barrier(2, timeout=20)

    def find() -> Iterator[str]:
        both.wait()  # each waits for the other, so one after the other would never end
        yield _scalar("SELECT pg_backend_pid()")

    register("first.one", find)
    register("second.one", lambda: find())
    found = _run("first.one", "second.one")
    assert list(found) == ["first.one", "second.one"]
    assert len({pid for (pid,) in found.values()} | {_scalar("SELECT pg_backend_pid()")}) == 3


def test_both_see_what_was_there_when_the_run_began(register: Register) -> None:
    begun, written = threading.Event(), threading.Event()

    def late() -> Iterator[str]:
        begun.set()
        assert written.wait(20)
        yield _scalar("SELECT count(*) FROM outbox_event")

    register("first.one", late)
    register("second.one", lambda: late())

    def write() -> None:
        assert begun.wait(20)
        try:
            Event.objects.create(kind="late", key="late", payload={}, happened_at=timezone.now())
        finally:
            written.set()
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    found = _run("first.one", "second.one")
    writer.join()
    assert found == {"first.one": ["0"], "second.one": ["0"]}
    assert Event.objects.count() == 1


def test_what_checks_share_is_read_once_though_two_ask_at_once(register: Register) -> None:
    reads: list[int] = []
    both = threading.Barrier(2, timeout=20)

    def read() -> int:
        reads.append(1)
        return len(reads)

    def find() -> Iterator[str]:
        both.wait()
        yield str(integrity.shared(read))

    register("first.one", find)
    register("second.one", lambda: find())
    assert _run("first.one", "second.one") == {"first.one": ["1"], "second.one": ["1"]}
    assert _run("first.one", "second.one") == {"first.one": ["2"], "second.one": ["2"]}


def test_an_error_of_a_check_ends_the_run_and_leaves_no_connection(register: Register) -> None:
    def fail() -> Iterator[str]:
        yield _scalar("SELECT 1 / 0")

    register("first.one", lambda: iter(()))
    register("second.one", fail)
    with pytest.raises(integrity.Unfinished, match=r"the check second\.one failed: division by zero"):
        _run("first.one", "second.one")
    _only_ours_is_left()


def test_a_connection_that_cannot_be_had_ends_the_run(register: Register, monkeypatch: pytest.MonkeyPatch) -> None:
    register("first.one", lambda: iter(()))
    monkeypatch.setattr(integrity, "_SETTINGS", ("no_such_setting = 1",))
    with pytest.raises(integrity.Unfinished, match=r"a connection of the checks failed: .*no_such_setting"):
        _run("first.one")


@pytest.mark.parametrize("number", [1, 12])
def test_one_connection_that_fails_is_never_a_green_run(
    register: Register, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Whether the other connection has time to do everything or not."""
    names = [f"area{area}.check" for area in range(number)]
    for name in names:
        register(name, lambda: iter(()))
    real, failing = integrity._reading, iter([True])

    @contextmanager
    def reading(own: integrity._Shared) -> Iterator[None]:
        if next(failing, False):
            raise OperationalError("FATAL:  too many clients\n")
        with real(own):
            yield

    monkeypatch.setattr(integrity, "_reading", reading)
    with pytest.raises(CommandError) as refused:
        call_command("verify_ledger", *names, stdout=io.StringIO())
    line = "The books were not verified: a connection of the checks failed: FATAL: too many clients"
    assert (str(refused.value), refused.value.returncode) == (line, 1)
    _only_ours_is_left()


def test_a_connection_that_is_cut_ends_the_command_with_one_line(register: Register) -> None:
    register("first.one", lambda: iter([_scalar("SELECT pg_terminate_backend(pg_backend_pid())")]))
    register("second.one", lambda: iter(()))
    with pytest.raises(CommandError) as refused:
        call_command("verify_ledger", "first.one", "second.one", stdout=io.StringIO())
    assert "not verified: the check first.one failed: " in str(refused.value) and "\n" not in str(refused.value)
    _only_ours_is_left()


def test_a_run_that_is_left_early_leaves_no_connection(register: Register) -> None:
    register("first.one", lambda: iter(["a difference"]))
    register("second.one", lambda: iter(()))
    run = integrity.run(["first.one", "second.one"])
    assert next(run).differences == ["a difference"]
    run.close()  # type: ignore[attr-defined]
    _only_ours_is_left()
