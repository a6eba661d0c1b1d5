"""Stops an embedded PostgreSQL when its last user is gone, even if that user was killed.

Runs as a small process of its own (``python keeper.py <data folder>``), so it needs nothing but the standard
library and loads in milliseconds. ``postgres.py`` imports its primitives; it imports nothing of ours.

Four lock files lie beside the data folder, all taken with ``flock`` because the kernel frees those when a process
dies, however it dies:

==============  =====================================================================================================
``.lock``       held for the moment in which somebody looks at the server, starts it or stops it
``.users``      held shared by every process that uses the server; whoever gets it exclusively was the last one
``.server``     inherited by the postmaster and all its backends; when it is free, no server process lives
``.keeper``     held by this process, so that there is one
==============  =====================================================================================================
"""

import contextlib
import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

POLL_SECONDS = 0.5
STOP_SECONDS = 60.0


def lock_path(data_dir: Path, name: str) -> Path:
    """The lock file ``name`` (``lock``, ``users``, ``server`` or ``keeper``) of a data folder."""
    return data_dir.with_name(f"{data_dir.name}.{name}")


def open_lock(data_dir: Path, name: str) -> int:
    """Open (and make) a lock file; the descriptor is closed on exec unless it is passed on by name."""
    path = lock_path(data_dir, name)
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except PermissionError:
        # flock needs no write permission: root may have made the file for a cluster that belongs to a user.
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def try_lock(fd: int) -> bool:
    """Take the lock exclusively if it is free now."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_lock(fd: int, seconds: float) -> bool:
    """Take the lock exclusively within ``seconds``."""
    until = time.monotonic() + seconds
    while not try_lock(fd):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@contextlib.contextmanager
def locked(data_dir: Path, name: str) -> Iterator[int]:
    """Hold a lock exclusively for the block; waits for it. The moments it is held are short (a start, a stop)."""
    fd = open_lock(data_dir, name)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield fd
    finally:
        os.close(fd)


def postmaster_file(data_dir: Path) -> tuple[int, str]:
    """Process id and state (``ready``, ``starting``, ``stopping``) that the postmaster wrote; ``(0, "")`` if none."""
    try:
        lines = (data_dir / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        return abs(int(lines[0])), lines[7].strip() if len(lines) > 7 else ""
    except (FileNotFoundError, NotADirectoryError, IndexError, ValueError):
        return 0, ""


def is_postmaster(pid: int, data_dir: Path) -> bool:
    """Whether ``pid`` is a living postmaster of this folder.

    A zombie is not (where nothing reaps orphans it stays for ever), nor is a process that was given a dead
    postmaster's number: a server process always works inside its data folder.
    """
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    if not Path("/proc/self/stat").exists():
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
        if state in "ZX":
            return False
        return Path(f"/proc/{pid}/cwd").samefile(data_dir)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def server_processes(data_dir: Path) -> list[int]:
    """Processes that work inside the data folder, as only the server's do (where there is no ``/proc``: none known)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").samefile(data_dir) and (entry / "exe").readlink().name.startswith("postgres"):
                found.append(int(entry.name))
    return found


def end_orphans(data_dir: Path, server_fd: int) -> bool:
    """End backends that outlived a killed postmaster; True (and the lock is held) once none is left.

    Idle ones notice by themselves at once; one inside a long query does not, and while it holds the shared memory no
    new server may start.
    """
    if wait_lock(server_fd, 2.0):
        return True
    for number in (signal.SIGQUIT, signal.SIGKILL):
        for pid in server_processes(data_dir):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        if wait_lock(server_fd, 3.0):
            return True
    return False


def stop_server(data_dir: Path, *, seconds: float = STOP_SECONDS) -> bool:
    """Stop the server, first politely ("fast": clients are disconnected, data is flushed), at last by force.

    Call it with ``.lock`` held. Returns False if server processes are still there after all of that.
    """
    fd = open_lock(data_dir, "server")
    try:
        for number, patience in ((signal.SIGINT, seconds), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0)):
            pid, _ = postmaster_file(data_dir)
            until = time.monotonic() + patience
            if is_postmaster(pid, data_dir):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            while is_postmaster(pid, data_dir) and time.monotonic() < until:
                time.sleep(0.01)
            if not is_postmaster(pid, data_dir):
                return end_orphans(data_dir, fd)
        return False
    finally:
        os.close(fd)


def same_file(fd: int, path: Path) -> bool:
    """Whether the open file is still the one at ``path`` (it is not after the data was deleted)."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def keep(data_dir: Path) -> None:
    """Wait until nobody uses the server, then stop it."""
    keeper = open_lock(data_dir, "keeper")
    if not try_lock(keeper):
        return
    users, server = open_lock(data_dir, "users"), open_lock(data_dir, "server")
    pid = 0
    while True:
        if not same_file(users, lock_path(data_dir, "users")):
            # The data was deleted under a running server. Nothing here belongs to it any more; end it if it lives.
            if pid and not try_lock(server):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGQUIT)
            return
        pid = postmaster_file(data_dir)[0] or pid
        with locked(data_dir, "lock"):
            if try_lock(users):
                stop_server(data_dir)
                # The keeper's lock is let go inside the start lock: whoever starts the server next sees it free.
                os.close(keeper)
                return
        time.sleep(POLL_SECONDS)


def main(argv: list[str]) -> int:
    """Become a daemon of its own session and keep the folder named on the command line."""
    data_dir = Path(argv[1])
    if os.fork():
        return 0
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    keep(data_dir)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
