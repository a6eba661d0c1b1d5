"""The bank account to which an investor is paid: given, changed, erased (domain.md section 11, pages.md I9)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import jaconv
from django.db import transaction
from django.utils.translation import gettext as _

from investments import events
from investments.investors import duplicates
from investments.investors.models import Investor
from microfund.kernel import crypto, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox.services import publish

from . import bank_list, names
from .models import BankAccount

LONGEST_HOLDER = 48
_HOLDER = re.compile(r"[ァ-ヺー・ 0-9A-Z().,&/\-]+")


def number_of(text: str) -> str:
    """An account number as seven digits, whatever their width. Raises DomainError("number")."""
    digits = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text))
    if not re.fullmatch(r"[0-9]{7}", digits) or digits == "0000000":
        raise DomainError(
            "number",
            _("An account number has seven digits. Put zeros in front of a shorter one: 12345 is 0012345."),
            field="number",
        )
    return digits


def holder_of(text: str, investor: Investor) -> str:
    """The holder in full-width katakana, if it is this investor.

    Raises DomainError: "kana" (not written in kana), "too_long", "holder" (another name than the investor's).
    """
    kana = " ".join(jaconv.hira2kata(unicodedata.normalize("NFKC", text)).upper().split())
    kana = re.sub(r"(?<=[ァ-ヺー])[‐-―−-]", "ー", kana)
    if len(kana) > LONGEST_HOLDER:
        raise DomainError("too_long", _("At most %(limit)d characters.") % {"limit": LONGEST_HOLDER}, field="holder")
    if not _HOLDER.fullmatch(kana):
        raise DomainError(
            "kana",
            _("Please write the holder in katakana, as your bank book or the bank's app shows it."),
            field="holder",
        )
    if not names.same_holder(kana, investor.name_kana, company=investor.kind == Investor.Kind.COMPANY):
        raise DomainError(
            "holder",
            _(
                "The account must be your own. Your name in katakana is %(name)s here; if that is wrong, correct your"
                " personal details first."
            )
            % {"name": investor.name_kana},
            field="holder",
        )
    return kana


def change(
    investor: Investor,
    *,
    bank: str,
    branch: str,
    kind: str,
    number: str,
    holder: str,
    at: datetime,
    actor: Any,
) -> BankAccount:
    """Make this the account to which the investor is paid; the one before ends and is kept. The same again is nothing.

    `bank` and `branch` are Zengin numbers of four and three digits; `kind` a value of BankAccount.Kind. Tells
    BankAccountChanged. Raises DomainError with `field`: "bank", "branch", "choice", and those of `number_of` and
    `holder_of`.
    """
    bank_place, branch_place = bank_list.bank(bank), bank_list.branch(bank, branch)
    if bank_place is None:
        raise DomainError("bank", _("There is no bank with this number."), field="bank")
    if branch_place is None:
        raise DomainError("branch", _("This bank has no branch with this number."), field="branch")
    if kind not in BankAccount.Kind.values:
        raise DomainError("choice", _("Please choose one of the answers."), field="kind")
    digits = number_of(number)
    with transaction.atomic():
        investor = locks.lock_one(Investor, investor.pk)
        account = BankAccount(
            investor=investor,
            bank_code=bank_place.code,
            bank_name=bank_place.name,
            bank_kana=bank_place.kana,
            branch_code=branch_place.code,
            branch_name=branch_place.name,
            branch_kana=branch_place.kana,
            kind=kind,
            number=digits,
            number_hash=crypto.fingerprint(f"{bank}-{branch}-{digits}", purpose="bank_account"),
            holder=holder_of(holder, investor),
            created_at=at,
        )
        before = BankAccount.objects.filter(investor=investor, ended_at__isnull=True).first()
        if before is not None:
            if before.payee == account.payee:
                return before
            before.ended_at = at
            before.save(update_fields=["ended_at"])
        account.save()
        audit.record(
            action=f"investments.BankAccount.{'changed' if before else 'added'}",
            subject=account,
            at=at,
            actor=actor,
            changes={
                "investor": investor.pk,
                "bank": [before.bank_code if before else "", account.bank_code],
                "branch": [before.branch_code if before else "", account.branch_code],
                "number": [before.masked if before else "", account.masked],
            },
        )
        shared = BankAccount.objects.filter(number_hash=account.number_hash).exclude(investor=investor)
        others = shared.order_by("investor_id").values_list("investor_id", flat=True).distinct()
        duplicates.note(investor.pk, others[: duplicates.MOST], "by_account", at=at)
        publish(events.BankAccountChanged(account.pk, investor.pk, at), key=str(account.pk), at=at)
    return account


def erase(investor: Investor, *, at: datetime, but: Iterable[int] = ()) -> int:
    """Take number and holder out of the accounts of an investor who leaves, and end the current one; what bank it was
    and when stays. Of those in `but` (ids), to which money was sent, number and holder are kept too: that is the record
    of a payment (`forget` takes them out in the end). Answers how many were emptied. Needs a transaction."""
    rows = BankAccount.objects.filter(investor=investor)
    rows.filter(ended_at__isnull=True).update(ended_at=at)
    rows.update(number_hash="")
    return rows.exclude(pk__in=list(but)).update(number="", holder="")


def forget(pks: Iterable[int], *, at: datetime) -> int:
    """Take number and holder out of accounts whose record need not be kept any longer; how many. Needs a
    transaction."""
    rows = list(BankAccount.objects.filter(pk__in=list(pks)).exclude(holder="").order_by("pk"))
    for row in rows:
        row.number = row.number_hash = row.holder = ""
        row.save(update_fields=["number", "number_hash", "holder"])
        audit.record(action="investments.BankAccount.forgotten", subject=row, at=at)
    return len(rows)
