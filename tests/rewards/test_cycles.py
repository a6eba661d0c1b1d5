"""Cycles are opened for the holdings of their record date, closed in time, caught up in order, and never twice."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from investments.events import HoldingRescinded, OrderConfirmed
from investments.models import Holding, Movement
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from rewards import cycles, handlers, offers
from rewards.models import Cycle, Entitlement, Offer, Parcel
from tests import make, repay
from tests.repay import books_are_right
from tests.rewards import build

pytestmark = pytest.mark.django_db


def test_every_holding_with_enough_units_gets_an_entitlement_once() -> None:
    cycle, at = build.opened(1, 3, 7, minimum_units=3)
    assert list(cycle.entitlements.order_by("holding__units").values_list("holding__units", "quantity", "state")) == [
        (3, 1, "claimable"),
        (7, 1, "claimable"),
    ]
    build.open_cycles(at)
    assert Cycle.objects.count() == 1 and cycle.entitlements_made == 2
    books_are_right()


def test_one_item_for_each_so_many_units() -> None:
    cycle, _at = build.opened(2, 3, 7, per_units=3)
    assert sorted(cycle.entitlements.values_list("holding__units", "quantity")) == [(3, 1), (7, 2)]
    books_are_right()


def test_the_units_of_the_record_date_count_and_later_ones_do_not() -> None:
    fund = repay.operating(5, 5)
    build.make_offer(fund, minimum_units=5)
    at = build.first_day(fund)
    one, other = Holding.objects.filter(fund=fund).order_by("pk")
    for holding, on in ((one, clock.today_in(None, at)), (other, clock.today_in(None, at) - timedelta(days=1))):
        Movement.objects.create(
            holding=holding, kind="transfer", units=-1, source=f"test:{holding.pk}", effective_on=on, happened_at=at
        )
    build.open_cycles(at)
    assert [row.holding_id for row in Entitlement.objects.all()] == [one.pk]
    books_are_right()


def test_a_month_of_downtime_is_caught_up_in_order_and_leaves_the_whole_time_to_claim() -> None:
    fund = repay.operating(2)
    offer = build.make_offer(fund, claim_days=20)
    late = build.first_day(fund, year=1) + timedelta(days=30)
    build.open_cycles(late)
    found = list(offer.cycles.order_by("pk").values_list("number", "closes_on"))
    first = build.first_day(fund).date().year
    assert [number for number, _closes in found] == [first, first + 1]
    assert found[1][1] == clock.today_in(None, late) + timedelta(days=19)


def test_what_nobody_claims_expires_and_what_is_carried_comes_with_the_next() -> None:
    cycle, _at = build.opened(2, 4, unclaimed=Offer.Unclaimed.CARRY)
    fund = cycle.offer.fund
    build.claim(build.row_of(cycle, 1), at=_at)
    over = build.after_closing(cycle)
    cycles.close_due(on=clock.today_in(None, over), at=over)
    cycle.refresh_from_db()
    assert cycle.state == "closed"
    assert sorted(cycle.entitlements.values_list("state", flat=True)) == ["carried", "claimed"]
    build.open_cycles(build.first_day(fund, year=1))
    second = cycle.offer.cycles.get(number=cycle.number + 1)
    assert sorted(second.entitlements.values_list("holding__units", "quantity")) == [(2, 2), (4, 1)]
    # Nothing comes after the last cycle.
    last = build.first_day(fund, year=20)
    build.open_cycles(last)
    newest = cycle.offer.cycles.order_by("-number")[0]
    cycles.close_due(on=date(2100, 1, 1), at=make.at_noon(date(2100, 1, 1)))
    assert set(newest.entitlements.values_list("state", flat=True)) == {"expired"}
    books_are_right()


@pytest.mark.parametrize("closes_first", [True, False])
def test_what_is_carried_comes_with_the_version_that_replaces_the_offer(closes_first: bool) -> None:
    cycle, _at = build.opened(2, unclaimed=Offer.Unclaimed.CARRY)
    over = build.after_closing(cycle)
    on = clock.today_in(None, over)
    if closes_first:
        cycles.close_due(on=on, at=over)
    new = offers.revise(cycle.offer, actor=repay.staff(), at=over, reason="Larger shells.")
    cycles.close_due(on=on, at=over)
    assert cycle.entitlements.get().state == "carried"
    build.open_cycles(build.first_day(cycle.offer.fund, year=1))
    assert new.cycles.get().entitlements.get().quantity == 2
    build.open_cycles(build.first_day(cycle.offer.fund, year=2))
    assert new.cycles.order_by("-number")[0].entitlements.get().quantity == 1
    books_are_right()


def test_parcels_of_a_season_leave_by_its_last_day_and_a_late_sweep_leaves_the_whole_time() -> None:
    fund = repay.operating(2)
    until = {"season_until_month": 2, "season_until_day": 29}
    offer = build.make_offer(fund, season_month=12, season_day=20, claim_days=30, dispatch_days=5, **until)
    year = build.first_day(fund).year
    build.open_cycles(make.at_noon(date(year, 12, 23)))
    cycle = offer.cycles.get()
    leap = monthrange(year + 1, 2)[1]
    assert (cycle.number, cycle.opens_on) == (year, date(year, 12, 20))
    assert cycle.closes_on == date(year, 12, 20) + timedelta(days=29 + 3)
    assert cycle.dispatch_by == date(year + 1, 2, leap) + timedelta(days=3)
    build.open_cycles(make.at_noon(date(year + 1, 12, 20)))
    assert offer.cycles.count() == 2
    books_are_right()


def test_a_cycle_is_closed_after_its_last_day_and_not_on_it() -> None:
    cycle, _at = build.opened(2)
    cycles.close_due(on=cycle.closes_on, at=make.at_noon(cycle.closes_on))
    assert Cycle.objects.get().state == "open"
    day = cycle.closes_on + timedelta(days=1)
    assert cycles.close_due(on=day, at=make.at_noon(day))["unclaimed"] == 1
    assert Entitlement.objects.get().state == "expired"
    assert cycles.close_due(on=day, at=make.at_noon(day)) == {
        "closed": 0,
        "unclaimed": 0,
        "after_all": 0,
        "errors": 0,
    }


def test_a_process_that_dies_between_the_two_steps_of_closing_is_caught_up() -> None:
    cycle, _at = build.opened(2)
    day = cycle.closes_on + timedelta(days=1)
    cycles._close(cycle.pk, make.at_noon(day))
    assert Entitlement.objects.get().state == "claimable"
    cycles.close_due(on=day, at=make.at_noon(day))
    assert Entitlement.objects.get().state == "expired"


def test_an_offer_is_what_was_promised_once_its_cycles_have_begun() -> None:
    cycle, at = build.opened(2)
    offer = cycle.offer
    with pytest.raises(DatabaseError), transaction.atomic():
        Offer.objects.filter(pk=offer.pk).update(text_en="Ten oysters")
    with pytest.raises(DomainError) as refused:
        offers.revise(offer, actor=repay.staff(), at=at, reason=" ")
    assert refused.value.code == "reason_needed"
    new = offers.revise(offer, actor=repay.staff(), at=at, reason="Fewer rafts.")
    assert (new.version, new.replaces_id) == (2, offer.pk)
    Offer.objects.filter(pk=new.pk).update(text_en="Ten oysters")
    build.open_cycles(build.first_day(offer.fund, year=1))
    assert [own.offer_id for own in Cycle.objects.order_by("pk")] == [offer.pk, new.pk]
    assert Cycle.objects.count() == 2


def test_the_database_refuses_what_would_double_or_lose_an_entitlement() -> None:
    cycle, _at = build.opened(2)
    row = build.row_of(cycle)
    stranger = repay.operating(3).holdings.get()
    for attempt in (
        lambda: Entitlement.objects.create(cycle=cycle, holding=row.holding, quantity=1),
        lambda: Entitlement.objects.create(cycle=cycle, holding=stranger, quantity=1),
        lambda: Entitlement.objects.create(cycle_id=10**9, holding=stranger, quantity=1),
        lambda: Entitlement.objects.filter(pk=row.pk).update(quantity=9),
        lambda: Cycle.objects.filter(pk=cycle.pk).update(stock=1, promised=2),
        lambda: _delete(row),
    ):
        with pytest.raises((IntegrityError, DatabaseError)), transaction.atomic():
            attempt()


def _delete(row: Entitlement) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM rewards_entitlement WHERE id = %s", [row.pk])


def test_units_that_are_taken_back_take_their_rewards_with_them_until_these_are_packed() -> None:
    cycle, at = build.opened(7, per_units=3, stock=10)
    row = build.claim(build.row_of(cycle), at=at)
    holding = row.holding
    for left, quantity, state, promised in ((4, 1, "claimed", 1), (2, 1, "withdrawn", 0)):
        taken = holding.units - left
        Movement.objects.create(
            holding=holding, kind="transfer", units=-taken, source=f"t:{left}", effective_on=at.date(), happened_at=at
        )
        holding.refresh_from_db()
        event = HoldingRescinded(
            order_id=0, investor_id=holding.investor_id, fund_id=holding.fund_id, units=taken, at=at
        )
        handlers.holding_rescinded(event)
        handlers.holding_rescinded(event)
        row.refresh_from_db()
        cycle.refresh_from_db()
        assert (row.quantity, row.state, cycle.promised) == (quantity, state, promised)
    assert Parcel.objects.get().address == {}
    books_are_right()


def test_a_season_over_new_year_is_claimed_on_both_sides_of_it_and_is_one() -> None:
    fund = repay.operating(2, 3)
    offer = build.make_offer(fund, season_month=12, season_day=28, claim_days=10, dispatch_days=10)
    opens = build.first_day(fund).replace(month=12, day=28)
    build.open_cycles(opens)
    cycle = offer.cycles.get()
    assert (cycle.opens_on.year, cycle.closes_on) == (cycle.number, date(cycle.number + 1, 1, 6))
    build.claim(build.row_of(cycle), at=make.at_noon(date(cycle.number, 12, 31)))
    new_year = make.at_noon(date(cycle.number + 1, 1, 1))
    build.open_cycles(new_year)
    assert cycles.close_due(on=new_year.date(), at=new_year)["closed"] == 0
    build.claim(build.row_of(cycle, 1), at=make.at_noon(cycle.closes_on))
    over = build.after_closing(cycle)
    assert cycles.close_due(on=over.date(), at=over)["closed"] == 1
    assert Cycle.objects.count() == 1 and set(cycle.entitlements.values_list("state", flat=True)) == {"claimed"}
    books_are_right()


def test_a_season_of_29_february_opens_once_in_every_year() -> None:
    fund = repay.operating(2, periods=5)
    offer = build.make_offer(fund, season_month=2, season_day=29, claim_days=5, dispatch_days=5)
    last = max(period.ends_on for period in fund.periods.all())
    first = fund.term_starts_on.year
    for year in range(first, last.year + 1):
        for day in (date(year, 2, 27), date(year, 2, 28), date(year, 3, 1) - timedelta(days=1), date(year, 3, 1)):
            build.open_cycles(make.at_noon(day))
    found = dict(offer.cycles.values_list("number", "opens_on"))
    assert found and all(day == date(year, 3, 1) - timedelta(days=1) for year, day in found.items())
    assert len(found) == len({day.year for day in found.values()}) >= 4 and any(day.day == 29 for day in found.values())
    books_are_right()


def bought_late(holding: Holding, units: int, at: datetime, on: date) -> None:
    """Units that were confirmed on a day, of which the rewards hear after that day's cycle has opened; twice."""
    Movement.objects.create(
        holding=holding, kind="transfer", units=units, source=f"late:{at}", effective_on=on, happened_at=at
    )
    event = OrderConfirmed(
        order_id=0, investor_id=holding.investor_id, fund_id=holding.fund_id, units=units, at=make.at_noon(on)
    )
    for _time in range(2):
        handlers.order_confirmed(event)


