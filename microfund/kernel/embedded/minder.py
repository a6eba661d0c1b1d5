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

POLITE_SECONDS = 10.0


def end_groups(groups: set[int], *, polite_seconds: float = POLITE_SECONDS) -> None:
    """TERM, then KILL, for every process of these process groups."""
    for number, patience in ((signal.SIGTERM, polite_seconds), (signal.SIGKILL, 1.0)):
        for group in set(groups):
            try:
                os.killpg(group, number)
            except (ProcessLookupError, PermissionError):
                groups.discard(group)
        until = time.monotonic() + patience
        while groups and time.monotonic() < until:
            for group in set(groups):
                with contextlib.suppress(PermissionError):
                    if not group_lives(group):
                        groups.discard(group)
            time.sleep(0.05)


def group_lives(group: int) -> bool:
    """Whether a process group has any process (a zombie that nobody reaps counts, and can't be told apart here)."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


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
