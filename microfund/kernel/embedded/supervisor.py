"""Runs a handful of processes as one: started in order, watched, restarted, and all gone when it is gone.

Knows nothing of what it runs. Each child leads a process group of its own, writes to a log file, and ends with the
supervisor: by order when that stops, by the kernel (Linux: parent-death signal) and the minder (``minder.py``) when
it is killed.
"""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from . import minder, trouble
from .errors import EmbeddedError

STEADY_SECONDS = 30.0  # a child that lived this long starts its next back-off anew
LONGEST_BACK_OFF = 30.0
LOG_BYTES = 10_000_000
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Stopped(BaseException):
    """Raised out of whatever runs when the person or the system asks the supervisor to stop."""


@dataclass(frozen=True)
class Service:
    """A process to keep running. ``ready`` is asked until it says yes; ``stop_seconds`` is how long TERM is given."""

    name: str
    command: list[str]
    ready: Callable[[], bool] = lambda: True
    environment: dict[str, str] = field(default_factory=dict)
    stop_seconds: float = 10.0


@dataclass
class _Child:
    service: Service
    process: subprocess.Popen[bytes]
    started: float
    back_off: float = 1.0
    restart_at: float | None = None


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server can listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except (OSError, OverflowError):
            return False
    return True


def answers(url: str) -> Callable[[], bool]:
    """A readiness question: does the address answer with 200? Goes there directly, whatever proxy is configured."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask() -> bool:
        try:
            with opener.open(url, timeout=2) as response:
                return bool(response.status == 200)
        except (OSError, urllib.error.URLError, ValueError):
            return False

    return ask


def written(path: Path, since: int = 0) -> str:
    """What a log holds beyond the byte `since`."""
    try:
        with path.open("rb") as log:
            log.seek(since)
            return log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


class Supervisor:
    """Use as a context manager: on leaving, whatever the reason, every child is stopped."""

    def __init__(self, log_dir: Path, *, say: Callable[[str], None] = print) -> None:
        self.log_dir = log_dir
        self.say = say
        self._children: list[_Child] = []
        self._minder: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._hurry = False
        self._old_handlers: dict[int, object] = {}

    def __enter__(self) -> "Supervisor":
        try:
            self.log_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise trouble.from_os_error(error, self.log_dir) from error
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._old_handlers[number] = signal.signal(number, self._on_signal)
        self._minder = subprocess.Popen(
            [sys.executable, "-E", "-S", str(Path(minder.__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._stopping:
            self._hurry = True
        else:
            self._stopping = True
            raise Stopped

    # -- starting ------------------------------------------------------------------------------------------------------

    def log_path(self, name: str) -> Path:
        """Where a child's output goes."""
        return self.log_dir / f"{name}.log"

    def _spawn(self, name: str, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        path = self.log_path(name)
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        supervisor = os.getpid()

        def end_with_supervisor() -> None:
            if _LIBC is not None:
                _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
                if os.getppid() != supervisor:  # it died before the line above
                    os._exit(1)

        with path.open("ab") as log:
            process = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=end_with_supervisor,  # noqa: PLW1509 - no threads here, and nothing shorter does it
            )
        self._mind("+", process.pid)
        return process

    def _mind(self, sign: str, group: int) -> None:
        if self._minder and self._minder.stdin:
            with contextlib.suppress(BrokenPipeError):  # killed: the kernel's signal still ends the children
                self._minder.stdin.write(f"{sign}{group}\n".encode())
                self._minder.stdin.flush()

    def run(
        self,
        name: str,
        command: list[str],
        environment: dict[str, str] | None = None,
        progress: Callable[[str], bool] = lambda line: False,
    ) -> None:
        """Run a command to its end as a child, passing on those of its lines that are its progress. Raises
        :class:`EmbeddedError` with its last line if it fails."""
        self.begin(name, command, environment, progress)()

    def begin(
        self,
        name: str,
        command: list[str],
        environment: dict[str, str] | None = None,
        progress: Callable[[str], bool] = lambda line: False,
    ) -> Callable[[], None]:
        """Begin a command as a child beside what comes next; what this answers awaits its end as :meth:`run` does."""
        path = self.log_path(name)
        began = path.stat().st_size if path.exists() else 0
        process = self._spawn(name, command, environment or {})
        if path.stat().st_size < began:  # it was full, and begun anew
            began = 0
        child = _Child(Service(name, command), process, time.monotonic())
        self._children.append(child)

        def finish() -> None:
            seen = began
            while (code := process.poll()) is None:
                seen = self._pass_on(path, seen, progress)
                time.sleep(0.1)
            self._forget(child)
            if code:
                raise trouble.from_log(name, "failed", written(path, began), path)

        return finish

    def _pass_on(self, path: Path, seen: int, wanted: Callable[[str], bool]) -> int:
        """Say the wanted whole lines that a log has beyond the byte `seen`; answers how far that was."""
        with path.open("rb") as log:
            log.seek(seen)
            text = log.read()
        whole = text.rpartition(b"\n")[0]
        for line in filter(wanted, whole.decode(errors="replace").splitlines()):
            self.say(line)
        return seen + (len(whole) + 1 if whole else 0)

    def start(self, *services: Service, seconds: float = 60.0) -> None:
        """Start services together and wait until each is ready.

        Raises :class:`EmbeddedError` if one ends or is not ready in time.
        """
        new, began = [], {}
        for service in services:
            path = self.log_path(service.name)
            began[path] = path.stat().st_size if path.exists() else 0
            process = self._spawn(service.name, service.command, service.environment)
            new.append(_Child(service, process, time.monotonic()))
            self._children.append(new[-1])
        until = time.monotonic() + seconds
        waiting = list(new)
        while waiting:
            for child in list(waiting):
                path = self.log_path(child.service.name)
                if child.process.poll() is not None:
                    since = began[path] if path.stat().st_size >= began[path] else 0
                    raise trouble.from_log(child.service.name, "did not start", written(path, since), path)
                if child.service.ready():
                    waiting.remove(child)
                elif time.monotonic() > until:
                    raise EmbeddedError(f"{child.service.name} is not ready after {seconds:.0f} s; see {path}")
            if waiting:
                time.sleep(0.1)

    # -- watching ------------------------------------------------------------------------------------------------------

    def watch(self) -> None:
        """Restart children that end, with growing pauses, until stopped by a signal (:class:`Stopped`)."""
        while True:
            self.look()
            time.sleep(0.2)

    def look(self) -> None:
        """One round of :meth:`watch`."""
        now = time.monotonic()
        for child in self._children:
            if child.restart_at is None and (code := child.process.poll()) is not None:
                self._end_group(child)
                child.back_off = 1.0 if now - child.started > STEADY_SECONDS else child.back_off
                child.restart_at = now + child.back_off
                how = f"by signal {-code}" if code < 0 else f"with code {code}"
                log = self.log_path(child.service.name)
                self.say(f"{child.service.name} ended {how} (see {log}); starting it again in {child.back_off:.0f} s")
                child.back_off = min(child.back_off * 2, LONGEST_BACK_OFF)
            elif child.restart_at is not None and now >= child.restart_at:
                service = child.service
                child.process = self._spawn(service.name, service.command, service.environment)
                child.started, child.restart_at = now, None

    # -- stopping ------------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop every child: all are asked at once, then awaited, the last started first. A second signal meanwhile
        makes it force them."""
        self._stopping = True
        for child in reversed(self._children):
            with contextlib.suppress(ProcessLookupError):
                child.process.terminate()
        asked = time.monotonic()
        for child in reversed(list(self._children)):
            if child.restart_at is None:
                self._await_end(child, asked + child.service.stop_seconds)
            self._forget(child)
        if self._minder:
            with contextlib.suppress(BrokenPipeError):
                self._minder.communicate()
            self._minder = None

    def _await_end(self, child: _Child, until: float) -> None:
        while child.process.poll() is None and time.monotonic() < until and not self._hurry:
            time.sleep(0.02)
        self._end_group(child)
        child.process.wait()

    def _end_group(self, child: _Child) -> None:
        """What the child left behind in its group, and the child itself if it did not go."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)

    def _forget(self, child: _Child) -> None:
        self._mind("-", child.process.pid)
        self._children.remove(child)
