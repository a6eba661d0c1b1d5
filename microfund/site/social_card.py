"""The picture that stands beside a shared link of a business: 1200 × 630, name, place and use line beside its picture.

It is drawn once for what it shows and kept in the media storage under the hash of that, so a changed name has another
address and nobody's copy is stale. Without a picture of its own, a business is shown by the scene of its trade.
"""

from __future__ import annotations

import hashlib
import io
import json

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image, ImageDraw, ImageFont, ImageOps

from businesses import images
from businesses.models import Business, Picture
from microfund.kernel.typesetting import BOLD, REGULAR

from . import scenes
from .painting import png

WIDTH, HEIGHT = 1200, 630
#: Raised when cards are drawn otherwise, so that those drawn before are not used any more.
DRAWING = 1
PANEL = 660
MARGIN = 64
PAPER, INK, SECOND, SEA, DAWN, LINE = "#FBF8F1", "#142B36", "#455A64", "#0E5A6B", "#B23A1E", "#CFC7B5"


def key(business: Business, hero: Picture | None, language: str) -> str:
    """The hash of everything that the card of a business shows in a language: 32 hexadecimal digits."""
    shown = [DRAWING, language, business.trade, *_texts(business, language), hero.digest if hero else ""]
    return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:32]


def card(business: Business, hero: Picture | None, language: str) -> bytes:
    """The card as PNG bytes: the stored one, or drawn now and stored."""
    name = f"social/{key(business, hero, language)}.png"
    if default_storage.exists(name):
        with default_storage.open(name) as file:
            return bytes(file.read())
    content = draw(business, hero, language)
    default_storage.save(name, ContentFile(content))
    return content


def _texts(business: Business, language: str) -> tuple[str, str, str, str]:
    """Name, name in the other language, town and use line, each from the other language where this one has none."""
    other = "ja" if language == "en" else "en"

    def text(field: str) -> str:
        return str(getattr(business, f"{field}_{language}") or getattr(business, f"{field}_{other}"))

    return text("name"), str(getattr(business, f"name_{other}")), text("town"), text("use_line")


def draw(business: Business, hero: Picture | None, language: str) -> bytes:
    """Draw the card; the same business gives the same bytes."""
    board = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    board.paste(_picture(business, hero), (PANEL, 0))
    pen = ImageDraw.Draw(board)
    pen.line([(PANEL, 0), (PANEL, HEIGHT)], fill=LINE, width=2)
    name, other_name, town, use_line = _texts(business, language)
    y = _unit(pen, MARGIN, MARGIN) + 34
    y = _write(pen, name, y, bold=True, size=54, most=3, colour=INK) + 10
    y = _write(pen, f"{other_name} · {town}" if other_name != name else town, y, size=27, most=2, colour=SECOND) + 26
    _write(pen, use_line, y, size=33, most=4, colour=SEA)
    pen.text((MARGIN, HEIGHT - MARGIN), "Tomobune 友舟", font=_font(26, bold=True), fill=INK, anchor="ls")
    out = io.BytesIO()
    board.save(out, "PNG", optimize=True)
    return out.getvalue()


def _picture(business: Business, hero: Picture | None) -> Image.Image:
    name = images.path(hero, _width(hero.widths)) if hero else ""
    if name and default_storage.exists(name):
        with default_storage.open(name) as file:
            picture = Image.open(io.BytesIO(file.read())).convert("RGB")
    else:
        kind = business.trade
        drawing = scenes.scene(kind) if kind in scenes.SCENES else scenes.hero()
        picture = Image.open(io.BytesIO(png(drawing, WIDTH))).convert("RGB")
    return ImageOps.fit(picture, (WIDTH - PANEL, HEIGHT), Image.Resampling.LANCZOS)


def _width(widths: list[int]) -> int:
    """The smallest rendition that fills its part of the card, else the largest."""
    return min((width for width in widths if width >= 1_000), default=max(widths))


def _unit(pen: ImageDraw.ImageDraw, x: int, y: int) -> int:
    """The mark: a unit cut in half, its gift hatched, for the two colours alone are not told apart by everyone."""
    pen.rectangle([x, y, x + 62, y + 18], fill=SEA)
    pen.rectangle([x + 70, y, x + 132, y + 18], fill=DAWN)
    for start in range(x + 70 - 18, x + 132, 10):
        low, high = max(start, x + 70), min(start + 18, x + 132)
        pen.line([(low, y + 18 - (low - start)), (high, y + 18 - (high - start))], fill=PAPER, width=2)
    return y + 18


def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(BOLD if bold else REGULAR), size)


def _write(
    pen: ImageDraw.ImageDraw, text: str, y: int, *, size: int, most: int, colour: str, bold: bool = False
) -> int:
    """Write a text from the left margin in at most so many lines, smaller if need be; the y below it."""
    room = PANEL - 2 * MARGIN
    while True:
        font = _font(size, bold=bold)
        lines = _lines(text, font, room)
        if len(lines) <= most or size <= 20:
            break
        size -= 3
    if len(lines) > most:
        lines = [*lines[: most - 1], lines[most - 1][:-1] + "…"]
    step = round(size * 1.4)
    for number, line in enumerate(lines):
        pen.text((MARGIN, y + number * step), line, font=font, fill=colour, anchor="lt")
    return y + len(lines) * step


def _lines(text: str, font: ImageFont.FreeTypeFont, room: int) -> list[str]:
    """Break a text to a width: between words where there are spaces, else between letters, as Japanese does."""
    lines: list[str] = []
    line = ""
    for word in _words(text):
        if not line or font.getlength((line + word).rstrip()) <= room:
            line += word
        else:
            lines.append(line.rstrip())
            line = word
        while font.getlength(line.rstrip()) > room and len(line) > 1:
            cut = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or font.getlength(line[:n]) <= room)
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line.rstrip()] if line.strip() else lines


def _words(text: str) -> list[str]:
    """What may not be broken: Latin words with the space after them, Japanese letters with the mark after them."""
    words: list[str] = []
    for letter in " ".join(text.split()):
        joins = words and (
            (letter.isascii() and words[-1][-1].isascii() and words[-1][-1] != " ")
            or letter in "、。,.・)」』〉ー…!?々ぁぃぅぇぉっゃゅょァィゥェォッャュョ"
        )
        if joins:
            words[-1] += letter
        else:
            words.append(letter)
    return words
