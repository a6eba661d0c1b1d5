"""The beginning of an order: what was chosen is checked, and units are reserved in one statement (section 4.1–4.2).

What is frozen at opening (policy, closing date) is read once for each process and fund, and with it the newest version
of the terms and its documents; who accepted others than a process has read makes it look again, once. Everything else
that can change stands in the guards of `reserve.place`, which also see a newer version of the terms.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from investments.banking import names
from investments.investors.models import Investor
from investments.offerings import services as offerings
from investments.offerings.models import Document, Fund, FundCounter, Terms
from investments.policy import services as policy
from investments.policy.models import PolicyProfile
from microfund.kernel import clock
from microfund.kernel.errors import DomainError

from . import queries, reserve
from .giving import Wish, give
from .models import Order

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CACHE_SIZE = 1_000


@dataclass(frozen=True, slots=True)
class Accepted:
    """A document that the investor read and accepted, as the flow saw it."""

    document_id: int
    sha256: str
    accepted_at: datetime
    ip: str | None


@dataclass(frozen=True, slots=True)
class Offer:
    """What an open fund has frozen: its terms, policy, closing instant, and the documents by (id, SHA-256)."""

    fund_id: int
    business_id: int
    currency: str
    terms: Terms
    policy: PolicyProfile
    closes_at: datetime
    documents: dict[tuple[int, str], str]

    def accepted_by(self, acceptances: Sequence[Accepted]) -> bool:
        """Whether every kind of these documents was accepted, byte for byte, and nothing else."""
        return {self.documents.get((item.document_id, item.sha256)) for item in acceptances} == set(
            Document.Kind.values
        )


_offers: dict[tuple[str, str, int], Offer] = {}


def offer_of(fund_id: int, *, fresh: bool = False) -> Offer:
    """The frozen parts of an opened fund. Raises DomainError("closed") for one that has not been opened."""
    key = (str(connection.settings_dict["HOST"]), str(connection.settings_dict["NAME"]), fund_id)
    found = None if fresh else _offers.get(key)
    if found is not None:
        return found
    fund = Fund.objects.select_related("policy").get(pk=fund_id)
    if fund.policy is None:
        raise _closed()
    terms = offerings.current_terms(fund)
    found = Offer(
        fund_id=fund_id,
        business_id=fund.business_id,
        currency=fund.currency,
        terms=terms,
        policy=fund.policy,
        closes_at=FundCounter.objects.only("closes_at").get(pk=fund_id).closes_at,
        documents={
            (pk, sha256): kind
            for pk, sha256, kind in Document.objects.filter(terms=terms).values_list("pk", "sha256", "kind")
        },
    )
    if len(_offers) >= _CACHE_SIZE:
        _offers.clear()
    _offers[key] = found
    return found


def new_reference() -> str:
    """An order's public reference: 50 random bits, no letters that look alike."""
    text = "".join(secrets.choice(_ALPHABET) for _n in range(10))
    return f"{text[:5]}-{text[5:]}"


def new_payer_code() -> str:
    """Nine random digits and a check digit (Luhn), so that a mistyped code is seen as unknown, not as another's."""
    digits = f"{secrets.randbelow(9 * 10**8) + 10**8}"
    return digits + luhn_digit(digits)


def luhn_digit(digits: str) -> str:
    """The Luhn check digit of a string of digits."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        value = int(character) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def payer_codes(code: str, name: str) -> list[str]:
    """The payer codes that a bank line may carry in its code field or in the payer's name; one whose check digit is
    wrong is nobody's."""
    return [found for found in names.code_candidates(code, name) if luhn_digit(found[:-1]) == found[-1]]


def limits_for(fund: Fund, at: datetime) -> reserve.Limits:
    """The units limit is the fund's frozen policy's; the yen limit is the law's as of the act (section 2)."""
    return reserve.Limits(person_units=fund.policy.units_per_person, on=clock.today_in(fund.policy.zone, at))


def place_order(
    *,
    investor: Investor,
    fund: Fund,
    units: int,
    method: str,
    form_token: uuid.UUID,
    acceptances: Sequence[Accepted],
    answers: dict[str, Any],
    language: str,
    at: datetime,
    name_shown: bool = False,
    message: str = "",
    gift: Wish | None = None,
) -> Order:
    """Reserve `units` of `fund` and write the order; the same form again is the same order, whatever has changed.

    With `gift` the order is its payer's until the one it is meant for accepts it.

    Raises DomainError: "closed", "units", "order_limit", "person_limit", "business_limit", "sold_out",
    "delayed_share", "method", "documents", "not_eligible", "form"; the figures are in its `data`.
    """
    try:
        offer = offer_of(fund.pk)
        if not offer.accepted_by(acceptances):
            # The terms may have been amended since this process read them.
            offer = offer_of(fund.pk, fresh=True)
        values = _values(offer, investor, units, method, acceptances, language, at)
        values |= {
            "form_token": form_token,
            "answers": answers,
            "supporter_name_shown": name_shown,
            "supporter_message": message,
        }
        if gift is None:
            return _place(offer, values, investor, acceptances)
        with transaction.atomic():
            order = _place(offer, values, investor, acceptances)
            give(order, gift, at=at)
            return order
    except DomainError:
        sent_before = Order.objects.filter(form_token=form_token, payer=investor).first()
        if sent_before is None:
            raise
        return sent_before


