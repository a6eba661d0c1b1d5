"""All styles of the site's pages as one file, `css/site.css`: a page asks for one, while the sources stay apart.

A finder of static files (`STATICFILES_FINDERS`): collectstatic, the demo and the test server find the file as if it
stood in `static/css/` beside its sources. It is written anew under the data folder when one of them has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

NAME = "css/site.css"
#: In the order in which one overrules the other. The console's `staff.css` stands on Django's own sheets instead.
SHEETS = ("tokens", "base", "elements", "layouts", "pages", "flow", "news", "print")


def put_together() -> str:
    """The sheets as they stand in `static/css/`, the last one for paper only."""
    folder = settings.BASE_DIR / "static" / "css"
    *screens, paper = ((folder / f"{name}.css").read_text(encoding="utf-8") for name in SHEETS)
    return "\n".join([*screens, f"@media print {{\n{paper}}}\n"])


class OneSheetFinder(BaseFinder):
    """Finds `css/site.css`, and nothing else."""

    def check(self, **kwargs: Any) -> list[Any]:
        """Nothing can be configured wrongly."""
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> str | list[str]:
        """Where the file is, if it is the one that is asked for."""
        found = [str(_written() / NAME)] if path == NAME else []
        return found if find_all else (found or [""])[0]

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        """The file for collectstatic, with the storage that it is copied from."""
        yield NAME, FileSystemStorage(location=_written())


def _written() -> Path:
    """The folder with the file, which is as new as its sources."""
    folder: Path = settings.DATA_DIR / "styles"
    file, text = folder / NAME, put_together()
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)  # whoever reads it meanwhile reads a whole one
    return folder
