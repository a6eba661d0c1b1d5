"""Real processes for tests: start, talk to, look at and end them, by their own ids."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
#: Seconds to wait for what goes on in another process, on a machine that does other things meanwhile.
PATIENCE = 180.0


def lives(pid: int) -> bool:
    """Whether a process runs; a zombie (nothing reaps orphans in some containers) does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def until(condition: Callable[[], object], what: str = "") -> None:
    """Wait for a condition; fail with its name if it does not come."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE} s in vain: {what or condition}"
        time.sleep(0.02)


def processes_in(folder: Path) -> dict[int, str]:
    """Living processes whose command line, environment or working folder names ``folder``, except this one."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        if pid == os.getpid() or not lives(pid):
            continue
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            inherited = (entry / "environ").read_bytes().decode(errors="replace")
            if str(folder) in command + inherited or (entry / "cwd").readlink().is_relative_to(folder):
                found[pid] = command
    return found


def until_gone(folder: Path) -> None:
    """Wait until no process of a folder lives: one that was sent SIGKILL goes when the machine comes round to it."""
    end = time.monotonic() + PATIENCE
    while left := processes_in(folder):
        assert time.monotonic() < end, f"left after {PATIENCE} s: {left}"
        time.sleep(0.02)


def python(code: str, *args: object, **options: object) -> subprocess.Popen[str]:
    """A Python process running ``code`` with the project importable; ``print`` in it is read with ``readline``."""
    return subprocess.Popen(
        [sys.executable, "-u", "-c", textwrap.dedent(code), *map(str, args)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,  # type: ignore[call-overload]
    )


@contextlib.contextmanager
def ended(*processes: subprocess.Popen[str]) -> Iterator[None]:
    """End the processes after the block, whatever happened in it."""
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            process.communicate()
