"""A payment that is disputed and units that are taken back, in each state that a reward can be in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from investments.events import HoldingRescinded
from investments.models import Holding, Movement, Order
from investments.orders import services as orders
from microfund.kernel.errors import DomainError
from microfund.kernel.notices.models import Notice
from microfund.site import closing
from rewards import arrival, claims, cycles, fulfilment, handlers, reassign, vouchers
from rewards.models import Cycle, Entitlement, Offer, Parcel, Voucher
from tests import make, repay
from tests.repay import books_are_right
from tests.rewards import build
from tests.rewards.test_pages import now_open
from tests.rewards.test_settled_otherwise import another_season

pytestmark = pytest.mark.django_db

#: A state, what becomes of it when all units are taken back, and how much of the stock stays taken.
ENDS = [
    ("claimable", "withdrawn", 0),
    ("claimed", "withdrawn", 0),
    ("passed_on", "withdrawn", 0),
    ("packing", "withdrawn", 0),
    ("shipped", "shipped", 2),
    ("delivered", "delivered", 2),
    ("returned", "withdrawn", 2),
    ("substituted", "substituted", 2),
    ("declined", "declined", 0),
    ("expired", "expired", 0),
    ("carried", "withdrawn", 0),
]


def brought_to(state: str) -> tuple[Entitlement, datetime]:
    """An entitlement of two items in a state, by the services; somebody else's parcel of the same season goes along."""
    cycle, at = build.opened(
        4, 2, per_units=2, stock=9, unclaimed=Offer.Unclaimed.CARRY if state == "carried" else Offer.Unclaimed.EXPIRE
    )
    row = build.row_of(cycle)
    investor = row.holding.investor
    if state == "declined":
        return claims.decline(investor, row.pk, actor=investor.user, at=at), at
    if state == "passed_on":
        build.claim(row, at=at, donee_id=build.make_donee().pk)
    elif state not in ("claimable", "expired", "carried"):
        build.claim(row, at=at)
    if state not in ("claimable", "claimed", "passed_on"):
        build.claim(build.row_of(cycle, 1), at=at)
        at = build.after_closing(cycle)
        cycles.close_due(on=at.date(), at=at)
        batch = fulfilment.pack(cycle, actor=repay.staff(), at=at)
        if state in ("shipped", "delivered", "returned", "substituted"):
            fulfilment.ship(batch, carrier="post", shipped_on=at.date(), actor=repay.staff(), at=at)
        if state == "delivered":
            at = build.after_closing(cycle, 30)
            cycles.deliver_due(on=at.date(), at=at)
        if state in ("returned", "substituted"):
            fulfilment.report_problem(row.pk, problem="lost", note="", actor=repay.staff(), at=at)
        if state == "substituted":
            fulfilment.substitute(row.pk, note="A jar of paste", actor=repay.staff(), at=at)
    row.refresh_from_db()
    assert row.state == state
    return row, at


def dispute(row: Entitlement, at: datetime | None) -> None:
    """The payment of its holding is disputed, or (None) that is over."""
    own = {"investor": row.holding.investor_id, "fund": row.holding.fund_id}
    Order.objects.filter(**own).update(frozen_at=at)
    orders.refreeze_holding(investor_id=row.holding.investor_id, fund_id=row.holding.fund_id)


def take_back(row: Entitlement, units: int, *, at: datetime) -> None:
    """So many units of its holding are taken back; the event comes twice."""
    holding = Holding.objects.get(pk=row.holding_id)
    Movement.objects.create(
        holding=holding, kind="transfer", units=-units, source=f"t:{units}", effective_on=at.date(), happened_at=at
    )
    event = HoldingRescinded(order_id=0, investor_id=holding.investor_id, fund_id=holding.fund_id, units=units, at=at)
    for _time in range(2):
        handlers.holding_rescinded(event)


def taken(cycle: Cycle, row: Entitlement) -> int:
    """What of the stock this one entitlement takes."""
    cycle.refresh_from_db()
    others = cycle.entitlements.exclude(pk=row.pk).filter(state__in=["claimed", "packing", "shipped", "delivered"])
    return cycle.promised - sum(other.quantity for other in others)


@pytest.mark.parametrize(("state", "end", "kept"), ENDS)
def test_units_that_are_taken_back_end_what_is_in_nobodys_hands(state: str, end: str, kept: int) -> None:
    row, at = brought_to(state)
    take_back(row, 4, at=at)
    row.refresh_from_db()
    assert (row.state, taken(row.cycle, row)) == (end, kept)
    parcel = Parcel.objects.filter(entitlement=row).first()
    if end == "withdrawn" and parcel is not None:
        assert (parcel.address, parcel.batch_id) == ({}, None)
        with pytest.raises(DomainError) as refused:
            build.claim(row, at=at)
        assert refused.value.code == "wrong_state"
    books_are_right()


@pytest.mark.parametrize("state", ["claimed", "packing", "returned"])
def test_of_units_that_are_taken_back_in_part_the_rest_stays(state: str) -> None:
    row, at = brought_to(state)
    take_back(row, 2, at=at)
    row.refresh_from_db()
    assert (row.state, row.quantity, taken(row.cycle, row)) == (state, 1, 1)
    books_are_right()


