"""What staff change: where a reward goes, what is given instead, and money where nothing can be delivered."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from investments.banking import outgoing
from investments.ledger import post as ledger
from investments.models import Holding, OutgoingTransfer, StatementLine
from microfund.kernel.audit.models import AuditRow
from microfund.kernel.errors import DomainError
from rewards import claims, compensation, cycles, fulfilment, reassign
from rewards.claims import Choice
from rewards.models import Compensation, Cycle, Entitlement, Parcel
from tests import make, repay
from tests.investments.test_mails import both_parts_say, check, deliver, mails_of
from tests.repay import books_are_right
from tests.rewards import build
from tests.rewards.test_pages import browser, now_open
from tests.site.staff import act_of, console, do, make_staff, page_of

pytestmark = pytest.mark.django_db


def refused(code: str, act: Any) -> None:
    with pytest.raises(DomainError) as error:
        act()
    assert error.value.code == code


def returned(cycle: Cycle, number: int = 0) -> tuple[Entitlement, datetime]:
    """A parcel that came back."""
    row = build.row_of(cycle, number)
    at = timezone.now()
    build.claim(row, at=at)
    over = build.after_closing(cycle)
    cycles.close_due(on=over.date(), at=over)
    batch = fulfilment.pack(cycle, actor=repay.staff(), at=over)
    fulfilment.ship(batch, carrier="yamato", shipped_on=over.date(), actor=repay.staff(), at=over)
    row = fulfilment.report_problem(row.pk, problem="lost", note="", actor=repay.staff(), at=over)
    return row, over


def propose(row: Entitlement, amount: int = 3_000, *, at: datetime | None = None) -> Compensation:
    return compensation.prepare(
        row, amount=amount, actor=repay.staff(), at=at or timezone.now(), reason="The rafts were lost in the storm."
    )


def approved(row: Entitlement, amount: int = 3_000, *, at: datetime | None = None) -> Compensation:
    made = propose(row, amount, at=at)
    return compensation.approve(made, actor=repay.staff("checker"), at=at or timezone.now())


def promised(cycle: Cycle) -> int:
    cycle.refresh_from_db()
    return cycle.promised


# --- Where it goes --------------------------------------------------------------------------------------------


def test_staff_send_a_claimed_reward_elsewhere_and_the_holder_reads_why() -> None:
    cycle = now_open(2, stock=1)
    row = build.claim(build.row_of(cycle), at=timezone.now())
    staff = repay.staff()
    other = {**build.HOME, "prefecture": "東京都", "city": "千代田区"}
    row = reassign.redirect(row.pk, Choice(address=other), actor=staff, at=timezone.now(), reason="She has moved.")
    assert Parcel.objects.get().address["city"] == "千代田区" and row.note == "She has moved."
    trail = AuditRow.objects.get(action="rewards.Entitlement.redirected")
    assert trail.reason == "She has moved." and "千代田区" not in str(trail.changes)
    place = build.make_donee()
    row = reassign.redirect(row.pk, Choice(donee_id=place.pk), actor=staff, at=timezone.now(), reason="As she asked.")
    assert row.state == "passed_on" and promised(cycle) == 1
    refused("reason_needed", lambda: reassign.redirect(row.pk, Choice(), actor=staff, at=timezone.now(), reason=" "))
    deliver()
    mails = mails_of("reward_reassigned")
    assert len(mails) == 2
    check(mails[0])
    both_parts_say(mails[0], "She has moved.")
    books_are_right()


def test_a_parcel_leaves_its_batch_and_goes_with_the_next() -> None:
    cycle, at = build.opened(1, 1)
    for number in range(2):
        build.claim(build.row_of(cycle, number), at=at)
    over = build.after_closing(cycle)
    cycles.close_due(on=over.date(), at=over)
    first = fulfilment.pack(cycle, actor=repay.staff(), at=over)
    row = build.row_of(cycle)
    refused("wrong_state", lambda: reassign.redirect(row.pk, Choice(), actor=None, at=over, reason="x"))
    reassign.to_next_batch(row.pk, actor=repay.staff(), at=over, reason="Away until May.")
    refused("wrong_state", lambda: reassign.to_next_batch(row.pk, actor=repay.staff(), at=over, reason="x"))
    second = fulfilment.pack(cycle, actor=repay.staff(), at=over)
    assert (first.parcels.count(), second.parcels.count()) == (1, 1)
    assert AuditRow.objects.filter(action="rewards.Entitlement.claimed", reason="Away until May.").exists()
    books_are_right()


# --- Something else -------------------------------------------------------------------------------------------


def another_season(cycle: Cycle, **offer: Any) -> Cycle:
    """An open season of another reward of the same fund."""
    given = {"text_en": "Dried seaweed", "text_ja": "乾燥わかめ", "value": 1_500, **offer}
    values = {"season_month": cycle.opens_on.month, "season_day": cycle.opens_on.day, "starts_on": cycle.opens_on}
    made = build.make_offer(cycle.offer.fund, **{**values, **given})
    build.open_cycles(timezone.now())
    return made.cycles.get()


def test_another_reward_of_the_same_value_is_given_and_no_stock_is_doubled() -> None:
    cycle = now_open(2, 3, stock=1)
    other = another_season(cycle, stock=2)
    row = build.claim(build.row_of(cycle), at=timezone.now())
    new = reassign.exchange(row.pk, other, actor=repay.staff(), at=timezone.now(), reason="No oysters this year.")
    row.refresh_from_db()
    assert (row.state, new.state, new.quantity, new.replaces_id) == ("moved", "claimed", 2, row.pk)
    assert (promised(cycle), promised(other)) == (0, 2)
    assert new.parcel.address == build.HOME and Parcel.objects.get(entitlement=row).address == {}
    waiting = build.row_of(cycle, 1)
    again = {"actor": repay.staff(), "at": timezone.now(), "reason": "x"}
    refused("out_of_stock", lambda: reassign.exchange(waiting.pk, other, **again))
    refused("wrong_state", lambda: reassign.exchange(row.pk, other, **again))
    refused("same", lambda: reassign.exchange(waiting.pk, cycle, **again))
    refused("fund", lambda: reassign.exchange(waiting.pk, now_open(1), **again))
    odd = another_season(cycle, value=2_000)
    refused("value", lambda: reassign.exchange(waiting.pk, odd, **again))
    page = browser(row.holding.investor.user).get(reverse("rewards:claim", args=[row.pk])).content.decode()
    assert "No oysters this year." in page and "Dried seaweed" in page
    deliver()
    both_parts_say(mails_of("reward_reassigned")[0], "Dried seaweed")
    books_are_right()


def test_what_was_sent_and_lost_stays_out_of_the_stock() -> None:
    cycle = now_open(2, 3, stock=2)
    other = another_season(cycle, value=3_000)
    row, over = returned(cycle)
    new = reassign.exchange(row.pk, other, actor=repay.staff(), at=over, reason="It was lost on the way.")
    assert new.state == "claimable" and promised(cycle) == 1 and promised(other) == 0
    # Claimed after everybody else's time, by its own last day.
    assert new.claim_by is not None and new.claim_by > other.closes_on
    build.claim(new, at=over)
    assert promised(other) == 1
    books_are_right()


def test_its_own_last_day_ends_it_like_any_other() -> None:
    cycle = now_open(2)
    other = another_season(cycle, value=3_000)
    row, over = returned(cycle)
    new = reassign.exchange(row.pk, other, actor=repay.staff(), at=over, reason="Lost.")
    cycles.close_due(on=over.date(), at=over)
    assert Entitlement.objects.get(pk=new.pk).state == "claimable"
    assert new.claim_by is not None
    late = make.at_noon(new.claim_by)
    cycles.close_due(on=late.date(), at=late)
    assert Entitlement.objects.get(pk=new.pk).state == "claimable"
    after = late + timedelta(days=1)
    with pytest.raises(DomainError) as closed:
        build.claim(new, at=after)
    assert closed.value.code == "closed"
    cycles.close_due(on=after.date(), at=after)
    assert Entitlement.objects.get(pk=new.pk).state == "expired"


@pytest.mark.django_db(transaction=True)
def test_the_database_refuses_what_is_worth_something_else() -> None:
    cycle = now_open(2)
    other = another_season(cycle, value=3_000)
    row = build.row_of(cycle)
    for quantity, state in ((2, "moved"), (1, "claimable")):
        with pytest.raises(IntegrityError), transaction.atomic():
            Entitlement.objects.filter(pk=row.pk).update(state=state)
            Entitlement.objects.create(cycle=other, holding=row.holding, quantity=quantity, replaces=row)


# --- Money ----------------------------------------------------------------------------------------------------


def test_money_instead_is_decided_by_two_owed_by_the_business_and_paid_out() -> None:
    cycle = now_open(2, stock=1)
    row = build.claim(build.row_of(cycle), at=timezone.now())
    fund = cycle.offer.fund
    repay.owner(fund)
    made = propose(row)
    refused("same_person", lambda: compensation.approve(made, actor=repay.staff(), at=timezone.now()))
    refused("under_way", lambda: propose(row))
    made = compensation.approve(made, actor=repay.staff("checker"), at=timezone.now())
    row.refresh_from_db()
    assert row.state == "compensated" and promised(cycle) == 0 and Parcel.objects.get().address == {}
    assert ledger.balance(fund.book_id, "compensations_payable") == 3_000
    assert ledger.balance(fund.book_id, "receivable_from_business") == 3_000
    books_are_right()
    refused("wrong_state", lambda: claims.decline(row.holding.investor, row.pk, actor=None, at=timezone.now()))
    refused("wrong_state", lambda: compensation.pay(made, actor=repay.staff(), at=timezone.now(), reason="x"))

    # Too little waits; enough is taken, and what is more stays free.
    at = timezone.now()
    repay.receive({"amount": 2_000, "payer_code": made.payer_code, "payer_name": "ﾋﾉﾃﾞ"}, at=at)
    assert Compensation.objects.get().state == "approved" and StatementLine.objects.latest("pk").problem == "short"
    repay.receive({"amount": 3_100, "payer_code": made.payer_code, "payer_name": "ﾋﾉﾃﾞ"}, at=at)
    made.refresh_from_db()
    line = StatementLine.objects.latest("pk")
    assert (made.state, line.free, line.problem) == ("funded", 100, "over")
    books_are_right()

    refused("same_person", lambda: outgoing.approve(prepared(made), actor=repay.staff(), at=timezone.now()))
    transfer = OutgoingTransfer.objects.get(target=f"compensation:{made.pk}")
    outgoing.approve(transfer, actor=repay.staff("checker"), at=timezone.now())
    today = compensation.clock.today_in(None, timezone.now())
    for _time in range(2):
        outgoing.record_sent(
            transfer, transferred_on=today, bank_reference="B-1", actor=repay.staff(), at=timezone.now()
        )
    made.refresh_from_db()
    assert (made.state, made.paid_on) == ("paid", today)
    assert ledger.balance(fund.book_id, "compensations_payable") == 0
    assert ledger.balance(fund.book_id, "receivable_from_business") == 0
    books_are_right()
    deliver()
    for kind in ("compensation_approved", "compensation_owed", "compensation_paid"):
        found = mails_of(kind)
        assert len(found) == 1, kind
        check(found[0])
        both_parts_say(found[0], "3,000")
    assert "The rafts were lost in the storm." in mails_of("compensation_approved")[0].text
    assert made.payer_code in mails_of("compensation_owed")[0].text
    page = browser(row.holding.investor.user).get(reverse("rewards:claim", args=[row.pk])).content.decode()
    assert "The rafts were lost in the storm." in page and "3,000" in page


def prepared(made: Compensation) -> OutgoingTransfer:
    return compensation.pay(made, actor=repay.staff(), at=timezone.now(), reason="As decided.")


def test_what_is_no_case_for_money_is_refused() -> None:
    cycle = now_open(2, 3, 4)
    one, two, three = (build.row_of(cycle, number) for number in range(3))
    for amount in (0, -1, 3_001):
        refused("amount", lambda amount=amount: propose(one, amount))
    refused(
        "reason_needed",
        lambda: compensation.prepare(one, amount=1, actor=repay.staff(), at=timezone.now(), reason=" "),
    )
    Holding.objects.filter(pk=three.holding_id).update(frozen_at=timezone.now())
    refused("frozen", lambda: propose(three))
    made = propose(one, 1_000)
    compensation.withdraw(made, actor=repay.staff(), at=timezone.now(), reason="A mistake.")
    assert Entitlement.objects.get(pk=one.pk).state == "claimable"
    approved(one)
    # Claimed and packed while the proposal waited: what is on its way is not paid as well.
    waits = propose(two)
    build.claim(two, at=timezone.now())
    over = build.after_closing(cycle)
    cycles.close_due(on=over.date(), at=over)
    fulfilment.pack(cycle, actor=repay.staff(), at=over)
    refused("wrong_state", lambda: compensation.approve(waits, actor=repay.staff("checker"), at=over))
    assert Compensation.objects.filter(state="approved").count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_database_keeps_what_two_people_decided() -> None:
    cycle = now_open(2)
    made = approved(build.row_of(cycle), 1_000)
    own = Compensation.objects.filter(pk=made.pk)
    for change in (
        {"amount": 999},
        {"value": 5_000},
        {"checker": made.maker_id},
        {"reason": "another"},
        {"state": "paid"},
        {"state": "prepared"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            own.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        own.delete()


@pytest.mark.django_db(transaction=True)
def test_two_who_approve_and_one_who_claims_end_in_one_of_both() -> None:
    cycle = now_open(2, stock=1)
    row = build.row_of(cycle)
    made, checkers = propose(row), [repay.staff("checker"), repay.staff("another")]
    ready, errors = threading.Barrier(3), []

    def run(act: Any) -> None:
        ready.wait()
        try:
            act()
        except DomainError as error:
            errors.append(error.code)
        finally:
            connection.close()

    acts = [
        *(lambda who=who: compensation.approve(made, actor=who, at=timezone.now()) for who in checkers),
        lambda: build.claim(row, at=timezone.now()),
    ]
    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    row.refresh_from_db()
    assert row.state == "compensated" and promised(cycle) == 0
    assert ledger.balance(cycle.offer.fund.book_id, "compensations_payable") == 3_000
    assert errors.count("wrong_state") in (1, 2)
    books_are_right()


def test_staff_do_all_of_it_in_the_console() -> None:
    cycle = now_open(2, 3, 4)
    other = another_season(cycle, value=3_000)
    support, maker = console(make_staff("support")), console(make_staff("finance maker"))
    checker = console(make_staff("finance checker"))
    one, two, three = (build.row_of(cycle, number) for number in range(3))
    build.claim(one, at=timezone.now())
    assert act_of(one, "redirect") in support.get(page_of(one)).content.decode()
    wrong = support.post(act_of(one, "redirect"), {**build.HOME, "prefecture": "", "reason": "Moved."})
    assert wrong.status_code == 200 and Parcel.objects.get(entitlement=one).address == build.HOME
    sent = support.post(act_of(one, "redirect"), {**build.HOME, "city": "名取市", "reason": "Moved."})
    assert sent.status_code == 302
    assert Parcel.objects.get(entitlement=one).address["city"] == "名取市"
    do(support, two, "exchange", season=other.pk, reason="Lost at sea.")
    assert Entitlement.objects.get(pk=two.pk).state == "moved"
    do(support, three, "compensate", amount=2_500, reason="Lost at sea.", confirmed="1")
    made = Compensation.objects.get()
    assert act_of(made, "approve") not in support.get(page_of(made)).content.decode()
    do(checker, made, "approve", reason="", confirmed="1")
    repay.receive({"amount": 2_500, "payer_name": "ﾋﾉﾃﾞ"}, at=timezone.now())
    do(maker, made, "received", receipt=StatementLine.objects.latest("pk").pk, reason="By name.", confirmed="1")
    do(maker, made, "pay", reason="As decided.", confirmed="1")
    assert OutgoingTransfer.objects.get().target == f"compensation:{made.pk}"
    page = support.get(page_of(three)).content.decode()
    assert "2,500" in page
    answer = support.post(act_of(cycle, "export"))
    assert answer["Content-Type"].startswith("text/csv")
    assert f"{three.pk},{three.holding.reference},1,compensated" in answer.content.decode()
    board = support.get(reverse("admin:rewards_cycle_changelist"))
    assert board.status_code == 200
    books_are_right()


def test_the_business_sees_what_it_owes_instead() -> None:
    cycle = now_open(2)
    made = approved(build.row_of(cycle))
    client = browser(repay.owner(cycle.offer.fund))
    slug = cycle.offer.fund.business.slug
    page = client.get(reverse("studio:payments", args=[slug])).content.decode()
    assert made.payer_code in page and "Instead of a reward" in page
    assert "Money instead" in client.get(reverse("rewards:season", args=[slug])).content.decode()
    assert "instead of a reward" in client.get(reverse("studio:business", args=[slug])).content.decode()
