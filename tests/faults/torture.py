"""The long proofs, one after the other, within a time: `python -m tests.faults.torture --minutes 60 [--seed N]`.

Each file of tests/faults and tests/races gets an equal share of the minutes that are left (what one does not need goes
to those after it), and so does the rule oracle. A share is TORTURE_SECONDS for each test of the file that stops by
itself; the seed is FAULT_SEED. The short numbers are the least that is run, however few the minutes. One line a proof,
the lines that the proofs print, and exit status 1 when any is red. What is red is run again by hand with the command in
its line.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ORACLE = "tests/properties/test_rule_oracle.py"
#: Random funds that the oracle compares in a second, at least.
FUNDS_A_SECOND = 300
MOST_FUNDS = 1_000_000
#: What a file may take beyond its share, for its short numbers, its controls and the start of its database.
GRACE_SECONDS = 1_800


def proofs() -> list[str]:
    """The files of the long proofs, the oracle last."""
    found = [path for folder in ("faults", "races") for path in sorted((ROOT / "tests" / folder).glob("test_*.py"))]
    return [*(path.relative_to(ROOT).as_posix() for path in found), ORACLE]


def long_tests(path: str) -> int:
    """How many tests of a file take a share: those that count their rounds by `scale`."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return max(1, len(re.findall(r"\brounds\(short|^(?:ROUNDS|KILLS) = ", text, re.MULTILINE)))


def environment(path: str, seconds: float, seed: int) -> dict[str, str]:
    """What one file is told."""
    if path == ORACLE:
        funds = min(MOST_FUNDS, max(10_000, int(seconds) * FUNDS_A_SECOND))
        return {"TORTURE_FUNDS": str(funds), "TORTURE_SEED": str(seed)}
    return {"TORTURE_SECONDS": str(max(1, int(seconds / long_tests(path)))), "FAULT_SEED": str(seed)}


def run(path: str, seconds: float, seed: int) -> bool:
    """Run one file; whether it is green. A file that ran no test is red."""
    own = environment(path, seconds, seed)
    command = [sys.executable, "-m", "pytest", path, "-s", "-q", "-p", "tests.skips"]
    by_hand = " ".join([*(f"{name}={value}" for name, value in own.items()), "python -m pytest", path, "-s"])
    began = time.monotonic()
    say(f"--- {path}: {seconds:.0f} s, seed {seed}")
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=2 * seconds + GRACE_SECONDS,
        )
        output, green = done.stdout, done.returncode == 0
    except subprocess.TimeoutExpired as late:
        output, green = (late.output or b"").decode(errors="replace"), False
    for line in output.splitlines():
        if line.startswith("PROOF") or not green:
            say(f"    {line}")
    say(f"{'ok ' if green else 'RED'} {path} in {time.monotonic() - began:.0f} s" + ("" if green else f": {by_hand}"))
    return green


def torture(minutes: float, seed: int, files: Sequence[str]) -> int:
    """Run all in turn; 1 when any is red."""
    end = time.monotonic() + 60 * minutes
    red = []
    for number, path in enumerate(files):
        share = max(1.0, (end - time.monotonic()) / (len(files) - number))
        if not run(path, share, seed):
            red.append(path)
    say(f"torture: {len(files) - len(red)} of {len(files)} green, seed {seed}" + "".join(f"\n  RED {p}" for p in red))
    return 1 if red else 0


def say(line: str) -> None:
    """A line at once, also into a pipe."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; TORTURE_MINUTES and FAULT_SEED stand for the options."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.torture", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("TORTURE_MINUTES", "60")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("FAULT_SEED") or secrets.randbits(31)))
    parser.add_argument("files", nargs="*", help="these files only (default: every long proof)")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_caught: sys.exit(143))  # ends the proof that runs, too
    if given.minutes <= 0:
        parser.error("--minutes must be more than 0")
    return torture(given.minutes, given.seed, given.files or proofs())


if __name__ == "__main__":
    sys.exit(main())
