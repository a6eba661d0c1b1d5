"""The look holds together: contrasts, both themes, no inline code, every element in place."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders

from microfund.site import one_sheet

ROOT = Path(settings.BASE_DIR)
CSS = ROOT / "static" / "css"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAGES = [path for path in TEMPLATES if "email" not in path.relative_to(ROOT / "templates").parts]


def tokens(selector: str, sheet: str = "tokens.css") -> dict[str, str]:
    """Custom properties of the first block that stands under ``selector``."""
    text = (CSS / sheet).read_text()
    block = text[text.index(selector) :].split("{", 1)[1].split("}", 1)[0]
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", block))


def luminance(colour: str) -> float:
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


#: Text at 4.5:1, edges of controls and the focus ring at 3:1 (WCAG 2.2, 1.4.3 and 1.4.11).
PAIRS = [
    *((text, ground, 4.5) for text in ("ink", "ink-2", "sea", "dawn", "error") for ground in ("paper", "surface")),
    ("ink", "sunken", 4.5),
    ("ink-2", "sunken", 4.5),
    ("sea", "sunken", 4.5),
    ("on-sea", "sea", 4.5),
    ("on-sea", "sea-strong", 4.5),
    ("sea-strong", "sea-tint", 4.5),
    ("ink", "sea-tint", 4.5),
    ("dawn-strong", "dawn-tint", 4.5),
    ("gold-ink", "gold-tint", 4.5),
    ("ink", "gold-tint", 4.5),
    ("moss", "moss-tint", 4.5),
    ("ink", "moss-tint", 4.5),
    ("error", "error-tint", 4.5),
    ("ink", "error-tint", 4.5),
    ("control", "paper", 3.0),
    ("control", "surface", 3.0),
    ("focus", "paper", 3.0),
    ("focus", "surface", 3.0),
    ("dawn-strong", "surface", 3.0),
]


@pytest.mark.parametrize(("text", "ground", "least"), PAIRS)
@pytest.mark.parametrize("theme", [":root {", ':root[data-theme="dark"]'], ids=["light", "dark"])
def test_colours_that_meet_can_be_told_apart(theme: str, text: str, ground: str, least: float) -> None:
    values = tokens(theme)
    assert contrast(values[text], values[ground]) >= least


def test_the_contrast_formula_knows_black_on_white() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#E0A020", "#FBF8F1") < 3, "gold would pass as text, and must not"


def test_both_copies_of_the_dark_theme_are_the_same() -> None:
    chosen, preferred = tokens(':root[data-theme="dark"]'), tokens(':root:not([data-theme="light"])')
    assert chosen == preferred
    assert set(chosen) <= set(tokens(":root {"))


def test_paper_knows_no_dark_theme() -> None:
    printed = tokens(":root:root:root", "print.css")
    assert set(printed) == set(tokens(':root[data-theme="dark"]'))
    assert contrast(printed["ink"], printed["paper"]) == pytest.approx(21)


def test_every_token_that_is_used_is_defined() -> None:
    defined = set(tokens(":root {"))
    for sheet in CSS.glob("*.css"):
        used = set(re.findall(r"var\(--([\w-]+)", sheet.read_text()))
        assert used <= defined, f"{sheet.name}: {sorted(used - defined)}"


def test_the_style_sheets_stay_within_their_budget() -> None:
    assert len(gzip.compress(one_sheet.put_together().encode())) <= 22 * 1024
    scripts = sum(len(gzip.compress(path.read_bytes())) for path in (ROOT / "static" / "js").glob("*.js"))
    assert scripts <= 12 * 1024


def test_a_page_asks_for_one_style_sheet_that_holds_all_of_them() -> None:
    for path in PAGES:
        source = path.read_text()
        asked = re.findall(r"""href="{% static 'css/([\w.]+)' %}\"""", source)
        if path.is_relative_to(ROOT / "templates" / "admin"):
            continue
        fixed = re.findall(r'href="{{ files }}css/([\w.]+)"', source)
        assert asked == (["site.css"] if path.name == "base.html" and "<head>" in source else []), path.name
        assert fixed == (["site.css"] if path.name == "plain_error.html" else []), path.name
    found = finders.find(one_sheet.NAME)
    assert found and Path(found).read_text() == one_sheet.put_together()
    assert {f"{name}.css" for name in one_sheet.SHEETS} == {sheet.name for sheet in CSS.glob("*.css")} - {"staff.css"}
    text, paper = Path(found).read_text(), (CSS / "print.css").read_text()
    assert text.endswith(f"@media print {{\n{paper}}}\n")
    for sheet in one_sheet.SHEETS:
        assert (CSS / f"{sheet}.css").read_text() in text


def test_what_stands_in_the_one_sheet_follows_its_sources(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR, settings.BASE_DIR = tmp_path / "data", tmp_path
    (tmp_path / "static" / "css").mkdir(parents=True)
    for name in one_sheet.SHEETS:
        (tmp_path / "static" / "css" / f"{name}.css").write_text(f".{name} {{ }}\n")
    first = Path(finders.find(one_sheet.NAME) or "")
    changed = first.stat().st_mtime_ns
    assert Path(finders.find(one_sheet.NAME) or "").stat().st_mtime_ns == changed, "it is written without need"
    (tmp_path / "static" / "css" / "flow.css").write_text(".other { }\n")
    assert ".other { }" in Path(finders.find(one_sheet.NAME) or "").read_text()


INLINE = re.compile(
    r"<style\b|\sstyle\s*=|\son(?:click|change|submit|load|input|error)\s*=|javascript:"
    r"|<script\b(?![^>]*\bsrc=)(?![^>]*application/(?:ld\+)?json)",
    re.IGNORECASE,
)


# A stored document must be whole in itself for ten years and more: its few styles stand in it, under its own policy.
STANDS_ALONE = ROOT / "templates" / "investments" / "documents" / "_frame.html"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_no_page_has_inline_style_or_script(path: Path) -> None:
    source = path.read_text()
    if path == STANDS_ALONE:
        assert source.count("<style>") == 1
        source = source.replace("<style>", "")
    found = INLINE.search(source)
    assert found is None, found and found.group(0)


def test_the_search_for_inline_code_finds_it() -> None:
    for bad in (
        "<p style='width:3%'>",
        '<a onclick="x()">',
        "<script>alert(1)</script>",
        "<style>p{}</style>",
        '<a href="javascript:x">',
    ):
        assert INLINE.search(bad), bad
    assert INLINE.search('<script type="module" src="/a.js"></script>') is None


def test_every_icon_that_is_asked_for_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static" / "img" / "icons.svg").read_text()))
    assert len(drawn) >= 24
    for path in PAGES:
        asked = set(re.findall(r'{% icon "([\w-]+)"', path.read_text()))
        asked |= set(re.findall(r'\bicon="([\w-]+)"', path.read_text()))
        assert asked <= drawn, f"{path.name}: {sorted(asked - drawn)}"


def test_svg_files_carry_no_style_and_no_script() -> None:
    for path in (ROOT / "static" / "img").glob("*.svg"):
        text = path.read_text()
        assert INLINE.search(text) is None, path.name
        assert "http" not in text.replace("http://www.w3.org/2000/svg", ""), path.name
