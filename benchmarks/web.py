"""`page_home`, `page_list`, `page_detail`: requests of visitors a second that gunicorn answers, against a bare view of
Django on a server of its own with the same settings and `MIDDLEWARE = []`.

Both servers run as in production (threads), with two workers each; 16 connections that are kept open send their next
request as soon as the answer is whole. They are asked in turn, in short rounds. The site starts with nothing kept and
goes through several lifetimes of a kept page, so what is measured holds the pages that had to be made, too.
"""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.db import connection

from benchmarks.scratch import answer
from tests.copies import copy_fund
from tests.make import make_fund

ROOT = Path(__file__).resolve().parent.parent
WORKERS, THREADS, CONNECTIONS = 2, 4, 16
BUSINESSES = 30
ROUNDS, SECONDS = 5, 4
START_SECONDS = 60
GOAL = 0.4


def home() -> dict[str, Any]:
    """The first page."""
    return _against_a_bare_view("/")


def listing() -> dict[str, Any]:
    """The first twelve of thirty businesses."""
    return _against_a_bare_view("/businesses/")


def detail() -> dict[str, Any]:
    """One business with its open fund."""
    return _against_a_bare_view("/businesses/copy-1/")


def _against_a_bare_view(path: str) -> dict[str, Any]:
    copy_fund(make_fund().pk, first=1, last=BUSINESSES)
    with ExitStack() as stack:
        bare = stack.enter_context(_served("benchmarks.bare", "/"))
        site = stack.enter_context(_served("benchmarks.served", "/healthz"))
        answered = {"site": 0, "bare": 0}
        for _round in range(ROUNDS):
            answered["site"] += _load(site, path)
            answered["bare"] += _load(bare, "/")
    ours, floor = (answered[name] / (ROUNDS * SECONDS) for name in ("site", "bare"))
    return answer(ours=ours, floor=floor, goal=GOAL, at_least=True, unit="requests a second")


@contextmanager
def _served(settings: str, probe: str) -> Iterator[tuple[str, int]]:
    """gunicorn as the Dockerfile starts it, but for the number of workers and the log of accesses; answers where."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        command = [sys.executable, "-m", "gunicorn", "microfund.wsgi", "--bind", f"fd://{listening.fileno()}"]
        command += ["--workers", str(WORKERS), "--threads", str(THREADS), "--no-control-socket"]
        environment = {"DJANGO_SETTINGS_MODULE": settings, "BENCH_DATABASE": connection.settings_dict["NAME"]}
        process = subprocess.Popen(
            [*command, "--log-level", "warning"],
            cwd=ROOT,
            pass_fds=[listening.fileno()],
            env={**os.environ, **environment},
        )
        where = listening.getsockname()
        try:
            _wait_for_both_workers(where, probe, process)
            yield where
        finally:
            process.terminate()
            process.wait(timeout=START_SECONDS)


def _wait_for_both_workers(where: tuple[str, int], probe: str, process: subprocess.Popen[bytes]) -> None:
    """The socket listens before anybody answers, so the first requests wait; then both have loaded the site."""
    began = time.monotonic()
    while _load(where, probe, seconds=1) < CONNECTIONS:
        if process.poll() is not None or time.monotonic() - began > START_SECONDS:
            raise RuntimeError(f"the server does not answer: {process.poll()}")


def _load(where: tuple[str, int], path: str, *, seconds: float = SECONDS) -> int:
    """How many whole answers came within `seconds`. Raises AssertionError for one that is not 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{where[1]}\r\nAccept: text/html\r\n\r\n".encode()
    room, answered = bytearray(1 << 18), 0
    with selectors.DefaultSelector() as ready, ExitStack() as stack:
        for _number in range(CONNECTIONS):
            client = stack.enter_context(socket.create_connection(where, timeout=START_SECONDS))
            ready.register(client, selectors.EVENT_READ, Reply())
            client.sendall(request)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for key, _events in ready.select(timeout=0.1):
                read = key.fileobj.recv_into(room)  # type: ignore[union-attr]
                if not read:
                    raise AssertionError("the server closed a connection that should be kept")
                if key.data.is_whole(room, read):
                    answered += 1
                    key.fileobj.sendall(request)  # type: ignore[union-attr]
    return answered


class Reply:
    """How much of one answer has come: its head with the length, then so many bytes."""

    def __init__(self) -> None:
        self.head = b""
        self.missing = 0

    def is_whole(self, room: bytearray, read: int) -> bool:
        """Take `read` bytes from `room`; whether that was the last of the answer."""
        if self.missing:
            self.missing -= read
            return self.missing == 0
        self.head += room[:read]
        head, gap, body = self.head.partition(b"\r\n\r\n")
        if not gap:
            return False
        if not head.startswith(b"HTTP/1.1 200 "):
            raise AssertionError(head.split(b"\r\n", 1)[0].decode())
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        self.missing, self.head = int(length[15:]) - len(body), b""
        return self.missing == 0
