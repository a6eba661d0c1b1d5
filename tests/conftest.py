"""The ground every test stands on: a real PostgreSQL with the house's triggers, mail in memory, files of its own."""

import gc
import json
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import TransactionTestCase, override_settings
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from microfund.kernel import typesetting
from tests import clean, template
from tests.sandbox_client import SandboxProcess

#: Longer than most tests last. Midnight is that of Tokyo and of UTC, in which some dates of the tests are reckoned.
BEFORE_MIDNIGHT_SECONDS = 60
_OFFSETS = (0, 9 * 3600)
_DAY = 86_400


def seconds_to_midnight(at: float) -> float:
    """How long until the date changes in Tokyo or in UTC."""
    return min(_DAY - (at + offset) % _DAY for offset in _OFFSETS)


# A property holds however long an example takes: on a busy machine each of them may be the slow one.
hypothesis_settings.register_profile(
    "tomobune",
    parent=hypothesis_settings.get_profile(hypothesis_settings.get_current_profile_name()),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.load_profile("tomobune")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Let midnight pass before a test begins: one that asks for today's date twice would be told two."""
    left = seconds_to_midnight(time.time())
    if left < BEFORE_MIDNIGHT_SECONDS:
        time.sleep(left + 0.1)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow proofs begin first, half of them on each of two workers, so that none is left alone with them at the
    end; whoever is done takes over from the other (`--dist worksteal`, which gives each a half of this list). The
    cases of one proof are spread; what else is in a file stays together, since it may share what it begins with."""
    chunks: dict[object, list[pytest.Item]] = {}
    quick = []
    for item in items:
        if item.get_closest_marker("faults"):
            chunks.setdefault(item if hasattr(item, "callspec") else item.path, []).append(item)
        else:
            quick.append(item)
    halves = list(chunks.values())
    first, second = ([item for chunk in half for item in chunk] for half in (halves[::2], halves[1::2]))
    begun = max(0, len(items) // 2 - len(first))
    items[:] = [*first, *quick[:begun], *second, *quick[begun:]]


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is loaded by now stays: the garbage collector, which looks at all of it again and again, would take a tenth
    of the suite's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, django_db_blocker: Any) -> None:
    """Test databases are copies of a migrated one."""
    with django_db_blocker.unblock():
        connection.settings_dict["TEST"]["TEMPLATE"] = template.migrated()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Django's test database, which tests with real commits put back by themselves: no flush, whose TRUNCATE the
    database refuses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", clean.put_back)
        with django_db_blocker.unblock():
            clean.keep()
        yield


@pytest.fixture(scope="session", autouse=True)
def media_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Folders for pictures and private files that only this worker uses."""
    folder = str(tmp_path_factory.mktemp("media"))
    private = str(tmp_path_factory.mktemp("private"))
    with override_settings(MEDIA_ROOT=folder, PRIVATE_ROOT=private):
        yield folder


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """A request in Japanese leaves that language active in this thread: no test begins in the one before's."""
    translation.deactivate()
    yield
    translation.deactivate()


TYPESET = typesetting.pdf


def _quick_pdf(template: Path, data: Mapping[str, Any], *, at: datetime) -> bytes:
    return b"%PDF-1.7\n" + json.dumps([template.name, data, at.isoformat()], ensure_ascii=False).encode()


@pytest.fixture(scope="session", autouse=True)
def quick_pdfs() -> Iterator[None]:
    """Opening a fund sets six documents, which takes half a second: here they are set by something quicker that is
    given the same data. What a PDF holds and looks like is tested with `typeset`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typesetting, "pdf", _quick_pdf)
        yield


@pytest.fixture
def typeset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Typst itself, as on the site."""
    monkeypatch.setattr(typesetting, "pdf", TYPESET)


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
    settings.STRIPE_TIMEOUT_SECONDS = 30
    return sandbox_process
