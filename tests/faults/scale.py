"""How much a run proves and from which seed: the short numbers in CI, the long ones in `make torture`.

`make torture` sets TORTURE_SECONDS (what this proof may take) and FAULT_SEED; without them the short set runs, with a
fixed seed. A proof prints its seed and numbers, and fails when fewer faults happened than it planned.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

SEED = int(os.environ.get("FAULT_SEED", "19680301"))
SECONDS = float(os.environ.get("TORTURE_SECONDS", "0"))
TORTURE = SECONDS > 0


def rng(name: str) -> random.Random:
    """The random numbers of one proof: the same for the same seed and name."""
    return random.Random(f"{SEED}:{name}")


def rounds(short: int, long: int) -> Iterator[int]:
    """Numbers of rounds: `short` of them in CI; in torture up to `long`, at least `short`, while there is time."""
    end = time.monotonic() + SECONDS
    for number in range(long if TORTURE else short):
        if TORTURE and number >= short and time.monotonic() > end:
            return
        yield number


@dataclass
class Tally:
    """What a proof counted. `planned` faults must have happened; `show` prints the line that torture collects."""

    proof: str
    counts: Counter[str] = field(default_factory=Counter)
    started: float = field(default_factory=time.monotonic)

    def add(self, what: str, number: int = 1) -> None:
        """Count something that really happened."""
        self.counts[what] += number

    def require(self, what: str, at_least: int) -> None:
        """Fail unless it happened that often."""
        assert self.counts[what] >= at_least, f"{self.proof}: {what} {self.counts[what]} times, {at_least} planned"

    def show(self, **more: Any) -> None:
        """One line: the proof, its numbers, its seed and how long it took."""
        parts = [f"{name} {number}" for name, number in self.counts.items()]
        parts += [f"{name} {value}" for name, value in more.items()]
        took = time.monotonic() - self.started
        print(f"\nPROOF {self.proof}: {', '.join(parts)}; seed {SEED}, {took:.1f} s")
