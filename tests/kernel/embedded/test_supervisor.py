"""The supervisor's children end with it, whatever ends it; one that dies alone is started again."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from microfund.kernel.embedded import EmbeddedError
from microfund.kernel.embedded.supervisor import Service, Stopped, Supervisor, answers, port_is_free
from tests.ports import free_ports

from .processes import PATIENCE, ended, lives, processes_in, python, until, until_gone

# A child with a grandchild in its group, both with the folder in their command line; the child may be deaf to TERM.
FAMILY = """
import signal, subprocess, sys, time
from pathlib import Path
folder, name, manners = sys.argv[1:4]
if manners == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", folder, name + "'s child"])
Path(folder, name + ".pid").write_text(str(__import__("os").getpid()))
print("ready", flush=True)
time.sleep(600)
"""

SUPERVISE = (
    f"FAMILY = {FAMILY!r}"
    + """
import sys
from pathlib import Path
from microfund.kernel.embedded.supervisor import Service, Stopped, Supervisor
folder = Path(sys.argv[1])
def family(name, manners):
    log = folder / "logs" / (name + ".log")
    return Service(name, [sys.executable, "-c", FAMILY, str(folder), name, manners],
                   ready=lambda: "ready" in log.read_text(), stop_seconds=1.0)
with Supervisor(folder / "logs", say=lambda line: print(line, flush=True)) as supervisor:
    try:
        supervisor.start(family("one", "polite"), family("two", sys.argv[2]))
        print("all ready", flush=True)
        supervisor.watch()
    except Stopped:
        print("stopping", flush=True)
