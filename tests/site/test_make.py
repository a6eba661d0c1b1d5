"""The builders themselves: what they say they make is what the services made."""

import pytest

from investments.offerings.models import Document, Fund
from investments.policy.models import PolicyProfile
from tests import clean, make

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("state", ["draft", "in_review", "scheduled", "open"])
def test_a_fund_is_brought_to_the_state_asked_for(state: str) -> None:
    assert Fund.objects.get(pk=make.make_fund(state=state).pk).state == state


def test_an_open_fund_has_a_counter_a_book_frozen_terms_and_documents_in_both_languages() -> None:
    fund = make.make_fund(units_offered=120)
    assert (fund.counter.offered, fund.counter.accepting) == (120, True)
    assert fund.book_id
    assert fund.terms.get().frozen_at
    assert Document.objects.filter(fund=fund).count() == 6


def test_a_policy_with_other_limits_is_taken_by_the_next_fund() -> None:
    make.make_policy(units_per_order=7)
    assert make.make_fund().policy.units_per_order == 7


def test_an_investor_can_log_in(client) -> None:
    investor = make.make_investor()
    assert client.login(email=investor.user.email, password=make.PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_the_baseline_is_back_after_a_test_that_commits() -> None:
    assert PolicyProfile.objects.exists()
    before = dict(PolicyProfile.objects.values_list("pk", "version"))
    make.make_policy(units_per_order=7)
    clean.put_back()
    assert dict(PolicyProfile.objects.values_list("pk", "version")) == before
