"""SQL that belongs to a migration lives in a .sql file beside it."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations


def run_sql_file(migration_file: str, name: str, *, instead_of: str = "") -> migrations.RunSQL:
    """Run `sql/<name>.sql` beside the migration forwards and `sql/<name>.reverse.sql` backwards. What it puts in the
    place of an earlier file, `instead_of`, is undone by that file, reversed and run again."""
    folder = Path(migration_file).resolve().parent / "sql"
    back = [f"{instead_of}.reverse.sql", f"{instead_of}.sql"] if instead_of else [f"{name}.reverse.sql"]
    return migrations.RunSQL(
        sql=(folder / f"{name}.sql").read_text(encoding="utf-8"),
        reverse_sql="\n".join((folder / file).read_text(encoding="utf-8") for file in back),
    )
