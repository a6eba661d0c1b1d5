"""The migrated database that every test database begins as a copy of: made once for what the migrations say, and kept
in the test cluster. What is written after migrating (`post_migrate`) is not in it: copies write it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from unittest import mock

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection

_PREFIX = "migrated_"
#: Held while a template is made; any number does that nobody else takes.
_LOCK = 7_046_021


def _digest() -> str:
    """Of every migration of ours, with its SQL, and of the lock file, which pins those of others."""
    digest = hashlib.sha256()
    root = Path(settings.BASE_DIR)
    own = {path for app in apps.get_app_configs() for path in Path(app.path).glob("**/migrations/**/*.*")}
    for path in sorted(path for path in own if path.suffix in (".py", ".sql") and path.is_relative_to(root)):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update((root / "requirements.lock").read_bytes())
    return digest.hexdigest()[:16]


def migrated() -> str:
    """The name of the template, which is made first if there is none. Templates of other migrations are dropped."""
    name = _PREFIX + _digest()
    own = connection.settings_dict["NAME"]
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [_PREFIX + "%"])
        there = {row[0] for row in cursor.fetchall()}
        if name in there:
            return name
        for old in there:
            cursor.execute(f'DROP DATABASE "{old}"')
        making = f"{name}_making"
        cursor.execute(f'CREATE DATABASE "{making}"')
        connection.close()
        connection.settings_dict["NAME"] = making
        try:
            with mock.patch("django.core.management.commands.migrate.emit_post_migrate_signal"):
                call_command("migrate", verbosity=0, interactive=False)
        finally:
            connection.close()
            connection.settings_dict["NAME"] = own
        cursor.execute(f'ALTER DATABASE "{making}" RENAME TO "{name}"')
    return name
