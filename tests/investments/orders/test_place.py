"""Placing an order: what a process has read of a fund, and what has changed since; units taken again."""

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from investments.models import Fund, Order, PersonBusiness
from investments.offerings import services as offerings
from investments.orders import reserve
from investments.orders import services as orders
from investments.payments import services as payments
from microfund.kernel import clock
from microfund.kernel.errors import DomainError
from tests import make

pytestmark = pytest.mark.django_db


def order_with(acceptances: list[Any], fund: Fund) -> Order:
    return orders.place_order(
        investor=make.make_investor(),
        fund=fund,
        units=1,
        method="card",
        form_token=uuid.uuid4(),
        acceptances=acceptances,
        answers={},
        language="en",
        at=timezone.now(),
    )


def amend(fund: Fund) -> None:
    risks = [*offerings.current_terms(fund).risks, {"en": "The quay may sink.", "ja": "岸壁が沈むおそれがあります。"}]
    offerings.amend_terms(fund, changes={"risks": risks}, actor=None, at=timezone.now(), reason="A survey")


def test_a_process_that_sold_before_the_terms_were_amended_sells_by_the_new_ones() -> None:
    fund = make.make_fund()
    order_with(make.make_acceptances(fund, at=timezone.now()), fund)
    # Another process amends: this one still holds what it read.
    amend(fund)
    made = [order_with(make.make_acceptances(fund, at=timezone.now()), fund) for _again in range(2)]
    assert [order.terms.version for order in made] == [2, 2]


def test_old_documents_are_refused_by_every_process_after_the_terms_were_amended() -> None:
    fund = make.make_fund()
    old = make.make_acceptances(fund, at=timezone.now())
    order_with(old, fund)
    amend(fund)
    for _process in ("stale", "fresh"):
        with pytest.raises(DomainError) as refused:
            order_with(old, fund)
        assert refused.value.code == "documents"


def test_an_order_is_one_call_once_the_process_has_read_the_fund() -> None:
    fund, investor = make.make_fund(), make.make_investor()
    accepted = make.make_acceptances(fund, at=timezone.now())
    order_with(accepted, fund)
    with CaptureQueriesContext(connection) as caught:
        orders.place_order(
            investor=investor,
            fund=fund,
            units=1,
            method="card",
            form_token=uuid.uuid4(),
            acceptances=accepted,
            answers={},
            language="en",
            at=timezone.now(),
        )
    statements = [query["sql"] for query in caught.captured_queries if "SAVEPOINT" not in query["sql"]]
    assert len(statements) == 1 and statements[0].startswith("CALL place_order"), statements


def test_units_taken_again_count_by_the_business_date_and_not_by_that_of_greenwich() -> None:
    """At half past midnight in Tokyo it is still yesterday in Greenwich, where the order would count once more."""
    fund = make.make_fund(on=date(2026, 7, 1))
    order = make.make_order(fund=fund, units=2, at=make.at_noon(date(2026, 7, 1)))
    payments.expire_due(on=date(2026, 7, 2), at=make.at_noon(date(2026, 7, 2)))
    order.refresh_from_db()
    at = clock.start_of_day(date(2026, 7, 10)) + timedelta(minutes=30)
    order.counts_until = date(2026, 7, 10)
    assert reserve.retake(order, limits=orders.limits_for(order.fund, at), at=at)
    assert order.counted is False
    assert PersonBusiness.objects.get(investor=order.investor).invested == 0
