"""Names as banks write them: half-width katakana, upper-case letters, digits and a few signs (JIS X 0201)."""

from __future__ import annotations

import unicodedata

# Half-width forms are U+FF61..U+FF9F; what each looks like at full width is its compatibility form.
_HALF = {unicodedata.normalize("NFKC", chr(c)): chr(c) for c in range(0xFF61, 0xFFA0)}
_MARKS = {"\u3099": "ﾞ", "\u309a": "ﾟ", "\u309b": "ﾞ", "\u309c": "ﾟ"}
_SMALL = str.maketrans("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ")
_DASHES = str.maketrans(dict.fromkeys("ー‐‑‒–—―−ｰ－", "-"))
_ALLOWED = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ ()-./,｢｣\\") | frozenset(
    chr(c) for c in range(0xFF66, 0xFFA0)
)


def half_width(text: str) -> str:
    """The text as a bank would print it. Raises ValueError naming the first character it cannot write."""
    wide = unicodedata.normalize("NFKC", text.strip()).upper()
    wide = "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ゖ" else c for c in wide)
    wide = wide.translate(_SMALL).translate(_DASHES)
    return "".join(_half(char) for char in wide)


def _half(char: str) -> str:
    """One character, voiced ones as two: the kana and its mark."""
    parts = [_MARKS.get(part) or _HALF.get(part, part) for part in unicodedata.normalize("NFD", char)]
    if not _ALLOWED.issuperset(parts):
        raise ValueError(char)
    return "".join(parts)
