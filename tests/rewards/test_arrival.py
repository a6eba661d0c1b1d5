"""Whether it arrived: who is asked, what a holder can say, what the business answers, and that all are told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from investments.investors import addresses
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from rewards import arrival, board, cycles, fulfilment
from rewards.models import Cycle, Entitlement, Parcel
from tests import make, repay
from tests.investments.test_mails import both_parts_say, check, mails_of
from tests.repay import books_are_right
from tests.rewards import build
from tests.rewards.test_pages import browser, holder_of, now_open, owner

pytestmark = pytest.mark.django_db


def sent(cycle: Cycle, *, days_ago: int = 7) -> tuple[list[Entitlement], datetime]:
    """Every parcel of a season that is not passed on was claimed, packed, and sent some days ago."""
    at = timezone.now()
    for row in cycle.entitlements.filter(state="claimable").select_related("holding__investor__user"):
        build.claim(row, at=at)
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=at - timedelta(days=days_ago))
    day = clock.today_in(None, at) - timedelta(days=days_ago)
    fulfilment.ship(batch, carrier="yamato", shipped_on=day, actor=repay.staff(), at=at)
    return list(cycle.entitlements.select_related("holding__investor__user").order_by("pk")), at


def say(row: Entitlement, problem: str = "damaged", *, at: datetime, note: str = "Three are broken.") -> Entitlement:
    investor = row.holding.investor
    return arrival.complain(investor, row.pk, problem=problem, note=note, actor=investor.user, at=at)


def refused(code: str, act: Any) -> None:
    with pytest.raises(DomainError) as error:
        act()
    assert error.value.code == code


def test_holders_are_asked_once_a_week_after_and_not_of_what_they_passed_on() -> None:
    cycle = now_open(2, 3, 4)
    build.claim(build.row_of(cycle, 2), at=timezone.now(), donee_id=build.make_donee().pk)
    rows, at = sent(cycle)
    today = clock.today_in(None, at)
    assert arrival.ask_due(on=today - timedelta(days=1), at=at) == {"asked": 0}
    assert arrival.ask_due(on=today, at=at) == {"asked": 2}
    assert arrival.ask_due(on=today + timedelta(days=3), at=at) == {"asked": 0}
    asked = mails_of("reward_asked")
    assert {notice.recipient for notice in asked} == {row.holding.investor.user.email for row in rows[:2]}
    check(asked[0])
    both_parts_say(asked[0], "Twenty oysters in the shell")


def test_a_complaint_waits_for_its_answer_and_keeps_the_parcel_from_having_arrived() -> None:
    cycle = now_open(2, 3)
    repay.owner(cycle.offer.fund)
    (row, other), at = sent(cycle)
    refused("problem", lambda: say(row, "eaten", at=at))
    say(row, at=at)
    refused("wrong_state", lambda: say(row, at=at))
    told = mails_of("parcel_complained")
    assert len(told) == 1
    check(told[0])
    both_parts_say(told[0], "Three are broken.", str(row.pk))
    assert row.holding.investor.name not in told[0].text and "一番町" not in told[0].text
    late = clock.today_in(None, at) + timedelta(days=10)
    cycles.deliver_due(on=late, at=make.at_noon(late))
    states = dict(Entitlement.objects.values_list("pk", "state"))
    assert (states[row.pk], states[other.pk]) == ("shipped", "delivered")
    refused("reason_needed", lambda: arrival.answer(row.pk, note=" ", actor=None, at=at))
    arrival.answer(row.pk, note="The carrier found it: it comes tomorrow.", actor=repay.staff(), at=at)
    refused("wrong_state", lambda: arrival.answer(row.pk, note="Again", actor=None, at=at))
    both_parts_say(mails_of("reward_answered")[0], "The carrier found it")
    arrival.received(row.holding.investor, row.pk, actor=None, at=at)
    arrival.received(row.holding.investor, row.pk, actor=None, at=at)
    row.refresh_from_db()
    assert row.state == "delivered"
    books_are_right()


def test_it_is_sent_again_or_something_else_is_and_the_holder_reads_what() -> None:
    cycle = now_open(2, 3)
    (row, other), at = sent(cycle)
    for own in (row, other):
        say(own, "lost", at=at)
        fulfilment.report_problem(own.pk, problem="lost", note="Nobody found it.", actor=repay.staff(), at=at)
    fulfilment.substitute(other.pk, note="A jar of paste", actor=repay.staff(), at=at)
    build.claim(row, at=at)
    row.refresh_from_db()
    assert row.state == "claimed"
    assert not Parcel.objects.exclude(complaint="").exists()
    both_parts_say(mails_of("reward_answered")[0], "A jar of paste")


def test_it_can_be_said_for_thirty_days_by_its_holder_alone() -> None:
    cycle = now_open(2, 3)
    (row, other), at = sent(cycle, days_ago=31)
    refused("too_late", lambda: say(row, at=at))
    with pytest.raises(Entitlement.DoesNotExist):
        arrival.complain(
            other.holding.investor, row.pk, problem="lost", note="", actor=other.holding.investor.user, at=at
        )
    with pytest.raises(Entitlement.DoesNotExist):
        arrival.received(other.holding.investor, row.pk, actor=None, at=at)


def test_the_pages_lead_from_the_complaint_to_the_answer() -> None:
    cycle = now_open(2)
    fund = cycle.offer.fund
    (row,), _at = sent(cycle)
    client, slug = holder_of(row), fund.business.slug
    here = reverse("rewards:claim", args=[row.pk])
    assert "It has arrived" in client.get(here).content.decode()
    wrong = client.post(reverse("rewards:complain", args=[row.pk]), {"problem": "", "note": "Kept <b>"})
    assert wrong.status_code == 422 and "Kept &lt;b&gt;" in wrong.content.decode()
    sent_form = {"problem": "damaged", "note": "Two are broken."}
    page = client.post(reverse("rewards:complain", args=[row.pk]), sent_form, follow=True).content.decode()
    assert "The business has been told" in page
    boss = owner(fund)
    assert f"Parcel {row.pk}: arrived damaged" in boss.get(reverse("rewards:season", args=[slug])).content.decode()
    batch = reverse("rewards:batch", args=[slug, row.parcel.batch_id])
    assert "Two are broken." in boss.get(batch).content.decode()
    act = reverse("rewards:parcel", args=[slug, row.parcel.batch_id, row.pk])
    boss.post(act, {"do": "answer", "note": "We send two with the next."})
    assert "We send two with the next." in client.get(here).content.decode()
    client.post(reverse("rewards:received", args=[row.pk]))
    row.refresh_from_db()
    assert row.state == "delivered"


# --- Who moved, and how long an address is kept --------------------------------------------------------------------


def test_an_investor_who_moved_after_the_claim_gets_it_where_they_said_or_say_it_anew() -> None:
    cycle = now_open(2, 3)
    row, other = build.row_of(cycle), build.row_of(cycle, 1)
    investor = row.holding.investor
    at = timezone.now()
    kept = addresses.save(investor, label="Home", address=build.HOME, actor=investor.user, at=at)
    for own in (row, other):
        build.claim(own, at=at)
    moved = {**build.HOME, "prefecture": "京都府", "city": "京都市左京区", "postal_code": "606-0001"}
    addresses.save(investor, label="Home", address=moved, actor=investor.user, at=at, pk=kept.pk)
    assert Parcel.objects.get(entitlement=row).address == build.HOME  # the snapshot stays
    client = holder_of(row)
    client.post(reverse("rewards:claim", args=[row.pk]), {"to": f"book-{kept.pk}"})
    assert Parcel.objects.get(entitlement=row).address["city"] == "京都市左京区"
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=at)
    client.post(reverse("rewards:claim", args=[row.pk]), {"to": "new", **build.HOME})
    assert Parcel.objects.get(entitlement=row).address["city"] == "京都市左京区"  # packed: it stays
    fulfilment.ship(batch, carrier="post", shipped_on=clock.today_in(None, at), actor=repay.staff(), at=at)
    fulfilment.report_problem(row.pk, problem="unknown", note="", actor=repay.staff(), at=at)
    assert build.claim(row, at=at, address=moved).state == "claimed"
    books_are_right()


def test_what_came_back_and_is_not_answered_keeps_no_address_for_ever() -> None:
    cycle = now_open(2)
    (row,), at = sent(cycle, days_ago=0)
    Parcel.objects.update(allergies="", card="")
    fulfilment.report_problem(row.pk, problem="unknown", note="", actor=repay.staff(), at=at)
    for days, kept in ((30, True), (31, False)):
        day = clock.today_in(None, at) + timedelta(days=days)
        cycles.deliver_due(on=day, at=make.at_noon(day))
        assert bool(Parcel.objects.get().address) is kept
    assert holder_of(row).get(reverse("rewards:claim", args=[row.pk])).status_code == 200
    assert build.claim(row, at=at).state == "claimed" and Parcel.objects.get().erased_at is None


# --- The board ----------------------------------------------------------------------------------------------------


def test_every_state_has_one_place_on_the_board_and_the_places_add_up() -> None:
    assert set(board.PLACES) == set(Entitlement.State.values)
    cycle = now_open(2, 3, 4, 5)
    at = timezone.now()
    first, second, third, _fourth = cycle.entitlements.select_related("holding__investor__user").order_by("pk")
    build.claim(first, at=at)
    build.claim(second, at=at, donee_id=build.make_donee().pk)
    fulfilment.pack(cycle, actor=repay.staff(), at=at, most=1)
    arrival.claims.decline(third.holding.investor, third.pk, actor=None, at=at)
    late = cycle.dispatch_by + timedelta(days=1)
    own = board.standings([cycle], on=late)[cycle.pk]
    assert (own.total, own.claimable, own.to_pack, own.packing, own.not_taken, own.late) == (4, 1, 1, 1, 1, 2)
    assert own.total == cycle.entitlements.count() == sum(getattr(own, place) for place in set(board.PLACES.values()))
    ((business, whole),) = board.by_business(on=late)
    assert (business, whole.late, whole.claimable) == (cycle.offer.fund.business, 2, 1)
    assert board.standings([cycle], on=cycle.dispatch_by)[cycle.pk].late == 0
    assert (
        browser(repay.owner(cycle.offer.fund))
        .get(reverse("rewards:season", args=[cycle.offer.fund.business.slug]))
        .status_code
        == 200
    )