print("stopped", flush=True)
"""
)


def pid_of(folder: Path, name: str) -> int:
    return int((folder / f"{name}.pid").read_text())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("manners", ["polite", "deaf"])
def test_stopping_the_supervisor_leaves_no_process(folder, number, manners):
    supervisor = python(SUPERVISE, folder, manners)
    with ended(supervisor):
        assert supervisor.stdout.readline() == "all ready\n"
        assert len(processes_in(folder)) >= 5, "itself, two children, two grandchildren"
        supervisor.send_signal(number)
        out, _ = supervisor.communicate(timeout=PATIENCE)
        assert supervisor.returncode == 0
        assert out.splitlines()[-1] == "stopped"
    until_gone(folder)


def test_a_killed_supervisor_takes_its_children_with_it(folder):
    supervisor = python(SUPERVISE, folder, "polite")
    with ended(supervisor):
        assert supervisor.stdout.readline() == "all ready\n"
        supervisor.kill()
        supervisor.wait()
        until_gone(folder)


def test_a_killed_supervisor_takes_even_deaf_children_with_it(folder):
    supervisor = python(SUPERVISE, folder, "deaf")
    with ended(supervisor):
        assert supervisor.stdout.readline() == "all ready\n"
        supervisor.kill()
        supervisor.wait()
        until_gone(folder)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_children_end_even_when_supervisor_and_minder_are_killed_together(folder):
    supervisor = python(SUPERVISE, folder, "polite")
    with ended(supervisor):
        assert supervisor.stdout.readline() == "all ready\n"
        children = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text().split()
        minder = next(int(pid) for pid in children if b"minder.py" in Path(f"/proc/{pid}/cmdline").read_bytes())
        one, two = pid_of(folder, "one"), pid_of(folder, "two")
        os.kill(minder, signal.SIGKILL)
        supervisor.kill()
        supervisor.wait()
        until(lambda: not lives(one) and not lives(two), "the children themselves")
        for pid in processes_in(folder):  # grandchildren: what a real child ends itself on TERM
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_a_child_that_dies_is_named_and_started_again_with_growing_pauses(folder):
    supervisor = python(SUPERVISE, folder, "polite")
    with ended(supervisor):
        assert supervisor.stdout.readline() == "all ready\n"
        for pause in (1, 2):
            dead, other = pid_of(folder, "one"), pid_of(folder, "two")
            (folder / "one.pid").unlink()
            os.kill(dead, signal.SIGKILL)
            line = supervisor.stdout.readline()
            assert line.startswith("one ended by signal 9 (see ")
            assert line.endswith(f"starting it again in {pause} s\n")
            until(lambda: (folder / "one.pid").exists() and (folder / "one.pid").read_text(), "started again")
            assert lives(pid_of(folder, "one"))
            assert pid_of(folder, "two") == other, "the other one was left alone"
        supervisor.terminate()
        supervisor.communicate(timeout=PATIENCE)
    until_gone(folder)


def test_a_second_signal_while_stopping_makes_it_force_its_children(folder):
    slow = SUPERVISE.replace("stop_seconds=1.0", "stop_seconds=600.0")
    supervisor = python(slow, folder, "deaf")
    with ended(supervisor):
        assert supervisor.stdout.readline() == "all ready\n"
        supervisor.terminate()
        assert supervisor.stdout.readline() == "stopping\n"
        supervisor.terminate()
        supervisor.communicate(timeout=PATIENCE)
    until_gone(folder)


def test_a_child_that_cannot_start_is_one_line_with_its_own_last_words(folder):
    service = Service("web", [sys.executable, "-c", "import sys; sys.exit('no such thing')"], ready=lambda: False)
    refused = pytest.raises(EmbeddedError, match=r"^web did not start: no such thing \(all of it: .*/web\.log\)$")
    with refused, Supervisor(folder / "logs") as supervisor:
        supervisor.start(service)
    until_gone(folder)


def test_a_child_that_is_never_ready_is_one_line_and_stopped(folder):
    service = Service("web", [sys.executable, "-c", "import time; time.sleep(60)", str(folder)], ready=lambda: False)
    refused = pytest.raises(EmbeddedError, match=r"^web is not ready after 1 s; see ")
    with refused, Supervisor(folder / "logs") as supervisor:
        supervisor.start(service, seconds=1)
    until_gone(folder)


def test_a_step_that_fails_is_one_line_with_its_last_words(folder):
    refused = pytest.raises(EmbeddedError, match=r"^seed failed: ValueError: no (.*)$")
    with refused, Supervisor(folder / "logs") as supervisor:
        supervisor.run("seed", [sys.executable, "-c", "raise ValueError('no')"])


@pytest.mark.parametrize(
    ("cause", "line"),
    [
        ("could not extend file: No space left on device", r"^The disk is full: .* Free at least \d+ MB"),
        ("boom", r"^seed failed: error='Traceback a{2,} … \(all of it: .*/seed\.log\)$"),
    ],
)
def test_a_step_that_ends_in_a_long_traceback_is_one_short_line(folder, cause, line):
    """A line of our logs has the whole traceback in it."""
    step = f"import sys; print('x', file=sys.stderr); sys.exit(\"error='Traceback \" + 2000 * 'a' + '{cause}')"
    with pytest.raises(EmbeddedError, match=line) as refused, Supervisor(folder / "logs") as supervisor:
        (folder / "logs" / "seed.log").write_text("an earlier run: No space left on device\n")
        supervisor.run("seed", [sys.executable, "-c", step])
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 600


def test_the_progress_of_a_step_is_passed_on_and_nothing_else(folder):
    said = []
    with Supervisor(folder / "logs", say=said.append) as supervisor:
        for year in (2024, 2025):
            step = f"import time; print('  {year} …', flush=True); print('Traceback', flush=True); time.sleep(0.5)"
            supervisor.run("seed", [sys.executable, "-c", step], progress=lambda line: line.endswith(" …"))
    assert said == ["  2024 …", "  2025 …"]


def test_a_signal_during_a_step_stops_the_step_too(folder):
    with Supervisor(folder / "logs") as supervisor:
        begin = time.monotonic()
        with pytest.raises(Stopped):
            # The signal comes when the step is under way.
            script = f"until [ -e step ]; do sleep 0.1; done; sleep 1; kill -TERM {os.getpid()}"
            late = subprocess.Popen(["sh", "-c", script], cwd=folder)
            step = "import pathlib, sys, time; pathlib.Path(sys.argv[1], 'step').touch(); time.sleep(600)"
            supervisor.run("seed", [sys.executable, "-c", step, str(folder)])
        late.wait()
    assert time.monotonic() - begin < PATIENCE
    until_gone(folder)


def test_a_log_folder_that_cannot_be_made_is_one_line(folder):
    (folder / "logs").write_text("in the way")
    with pytest.raises(EmbeddedError, match="stands where a folder must be"), Supervisor(folder / "logs"):
        pass


def test_a_port_in_use_is_seen():
    port = free_ports()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert not port_is_free(port)
    assert port_is_free(port)
    assert not port_is_free(70_000)


def test_readiness_asks_the_address_itself_whatever_proxy_is_set(monkeypatch, folder):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        port = server.stdout.readline().split(" port ")[1].split()[0]
        assert answers(f"http://127.0.0.1:{port}/")()
        assert not answers(f"http://127.0.0.1:{port}/missing")()
    finally:
        server.kill()
        server.communicate()
    assert not answers(f"http://127.0.0.1:{port}/")()
