"""What leaves the house with names and addresses: packing list and labels as PDF, and CSV for carriers' programs; and a
list of vouchers on paper. Each is an audit row that is written first. Addresses stand in Japanese order.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from businesses.models import Business
from microfund.kernel import clock, typesetting
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.money import format_money

from . import carriers, fulfilment, holds
from .models import Batch, Parcel, Voucher

TEMPLATES = Path(__file__).resolve().parent.joinpath("typst")
KINDS = ("list", "labels", *carriers.LAYOUTS)
#: Letters of a reward that a label has room for.
ITEM_LETTERS = 70
#: Letters of a code that stand on paper: enough to compare, too few to use.
SHOWN_LETTERS = 4


def _number(parcel: Parcel) -> str:
    return str(parcel.entitlement_id)


def _wish(parcel: Parcel) -> str:
    return f"{parcel.wish_on:%Y/%m/%d}" if parcel.wish_on else ""


def kinds_of(batch: Batch) -> list[str]:
    """The exports that make sense for a batch: nothing chilled goes by what carries nothing chilled."""
    cold = batch.cycle.offer.cold
    return [kind for kind in KINDS if not (cold and kind in carriers.NOT_COLD)]


def export(batch: Batch, kind: str, *, actor: Any, at: datetime) -> tuple[bytes, str]:
    """The bytes of an export of what is still to be sent, or was sent within the last month, and its file name.

    Raises DomainError("kind", "nothing").
    """
    if kind not in kinds_of(batch):
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
    return carriers.files(kind, parcels, on=on, name=name)


def _shortened(item: str) -> str:
    """What is in it, as far as a label has room; the packing list has a table for the rest."""
    return item if len(item) <= ITEM_LETTERS else f"{item[:ITEM_LETTERS]}…"


def _line(parcel: Parcel) -> dict[str, Any]:
    address = parcel.address
    return {
        "number": _number(parcel),
        "postal": address.get("postal_code", ""),
        "street": carriers.street(parcel),
        "building": address.get("building", ""),
        "name": address.get("name", ""),
        "phone": address.get("phone", ""),
        "item": _shortened(carriers.item(parcel)),
        "allergies": parcel.allergies,
        "cold": parcel.entitlement.cycle.offer.cold,
        "card": parcel.card if parcel.gift else "",
        "wish": _wish(parcel),
    }


def _labels(parcels: list[Parcel], *, at: datetime) -> bytes:
    """Sheets of twelve labels on A4 (2 × 6, 86.4 × 42.3 mm)."""
    data = {"labels": [_line(parcel) for parcel in parcels], "title": _("Labels"), "chilled": "冷蔵"}
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
        "allergies": _("Allergies"),
        "rows": [_line(parcel) for parcel in parcels],
    }
    return typesetting.pdf(TEMPLATES.joinpath("packing.typ"), data, at=at)


def voucher_list(business: Business, *, actor: Any, at: datetime) -> bytes:
    """A sheet for a stall without a network: of every voucher that is still good the end of its code and what is left,
    with room for what is taken, which is entered later. Raises DomainError("nothing")."""
    on = clock.today_in(None, at)
    good = Voucher.objects.filter(business=business, balance__gt=0, valid_until__gte=on)
    good = good.exclude(holds.disputed("entitlement__")).exclude(entitlement__state="withdrawn")
    rows = sorted(good, key=lambda own: own.code[-SHOWN_LETTERS:])
    if not rows:
        raise DomainError("nothing", _("No voucher is in use."))
    audit.record(action="rewards.Voucher.listed", subject=business, at=at, actor=actor, changes={"vouchers": len(rows)})
    data = {
        "language": translation.get_language() or "en",
        "title": _("Vouchers"),
        "about": _("%(business)s, as of %(date)s: write down the whole code, and enter it when there is a network.")
        % {"business": business.name_ja, "date": date_format(on, "DATE_FORMAT")},
        "heads": [_("Ends with"), _("Left"), _("Valid until"), _("Whole code"), _("Taken (yen)")],
        "rows": [
            [own.code[-SHOWN_LETTERS:], format_money(own.balance), date_format(own.valid_until, "SHORT_DATE_FORMAT")]
            for own in rows
        ],
    }
    return typesetting.pdf(TEMPLATES.joinpath("vouchers.typ"), data, at=at)
