"""`manage.py rotate_field_keys [--check]`: put everything encrypted at rest under the first field key."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from microfund.kernel import clock, commands
from microfund.kernel.audit import services as audit
from microfund.site import field_keys

PASSES = 20
SHOWN = 20


class Command(commands.Command):
    help = (
        "Re-encrypt every encrypted field and second factor under the first key of FIELD_ENCRYPTION_KEYS, beside "
        "traffic; may be stopped and run again at any time. Exit 0 means that no older key is needed any more."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; exit 1 if an older key is still needed"
        )
        parser.add_argument("--batch", type=int, default=field_keys.BATCH, help="rows of one transaction")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["batch"] < 1:
            raise CommandError("--batch: at least 1")
        results = [
            self._column(column, options["batch"], write=not options["check"]) for column in field_keys.columns()
        ]
        renewed, missed = sum(found.renewed for found in results), sum(found.missed for found in results)
        unreadable = sum(len(found.unreadable) for found in results)
        if renewed:
            audit.record(
                action="field_keys.rotated",
                subject=("field_keys", "first"),
                at=clock.machine(),
                actor="rotate_field_keys",
                changes={str(found.column): found.renewed for found in results if found.renewed},
            )
        if unreadable:
            raise CommandError(f"{unreadable} values open under none of the keys; they were left as they are")
        if missed and options["check"]:
            raise CommandError(f"{missed} values still need an older key; run this command without --check")
        if missed:
            raise CommandError(f"{missed} values were in use the whole time; run this command again")
        self.stdout.write("Everything is under the first key; older keys can be dropped.")

    def _column(self, column: field_keys.Column, batch: int, *, write: bool) -> field_keys.Result:
        """Pass over one column until nothing is left, and say what was found."""
        found = field_keys.run_pass(column, batch=batch, write=write)
        renewed, again = found.renewed, write and found.outdated > 0
        for tries in range(1, PASSES):
            # A value that was renewed can come back: somebody who had read the row before may save it afterwards.
            if not again:
                break
            time.sleep(min(0.05 * tries, 1.0))
            found = field_keys.run_pass(column, batch=batch, write=True)
            renewed += found.renewed
            again = found.outdated > 0
        found.outdated, found.renewed = renewed + found.missed, renewed
        self.stdout.write(f"{column!s:<48} {found.values:>9} values, {renewed} renewed, {found.missed} to do")
        for pk in found.unreadable[:SHOWN]:
            self.stderr.write(f"    {column}: row {pk} opens under none of the keys")
        return found
