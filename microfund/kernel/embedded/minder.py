"""Ends the supervisor's children when the supervisor itself was killed and could not.

A process of its own that needs the standard library alone. It reads ``+<group>`` and ``-<group>`` lines from its
standard input, a pipe whose other end only the supervisor has open. The pipe's end is the supervisor's end: then it
ends the groups that are still there, first politely.
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

POLITE_SECONDS = 10.0


def group_lives(group: int) -> bool:
    """Whether a process group has a process that runs; a zombie that nobody reaps does not."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    stats = list(Path("/proc").glob("[0-9]*/stat"))
    for stat in stats:
        with contextlib.suppress(OSError):
            state, _parent, its_group = stat.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                return True
    return not stats  # no /proc here: the kernel's first answer stands


def end_groups(groups: set[int], *, polite_seconds: float = POLITE_SECONDS) -> None:
    """TERM, then KILL, for every process of these process groups."""
    for number, patience in ((signal.SIGTERM, polite_seconds), (signal.SIGKILL, 1.0)):
        for group in groups:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)
        until = time.monotonic() + patience
        while (groups := {group for group in groups if group_lives(group)}) and time.monotonic() < until:
            time.sleep(0.05)


def main() -> int:
    """Mind the groups named on standard input until it ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the supervisor's end ends this
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    end_groups(groups)
    return 0


if __name__ == "__main__":
    sys.exit(main())
