"""`manage.py verify_audit`: verify the audit rows, their hashes and the chain; exit 1 with what differs."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from microfund.kernel import commands
from microfund.kernel.audit import services as audit

SHOWN = 100


def _anchor(text: str) -> tuple[int, str]:
    position, separator, chain_hash = text.partition(":")
    if not (separator and position.isdigit() and len(chain_hash) == 64):
        raise ArgumentTypeError("POSITION:HASH, as this command prints the head of the chain")
    return int(position), chain_hash.lower()


class Command(commands.Command):
    help = "Verify the audit trail: each row against its hash, each hash in the chain, none unsealed for ten minutes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--anchor",
            action="append",
            default=[],
            type=_anchor,
            metavar="POSITION:HASH",
            help="a head of the chain that was kept outside; shows whether the end was cut off (may be repeated)",
        )
        parser.add_argument("--quiet", action="store_true", help="print only what differs")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        differences = list(audit.problems(anchors=options["anchor"]))
        position, chain_hash = audit.head()
        if options["json"]:
            answer = {"differences": differences, "head": {"position": position, "chain_hash": chain_hash}}
            self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=2))
        else:
            for difference in differences[:SHOWN]:
                self.stdout.write(difference)
            if len(differences) > SHOWN:
                self.stdout.write(f"… {len(differences) - SHOWN} more")
            if differences:
                self.stdout.write(f"{len(differences)} differences")
            elif not options["quiet"]:
                self.stdout.write(f"audit trail: {position} rows in the chain, no difference")
            if not options["quiet"]:
                self.stdout.write(f"head of the chain: {position}:{chain_hash}")
        if differences:
            sys.exit(1)
