"""Specimens of identity cards for the demo: plainly drawn, marked as such, nobody's."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

_SIZE = (1280, 808)


def specimen(side: str, lines: list[str]) -> io.BytesIO:
    """A card with these lines of Latin text as a JPEG; `side` is printed on it."""
    card = Image.new("RGB", _SIZE, "#e9eef0")
    draw = ImageDraw.Draw(card)
    draw.rounded_rectangle((24, 24, _SIZE[0] - 24, _SIZE[1] - 24), 36, fill="#fbfaf6", outline="#0e5a6b", width=8)
    draw.rectangle((24, 110, _SIZE[0] - 24, 128), fill="#b23a1e")
    draw.text((70, 48), f"SPECIMEN  {side.upper()}", font=ImageFont.load_default(44), fill="#142b36")
    for number, line in enumerate(lines):
        draw.text((70, 190 + number * 86), line, font=ImageFont.load_default(46), fill="#142b36")
    if side == "front":
        draw.rectangle((900, 200, 1190, 580), fill="#cfd8dc", outline="#455a64", width=4)
        draw.ellipse((980, 250, 1110, 390), fill="#90a4ae")
        draw.pieslice((930, 410, 1160, 720), 180, 360, fill="#90a4ae")
    out = io.BytesIO()
    card.save(out, "JPEG", quality=85)
    out.seek(0)
    return out
