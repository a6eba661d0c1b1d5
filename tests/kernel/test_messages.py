"""Translations are compiled when they changed, and a catalogue with a hole in it is noticed."""

import gettext
import os
from pathlib import Path

import polib
import pytest

from microfund.kernel import messages


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "locale" / "ja" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    catalogue = polib.POFile()
    catalogue.metadata = {"Content-Type": "text/plain; charset=UTF-8", "Plural-Forms": "nplurals=1; plural=0;"}
    catalogue.append(polib.POEntry(msgid="Fund", msgstr="ファンド"))
    catalogue.append(
        polib.POEntry(
            msgid="%(n)s unit", msgid_plural="%(n)s units", msgstr_plural={0: "%(n)s 口"}, flags=["python-format"]
        )
    )
    catalogue.save(str(folder / "django.po"))
    return tmp_path


def read(project: Path) -> polib.POFile:
    return polib.pofile(str(project / "locale/ja/LC_MESSAGES/django.po"))


def test_a_catalogue_is_compiled_once_and_again_when_it_changed(project):
    (target,) = messages.compile_all(project)
    with target.open("rb") as file:
        assert gettext.GNUTranslations(file).gettext("Fund") == "ファンド"
    assert messages.compile_all(project) == []
    source = target.with_suffix(".po")
    later = target.stat().st_mtime + 5
    os.utime(source, (later, later))
    assert messages.compile_all(project) == [target]
    assert [path.name for path in target.parent.iterdir() if path.suffix not in (".po", ".mo")] == []


def test_a_complete_catalogue_has_no_fault(project):
    assert messages.faults(read(project)) == []


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (polib.POEntry(msgid="Open", msgstr=""), "not translated: 'Open'"),
        (polib.POEntry(msgid="Open", msgstr="公開", flags=["fuzzy"]), "fuzzy: 'Open'"),
        (polib.POEntry(msgid="Hi %(name)s", msgstr="こんにちは"), "other placeholders than its source: 'Hi %(name)s'"),
        (polib.POEntry(msgid="{n} of {m}", msgstr="{n}/{k}"), "other placeholders than its source: '{n} of {m}'"),
        (polib.POEntry(msgid="a day", msgid_plural="days", msgstr_plural={0: ""}), "not translated: 'a day'"),
    ],
)
def test_a_fault_is_named(project, entry, fault):
    catalogue = read(project)
    catalogue.append(entry)
    assert messages.faults(catalogue) == [fault]


def test_entries_no_longer_used_are_not_judged(project):
    catalogue = read(project)
    catalogue.append(polib.POEntry(msgid="Gone", msgstr="", obsolete=True))
    assert messages.faults(catalogue) == []
