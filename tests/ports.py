"""Ports for servers that must be told theirs beforehand.

They lie below those that the system gives out by itself (to `bind(0)`, and to every connection that is opened), so that
nobody takes one between choosing and binding; each worker has numbers of its own.
"""

import os
import random
import re
import socket

FIRST, EACH, WORKERS = 20_000, 500, 24


def free_ports(number: int = 1) -> int:
    """The first of `number` neighbouring ports of 127.0.0.1 that are all free."""
    worker = re.search(r"\d+$", os.environ.get("PYTEST_XDIST_WORKER", ""))
    begin = FIRST + EACH * ((int(worker[0]) if worker else WORKERS - 1) % WORKERS)
    for _try in range(200):
        port = begin + random.randrange(EACH - number)
        if all(_is_free(port + step) for step in range(number)):
            return port
    raise RuntimeError(f"no free ports between {begin} and {begin + EACH}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
