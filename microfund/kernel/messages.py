"""Translations: compiled without gettext's tools, checked against what the code and the templates say.

``python -m microfund.kernel.messages compile|extract|check``. Compiling needs polib alone, so a bare machine can run
the site; extraction needs ``xgettext`` (package gettext) and the check says so where it is missing.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = ("ja",)  # English is the source
_SOURCES = ("businesses", "investments", "rewards", "microfund", "templates", "locale", "static")
_IGNORED = ("microfund/sandbox/*", "static/*")
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")


def catalogues(root: Path = ROOT) -> list[Path]:
    """Every ``.po`` file of the project."""
    return sorted(root.glob("locale/*/LC_MESSAGES/*.po"))


def stale(root: Path = ROOT) -> list[Path]:
    """The catalogues whose ``.mo`` is missing or older."""
    return [source for source in catalogues(root) if _written(source.with_suffix(".mo")) < _written(source)]


def _written(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def compile_all(root: Path = ROOT) -> list[Path]:
    """Compile each stale catalogue; returns the files written."""
    written = []
    for source in stale(root):
        target = source.with_suffix(".mo")
        # Beside its place first: a running site never reads half a file.
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        polib.pofile(str(source)).save_as_mofile(str(draft))
        draft.replace(target)
        written.append(target)
    return written


def extract(root: Path = ROOT) -> None:
    """Bring the catalogues up to date with the code and the templates. Raises ``CalledProcessError``."""
    command = [sys.executable, "manage.py", "makemessages", "--extension", "py,html,txt", "--no-wrap"]
    command += ["--add-location", "file", "--no-obsolete", "--verbosity", "0"]
    for pattern in _IGNORED:
        command += ["--ignore", pattern]
    for language in LANGUAGES:
        (root / "locale" / language / "LC_MESSAGES").mkdir(parents=True, exist_ok=True)
        command += ["--locale", language]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "microfund.settings.test"}
    subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True, text=True)


def faults(catalogue: polib.POFile) -> list[str]:
    """What is wrong with the entries themselves: fuzzy, empty, or with other placeholders than their source."""
    found = []
    for entry in catalogue:
        if entry.obsolete:
            continue
        texts = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
        if entry.fuzzy:
            found.append(f"fuzzy: {entry.msgid!r}")
        elif not all(texts):
            found.append(f"not translated: {entry.msgid!r}")
        else:
            sources = [entry.msgid_plural, entry.msgid] if entry.msgid_plural else [entry.msgid]
            allowed = [sorted(_PLACEHOLDER.findall(source)) for source in sources]
            found += [
                f"other placeholders than its source: {entry.msgid!r}"
                for text in texts
                if sorted(_PLACEHOLDER.findall(text)) not in allowed
            ]
    return found


def check(root: Path = ROOT) -> list[str]:
    """Every fault of every catalogue, one line each; the project itself is not touched.

    Where ``xgettext`` exists, messages that the code has and the catalogue lacks (or the other way round) count too.
    """
    lines = []
    for source in catalogues(root):
        lines += [f"{source.relative_to(root)}: {fault}" for fault in faults(polib.pofile(str(source)))]
    for language in LANGUAGES:
        if not (root / "locale" / language / "LC_MESSAGES" / "django.po").exists():
            lines.append(f"locale/{language}/LC_MESSAGES/django.po: missing")
    if shutil.which("xgettext"):
        lines += _against_the_code(root)
    return lines


def _against_the_code(root: Path) -> list[str]:
    lines = []
    with tempfile.TemporaryDirectory(prefix="tomobune-messages-") as folder:
        copy = Path(folder)
        for part in _SOURCES:
            if (root / part).exists():
                skipped = shutil.ignore_patterns("*.mo", "__pycache__", "*.woff2", "*.ttf", "*.jpg", "*.png", "sandbox")
                shutil.copytree(root / part, copy / part, ignore=skipped)
        shutil.copy2(root / "manage.py", copy)
        try:
            extract(copy)
        except subprocess.CalledProcessError as error:
            return [f"messages could not be extracted: {(error.stderr or error.stdout).strip().splitlines()[-1]}"]
        for fresh in catalogues(copy):
            name = fresh.relative_to(copy)
            now = {(entry.msgctxt, entry.msgid) for entry in polib.pofile(str(fresh)) if not entry.obsolete}
            kept = polib.pofile(str(root / name)) if (root / name).exists() else polib.POFile()
            then = {(entry.msgctxt, entry.msgid) for entry in kept if not entry.obsolete}
            lines += [f"{name}: not in the catalogue: {text!r}" for _, text in sorted(now - then, key=str)]
            lines += [f"{name}: nothing uses it any more: {text!r}" for _, text in sorted(then - now, key=str)]
    return lines


def main(argv: list[str] | None = None) -> int:
    """Command line; 1 when the check finds a fault or a tool is missing."""
    parser = argparse.ArgumentParser(prog="python -m microfund.kernel.messages", description=__doc__)
    parser.add_argument("what", choices=["compile", "extract", "check"])
    what = parser.parse_args(argv).what
    if what == "check":
        lines = check()
        for line in lines:
            sys.stderr.write(f"{line}\n")
        if not shutil.which("xgettext"):
            sys.stdout.write("translations: comparison with the code SKIPPED: no xgettext here (package gettext)\n")
        sys.stdout.write(f"translations: {len(lines)} faults\n")
        return 1 if lines else 0
    if what == "extract":
        if not shutil.which("xgettext"):
            sys.stderr.write("Extraction needs xgettext: install the package gettext.\n")
            return 1
        try:
            extract()
        except subprocess.CalledProcessError as error:
            sys.stderr.write(error.stderr or error.stdout)
            return 1
    for path in compile_all():
        sys.stdout.write(f"compiled {path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
