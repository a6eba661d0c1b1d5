"""Start the payment and bank sandbox as its own process, and talk to its control API. Standard library only."""

from __future__ import annotations

import http.client
import json
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 120
SECRET_KEY = "sk_sandbox_tests"
WEBHOOK_SECRET = "whsec_sandbox_tests"


class ControlError(AssertionError):
    """The sandbox refused a control call: ``status`` and ``body`` say why."""

    def __init__(self, path: str, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{path}: {status} {body}")
        self.status = status
        self.body = body


class SandboxProcess:
    """A sandbox on a free port. ``with SandboxProcess() as sandbox: sandbox.control("pay", session=…, how="card")``.

    ``data`` keeps its state across restarts; without it a temporary folder is used and removed. It ends with this
    process even when that is killed, for its standard input then closes.
    """

    def __init__(
        self,
        *,
        data: Path | str | None = None,
        webhook_url: str | None = None,
        webhook_secret: str = WEBHOOK_SECRET,
        secret_key: str = SECRET_KEY,
        port: int = 0,
        extra: tuple[str, ...] = (),
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="sandbox-") if data is None else None
        self.data = Path(self._temporary.name if self._temporary else str(data))
        self.webhook_secret = webhook_secret
        self.secret_key = secret_key
        command = [sys.executable, "-m", "microfund.sandbox", "--port", str(port), "--data", str(self.data)]
        command += ["--webhook-secret", webhook_secret, "--secret-key", secret_key, "--stop-with-stdin", *extra]
        if webhook_url is not None:
            command += ["--webhook-url", webhook_url]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = self._wait_until_ready()

    @property
    def url(self) -> str:
        """Base of the provider's API, the hosted pages and the bank."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process, for tests that kill it."""
        return self.process.pid

    def control(self, path: str, method: str | None = None, /, **data: Any) -> dict[str, Any]:
        """Call ``/_control/<path>``: POST with ``data`` as JSON; GET for reading; ``method`` to say which.

        Read unless said otherwise: ``charges``, ``webhooks``, ``requests``, and ``clock`` and ``faults`` without data.
        """
        if method is None:
            reads = path in ("charges", "webhooks", "requests") or (path in ("clock", "faults") and not data)
            method = "GET" if reads else "POST"
        status, body = self.request(method, f"/_control/{path}", json.dumps(data) if method == "POST" else None)
        answer = json.loads(body)
        if status != 200:
            raise ControlError(path, status, answer)
        return answer

    def request(
        self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Any request; redirects are not followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, headers or {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def wait_for_webhooks(self, seconds: float = 120) -> None:
        """Until nothing is queued or under way. Raises TimeoutError, saying what is left."""
        deadline = time.monotonic() + seconds
        while True:
            counts = self.control("webhooks")["counts"]
            if not counts.get("queued") and not counts.get("sending"):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"webhooks are still on their way: {counts}")
            time.sleep(0.02)

    def stop(self) -> int:
        """TERM, wait, and answer the exit code. The temporary folder is removed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=120)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        if self._temporary is not None:
            self._temporary.cleanup()
        return code

    def __enter__(self) -> SandboxProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def _wait_until_ready(self) -> int:
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            ready = selector.select(START_SECONDS)
        line = self.process.stdout.readline().decode() if ready else ""
        if not line.startswith("sandbox ready on "):
            self.process.kill()
            raise RuntimeError(f"the sandbox did not start: exit code {self.process.wait()}, {line!r}")
        return int(line.rsplit(":", 1)[1])