def _values(
    offer: Offer,
    investor: Investor,
    units: int,
    method: str,
    acceptances: Sequence[Accepted],
    language: str,
    at: datetime,
) -> dict[str, Any]:
    """The order's columns, once everything that needs no counter is checked."""
    terms, profile = offer.terms, offer.policy
    if type(units) is not int or units < 1:
        raise DomainError("units", _("Choose at least one unit."))
    if units > profile.units_per_order:
        limit = profile.units_per_order
        raise DomainError(
            "order_limit", _("At most %(limit)d units can be bought at once.") % {"limit": limit}, limit=limit
        )
    if at >= offer.closes_at:
        raise _closed()
    total = units * terms.unit_price
    if not queries.method_allowed(method, profile, closes_at=offer.closes_at, total=total, at=at):
        raise DomainError("method", _("This way to pay is not offered now. Please choose another."))
    if not offer.accepted_by(acceptances):
        raise DomainError("documents", _("The documents have changed or are not all accepted. Please read them again."))
    today = clock.today_in(profile.zone, at)
    require_eligible(investor, profile, today)
    return {
        "investor_id": investor.pk,
        "payer_id": investor.pk,
        "fund_id": offer.fund_id,
        "terms_id": terms.pk,
        "state": Order.State.RESERVED,
        "method": method,
        "units": units,
        "investment": units * terms.investment,
        "donation": units * terms.donation,
        "fee": units * terms.fee,
        "total": total,
        "currency": offer.currency,
        "language": language,
        "applied_at": at,
        "counts_until": clock.add_months(today, 12),
        "counted": True,
        "reserved_until": at + timedelta(minutes=profile.reservation_minutes),
        "extensions": 0,
    }


def require_eligible(investor: Investor, profile: PolicyProfile, today: date) -> None:
    """Raise DomainError("not_eligible") for a person who may not hold units: rejected, or too young."""
    if investor.identity_state == Investor.Identity.REJECTED:
        raise DomainError("not_eligible", _("Your identity check was rejected. Please contact us."))
    if investor.kind == Investor.Kind.PERSON:
        born = date.fromisoformat(investor.birth_date) if investor.birth_date else None
        if born is None or clock.add_months(born, 12 * profile.minimum_age) > today:
            raise DomainError(
                "not_eligible",
                _("You must be %(age)d years old to apply.") % {"age": profile.minimum_age},
                age=profile.minimum_age,
            )


def _place(offer: Offer, values: dict[str, Any], investor: Investor, acceptances: Sequence[Accepted]) -> Order:
    limits = reserve.Limits(
        person_units=offer.policy.units_per_person, on=clock.today_in(offer.policy.zone, values["applied_at"])
    )
    for _try in range(3):
        drawn = values | {"reference": new_reference(), "payer_code": new_payer_code()}
        try:
            placed = reserve.place(
                values=drawn,
                business_id=offer.business_id,
                limits=limits,
                acceptances=acceptances,
                actor_id=investor.user_id,
            )
        except IntegrityError:
            existing = Order.objects.filter(form_token=values["form_token"]).first()
            if existing is not None:
                if existing.payer_id == investor.pk:
                    return existing
                raise DomainError("form", _("This form was sent before. Please start again.")) from None
            # A reference or payer code that exists: draw again.
            continue
        if placed.order_id is None:
            raise _explain(placed.refused_by, offer, values, limits)
        order = Order(pk=placed.order_id, recorded_at=placed.recorded_at, **drawn)
        order._state.adding, order._state.db = False, connection.alias
        return order
    raise RuntimeError("no free order reference in three draws")


def _closed() -> DomainError:
    return DomainError("closed", _("This fund does not take orders now."))


def _explain(by: str, offer: Offer, values: dict[str, Any], limits: reserve.Limits) -> DomainError:
    """Say why the guard refused, with the figures as they are now."""
    seen = reserve.seen(values["investor_id"], offer.fund_id, offer.business_id)
    if by == "business_limit":
        limit = policy.current(limits.on).investment_per_person_business
        return DomainError(
            "business_limit",
            _("The law allows at most %(limit)d yen of investment in one business in 12 months; you have %(invested)d.")
            % {"limit": limit, "invested": seen.invested},
            invested=seen.invested,
            limit=limit,
        )
    if by == "person_limit":
        return DomainError(
            "person_limit",
            _("You hold %(held)d of at most %(limit)d units of this fund.")
            % {"held": seen.units, "limit": limits.person_units},
            held=seen.units,
            limit=limits.person_units,
        )
    if not seen.accepting:
        return _closed()
    if seen.available < values["units"]:
        return DomainError(
            "sold_out",
            _("Only %(available)d units are left.") % {"available": seen.available},
            available=seen.available,
        )
    if values["method"] in policy.DELAYED and seen.delayed_left < values["units"]:
        return DomainError(
            "delayed_share",
            _("The units that may wait for a convenience store or bank payment are taken. Please pay by card."),
            available=max(0, seen.delayed_left),
        )
    if offer_of(offer.fund_id, fresh=True).terms.pk != offer.terms.pk:
        return DomainError("documents", _("The terms have a new version. Please read the documents again."))
    return _closed()
