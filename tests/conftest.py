"""The ground every test stands on: a real PostgreSQL with the house's triggers, mail in memory, files of its own."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from tests.sandbox_client import SandboxProcess

_TRUNCATE_GUARDS = """
SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE '%no\\_truncate'
"""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Django's test database, less the triggers that refuse TRUNCATE.

    Tests with real commits are cleaned up by TRUNCATE; every other trigger stays. `flush` then sends post_migrate,
    which writes the baseline (policy, tax rates, operator's book, staff groups) anew.
    """
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(_TRUNCATE_GUARDS)
        guards = cursor.fetchall()
        assert guards, "the migrations have put no guard against TRUNCATE on the journal"
        for trigger, table in guards:
            cursor.execute(f'DROP TRIGGER "{trigger}" ON {table}')


@pytest.fixture(scope="session", autouse=True)
def media_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A folder for pictures that only this worker uses."""
    folder = str(tmp_path_factory.mktemp("media"))
    with override_settings(MEDIA_ROOT=folder):
        yield folder


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[SandboxProcess]:
    """One payment and bank sandbox for this worker."""
    with SandboxProcess() as process:
        yield process


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess, settings: Any) -> SandboxProcess:
    """The sandbox, empty, with our settings speaking to it."""
    sandbox_process.control("reset")
    settings.SANDBOX_URL = sandbox_process.url
    settings.STRIPE_SECRET_KEY = sandbox_process.secret_key
    settings.STRIPE_WEBHOOK_SECRET = sandbox_process.webhook_secret
    settings.STRIPE_TIMEOUT_SECONDS = 3
    return sandbox_process
