"""PDF set by typst: from a template file and plain data, with our own fonts only, the same bytes for the same input.

Data reaches a template as text in ``sys.inputs.data`` (JSON), never as markup, so nothing that a person wrote can be a
command of typst. System fonts are off and no file outside the template's folder can be read: what a page looks like
depends on this repository alone. The fonts are BIZ UDPGothic (OFL, ``fonts/OFL.txt``); they are not served.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import typst

FONT_FOLDER = Path(__file__).resolve().parent / "fonts"
REGULAR = FONT_FOLDER / "BIZUDPGothic-Regular.ttf"
BOLD = FONT_FOLDER / "BIZUDPGothic-Bold.ttf"


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONT_FOLDER)])


def pdf(template: Path, data: Mapping[str, Any], *, at: datetime) -> bytes:
    """The bytes of a tagged PDF/A; `at` is the only instant in it. Raises ``typst.TypstError``, ``FileNotFoundError``.

    PDF/A-2a is what archives ask for: fonts embedded, text that can be selected and read aloud, nothing from outside.
    """
    missing = [path.name for path in (REGULAR, BOLD) if not path.exists()]
    if missing:
        # Without them typst would set a page of nothing, and the bytes are kept for ten years.
        raise FileNotFoundError(f"fonts of the PDF are missing: {', '.join(missing)}")
    result: bytes = typst.compile(
        str(template),
        root=str(template.parent),
        font_paths=_fonts(),
        format="pdf",
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        pdf_standards="a-2a",
        timestamp=int(at.timestamp()),
    )
    return result
