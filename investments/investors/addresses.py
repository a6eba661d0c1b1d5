"""The addresses that parcels go to (domain.md section 10): the registered one, and those that an investor keeps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from microfund.kernel import locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError

from . import rules
from .models import Address, Investor
from .prefectures import NAMES

MOST = 20
PARTS = ("name", "postal_code", "prefecture", "city", "street", "building", "phone")


def checked(given: Mapping[str, str]) -> dict[str, str]:
    """An address as a parcel is labelled. Raises DomainError with the field's name."""
    found: dict[str, str] = {}
    for name, rule in (
        ("name", rules.line),
        ("postal_code", rules.postal_code),
        ("city", rules.line),
        ("street", rules.line),
        ("phone", rules.phone),
    ):
        try:
            found[name] = rule(given.get(name, ""))
        except DomainError as error:
            raise DomainError(error.code, error.message, **{**error.data, "field": name}) from None
    if given.get("prefecture") not in NAMES:
        raise DomainError("choice", _("Please choose a prefecture."), field="prefecture")
    building = given.get("building", "").strip()
    try:
        found["building"] = rules.line(building) if building else ""
    except DomainError as error:
        raise DomainError(error.code, error.message, **{**error.data, "field": "building"}) from None
    return {name: str(given["prefecture"]) if name == "prefecture" else found[name] for name in PARTS}


def registered(investor: Investor) -> dict[str, str] | None:
    """The investor's own address as a label; None while it is not known whole."""
    known = {**investor.address, "name": investor.name, "phone": investor.phone}
    try:
        return checked({name: str(known.get(name, "")) for name in PARTS})
    except DomainError:
        return None


def save(
    investor: Investor, *, label: str, address: Mapping[str, str], actor: Any, at: datetime, pk: int | None = None
) -> Address:
    """Keep a new address, or change one. Raises DomainError: a field's code with `field`, "label" (missing or there
    already), "too_many"; Address.DoesNotExist for one of somebody else."""
    values = checked(address)
    label = " ".join(label.split())[:40]
    if not label:
        raise DomainError("label", _("Give the address a name, such as “Home” or “Mother”."), field="label")
    with transaction.atomic():
        locks.lock_one(Investor, investor.pk)
        own = Address.objects.filter(investor=investor)
        if own.filter(label=label).exclude(pk=pk).exists():
            raise DomainError("label", _("You have an address of this name already."), field="label")
        if pk is None and own.count() >= MOST:
            raise DomainError("too_many", _("You can keep 20 addresses. Remove one first."), field="label")
        row = own.get(pk=pk) if pk is not None else Address(investor=investor, created_at=at)
        row.label, row.address = label, values
        row.save()
        audit.record(action="investments.Address.saved", subject=row, at=at, actor=actor)
        return row


def remove(investor: Investor, pk: int, *, actor: Any, at: datetime) -> None:
    """Forget an address; one that is gone is nothing. Parcels that were claimed keep the address they were given."""
    with transaction.atomic():
        row = Address.objects.filter(investor=investor, pk=pk).first()
        if row is not None:
            audit.record(action="investments.Address.removed", subject=row, at=at, actor=actor)
            row.delete()