def test_while_a_payment_is_disputed_nothing_of_it_leaves_the_house() -> None:
    row, at = brought_to("packing")
    batch = row.parcel.batch
    assert batch.parcels.count() == 2
    dispute(row, at)
    with pytest.raises(DomainError) as refused:
        fulfilment.ship(batch, carrier="post", shipped_on=at.date(), actor=repay.staff(), at=at, only={row.pk})
    assert refused.value.code == "stopped" and str(row.pk) in str(refused.value)
    assert [parcel.is_stopped for parcel in fulfilment.visible(batch, on=at.date()).order_by("pk")] == [True, False]
    assert fulfilment.ship(batch, carrier="post", shipped_on=at.date(), actor=repay.staff(), at=at) == 1
    row.refresh_from_db()
    assert row.state == "packing"
    # Back among what is claimed it is not packed either, until the dispute is over.
    fulfilment.unpack(batch, row.pk, actor=repay.staff(), at=at)
    with pytest.raises(DomainError) as nothing:
        fulfilment.pack(row.cycle, actor=repay.staff(), at=at)
    assert nothing.value.code == "nothing"
    dispute(row, None)
    assert fulfilment.pack(row.cycle, actor=repay.staff(), at=at).parcels.count() == 1


@pytest.mark.parametrize("state", ["packing", "shipped", "returned", "declined"])
def test_an_account_that_is_closed_leaves_no_address_in_any_state(state: str) -> None:
    row, at = brought_to(state)
    take_back(row, 4, at=at)
    user = row.holding.investor.user
    assert not closing.blockers(user)
    closing.close(user, at=at)
    parcel = Parcel.objects.filter(entitlement=row).first()
    if parcel is not None:
        assert (parcel.address, parcel.card, parcel.allergies, parcel.complaint_note) == ({}, "", "", "")
        for batch in row.cycle.batches.all():
            assert parcel not in fulfilment.visible(batch, on=at.date())
    # What is on its way arrives all the same, and nobody is asked or told about it.
    day = at.date() + timedelta(days=20)
    arrival.ask_due(on=day, at=make.at_noon(day))
    cycles.deliver_due(on=day, at=make.at_noon(day))
    row.refresh_from_db()
    assert row.state == {"shipped": "delivered", "declined": "declined"}.get(state, "withdrawn")
    assert not Notice.objects.filter(user=user, kind__startswith="reward_asked").exists()


# --- At once ------------------------------------------------------------------------------------------------------


def voucher_of(**offer: Any) -> tuple[Entitlement, Voucher, datetime]:
    cycle, at = build.opened(4, kind=Offer.Kind.VOUCHER, value=2_000, stock=3, **offer)
    row = build.claim(build.row_of(cycle), at=at)
    return row, Voucher.objects.select_related("business").get(), at


def use(voucher: Voucher, amount: int, at: datetime) -> None:
    vouchers.redeem(voucher.business, voucher.code, amount, form_token=uuid4(), actor=repay.staff(), at=at)


@pytest.mark.parametrize(("used", "kept"), [(0, 0), (700, 1), (2_000, 1)])
def test_a_voucher_ends_with_its_units_and_what_was_used_stays_used(used: int, kept: int) -> None:
    row, voucher, at = voucher_of()
    if used:
        use(voucher, used, at)
    take_back(row, 4, at=at)
    row.refresh_from_db()
    row.cycle.refresh_from_db()
    assert (row.state, row.cycle.promised) == ("withdrawn", kept)
    with pytest.raises(DomainError) as refused:
        use(voucher, 1, at)
    assert (refused.value.code, refused.value.data["field"]) == ("withdrawn", "code")
    books_are_right()


def test_a_voucher_is_stopped_while_its_payment_is_disputed_and_not_by_a_death() -> None:
    row, voucher, at = voucher_of()
    dispute(row, at)
    with pytest.raises(DomainError) as refused:
        use(voucher, 500, at)
    assert refused.value.code == "stopped"
    dispute(row, None)
    Holding.objects.update(frozen_at=at)  # the holder has died: what was handed over is whose hands it is in
    use(voucher, 500, at)


@pytest.mark.parametrize(
    ("used", "units", "worth", "left", "items"),
    [
        (0, 2, 4_000, 4_000, 2),
        (800, 2, 4_000, 3_200, 2),
        # What was used counts as that of the units that stay first; an item that was begun stays taken.
        (5_000, 2, 5_000, 0, 3),
        (4_000, 2, 4_000, 0, 2),
        (6_000, 4, 6_000, 0, 3),
        (300, 4, 2_000, 1_700, 1),
    ],
)
def test_of_a_voucher_the_share_of_the_units_that_stay_is_left(
    used: int, units: int, worth: int, left: int, items: int
) -> None:
    cycle, at = build.opened(6, kind=Offer.Kind.VOUCHER, value=2_000, per_units=2, stock=3)
    row = build.claim(build.row_of(cycle), at=at)
    voucher = Voucher.objects.select_related("business").get()
    assert voucher.value == 6_000
    if used:
        use(voucher, used, at)
    take_back(row, units, at=at)
    row.refresh_from_db()
    voucher.refresh_from_db()
    row.cycle.refresh_from_db()
    assert (row.state, row.quantity, row.cycle.promised) == ("delivered", items, items)
    assert (voucher.value, voucher.balance) == (worth, left)
    with pytest.raises(DomainError) as refused:
        use(voucher, left + 1, at)
    assert refused.value.code == "amount"
    books_are_right()


@pytest.mark.parametrize(
    ("units", "state", "items"), [(1, "claimable", 4), (2, "claimable", 4), (4, "claimable", 2), (6, "withdrawn", 6)]
)
def test_what_was_exchanged_is_for_the_units_of_what_it_replaces(units: int, state: str, items: int) -> None:
    cycle = now_open(6, per_units=2, value=3_000)
    other = another_season(cycle, value=1_500)  # one for each holding, however many units
    at = timezone.now()
    row = reassign.exchange(build.row_of(cycle).pk, other, actor=repay.staff(), at=at, reason="The nets broke.")
    assert row.quantity == 6
    with connection.cursor() as cursor:  # as at the commit
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    take_back(row, units, at=at)
    row.refresh_from_db()
    assert (row.state, row.quantity) == (state, items)
    books_are_right()
