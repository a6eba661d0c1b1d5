"""Vouchers at the till: looked up by their code, used in part or whole, never twice (domain.md section 10)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from businesses.models import Business
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError
from microfund.kernel.money import format_money

from .holds import disputed
from .models import Entitlement, Redemption, Voucher


def tidy(code: str) -> str:
    """A code as it is kept: people write it in groups and in small letters."""
    return "".join(letter for letter in code.upper() if letter.isalnum())


def shown(code: str) -> str:
    """A code in groups of four, as it is read out."""
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def find(business: Business, code: str) -> Voucher:
    """The business's voucher of this code. Raises DomainError("unknown") for another's as for none."""
    found = Voucher.objects.filter(business=business, code=tidy(code)).first()
    if found is None:
        raise DomainError("unknown", _("There is no voucher of this code for your business."), field="code")
    return found


def _require_valid(voucher: Voucher) -> None:
    """Read behind the voucher's lock, so that units that go this moment are seen. Raises DomainError."""
    own = Entitlement.objects.filter(pk=voucher.entitlement_id)
    if own.filter(state=Entitlement.State.WITHDRAWN).exists():
        raise DomainError("withdrawn", _("This voucher was withdrawn: nothing can be taken for it."), field="code")
    if own.filter(disputed()).exists():
        raise DomainError("stopped", _("This voucher is stopped for now: please take nothing for it."), field="code")


def is_over(voucher: Voucher, *, on: date) -> bool:
    """Whether nothing more can be bought with it on a business date: its time has passed, or what was left has come
    back to cash."""
    return on > voucher.valid_until or voucher.ended_at is not None


def redeem(business: Business, code: str, amount: int, *, form_token: UUID, actor: Any, at: datetime) -> Redemption:
    """Use an amount (yen) of a voucher. The same form sent again is the same use.

    Raises DomainError: "unknown", "over" (its time is over), "stopped" (the payment for it is disputed), "withdrawn"
    (its units were taken back), "used" (the form, for another voucher), "amount" (more than is left, or nothing).
    """
    voucher = find(business, code)
    with transaction.atomic():
        voucher = locks.lock_one(Voucher, voucher.pk)
        known = Redemption.objects.filter(form_token=form_token).first()
        if known is not None and known.voucher_id == voucher.pk:
            return known
        if known is not None:
            raise DomainError(
                "used", _("This page was used for another voucher. Please look the code up anew."), field="code"
            )
        if is_over(voucher, on=clock.today_in(None, at)):
            text = _("This voucher was valid until %(date)s.") % {
                "date": date_format(voucher.valid_until, "DATE_FORMAT")
            }
            raise DomainError("over", text, field="code")
        _require_valid(voucher)
        if not 0 < amount <= voucher.balance:
            text = _("%(left)s are left on this voucher.") % {"left": format_money(voucher.balance)}
            raise DomainError("amount", text, field="amount")
        voucher.balance -= amount
        voucher.save(update_fields=["balance"])
        made = Redemption.objects.create(
            voucher=voucher, amount=amount, form_token=form_token, redeemed_by=actor, redeemed_at=at
        )
        audit.record(
            action="rewards.Voucher.redeemed",
            subject=voucher,
            at=at,
            actor=actor,
            changes={"amount": amount, "left": voucher.balance},
        )
        return made
