"""``python -m microfund.sandbox``: start the provider and the bank."""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import sys
import threading
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from .engine import Sandbox, Settings
from .server import Server


def parse(argv: list[str] | None = None) -> Settings:
    """The command line as settings; exits with 2 and a line on a mistake."""
    parser = argparse.ArgumentParser(
        prog="python -m microfund.sandbox",
        description="A payment provider and a bank to try things with, on 127.0.0.1. No real money.",
    )
    parser.add_argument("--port", type=int, default=8001, help="0 takes a free one (default: 8001)")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="where its state is kept")
    parser.add_argument("--webhook-url", metavar="URL", help="where events are sent; none when absent")
    parser.add_argument("--webhook-secret", default="whsec_sandbox", metavar="whsec_…")
    parser.add_argument("--secret-key", default="sk_sandbox_secret", metavar="sk_sandbox_…")
    parser.add_argument(
        "--return-ok",
        action="store_true",
        help="send the visitor straight back to any host; without it only to this machine, others after a click",
    )
    parser.add_argument("--stop-with-stdin", action="store_true", help="stop when standard input ends")
    parser.add_argument("--verbose", action="store_true", help="one line a request on standard error")
    args = parser.parse_args(argv)
    if not 0 <= args.port <= 65535:
        parser.error(f"not a port: {args.port}")
    if args.webhook_url is not None and urlsplit(args.webhook_url).scheme not in ("http", "https"):
        parser.error(f"not a URL: {args.webhook_url}")
    if args.stop_with_stdin:
        threading.Thread(target=_stop_with_stdin, daemon=True).start()
    return Settings(
        data=args.data,
        secret_key=args.secret_key,
        webhook_url=args.webhook_url,
        webhook_secret=args.webhook_secret,
        port=args.port,
        return_anywhere=args.return_ok,
        verbose=args.verbose,
    )


def _stop_with_stdin() -> None:
    while os.read(0, 4096):  # not through sys.stdin: its lock would be held at exit
        pass
    signal.raise_signal(signal.SIGTERM)


def main(argv: list[str] | None = None) -> int:
    """Run until TERM or Ctrl-C. 0 then; 1 with one clear line when it cannot start."""
    settings = parse(argv)
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        box = Sandbox(settings)
    except OSError as error:
        return _refuse(f"cannot use the folder {settings.data}: {error.strerror}. Choose another with --data.")
    except sqlite3.OperationalError as error:
        hint = "another sandbox uses it" if "locked" in str(error) else str(error)
        return _refuse(f"cannot use the folder {settings.data}: {hint}. Choose another with --data.")
    try:
        server = Server(box)
    except OSError as error:
        box.close()
        return _refuse(f"cannot listen on 127.0.0.1:{settings.port}: {error.strerror}. Choose another with --port.")

    def stop(signum: int, frame: FrameType | None) -> None:
        # shutdown() waits for the loop that this handler interrupts, so it needs a thread of its own.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    box.outbox.start()
    sys.stdout.write(f"sandbox ready on 127.0.0.1:{server.port}\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.2)
    server.server_close()
    box.close()
    return 0


def _refuse(message: str) -> int:
    sys.stderr.write(f"sandbox: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
