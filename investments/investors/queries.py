"""Reads around investors."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from .models import IdentityCase, IdentityDocument, Investor
from .prefectures import label


def investor_of(user: Any) -> Investor | None:
    """The user's investor profile, or None for a visitor and for a user who has none yet."""
    return Investor.objects.filter(user_id=user.pk).first() if user.is_authenticated else None


def is_complete(investor: Investor | None) -> bool:
    """Whether the profile has everything that an order needs; older or imported ones may lack something."""
    if investor is None:
        return False
    needed = [investor.name, investor.name_kana, investor.phone]
    needed += [investor.purpose, investor.experience, investor.funds_origin]
    needed += [investor.address.get(part) for part in ("postal_code", "prefecture", "city", "street")]
    if investor.kind == Investor.Kind.COMPANY:
        needed += [investor.corporate_number, investor.representative]
    else:
        needed.append(investor.birth_date)
    return all(needed)


def address_lines(investor: Investor) -> list[str]:
    """The address as it is read in the active language: postal code, then the place."""
    address = investor.address
    place = [label(address.get("prefecture", "")), address.get("city", ""), address.get("street", "")]
    lines = [f"〒{address.get('postal_code', '')}", " ".join(filter(None, place)), address.get("building", "")]
    return [line for line in lines if line]


def waiting_for_check() -> QuerySet[Investor]:
    """The staff's queue: submitted profiles, the longest-waiting first."""
    return (
        Investor.objects.filter(identity_state=Investor.Identity.SUBMITTED, closed_at__isnull=True)
        .select_related("user")
        .order_by("identity_changed_at", "pk")
    )


def latest_case(investor: Investor | None) -> IdentityCase | None:
    """The investor's open identity check, else the last one that was decided, else None."""
    if investor is None:
        return None
    return IdentityCase.objects.filter(investor=investor).order_by("-opened_at", "-pk").first()


def documents_of(case: IdentityCase | None) -> list[IdentityDocument]:
    """The documents of a check that are still there, in the order in which a card is read."""
    if case is None:
        return []
    order = list(IdentityDocument.Side.values)
    kept = case.documents.filter(deleted_at__isnull=True).defer("key")
    return sorted(kept, key=lambda row: order.index(row.side))


def needs_document(investor: Investor | None) -> bool:
    """Whether the investor's check still waits for a picture of a document."""
    if investor is None or investor.identity_state == Investor.Identity.VERIFIED:
        return False
    if investor.identity_state == Investor.Identity.REJECTED:
        return True
    kept = IdentityDocument.objects.filter(case__investor=investor, case__decided_at=None, deleted_at=None)
    return not kept.exists()
