"""`.env.example` names every setting that is read from the environment, and none that isn't.

That is by our settings and by docker-compose.yml. What `settings/test.py` alone reads is between the tests and the
processes they start.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """1 and a line for each difference, else 0."""
    read = set()
    for path in (ROOT / "microfund" / "settings").glob("*.py"):
        if path.name == "test.py":
            continue
        read |= set(re.findall(r"\benv(?:\.\w+)?\(\s*\"([A-Z_]+)\"", path.read_text(encoding="utf-8")))
    read |= set(re.findall(r"\$\{([A-Z_]+)[:?}-]", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#? ?([A-Z][A-Z_]+)=", text, flags=re.MULTILINE))
    for name in sorted(read - named):
        sys.stderr.write(f".env.example lacks {name}\n")
    for name in sorted(named - read):
        sys.stderr.write(f".env.example names {name}, which nothing reads\n")
    return 1 if read != named else 0


if __name__ == "__main__":
    sys.exit(main())
