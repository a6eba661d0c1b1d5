"""`manage.py verify_ledger`: run every integrity check; exit 1 with the rows that differ (domain.md section 9)."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError

from microfund.kernel import commands, integrity

SHOWN = 100


class Command(commands.Command):
    help = "Check the journal against orders, payments, holdings, counters and documents; exit 1 if a row differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("checks", nargs="*", metavar="CHECK", help="only these checks, such as ledger.entries")
        parser.add_argument("--quiet", action="store_true", help="print only the rows that differ")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--all", action="store_true", help=f"print every row (default: {SHOWN} for each check)")

    def handle(self, *args: Any, **options: Any) -> None:
        known = {check.name for check in integrity.checks()}
        unknown = sorted(set(options["checks"]) - known)
        if unknown:
            raise CommandError(f"unknown: {', '.join(unknown)}; the checks are {', '.join(sorted(known))}")
        outcomes = []
        try:
            for outcome in integrity.run(options["checks"] or None):
                outcomes.append(outcome)
                if not options["json"]:
                    self._print(outcome, quiet=options["quiet"], limit=None if options["all"] else SHOWN)
        except (integrity.Unfinished, DatabaseError) as error:
            raise CommandError(f"The books were not verified: {' '.join(str(error).split())}") from error
        differences = sum(len(outcome.differences) for outcome in outcomes)
        if options["json"]:
            self._print_json(outcomes, differences)
        elif differences:
            self.stdout.write(f"{differences} differences")
        elif not options["quiet"]:
            self.stdout.write(f"{len(outcomes)} checks, no difference")
        if differences:
            sys.exit(1)

    def _print(self, outcome: integrity.Outcome, *, quiet: bool, limit: int | None) -> None:
        found = outcome.differences
        if not found and quiet:
            return
        verdict = f"{len(found)} differ" if found else "ok"
        self.stdout.write(f"{outcome.check.name:<26} {verdict:<10} {outcome.check.promise} ({outcome.seconds:.2f} s)")
        for difference in found[:limit]:
            self.stdout.write(f"    {difference}")
        if limit is not None and len(found) > limit:
            self.stdout.write(f"    … {len(found) - limit} more (--all prints them)")

    def _print_json(self, outcomes: list[integrity.Outcome], differences: int) -> None:
        rows = [
            {
                "check": outcome.check.name,
                "section": outcome.check.section,
                "promise": outcome.check.promise,
                "differences": outcome.differences,
                "seconds": round(outcome.seconds, 3),
            }
            for outcome in outcomes
        ]
        self.stdout.write(json.dumps({"differences": differences, "checks": rows}, ensure_ascii=False, indent=2))
