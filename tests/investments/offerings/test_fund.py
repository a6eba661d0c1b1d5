"""A fund from its draft to its closing: what forbids opening, what is frozen, what may be amended."""

import hashlib
import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from investments.models import Document, FundCounter, Order, Terms
from investments.offerings import services as offerings
from investments.orders.services import place_order
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from microfund.kernel.notices.models import Notice
from microfund.kernel.outbox import services as outbox
from tests.make import PLAN, at_noon, make_acceptances, make_business, make_fund, make_investor, make_order, make_policy

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("terms", "dates", "says"),
    [
        ({"donation": 4_000, "uses": []}, {}, "must be equal"),
        ({"plan_revenue": PLAN[:9]}, {}, "one revenue figure"),
        ({"period_cap": [500]}, {}, "one figure for each period"),
        ({"risks": []}, {}, "risks are missing"),
        ({"units_offered": 20_000, "uses": []}, {}, "at most 99999999"),
        ({"uses": [{"en": "x", "ja": "x", "amount": 1}]}, {}, "does not add up"),
        ({}, {"days": 150}, "at most 150"),
    ],
)
def test_a_fund_that_breaks_a_rule_is_not_scheduled(terms: dict[str, Any], dates: dict[str, int], says: str) -> None:
    fund = make_fund(state="in_review", **terms)
    if dates:
        fund.closes_on = fund.opens_on + timedelta(days=dates["days"])
        fund.term_starts_on = fund.closes_on + timedelta(days=30)
        fund.save()
    with pytest.raises(DomainError, match=says):
        offerings.schedule(fund, actor="test", at=timezone.now())
    fund.refresh_from_db()
    assert fund.state == "in_review"


def test_a_business_offers_at_most_its_limit_within_twelve_months() -> None:
    business = make_business()
    make_fund(business=business, units_offered=15_000)
    second = make_fund(business=business, state="in_review", units_offered=5_000)
    with pytest.raises(DomainError, match="within 12 months"):
        offerings.schedule(second, actor="test", at=timezone.now())


def test_opening_freezes_terms_policy_and_documents() -> None:
    fund = make_fund(units_offered=1_000)
    assert fund.policy is not None and fund.book is not None and fund.book.code == f"fund:{fund.pk}"
    counter = FundCounter.objects.get(pk=fund.pk)
    assert (counter.offered, counter.delayed_limit, counter.accepting) == (1_000, 200, True)
    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
        Terms.objects.filter(fund=fund).update(fee=0)
    documents = Document.objects.filter(fund=fund)
    assert documents.count() == 6
    for document in documents:
        assert hashlib.sha256(bytes(document.html)).hexdigest() == document.sha256
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE investments_document SET sha256 = ''")


def test_a_scheduled_fund_opens_on_its_date_and_not_before() -> None:
    fund = make_fund(state="scheduled")
    with pytest.raises(DomainError) as refused:
        offerings.open_fund(fund, at=at_noon(fund.opens_on - timedelta(days=1)))
    assert refused.value.code == "too_early"
    assert offerings.open_due(on=fund.opens_on, at=at_noon(fund.opens_on)) == {"opened": 1, "errors": 0}


def test_a_fund_whose_closing_date_has_passed_does_not_open_any_more() -> None:
    fund = make_fund(state="scheduled")
    end = clock.start_of_day(fund.closes_on + timedelta(days=1))
    with pytest.raises(DomainError, match="needs new dates"):
        offerings.open_fund(fund, at=end)
    # The sweep leaves it to staff, who see it in a queue and send it back.
    assert offerings.open_due(on=fund.closes_on + timedelta(days=1), at=end) == {"opened": 0, "errors": 0}
    fund.refresh_from_db()
    assert fund.state == "scheduled"
    assert offerings.open_due(on=fund.closes_on, at=end - timedelta(microseconds=1))["opened"] == 1


def test_a_fund_whose_closing_date_has_passed_is_not_scheduled() -> None:
    fund = make_fund(state="in_review")
    with pytest.raises(DomainError, match="needs new dates"):
        offerings.schedule(fund, actor="test", at=at_noon(fund.closes_on + timedelta(days=1)))


