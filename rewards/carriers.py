"""CSV for the programs of the common Japanese carriers: every column of the layout that each of them takes, in its
order (docs/rewards.md says against what it was checked). What we do not know stays empty: the sender's address and the
contract's numbers are the business's with its carrier, and set once in the carrier's program as fixed values.

An address is spread over the columns by their lengths. What does not fit at all stays in the last one, so that the
program refuses that row instead of a parcel going astray. A telephone abroad is left out, which the program notices as
well: none of them takes it.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path

from .models import Parcel

_FOLDER = Path(__file__).resolve().parent.joinpath("layouts")


def spread(text: str, sizes: Sequence[int]) -> list[str]:
    """A text over columns of so many letters each; what is left over stays in the last one."""
    parts = []
    for size in sizes[:-1]:
        parts.append(text[:size].strip())
        text = text[size:].strip()
    return [*parts, text]


def street(parcel: Parcel) -> str:
    """Prefecture, town and street in one, in Japanese order."""
    address = parcel.address
    return f"{address.get('prefecture', '')}{address.get('city', '')}{address.get('street', '')}"


def phone(parcel: Parcel, most: int) -> str:
    """A telephone number as it is dialled in Japan, in at most so many letters; nothing of one abroad."""
    text = str(parcel.address.get("phone", ""))
    if text.startswith("+81"):
        text = f"0{re.sub('^[-0]+', '', text[3:])}"
    if text.startswith("+"):
        return ""
    return text if len(text) <= most else text.replace("-", "")


def item(parcel: Parcel) -> str:
    """What is in it, as a label says."""
    row = parcel.entitlement
    return f"{row.cycle.offer.text_ja}×{row.quantity}" if row.quantity > 1 else row.cycle.offer.text_ja


def _lines(parcel: Parcel, sizes: Sequence[int]) -> list[str]:
    """The address over columns, the building in one of its own where the street leaves room."""
    way, building = street(parcel), parcel.address.get("building", "")
    if len(way) <= sizes[0]:
        return [way, *spread(building, sizes[1:])]
    return spread(f"{way} {building}".strip(), sizes)


def _cold(parcel: Parcel, yes: str, no: str) -> str:
    return yes if parcel.entitlement.cycle.offer.cold else no


def _day(day: date | None, pattern: str) -> str:
    return day.strftime(pattern) if day else ""


def _yamato(parcel: Parcel, on: date) -> dict[str, str]:
    """Widths in full letters: address 32, building 16, two departments of 25, item 25. A name is 16 at most."""
    where = _lines(parcel, (32, 16, 25, 25))
    goods = spread(item(parcel), (25, 25))
    return {
        "お客様管理番号": str(parcel.entitlement_id),
        "送り状種類": "0",
        "クール区分": _cold(parcel, "2", "0"),
        "出荷予定日": _day(on, "%Y/%m/%d"),
        "お届け予定日": _day(parcel.wish_on, "%Y/%m/%d"),
        "お届け先電話番号": phone(parcel, 15),
        "お届け先郵便番号": parcel.address.get("postal_code", ""),
        "お届け先住所": where[0],
        "お届け先アパートマンション名": where[1],
        "お届け先会社・部門１": where[2],
        "お届け先会社・部門２": where[3],
        "お届け先名": parcel.address.get("name", ""),
        "敬称": "様",
        "ご依頼主名": parcel.entitlement.cycle.offer.fund.business.name_ja,
        "品名１": goods[0],
        "品名２": goods[1],
    }


def _sagawa(parcel: Parcel, on: date) -> dict[str, str]:
    """Widths in full letters: 16 for each column of address, name and item."""
    where, who = _lines(parcel, (16, 16, 16)), spread(parcel.address.get("name", ""), (16, 16))
    goods = spread(item(parcel), (16,) * 5)
    return {
        "お届け先電話番号": phone(parcel, 14),
        "お届け先郵便番号": parcel.address.get("postal_code", ""),
        **{f"お届け先住所{number}": text for number, text in zip("１２３", where, strict=True)},
        **{f"お届け先名称{number}": text for number, text in zip("１２", who, strict=True)},
        "お客様管理番号": str(parcel.entitlement_id),
        "荷姿": "001",
        **{f"品名{number}": text for number, text in zip("１２３４５", goods, strict=True)},
        "出荷個数": "1",
        "クール便指定": _cold(parcel, "002", "001"),
        "配達日": _day(parcel.wish_on, "%Y%m%d"),
        "出荷日": _day(on, "%Y%m%d"),
    }


def _post(parcel: Parcel, on: date) -> dict[str, str]:
    """Widths in full letters: 25 for each column of address and name."""
    where, who = _lines(parcel, (25, 25, 25)), spread(parcel.address.get("name", ""), (25, 25))
    return {
        "お客様側管理番号": str(parcel.entitlement_id),
        "発送予定日": _day(on, "%Y%m%d"),
        "郵便種別": "0",
        "保冷種別": _cold(parcel, "1", "0"),
        "元／着払／代引": "0",
        "お届け先郵便番号": parcel.address.get("postal_code", ""),
        **{f"お届け先住所{number}": text for number, text in zip("１２３", where, strict=True)},
        **{f"お届け先名称{number}": text for number, text in zip("１２", who, strict=True)},
        "お届け先敬称区分": "0",
        "お届け先電話番号": phone(parcel, 20),
        "なまもの区分": _cold(parcel, "1", "0"),
        "配達指定日／希望日": _day(parcel.wish_on, "%Y%m%d"),
        "複数個口数": "1",
        "品名": item(parcel),
        "個数": "1",
    }


def _clickpost(parcel: Parcel, _on: date) -> dict[str, str]:
    """Widths in full letters: 20 for each of four lines and the name, 15 for what is in it."""
    where = _lines(parcel, (20, 20, 20, 20))
    return {
        "お届け先郵便番号": parcel.address.get("postal_code", ""),
        "お届け先氏名": parcel.address.get("name", ""),
        "お届け先敬称": "様",
        **{f"お届け先住所{number}行目": text for number, text in zip("1234", where, strict=True)},
        "内容品": item(parcel)[:15],
    }


#: By carrier: what we know of a parcel that is sent on a day.
_VALUES: dict[str, Callable[[Parcel, date], dict[str, str]]] = {
    "yamato": _yamato,
    "sagawa": _sagawa,
    "post": _post,
    "clickpost": _clickpost,
}
#: Rows that a program takes at once, where there is a limit.
MOST_ROWS = {"clickpost": 40}
#: What carries nothing chilled.
NOT_COLD = ("clickpost",)
#: By carrier: the columns of its layout, one a line of its file. Yamato B2 Cloud, basic layout (95 columns); Sagawa
#: e飛伝Ⅲ, standard with a head (74); Japan Post ゆうプリR, by the position of its items (118), and ClickPost (8).
LAYOUTS = {kind: _FOLDER.joinpath(f"{kind}.txt").read_text(encoding="utf-8").splitlines() for kind in _VALUES}


#: Letters that many keyboards write and cp932 knows as another one.
_ALIKE = str.maketrans("〜−—–‖¢£¬¥\u00a0", "～－―-∥￠￡￢￥ ")


def files(kind: str, parcels: Sequence[Parcel], *, on: date, name: str) -> tuple[bytes, str]:
    """One CSV, or several in a ZIP where the program takes only so many rows at once; with the file's name."""
    most = MOST_ROWS.get(kind, len(parcels))
    if len(parcels) <= most:
        return to_csv(kind, parcels, on=on), f"{name}.csv"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as folder:
        for number, first in enumerate(range(0, len(parcels), most), start=1):
            folder.writestr(f"{name}-{number}.csv", to_csv(kind, parcels[first : first + most], on=on))
    return made.getvalue(), f"{name}.zip"


def to_csv(kind: str, parcels: Iterable[Parcel], *, on: date) -> bytes:
    """CSV in cp932 with a head."""
    columns, values = LAYOUTS[kind], _VALUES[kind]
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    for parcel in parcels:
        known = values(parcel, on)
        writer.writerow([_safe(legible(known.get(name, ""))) for name in columns])
    return out.getvalue().encode("cp932")


def legible(text: str) -> str:
    """A text in letters of cp932: what another letter stands for is written with that, an accent is left out, and a
    letter unknown to it becomes 〓, to be written by hand."""
    return "".join(_known(letter) for letter in text.translate(_ALIKE))


def _known(letter: str) -> str:
    if _in_cp932(letter):
        return letter
    parts = unicodedata.normalize("NFKD", letter)
    base = "".join(part for part in parts if unicodedata.category(part) not in ("Mn", "Cf"))
    return base if _in_cp932(base) else "〓"


def _in_cp932(text: str) -> bool:
    try:
        text.encode("cp932")
    except UnicodeEncodeError:
        return False
    return True


def _safe(text: str) -> str:
    """No spreadsheet may take a name for a formula; phone numbers and codes begin with digits."""
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@")) else text
