"""What leaves the house with names and addresses: packing list and labels as PDF, and CSV for carriers' software. Each
export is an audit row that is written first.

The columns are named so that each carrier's import can be told once which is which (docs/rewards.md); the texts are
those of a label, the address in Japanese order.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from microfund.kernel import clock, typesetting
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError

from . import fulfilment
from .models import Batch, Parcel

TEMPLATES = Path(__file__).resolve().parent.joinpath("typst")
KINDS = ("list", "labels", "yamato", "sagawa", "post")

_Column = tuple[str, Callable[[Parcel], str]]


def _at(name: str) -> Callable[[Parcel], str]:
    return lambda parcel: parcel.address.get(name, "")


def _street(parcel: Parcel) -> str:
    address = parcel.address
    return f"{address.get('prefecture', '')}{address.get('city', '')}{address.get('street', '')}"


def _item(parcel: Parcel) -> str:
    row = parcel.entitlement
    return f"{row.cycle.offer.text_ja}×{row.quantity}" if row.quantity > 1 else row.cycle.offer.text_ja


def _number(parcel: Parcel) -> str:
    return str(parcel.entitlement_id)


def _wish(parcel: Parcel) -> str:
    return f"{parcel.wish_on:%Y/%m/%d}" if parcel.wish_on else ""


def _chilled(yes: str, no: str) -> Callable[[Parcel], str]:
    return lambda parcel: yes if parcel.entitlement.cycle.offer.cold else no


#: The columns of each carrier's import, as its software names them.
COLUMNS: dict[str, tuple[_Column, ...]] = {
    "yamato": (
        ("お客様管理番号", _number),
        ("送り状種類", lambda parcel: "0"),
        ("クール区分", _chilled("2", "0")),
        ("お届け予定日", _wish),
        ("お届け先電話番号", _at("phone")),
        ("お届け先郵便番号", _at("postal_code")),
        ("お届け先住所", _street),
        ("お届け先アパートマンション名", _at("building")),
        ("お届け先名", _at("name")),
        ("敬称", lambda parcel: "様"),
        ("品名1", _item),
    ),
    "sagawa": (
        ("お客様管理番号", _number),
        ("お届け先電話番号", _at("phone")),
        ("お届け先郵便番号", _at("postal_code")),
        ("お届け先住所1", _street),
        ("お届け先住所2", _at("building")),
        ("お届け先名称1", _at("name")),
        ("クール便指定", _chilled("002", "001")),
        ("配達日", lambda parcel: _wish(parcel).replace("/", "")),
        ("品名1", _item),
    ),
    "post": (
        ("お客様側管理番号", _number),
        ("お届け先郵便番号", _at("postal_code")),
        ("お届け先住所1", _street),
        ("お届け先住所2", _at("building")),
        ("お届け先氏名", _at("name")),
        ("お届け先敬称", lambda parcel: "様"),
        ("お届け先電話番号", _at("phone")),
        ("配送希望日", lambda parcel: _wish(parcel).replace("/", "")),
        ("保冷種別", _chilled("1", "0")),
        ("品名", _item),
    ),
}


def export(batch: Batch, kind: str, *, actor: Any, at: datetime) -> tuple[bytes, str]:
    """The bytes of an export of what is still to be sent, or was sent within the last month, and its file name.

    Raises DomainError("kind", "nothing").
    """
    if kind not in KINDS:
        raise DomainError("kind", _("There is no such export."))
    on = clock.today_in(None, at)
    shown = fulfilment.visible(batch, on=on).select_related("entitlement__cycle__offer")
    parcels = [parcel for parcel in shown if not parcel.is_stopped]
    if not parcels:
        raise DomainError("nothing", _("Names and addresses are shown until a month after sending."))
    audit.record(
        action="rewards.Batch.exported",
        subject=batch,
        at=at,
        actor=actor,
        changes={"what": kind, "parcels": len(parcels)},
    )
    name = f"tomobune-{kind}-{batch.cycle_id}-{batch.number}"
    if kind == "labels":
        return _labels(parcels, at=at), f"{name}.pdf"
    if kind == "list":
        return _packing_list(batch, parcels, at=at), f"{name}.pdf"
    return carrier_csv(kind, parcels), f"{name}.csv"


def carrier_csv(kind: str, parcels: Iterable[Parcel]) -> bytes:
    """CSV in cp932, as carriers' software reads it; a letter unknown to it becomes 〓, to be written by hand."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    columns = COLUMNS[kind]
    writer.writerow([head for head, _value in columns])
    for parcel in parcels:
        writer.writerow([_safe(value(parcel)) for _head, value in columns])
    return "".join(_known(letter) for letter in out.getvalue()).encode("cp932")


def _safe(text: str) -> str:
    """No spreadsheet may take a name for a formula; phone numbers and codes begin with digits."""
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@")) else text


def _known(letter: str) -> str:
    try:
        letter.encode("cp932")
    except UnicodeEncodeError:
        return "〓"
    return letter


def _line(parcel: Parcel) -> dict[str, Any]:
    address = parcel.address
    return {
        "number": _number(parcel),
        "postal": address.get("postal_code", ""),
        "street": _street(parcel),
        "building": address.get("building", ""),
        "name": address.get("name", ""),
        "phone": address.get("phone", ""),
        "item": _item(parcel),
        "card": parcel.card if parcel.gift else "",
        "wish": _wish(parcel),
    }


def _labels(parcels: list[Parcel], *, at: datetime) -> bytes:
    """Sheets of twelve labels on A4 (2 × 6, 86.4 × 42.3 mm)."""
    data = {"labels": [_line(parcel) for parcel in parcels], "title": _("Labels")}
    return typesetting.pdf(TEMPLATES.joinpath("labels.typ"), data, at=at)


def _packing_list(batch: Batch, parcels: list[Parcel], *, at: datetime) -> bytes:
    offer = batch.cycle.offer
    language = translation.get_language() or "en"
    data = {
        "language": language,
        "title": _("Packing list"),
        "reward": offer.text_ja if language == "ja" else offer.text_en,
        "about": _("%(count)d parcels, batch %(number)d, send by %(date)s")
        % {
            "count": len(parcels),
            "number": batch.number,
            "date": date_format(batch.cycle.dispatch_by, "DATE_FORMAT"),
        },
        "cold": _("Sent chilled") if offer.cold else "",
        "heads": [_("Parcel"), _("To"), _("Content"), _("Wish, card"), "✓"],
        "rows": [_line(parcel) for parcel in parcels],
    }
    return typesetting.pdf(TEMPLATES.joinpath("packing.typ"), data, at=at)