def test_a_fund_that_opens_late_freezes_the_policy_of_that_day() -> None:
    fund = make_fund(state="scheduled")
    newer = make_policy(effective_from=fund.opens_on + timedelta(days=1), units_per_person=7)
    late = offerings.open_fund(fund, at=at_noon(fund.opens_on + timedelta(days=2)))
    assert late.policy == newer


def test_the_limits_of_a_business_are_those_of_the_day_on_which_its_fund_opens() -> None:
    fund = make_fund(state="scheduled")
    make_policy(effective_from=fund.opens_on + timedelta(days=1), investment_per_business=14_999_999)
    with pytest.raises(DomainError, match="at most 14999999"):
        offerings.open_fund(fund, at=at_noon(fund.opens_on + timedelta(days=2)))


def test_a_fund_of_more_than_a_year_ago_no_longer_counts_on_the_day_of_a_late_opening() -> None:
    """Twelve months are counted back from the act: what was too much on the first day may be allowed later."""
    business = make_business()
    older = make_fund(business=business, units_offered=15_000, on=date(2026, 7, 1))
    opened_on = clock.today_in(None, older.opened_at)
    fund = make_fund(
        business=business,
        state="in_review",
        units_offered=15_000,
        opens_on=clock.add_months(opened_on, 12) - timedelta(days=3),
    )
    with pytest.raises(DomainError, match="within 12 months"):
        offerings.schedule(fund, actor="test", at=at_noon(fund.opens_on))
    offerings.schedule(fund, actor="test", at=at_noon(fund.opens_on + timedelta(days=3)))
    assert offerings.open_fund(fund, at=at_noon(fund.opens_on + timedelta(days=3))).state == "open"


def test_nothing_is_sold_from_the_closing_instant_on() -> None:
    fund = make_fund()
    end = fund.counter.closes_at
    assert offerings.close_due(on=fund.closes_on, at=end - timedelta(microseconds=1))["closed"] == 0
    with pytest.raises(DomainError):
        make_order(fund=fund, method="card", at=end)
    assert offerings.close_due(on=fund.closes_on, at=end)["closed"] == 1
    fund.counter.refresh_from_db()
    assert fund.counter.accepting is False


def test_amended_terms_are_a_new_version_that_buyers_must_accept_and_holders_hear_of() -> None:
    fund = make_fund()
    order = make_order(fund=fund, method="bank_transfer")
    old = make_acceptances(fund, at=timezone.now())
    risks = [*offerings.current_terms(fund).risks, {"en": "The quay may sink.", "ja": "岸壁が沈むおそれがあります。"}]
    new = offerings.amend_terms(fund, changes={"risks": risks}, actor=None, at=timezone.now(), reason="A survey")
    assert (new.version, new.fee, len(new.risks)) == (2, 500, 3)
    with pytest.raises(DomainError) as refused:
        make_order_with(old, fund)
    assert refused.value.code == "documents"
    assert make_order_with(make_acceptances(fund, at=timezone.now()), fund).terms_id == new.pk
    assert Order.objects.get(pk=order.pk).terms.version == 1
    for _round in range(3):
        outbox.dispatch()
    notice = Notice.objects.get(kind="terms_amended", user=order.investor.user)
    assert "A survey" in notice.text and "number 2" in notice.text


def make_order_with(acceptances: list[Any], fund: Any) -> Order:
    return place_order(
        investor=make_investor(),
        fund=fund,
        units=1,
        method="card",
        form_token=uuid.uuid4(),
        acceptances=acceptances,
        answers={},
        language="en",
        at=timezone.now(),
    )


@pytest.mark.parametrize("changes", [{"fee": 0}, {"rate_before_recoup": "0.5"}, {}])
def test_the_money_of_a_unit_is_never_amended(changes: dict[str, Any]) -> None:
    fund = make_fund()
    with pytest.raises(DomainError) as refused:
        offerings.amend_terms(fund, changes=changes, actor=None, at=timezone.now(), reason="Why")
    assert refused.value.code == "not_amendable"