def test_units_of_the_record_date_that_come_after_the_cycle_has_opened_are_entitled_once() -> None:
    fund = repay.operating(2, 1)
    offer = build.make_offer(fund, minimum_units=2)
    at = build.first_day(fund)
    build.open_cycles(at)
    cycle, late = offer.cycles.get(), Holding.objects.get(fund=fund, units=1)
    assert cycle.entitlements.count() == 1
    # Those of the next day are too late for it.
    bought_late(late, 1, at, cycle.opens_on)
    assert cycle.entitlements.count() == 1
    bought_late(late, 1, at + timedelta(hours=1), cycle.record_on)
    cycle.refresh_from_db()
    assert cycle.entitlements.filter(holding=late).get().quantity == 1 and cycle.entitlements_made == 2
    books_are_right()


def test_a_closed_cycle_gives_late_units_a_time_of_their_own() -> None:
    fund = repay.operating(2, 1)
    offer = build.make_offer(fund, minimum_units=2)
    build.open_cycles(build.first_day(fund))
    cycle, late = offer.cycles.get(), Holding.objects.get(fund=fund, units=1)
    over = build.after_closing(cycle)
    cycles.close_due(on=over.date(), at=over)
    bought_late(late, 1, over, cycle.record_on)
    assert cycle.entitlements.get(holding=late).claim_by is not None
    books_are_right()
