"""SQL that belongs to a migration lives in a .sql file beside it."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations


def run_sql_file(migration_file: str, name: str) -> migrations.RunSQL:
    """Run `sql/<name>.sql` beside the migration forwards and `sql/<name>.reverse.sql` backwards."""
    folder = Path(migration_file).resolve().parent / "sql"
    return migrations.RunSQL(
        sql=(folder / f"{name}.sql").read_text(encoding="utf-8"),
        reverse_sql=(folder / f"{name}.reverse.sql").read_text(encoding="utf-8"),
    )
