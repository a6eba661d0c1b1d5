"""Names and codes as banks write them, made comparable."""

from __future__ import annotations

import re
import unicodedata

# Banks print small kana large, one dash for all, and no dots.
_LARGE = str.maketrans("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ")
_DASHES = str.maketrans(dict.fromkeys("ー‐‑‒–—―−ｰ－", "-"))
_IGNORED = re.compile(r"[\s.・·]+")
# Legal forms as banks print them (after small kana became large): in brackets at either end, or written out.
_FORMS = "カ|ユ|ド|メ|シ|イ|シヤ|ザイ|ガク|フク|シユウ|ソ|トクヒ|ノウ|ギヨキヨウ|キヨウクミ|ホゴ"
_FORM_IN_BRACKETS = re.compile(rf"^\(?(?:{_FORMS})\)|\((?:{_FORMS})\)?$")
_FORM_IN_FULL = re.compile(
    r"^(?:{0})|(?:{0})$".format(
        "カブシキ[ガカ]イシヤ|ユウゲン[ガカ]イシヤ|ゴウドウ[ガカ]イシヤ|ゴウメイ[ガカ]イシヤ|ゴウシ[ガカ]イシヤ"
        "|イリヨウホウジン(?:シヤダン|ザイダン)?|(?:イツパン|コウエキ)?(?:シヤダン|ザイダン)ホウジン|ガツコウホウジン"
        "|シヤカイフクシホウジン|シユウキヨウホウジン|トクテイヒエイリカツドウホウジン|ノウジクミアイホウジン"
    )
)
_TEN_DIGITS = re.compile(r"(?<![0-9])[0-9]{10}(?![0-9])")


def plain_name(name: str) -> str:
    """A name for comparison: NFKC, upper case, katakana, small kana large, one kind of dash, no spaces or dots.

    `ﾄﾓﾌﾞﾈ ｼﾝﾀｸ`, `トモブネ・シンタク` and `ともぶね しんたく` are one name: a bank prints them alike. Nothing is cut.
    """
    text = unicodedata.normalize("NFKC", name).upper()
    text = "".join(chr(ord(letter) + 0x60) if "ぁ" <= letter <= "ゖ" else letter for letter in text)
    return _IGNORED.sub("", text.translate(_LARGE).translate(_DASHES))


def plain_company(name: str) -> str:
    """A company's name for comparison, without its legal form: `カ）アオバ`, `アオバ（カ` and
    `カブシキガイシャ アオバ` are one name."""
    text = plain_name(name)
    return _FORM_IN_FULL.sub("", _FORM_IN_BRACKETS.sub("", text)) or text


def same_holder(holder: str, kana: str, *, company: bool) -> bool:
    """Whether an account's holder is this person or company by their kana: a person's two names may stand in either
    order, a company's legal form may be abbreviated or left out."""
    if company:
        return plain_company(holder) == plain_company(kana)
    if plain_name(holder) == plain_name(kana):
        return True
    words = [
        sorted(plain_name(word) for word in unicodedata.normalize("NFKC", name).split()) for name in (holder, kana)
    ]
    return words[0] == words[1]


def plain_code(code: str) -> str:
    """A payer code for comparison: NFKC, no spaces, no zeros in front (a bank fills the field up with them)."""
    return "".join(unicodedata.normalize("NFKC", code).split()).lstrip("0")


def without_code(name: str) -> str:
    """The payer's name without a code typed in front of or behind it."""
    return re.sub(r"^[0-9\s-]+|[0-9\s-]+$", "", unicodedata.normalize("NFKC", name))


def code_candidates(code: str, name: str) -> list[str]:
    """What may be an order's payer code on a bank line: the code field, then ten digits that stand alone in the name.

    Full-width digits count. The caller judges the check digit.
    """
    found = [plain_code(code), *_TEN_DIGITS.findall(unicodedata.normalize("NFKC", name))]
    return [text for text in dict.fromkeys(found) if len(text) == 10 and text.isascii() and text.isdigit()]
