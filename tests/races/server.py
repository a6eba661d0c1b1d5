"""The site in a process of its own over this test's database: `gunicorn microfund.wsgi` on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryFile

from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120


@contextmanager
def gunicorn(
    application: str = "microfund.wsgi", *, workers: int = 2, threads: int = 25, **environment: str
) -> Iterator[tuple[str, int]]:
    """Serve `application` with the test settings; answers where. Connections are kept open between requests.

    What it logs is shown only when the block fails.
    """
    with socket.socket() as listening, TemporaryFile("w+") as said:
        listening.bind(("127.0.0.1", 0))
        listening.listen(512)
        command = [sys.executable, "-m", "gunicorn", application, "--bind", f"fd://{listening.fileno()}"]
        command += ["--worker-class", "gthread", "--workers", str(workers), "--threads", str(threads)]
        command += ["--keep-alive", "120", "--timeout", "120", "--log-level", "warning"]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            pass_fds=[listening.fileno()],
            stdout=said,
            stderr=said,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "microfund.settings.test",
                "FAULT_POINT": "idle",
                "FAULT_DATABASE": connection.settings_dict["NAME"],
                **environment,
            },
        )
        where = listening.getsockname()
        try:
            _wait_until_it_answers(where, process)
            yield where
        except BaseException:
            said.seek(0)
            print("".join(line for line in said if " code=422 " not in line and "Unprocessable" not in line)[-20_000:])
            raise
        finally:
            process.terminate()
            process.wait(timeout=120)


def _wait_until_it_answers(where: tuple[str, int], process: subprocess.Popen[bytes]) -> None:
    """The socket listens before there is anybody to answer, so the first request simply waits."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        client = HTTPConnection(*where, timeout=START_SECONDS)
        try:
            client.request("GET", "/healthz")
            if client.getresponse().status == 200:
                return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the site did not start: {process.poll()}") from error
        finally:
            client.close()
        time.sleep(0.05)
