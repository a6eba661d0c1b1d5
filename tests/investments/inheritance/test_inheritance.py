"""A death, and what becomes of the units: frozen, moved whole to heirs, paid on, with rewards and history."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from investments.holdings import services as holdings
from investments.inheritance import services
from investments.inheritance.queries import inherited_by
from investments.models import Acceptance, Fund, Holding, Inheritance, InheritanceShare, Investor, Movement, Payout
from investments.payments import refund
from investments.payouts import outcome
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.outbox import services as outbox
from microfund.site import own_holdings
from rewards import claims, cycles, fulfilment, heirs
from rewards.models import Cycle, Entitlement
from tests import make, repay
from tests.investments.test_mails import both_parts_say, check, deliver, mails_of
from tests.repay import books_are_right
from tests.rewards import build
from tests.rewards.test_pages import now_open
from tests.site.staff import act_of, console, do, make_staff, page_of

pytestmark = pytest.mark.django_db


def refused(code: str, act: Any) -> None:
    with pytest.raises(DomainError) as error:
        act()
    assert error.value.code == code


def of(fund: Fund) -> list[Holding]:
    return list(Holding.objects.filter(fund=fund).select_related("investor__user", "fund").order_by("pk"))


def died(holding: Holding, *, at: datetime) -> Investor:
    return services.record_death(
        holding.investor, died_on=clock.today_in(None, at), actor=repay.staff(), at=at, reason="Family register."
    )


def proposed(holding: Holding, shares: dict[Investor, int], *, payee: Investor, at: datetime) -> Inheritance:
    return services.prepare(
        holding,
        shares={heir.pk: units for heir, units in shares.items()},
        payee_id=payee.pk,
        actor=repay.staff(),
        at=at,
        reason="By the agreement of the heirs.",
    )


def inherited(holding: Holding, shares: dict[Investor, int], *, payee: Investor, at: datetime) -> Inheritance:
    row = proposed(holding, shares, payee=payee, at=at)
    return services.approve(row, actor=repay.staff("checker"), at=at)


def units(fund: Fund) -> dict[int, int]:
    return dict(Holding.objects.filter(fund=fund).values_list("investor", "units"))


def gross(payout: Payout | None) -> int:
    return payout.gross if payout else 0


def test_units_move_with_their_history_and_the_heir_who_was_named_gets_what_is_open() -> None:
    fund = repay.operating(5, 3)
    first, second = of(fund)
    third = repay.holder("スズキ ユイ", at=make.at_noon(repay.BOUGHT_ON))
    paid = repay.whole_period(fund, 1, 27_900_000)
    at = repay.after(paid.period, 40)
    died(first, at=at)
    first.refresh_from_db()
    assert (
        first.frozen_at is not None
        and not first.investor.user.__class__.objects.get(pk=first.investor.user_id).is_active
    )
    # The next period accrues for the deceased, who is not paid; the others are.
    repay.report(fund, 2, 30_000_000)
    made = repay.distribute(fund, 2)
    repay.pay_in(made)
    run = repay.send_run(at=repay.after(made.period, 30))
    assert run.payments == 1 and run.payouts.get().investor == second.investor
    repay.settle(run)
    books_are_right()

    # Period 3 has ended: its record date is that of the deceased, though the units move before it is calculated.
    repay.report(fund, 3, 30_000_000)
    moved_at = repay.after(repay.period(fund, 3), 15)
    row = inherited(first, {second.investor: 2, third: 3}, payee=third, at=moved_at)
    assert units(fund) == {first.investor_id: 0, second.investor_id: 5, third.pk: 3}
    assert sum(Movement.objects.filter(kind="inherit").values_list("units", flat=True)) == 0
    books_are_right()
    late = repay.distribute(fund, 3, at=moved_at + timedelta(days=1))
    assert late.allocations.get(holding=first).units == 5 and late.units == 8
    repay.pay_in(late, at=moved_at + timedelta(days=10))
    run = repay.send_run(at=moved_at + timedelta(days=20))
    # What both periods pay for the deceased's five units goes to the third, what is the second's own to the second.
    owed = {line.distribution_id: line.gross for line in first.allocations.filter(distribution__in=[made, late])}
    assert gross(run.payouts.get(investor=third)) == sum(owed.values()) == 5 * (made.per_unit + late.per_unit)
    assert gross(run.payouts.get(investor=second.investor)) == 3 * late.per_unit
    repay.settle(run)
    books_are_right()

    # From the next record date on they are the heirs', and only what is left of the investment is principal.
    next_one = repay.whole_period(fund, 4, 30_000_000)
    by_heir = {line.holding.investor_id: line for line in next_one.allocations.select_related("holding")}
    assert {pk: line.units for pk, line in by_heir.items()} == {second.investor_id: 5, third.pk: 3}
    assert all(line.principal == line.units * next_one.principal_per_unit for line in by_heir.values())
    books_are_right()

    came = inherited_by(third)[0]
    before = paid.per_unit + made.per_unit + late.per_unit
    assert (came.units, came.moved_on, came.before) == (3, row.moved_on, 3 * before)
    assert came.claims == 5 * (made.per_unit + late.per_unit)
    own = own_holdings.totals(third)
    assert own.invested == 3 * 5_000 and own.donated == 0
    assert own.received == came.claims + by_heir[third.pk].gross
    so_far = paid.principal_per_unit + made.principal_per_unit + late.principal_per_unit
    assert own.outstanding == 3 * (5_000 - so_far - next_one.principal_per_unit)
    both = own_holdings.totals(second.investor)
    assert both.invested == 5 * 5_000 and both.outstanding == 5 * (5_000 - so_far - next_one.principal_per_unit)


def test_what_came_back_from_the_bank_goes_to_the_heir_too() -> None:
    fund = repay.operating(5)
    (only,) = of(fund)
    repay.report(fund, 1, 27_900_000)
    made = repay.distribute(fund, 1)
    repay.pay_in(made)
    run = repay.send_run(at=repay.after(made.period, 30))
    at = repay.settle(run)
    died(only, at=at)
    outcome.record_return(run.attempts.get(), returned_on=clock.today_in(None, at), actor=repay.staff(), at=at)
    heir = repay.holder("スズキ ユイ", at=at)
    inherited(only, {heir: 5}, payee=heir, at=at)
    again = repay.send_run(at=at + timedelta(days=1))
    attempt = again.attempts.get()
    assert attempt.payout.investor == only.investor and attempt.account.investor == heir
    repay.settle(again)
    books_are_right()


def test_heirs_read_where_their_units_come_from(client: Client) -> None:
    fund = repay.operating(5, 3)
    first, second = of(fund)
    heir = repay.holder("スズキ ユイ", at=make.at_noon(repay.BOUGHT_ON))
    made = repay.whole_period(fund, 1, 27_900_000)
    at = repay.after(made.period, 40)
    died(first, at=at)
    inherited(first, {heir: 3, second.investor: 2}, payee=heir, at=at)
    mine = Holding.objects.get(investor=heir)
    client.force_login(heir.user)
    for name in ("holding", "holding_sheet"):
        page = client.get(reverse(name, args=[mine.reference])).content.decode()
        assert "Inherited units" in page and "15,000" in page, name
        assert "as the heirs agreed" in page
    page = client.get(reverse("holdings")).content.decode()
    assert mine.reference in page and "15,000" in page
    assert client.get(reverse("holding", args=[first.reference])).status_code == 404
    repay.whole_period(fund, 2, 200_000_000)
    assert client.get(reverse("holding_statement", args=[mine.reference])).status_code == 200
    client.force_login(second.investor.user)
    page = client.get(reverse("holding", args=[second.reference])).content.decode()
    assert "2 units came to you by inheritance" in page and "as the heirs agreed" not in page


def test_each_heir_gets_one_mail_and_the_deceased_none() -> None:
    fund = repay.operating(5)
    (only,) = of(fund)
    at = timezone.now()
    heir = repay.holder("スズキ ユイ", at=at)
    other = repay.holder("ヤマダ ケン", at=at)
    died(only, at=at)
    inherited(only, {heir: 2, other: 3}, payee=heir, at=at)
    deliver()
    mails = mails_of("units_inherited")
    assert len(mails) == 2
    check(mails[0])
    both_parts_say(mails[0], "paid to you", "2")
    both_parts_say(mails[1], "named for it")
    books_are_right()


def test_heirs_without_an_order_read_the_documents_that_bind_their_units(client: Client) -> None:
    """Also those whose units had been inherited before."""
    fund = repay.operating(5)
    (first,) = of(fund)
    at = make.at_noon(repay.BOUGHT_ON)
    heir, grandchild, stranger = (repay.holder(kana, at=at) for kana in ("スズキ ユイ", "スズキ レン", "タナカ ケン"))
    died(first, at=(moved_at := repay.after(repay.period(fund, 1), 40)))
    inherited(first, {heir: 5}, payee=heir, at=moved_at)
    accepted = [row.document for row in Acceptance.objects.filter(order__investor=first.investor)]
    order = first.investor.orders.get()

    def papers(reader: Investor) -> str:
        client.force_login(reader.user)
        page = client.get(reverse("my_documents")).content.decode()
        assert order.reference not in page and first.investor.name not in page
        return page

    def all_there(reader: Investor) -> bool:
        own = Holding.objects.get(investor=reader)
        pages = [papers(reader), client.get(reverse("holding", args=[own.reference])).content.decode()]
        opened = client.get(reverse("own_document", args=[accepted[0].pk]))
        return opened.status_code == 302 and all(row.sha256 in page for row in accepted for page in pages)

    assert accepted and all_there(heir) and "Of the units that you inherited" in papers(heir)
    second = Holding.objects.get(investor=heir)
    died(second, at=(later := moved_at + timedelta(days=30)))
    inherited(second, {grandchild: 5}, payee=grandchild, at=later)
    assert all_there(grandchild)
    assert not any(row.sha256 in papers(stranger) for row in accepted)
    assert client.get(reverse("own_document", args=[accepted[0].pk])).status_code == 404


def test_what_is_no_inheritance_is_refused() -> None:
    at = timezone.now()
    fund = repay.operating(5, 3)
    first, second = of(fund)
    heir = repay.holder("スズキ ユイ", at=at)
    unverified = make.make_investor(verified=False)
    refused("not_recorded", lambda: proposed(first, {heir: 5}, payee=heir, at=at))
    refused(
        "future",
        lambda: services.record_death(
            first.investor, died_on=clock.today_in(None, at) + timedelta(days=1), actor=None, at=at, reason="x"
        ),
    )
    died(first, at=at)
    refused("recorded", lambda: died(first, at=at))
    refused("heir", lambda: proposed(first, {unverified: 5}, payee=unverified, at=at))
    refused("heir", lambda: proposed(first, {first.investor: 5}, payee=first.investor, at=at))
    for shares in ({heir: 4}, {heir: 6}, {heir: 5, second.investor: 0}, {}):
        refused("units", lambda shares=shares: proposed(first, shares, payee=heir, at=at))
    refused("payee", lambda: proposed(first, {heir: 5}, payee=second.investor, at=at))
    row = proposed(first, {heir: 5}, payee=heir, at=at)
    refused("under_way", lambda: proposed(first, {heir: 5}, payee=heir, at=at))
    refused("same_person", lambda: services.approve(row, actor=repay.staff(), at=at))
    refused("under_way", lambda: services.undo_death(first.investor, actor=repay.staff(), at=at, reason="x"))
    services.withdraw(row, actor=repay.staff(), at=at, reason="Another will was found.")
    again = proposed(first, {heir: 5}, payee=heir, at=at)
    Investor.objects.filter(pk=heir.pk).update(identity_state="rejected")
    refused("heir", lambda: services.approve(again, actor=repay.staff("checker"), at=at))
    services.withdraw(again, actor=repay.staff(), at=at, reason="No heir.")
    services.undo_death(first.investor, actor=repay.staff(), at=at, reason="Another person of that name.")
    first.refresh_from_db()
    assert first.frozen_at is None and Investor.objects.get(pk=first.investor_id).user.is_active
    books_are_right()


def test_an_open_order_is_settled_first_and_moved_units_are_never_taken_back() -> None:
    at = timezone.now()
    fund = repay.operating(5)
    (only,) = of(fund)
    heir = repay.holder("スズキ ユイ", at=at)
    order = only.investor.orders.get()
    died(only, at=at)
    order.__class__.objects.filter(pk=order.pk).update(frozen_at=at)
    refused("order_open", lambda: proposed(only, {heir: 5}, payee=heir, at=at))
    order.__class__.objects.filter(pk=order.pk).update(frozen_at=None)
    inherited(only, {heir: 5}, payee=heir, at=at)
    assert holdings.inherited_away(investor_id=only.investor_id, fund_id=fund.pk)
    with transaction.atomic():
        refused("inherited", lambda: refund.rescind(order, at=at))
    # Nobody's limits stand in the way, and no counter of orders moves.
    assert units(fund)[heir.pk] == 5
    books_are_right()


def test_staff_record_propose_and_approve_in_the_console() -> None:
    at = timezone.now()
    fund = repay.operating(5)
    (only,) = of(fund)
    heir, other = repay.holder("スズキ ユイ", at=at), repay.holder("ヤマダ ケン", at=at)
    support, checker = console(make_staff("support")), console(make_staff("finance checker"))
    do(support, only.investor, "died", died_on="2026-01-05", reason="Family register.")
    assert act_of(only, "inherit") in support.get(page_of(only)).content.decode()
    wrong = do(support, only, "inherit", shares="nobody@example.com 5", payee=heir.user.email)
    assert "Nobody of this address" in wrong
    wrong = do(support, only, "inherit", shares="five units", payee=heir.user.email)
    assert "is not an address and a number of units" in wrong
    lines = f"{heir.user.email} 2\n{other.user.email} 3"
    do(support, only, "inherit", shares=lines, payee=heir.user.email)
    row = Inheritance.objects.get()
    assert act_of(row, "approve") not in support.get(page_of(row)).content.decode()
    do(checker, row, "approve")
    assert units(fund) == {only.investor_id: 0, heir.pk: 2, other.pk: 3}
    assert other.name in support.get(page_of(row)).content.decode()
    books_are_right()


# --- The database ---------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_database_keeps_what_was_decided_and_units_come_to_nothing() -> None:
    at = timezone.now()
    fund = repay.operating(5)
    (only,) = of(fund)
    heir = repay.holder("スズキ ユイ", at=at)
    died(only, at=at)
    row = proposed(only, {heir: 5}, payee=heir, at=at)
    with pytest.raises(IntegrityError), transaction.atomic():
        Inheritance.objects.filter(pk=row.pk).update(units=4)
    with pytest.raises(IntegrityError), transaction.atomic():
        holdings.record_movement(
            investor_id=only.investor_id,
            fund_id=fund.pk,
            kind="inherit",
            units=-1,
            source="inheritance:0",
            on=at.date(),
            at=at,
        )
    services.approve(row, actor=repay.staff("checker"), at=at)
    for act in (
        lambda: Inheritance.objects.filter(pk=row.pk).update(state="withdrawn"),
        lambda: Inheritance.objects.filter(pk=row.pk).delete(),
        lambda: InheritanceShare.objects.create(inheritance=row, heir=only.investor, units=1),
        lambda: Holding.objects.filter(pk=only.pk).update(paid_to=None),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            act()


@pytest.mark.django_db(transaction=True)
def test_two_who_approve_at_once_move_the_units_once() -> None:
    at = timezone.now()
    fund = repay.operating(5)
    (only,) = of(fund)
    heir = repay.holder("スズキ ユイ", at=at)
    died(only, at=at)
    row, checkers = proposed(only, {heir: 5}, payee=heir, at=at), [repay.staff("checker"), repay.staff("another")]
    ready, errors = threading.Barrier(2), []

    def run(who: Any) -> None:
        ready.wait()
        try:
            services.approve(Inheritance.objects.get(pk=row.pk), actor=who, at=at)
        except DomainError as error:
            errors.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(who,)) for who in checkers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == ["wrong_state"] and units(fund) == {only.investor_id: 0, heir.pk: 5}
    books_are_right()


# --- Rewards --------------------------------------------------------------------------------------------------


@given(st.integers(1, 500), st.lists(st.integers(1, 60), min_size=1, max_size=8))
def test_items_are_shared_out_whole_and_nobody_is_passed_over(quantity: int, parts: list[int]) -> None:
    found = heirs.shared_out(quantity, parts)
    assert sum(found) == quantity
    for got, own in zip(found, parts, strict=True):
        assert abs(got - quantity * own / sum(parts)) < 1


def follow(row: Inheritance) -> None:
    outbox.dispatch()
    deliver()


def test_open_entitlements_follow_the_units_and_no_more_is_promised() -> None:
    at = timezone.now()
    cycle = now_open(5, 3, per_units=1, stock=8)
    fund = cycle.offer.fund
    first, second = of(fund)
    heir = repay.holder("スズキ ユイ", at=at)
    build.claim(build.row_of(cycle, 0), at=at)
    assert Cycle.objects.get(pk=cycle.pk).promised == 5
    died(first, at=at)
    with pytest.raises(DomainError):
        claims.claim(first.investor, build.row_of(cycle).pk, claims.Choice(address=build.HOME), actor=None, at=at)
    row = inherited(first, {second.investor: 2, heir: 3}, payee=heir, at=at)
    for _time in range(2):
        follow(row)
    old = build.row_of(cycle)
    made = {own.holding.investor_id: own.quantity for own in old.replaced_by.all()}
    assert old.state == "moved" and made == {second.investor_id: 2, heir.pk: 3}
    assert Cycle.objects.get(pk=cycle.pk).promised == 0 and old.parcel.address == {}
    assert len(mails_of("rewards_inherited")) == 2
    # Second has an entitlement of their own beside it.
    assert Entitlement.objects.filter(cycle=cycle, holding=second).count() == 2
    books_are_right()
    over = build.after_closing(cycle)
    cycles.close_due(on=over.date(), at=over)
    mine = old.replaced_by.get(holding__investor=heir)
    assert mine.state == "claimable" and mine.claim_by is not None
    build.claim(mine, at=make.at_noon(mine.claim_by))
    assert Cycle.objects.get(pk=cycle.pk).promised == 3
    books_are_right()


def test_what_comes_back_after_the_units_have_moved_is_the_heirs() -> None:
    at = timezone.now()
    cycle = now_open(5, 3)
    first, second = of(cycle.offer.fund)
    build.claim(build.row_of(cycle), at=at)
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=at)
    fulfilment.ship(batch, carrier="post", shipped_on=clock.today_in(None, at), actor=repay.staff(), at=at)
    died(first, at=at)
    follow(inherited(first, {second.investor: 5}, payee=second.investor, at=at))
    old = build.row_of(cycle)
    assert old.state == "shipped"
    fulfilment.report_problem(old.pk, problem="unknown", note="", actor=repay.staff(), at=at)
    deliver()
    old.refresh_from_db()
    assert old.state == "moved" and old.replaced_by.get().holding == second
    assert len(mails_of("rewards_inherited")) == 1 and not mails_of("reward_problem")
    books_are_right()


def test_a_season_that_opens_late_gives_the_heirs_what_its_record_date_made() -> None:
    fund = repay.operating(4, 3)
    first, second = of(fund)
    offer = build.make_offer(fund)
    opens = build.first_day(fund)
    heir = repay.holder("スズキ ユイ", at=opens)
    died(first, at=opens)
    inherited(first, {second.investor: 1, heir: 3}, payee=heir, at=opens)
    build.open_cycles(opens + timedelta(days=3))
    cycle = offer.cycles.get()
    old = Entitlement.objects.get(holding=first)
    # One item for one holding: it goes to whoever got most.
    assert old.state == "moved" and old.replaced_by.get().holding.investor == heir
    assert Entitlement.objects.filter(cycle=cycle, state="claimable").count() == 2
    books_are_right()


def test_what_is_carried_comes_to_the_heirs_with_the_next() -> None:
    cycle, at = build.opened(4, 3, unclaimed="carry")
    fund = cycle.offer.fund
    first, second = of(fund)
    over = build.after_closing(cycle)
    cycles.close_due(on=over.date(), at=over)
    died(first, at=over)
    row = inherited(first, {second.investor: 4}, payee=second.investor, at=over)
    heirs.follow(row, at=over)
    assert Entitlement.objects.get(holding=first).state == "moved"
    build.open_cycles(build.first_day(fund, 1))
    newest = Entitlement.objects.filter(cycle__number__gt=cycle.number).get()
    # One of this year, one carried of one's own and one carried of the deceased.
    assert (newest.holding, newest.quantity) == (second, 3)
    books_are_right()
