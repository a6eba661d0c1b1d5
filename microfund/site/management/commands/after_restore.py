"""`manage.py after_restore`: what must happen between restoring a backup and starting the site (docs/operations.md)."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import ProgrammingError, connection, transaction

from microfund.kernel import clock, commands
from microfund.kernel.audit import services as audit

# Rows whose number is an idempotency key or a reference at the payment provider: never given twice.
NUMBERED = ("investments_paymentattempt", "investments_refund")
SKIP = 1_000_000
# Rows that know the transaction which wrote them, the trigger that keeps them, and which of them still ask about it.
SEALED = (
    ("investments_entry", "investments_entry_kept", "true"),
    (
        "audit_auditrow",
        "audit_row_kept",
        "NOT EXISTS (SELECT FROM audit_auditseal AS seal WHERE seal.row_id = audit_auditrow.id)",
    ),
)


class Command(commands.Command):
    help = (
        "Run once after restoring a backup, before anything is started: numbers that the payment provider has seen are "
        "not used again, and rows of another cluster no longer wait for its transactions. Needs the tables' owner."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--skip", type=int, default=SKIP, help=f"how many numbers to leave out (default: {SKIP})")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["skip"] < 1:
            raise CommandError("--skip: at least 1")
        try:
            with transaction.atomic():
                changes = {**self._skip_numbers(options["skip"]), **self._settle_transactions()}
                audit.record(
                    action="site.restored",
                    subject=("database", connection.settings_dict["NAME"]),
                    at=clock.machine(),
                    actor="after_restore",
                    changes=changes,
                )
        except ProgrammingError as error:
            reason = str(error).splitlines()[0]
            raise CommandError(f"{reason}: run this as the role that owns the tables") from error
        for name, value in changes.items():
            self.stdout.write(f"{name}: {value}")
        self.stdout.write("Now run verify_ledger and verify_audit, then start the worker.")

    def _skip_numbers(self, skip: int) -> dict[str, int]:
        """Let the sequences go on far beyond anything given since the backup; returns the next number by table."""
        found = {}
        with connection.cursor() as cursor:
            for table in NUMBERED:
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence(%s, 'id'), greatest(max(id), 0) + %s) FROM {table}",  # noqa: S608
                    [table, skip],
                )
                found[f"{table}: numbers from"] = cursor.fetchone()[0] + 1
        return found

    def _settle_transactions(self) -> dict[str, int]:
        """Rows written by transactions that this cluster has not begun yet belong to no transaction any more.

        A cluster that was made from a dump counts transactions anew. Without this an old journal entry would be open to
        the one transaction that happens to get its number, and audit rows not sealed yet would wait for theirs.
        """
        found = {}
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            (oldest,) = cursor.fetchone()
            for table, guard, waiting in SEALED:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {guard}")
                cursor.execute(
                    f"UPDATE {table} SET xact = 0 WHERE xact >= %s AND {waiting}",  # noqa: S608 - our own literals
                    [oldest],
                )
                found[f"{table}: rows of another cluster"] = cursor.rowcount
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {guard}")
        return found
