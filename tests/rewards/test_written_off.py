"""What a business never pays instead of a reward: given up by two people, journaled, told to both."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from investments.ledger import post as ledger
from microfund.site import closing
from rewards import compensation, queries
from rewards.models import Compensation
from tests import make, repay
from tests.investments.test_mails import both_parts_say, check, mails_of
from tests.repay import books_are_right
from tests.rewards import build
from tests.rewards.test_pages import browser, now_open
from tests.rewards.test_settled_otherwise import approved, refused
from tests.site.staff import act_of, console, do, make_staff, page_of

pytestmark = pytest.mark.django_db


def owed() -> tuple[Compensation, datetime]:
    """Money that a business should have paid yesterday, and noon of today."""
    made = approved(build.row_of(now_open(2)))
    assert made.due_on is not None
    return made, make.at_noon(made.due_on + timedelta(days=1))


def propose(made: Compensation, at: datetime, reason: str = "The business was closed.") -> Compensation:
    return compensation.propose_loss(made, actor=repay.staff(), at=at, reason=reason)


def test_two_people_give_it_up_and_the_holder_and_the_business_read_why() -> None:
    made, at = owed()
    fund = made.entitlement.holding.fund
    repay.owner(fund)
    refused("too_early", lambda: propose(made, make.at_noon(made.due_on)))  # type: ignore[arg-type]
    refused("reason_needed", lambda: propose(made, at, " "))
    checker = repay.staff("checker")
    refused("wrong_state", lambda: compensation.approve_loss(made, actor=checker, at=at))
    propose(made, at)
    refused("under_way", lambda: propose(made, at))
    refused("same_person", lambda: compensation.approve_loss(made, actor=repay.staff(), at=at))
    lost = compensation.approve_loss(made, actor=checker, at=at)
    assert (lost.state, lost.lost_on) == ("lost", at.date())
    assert ledger.balance(fund.book_id, "compensations_payable") == 0
    assert ledger.balance(fund.book_id, "receivable_from_business") == 0
    assert not queries.owed_by([fund.business]).exists()
    books_are_right()
    refused("wrong_state", lambda: compensation.approve_loss(made, actor=checker, at=at))
    for kind in ("compensation_lost", "compensation_let_off"):
        found = mails_of(kind)
        assert len(found) == 1, kind
        check(found[0])
        both_parts_say(found[0], "3,000", "The business was closed.")
    row = made.entitlement
    page = browser(row.holding.investor.user).get(reverse("rewards:claim", args=[row.pk])).content.decode()
    assert "The business was closed." in page
    assert not [reason for reason in closing.blockers(row.holding.investor.user) if "Money instead" in reason]


def test_a_business_that_pays_meanwhile_has_paid() -> None:
    made, at = owed()
    propose(made, at)
    repay.receive({"amount": 3_000, "payer_code": made.payer_code, "payer_name": "ﾋﾉﾃﾞ"}, at=at)
    refused("wrong_state", lambda: compensation.approve_loss(made, actor=repay.staff("checker"), at=at))
    made.refresh_from_db()
    assert made.state == "funded"
    books_are_right()


def test_what_comes_after_it_was_given_up_stays_free() -> None:
    made, at = owed()
    propose(made, at)
    compensation.approve_loss(made, actor=repay.staff("checker"), at=at)
    repay.receive({"amount": 3_000, "payer_code": made.payer_code, "payer_name": "ﾋﾉﾃﾞ"}, at=at)
    assert Compensation.objects.get().state == "lost"
    books_are_right()


def test_a_proposal_is_withdrawn_and_the_business_owes_it_as_before() -> None:
    made, at = owed()
    propose(made, at)
    compensation.withdraw_loss(made, actor=repay.staff("checker"), at=at, reason="They found a buyer.")
    refused("wrong_state", lambda: compensation.withdraw_loss(made, actor=repay.staff(), at=at, reason="x"))
    assert queries.owed_by([made.entitlement.holding.fund.business]).get() == made
    assert propose(made, at).loss_reason == "The business was closed."


@pytest.mark.django_db(transaction=True)
def test_the_database_keeps_that_two_people_gave_it_up() -> None:
    made, at = owed()
    propose(made, at)
    own = Compensation.objects.filter(pk=made.pk)
    for change in (
        {"state": "lost"},
        {"state": "lost", "loss_checker": made.loss_maker_id or repay.staff().pk, "lost_on": at.date()},
        {"state": "lost", "loss_checker": repay.staff("checker"), "lost_on": at.date(), "loss_reason": "another"},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            own.update(**change)
    compensation.approve_loss(made, actor=repay.staff("checker"), at=at)
    for change in ({"state": "approved"}, {"loss_reason": "another"}, {"lost_on": at.date() + timedelta(days=1)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            own.update(**change)


def test_it_waits_in_queues_of_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    made, at = owed()
    maker, checker = console(make_staff("finance maker")), console(make_staff("finance checker"))
    assert act_of(made, "propose_loss") not in maker.get(page_of(made)).content.decode()
    monkeypatch.setattr(compensation.clock, "now", lambda: at)
    queue = reverse("admin:rewards_compensation_changelist")
    assert maker.get(queue, {"queue": "compensations_overdue"}).status_code == 200
    do(maker, made, "propose_loss", reason="The business was closed.", confirmed="1")
    assert act_of(made, "approve_loss") not in maker.get(page_of(made)).content.decode()
    do(checker, made, "approve_loss", reason="", confirmed="1")
    made.refresh_from_db()
    assert made.state == "lost"
