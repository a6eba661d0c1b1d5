"""What was carried is sent: with the next cycle, once, or claimed after all where none comes (domain.md section 10)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from investments.events import HoldingRescinded
from investments.models import Fund, Holding, Movement
from microfund.kernel import clock, integrity
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from rewards import claims, compensation, cycles, fulfilment, handlers, offers, reassign
from rewards.models import Cycle, Entitlement, Offer
from tests import make, repay
from tests.investments.test_mails import both_parts_say, check, mails_of
from tests.repay import books_are_right
from tests.rewards import build
from tests.rewards.test_pages import holder_of, now_open
from tests.rewards.test_taken_back import brought_to

pytestmark = pytest.mark.django_db


def close(at: datetime) -> dict[str, int]:
    counts = cycles.close_due(on=clock.today_in(None, at), at=at)
    assert not counts["errors"]
    return counts


def carried(*units: int, **offer: object) -> tuple[Cycle, datetime]:
    """A closed season of which nobody claimed anything and all is to come with the next."""
    cycle, _at = build.opened(*units, unclaimed=Offer.Unclaimed.CARRY, **offer)
    over = build.after_closing(cycle)
    close(over)
    assert set(cycle.entitlements.values_list("state", flat=True)) == {"carried"}
    return cycle, over


def end(cycle: Cycle, at: datetime) -> None:
    offers.end(cycle.offer, actor=repay.staff(), at=at, reason="The rafts are gone.")


def test_what_was_carried_by_an_offer_that_ends_can_be_claimed_after_all_and_is_sent() -> None:
    cycle, over = carried(2, 4)
    end(cycle, over)
    later = over + timedelta(hours=2)
    assert close(later)["after_all"] == 1
    until = clock.today_in(None, later) + timedelta(days=60)
    assert set(cycle.entitlements.values_list("state", "claim_by")) == {("claimable", until)}
    assert close(later)["after_all"] == close(later + timedelta(days=1))["after_all"] == 0
    assert AuditRow.objects.filter(action="rewards.Cycle.after_all").count() == 1
    row = build.claim(build.row_of(cycle), at=make.at_noon(until))
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=later)
    assert fulfilment.ship(batch, carrier="post", shipped_on=later.date(), actor=repay.staff(), at=later) == 1
    row.refresh_from_db()
    assert row.state == "shipped"
    # Who does not claim even then has let it go: it is not carried in a circle.
    assert close(make.at_noon(until + timedelta(days=1)))["unclaimed"] == 1
    assert close(make.at_noon(until + timedelta(days=2)))["after_all"] == 0
    assert build.row_of(cycle, 1).state == "expired"
    books_are_right()


def test_an_offer_that_ends_before_its_season_closes_keeps_what_its_holders_were_told() -> None:
    cycle, at = build.opened(2, unclaimed=Offer.Unclaimed.CARRY)
    end(cycle, at)
    over = build.after_closing(cycle)
    assert close(over)["after_all"] == 1
    assert build.row_of(cycle).claim_by == clock.today_in(None, over) + timedelta(days=60)
    books_are_right()


def test_holders_are_told_that_it_can_be_claimed_after_all() -> None:
    cycle = now_open(2, 3, unclaimed=Offer.Unclaimed.CARRY)
    Entitlement.objects.filter(cycle=cycle).update(state="carried")
    Cycle.objects.filter(pk=cycle.pk).update(state="closed")
    at = clock.now()
    end(cycle, at)
    assert close(at)["after_all"] == 1
    told = mails_of("reward_after_all")
    assert len({notice.recipient for notice in told}) == len(told) == 2
    for notice in told:
        check(notice)
    both_parts_say(told[0], "There will be no next one.")
    row = build.row_of(cycle)
    page = holder_of(row).get(reverse("rewards:claim", args=[row.pk])).content.decode()
    assert "Claim the reward" in page
    books_are_right()


@pytest.mark.parametrize("state", ["claimable", "claimed", "passed_on", "packing", "shipped", "delivered", "expired"])
def test_only_what_is_carried_is_given_after_all(state: str) -> None:
    row, at = brought_to(state)
    end(row.cycle, at)
    close(at)
    row.refresh_from_db()
    assert (row.state, row.claim_by) == (state, None)


@pytest.mark.parametrize("state", [Fund.State.WOUND_UP, Fund.State.SETTLED])
def test_no_season_comes_of_a_fund_that_is_over(state: str) -> None:
    cycle, over = carried(2)
    Fund.objects.filter(pk=cycle.offer.fund_id).update(state=state)
    assert close(over)["after_all"] == 1
    row = build.row_of(cycle)
    assert row.state == "claimable"
    # What the business cannot send any more, two people settle in money, or with something else.
    made = compensation.prepare(row, amount=row.value, actor=repay.staff(), at=over, reason="The firm has closed.")
    assert made.state == "prepared"


def test_staff_can_give_another_reward_for_what_was_carried() -> None:
    cycle, over = carried(2)
    other = build.make_offer(cycle.offer.fund, text_en="Dried seaweed", text_ja="わかめ")
    build.open_cycles(over)
    end(cycle, over)
    close(over)
    row = build.row_of(cycle)
    made = reassign.exchange(row.pk, other.cycles.get(), actor=repay.staff(), at=over, reason="No rafts.")
    assert made.state == "claimable"
    books_are_right()


def test_what_came_with_a_season_is_never_given_again() -> None:
    cycle, over = carried(2)
    next_year = build.first_day(cycle.offer.fund, year=1)
    build.open_cycles(next_year)
    following = cycle.offer.cycles.get(number=cycle.number + 1)
    old = build.row_of(cycle)
    assert (old.state, old.carried_to_id, build.row_of(following).quantity) == ("carried", following.pk, 2)
    end(cycle, next_year)
    assert close(next_year)["after_all"] == 0
    old.refresh_from_db()
    assert old.state == "carried"
    # The database refuses it, too.
    with pytest.raises(IntegrityError), transaction.atomic():
        Entitlement.objects.filter(pk=old.pk).update(state="claimable")
    with pytest.raises(DomainError):
        claims.claim(
            old.holding.investor, old.pk, claims.Choice(address=build.HOME), actor=None, at=next_year + timedelta(1)
        )
    books_are_right()
    assert over < next_year


def test_what_is_carried_after_the_next_season_has_opened_comes_with_the_one_after() -> None:
    """A worker that was down for a year opens two seasons in one day; what nobody claims of the first is not lost."""
    fund = repay.operating(2)
    offer = build.make_offer(fund, claim_days=20, unclaimed=Offer.Unclaimed.CARRY)
    build.open_cycles(build.first_day(fund, year=1))
    first, second = offer.cycles.order_by("number")
    build.claim(build.row_of(second), at=build.first_day(fund, year=1))
    close(build.after_closing(first))
    build.open_cycles(build.first_day(fund, year=2))
    third = offer.cycles.order_by("-number")[0]
    assert build.row_of(first).carried_to == third and build.row_of(third).quantity == 2
    books_are_right()


def test_whose_units_are_too_few_for_the_new_version_still_gets_what_was_carried() -> None:
    cycle, over = carried(2, 5)
    new = offers.revise(cycle.offer, actor=repay.staff(), at=over, reason="From three units on.")
    Offer.objects.filter(pk=new.pk).update(minimum_units=3)
    build.open_cycles(build.first_day(cycle.offer.fund, year=1))
    following = new.cycles.get()
    assert sorted(following.entitlements.values_list("holding__units", "quantity")) == [(2, 1), (5, 2)]
    assert following.entitlements_made == 2
    books_are_right()
    build.open_cycles(build.first_day(cycle.offer.fund, year=2))
    newest = new.cycles.order_by("-number")[0]
    assert newest.entitlements.get().holding.units == 5
    books_are_right()


def test_a_season_that_forgets_what_was_carried_to_it_is_found() -> None:
    cycle, _over = carried(2, 5)
    new = offers.revise(cycle.offer, actor=repay.staff(), at=_over, reason="From three units on.")
    Offer.objects.filter(pk=new.pk).update(minimum_units=3)
    build.open_cycles(build.first_day(cycle.offer.fund, year=1))
    # Negative control: the row is hidden from the check by moving it to a cycle that it never was of.
    lost = Entitlement.objects.get(cycle__offer=new, holding__units=2)
    Entitlement.objects.filter(cycle=cycle, holding=lost.holding).update(carried_to=None)
    found = {own.check.name: own.differences for own in integrity.run(["rewards.entitlements"])}
    assert "an entitlement without units" in " ".join(found["rewards.entitlements"])


def test_units_that_are_taken_back_leave_what_was_carried_for_the_units_that_stay() -> None:
    cycle, _over = carried(5)
    at = build.first_day(cycle.offer.fund, year=1)
    build.open_cycles(at)
    row = cycle.offer.cycles.order_by("-number")[0].entitlements.get()
    assert row.quantity == 2
    for left, expected in ((3, ("claimable", 2)), (0, ("withdrawn", 2))):
        holding = Holding.objects.get(pk=row.holding_id)
        taken = holding.units - left
        Movement.objects.create(
            holding=holding, kind="transfer", units=-taken, source=f"t:{left}", effective_on=at.date(), happened_at=at
        )
        handlers.holding_rescinded(
            HoldingRescinded(order_id=0, investor_id=holding.investor_id, fund_id=holding.fund_id, units=taken, at=at)
        )
        row.refresh_from_db()
        assert (row.state, row.quantity) == expected
    # What came with it stays as it was: it is over.
    assert build.row_of(cycle).state == "carried"
    books_are_right()


# --- A new version, and claims before the season ------------------------------------------------------------------

SEPTEMBER = {"claim_month": 9, "claim_day": 1, "claim_until_month": 9, "claim_until_day": 30}
WINTER = {"season_month": 11, "season_day": 1, "season_until_month": 2, "season_until_day": 28}


def brewed(*units: int, **values: object) -> tuple[Cycle, date]:
    """A season of winter that is claimed in September, opened on its first day; the year in which it begins."""
    fund = repay.operating(*units)
    offer = build.make_offer(fund, **WINTER, **SEPTEMBER, **values)
    first = date(fund.term_starts_on.year + 1, 9, 1)
    build.open_cycles(make.at_noon(first))
    return offer.cycles.order_by("-number")[0], first


def test_claims_open_and_close_before_the_season_and_parcels_are_sent_in_it() -> None:
    cycle, first = brewed(2, 3)
    year = first.year
    assert (cycle.number, cycle.record_on, cycle.opens_on) == (year, date(year, 8, 31), first)
    assert (cycle.closes_on, cycle.dispatch_from) == (date(year, 9, 30), date(year, 11, 1))
    assert cycle.dispatch_by == date(year + 1, 2, 28)
    for wish in (date(year, 10, 7), date(year, 10, 31), date(year + 1, 3, 1)):
        with pytest.raises(DomainError) as refused:
            build.claim(build.row_of(cycle), at=make.at_noon(first), wish_on=wish)
        assert (refused.value.code, refused.value.data["field"]) == ("wish", "wish_on")
    row = build.claim(build.row_of(cycle), at=make.at_noon(date(year, 9, 30)), wish_on=date(year, 11, 1))
    assert row.state == "claimed"
    over = make.at_noon(date(year, 10, 1))
    with pytest.raises(DomainError) as late:
        build.claim(build.row_of(cycle, 1), at=over)
    assert late.value.code == "closed"
    close(over)
    assert build.row_of(cycle, 1).state == "expired"
    books_are_right()


def test_a_cycle_that_opens_late_takes_nothing_from_the_season() -> None:
    fund = repay.operating(2)
    offer = build.make_offer(fund, **WINTER, **SEPTEMBER)
    year = fund.term_starts_on.year + 1
    build.open_cycles(make.at_noon(date(year, 9, 11)))
    cycle = offer.cycles.order_by("-number")[0]
    # Ten days late: still before the season, which stays as it was promised.
    assert (cycle.closes_on, cycle.dispatch_from) == (date(year, 10, 10), date(year, 11, 1))
    assert cycle.dispatch_by == date(year + 1, 2, 28)


def test_a_cycle_that_opens_in_the_season_leaves_the_whole_time_to_send() -> None:
    fund = repay.operating(2)
    offer = build.make_offer(fund, **WINTER, **SEPTEMBER)
    year = fund.term_starts_on.year + 1
    build.open_cycles(make.at_noon(date(year, 11, 10)))
    cycle = offer.cycles.order_by("-number")[0]
    # Seventy days late: claims close 39 days into the season, and so much longer it is sent.
    assert cycle.closes_on == date(year, 12, 9)
    assert cycle.dispatch_by == date(year + 1, 2, 28) + timedelta(days=39)


def test_a_new_version_with_other_days_does_not_give_the_same_season_twice() -> None:
    cycle, first = brewed(2)
    new = offers.revise(cycle.offer, actor=repay.staff(), at=make.at_noon(first), reason="Claims with the season.")
    Offer.objects.filter(pk=new.pk).update(
        claim_month=None, claim_day=None, claim_until_month=None, claim_until_day=None, season_day=20
    )
    build.open_cycles(make.at_noon(date(first.year, 11, 20)))
    assert not new.cycles.exists()
    build.open_cycles(make.at_noon(date(first.year + 1, 11, 20)))
    assert new.cycles.get().number == first.year + 1
    books_are_right()
