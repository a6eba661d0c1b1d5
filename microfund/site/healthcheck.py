"""`python -m microfund.site.healthcheck [--sweeps] [URL]`: exit 0 when the site answers, for a container's check.

It asks under the site's own host name, because the site answers to no other, and imports nothing of the site, so that
it takes milliseconds. With `--sweeps` it asks whether a sweep has run within the last five minutes as well.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

LATEST = timedelta(minutes=5)


def host_name() -> str:
    """A name the site answers to: the first of ALLOWED_HOSTS (`.example.com` stands for `example.com` too)."""
    return (
        os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().removeprefix(".").replace("*", "localhost")
    )


def ask(url: str) -> dict[str, object]:
    """The JSON answer. Raises OSError (urllib's errors are such) and ValueError."""
    # As the proxy in front would ask, so that nothing is sent elsewhere.
    request = urllib.request.Request(url, headers={"Host": host_name(), "X-Forwarded-Proto": "https"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=4) as answer:  # noqa: S310 - the address is the operator's own
        found: dict[str, object] = json.load(answer)
        return found


def main(argv: list[str] | None = None) -> int:
    """0 when it is well, else 1 and one line that says why not."""
    parser = argparse.ArgumentParser(prog="python -m microfund.site.healthcheck", description=__doc__)
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8000", help="of the site, without a path")
    parser.add_argument("--sweeps", action="store_true", help="also: a sweep has run within five minutes")
    options = parser.parse_args(argv)
    try:
        if not options.sweeps:
            ask(f"{options.url}/healthz")
            return 0
        last = ask(f"{options.url}/readyz")["last_sweep_at"]
        if isinstance(last, str) and datetime.now(UTC) - datetime.fromisoformat(last) < LATEST:
            return 0
        sys.stdout.write(f"the last sweep ran at {last}\n")
    except (OSError, ValueError, KeyError) as error:
        sys.stdout.write(f"{options.url}: {error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
