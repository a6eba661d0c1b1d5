"""The lock pins every dependency by version and hash, and records no place it was fetched from."""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def name_of(requirement: str) -> str:
    """The normal form of a requirement's package name."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement.strip(), maxsplit=1)[0]).lower()


def faults(lock: Path, wanted: set[str]) -> list[str]:
    """What is wrong with one lock file."""
    text = lock.read_text(encoding="utf-8")
    found = [f"{lock.name}: names a place: {match}" for match in re.findall(r"(?:https?://|file:|--\w*index)\S*", text)]
    pinned = set()
    for entry in re.split(r"\n(?=\S)", text.strip()):
        if not re.match(r"[\w.-]+(\[[\w,-]+\])?==", entry):
            found.append(f"{lock.name}: not pinned: {entry.splitlines()[0]}")
        elif "--hash=sha256:" not in entry:
            found.append(f"{lock.name}: without a hash: {entry.splitlines()[0]}")
        pinned.add(name_of(entry))
    return found + [f"{lock.name}: lacks {name}, run make lock" for name in sorted(wanted - pinned)]


def main() -> int:
    """1 and a line for each fault, else 0."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {name_of(requirement) for requirement in project["dependencies"]}
    dev = wanted | {name_of(requirement) for requirement in project["optional-dependencies"]["dev"]}
    lines = faults(ROOT / "requirements.lock", wanted) + faults(ROOT / "requirements-dev.lock", dev)
    for line in lines:
        sys.stderr.write(f"{line}\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
