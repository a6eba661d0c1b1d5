"""Private files: what a process that died left behind is swept away, and nothing that a row names ever is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from microfund.kernel import clock, private
from tests.architecture import code

#: Folders and the modules that write to them; each names its own `FOLDER`.
WRITERS = re.compile(r"\bprivate\.(?:put|stored)\((.+?),")
OLD = timedelta(days=1, seconds=5)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, settings: Any) -> None:
    settings.PRIVATE_ROOT = tmp_path


@pytest.fixture
def rows() -> Iterator[set[str]]:
    """The only folder there is, and the files in it that a row names."""
    names: set[str] = set()
    with mock.patch.object(private, "_owners", {"papers": lambda some: names & set(some)}):
        yield names


def put(*, age: timedelta = OLD, folder: str = "papers") -> str:
    name, _key = private.put(folder, b"paper")
    written = (clock.machine() - age).timestamp()
    os.utime(private.storage().path(name), (written, written))
    return name


def sweep(ahead: timedelta = timedelta(0)) -> int:
    at = clock.machine() + ahead
    return private.sweep_orphans(on=at.date(), at=at)["deleted"]


def there(name: str) -> bool:
    return private.storage().exists(name)


def test_only_a_file_that_is_a_day_old_and_has_no_row_goes(rows: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "_AT_ONCE", 2)  # several portions
    named, fresh, lost = [put() for _file in range(3)], put(age=timedelta(hours=23)), [put() for _file in range(4)]
    rows |= set(named)
    assert sweep() == 4
    assert [there(name) for name in (*named, fresh, *lost)] == [True] * 4 + [False] * 4
    assert sweep() == 0


def test_a_moved_clock_makes_no_file_old(rows: set[str]) -> None:
    """Its row is about to be committed, whatever year the demo is in."""
    fresh = put(age=timedelta(seconds=1))
    assert sweep(ahead=timedelta(days=3_650)) == 0 and there(fresh)


def test_a_folder_that_nobody_owns_is_left_alone(rows: set[str]) -> None:
    other = put(folder="others")
    assert sweep() == 0 and there(other)


def test_whoever_writes_private_files_says_which_are_named() -> None:
    """A folder that is not registered would keep what a killed process left there for ever."""
    folders = set()
    for path in code.files(*code.PRODUCT):
        text = path.read_text(encoding="utf-8")
        for argument in WRITERS.findall(text):
            (folder,) = re.findall(r'^FOLDER = "(\w+)"$', text, re.MULTILINE)
            assert argument == "FOLDER", f"{code.name_of(path)} writes to {argument}"
            folders.add(folder)
    assert folders == set(private._owners) and len(folders) >= 3
