"""People who may have two accounts: found by keyed hashes when somebody's details change, judged by staff.

The limits of the law are by person, so a second account must be seen; a household that shares a telephone must not be
troubled. Nothing of this is ever shown to the people themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from microfund.kernel import crypto
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError, require_reason
from microfund.kernel.states import StateTable

from .models import Investor, Resemblance

RESEMBLANCE_STATES = StateTable(
    "investments.Resemblance",
    # Another likeness that is found later opens a pair again.
    {"open": ("different", "same"), "different": ("open",), "same": ("open",)},
    section="domain.md section 11",
)
#: Others that one change is compared with, and pairs that one sweep notes: a number shared by hundreds is no person's.
MOST = 50
MOST_SWEPT = 500


def hashes_of(investor: Investor) -> tuple[str, str]:
    """The hashes of who somebody is (kana and birth date, or corporate number) and of their telephone number."""
    if investor.kind == Investor.Kind.COMPANY:
        who = investor.corporate_number
    else:
        kana = re.sub(r"[\s・]", "", investor.name_kana)
        who = f"{kana} {investor.birth_date}" if kana and investor.birth_date else ""
    digits = re.sub(r"\D", "", re.sub(r"^\+81-?", "0", investor.phone))
    return crypto.fingerprint(who, purpose="person"), crypto.fingerprint(digits, purpose="phone")


def look(investor: Investor, *, at: datetime) -> None:
    """Note everybody else with the hashes of this investor. Needs a transaction."""
    for column, by in (("person_hash", "by_person"), ("phone_hash", "by_phone")):
        value = getattr(investor, column)
        if value:
            others = Investor.objects.filter(**{column: value}).exclude(pk=investor.pk).order_by("pk")
            note(investor.pk, others.values_list("pk", flat=True)[:MOST], by, at=at)


def note(investor_id: int, others: Iterable[int], by: str, *, at: datetime) -> int:
    """Note that an investor resembles others, `by` being a field of Resemblance; what is known already is nothing.

    Answers how many pairs were new or opened again. Needs a transaction.
    """
    found = 0
    for other_id in others:
        first, second = sorted((investor_id, other_id))
        pair, created = Resemblance.objects.get_or_create(
            first_id=first, second_id=second, defaults={by: True, "found_at": at}
        )
        if created:
            audit.record(
                action="investments.Resemblance.found", subject=pair, at=at, changes={"first": first, "second": second}
            )
            found += 1
        elif not getattr(pair, by):
            setattr(pair, by, True)
            pair.save(update_fields=[by])
            if pair.state != Resemblance.State.OPEN:
                RESEMBLANCE_STATES.move(pair, Resemblance.State.OPEN, at=at, reason=f"found {by} too", found_at=at)
            found += 1
    return found


def decide(pair: Resemblance, state: str, *, actor: Any, at: datetime, reason: str) -> Resemblance:
    """open → different or same, with a reason, which stays in the audit trail.

    Raises DomainError: "reason_needed", "wrong_state", "not_allowed" (it is about the member of staff).
    """
    require_reason(reason)
    if Investor.objects.filter(pk__in=[pair.first_id, pair.second_id], user=actor).exists():
        raise DomainError("not_allowed", _("Nobody judges a resemblance of their own."))
    with transaction.atomic():
        return RESEMBLANCE_STATES.move(pair, state, at=at, actor=actor, reason=reason, decided_at=at, decided_by=actor)


def find_due(*, on: date, at: datetime) -> dict[str, int]:
    """Sweep: pairs that no change noted, because both were written at once or before there were hashes."""
    counts = {"found": 0}
    for column, by in (("person_hash", "by_person"), ("phone_hash", "by_phone")):
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                SELECT one.id, other.id
                  FROM investments_investor AS one
                  JOIN investments_investor AS other ON other.{column} = one.{column} AND other.id > one.id
                 WHERE one.{column} <> ''
                   AND NOT EXISTS (SELECT FROM investments_resemblance AS pair
                                    WHERE pair.first_id = one.id AND pair.second_id = other.id AND pair.{by})
                 ORDER BY one.id, other.id LIMIT %s
                """,  # noqa: S608 - names of our own columns
                [MOST_SWEPT],
            )
            pairs = cursor.fetchall()
        for first, second in pairs:
            with transaction.atomic():
                counts["found"] += note(first, [second], by, at=at)
    return counts
