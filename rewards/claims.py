"""What an investor does with an entitlement: claim it, give it to somebody, pass it on, decline it (domain.md section
10). Locks: the entitlement first, the cycle's row last."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from investments.investors import addresses, rules
from investments.models import Investor
from microfund.kernel import clock, locks
from microfund.kernel.audit import services as audit
from microfund.kernel.errors import DomainError

from .models import (
    ENTITLEMENT_STATES,
    TAKES_STOCK,
    TO_PACK,
    Cycle,
    Donee,
    Download,
    Entitlement,
    Offer,
    Parcel,
    Voucher,
)

#: Japan's age for sake (law on the prohibition of drinking by minors).
ADULT_AGE = 20
#: Letters of a code: none that are taken for each other.
_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_CODE_LENGTH = 12
#: Longest name of an acknowledgement.
NAME_LENGTH = 60
#: States in which the investor may say where it goes.
MAY_CLAIM = ("claimable", *TO_PACK, "returned")
#: What is handed over at once, without a parcel.
AT_ONCE = (Offer.Kind.VOUCHER, Offer.Kind.DIGITAL, Offer.Kind.ACKNOWLEDGEMENT)


@dataclass(frozen=True, slots=True)
class Choice:
    """How a claim travels: an address by part (addresses.PARTS) or a donee; for somebody else with words on a card; a
    wish for a day; whether the claimant says that whoever gets it is of age and has read what it contains; what whoever
    packs it must know. Of an acknowledgement `card` is the name that stands there."""

    address: Mapping[str, str] = field(default_factory=dict)
    donee_id: int | None = None
    gift: bool = False
    card: str = ""
    wish_on: date | None = None
    of_age: bool = False
    read_allergens: bool = False
    allergies: str = ""


def own(investor: Investor, pk: int) -> Entitlement:
    """One's own entitlement with its offer. Raises Entitlement.DoesNotExist for another person's as for none."""
    found = Entitlement.objects.select_related("cycle__offer__fund__business", "holding")
    return found.get(pk=pk, holding__investor=investor)


def claim(investor: Investor, pk: int, choice: Choice, *, actor: Any, at: datetime) -> Entitlement:
    """Claim an entitlement, or change the claim until it is packed; one that came back is sent again.

    Raises DomainError: "wrong_state", "closed" (the time is over), "frozen" (a payment of the holding is disputed),
    "out_of_stock", "under_age" (whoever claims it, or nobody says how old whoever receives it is), "allergens",
    "region", "wish", "card", "donee", and what is wrong with the address, each with `field`; Entitlement.DoesNotExist.
    """
    offer = own(investor, pk).cycle.offer
    if (offer.allergens_en or offer.allergens_ja) and not choice.read_allergens and choice.donee_id is None:
        message = _("Please confirm that whoever receives it knows what it contains.")
        raise DomainError("allergens", message, field="read_allergens")
    return place(pk, choice, actor=actor, at=at)


def place(pk: int, choice: Choice, *, actor: Any, at: datetime, reason: str = "") -> Entitlement:
    """`claim` of any entitlement, for whoever may decide on it. Raises as `claim`."""
    with transaction.atomic():
        row = locks.lock_one(Entitlement, pk)
        investor = row.holding.investor
        cycle = Cycle.objects.select_related("offer__fund__business").get(pk=row.cycle_id)
        offer, to = cycle.offer, Entitlement.State.PASSED_ON if choice.donee_id else Entitlement.State.CLAIMED
        if offer.kind in AT_ONCE:
            to = Entitlement.State.DELIVERED
        if row.state not in MAY_CLAIM and not is_named(row):
            raise DomainError("wrong_state", _("This reward is packed, sent or over: it cannot be changed any more."))
        if row.state != to:
            ENTITLEMENT_STATES.require(row.state, to)
        _require_open(row, cycle, at=at)
        if row.holding.frozen_at is not None:
            raise DomainError("frozen", _("This holding is frozen; rewards wait until that is over."))
        _require_age(offer, investor, choice, at=at)
        if offer.kind in AT_ONCE:
            _hand_over(row, cycle, choice, at=at)
        else:
            write_parcel(row, cycle, choice, at=at)
        if row.state not in TAKES_STOCK:
            take_stock(cycle, row)
        if row.state == to:
            return row
        return ENTITLEMENT_STATES.move(row, to, at=at, actor=actor, reason=reason)


def is_named(row: Entitlement) -> bool:
    """Whether it is an acknowledgement that was claimed: its name may be changed at any time."""
    return row.state == Entitlement.State.DELIVERED and row.cycle.offer.kind == Offer.Kind.ACKNOWLEDGEMENT


def _require_open(row: Entitlement, cycle: Cycle, *, at: datetime) -> None:
    """The window is that of the first claim; what came back may be claimed again at any time."""
    if row.state != Entitlement.State.CLAIMABLE:
        return
    if not is_open(row, on=clock.today_in(None, at)):
        raise DomainError(
            "closed",
            _("This reward could be claimed until %(date)s.") % {"date": date_format(row.last_day, "DATE_FORMAT")},
        )


def is_open(row: Entitlement, *, on: date) -> bool:
    """Whether an entitlement may be claimed for the first time on a business date."""
    return on <= row.last_day and (row.claim_by is not None or row.cycle.state == Cycle.State.OPEN)


def _require_age(offer: Offer, investor: Investor, choice: Choice, *, at: datetime) -> None:
    """Whoever receives it is of age, and so is whoever claims it, also as a gift: nobody sees to whom it goes. It is
    not passed on to a school."""
    if not offer.adults_only:
        return
    if choice.donee_id:
        message = _("Only for people of 20 and over: it cannot be passed on to a school or a food bank.")
        raise DomainError("donee", message, field="donee")
    if not choice.of_age:
        message = _("Only for people of 20 and over. Please confirm the age of whoever receives it.")
        raise DomainError("under_age", message, field="of_age")
    born = investor.birth_date
    if not born or investor.kind != Investor.Kind.PERSON:
        return
    if rules.age_on(date.fromisoformat(born), clock.today_in(None, at)) < ADULT_AGE:
        raise DomainError("under_age", _("Only for people of 20 and over."), field="of_age")


def write_parcel(row: Entitlement, cycle: Cycle, choice: Choice, *, at: datetime) -> None:
    """How a claim travels. Raises DomainError: "donee", "region", "wish", and what is wrong with the address."""
    offer, donee, address = cycle.offer, None, {}
    if choice.donee_id:
        donee = Donee.objects.filter(pk=choice.donee_id, active=True).first()
        if donee is None:
            raise DomainError("donee", _("Please choose one of the places."), field="donee")
        address = dict(donee.address)
    elif offer.kind == Offer.Kind.GOODS:
        address = addresses.checked(choice.address)
        if not offer.goes_to(address):
            whole = address["prefecture"] in offer.not_to
            place = address["prefecture"] if whole else address["postal_code"]
            message = _("This reward cannot be sent to %(prefecture)s.") % {"prefecture": place}
            raise DomainError("region", message, field="prefecture" if whole else "postal_code")
    if choice.wish_on is not None and not cycle.wish_from <= choice.wish_on <= cycle.dispatch_by:
        raise DomainError("wish", _("Choose a day from the list."), field="wish_on")
    Parcel.objects.update_or_create(
        entitlement=row,
        defaults={
            "address": address,
            "prefecture": address.get("prefecture", ""),
            "gift": choice.gift and donee is None,
            "card": choice.card.strip()[:200] if choice.gift else "",
            "allergies": "" if donee else " ".join(choice.allergies.split())[:200],
            "donee": donee,
            "wish_on": choice.wish_on,
            "claimed_at": at,
            "batch": None,
            "carrier": "",
            "tracking": "",
            "shipped_on": None,
            "problem": "",
            "note": "",
            "asked_at": None,
            "complaint": "",
            "complaint_note": "",
            "complained_at": None,
            "erased_at": None,
        },
    )


def _hand_over(row: Entitlement, cycle: Cycle, choice: Choice, *, at: datetime) -> None:
    """A voucher gets its code, an acknowledgement its name; a download needs nothing. Raises DomainError("card")."""
    offer = cycle.offer
    if offer.kind == Offer.Kind.ACKNOWLEDGEMENT:
        name = " ".join(choice.card.split())[:NAME_LENGTH]
        if not name and row.state == Entitlement.State.CLAIMABLE:
            raise DomainError("card", _("Give the name as it should stand there."), field="card")
        Parcel.objects.update_or_create(entitlement=row, defaults={"card": name, "claimed_at": at})
    if offer.kind != Offer.Kind.VOUCHER:
        return
    worth = offer.value * row.quantity
    Voucher.objects.create(
        entitlement=row,
        business=offer.fund.business,
        code="".join(secrets.choice(_LETTERS) for _letter in range(_CODE_LENGTH)),
        value=worth,
        balance=worth,
        valid_until=clock.today_in(None, at) + timedelta(days=offer.valid_days),
        made_at=at,
    )


def take_stock(cycle: Cycle, row: Entitlement) -> None:
    """One guarded update of the cycle's row: whoever waited for it sees what is left (domain.md section 4). One with a
    last day of its own may be late."""
    locks.note("rewards.Cycle", [cycle.pk])
    free = Q(stock__isnull=True) | Q(stock__gte=F("promised") + row.quantity)
    at_all = Q(pk=cycle.pk) if row.claim_by is not None else Q(pk=cycle.pk, state=Cycle.State.OPEN)
    if not Cycle.objects.filter(free & at_all).update(promised=F("promised") + row.quantity):
        if Cycle.objects.filter(at_all).exists():
            raise DomainError("out_of_stock", _("None is left: all of this reward has been claimed."))
        raise DomainError("closed", _("The time to claim this reward has just ended."))


def give_stock_back(row: Entitlement) -> None:
    """What is not taken after all can be claimed by others. The entitlement is locked and still in its old state."""
    if row.state in TAKES_STOCK:
        locks.note("rewards.Cycle", [row.cycle_id])
        Cycle.objects.filter(pk=row.cycle_id).update(promised=F("promised") - row.quantity)


def withdraw_rest(row: Entitlement, left: int, *, at: datetime) -> None:
    """A locked entitlement loses its units: `left` items stay, or it is withdrawn and its address erased. What was sent
    or used stays out of the stock, as in `end_otherwise`. Its voucher, if it has one, is locked too."""
    if left:
        left = _reduced_voucher(row, left, at=at)
        given_back = row.quantity - left
        if row.state in TAKES_STOCK:
            locks.note("rewards.Cycle", [row.cycle_id])
            Cycle.objects.filter(pk=row.cycle_id).update(promised=F("promised") - given_back)
        row.quantity = left
        row.save(update_fields=["quantity"])
        return
    if not _was_taken(row):
        give_stock_back(row)
    erase(Parcel.objects.filter(entitlement=row), at=at)
    Parcel.objects.filter(entitlement=row).update(batch=None)
    ENTITLEMENT_STATES.move(row, Entitlement.State.WITHDRAWN, at=at)


def _reduced_voucher(row: Entitlement, left: int, *, at: datetime) -> int:
    """A voucher of which some units go is worth the `left` items that stay; what was used counts as theirs first and is
    never taken back. How many items stay: one that was used in part stays whole."""
    voucher = Voucher.objects.filter(entitlement=row).first()
    if voucher is None:
        return left
    each, before, used = row.cycle.offer.value, voucher.value, voucher.value - voucher.balance
    voucher.value = max(used, each * left)
    voucher.balance = voucher.value - used
    if voucher.value < before:
        voucher.save(update_fields=["value", "balance"])
        changes = {"value": [before, voucher.value], "left": voucher.balance}
        audit.record(action="rewards.Voucher.reduced", subject=voucher, at=at, changes=changes)
    return max(left, -(-used // each))


def _was_taken(row: Entitlement) -> bool:
    """Whether something of it has left the house or was used."""
    sent = Parcel.objects.filter(entitlement=row, shipped_on__isnull=False)
    used = Voucher.objects.filter(entitlement=row, balance__lt=F("value"))
    return sent.exists() or used.exists() or Download.objects.filter(entitlement=row).exists()


def erase(parcels: QuerySet[Parcel], *, at: datetime) -> int:
    """Forget who gets parcels, where, and what they wrote; how many."""
    return parcels.update(address={}, card="", allergies="", complaint_note="", erased_at=at)


def end_otherwise(row: Entitlement, to: str, *, note: str, actor: Any, at: datetime) -> Entitlement:
    """A locked entitlement ends for another or for money. Its address is erased; what was not sent yet is in stock
    again, what was sent is not, whatever became of it. Raises DomainError("wrong_state")."""
    ENTITLEMENT_STATES.require(row.state, to)
    if not _was_taken(row):
        give_stock_back(row)
    erase(Parcel.objects.filter(entitlement=row), at=at)
    return ENTITLEMENT_STATES.move(row, to, at=at, actor=actor, reason=note, note=note[:200])


def decline(investor: Investor, pk: int, *, actor: Any, at: datetime) -> Entitlement:
    """The investor does not want it. Raises DomainError("wrong_state"), Entitlement.DoesNotExist."""
    own(investor, pk)
    with transaction.atomic():
        row = locks.lock_one(Entitlement, pk)
        ENTITLEMENT_STATES.require(row.state, Entitlement.State.DECLINED)
        # What came back stays out of the stock: it was sent once, and is not promised to others.
        if not _was_taken(row):
            give_stock_back(row)
        erase(Parcel.objects.filter(entitlement=row), at=at)
        return ENTITLEMENT_STATES.move(row, Entitlement.State.DECLINED, at=at, actor=actor)
