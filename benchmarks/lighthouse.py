"""`make lighthouse`: Lighthouse on the first pages of a running demo, as a table; exit code 1 below 95.

Lighthouse comes from npm, the newest that runs on the installed Node, into the data folder; Chromium is the machine's.
"""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from pathlib import Path

from microfund.site import demo_logins

GOAL = 95
PAGES = ("/", "/businesses/", "/businesses/mitsuiso-oysters/", "/businesses/mitsuiso-oysters/simulator/", "/me/")
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
#: The machine's Chromium, kept from calling anybody.
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-background-networking --disable-component-update"
DATA = Path(os.environ.get("TOMOBUNE_DATA", ".data")).resolve() / "lighthouse"


def _stop(text: str) -> None:
    sys.exit(f"lighthouse: {text}")


def _installed() -> Path:
    """The lighthouse command, installed if it is not there yet."""
    for name in ("node", "npm"):
        if shutil.which(name) is None:
            _stop(f"needs {name}, which is not on the PATH")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    major, minor = (int(part) for part in version.strip().lstrip("v").split(".")[:2])
    wanted = "13" if (major, minor) >= (22, 19) else "12"
    command = DATA / wanted / "node_modules" / ".bin" / "lighthouse"
    if not command.exists():
        command.parents[2].mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(command.parents[2])]
        subprocess.run([*install, f"lighthouse@{wanted}"], check=True, stdout=subprocess.DEVNULL)
    return command


def _session(site: str) -> str:
    """The cookie header of an investor of the demo."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    address = f"{site}/accounts/login/"
    with opener.open(address, timeout=30) as page:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.read().decode())
    if token is None:
        _stop(f"{address} has no form to log in by")
    _role, email, password, _secret = demo_logins.LOGINS[1]
    data = {"login": email, "password": password, "csrfmiddlewaretoken": token[1]}  # type: ignore[index]
    request = urllib.request.Request(address, urllib.parse.urlencode(data).encode(), {"Referer": address})
    opener.open(request, timeout=30).close()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def _scores(command: Path, address: str, headers: dict[str, str], *, tries: int = 3) -> list[int]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or _stop("needs chromium")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        told = subprocess.run(
            [
                str(command), address, "--quiet", "--output=json", f"--output-path={report}",
                f"--chrome-flags={FLAGS}", f"--only-categories={','.join(CATEGORIES)}",
                f"--extra-headers={json.dumps(headers)}",
                # A person's own pages ask search engines to stay away, which Lighthouse takes for a fault.
                *(["--skip-audits=is-crawlable"] if headers else []),
            ],
            env={**os.environ, "CHROME_PATH": str(chromium)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if told.returncode or not report.exists():
            # On a busy machine Chromium now and then begins no trace at all; that is no judgement on the page.
            if tries > 1:
                return _scores(command, address, headers, tries=tries - 1)
            _stop(f"{address}: {told.stderr.strip()[-400:]}")
        found = json.loads(report.read_text())["categories"]
    return [round((found[name]["score"] or 0) * 100) for name in CATEGORIES]


def main() -> int:
    """Print the table; the exit code."""
    site = (sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8000").rstrip("/")
    try:
        headers = {"Cookie": _session(site)}
    except OSError as error:
        _stop(f"no demo answers at {site} ({error}); start one with make demo")
    command = _installed()
    print(f"{'page':<44}" + "".join(f"{name:>16}" for name in CATEGORIES))
    worst = 100
    for page in PAGES:
        scores = _scores(command, site + page, headers if page == "/me/" else {})
        worst = min([worst, *scores])
        print(f"{page:<44}" + "".join(f"{score:>16}" for score in scores), flush=True)
    return 0 if worst >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
