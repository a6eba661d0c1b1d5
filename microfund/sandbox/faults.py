"""Faults to order: what goes wrong, with which request, how often; and a count of those that really happened."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

KINDS = {
    "timeout_before": "no effect; silence for `seconds`, then the connection ends",
    "timeout_after": "the effect happens; silence for `seconds`, then the connection ends",
    "reset_before": "no effect; the connection is reset",
    "reset_after": "the effect happens; the connection is reset",
    "429": "no effect; rate limit",
    "500": "no effect; the answer is an error 500 that is not kept under the key",
    "500_after": "the effect happens, its answer is kept under the key, but an error 500 is sent",
    "500_stored": "the effect happens, but an error 500 is sent and kept: the key answers 500 from now on",
    "slow": "`seconds` of delay before the effect, with the key in flight; then a normal answer",
}
BEFORE = frozenset({"timeout_before", "reset_before", "429", "500"})
DEFAULT_SECONDS = {"timeout_before": 30.0, "timeout_after": 30.0, "slow": 1.0}


@dataclass
class Fault:
    """One order: requests like ``match`` (``METHOD /path``, ``*`` allowed) suffer ``kind``, ``times`` times."""

    match: str
    kind: str
    times: int | None = 1
    seconds: float = 0.0
    skip: int = 0
    taken: int = 0
    fired: int = 0
    log: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def parse(cls, data: dict[str, Any]) -> Fault:
        """From JSON. Raises ValueError naming what is wrong."""
        unknown = set(data) - {"match", "kind", "times", "seconds", "skip"}
        if unknown:
            raise ValueError(f"unknown field {sorted(unknown)[0]!r} of a fault")
        kind = str(data.get("kind"))
        if kind not in KINDS:
            raise ValueError(f"unknown kind of fault {kind!r}: one of {', '.join(KINDS)}")
        match = data.get("match")
        if not isinstance(match, str) or " /" not in match:
            raise ValueError("`match` of a fault is a method and a path, such as 'POST /v1/refunds'")
        times = data.get("times", 1)
        return cls(
            match=match,
            kind=kind,
            times=None if times is None else int(times),
            seconds=float(data.get("seconds", DEFAULT_SECONDS.get(kind, 0.0))),
            skip=int(data.get("skip", 0)),
        )

    def describe(self) -> dict[str, Any]:
        """For the control API."""
        left = None if self.times is None else self.times - self.taken
        return {
            "match": self.match,
            "kind": self.kind,
            "seconds": self.seconds,
            "fired": self.fired,
            "left": left,
            "log": self.log,
        }


class Faults:
    """The faults on order, in order; the first that matches a request is taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._let_go = threading.Event()

    def add(self, faults: list[Fault]) -> None:
        """Order more."""
        with self._lock:
            self._faults.extend(faults)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault this request suffers, if any. Counts as fired only by ``fired()``."""
        request = f"{method} {path}"
        with self._lock:
            for fault in self._faults:
                if not fnmatchcase(request, fault.match):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                if fault.times is not None and fault.taken >= fault.times:
                    continue
                fault.taken += 1
                return fault
        return None

    def fired(self, fault: Fault, **what: Any) -> None:
        """It really happened."""
        with self._lock:
            fault.fired += 1
            fault.log.append(what)

    def wait(self, fault: Fault) -> None:
        """Hang for the fault's seconds, or until the faults are cleared."""
        with self._lock:
            let_go = self._let_go
        let_go.wait(fault.seconds)

    def clear(self) -> None:
        """No more faults; requests that hang are let go."""
        with self._lock:
            self._faults = []
            self._let_go.set()
            self._let_go = threading.Event()

    def describe(self) -> list[dict[str, Any]]:
        """All orders with their counts."""
        with self._lock:
            return [fault.describe() for fault in self._faults]
