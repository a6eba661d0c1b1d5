"""``make demo``, the real thing without its data: ready, alone, and gone without a trace."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.embedded.conftest import folder as folder
from tests.kernel.embedded.processes import PATIENCE, ROOT, ended, processes_in, until_gone
from tests.ports import free_ports


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "microfund.settings.demo",
        "TOMOBUNE_DATA": str(folder),
        "STATIC_ROOT": str(folder / "static"),
        "DATABASE_URL": "",
        "REDIS_URL": "",
    }


def demo(folder: Path, port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "manage.py", "demo", "--empty", "--port", str(port)],
        cwd=ROOT,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_until_ready(process: subprocess.Popen[str]) -> list[str]:
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if line.startswith("Logs:"):
            return lines
    raise AssertionError(f"the demo ended: {lines}")


@pytest.fixture
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_ports(2)
    process = demo(folder, port)
    with ended(process):
        wait_until_ready(process)
        yield process, port


def get(url: str) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=PATIENCE) as answer:
        return answer.status


def test_it_comes_up_refuses_a_second_one_and_leaves_no_process_on_term(folder, running):
    process, port = running
    assert get(f"http://127.0.0.1:{port}/readyz") == 200
    assert get(f"http://127.0.0.1:{port + 1}/healthz") == 200
    assert len(processes_in(folder)) > 5
    asked = [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c"]
    asked.append("from django.conf import settings; print(settings.SANDBOX_URL, settings.SITE_URL)")
    said = subprocess.run(asked, cwd=ROOT, env=environment(folder), capture_output=True, text=True, check=True).stdout
    assert said == f"http://127.0.0.1:{port + 1} http://localhost:{port}\n", "another shell speaks to the same sandbox"

    second = demo(folder, free_ports(2))
    out, _ = second.communicate(timeout=PATIENCE)
    assert second.returncode == 1
    assert out == (
        f"tomobune: The demo is running already: http://localhost:{port} (process {process.pid}). "
        "Use that one, or stop it with Ctrl-C first.\n"
    )

    process.terminate()
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, out
    assert out.splitlines()[-1] == "Stopped. The data is kept; `make demo` starts it again."
    until_gone(folder)


def test_killed_outright_it_leaves_no_process_and_starts_again(folder, running):
    process, port = running
    process.kill()
    process.wait()
    until_gone(folder)
    again = demo(folder, port)
    with ended(again):
        wait_until_ready(again)
        again.send_signal(signal.SIGINT)
        out, _ = again.communicate(timeout=PATIENCE)
        assert again.returncode == 0, out


@pytest.mark.parametrize("offset", [0, 1])
def test_a_port_in_use_is_one_line_that_names_another(folder, offset):
    port = free_ports(2)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port + offset))
        other.listen()
        process = demo(folder, port)
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert out.count("\n") == 1, out
    assert out.startswith(f"tomobune: Port {port + offset} (")
    assert "run `make demo PORT=" in out
    until_gone(folder)


def test_a_data_folder_that_cannot_be_one_is_one_line(folder):
    (folder / "data").write_text("in the way")
    process = demo(folder / "data", free_ports(2))
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert out.count("\n") == 1, out
    assert "set TOMOBUNE_DATA" in out


def test_a_port_that_does_not_exist_is_one_line(folder):
    process = demo(folder, 70_000)
    out, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out.count("\n")) == (1, 1), out
