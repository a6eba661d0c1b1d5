"""What the pages may weigh (docs/pages.md section 3): styles, scripts and fonts, compressed as they are sent."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Kilobytes (1,000 bytes): all styles of a public page together, all scripts, the two fonts.
STYLES, SCRIPTS, FONTS = 22, 12, 60


def packed(files: list[Path]) -> float:
    """Kilobytes of these files, each compressed by itself."""
    return sum(len(gzip.compress(file.read_bytes(), 9)) for file in files) / 1_000


def main() -> int:
    """Print each weight beside its budget; 1 if one is over."""
    static = ROOT / "static"
    fonts = sum(file.stat().st_size for file in static.glob("fonts/*.woff2")) / 1_000
    weights = [
        ("styles", packed(sorted(static.glob("css/*.css"))), STYLES),
        ("scripts", packed(sorted(static.glob("js/*.js"))), SCRIPTS),
        ("fonts", fonts, FONTS),
    ]
    over = [name for name, weight, budget in weights if weight > budget]
    for name, weight, budget in weights:
        print(f"{name}: {weight:.1f} of {budget} kB{' TOO MUCH' if weight > budget else ''}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
