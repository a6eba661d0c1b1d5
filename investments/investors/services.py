"""Write an investor's profile (domain.md section 11). The audit trail names the fields that changed, never a value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from investments.policy import services as policy
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError

from . import duplicates, identity, rules
from .models import Investor
from .prefectures import NAMES

#: Who somebody is: a change of one of these is looked at again by staff.
IDENTITY_FIELDS = ("kind", "name", "name_kana", "birth_date", "corporate_number", "representative", "address")
FIELDS = (*IDENTITY_FIELDS, "phone", "purpose", "experience", "funds_origin")

PURPOSES = (
    ("support", _("To help the area recover")),
    ("business", _("I like this business or its goods")),
    ("return", _("To receive a share of its sales")),
    ("rewards", _("The rewards")),
    ("other", _("Something else")),
)
EXPERIENCES = (
    ("none", _("None")),
    ("savings", _("Savings and bonds only")),
    ("shares", _("Shares or investment funds")),
    ("crowdfunding", _("Funds like this one")),
)
ORIGINS = (
    ("salary", _("Salary or pension")),
    ("savings", _("Savings")),
    ("business", _("Income of a business")),
    ("inheritance", _("Inheritance or gift")),
    ("other", _("Something else")),
)


def minimum_age(on: date) -> int:
    """The age limit in force on a business date (policy profile)."""
    return policy.current(on).minimum_age


def _checked(data: Mapping[str, Any], on: date) -> dict[str, Any]:
    """The profile as it is kept. Raises DomainError(field's code, field=name) for the first field that is refused."""
    company = data["kind"] == Investor.Kind.COMPANY

    def one(name: str, rule: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return rule(*arguments, **options)
        except DomainError as error:
            raise DomainError(error.code, error.message, **{**error.data, "field": name}) from None

    def choice(name: str, choices: tuple[tuple[str, Any], ...]) -> str:
        if data[name] not in dict(choices):
            raise DomainError("choice", _("Please choose one of the answers."), field=name)
        return data[name]

    if data["kind"] not in Investor.Kind.values:
        raise DomainError("choice", _("Please choose one of the answers."), field="kind")
    given = data["address"]
    if given.get("prefecture") not in NAMES:
        raise DomainError("choice", _("Please choose a prefecture."), field="prefecture")
    values = {
        "kind": str(data["kind"]),
        "name": one("name", rules.line if company else rules.person_name, data["name"]),
        "name_kana": one("name_kana", rules.kana, data["name_kana"], company=company),
        "birth_date": "",
        "corporate_number": "",
        "representative": "",
        "address": {
            "postal_code": one("postal_code", rules.postal_code, given.get("postal_code", "")),
            "prefecture": given["prefecture"],
            "city": one("city", rules.line, given.get("city", "")),
            "street": one("street", rules.line, given.get("street", "")),
            "building": one("building", rules.line, given["building"]) if given.get("building") else "",
        },
        "prefecture": given["prefecture"],
        "phone": one("phone", rules.phone, data["phone"]),
        "purpose": choice("purpose", PURPOSES),
        "experience": choice("experience", EXPERIENCES),
        "funds_origin": choice("funds_origin", ORIGINS),
    }
    if company:
        values["corporate_number"] = one("corporate_number", rules.corporate_number, data["corporate_number"])
        values["representative"] = one("representative", rules.person_name, data["representative"])
    else:
        born = data["birth_date"]
        born = born if isinstance(born, date) else date.fromisoformat(born)
        values["birth_date"] = one("birth_date", rules.birth_date, born, on=on, minimum_age=minimum_age(on)).isoformat()
    return values


def save_profile(user: Any, data: Mapping[str, Any], *, at: datetime) -> Investor:
    """Create or change the profile of `user` and hand it to the identity check where that is needed.

    `data` has the names of FIELDS; `address` is {"postal_code", "prefecture", "city", "street", "building"},
    `birth_date` a date or its ISO text. A first profile is submitted; a verified or rejected one is submitted again
    when a field of IDENTITY_FIELDS changed. Saving the same twice changes nothing.

    Raises DomainError: the code of the rule that refused, with `field` in its data; "kind_fixed" when somebody with
    orders would turn from a person into a company or back, which would be another contract party.
    """
    values = _checked(data, clock.today_in(None, at))
    with transaction.atomic():
        investor, created = _locked(user, values, at)
        changed = [] if created else [name for name in FIELDS if getattr(investor, name) != values[name]]
        if "kind" in changed and investor.orders.exists():
            raise DomainError(
                "kind_fixed",
                _("This account already has orders as %(kind)s. Please open another account.")
                % {"kind": investor.get_kind_display()},
                field="kind",
            )
        for name in changed:
            setattr(investor, name, values[name])
        if created or changed or investor.prefecture != values["prefecture"]:
            investor.prefecture = values["prefecture"]
            investor.person_hash, investor.phone_hash = duplicates.hashes_of(investor)
            investor.save(update_fields=[*changed, "prefecture", "person_hash", "phone_hash"])
            duplicates.look(investor, at=at)
        if created or changed:
            audit.record(
                action="investments.Investor.profile_saved",
                subject=investor,
                at=at,
                actor=user,
                changes={"fields": list(FIELDS) if created else changed},
            )
        if _needs_check(investor, changed):
            reason = "" if investor.identity_state == Investor.Identity.UNVERIFIED else "details changed"
            identity.submit_identity(investor, at=at, actor=user, reason=reason)
    return investor


def _locked(user: Any, values: dict[str, Any], at: datetime) -> tuple[Investor, bool]:
    """The user's row under lock, made if it is the first; of two first forms at once, one makes it."""
    known = Investor.objects.filter(user=user).values_list("pk", flat=True)
    if not known:
        try:
            with transaction.atomic():
                return Investor.objects.create(user=user, created_at=at, **values), True
        except IntegrityError:
            known = known.all()
    return locks.lock_one(Investor, known[0]), False


def _needs_check(investor: Investor, changed: list[str]) -> bool:
    if investor.identity_state == Investor.Identity.UNVERIFIED:
        return True
    if investor.identity_state == Investor.Identity.SUBMITTED:
        return False
    return any(name in IDENTITY_FIELDS for name in changed)
